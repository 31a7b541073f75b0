"""Authentication of requests: Signature Version 4 and session tokens."""

from __future__ import annotations

import hashlib
import hmac
import re

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ._answers import Service, ServiceError
from ._http import HttpRequest
from ._iam import Iam
from ._keys import AccessKey


__all__ = [
    "Problem",
    "RejectedError",
    "Signature",
    "authenticate",
    "check_signature",
    "read_signature",
    "rejection",
]


Problem: TypeAlias = Literal[
    "unsigned", "unknown", "wrong token", "expired", "wrong signature", "wrong payload"
]


_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>[^,]+), ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")

_INVALID = "The security token included in the request is invalid."
_NO_MATCH = (
    "The request signature we calculated does not match the signature you"
    " provided. Check your {} and signing method."
)
_QUERY_NO_MATCH = _NO_MATCH.format("AWS Secret Access Key")

_Error: TypeAlias = tuple[str, str, int]

_ERRORS: Mapping[Problem, tuple[_Error, _Error]] = {  # of STS and IAM; of S3
    "unsigned": (
        ("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
        ("AccessDenied", "Access Denied", 403),
    ),
    "unknown": (
        ("InvalidClientTokenId", _INVALID, 403),
        (
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            403,
        ),
    ),
    "wrong token": (
        ("InvalidClientTokenId", _INVALID, 403),
        ("InvalidToken", "The provided token is malformed or otherwise invalid.", 400),
    ),
    "expired": (
        ("ExpiredToken", "The security token included in the request is expired", 403),
        ("ExpiredToken", "The provided token has expired.", 400),
    ),
    "wrong signature": (
        ("SignatureDoesNotMatch", _QUERY_NO_MATCH, 403),
        ("SignatureDoesNotMatch", _NO_MATCH.format("key"), 403),
    ),
    "wrong payload": (
        ("SignatureDoesNotMatch", _QUERY_NO_MATCH, 403),
        (
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was"
            " computed.",
            400,
        ),
    ),
}


class RejectedError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem: Problem = problem


@attrs.frozen(kw_only=True)
class Signature:
    access_key_id: str
    scope: str  # date/region/service/aws4_request
    signed_headers: tuple[str, ...]
    timestamp: str
    session_token: str = attrs.field(repr=False)
    value: str = attrs.field(repr=False)
    presigned: bool

    @property
    def region(self) -> str:
        return self.scope.split("/")[1]

    @property
    def service(self) -> str:
        return self.scope.split("/")[2]

    def is_made_with(self, secret: str, request: HttpRequest) -> bool:
        """Return whether this is the signature of *request* with *secret*."""
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
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    fields: dict[str, str] = request.query_params()
    if match is not None:
        fields = {
            "X-Amz-Credential": match["credential"],
            "X-Amz-Date": request.headers.get("x-amz-date", ""),
            "X-Amz-Security-Token": request.headers.get("x-amz-security-token", ""),
            "X-Amz-Signature": match["signature"],
            "X-Amz-SignedHeaders": match["headers"],
        }
    if "X-Amz-Signature" not in fields:
        return None
    access_key_id, _, scope = fields.get("X-Amz-Credential", "").partition("/")
    return Signature(
        access_key_id=access_key_id,
        scope=scope,
        signed_headers=tuple(fields.get("X-Amz-SignedHeaders", "").split(";")),
        timestamp=fields.get("X-Amz-Date", ""),
        session_token=fields.get("X-Amz-Security-Token", ""),
        value=fields["X-Amz-Signature"],
        presigned=match is None,
    )


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
    try:
        if signature is None:
            raise RejectedError("unsigned")
        return check_signature(iam, signature, request, service=service)
    except RejectedError as e:
        raise rejection(e.problem, service) from None


def check_signature(
    iam: Iam, signature: Signature, request: HttpRequest, *, service: str
) -> AccessKey:
    """
    Return the key that made *signature*.

    Raises:
        RejectedError: If the key is unknown or expired, its token is another one, or
            the signature isn't that of *request*.
    """
    key = iam.key(signature.access_key_id)
    if key is None:
        raise RejectedError("unknown")
    token = key.session_token or ""
    if not hmac.compare_digest(signature.session_token.encode(), token.encode()):
        raise RejectedError("wrong token")
    if iam.is_invalid(key, service):
        raise RejectedError("unknown" if key.expires_at is None else "expired")
    if not signature.is_made_with(key.secret_access_key, request):
        raise RejectedError("wrong signature")
    if not _payload_is_intact(request):
        raise RejectedError("wrong payload")
    return key


def rejection(problem: Problem, service: Service) -> ServiceError:
    """Return the error of S3, or that of STS, IAM and other query services."""
    code, message, status = _ERRORS[problem][service == "s3"]
    return ServiceError(code, message, status=status)


def _payload_is_intact(request: HttpRequest) -> bool:
    digest = request.headers.get("x-amz-content-sha256", "")
    if _SHA256.fullmatch(digest) is None:
        return True
    return hmac.compare_digest(digest, hashlib.sha256(request.body).hexdigest())
