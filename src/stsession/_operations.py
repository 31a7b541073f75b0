"""
Sessions from STS's other operations: one function for each.
"""

from __future__ import annotations

import datetime as dt
import os
import re

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ._assume import DEFAULT_POLICY, SourceLike, as_mfa, find_source, hops_of
from ._events import RefreshHook
from ._hops import Hop, sts_endpoint
from ._mfa import CodeLike
from ._options import check_options
from ._policy import RefreshPolicy
from ._proofs import AssertionProof, NoProof, Proof, TokenProof
from ._requests import AssumeRootRequest
from ._session import RefreshableSession
from ._source import nobody
from ._sources import Source
from ._sts import StsRequest
from ._sts_clients import has_custom_endpoint
from ._token_requests import FederationTokenRequest, SessionTokenRequest
from ._unsigned_requests import SamlRequest, WebIdentityRequest
from .cache import PROCESS_CACHE, MemoryCache
from .exceptions import InvalidRequestError


if TYPE_CHECKING:
    from botocore.config import Config
    from typing_extensions import Unpack


__all__ = [
    "SessionOptions",
    "assume_root",
    "federation_token",
    "flat",
    "saml",
    "session_token",
    "web_identity",
]


class SessionOptions(TypedDict, total=False):
    """
    What all functions that make sessions take, as :func:`stsession.assume` does.

    .. versionadded:: 0.1.0
    """

    region: str | None
    sts_region: str | None
    sts_regions: Sequence[str] | None
    sts_endpoint_url: str | None
    sts_config: Config | None
    refresh: RefreshPolicy
    cache: MemoryCache | None
    on_event: RefreshHook | None


def web_identity(
    role_arn: str,
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
        role_arn: The role.

        token:
            The path of a file, read again at each refresh because its owner
            replaces it, or a function that returns a token. `None` means the
            file that ``AWS_WEB_IDENTITY_TOKEN_FILE`` names.

        role_session_name: See :func:`stsession.assume`.

        duration_seconds: See :func:`stsession.assume`.

        provider_id: The domain of an OAuth 2.0 provider; not for OIDC.

        policy: A session policy, as a dict or as JSON.

        policy_arns: Managed policies, to the same end.

        **options: See :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError: If STS would refuse the request.

    .. seealso:: `AssumeRoleWithWebIdentity <https://docs.aws.amazon.com/STS/latest/\
APIReference/API_AssumeRoleWithWebIdentity.html>`_.

    .. versionadded:: 0.1.0
    """
    arguments = flat(locals())
    if token is None:
        token = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
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
    return _session(
        (web_identity, arguments),
        source=nobody(),
        proof=TokenProof(token),
        request=lambda custom: WebIdentityRequest.checked(
            role_arn,
            role_session_name=role_session_name,
            duration_seconds=duration_seconds,
            provider_id=provider_id,
            policy=policy,
            policy_arns=policy_arns,
            custom_endpoint=custom,
        ),
        **options,
    )


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

        policy: A session policy, as a dict or as JSON.

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
    return _session(
        (saml, arguments),
        source=nobody(),
        proof=AssertionProof(assertion),
        request=lambda custom: SamlRequest.checked(
            role_arn,
            principal_arn,
            duration_seconds=duration_seconds,
            policy=policy,
            policy_arns=policy_arns,
            custom_endpoint=custom,
        ),
        **options,
    )


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
    proof: Proof = NoProof() if mfa is None else mfa.proof(found)
    return _session(
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
        **options,
    )


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
    return _session(
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
        **options,
    )


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
    return _session(
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
        **options,
    )


def flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """
    What to call the function with to have the same again.
    """
    return {**arguments.pop("options"), **arguments}


def _session(
    made_by: tuple[Callable[..., RefreshableSession], dict[str, Any]],
    *,
    source: Source,
    request: Callable[[bool], StsRequest],
    given: SourceLike = None,
    proof: Proof | None = None,
    is_role: bool = True,
    region: str | None = None,
    sts_region: str | None = None,
    sts_regions: Sequence[str] | None = None,
    sts_endpoint_url: str | None = None,
    sts_config: Config | None = None,
    refresh: RefreshPolicy = DEFAULT_POLICY,
    cache: MemoryCache | None = PROCESS_CACHE,
    on_event: RefreshHook | None = None,
) -> RefreshableSession:
    """
    Make a session for *request*, which is told whether the server isn't AWS's.
    """
    check_options(
        refresh=refresh,
        cache=cache,
        sts_config=sts_config,
        on_event=on_event,
        regions=(region, sts_region),
    )
    if isinstance(given, RefreshableSession):
        sts_endpoint_url, sts_config = given._sts_defaults(  # noqa: SLF001
            sts_endpoint_url, sts_config
        )
    checked = request(has_custom_endpoint(source.settings, sts_endpoint_url))
    endpoint = sts_endpoint(
        source,
        role_arn=checked.label,
        region=region,
        sts_region=sts_region,
        sts_regions=sts_regions,
        url=sts_endpoint_url,
        config=sts_config,
    )
    if isinstance(checked, AssumeRootRequest) and "aws-global" in endpoint.regions:
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
        policy=refresh,
        proof=NoProof() if proof is None else proof,
    )
    return RefreshableSession._wired(  # noqa: SLF001 - one of ours
        (*hops_of(given), hop.refresher(cache)),
        source,
        endpoint=endpoint,
        key=hop.key,
        made_by=made_by,
        is_role=is_role,
        region=region,
        on_event=on_event,
    )
