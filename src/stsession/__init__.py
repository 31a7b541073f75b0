"""
boto3 sessions for assumed IAM roles that refresh their own credentials.
"""

from __future__ import annotations

from ._credentials import TemporaryCredentials
from ._events import RefreshCounters, RefreshEvent, RefreshHook
from ._policy import RefreshPolicy
from ._redact import redact_botocore_logs
from ._session import RefreshableAssumeRoleSession, RefreshableSession, assume
from ._status import CallerIdentity, HopStatus, SessionStatus
from .cache import MemoryCache
from .exceptions import (
    AccessDeniedError,
    ClockError,
    CredentialsExpiredError,
    FailureKind,
    InvalidRequestError,
    RefreshError,
    SourceCredentialsError,
    StsessionError,
    StsUnavailableError,
)


__all__ = [
    "AccessDeniedError",
    "CallerIdentity",
    "ClockError",
    "CredentialsExpiredError",
    "FailureKind",
    "HopStatus",
    "InvalidRequestError",
    "MemoryCache",
    "RefreshCounters",
    "RefreshError",
    "RefreshEvent",
    "RefreshHook",
    "RefreshPolicy",
    "RefreshableAssumeRoleSession",
    "RefreshableSession",
    "SessionStatus",
    "SourceCredentialsError",
    "StsUnavailableError",
    "StsessionError",
    "TemporaryCredentials",
    "assume",
    "redact_botocore_logs",
]
