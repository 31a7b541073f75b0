"""
boto3 sessions for assumed IAM roles that refresh their own credentials.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from ._assume import RefreshableAssumeRoleSession, assume
    from ._credentials import TemporaryCredentials
    from ._events import RefreshCounters, RefreshEvent, RefreshHook
    from ._from_profile import from_profile
    from ._operations import (
        SessionOptions,
        assume_root,
        federation_token,
        saml,
        session_token,
        web_identity,
    )
    from ._policy import RefreshPolicy
    from ._redact import redact_botocore_logs
    from ._saml_roles import SamlRole, saml_roles
    from ._session import RefreshableSession
    from ._status import CallerIdentity, HopStatus, SessionStatus
    from .cache import MemoryCache
    from .exceptions import (
        AccessDeniedError,
        ClockError,
        CredentialsExpiredError,
        ExecutorError,
        FailureKind,
        InvalidRequestError,
        MfaError,
        OrganizationError,
        RefreshError,
        SourceCredentialsError,
        StsessionError,
        StsUnavailableError,
    )
    from .fleet import (
        AccountOptions,
        Fleet,
        FleetCounts,
        FleetOptions,
        FleetResult,
        FleetRun,
        FleetTarget,
        Organization,
    )


__all__ = [
    "AccessDeniedError",
    "AccountOptions",
    "CallerIdentity",
    "ClockError",
    "CredentialsExpiredError",
    "ExecutorError",
    "FailureKind",
    "Fleet",
    "FleetCounts",
    "FleetOptions",
    "FleetResult",
    "FleetRun",
    "FleetTarget",
    "HopStatus",
    "InvalidRequestError",
    "MemoryCache",
    "MfaError",
    "Organization",
    "OrganizationError",
    "RefreshCounters",
    "RefreshError",
    "RefreshEvent",
    "RefreshHook",
    "RefreshPolicy",
    "RefreshableAssumeRoleSession",
    "RefreshableSession",
    "SamlRole",
    "SessionOptions",
    "SessionStatus",
    "SourceCredentialsError",
    "StsUnavailableError",
    "StsessionError",
    "TemporaryCredentials",
    "assume",
    "assume_root",
    "federation_token",
    "from_profile",
    "redact_botocore_logs",
    "saml",
    "saml_roles",
    "session_token",
    "web_identity",
]

# Where each name is loaded from when it is first asked for. Loading them all,
# which is mostly making classes, takes many times as long as `import stsession`
# may.
_HOMES = {
    "AccessDeniedError": ".exceptions",
    "AccountOptions": ".fleet",
    "CallerIdentity": "._status",
    "ClockError": ".exceptions",
    "CredentialsExpiredError": ".exceptions",
    "ExecutorError": ".exceptions",
    "FailureKind": ".exceptions",
    "Fleet": ".fleet",
    "FleetCounts": ".fleet",
    "FleetOptions": ".fleet",
    "FleetResult": ".fleet",
    "FleetRun": ".fleet",
    "FleetTarget": ".fleet",
    "HopStatus": "._status",
    "InvalidRequestError": ".exceptions",
    "MemoryCache": ".cache",
    "MfaError": ".exceptions",
    "Organization": ".fleet",
    "OrganizationError": ".exceptions",
    "RefreshCounters": "._events",
    "RefreshError": ".exceptions",
    "RefreshEvent": "._events",
    "RefreshHook": "._events",
    "RefreshPolicy": "._policy",
    "RefreshableAssumeRoleSession": "._assume",
    "RefreshableSession": "._session",
    "SamlRole": "._saml_roles",
    "SessionOptions": "._operations",
    "SessionStatus": "._status",
    "SourceCredentialsError": ".exceptions",
    "StsUnavailableError": ".exceptions",
    "StsessionError": ".exceptions",
    "TemporaryCredentials": "._credentials",
    "assume": "._assume",
    "assume_root": "._operations",
    "cache": "",
    "exceptions": "",
    "federation_token": "._operations",
    "fleet": "",
    "from_profile": "._from_profile",
    "mfa": "",
    "redact_botocore_logs": "._redact",
    "saml": "._operations",
    "saml_roles": "._saml_roles",
    "session_token": "._operations",
    "testing": "",
    "web_identity": "._operations",
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
    return sorted(_HOMES)
