"""
The sessions that people use: everything else, wired together.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import weakref

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

import boto3
import botocore.session

from botocore.config import Config

from . import _recipe
from ._botocore import RejectionHandler, SessionCredentials
from ._credentials import TemporaryCredentials
from ._events import RefreshHook
from ._hops import Chain, sts_endpoint
from ._policy import RefreshPolicy
from ._refresher import Refresher
from ._sdk import like
from ._source import HopSource, Source, custom_source, sdk_source
from ._status import CallerIdentity, HopStatus, SessionStatus
from ._sts import StsEndpoint
from .cache import PROCESS_CACHE, MemoryCache
from .exceptions import InvalidRequestError


if TYPE_CHECKING:
    from typing_extensions import Self


__all__ = ["RefreshableAssumeRoleSession", "RefreshableSession", "SourceLike", "assume"]

DEFAULT_POLICY = RefreshPolicy()

SourceLike = str | boto3.Session | botocore.session.Session | Callable[[], Any] | None
"""What *source* takes."""


class RefreshableSession(boto3.Session):
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
    _recipe: dict[str, Any]

    def _wire(
        self,
        hops: tuple[Refresher, ...],
        source: Source,
        *,
        endpoint: StsEndpoint,
        key: Hashable,
        region: str | None,
        on_event: RefreshHook | None,
    ) -> None:
        """
        Become a session with the credentials of the last of *hops*.
        """
        self._hops = hops
        self._source = source
        self._endpoint = endpoint
        self._key = key
        session = like(
            source.settings,
            credentials=SessionCredentials(self._refresher),
            handlers=False,
            region=region,
        )
        RejectionHandler(self._refresher).register(session.register)
        super().__init__(botocore_session=session)

        self._hook = on_event
        if on_event is not None:
            self._refresher.announcer.subscribe(_weakly(self))

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
        return SessionStatus(hops=tuple(map(HopStatus.of, self._hops)))

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
        client: Any = self.client(
            "sts",
            region_name=self._endpoint.regions[0],
            endpoint_url=self._endpoint.url,
            config=self._endpoint.client_config,
        )
        try:
            answer = client.get_caller_identity()
        finally:
            client.close()
        return CallerIdentity(
            account_id=answer["Account"], arn=answer["Arn"], user_id=answer["UserId"]
        )

    def assume(
        self, role_arn: str | Sequence[str], /, **kwargs: Any
    ) -> RefreshableAssumeRoleSession:
        """
        Assume a further role with this session's credentials.

        Takes what :func:`stsession.assume` takes, but for *source*.

        Raises:
            InvalidRequestError: If STS would refuse the request.
        """
        return RefreshableAssumeRoleSession(role_arn, source=self, **kwargs)

    @functools.cached_property
    def _own_source(self) -> HopSource:
        """
        This session as the source of another.
        """
        return HopSource(self._refresher, self._session, key=self._key)

    def __reduce__(self) -> tuple[Any, ...]:
        return _recipe.portable(type(self), self._recipe)

    def __deepcopy__(self, memo: dict[int, Any]) -> RefreshableSession:
        return type(self)(**self._recipe)

    def close(self) -> None:
        """
        Close the connections to STS.

        Clients of the session go on working, and open them again when their
        credentials have to be refreshed. May be called more than once.
        """
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _weakly(session: RefreshableSession) -> Callable[[], RefreshHook | None]:
    """
    The session's hook, as long as there is the session.
    """
    reference = weakref.ref(session)

    def hook() -> RefreshHook | None:
        alive = reference()
        return None if alive is None else alive._hook  # noqa: SLF001

    return hook


class RefreshableAssumeRoleSession(RefreshableSession):
    """
    A `boto3.Session` with the credentials of an assumed role.

    Takes the same arguments as :func:`stsession.assume`, which returns one.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        role_arn: str | Sequence[str],
        *,
        source: SourceLike = None,
        role_session_name: str | None = None,
        duration_seconds: int | dt.timedelta | Literal["max"] | None = None,
        external_id: str | None = None,
        policy: Mapping[str, Any] | str | None = None,
        policy_arns: Collection[str] | None = None,
        tags: Mapping[str, str] | None = None,
        transitive_tag_keys: Collection[str] | None = None,
        source_identity: str | None = None,
        provided_contexts: Mapping[str, str] | None = None,
        region: str | None = None,
        sts_region: str | None = None,
        sts_regions: Sequence[str] | None = None,
        sts_endpoint_url: str | None = None,
        sts_config: Config | None = None,
        refresh: RefreshPolicy = DEFAULT_POLICY,
        cache: MemoryCache | None = PROCESS_CACHE,
        on_event: RefreshHook | None = None,
    ) -> None:
        arguments = locals()
        self._recipe = {
            name: value
            for name, value in arguments.items()
            if name not in {"self", "__class__"}
        }
        arns = _as_chain(role_arn)
        root = find_source(source)
        endpoint = sts_endpoint(
            root,
            role_arn=arns[0],
            region=region,
            sts_region=sts_region,
            sts_regions=sts_regions,
            url=sts_endpoint_url,
            config=sts_config,
        )
        chain = Chain.of(
            arns,
            source=root,
            endpoint=endpoint,
            refresh=refresh,
            cache=cache,
            role_session_name=role_session_name,
            duration_seconds=duration_seconds,
            external_id=external_id,
            policy=policy,
            policy_arns=policy_arns,
            tags=tags,
            transitive_tag_keys=transitive_tag_keys,
            source_identity=source_identity,
            provided_contexts=provided_contexts,
        )
        self._role_arn = arns[-1]
        earlier: tuple[Refresher, ...] = ()
        if isinstance(source, RefreshableSession):
            earlier = source._hops  # noqa: SLF001 - one of ours
        self._wire(
            (*earlier, *chain.refreshers),
            chain.source,
            endpoint=endpoint,
            key=chain.key,
            region=region,
            on_event=on_event,
        )

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self._role_arn} by {self._refresher.source}>"
        )


def _as_chain(role_arn: object) -> tuple[str, ...]:
    if isinstance(role_arn, str):
        return (role_arn,)
    if isinstance(role_arn, Sequence) and role_arn:
        return tuple(role_arn)
    raise InvalidRequestError(
        f"role_arn is {role_arn!r}.",
        parameter="role_arn",
        hint="Pass the ARN of a role, or a list of at least one for a chain.",
    )


def find_source(given: SourceLike) -> Source:
    """
    Find out who *given* is.

    Raises:
        InvalidRequestError: If it is nobody.
    """
    if isinstance(given, RefreshableSession):
        return given._own_source  # noqa: SLF001 - one of ours
    if isinstance(given, boto3.Session):
        # boto3 has no other way to its botocore session.
        return sdk_source(given._session)  # noqa: SLF001
    if given is None or isinstance(given, (str, botocore.session.Session)):
        return sdk_source(given)
    if callable(given):
        return custom_source(given)
    raise InvalidRequestError(
        f"source is a {type(given).__name__}.",
        parameter="source",
        hint="Pass the name of a profile, a session, or a function that returns "
        "credentials.",
    )


P = ParamSpec("P")


def _signature_of(
    cls: Callable[P, RefreshableAssumeRoleSession],
) -> Callable[[Callable[..., Any]], Callable[P, RefreshableAssumeRoleSession]]:
    """
    Give a function the parameters of *cls*, so that they are written once.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__signature__ = inspect.signature(cls)  # type: ignore[attr-defined]
        return function

    return decorate


@_signature_of(RefreshableAssumeRoleSession)
def assume(  # noqa: D417 - its signature is that of the class
    *args: Any, **kwargs: Any
) -> RefreshableAssumeRoleSession:
    """
    Return a session that acts as a role and renews its credentials itself.

    It is a `boto3.Session`; its clients may be kept for as long as the program
    runs. Nothing touches the network before the first use.

    Args:
        role_arn:
            The role. A sequence is a chain: the source assumes the first, that
            one the second, and so on. All that is said about the request goes
            for the last one then, but *role_session_name* for all.

        source:
            Who assumes it: the name of a profile, a boto3 or botocore session,
            another session of ours, or a function that returns credentials as
            a dict in STS's words. `None` means the default chain of boto3.
            There is no falling back from a profile to anything else.

        role_session_name:
            What CloudTrail shows. `None` means the name of the Lambda
            function, the ID of the Batch job or ECS task, or ``user@host``.

        duration_seconds:
            How long one set of credentials lives: seconds, a
            :class:`datetime.timedelta`, or ``"max"`` for as long as the role
            allows, found out by trying. `None` leaves it to STS: an hour. A
            role assumed by a role is given an hour at most.

        external_id:
            What a third party's trust policy asks for. Of this and what
            follows, `None` sends nothing.

        policy: A session policy, as a dict or as JSON; it only takes away.

        policy_arns: Managed policies, to the same end.

        tags: Session tags.

        transitive_tag_keys: The tags that further roles inherit.

        source_identity: Who is behind it; stays through the whole chain.

        provided_contexts: Assertions of context providers, by provider ARN.

        region: The session's region. `None` means the source's.

        sts_region: Where STS is asked. `None` means the session's region.

        sts_regions:
            The same with alternatives: after two outages in a row, the next
            region is asked.

        sts_endpoint_url:
            An STS that isn't AWS's. `None` means what the source's
            configuration says. Of ARNs, only the shape is checked there.

        sts_config:
            What to change in the configuration of the STS client. `None`
            leaves it at that: it connects within 3 s, reads within 5 s, and
            tries three times.

        refresh: When to refresh; the default is hardly ever wrong.

        cache:
            With whom to share credentials: by default, with all sessions of
            the process that ask for the same. `None` shares with nobody.

        on_event:
            Is told what happens, see :class:`stsession.RefreshHook`. `None`
            means nobody is.

    Raises:
        InvalidRequestError:
            If STS would refuse the request. Its text names the argument and
            the limit.

    .. seealso:: `AssumeRole
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>`_
       for the limits, and `role chaining
       <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html>`_
       for the hour.

    .. versionadded:: 0.1.0
    """
    return RefreshableAssumeRoleSession(*args, **kwargs)
