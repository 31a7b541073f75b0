"""
Sessions by somebody else's token, from requests that aren't signed.
"""

from __future__ import annotations

import datetime as dt
import os
import re

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

from .._core.remembered_part import hides_arguments
from .._requests.siblings import (
    SamlRequest,
    WebIdentityRequest,
    web_identity_environment,
)
from .._sources.find import nobody
from .._tokens.suppliers import AssertionProof, TokenProof
from ..exceptions import InvalidRequestError
from .operations_part import flat, made_session, options_of
from .options import SessionOptions
from .session_part import RefreshableSession


if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["saml", "web_identity"]


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
        source=nobody(),
        proof=TokenProof(token),
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
        options=options,
    )
