"""
boto3 sessions for assumed IAM roles that refresh their own credentials.

    session = stsession.assume("arn:aws:iam::123456789012:role/Reader")
    s3 = session.client("s3")  # good for as long as the program runs

What *assume()* returns is a `boto3.Session`. Nothing asks STS before the first
use; from then on the credentials are renewed before they expire. There are
*from_profile()*, *web_identity()*, *saml()*, *session_token()*,
*federation_token()* and *assume_root()* beside it, and *stsession.testing* for
tests.
"""

from __future__ import annotations

import sys

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from ._assume import RefreshableAssumeRoleSession, assume
    from ._cache import MemoryCache
    from ._credentials import TemporaryCredentials
    from ._events import RefreshCounters, RefreshEvent, RefreshHook
    from ._from_profile import from_profile
    from ._options import SessionOptions
    from ._policy import RefreshPolicy
    from ._redact import redact_botocore_logs
    from ._saml_roles import SamlRole, saml_roles
    from ._session import RefreshableSession
    from ._signed_sessions import assume_root, federation_token, session_token
    from ._status import CallerIdentity, HopStatus, SessionStatus
    from ._totp import totp
    from ._unsigned_sessions import saml, web_identity
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
    "totp",
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
    "MemoryCache": "._cache",
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
    "SessionOptions": "._options",
    "SessionStatus": "._status",
    "SourceCredentialsError": ".exceptions",
    "StsUnavailableError": ".exceptions",
    "StsessionError": ".exceptions",
    "TemporaryCredentials": "._credentials",
    "assume": "._assume",
    "assume_root": "._signed_sessions",
    "exceptions": "",
    "federation_token": "._signed_sessions",
    "fleet": "",
    "from_profile": "._from_profile",
    "redact_botocore_logs": "._redact",
    "saml": "._unsigned_sessions",
    "saml_roles": "._saml_roles",
    "session_token": "._signed_sessions",
    "testing": "",
    "totp": "._totp",
    "web_identity": "._unsigned_sessions",
}


if "boto3" in sys.modules and "botocore.session" in sys.modules:
    # Bound now, as a test may have put something else there when they are needed.
    import_module("._sdk_classes", __name__)


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
