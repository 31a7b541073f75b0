"""
boto3 sessions for assumed IAM roles that refresh their own credentials.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
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

# Most programs that import us for one of many tasks don't assume a role each
# time; making our classes takes ten times as long as finding out that nobody
# asks for them.
_HOMES = {
    "AccessDeniedError": ".exceptions",
    "CallerIdentity": "._status",
    "ClockError": ".exceptions",
    "CredentialsExpiredError": ".exceptions",
    "FailureKind": ".exceptions",
    "HopStatus": "._status",
    "InvalidRequestError": ".exceptions",
    "MemoryCache": ".cache",
    "RefreshCounters": "._events",
    "RefreshError": ".exceptions",
    "RefreshEvent": "._events",
    "RefreshHook": "._events",
    "RefreshPolicy": "._policy",
    "RefreshableAssumeRoleSession": "._session",
    "RefreshableSession": "._session",
    "SessionStatus": "._status",
    "SourceCredentialsError": ".exceptions",
    "StsUnavailableError": ".exceptions",
    "StsessionError": ".exceptions",
    "TemporaryCredentials": "._credentials",
    "assume": "._session",
    "redact_botocore_logs": "._redact",
    "cache": "",
    "exceptions": "",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = (
        getattr(import_module(home, __name__), name)
        if home
        else import_module(f".{name}", __name__)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
