"""
What can go wrong, and what to do about it.

Every error is one of botocore's too, so handlers that catch
:class:`botocore.exceptions.BotoCoreError` keep working.
"""

from __future__ import annotations

import datetime as dt
import enum

from typing import Any

from botocore.exceptions import BotoCoreError


__all__ = [
    "AccessDeniedError",
    "ClockError",
    "CredentialsExpiredError",
    "ExecutorError",
    "FailureKind",
    "InvalidRequestError",
    "MfaError",
    "OrganizationError",
    "RefreshError",
    "SourceCredentialsError",
    "StsUnavailableError",
    "StsessionError",
]


class FailureKind(enum.Enum):
    """
    Why a refresh failed; decides when the next one is tried.

    .. versionadded:: 0.1.0
    """

    REQUEST = "request"
    """STS refused the request or a policy; asking again changes nothing."""

    SOURCE = "source"
    """The source has no usable credentials; asking again changes nothing."""

    SOURCE_EXPIRED = "source-expired"
    """The source's credentials were refused as expired or revoked."""

    MFA = "mfa"
    """No code of an MFA device could be had, or it was wrong."""

    CLOCK = "clock"
    """The local clock and AWS's disagree."""

    THROTTLED = "throttled"
    """STS asked for fewer requests."""

    OUTAGE = "outage"
    """The network or the service failed."""

    TLS = "tls"
    """The certificate of the end point couldn't be verified."""

    UNKNOWN = "unknown"
    """Anything else; treated as if it passes."""

    @property
    def permanent(self) -> bool:
        """
        Whether asking again with the same request is pointless.
        """
        return self in (FailureKind.REQUEST, FailureKind.SOURCE, FailureKind.MFA)


def _joined(message: str, hint: str) -> str:
    """
    Both as sentences: a message may end with what others have written.
    """
    said = message.rstrip(" .:\n")
    stop = "" if said.endswith(("!", "?", "…")) else "."
    return f"{said}{stop} {hint}"


def _rebuild(
    cls: type[StsessionError], message: str, fields: dict[str, Any]
) -> StsessionError:
    error = cls.__new__(cls, message)
    error.__dict__.update(fields)
    return error


class StsessionError(BotoCoreError):
    """
    The base of all our errors.

    Args:
        message: What was tried, and what came back.

        hint: What to do about it. It ends the error's text.

    .. versionadded:: 0.1.0
    """

    hint: str
    """What to do about it; empty if nothing sensible is known."""

    retryable: bool = False
    """Whether the same call may succeed later without a change."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        # BotoCoreError formats its message from keyword arguments; ours is
        # ready, so its initializer is left out on purpose.
        Exception.__init__(self, _joined(message, hint) if hint else message.rstrip())
        self.kwargs: dict[str, Any] = {}
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), dict(self.__dict__))


class InvalidRequestError(StsessionError, ValueError):
    """
    An argument breaks a rule of STS; nothing has been sent.

    Args:
        message: Which rule, with the limit and what was given.

        parameter: The name of the parameter.

    .. versionadded:: 0.1.0
    """

    parameter: str | None
    """The name of the parameter, or `None` if several clash, or none is at fault."""

    def __init__(
        self, message: str, *, parameter: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.parameter = parameter


class RefreshError(StsessionError):
    """
    No new credentials could be had, and the old ones won't do.

    Args:
        message: What was tried, and what came back.

        kind: Why it failed. `None` means the usual kind of this class.

        code: The error code of the answer, if there was one.

        http_status: The HTTP status of the answer, if there was one.

        hop: What couldn't be refreshed: the ARN of a role, or a source.

        retry_after: How long STS asked to wait, if it did.

    .. versionadded:: 0.1.0
    """

    default_kind: FailureKind = FailureKind.UNKNOWN

    kind: FailureKind
    """Why it failed."""

    code: str | None
    """The error code of the answer, e.g. ``"AccessDenied"``. `None` if it had none."""

    http_status: int | None
    """The HTTP status of the answer. `None` if there was no answer."""

    hop: str | None
    """The ARN of the role, or the source, that couldn't be refreshed."""

    retry_after: dt.timedelta | None
    """How long STS asked to wait. `None` if it didn't."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        kind: FailureKind | None = None,
        code: str | None = None,
        http_status: int | None = None,
        hop: str | None = None,
        retry_after: dt.timedelta | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = self.default_kind if kind is None else kind
        self.code = code
        self.http_status = http_status
        self.hop = hop
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        """
        Whether the same call may succeed later without a change.
        """
        return not self.kind.permanent


class AccessDeniedError(RefreshError):
    """
    STS refused: the trust policy, an external ID, or a missing permission.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.REQUEST


class SourceCredentialsError(RefreshError):
    """
    The credentials that should assume the role are missing or expired.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.SOURCE


class MfaError(RefreshError):
    """
    There was no code of an MFA device to be had, or it was wrong.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.MFA


class StsUnavailableError(RefreshError):
    """
    STS couldn't be asked, or had no time for us: network, throttling, 5xx.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.OUTAGE


class ClockError(RefreshError):
    """
    The local clock is too wrong for AWS, or for us to believe its answers.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.CLOCK


class CredentialsExpiredError(RefreshError):
    """
    The credentials expired, and no attempt to refresh them has succeeded.

    The last error of STS is the ``__cause__``.

    Args:
        expired_at: When they expired.

        attempts: How many refreshes failed in a row.

        next_attempt_at: The earliest instant of the next attempt.

        source: Who assumes the role.

    .. versionadded:: 0.1.0
    """

    expired_at: dt.datetime | None
    """When they expired, as an aware UTC datetime."""

    attempts: int
    """How many refreshes failed in a row."""

    next_attempt_at: dt.datetime | None
    """The earliest instant of the next attempt, as an aware UTC datetime."""

    source: str | None
    """Who assumes the role."""

    def __init__(
        self,
        message: str,
        *,
        expired_at: dt.datetime | None = None,
        attempts: int = 0,
        next_attempt_at: dt.datetime | None = None,
        source: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(message, **kwargs)
        self.expired_at = expired_at
        self.attempts = attempts
        self.next_attempt_at = next_attempt_at
        self.source = source


class ExecutorError(StsessionError):
    """
    Another thread or process couldn't do its part, or couldn't tell of it.

    Args:
        message: What was tried, and what came back.

        type_name: The class of what was raised there.

        code: The error code in it, if it came from AWS.

    .. versionadded:: 0.1.0
    """

    type_name: str | None
    """The class of what was raised there, e.g. ``"NoSuchBucket"``. `None` if nothing
    was."""

    code: str | None
    """The error code in it. `None` if it didn't come from AWS."""

    def __init__(
        self,
        message: str,
        *,
        type_name: str | None = None,
        code: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.type_name = type_name
        self.code = code


class OrganizationError(StsessionError):
    """
    The accounts of an organization couldn't be listed.

    Args:
        message: What was tried, and what came back.

        code: The error code of the answer, if there was one.

    .. versionadded:: 0.1.0
    """

    code: str | None
    """The error code of the answer. `None` if there was no answer."""

    def __init__(
        self, message: str, *, code: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
