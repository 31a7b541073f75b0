"""
A boto3 session whose credentials refresh themselves.
"""

from __future__ import annotations

import datetime as dt
import weakref

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import botocore.session

from .._botocore.credentials import RejectionHandler, SessionCredentials
from .._botocore.sdk_classes import BotoSession
from .._botocore.sessions import like
from .._closing import Closing
from .._core.credentials import TemporaryCredentials
from .._core.events import RefreshHook
from .._core.refresher import Refresher
from .._core.remembered_part import hides_arguments
from .._lazy import lazy
from .._sources.find import reading_files
from .._sources.sources import HopSource, Source
from .._sts.sts_endpoint_part import StsEndpoint
from ..exceptions import InvalidRequestError
from . import pickling as _recipe
from .options import Options


if TYPE_CHECKING:
    from typing_extensions import Self

    from .session import RefreshableAssumeRoleSession
    from .status import CallerIdentity, SessionStatus

__all__ = ["RefreshableSession", "note_region"]


class RefreshableSession(Closing, BotoSession):
    """
    A `boto3.Session` whose credentials refresh themselves.

    It is used like any other: clients and resources made from it may be kept
    for as long as the program runs. It is safe to use from many threads as far
    as boto3's sessions are: make clients in one, use them in all. It may be
    pickled and deep-copied; that carries the recipe and no secret.

    Nothing touches the network before the first use.

    .. versionadded:: 0.1.0
    """

    _hops: tuple[Refresher, ...]
    _source: Source
    _made_by: tuple[Callable[..., RefreshableSession], dict[str, Any]]
    _surroundings: Mapping[str, Any] | None = None

    def __init__(self) -> None:
        msg = "Make a session with stsession.assume(), or another of our functions."
        raise TypeError(msg)

    @classmethod
    def _wired(cls, *args: Any, **kwargs: Any) -> Self:
        session = cls.__new__(cls)
        session._wire(*args, **kwargs)  # noqa: SLF001 - its own
        return session

    def _wire(
        self,
        hops: tuple[Refresher, ...],
        source: Source,
        *,
        endpoint: StsEndpoint,
        key: Callable[[], Hashable],
        made_by: tuple[Callable[..., RefreshableSession], dict[str, Any]],
        options: Options,
        is_role: bool = True,
    ) -> None:
        """
        Become a session with the credentials of the last of *hops*.

        Args:
            hops: All from the first, the sources' included.

            source: Who signs the request of the last.

            endpoint: Where STS is asked.

            key: Returns what sets it apart from other sources now, if it is one.

            made_by: What to call with what to have the same session.

            options: What is wished of it.

            is_role: Whether its credentials are those of an assumed role.
        """
        self._hops = hops
        self._source = source
        self._endpoint = endpoint
        self._key = key
        self._made_by = made_by
        if self._surroundings is None:
            self._surroundings = _recipe.surroundings_of(made_by[1])
        self._is_role = is_role
        self._options = options
        self._signs_with = SessionCredentials(self._refresher)
        self._rejection = RejectionHandler(self._refresher)
        with reading_files(None):
            self._begin()
        if options.on_event is not None:
            hook = _while(self._signs_with, options.on_event)
            self._refresher.announcer.subscribe(hook)

    def _begin(self) -> None:
        """
        Become a boto3 session.
        """
        BotoSession.__init__(self, botocore_session=self._new_botocore_session())

    def _new_botocore_session(self) -> botocore.session.Session:
        session = like(
            self._source.settings,
            credentials=self._signs_with,
            region=self._options.region,
            share=self._options.share,
        )
        self._rejection.register(session.register)
        if None in self._endpoint.regions:
            note = partial(_note_region_of, self._refresher)
            session.register("before-parameter-build", note)
        return session

    def __repr__(self) -> str:
        refresher = self._refresher
        what = f"{type(self).__name__} of {refresher.label} by {refresher.source}"
        return f"<{what} ({self._digest})>"

    @lazy
    def _digest(self) -> str:
        """
        A digest of the recipe: libraries compare arguments by their `repr`.
        """
        return _recipe.digest_of_recipe(*self._made_by, self._surroundings or {})

    @property
    def _refresher(self) -> Refresher:
        return self._hops[-1]

    def credentials(self) -> TemporaryCredentials:
        """
        Return credentials that can be used now.

        For tools that take nothing else; a client of the session needs no
        such thing. Blocks as signing a request does: while STS is asked, if
        there are none that can be used, and up to the policy's *mandatory_wait*
        shortly before their expiration.

        Raises:
            RefreshError: If there are none, and none can be had.
        """
        return self._refresher.get().credentials

    @property
    def expires_at(self) -> dt.datetime | None:
        """
        When the credentials at hand expire, as an aware UTC datetime.

        `None` before the first use, or if they have no end.
        """
        record = self._refresher.record
        return None if record is None else record.credentials.expires_at

    @property
    def remaining(self) -> dt.timedelta | None:
        """
        How long the credentials at hand can still be used.

        Negative if they are dead. `None` before the first use, or if they have
        no end. It doesn't depend on whether the local clock is right, as *expires_at*
        less the present time does.
        """
        record = self._refresher.record
        if record is None or record.credentials.expires_at is None:
            return None
        return dt.timedelta(seconds=self._refresher.remaining(record))

    def ensure(self, min_validity: dt.timedelta) -> TemporaryCredentials:
        """
        Return credentials that are valid for at least *min_validity*.

        For what outlives the next request: presigned URLs, long uploads, child
        processes. The clients of the session use them, too. Blocks while STS
        is asked, if those at hand won't do.

        Args:
            min_validity: At most what the session's credentials live.

        Raises:
            RefreshError:
                If none can be had, or if fresh ones don't live that long.
        """
        if not isinstance(min_validity, dt.timedelta):
            raise InvalidRequestError(
                f"min_validity is of type {type(min_validity).__name__}.",
                parameter="min_validity",
                hint="Pass a datetime.timedelta, as timedelta(minutes=10).",
            )
        return self._refresher.ensure(min_validity.total_seconds()).credentials

    def refresh(self) -> TemporaryCredentials:
        """
        Ask STS now, whatever is at hand, and return what it gives.

        There is no need to call it for credentials to be fresh. Blocks until
        STS has answered, up to the policy's *load_timeout*.

        Raises:
            RefreshError:
                If it gives nothing. The credentials at hand stay in use.
        """
        return self._refresher.refresh().credentials

    def status(self) -> SessionStatus:
        """
        Tell the state of each role from the source to this session.

        Asks nobody, and doesn't block.
        """
        from .status import HopStatus, SessionStatus  # noqa: PLC0415 - see `_assume`

        tier, reason = self._client_tier()
        return SessionStatus(
            hops=tuple(map(HopStatus.of, self._hops)),
            client_tier=tier,
            client_tier_reason=reason,
        )

    def _client_tier(self) -> tuple[str, str | None]:
        return ("public" if self._options.share else "unshared"), None

    def caller_identity(self) -> CallerIdentity:
        """
        Ask STS whom it takes this session for. Blocks.

        Raises:
            botocore.exceptions.ClientError: If STS refuses to say.

            RefreshError: If there are no credentials.

        .. seealso:: `GetCallerIdentity
           <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>`_,
           which no policy can deny.
        """
        from .status import CallerIdentity  # noqa: PLC0415 - see `_assume`

        # In the region and at the endpoint where STS is called for this session.
        source = self._own_source
        client = source.client(self._endpoint.regions[0], self._endpoint)
        try:
            answer = client.get_caller_identity()
        finally:
            source.close()
        return CallerIdentity(
            account_id=answer["Account"], arn=answer["Arn"], user_id=answer["UserId"]
        )

    @hides_arguments
    def assume(
        self, role_arn: str | Sequence[str], /, **kwargs: Any
    ) -> RefreshableAssumeRoleSession:
        """
        Assume a further role with this session's credentials.

        Takes what :func:`stsession.assume` takes, but for *source*. STS is asked
        where it was asked for this session, unless *sts_endpoint_url* or
        *sts_config* says otherwise.

        Raises:
            InvalidRequestError: If STS would refuse the request.
        """
        if "source" in kwargs:
            msg = "assume() of a session takes no source; that is the session itself."
            raise TypeError(msg)
        # It is one of us, so it can't be there before us.
        from .session import RefreshableAssumeRoleSession  # noqa: PLC0415

        return RefreshableAssumeRoleSession(role_arn, source=self, **kwargs)

    @lazy
    def _own_source(self) -> HopSource:
        """
        This session as the source of another.
        """
        settings = self._botocore_session()
        return HopSource(
            self._refresher, settings, key=self._key, is_role=self._is_role
        )

    def _botocore_session(self) -> botocore.session.Session:
        session: botocore.session.Session = self._session  # boto3 has no other way
        return session

    def _inherited(self, options: Options) -> Options:
        """
        What goes for a session that has this one as its source.
        """
        return attrs.evolve(
            options,
            sts_endpoint_url=options.sts_endpoint_url or self._endpoint.url,
            sts_config=options.sts_config or self._endpoint.config,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _recipe.portable(*self._made_by)

    def __deepcopy__(self, memo: dict[int, Any]) -> RefreshableSession:
        make, arguments = self._made_by
        return make(**arguments)

    def close(self) -> None:
        """
        Close the connections to STS.

        Clients of the session go on working, and open them again when their
        credentials have to be refreshed. May be called more than once.
        """
        self._source.close()


def note_region(refresher: Refresher, region: str | None) -> None:
    """
    Have STS called in the region of a client, as none is configured.
    """
    fetch: Any = refresher.fetch
    if region and not region.endswith("-global"):
        fetch.note_region(region)


def _note_region_of(refresher: Refresher, context: dict[str, Any], **_: Any) -> None:
    note_region(refresher, context.get("client_region"))


def _while(
    credentials: SessionCredentials, on_event: RefreshHook
) -> Callable[[], RefreshHook | None]:
    """
    The hook, as long as the session or one of its clients is there.
    """
    reference = weakref.ref(credentials)
    return lambda: None if reference() is None else on_event
