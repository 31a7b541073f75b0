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

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ._answers import Service, ServiceError
from ._http import HttpRequest
from ._iam import Iam
from ._keys import AccessKey


__all__ = ["Signature", "authenticate", "read_signature"]


_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>[^,]+), ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")

_Protocol = Literal["query", "s3"]

_INVALID = "The security token included in the request is invalid."
_NO_MATCH = (
    "The request signature we calculated does not match the signature you"
    " provided. Check your {} and signing method."
)

_ERRORS: Mapping[tuple[str, _Protocol], tuple[str, str, int]] = {
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


@attrs.frozen(kw_only=True)
class Signature:
    """
    The Signature Version 4 of a request.
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
        The region in the credential scope.
        """
        return self.scope.split("/")[1]

    def is_made_with(self, secret: str, request: HttpRequest) -> bool:
        """
        Return whether *secret* gives this signature for *request*.
        """
        _, region, service, _ = self.scope.split("/")
        signer = self._signer(service)(Credentials("", secret), service, region)
        headers = request.headers
        signed = AWSRequest(
            method=request.method,
            url=f"http://{headers.get('host')}{request.path}?{self._query(request)}",
            headers={name: headers.get(name, "") for name in self.signed_headers},
            data=request.body,
        )
        signed.context["timestamp"] = self.timestamp
        text = signer.string_to_sign(signed, signer.canonical_request(signed))
        return hmac.compare_digest(signer.signature(text, signed), self.value)

    def _signer(self, service: str) -> type[SigV4Auth]:
        if service != "s3":
            return SigV4Auth
        return S3SigV4QueryAuth if self.presigned else S3SigV4Auth

    def _query(self, request: HttpRequest) -> str:
        parameters = request.query.split("&")
        return "&".join(p for p in parameters if not p.startswith("X-Amz-Signature="))


def read_signature(request: HttpRequest) -> Signature | None:
    """
    Return the signature in the headers or the query of *request*.
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


def authenticate(iam: Iam, request: HttpRequest, *, service: Service) -> AccessKey:
    """
    Return the key that signed *request*.

    Raises:
        ServiceError: If there is no valid signature, in the format of *service*.
    """
    signature = read_signature(request)
    if iam.default_user is not None:
        key = None if signature is None else iam.key(signature.access_key_id)
        return key or iam.default_user
    if signature is None:
        raise _error("unsigned", service)
    key = iam.key(signature.access_key_id)
    if key is None:
        raise _error("unknown", service)
    token, expected = signature.session_token or "", key.session_token or ""
    if not hmac.compare_digest(token.encode(), expected.encode()):
        raise _error("wrong token", service)
    if iam.is_invalid(key, service):
        raise _error("unknown" if key.expires_at is None else "expired", service)
    if not signature.is_made_with(key.secret_access_key, request):
        raise _error("wrong signature", service)
    if not _payload_is_intact(request):
        raise _error("wrong payload", service)
    return key


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


def _payload_is_intact(request: HttpRequest) -> bool:
    """
    Return whether the body has the hash in the headers, if there is one.
    """
    digest = request.headers.get("x-amz-content-sha256", "")
    if _SHA256.fullmatch(digest) is None:
        return True
    return hmac.compare_digest(digest, hashlib.sha256(request.body).hexdigest())


def _error(problem: str, service: Service) -> ServiceError:
    protocol: _Protocol = "s3" if service == "s3" else "query"
    code, message, status = _ERRORS[problem, protocol]
    return ServiceError(code, message, status=status)
