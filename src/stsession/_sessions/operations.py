"""The public functions, one for each operation of STS."""

from __future__ import annotations

import datetime as dt
import os
import re

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from botocore.config import Config

from .._core.cache import MemoryCache
from .._core.errors import hides_arguments
from .._core.events import RefreshHook
from .._core.policy import RefreshPolicy
from .._requests.limits import wrong_type
from .._sources.find import SourceLike, unsigned_source
from ..exceptions import InvalidRequestError
from .chain import ChainBuilder, check_mfa
from .options import DEFAULT_POLICY, Options, SessionOptions, checks_names
from .pickling import Recipe
from .session import (
    RefreshableAssumeRoleSession,
    RefreshableSession,
    chain_from,
)


if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._tokens.mfa import CodeLike

__all__ = [
    "assume",
    "assume_root",
    "federation_token",
    "saml",
    "session_token",
    "web_identity",
]


REGIONLESS = frozenset({None, "aws-global"})


@hides_arguments
@checks_names()
def assume(
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
    cache: MemoryCache | Literal["process"] | None = "process",
    on_event: RefreshHook | None = None,
    share_models: bool = True,
) -> RefreshableAssumeRoleSession:
    """
    Return a session that acts as a role and refreshes its credentials.

    It is a `boto3.Session`; its clients can be kept for as long as the program
    runs. Nothing uses the network before the first use.

    The request:
        role_arn:
            The ARN of the role. A list of ARNs is a role chain: the source assumes
            the first role, the first role assumes the second, and so on. The
            parameters of the request apply to the last role only, except
            *role_session_name*, which applies to all of them.

        role_session_name:
            The name of the session in CloudTrail. `None` means the name of the
            Lambda function, the ID of the Batch job or ECS task, or ``user@host``.

        duration_seconds:
            How long each set of credentials is valid: seconds, a
            :class:`datetime.timedelta`, or ``"max"`` for the longest duration that the
            role allows, which is found by trying. `None` means STS's default of one
            hour. In a role chain, AWS limits it to one hour.

        external_id:
            The external ID that the role's trust policy requires. `None` sends
            none.

        policy:
            A session policy, as a dict or as JSON, sent as compact JSON. It can only
            restrict the permissions of the role. `None` sends none.

        policy_arns:
            The ARNs of managed policies to use as session policies. `None` sends
            none.

        tags:
            The session tags, as a dict. `None` sends none.

        transitive_tag_keys:
            The keys of those *tags* that later roles of a chain inherit. `None`
            makes no tag transitive.

        source_identity:
            The source identity, which CloudTrail shows and all later roles of a
            chain keep. `None` sends none.

        provided_contexts:
            The context assertions, as a dict from the ARN of the context provider to
            the assertion. `None` sends none.

    Source and region:
        source:
            The credentials that sign the request: the name of a profile, a boto3 or
            botocore session, a session of this library, or a function that returns
            credentials as a dict, with the keys of STS or of botocore. `None` means
            boto3's default credentials. If they cannot be found, no others are used.

        region:
            The region of the session. `None` means that of the source.

    MFA:
        mfa_serial:
            The MFA device of the source's user: its serial number or ARN, or
            ``"auto"`` to look it up in IAM. `None` sends no MFA code.

        mfa_code:
            Where MFA codes come from: a function that takes the serial number, a
            command as a list of arguments, or one code, which can be used once.
            `None` prompts on the terminal. There is no prompt before a code is
            necessary, and none in the background.

        mfa_session:
            How long one MFA code is sufficient for all roles that are assumed from
            this source, by GetSessionToken: seconds or a
            :class:`datetime.timedelta`, up to 36 hours. `None` and `True` mean 12
            hours. `False` sends a code with each AssumeRole request, which also happens
            if the source isn't an IAM user with long-term keys that boto3 finds.

    STS endpoint:
        sts_region:
            The region in which STS is called. `None` means the session's region; if
            it has none, the region of the first client that needs credentials, or
            the global endpoint.

        sts_regions:
            Several regions in which STS can be called, the preferred one first. After
            two failures in a row that look like an outage, the next region is used.
            `None` means *sts_region* only.

        sts_endpoint_url:
            The URL of an STS endpoint that isn't AWS's. `None` means the one in the
            source's configuration, if any. With such an endpoint, only the format of
            ARNs is checked.

        sts_config:
            Changes to the configuration of the STS client. `None` changes nothing: the
            connect timeout is 3 s, the read timeout is 5 s, and a request is tried
            three times.

    Refresh and sharing:
        refresh:
            When credentials are refreshed, and what happens if that fails. The default
            suits nearly all programs.

        cache:
            Where credentials are shared with other sessions that send the same
            request. ``"process"`` shares them with all sessions of the process, except
            those of a fleet; `None` shares them with no other session.

        on_event:
            A function that is called with each event of a refresh, see
            :class:`stsession.RefreshHook`. `None` means no function.

        share_models:
            Whether the session shares parsed service models and botocore's default
            event handlers with other sessions. Pass `False` if the program changes
            either for one session. The argument has no effect on sessions that this one
            assumes, nor on credentials, which *cache* shares.

    Raises:
        InvalidRequestError:
            If STS would reject the request. The message has the name of the
            parameter and its limit.

    .. seealso:: `AssumeRole
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>`_
       for the limits, and `role chaining
       <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html>`_
       for the limit of one hour.

    .. versionadded:: 0.1.0
    """
    return RefreshableAssumeRoleSession(
        role_arn,
        source=source,
        role_session_name=role_session_name,
        duration_seconds=duration_seconds,
        external_id=external_id,
        mfa_serial=mfa_serial,
        mfa_code=mfa_code,
        mfa_session=mfa_session,
        policy=policy,
        policy_arns=policy_arns,
        tags=tags,
        transitive_tag_keys=transitive_tag_keys,
        source_identity=source_identity,
        provided_contexts=provided_contexts,
        region=region,
        sts_region=sts_region,
        sts_regions=sts_regions,
        sts_endpoint_url=sts_endpoint_url,
        sts_config=sts_config,
        refresh=refresh,
        cache=cache,
        on_event=on_event,
        share_models=share_models,
    )


@hides_arguments
@checks_names(SessionOptions)
def session_token(
    *,
    source: SourceLike = None,
    mfa_serial: str | None = None,
    mfa_code: CodeLike = None,
    duration_seconds: int | dt.timedelta | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session with temporary credentials of an IAM user.

    With *mfa_serial*, the credentials satisfy policies that require MFA, and one code
    is sufficient for all of *duration_seconds*. :func:`stsession.assume` with
    *mfa_serial* calls GetSessionToken automatically.

    Args:
        source:
            The credentials of the IAM user, in the forms that :func:`stsession.assume`
            accepts. `None` means boto3's default credentials.

        mfa_serial:
            The MFA device of the user: its serial number or ARN, or ``"auto"`` to look
            it up in IAM. `None` sends no MFA code.

        mfa_code:
            Where MFA codes come from: a function that takes the serial number, a
            command as a list of arguments, or one code, which can be used once.
            `None` prompts on the terminal.

        duration_seconds:
            How long the credentials are valid: 15 minutes to 36 hours, as seconds or a
            :class:`datetime.timedelta`. `None` means 12 hours.

        **options:
            Options of the session, of the STS endpoint and of refreshes; see
            :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would reject the request.

    .. seealso:: `GetSessionToken
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>`_.

    .. versionadded:: 0.1.0
    """
    check_mfa(mfa_serial, mfa_code)
    chain = chain_from(source, Options(**options))
    token = None
    if mfa_serial is not None:
        from .mfa_session import MfaSession  # noqa: PLC0415 - not for assume()

        token = MfaSession(mfa_serial, mfa_code).codes_for(chain.source)
    chain.add(
        "get_session_token",
        token,
        mfa_serial=None if mfa_serial == "auto" else mfa_serial,
        duration_seconds=duration_seconds,
    )
    arguments = {
        "source": source,
        "mfa_serial": mfa_serial,
        "mfa_code": mfa_code,
        "duration_seconds": duration_seconds,
        **options,
    }
    return RefreshableSession(chain, Recipe(session_token, arguments))


@hides_arguments
@checks_names(SessionOptions)
def federation_token(
    name: str,
    *,
    source: SourceLike = None,
    policy: Mapping[str, Any] | str | None = None,
    policy_arns: Collection[str] | None = None,
    duration_seconds: int | dt.timedelta | None = None,
    tags: Mapping[str, str] | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session for a federated user, with a subset of the source's permissions.

    A federated user can't call IAM, and can call only GetCallerIdentity of STS.

    Args:
        name: The name of the federated user.

        source:
            The credentials of the IAM user, in the forms that :func:`stsession.assume`
            accepts. `None` means boto3's default credentials.

        policy:
            A session policy, as a dict or as JSON, sent as compact JSON. Without any
            policy, a federated user has almost no permissions.

        policy_arns:
            The ARNs of managed policies to use as session policies. `None` sends
            none.

        duration_seconds:
            How long the credentials are valid: 15 minutes to 36 hours, as seconds or a
            :class:`datetime.timedelta`. `None` means 12 hours.

        tags: The session tags, as a dict. `None` sends none.

        **options:
            Options of the session, of the STS endpoint and of refreshes; see
            :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would reject the request.

    .. seealso:: `GetFederationToken
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>`_.

    .. versionadded:: 0.1.0
    """
    chain = chain_from(source, Options(**options))
    parameters: dict[str, Any] = {
        "name": name,
        "policy": policy,
        "policy_arns": policy_arns,
        "duration_seconds": duration_seconds,
        "tags": tags,
    }
    chain.add("get_federation_token", **parameters)
    arguments = {**parameters, "source": source, **options}
    return RefreshableSession(chain, Recipe(federation_token, arguments))


@hides_arguments
@checks_names(SessionOptions)
def assume_root(
    target_principal: str,
    task_policy_arn: str,
    *,
    source: SourceLike = None,
    duration_seconds: int | dt.timedelta | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session for one privileged task on a member account, as its root user.

    Args:
        target_principal: The ID of the account, or the ARN of its root user.

        task_policy_arn: The ARN of an AWS managed policy for root tasks.

        source:
            The credentials of a principal of the management account or of the
            delegated administrator account, in the forms that :func:`stsession.assume`
            accepts. `None` means boto3's default credentials.

        duration_seconds:
            How long the credentials are valid, 15 minutes at most. `None` means 15
            minutes.

        **options:
            Options of the session, of the STS endpoint and of refreshes; see
            :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would reject the request.

    .. seealso:: `AssumeRoot
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html>`_,
       which the global endpoint doesn't have, so a region is required.

    .. versionadded:: 0.1.0
    """
    chain = chain_from(source, Options(**options))
    parameters: dict[str, Any] = {
        "target_principal": target_principal,
        "task_policy_arn": task_policy_arn,
        "duration_seconds": duration_seconds,
    }
    if not REGIONLESS.isdisjoint(chain.endpoint.regions):
        raise InvalidRequestError(
            "No region is configured, and the global STS endpoint has no AssumeRoot.",
            parameter="region",
            hint="Pass region= or sts_region=, or set AWS_DEFAULT_REGION or the "
            "profile's region.",
        )
    chain.add("assume_root", **parameters)
    arguments = {**parameters, "source": source, **options}
    return RefreshableSession(chain, Recipe(assume_root, arguments))


@hides_arguments
@checks_names(SessionOptions)
def web_identity(
    role_arn: str | None = None,
    *,
    token: str | os.PathLike[str] | Callable[[], str] | None = None,
    role_session_name: str | None = None,
    duration_seconds: int | dt.timedelta | Literal["max"] | None = None,
    provider_id: str | None = None,
    policy: Mapping[str, Any] | str | None = None,
    policy_arns: Collection[str] | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session that acts as a role, with the token of an identity provider.

    Use it in EKS pods (IRSA), in GitHub Actions, and in other clouds. The request isn't
    signed, so no AWS credentials are needed.

    Args:
        role_arn: The ARN of the role. `None` means the value of ``AWS_ROLE_ARN``.

        token:
            The web identity token: the path of a file, which is read at each refresh,
            or a function that returns a token. `None` means the value of
            ``AWS_WEB_IDENTITY_TOKEN_FILE``.

        role_session_name:
            The name of the session in CloudTrail. `None` means the value of
            ``AWS_ROLE_SESSION_NAME`` if *token* or *role_arn* comes from the
            environment, or else the same as for :func:`stsession.assume`.

        duration_seconds:
            How long each set of credentials is valid: seconds, a
            :class:`datetime.timedelta`, or ``"max"`` for the longest duration that the
            role allows. `None` means STS's default of one hour.

        provider_id:
            The domain name of an OAuth 2.0 identity provider. `None` means an OpenID
            Connect provider.

        policy:
            A session policy, as a dict or as JSON, sent as compact JSON. It can only
            restrict the permissions of the role. `None` sends none.

        policy_arns:
            The ARNs of managed policies to use as session policies. `None` sends
            none.

        **options:
            Options of the session, of the STS endpoint and of refreshes; see
            :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would reject the request.

    .. seealso:: `AssumeRoleWithWebIdentity <https://docs.aws.amazon.com/STS/latest/\
APIReference/API_AssumeRoleWithWebIdentity.html>`_.

    .. versionadded:: 0.1.0
    """
    from .._tokens.web_identity import (  # noqa: PLC0415 - not for assume()
        WebIdentityTokenSupplier,
        web_identity_environment,
    )

    parameters: dict[str, Any] = {
        "role_arn": role_arn,
        "role_session_name": role_session_name,
        "duration_seconds": duration_seconds,
        "provider_id": provider_id,
        "policy": policy,
        "policy_arns": policy_arns,
    }
    arguments = {**parameters, "token": token, **options}
    environment = web_identity_environment()
    if role_session_name is None and None in (token, role_arn):
        parameters["role_session_name"] = environment.get("role_session_name")
    if role_arn is None:
        role_arn = parameters["role_arn"] = environment.get("role_arn")
    if role_arn is None:
        raise InvalidRequestError(
            "There is no role to assume.",
            parameter="role_arn",
            hint="Pass the ARN of a role, or set AWS_ROLE_ARN.",
        )
    if token is None:
        token = environment.get("web_identity_token_file")
    chain = ChainBuilder(unsigned_source(), Options(**options), role_arn=role_arn)
    supplier = WebIdentityTokenSupplier(_checked_token(token))
    chain.add("assume_role_with_web_identity", supplier, **parameters)
    return RefreshableSession(chain, Recipe(web_identity, arguments))


def _checked_token(
    token: str | os.PathLike[str] | Callable[[], str] | None,
) -> str | os.PathLike[str] | Callable[[], str]:
    if not token:
        raise InvalidRequestError(
            "There is no web identity token.",
            parameter="token",
            hint="Pass the path of a file or a function, or set "
            "AWS_WEB_IDENTITY_TOKEN_FILE.",
        )
    if not (isinstance(token, (str, os.PathLike)) or callable(token)):
        raise wrong_type("token", token, "a path or a function")
    if isinstance(token, str) and re.match(r"eyJ[\w-]*\.eyJ", token):
        raise InvalidRequestError(
            "token looks like a token, not like the path of a file.",
            parameter="token",
            hint="Pass the path of the file it is in, or a function that returns it.",
        )
    return token


@hides_arguments
@checks_names(SessionOptions)
def saml(
    role_arn: str,
    principal_arn: str,
    *,
    assertion: str | Callable[[], str],
    duration_seconds: int | dt.timedelta | Literal["max"] | None = None,
    policy: Mapping[str, Any] | str | None = None,
    policy_arns: Collection[str] | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session that acts as a role, with a SAML assertion.

    The request isn't signed, so no AWS credentials are needed.

    Args:
        role_arn: The ARN of the role.

        principal_arn: The ARN of the SAML provider in IAM.

        assertion:
            A function that returns a new assertion, base64-encoded as the identity
            provider posts it. It is called at each refresh, mostly in the background.
            An assertion is valid for five minutes and can be used once, so a session
            with a string can't refresh: an error is raised when a refresh is due.

        duration_seconds:
            How long each set of credentials is valid: seconds, a
            :class:`datetime.timedelta`, or ``"max"`` for the longest duration that the
            role allows. `None` means STS's default of one hour.

        policy:
            A session policy, as a dict or as JSON, sent as compact JSON. It can only
            restrict the permissions of the role. `None` sends none.

        policy_arns:
            The ARNs of managed policies to use as session policies. `None` sends
            none.

        **options:
            Options of the session, of the STS endpoint and of refreshes; see
            :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would reject the request.

    .. seealso:: `AssumeRoleWithSAML
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>`_
       and :func:`stsession.saml_roles`.

    .. versionadded:: 0.1.0
    """
    from .._tokens.saml import (  # noqa: PLC0415 - not for assume()
        SamlAssertionSupplier,
        checked_assertion,
    )

    if not callable(assertion):
        checked_assertion(assertion)
    chain = ChainBuilder(unsigned_source(), Options(**options), role_arn=role_arn)
    parameters: dict[str, Any] = {
        "role_arn": role_arn,
        "principal_arn": principal_arn,
        "duration_seconds": duration_seconds,
        "policy": policy,
        "policy_arns": policy_arns,
    }
    chain.add("assume_role_with_saml", SamlAssertionSupplier(assertion), **parameters)
    arguments = {**parameters, "assertion": assertion, **options}
    return RefreshableSession(chain, Recipe(saml, arguments))
