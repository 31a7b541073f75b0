"""
The errors that this package raises; each says what to do.

All of them are also botocore's, so handlers that catch
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
    Why a refresh failed. It determines when the next attempt starts.

    .. versionadded:: 0.1.0
    """

    REQUEST = "request"
    """STS denied or rejected the request. A retry without a change fails as well."""

    SOURCE = "source"
    """The source has no usable credentials. A retry without a change fails as well."""

    SOURCE_EXPIRED = "source-expired"
    """STS rejected the source's credentials as expired or revoked."""

    MFA = "mfa"
    """There was no MFA code, or it was wrong."""

    CLOCK = "clock"
    """The local clock differs too much from that of AWS."""

    THROTTLED = "throttled"
    """STS throttled the request."""

    OUTAGE = "outage"
    """The network or STS failed."""

    TLS = "tls"
    """The TLS certificate of the endpoint couldn't be verified."""

    UNKNOWN = "unknown"
    """Another failure, which is retried like an outage."""

    @property
    def permanent(self) -> bool:
        """Whether a retry without a change is not expected to succeed."""
        return self in (FailureKind.REQUEST, FailureKind.SOURCE, FailureKind.MFA)


def _joined(message: str, hint: str) -> str:
    """Return both as sentences. A message may end with text from another program."""
    text = message.rstrip(" .:\n")
    stop = "" if text.endswith(("!", "?", "…")) else "."
    return f"{text}{stop} {hint}"


def _rebuild(
    cls: type[StsessionError], message: str, fields: dict[str, Any]
) -> StsessionError:
    error = cls.__new__(cls, message)
    error.__dict__.update(fields)
    return error


class StsessionError(BotoCoreError):
    """
    The base class of all errors of this package.

    Args:
        message: What was tried, and what the response was.

        hint: What to do. The error's text ends with it.

    .. versionadded:: 0.1.0
    """

    hint: str
    """What to do. Empty if nothing is known."""

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
    An argument is invalid. It is raised before any request is sent.

    Args:
        message: The rule that the argument breaks, with the limit and the value.

        parameter:
            The name of the parameter. `None` if the error isn't about a single one.

        hint: What to do. The error's text ends with it.

    .. versionadded:: 0.1.0
    """

    parameter: str | None
    """The name of the parameter. `None` if the error isn't about a single one."""

    def __init__(
        self, message: str, *, parameter: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.parameter = parameter


class RefreshError(StsessionError):
    """
    The credentials could not be refreshed, and there are no others to use.

    Args:
        message: What was tried, and what the response was.

        hint: What to do. The error's text ends with it.

        kind: Why the refresh failed. `None` means the `default_kind` of the class.

        code: The error code of the response. `None` if it had none.

        http_status: The HTTP status of the response. `None` if there was none.

        hop: The ARN of the role, or the source, that couldn't be refreshed.

        retry_after: The `Retry-After` of the response. `None` if it had none.

    .. versionadded:: 0.1.0
    """

    default_kind: FailureKind = FailureKind.UNKNOWN

    kind: FailureKind
    """Why the refresh failed."""

    code: str | None
    """The error code of the response, for example ``"AccessDenied"``. `None` if it had
    none."""

    http_status: int | None
    """The HTTP status of the response. `None` if there was no response."""

    hop: str | None
    """The ARN of the role, or the source, that couldn't be refreshed. `None` if the
    error isn't about one."""

    retry_after: dt.timedelta | None
    """The `Retry-After` of the response. `None` if it had none."""

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
        """Whether the same call may succeed later without a change."""
        return not self.kind.permanent


class AccessDeniedError(RefreshError):
    """
    STS denied the request because of a trust policy, an external ID, or a permission.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.REQUEST


class SourceCredentialsError(RefreshError):
    """
    The source credentials are missing, invalid, or expired.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.SOURCE


class MfaError(RefreshError):
    """
    There was no MFA code, or it was wrong.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.MFA


class StsUnavailableError(RefreshError):
    """
    STS could not be reached, throttled the request, or returned a 5xx error.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.OUTAGE


class ClockError(RefreshError):
    """
    The local clock differs too much from that of AWS.

    .. versionadded:: 0.1.0
    """

    default_kind = FailureKind.CLOCK


class CredentialsExpiredError(RefreshError):
    """
    The credentials expired, and no attempt to refresh them has succeeded.

    The last error is the ``__cause__``.

    Args:
        message: What was tried, and what the response was.

        expired_at:
            When the credentials expired, as an aware UTC datetime. `None` if unknown.

        attempts: How many attempts failed in a row.

        next_attempt_at:
            When the next attempt may start, as an aware UTC datetime. `None` if
            unknown.

        source: The name of the source, such as ``profile "ci"``. `None` if unknown.

        **kwargs:
            The other arguments of :class:`RefreshError`, such as *hint* and *code*.

    .. versionadded:: 0.1.0
    """

    expired_at: dt.datetime | None
    """When the credentials expired, as an aware UTC datetime. `None` if unknown."""

    attempts: int
    """How many attempts failed in a row."""

    next_attempt_at: dt.datetime | None
    """When the next attempt may start, as an aware UTC datetime. `None` if unknown."""

    source: str | None
    """The name of the source, such as ``profile "ci"``. `None` if unknown."""

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
    A task of a fleet failed in its worker, or its result could not be returned.

    Args:
        message: What was tried, and what the response was.

        type_name: The class name of the exception that the worker raised, if any.

        code: The error code of AWS in that exception. `None` if it had none.

        hint: What to do. The error's text ends with it.

    .. versionadded:: 0.1.0
    """

    type_name: str | None
    """The class name of the exception that the worker raised, for example
    ``"NoSuchBucket"``. `None` if it raised none."""

    code: str | None
    """The error code of AWS in that exception. `None` if it had none."""

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
        message: What was tried, and what the response was.

        code: The error code of the response. `None` if it had none.

        hint: What to do. The error's text ends with it.

    .. versionadded:: 0.1.0
    """

    code: str | None
    """The error code of the response. `None` if it had none."""

    def __init__(
        self, message: str, *, code: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
