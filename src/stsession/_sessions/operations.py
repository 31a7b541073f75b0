"""
Public functions for STS's other operations.
"""

from __future__ import annotations

import datetime as dt
import inspect
import os
import re

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

from .._core.errors import hides_arguments
from .._requests.siblings import (
    AssumeRootRequest,
    FederationTokenRequest,
    SamlRequest,
    SessionTokenRequest,
    WebIdentityRequest,
    web_identity_environment,
)
from .._sources.find import unsigned_source
from .._sources.sources import Source
from .._sts.endpoint import has_custom_endpoint
from .._sts.fetcher import StsRequest
from .._tokens.mfa import CodeLike
from .._tokens.suppliers import (
    NoProof,
    SamlAssertionSupplier,
    TokenSupplier,
    WebIdentityTokenSupplier,
)
from ..exceptions import InvalidRequestError
from .chain import Hop
from .options import Options, SessionOptions, check_names
from .session import RefreshableSession, SourceLike, as_mfa, find_source, hops_of


if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "assume_root",
    "federation_token",
    "flat",
    "made_session",
    "options_of",
    "saml",
    "session_token",
    "web_identity",
]


REGIONLESS = frozenset({None, "aws-global"})


def flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """
    What to call the function with to have the same again.
    """
    return {**arguments.pop("options"), **arguments}


def options_of(function: Callable[..., Any], given: SessionOptions) -> Options:
    """
    The options that *function* was given.

    Raises:
        TypeError: If there is another argument among them.

        InvalidRequestError: If one isn't what it has to be.
    """
    options = SessionOptions.__annotations__
    if not given.keys() <= options.keys():
        known = inspect.signature(function).parameters.keys() - {"options"}
        check_names(f"{function.__name__}()", [*known, *options], given)
    return Options.checked(**given)


def made_session(
    made_by: tuple[Callable[..., RefreshableSession], dict[str, Any]],
    *,
    source: Source,
    request: Callable[[bool], StsRequest],
    options: SessionOptions,
    given: SourceLike = None,
    proof: TokenSupplier | None = None,
    is_role: bool = True,
) -> RefreshableSession:
    """
    Make a session for *request*, which is told whether the server isn't AWS's.
    """
    wanted = options_of(made_by[0], options)
    if isinstance(given, RefreshableSession):
        wanted = given._inherited(wanted)  # noqa: SLF001 - one of ours
    checked = request(has_custom_endpoint(source.settings, wanted.sts_endpoint_url))
    endpoint = wanted.endpoint(source, role_arn=checked.label)
    if isinstance(checked, AssumeRootRequest) and not REGIONLESS.isdisjoint(
        endpoint.regions
    ):
        raise InvalidRequestError(
            "No region is known, and the global STS doesn't do AssumeRoot.",
            parameter="region",
            hint="Pass region= or sts_region=, or set AWS_DEFAULT_REGION or the "
            "profile's region.",
        )
    hop = Hop(
        request=checked,
        source=source,
        endpoint=endpoint,
        policy=wanted.refresh,
        proof=NoProof() if proof is None else proof,
    )
    return RefreshableSession._wired(  # noqa: SLF001 - one of ours
        (*hops_of(given), hop.refresher(wanted.cache)),
        source,
        endpoint=endpoint,
        key=hop.key,
        made_by=made_by,
        is_role=is_role,
        options=wanted,
    )


@hides_arguments
def session_token(
    *,
    source: SourceLike = None,
    mfa_serial: str | None = None,
    mfa_code: CodeLike = None,
    duration_seconds: int | dt.timedelta | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session that acts as the source's user, with temporary credentials.

    With *mfa_serial*, policies see that a second factor was there, and one code
    serves for as long as the credentials live. :func:`stsession.assume` does
    this by itself when it is given *mfa_serial*.

    Args:
        source: An IAM user; see :func:`stsession.assume`.

        mfa_serial: See :func:`stsession.assume`.

        mfa_code: See :func:`stsession.assume`.

        duration_seconds:
            15 minutes to 36 hours, as seconds or a :class:`datetime.timedelta`.
            `None` means 12 hours.

        **options: See :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would refuse the request.

    .. seealso:: `GetSessionToken
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>`_.

    .. versionadded:: 0.1.0
    """
    arguments = flat(locals())
    found, mfa = find_source(source), as_mfa(mfa_serial, mfa_code, session=False)
    proof: TokenSupplier = NoProof() if mfa is None else mfa.proof(found)
    return made_session(
        (session_token, arguments),
        source=found,
        given=source,
        proof=proof,
        is_role=False,
        request=lambda custom: SessionTokenRequest.checked(
            mfa_serial=None if mfa_serial == "auto" else mfa_serial,
            duration_seconds=duration_seconds,
            custom_endpoint=custom,
        ),
        options=options,
    )


@hides_arguments
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
    Return a session for a federated user, which acts with less than the source.

    It can't call IAM, nor STS but for GetCallerIdentity.

    Args:
        name: What the federated user is called.

        source: An IAM user; see :func:`stsession.assume`.

        policy:
            A session policy, as a dict or as JSON. Without any policy, the
            federated user may do next to nothing.

        policy_arns: Managed policies, to the same end.

        duration_seconds:
            15 minutes to 36 hours, as seconds or a :class:`datetime.timedelta`.
            `None` means 12 hours.

        tags: Session tags.

        **options: See :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would refuse the request.

    .. seealso:: `GetFederationToken
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>`_.

    .. versionadded:: 0.1.0
    """
    arguments = flat(locals())
    return made_session(
        (federation_token, arguments),
        source=find_source(source),
        given=source,
        is_role=False,
        request=lambda custom: FederationTokenRequest.checked(
            name,
            policy=policy,
            policy_arns=policy_arns,
            duration_seconds=duration_seconds,
            tags=tags,
            custom_endpoint=custom,
        ),
        options=options,
    )


@hides_arguments
def assume_root(
    target_principal: str,
    task_policy_arn: str,
    *,
    source: SourceLike = None,
    duration_seconds: int | dt.timedelta | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session that acts as root of a member account, for one task.

    Args:
        target_principal: The ID of the account, or the ARN of its root.

        task_policy_arn: One of AWS's managed policies for such tasks.

        source:
            Somebody of the management account, or of the delegated one; see
            :func:`stsession.assume`.

        duration_seconds: 15 minutes at most. `None` means 15 minutes.

        **options: See :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would refuse the request.

    .. seealso:: `AssumeRoot
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html>`_,
       which the global end point doesn't have: a region is needed.

    .. versionadded:: 0.1.0
    """
    arguments = flat(locals())
    return made_session(
        (assume_root, arguments),
        source=find_source(source),
        given=source,
        is_role=False,
        request=lambda custom: AssumeRootRequest.checked(
            target_principal,
            task_policy_arn,
            duration_seconds=duration_seconds,
            custom_endpoint=custom,
        ),
        options=options,
    )


@hides_arguments
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
    Return a session that acts as a role, by a token of an identity provider.

    This is how pods (IRSA), GitHub Actions and other clouds get to AWS. The
    request isn't signed; no credentials are needed, and none are looked for.

    Args:
        role_arn: The role. `None` means the role that ``AWS_ROLE_ARN`` names.

        token:
            The path of a file, read again at each refresh because its owner
            replaces it, or a function that returns a token. `None` means the
            file that ``AWS_WEB_IDENTITY_TOKEN_FILE`` names.

        role_session_name:
            The name of the session in CloudTrail. `None` means the value of
            ``AWS_ROLE_SESSION_NAME`` if *token* or *role_arn* comes from the
            environment as well, or else what it means for :func:`stsession.assume`.

        duration_seconds: See :func:`stsession.assume`.

        provider_id: The domain of an OAuth 2.0 provider; not for OIDC.

        policy: A session policy, as a dict or as JSON, sent as compact JSON.

        policy_arns: Managed policies, to the same end.

        **options: See :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would refuse the request.

    .. seealso:: `AssumeRoleWithWebIdentity <https://docs.aws.amazon.com/STS/latest/\
APIReference/API_AssumeRoleWithWebIdentity.html>`_.

    .. versionadded:: 0.1.0
    """
    arguments = flat(locals())
    options_of(web_identity, options)  # a misspelt token isn't a missing one
    environment = web_identity_environment()
    if role_session_name is None and None in (token, role_arn):
        role_session_name = environment.get("role_session_name")
    role = environment.get("role_arn") if role_arn is None else role_arn
    if role is None:
        raise InvalidRequestError(
            "There is no role to assume.",
            parameter="role_arn",
            hint="Pass the ARN of a role, or set AWS_ROLE_ARN.",
        )
    if token is None:
        token = environment.get("web_identity_token_file")
    if not token:
        raise InvalidRequestError(
            "There is no web identity token.",
            parameter="token",
            hint="Pass the path of a file or a function, or set "
            "AWS_WEB_IDENTITY_TOKEN_FILE.",
        )
    if isinstance(token, str) and re.match(r"eyJ[\w-]*\.eyJ", token):
        raise InvalidRequestError(
            "token is a token, not the path of a file.",
            parameter="token",
            hint="Pass the path of the file it is in, or a function that returns it.",
        )
    return made_session(
        (web_identity, arguments),
        source=unsigned_source(),
        proof=WebIdentityTokenSupplier(token),
        request=lambda custom: WebIdentityRequest.checked(
            role,
            role_session_name=role_session_name,
            duration_seconds=duration_seconds,
            provider_id=provider_id,
            policy=policy,
            policy_arns=policy_arns,
            custom_endpoint=custom,
        ),
        options=options,
    )


@hides_arguments
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
    Return a session that acts as a role, by a SAML assertion.

    The request isn't signed; no credentials are needed, and none are looked
    for.

    Args:
        role_arn: The role.

        principal_arn: The SAML provider in IAM.

        assertion:
            A function that gets a fresh assertion, base64-encoded as the
            identity provider posts it; it is called at each refresh, mostly in
            the background. An assertion lives for five minutes and serves once,
            so a plain string gives one life: when that has to be refreshed, the
            session says so.

        duration_seconds: See :func:`stsession.assume`.

        policy: A session policy, as a dict or as JSON, sent as compact JSON.

        policy_arns: Managed policies, to the same end.

        **options: See :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would refuse the request.

    .. seealso:: `AssumeRoleWithSAML
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>`_
       and :func:`stsession.saml_roles`.

    .. versionadded:: 0.1.0
    """
    arguments = flat(locals())
    return made_session(
        (saml, arguments),
        source=unsigned_source(),
        proof=SamlAssertionSupplier(assertion),
        request=lambda custom: SamlRequest.checked(
            role_arn,
            principal_arn,
            duration_seconds=duration_seconds,
            policy=policy,
            policy_arns=policy_arns,
            custom_endpoint=custom,
        ),
        options=options,
    )
