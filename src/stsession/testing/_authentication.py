"""
Who signed a request, and what each service says if that can't be told.
"""

from __future__ import annotations

import hmac

from collections.abc import Mapping
from typing import Literal

from ._answers import Refused, Service
from ._http import HttpRequest
from ._iam import Iam
from ._keys import AccessKey
from ._sigv4 import payload_is_intact, read_signature


__all__ = ["authenticate"]


_Protocol = Literal["query", "s3"]

_INVALID = "The security token included in the request is invalid."
_NO_MATCH = (
    "The request signature we calculated does not match the signature you"
    " provided. Check your {} and signing method."
)

_REFUSALS: Mapping[tuple[str, _Protocol], tuple[str, str, int]] = {
    ("unsigned", "query"): (
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
        403,
    ),
    ("unsigned", "s3"): ("AccessDenied", "Access Denied", 403),
    ("unknown", "query"): ("InvalidClientTokenId", _INVALID, 403),
    ("unknown", "s3"): (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        403,
    ),
    ("wrong token", "query"): ("InvalidClientTokenId", _INVALID, 403),
    ("wrong token", "s3"): (
        "InvalidToken",
        "The provided token is malformed or otherwise invalid.",
        400,
    ),
    ("expired", "query"): (
        "ExpiredToken",
        "The security token included in the request is expired",
        403,
    ),
    ("expired", "s3"): ("ExpiredToken", "The provided token has expired.", 400),
    ("wrong signature", "query"): (
        "SignatureDoesNotMatch",
        _NO_MATCH.format("AWS Secret Access Key"),
        403,
    ),
    ("wrong signature", "s3"): (
        "SignatureDoesNotMatch",
        _NO_MATCH.format("key"),
        403,
    ),
    ("wrong payload", "query"): (
        "SignatureDoesNotMatch",
        _NO_MATCH.format("AWS Secret Access Key"),
        403,
    ),
    ("wrong payload", "s3"): (
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        400,
    ),
}


def authenticate(iam: Iam, request: HttpRequest, *, service: Service) -> AccessKey:
    """
    Tell who signed *request*.

    Raises:
        Refused: As *service* says it.
    """
    signature = read_signature(request)
    if signature is None:
        raise _refused("unsigned", service)
    key = iam.key(signature.access_key_id)
    if key is None:
        raise _refused("unknown", service)
    given, real = signature.session_token or "", key.session_token or ""
    if not hmac.compare_digest(given.encode(), real.encode()):
        raise _refused("wrong token", service)
    if iam.is_dead(key, service):
        raise _refused("unknown" if key.expires_at is None else "expired", service)
    if not signature.is_made_with(key.secret_access_key, request):
        raise _refused("wrong signature", service)
    if not payload_is_intact(request):
        raise _refused("wrong payload", service)
    return key


def _refused(problem: str, service: Service) -> Refused:
    protocol: _Protocol = "s3" if service == "s3" else "query"
    code, message, status = _REFUSALS[problem, protocol]
    return Refused(code, message, status=status)
