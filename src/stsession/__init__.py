"""
boto3 sessions for IAM roles that refresh their credentials.

    session = stsession.assume("arn:aws:iam::123456789012:role/Reader")
    s3 = session.client("s3")  # works for as long as the program runs

*assume()* returns a `boto3.Session`. STS is called when the session is first used, and
then before the credentials expire. *from_profile()*, *from_function()*,
*web_identity()*, *saml()*, *session_token()*, *federation_token()* and *assume_root()*
return such sessions, too. *Fleet* is for many accounts, *stsession.testing* for tests.
"""

from __future__ import annotations

import sys

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from ._botocore.errors import redact_botocore_logs
    from ._core.cache import MemoryCache
    from ._core.credentials import TemporaryCredentials
    from ._core.events import RefreshCounters, RefreshEvent, RefreshHook
    from ._core.policy import RefreshPolicy
    from ._delivery.endpoint import CredentialsEndpoint
    from ._delivery.file_cache import FileCache
    from ._sessions.from_function import from_function
    from ._sessions.from_profile import from_profile
    from ._sessions.operations import (
        assume,
        assume_root,
        federation_token,
        saml,
        session_token,
        web_identity,
    )
    from ._sessions.options import AssumeRoleOptions, SessionOptions
    from ._sessions.session import (
        RefreshableAssumeRoleSession,
        RefreshableSession,
    )
    from ._sessions.status import CallerIdentity, HopStatus, SessionStatus
    from ._tokens.mfa import totp
    from ._tokens.saml import SamlRole, saml_roles
    from .exceptions import (
        AccessDeniedError,
        ClockError,
        CredentialsExpiredError,
        FailureKind,
        InvalidRequestError,
        MfaError,
        RefreshError,
        SourceCredentialsError,
        StsessionError,
        StsUnavailableError,
    )
    from .fleet import Fleet, Organization


__all__ = [
    "AccessDeniedError",
    "AssumeRoleOptions",
    "CallerIdentity",
    "ClockError",
    "CredentialsEndpoint",
    "CredentialsExpiredError",
    "FailureKind",
    "FileCache",
    "Fleet",
    "HopStatus",
    "InvalidRequestError",
    "MemoryCache",
    "MfaError",
    "Organization",
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
    "from_function",
    "from_profile",
    "redact_botocore_logs",
    "saml",
    "saml_roles",
    "session_token",
    "totp",
    "web_identity",
]

# The names by the modules that they are loaded from on their first use. Loading all of
# them would make `import stsession` many times slower.
_NAMES = {
    "": "aio exceptions fleet integrations testing",
    "._botocore.errors": "redact_botocore_logs",
    "._core.cache": "MemoryCache",
    "._core.credentials": "TemporaryCredentials",
    "._core.events": "RefreshCounters RefreshEvent RefreshHook",
    "._core.policy": "RefreshPolicy",
    "._delivery.endpoint": "CredentialsEndpoint",
    "._delivery.file_cache": "FileCache",
    "._sessions.from_function": "from_function",
    "._sessions.from_profile": "from_profile",
    "._sessions.operations": (
        "assume assume_root federation_token saml session_token web_identity"
    ),
    "._sessions.options": "AssumeRoleOptions SessionOptions",
    "._sessions.session": "RefreshableAssumeRoleSession RefreshableSession",
    "._sessions.status": "CallerIdentity HopStatus SessionStatus",
    "._tokens.mfa": "totp",
    "._tokens.saml": "SamlRole saml_roles",
    ".exceptions": (
        "AccessDeniedError ClockError CredentialsExpiredError FailureKind "
        "InvalidRequestError MfaError RefreshError SourceCredentialsError "
        "StsUnavailableError StsessionError"
    ),
    ".fleet": "Fleet Organization",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


if "boto3" in sys.modules and "botocore.session" in sys.modules:
    # Bound now, because tests may have replaced these functions when they are needed.
    import_module("._botocore.sdk_classes", __name__)


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
