"""
Sessions by STS's other operations that a source signs.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from .._core.remembered_part import hides_arguments
from .._requests.root_requests_part import AssumeRootRequest
from .._requests.token_requests_part import FederationTokenRequest, SessionTokenRequest
from .._tokens.mfa import CodeLike
from .._tokens.suppliers import NoProof, Proof
from .operations_part import flat, made_session
from .options import SessionOptions
from .session import as_mfa
from .session_part import RefreshableSession
from .source_like_part import SourceLike, find_source


if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["assume_root", "federation_token", "session_token"]


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
    proof: Proof = NoProof() if mfa is None else mfa.proof(found)
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
