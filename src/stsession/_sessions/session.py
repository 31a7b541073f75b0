"""The session classes."""

from __future__ import annotations

import datetime as dt
import weakref

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import botocore.session

from .._botocore.credentials import RefresherCredentials
from .._botocore.resend import ResendHandler
from .._botocore.sdk_classes import BotoSession
from .._botocore.sessions import (
    botocore_session_of,
    derive_session,
    profile_settings,
    reporting_config_errors,
)
from .._core.credentials import TemporaryCredentials
from .._core.errors import hides_arguments
from .._core.events import RefreshHook
from .._core.refresher import Refresher
from .._requests.arns import account_of
from .._sources.find import SourceLike, find_source, refresher_source
from .._sources.sdk import SdkCredentials
from .._sources.sources import Source
from .._sts.fetcher import StsFetcher
from .._util import lazy
from ..exceptions import InvalidRequestError
from .chain import ChainBuilder
from .options import AssumeRoleOptions, Options, checks_names
from .pickling import Recipe, reduce_session


if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .._delivery.endpoint import CredentialsEndpoint
    from .status import CallerIdentity, SessionStatus

__all__ = [
    "RefreshableAssumeRoleSession",
    "RefreshableSession",
    "chain_from",
    "checked_validity",
    "note_region",
    "refresher_of",
]


class RefreshableSession(BotoSession):
    """
    A `boto3.Session` that refreshes its credentials.

    Make one with :func:`stsession.assume` or another function. It is used like any
    other: its clients and resources can be kept for as long as the program runs. As
    with all boto3 sessions, make clients in one thread; they can be used in all. A
    session can be pickled and deep-copied: it is made again from the same arguments,
    and the pickle has no secrets.

    Nothing uses the network before the first use.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, chain: ChainBuilder, recipe: Recipe, *, on_first_use: bool = False
    ) -> None:
        """
        Make a session with the credentials of the last request of a chain.

        Args:
            chain: The chain.

            recipe: The function and the arguments that make an equal session.

            on_first_use:
                Whether a subclass initializes the boto3 session, when it is first used.

        Raises:
            InvalidRequestError: If a config file can't be read.
        """
        self._refreshers = chain.refreshers
        self._source = chain.source
        self._endpoint = chain.endpoint
        self._key = chain.key
        self._is_role = chain.is_role
        self._options = chain.options
        self._recipe = recipe
        self._signs_with = RefresherCredentials(self._refresher)
        self._resend_handler = ResendHandler(self._refresher)
        if not on_first_use:
            with reporting_config_errors(None):
                super().__init__(botocore_session=self._new_botocore_session())
        if chain.options.on_event is not None:
            hook = _hook_while_used(self._signs_with, chain.options.on_event)
            self._refresher.events.subscribe(hook)

    def _new_botocore_session(self) -> botocore.session.Session:
        session = derive_session(
            self._source.settings,
            credentials=self._signs_with,
            region=self._options.region,
            share_models=self._options.share_models,
        )
        self._register_handlers(session, self._resend_handler)
        return session

    def _register_handlers(
        self, session: botocore.session.Session, resend_handler: ResendHandler
    ) -> None:
        resend_handler.register(session.register)
        if None in self._endpoint.regions:
            refreshers = self._refreshers

            def note(**event: Any) -> None:
                note_region(refreshers, event["context"].get("client_region"))

            session.register("before-parameter-build", note)

    def __repr__(self) -> str:
        refresher = self._refresher
        what = f"{type(self).__name__} of {refresher.name} by {refresher.source}"
        return f"<{what} ({self._digest})>"

    @lazy
    def _digest(self) -> str:
        """
        A digest of the recipe, for libraries that compare arguments by their `repr`.
        """
        return self._recipe.digest()

    @property
    def _refresher(self) -> Refresher:
        return self._refreshers[-1]

    def credentials(self) -> TemporaryCredentials:
        """
        Return credentials that can be used now.

        Use it for tools that don't accept a session; clients of the session don't need
        it. Blocks while STS is called if the current credentials can't be used. Shortly
        before they expire, it blocks for at most the policy's *mandatory_wait*.

        Raises:
            RefreshError:
                If there are no valid credentials, and STS can't be reached or denies
                the request.
        """
        return self._refresher.get().credentials

    @property
    def expires_at(self) -> dt.datetime | None:
        """
        When the current credentials expire, as an aware UTC datetime.

        `None` before the first use, or if they don't expire.
        """
        record = self._refresher.record
        return None if record is None else record.credentials.expires_at

    @property
    def remaining(self) -> dt.timedelta | None:
        """
        How long the current credentials are still valid.

        Negative after they have expired. `None` before the first use, or if they
        don't expire. The value is correct even if the local clock is wrong.
        """
        record = self._refresher.record
        if record is None or record.credentials.expires_at is None:
            return None
        return dt.timedelta(seconds=self._refresher.remaining(record))

    def ensure(self, min_validity: dt.timedelta) -> TemporaryCredentials:
        """
        Return credentials that are valid for at least *min_validity*.

        Use it before work that takes longer than the next request: presigned URLs,
        long uploads, child processes. The session's clients use the same
        credentials. Blocks while STS is called, if the current credentials expire
        sooner.

        Args:
            min_validity: The required validity, at most the session's duration.

        Raises:
            RefreshError:
                If STS can't be reached or denies the request, or if new credentials
                aren't valid for that long.
        """
        return self._refresher.ensure(checked_validity(min_validity)).credentials

    def refresh(self) -> TemporaryCredentials:
        """
        Refresh the credentials now, even if they are fresh, and return them.

        Usually not necessary, because sessions refresh automatically. Blocks until STS
        has answered, for at most the policy's *load_timeout*.

        Raises:
            RefreshError:
                If STS can't be reached or denies the request. The current credentials
                stay in use.
        """
        return self._refresher.refresh().credentials

    def status(self) -> SessionStatus:
        """Return the refresh status of every role in the chain. Does no I/O."""
        from .status import HopStatus, SessionStatus  # noqa: PLC0415 - not for each session

        return SessionStatus(hops=tuple(map(HopStatus.of, self._refreshers)))

    def caller_identity(self) -> CallerIdentity:
        """
        Call GetCallerIdentity. Blocks.

        Raises:
            botocore.exceptions.ClientError: If STS returns an error.

            RefreshError: If there are no credentials.

        .. seealso:: `GetCallerIdentity
           <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>`_,
           which no policy can deny.
        """
        from .status import CallerIdentity  # noqa: PLC0415 - not for each session

        # Call the endpoint that issued the credentials.
        source = self._own_source
        client = source.client(self._endpoint.regions[0], self._endpoint)
        try:
            answer = client.get_caller_identity()
        finally:
            source.close()
        return CallerIdentity(
            account_id=answer["Account"], arn=answer["Arn"], user_id=answer["UserId"]
        )

    def serve(self, *, port: int = 0) -> CredentialsEndpoint:
        """
        Give the credentials to other programs, from an endpoint on loopback.

        Use it for child processes and tools that don't use boto3. Their SDKs renew the
        credentials there, so they work for as long as the endpoint runs. Blocks until
        there are credentials, and prompts for an MFA code now if one is needed.

        .. code-block:: python

            with session.serve() as endpoint:
                subprocess.run(["terraform", "plan"], env=endpoint.child_environ())

        Args:
            port: The port of the endpoint on 127.0.0.1. 0 means a free one.

        Raises:
            RefreshError: If there are no credentials.

            OSError: If the port can't be used.
        """
        from .._delivery.endpoint import (  # noqa: PLC0415 - with asyncio
            CredentialsEndpoint,
        )

        self.credentials()
        return CredentialsEndpoint(
            self._refresher,
            region=self.region_name,
            settings=profile_settings(botocore_session_of(self)),
            port=port,
        )

    def static_environ(
        self, *, min_validity: dt.timedelta | None = None
    ) -> dict[str, str]:
        """
        Return environment variables with the current credentials. They are secret.

        Use it for programs that support neither boto3 nor a credentials endpoint. The
        credentials in them aren't renewed. Blocks while STS is called, if the current
        ones expire too soon.

        Args:
            min_validity:
                The required validity. `None` means whatever the current credentials
                have left.

        Raises:
            RefreshError:
                If there are no credentials, or new ones aren't valid for that long.
        """
        from .._delivery.environment import (  # noqa: PLC0415 - not for each session
            static_environ,
        )

        current = self.ensure(min_validity or dt.timedelta())
        return static_environ(current, self.region_name)

    @hides_arguments
    def assume(
        self,
        role_arn: str | Sequence[str],
        /,
        *,
        region: str | None = None,
        **options: Unpack[AssumeRoleOptions],
    ) -> RefreshableAssumeRoleSession:
        """
        Return a session for a role that is assumed with this session's credentials.

        The new session inherits *sts_region* or *sts_regions*, *sts_endpoint_url* and
        *sts_config*, unless they are passed, but no other option.

        Args:
            role_arn: See :func:`stsession.assume`.

            region:
                The region of the new session. `None` means that of this session.

            **options: See :func:`stsession.assume`. *source* isn't accepted.

        Raises:
            InvalidRequestError: If STS would reject the request.
        """
        if "source" in options:
            msg = "assume() of a session takes no source; the session is the source."
            raise TypeError(msg)
        return RefreshableAssumeRoleSession(
            role_arn, source=self, region=region, **options
        )

    @lazy
    def _own_source(self) -> Source:
        settings = self._botocore_session()
        return refresher_source(
            self._refresher, settings, key=self._key, is_role=self._is_role
        )

    def _botocore_session(self) -> botocore.session.Session:
        return botocore_session_of(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce_session(self._recipe)

    def __deepcopy__(self, memo: dict[int, Any]) -> RefreshableSession:
        session: RefreshableSession = self._recipe.make(**self._recipe.arguments)
        return session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Close the connections to STS.

        The session and its clients can still be used; the next refresh opens a new
        connection. Can be called more than once.
        """
        self._source.close()


def checked_validity(min_validity: dt.timedelta) -> float:
    """
    Return *min_validity* in seconds.

    Raises:
        InvalidRequestError: If it isn't a `timedelta`.
    """
    if not isinstance(min_validity, dt.timedelta):
        raise InvalidRequestError(
            f"min_validity is of type {type(min_validity).__name__}.",
            parameter="min_validity",
            hint="Pass a datetime.timedelta, such as timedelta(minutes=10).",
        )
    return min_validity.total_seconds()


def refresher_of(session: RefreshableSession) -> Refresher:
    """
    Return the refresher of a session.

    Raises:
        InvalidRequestError: If *session* isn't a session of this library.
    """
    if not isinstance(session, RefreshableSession):
        raise InvalidRequestError(
            f"session is of type {type(session).__name__}.",
            parameter="session",
            hint="Pass the boto3 session that stsession.assume() or another function "
            "of stsession returned.",
        )
    return session._refresher  # noqa: SLF001 - one of ours


def note_region(refreshers: Iterable[Refresher], region: str | None) -> None:
    """Call STS in the region of the first client, because no region is configured."""
    if not region or region.endswith("-global"):
        return
    for refresher in refreshers:
        fetch: Any = refresher.fetch
        source = getattr(fetch, "source", None)  # `None` if a function is called
        for caller in (fetch, source and source.signer):
            if isinstance(caller, (StsFetcher, SdkCredentials)):
                caller.client_region = caller.client_region or region


def _hook_while_used(
    credentials: RefresherCredentials, on_event: RefreshHook
) -> Callable[[], RefreshHook | None]:
    """
    Return a function that returns the hook while the session or a client is in use.
    """
    reference = weakref.ref(credentials)
    return lambda: None if reference() is None else on_event


def chain_from(
    source: SourceLike,
    options: Options,
    *,
    role_arn: str = "",
    root: Source | None = None,
) -> ChainBuilder:
    """
    Return a chain that begins with the source that the user passed.

    Args:
        source: The user's argument.

        options:
            The options of the session, which inherit some of those of a *source* that
            is a session of this library.

        role_arn: The ARN of the first role, or an empty string.

        root: The result of `find_source(source)`. `None` calls it here.

    Raises:
        InvalidRequestError:
            If *source* isn't a source, or if a region is required and none is
            configured.
    """
    refreshers: tuple[Refresher, ...] = ()
    if isinstance(source, RefreshableSession):
        refreshers = source._refreshers  # noqa: SLF001 - one of ours
        options.inherit(source._options)  # noqa: SLF001 - one of ours
    root = find_source(source) if root is None else root
    return ChainBuilder(root, options, refreshers=refreshers, role_arn=role_arn)


class RefreshableAssumeRoleSession(RefreshableSession):
    """
    A `boto3.Session` with the credentials of an assumed role.

    It has the same parameters as :func:`stsession.assume`, which returns one.

    Args:
        role_arn: See :func:`stsession.assume`.

        source: See :func:`stsession.assume`.

        region: The session's region. `None` means that of the source.

        **options: See :func:`stsession.assume`.

    Raises:
        InvalidRequestError: If STS would reject the request.

    .. versionadded:: 0.1.0
    """

    @hides_arguments
    @checks_names(AssumeRoleOptions)
    def __init__(
        self,
        role_arn: str | Sequence[str],
        *,
        source: SourceLike = None,
        region: str | None = None,
        **options: Unpack[AssumeRoleOptions],
    ) -> None:
        arguments = {
            "role_arn": role_arn,
            "source": source,
            "region": region,
            **options,
        }
        role_arns = _as_list(role_arn)
        chain = chain_from(source, Options.of(region, options), role_arn=role_arns[0])
        chain.add_roles(role_arns, options)
        super().__init__(chain, Recipe(type(self), arguments))

    @property
    def role_arn(self) -> str:
        """The ARN of the role; in a role chain, that of the last role."""
        return self._refresher.name

    @property
    def account_id(self) -> str | None:
        """The ID of the role's account. `None` on servers that have no accounts."""
        return account_of(self.role_arn)


def _as_list(role_arn: object) -> tuple[str, ...]:
    if isinstance(role_arn, str):
        return (role_arn,)
    if isinstance(role_arn, (list, tuple)) and role_arn:
        return tuple(role_arn)
    raise InvalidRequestError(
        f"role_arn is {role_arn!r}.",
        parameter="role_arn",
        hint="Pass the ARN of a role, or a list of at least one for a chain.",
    )
