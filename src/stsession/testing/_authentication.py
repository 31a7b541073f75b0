"""
Authentication of requests: Signature Version 4 and session tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from collections.abc import Mapping
from typing import Literal

import attrs

from ._answers import Refused, Service
from ._http import HttpRequest
from ._iam import Iam
from ._keys import AccessKey


__all__ = [
    "Signature",
    "authenticate",
    "payload_is_intact",
    "read_signature",
]


_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>[^,]+), ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@attrs.frozen(kw_only=True)
class Signature:
    """
    What a request says about who signed it, and how.
    """

    access_key_id: str
    scope: str  # date/region/service/aws4_request
    signed_headers: tuple[str, ...]
    timestamp: str
    session_token: str | None = attrs.field(repr=False)
    value: str = attrs.field(repr=False)
    presigned: bool

    @property
    def region(self) -> str:
        """
        The region it was signed for.
        """
        return self.scope.split("/")[1]

    def is_made_with(self, secret: str, request: HttpRequest) -> bool:
        """
        Tell whether *secret* gives this signature for *request*.
        """
        key = f"AWS4{secret}".encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        expected = hmac.new(key, self._string_to_sign(request), "sha256").hexdigest()
        return hmac.compare_digest(expected, self.value)

    def _string_to_sign(self, request: HttpRequest) -> bytes:
        canonical = hashlib.sha256(self._canonical(request).encode()).hexdigest()
        lines = ("AWS4-HMAC-SHA256", self.timestamp, self.scope, canonical)
        return "\n".join(lines).encode()

    def _canonical(self, request: HttpRequest) -> str:
        headers = (
            f"{name}:{' '.join(request.headers.get(name, '').split())}\n"
            for name in self.signed_headers
        )
        return "\n".join(
            (
                request.method,
                request.path,
                _canonical_query(request.query),
                "".join(headers),
                ";".join(self.signed_headers),
                self._payload(request),
            )
        )

    def _payload(self, request: HttpRequest) -> str:
        if self.presigned and "/s3/" in self.scope:
            return "UNSIGNED-PAYLOAD"
        claimed = request.headers.get("x-amz-content-sha256")
        return claimed or hashlib.sha256(request.body).hexdigest()


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return "&".join(
        f"{name}={value}"
        for name, _, value in sorted(pairs)
        if name != "X-Amz-Signature"
    )


def read_signature(request: HttpRequest) -> Signature | None:
    """
    Find the signature in the headers or the query of *request*.
    """
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if match is not None:
        access_key_id, _, scope = match["credential"].partition("/")
        return Signature(
            access_key_id=access_key_id,
            scope=scope,
            signed_headers=tuple(match["headers"].split(";")),
            timestamp=request.headers.get("x-amz-date", ""),
            session_token=request.headers.get("x-amz-security-token"),
            value=match["signature"],
            presigned=False,
        )
    if "X-Amz-Signature=" in request.query:
        return _presigned(request.query_params())
    return None


def _presigned(query: dict[str, str]) -> Signature:
    access_key_id, _, scope = query.get("X-Amz-Credential", "").partition("/")
    return Signature(
        access_key_id=access_key_id,
        scope=scope,
        signed_headers=tuple(query.get("X-Amz-SignedHeaders", "").split(";")),
        timestamp=query.get("X-Amz-Date", ""),
        session_token=query.get("X-Amz-Security-Token"),
        value=query["X-Amz-Signature"],
        presigned=True,
    )


def payload_is_intact(request: HttpRequest) -> bool:
    """
    Tell whether the body has the hash that was signed, if one was.
    """
    claimed = request.headers.get("x-amz-content-sha256", "")
    if _SHA256.fullmatch(claimed) is None:
        return True
    return hmac.compare_digest(claimed, hashlib.sha256(request.body).hexdigest())


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
