"""
Signature Version 4, from the side of the service.
"""

from __future__ import annotations

import hashlib
import hmac
import re

import attrs

from ._http import HttpRequest


__all__ = ["Signature", "payload_is_intact", "read_signature"]


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
