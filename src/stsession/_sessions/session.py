"""
Sessions for roles: everything else, wired together.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

import attrs

from botocore.config import Config

from .._core.cache import PROCESS_CACHE, MemoryCache
from .._core.events import RefreshHook
from .._core.policy import RefreshPolicy
from .._core.refresher import Refresher
from .._core.remembered_part import hides_arguments
from .._requests.assume_role import check_inherited
from .._sources.sources import Source
from .._sts.endpoint import has_custom_endpoint
from .._sts.fetcher import account_of
from .._sts.sts_endpoint_part import StsEndpoint
from ..exceptions import InvalidRequestError
from .chain import Chain
from .options import DEFAULT_POLICY, Options, check_names
from .session_part import RefreshableSession
from .source_like_part import SourceLike, find_source, hops_of


if TYPE_CHECKING:
    from .._tokens.mfa import CodeLike
    from ..fleet._throttle import Pace
    from .mfa_session import Mfa

__all__ = ["RefreshableAssumeRoleSession", "assume"]


F = TypeVar("F", bound=Callable[..., Any])


def _guessing(initializer: F) -> F:
    """
    Have an initializer guess what a misspelt argument was meant to be.
    """
    known = ["role_arn", *(initializer.__kwdefaults__ or ())]

    @functools.wraps(initializer)
    def guess(self: object, *args: Any, **kwargs: Any) -> None:
        check_names("RefreshableAssumeRoleSession()", known, kwargs)
        initializer(self, *args, **kwargs)

    return guess  # type: ignore[return-value]


class RefreshableAssumeRoleSession(RefreshableSession):
    """
    A `boto3.Session` with the credentials of an assumed role.

    Takes the same arguments as :func:`stsession.assume`, which returns one.

    .. versionadded:: 0.1.0
    """

    @hides_arguments
    @_guessing
    def __init__(
        self,
        role_arn: str | Sequence[str],
        *,
        source: SourceLike = None,
        role_session_name: str | None = None,
        duration_seconds: int | dt.timedelta | Literal["max"] | None = None,
        external_id: str | None = None,
        mfa_serial: str | None = None,
        mfa_code: CodeLike = None,
        mfa_session: bool | int | dt.timedelta | None = None,
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
        share: bool = True,
    ) -> None:
        arguments = locals()
        del arguments["self"]
        self._become(**arguments)

    @property
    def role_arn(self) -> str:
        """
        The ARN of the role; of a chain, of its last.
        """
        return self._refresher.label

    @property
    def account_id(self) -> str | None:
        """
        The account that the role is in. `None` on servers that have no accounts.
        """
        return account_of(self.role_arn)

    def _become(
        self, role_arn: str | Sequence[str], *, source: SourceLike, **given: Any
    ) -> None:
        """
        Become a session, as the initializer says.
        """
        made_by = (type(self), {"role_arn": role_arn, "source": source, **given})
        options = Options.checked(**_taken(given, *attrs.fields_dict(Options)))
        arns = _as_chain(role_arn)
        root = self._found(source)
        if isinstance(source, RefreshableSession):
            options = source._inherited(options)  # noqa: SLF001 - one of ours
        endpoint = options.endpoint(root, role_arn=arns[0])
        mfa = as_mfa(*_taken(given, "mfa_serial", "mfa_code", "mfa_session").values())
        chain = Chain.of(
            arns,
            source=root,
            endpoint=endpoint,
            options=options,
            mfa=mfa,
            pace=self._pace(root, endpoint),
            **given,
        )
        if given["tags"] or given["source_identity"]:
            _check_chain((*hops_of(source), *chain.refreshers), root, endpoint)
        self._wire(
            (*hops_of(source), *chain.refreshers),
            chain.source,
            endpoint=endpoint,
            key=chain.key,
            made_by=made_by,
            options=options,
        )

    def _found(self, source: SourceLike) -> Source:
        """
        Find out who the source is.
        """
        return find_source(source)

    def _pace(self, source: Source, endpoint: StsEndpoint) -> Pace | None:
        """
        At whose pace STS is asked. `None`: at once.
        """
        return None


def _taken(given: dict[str, Any], *names: str) -> dict[str, Any]:
    """
    Take what is called so out of *given*.
    """
    return {name: given.pop(name) for name in names}


def _check_chain(
    hops: Sequence[Refresher], source: Source, endpoint: StsEndpoint
) -> None:
    """
    Check what the last of *hops* inherits from those before it.
    """
    if not has_custom_endpoint(source.settings, endpoint.url):
        # A profile's role may have been assumed by something that is no request.
        requests: list[Any] = [getattr(hop.fetch, "request", None) for hop in hops]
        check_inherited(requests[-1], requests[:-1])


def _as_chain(role_arn: object) -> tuple[str, ...]:
    if isinstance(role_arn, str):
        return (role_arn,)
    if isinstance(role_arn, (list, tuple)) and role_arn:
        return tuple(role_arn)
    raise InvalidRequestError(
        f"role_arn is {role_arn!r}.",
        parameter="role_arn",
        hint="Pass the ARN of a role, or a list of at least one for a chain.",
    )


def as_mfa(
    serial: str | None,
    code: CodeLike,
    session: bool | int | dt.timedelta | None = None,
) -> Mfa | None:
    """
    The three arguments as one thing, if they make sense.
    """
    if serial is not None:
        # Most programs go without, and start faster.
        from .mfa_session import Mfa  # noqa: PLC0415

        return Mfa(serial=serial, code=code, session=session)
    for name, value in (("mfa_code", code), ("mfa_session", session)):
        if value:
            raise InvalidRequestError(
                f"{name} is given without mfa_serial.",
                parameter="mfa_serial",
                hint='Pass the serial number or ARN of the device, or "auto".',
            )
    return None


P = ParamSpec("P")


def _signature_of(
    cls: Callable[P, RefreshableAssumeRoleSession],
) -> Callable[[Callable[..., Any]], Callable[P, RefreshableAssumeRoleSession]]:
    """
    Give a function the parameters of *cls*, so that they are written once.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(cls).replace(
            return_annotation=RefreshableAssumeRoleSession
        )
        function.__signature__ = signature  # type: ignore[attr-defined]
        return function

    return decorate


@_signature_of(RefreshableAssumeRoleSession)
@hides_arguments
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

        mfa_serial:
            The MFA device of the source's user: its serial number or ARN, or
            ``"auto"`` to have IAM asked for it.

        mfa_code:
            Where its codes come from: a function that takes the serial number,
            a command as a list of arguments, or a single code, which serves
            once. `None` means that the person at the terminal is asked. Never
            asked for while it isn't necessary, nor in the background.

        mfa_session:
            How long one code serves for roles assumed from this source, by
            GetSessionToken: seconds or a :class:`datetime.timedelta`, up to 36
            hours. `None` and `True` mean 12 hours. `False` sends a code with each
            AssumeRole, as is done anyway if the source isn't the long-lived keys
            of an IAM user, found by boto3.

        policy:
            A session policy, as a dict or as JSON, sent as compact JSON. It only
            takes permissions away.

        policy_arns: Managed policies, to the same end.

        tags: Session tags.

        transitive_tag_keys:
            The keys of those *tags* that further roles inherit.

        source_identity: Who is behind it; stays through the whole chain.

        provided_contexts: Assertions of context providers, by provider ARN.

        region: The session's region. `None` means the source's.

        sts_region:
            The region in which STS is called. `None` means the session's region; if
            there is none, that of the first client that needs credentials, or the
            global endpoint.

        sts_regions:
            The same with alternatives: where two tries in a row meet with an
            outage, the next region is asked.

        sts_endpoint_url:
            An STS that isn't AWS's. `None` means what the source's
            configuration says. Of ARNs, only the shape is checked there.

        sts_config:
            What to change in the configuration of the STS client. `None`
            leaves it at that: it connects within 3 s, reads within 5 s, and
            tries three times.

        refresh: When to refresh; the default is hardly ever wrong.

        cache:
            Which sessions share credentials: by default, all sessions of the
            process that request the same, except those of a fleet. `None` shares
            with no other session.

        on_event:
            Is told what happens, see :class:`stsession.RefreshHook`. `None`
            means nobody is.

        share:
            Whether the session has a share in what botocore would make anew
            for it: parsed models, and its own event handlers. `False` is for a
            program that changes models or botocore's handlers for one session;
            sessions that this one assumes have a share again, unless told not
            to. Credentials are a matter of *cache*.

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
    if len(args) > 1:
        msg = "assume() takes one positional argument; a chain is a list of roles."
        raise TypeError(msg)
    check_names("assume()", inspect.signature(assume).parameters, kwargs)
    if not args and "role_arn" not in kwargs:
        msg = "assume() needs the ARN of a role."
        raise TypeError(msg)
    return RefreshableAssumeRoleSession(*args, **kwargs)
