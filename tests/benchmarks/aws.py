"""
STS and S3 with prepared responses, so fast that they don't affect the measurements.

Signatures are not checked, but requests need keys that were issued and have not
expired.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import time

from dataclasses import dataclass
from urllib.parse import parse_qs

from .clock import MovableClock


__all__ = ["SOURCE_KEY", "SOURCE_SECRET", "Answer", "Aws"]

SOURCE_KEY = "AKIABENCHMARKSOURCE0"
SOURCE_SECRET = "x" * 40

SIGNED = re.compile(
    rb"\r\nauthorization: *AWS4-HMAC-SHA256 Credential=(\w+)/", re.IGNORECASE
)
TOKEN = re.compile(rb"\r\nx-amz-security-token: *(\S+)", re.IGNORECASE)

STS_XML = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
LISTING = (
    b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Name>bucket</Name><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>"
    b"<IsTruncated>false</IsTruncated><Contents><Key>hello.txt</Key>"
    b"<LastModified>2025-01-01T00:00:00.000Z</LastModified><Size>5</Size>"
    b"<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
)


@dataclass(frozen=True)
class Answer:
    """Status and body of a response, and the seconds before it is sent."""

    status: int
    body: bytes
    delay: float = 0.0


@dataclass(frozen=True)
class Issued:
    """Credentials that were issued for a role."""

    token: str
    role_arn: str
    expires_at: float


class Aws:
    """
    Both services, and the counters of requests.

    Attributes:
        delay: Seconds before each response of STS.

        broken: Whether STS returns 503.

        rate: Calls of ``AssumeRole`` per second before STS throttles.

        failing: STS returns 500 for one of so many calls. 0 means never.

        denied: Roles that can't be assumed.
    """

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.delay = 0.0
        self.broken = False
        self.rate = float("inf")
        self.failing = 0
        self.denied: list[str] = []
        self.issued: dict[str, Issued] = {}
        self._numbers = itertools.count()
        self._spare = 0.0
        self._spared_at = 0.0
        self.reset()

    def reset(self) -> None:
        """Reset the counters."""
        self.requests = self.granted = self.throttled = 0
        self.in_flight = self.most_in_flight = 0
        self.first_read = 0.0

    def stats(self) -> dict[str, float]:
        """Return the counters; *first_read* is by the system's monotonic clock."""
        names = "requests", "granted", "throttled", "most_in_flight", "first_read"
        return {name: float(getattr(self, name)) for name in names}

    def answer(self, head: bytes, body: bytes) -> Answer:
        """Return the response to a request."""
        caller = self._caller(head)
        if not head.startswith(b"POST / "):
            if caller is None:
                return error(403, "InvalidAccessKeyId")
            self.first_read = self.first_read or time.monotonic()
            return Answer(200, LISTING)
        params = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if params["Action"] == "AssumeRole":
            return self._assume_role(caller, params)
        if caller is None:
            return error(403, "InvalidClientTokenId")
        return get_caller_identity(caller)

    def _caller(self, head: bytes) -> str | None:
        """Return the ARN of the principal, or `None` for unknown keys."""
        signed, token = SIGNED.search(head), TOKEN.search(head)
        key = "" if signed is None else signed[1].decode()
        if key == SOURCE_KEY:
            return "arn:aws:iam::123456789012:user/source"
        known = self.issued.get(key)
        if known is None or token is None or token[1].decode() != known.token:
            return None
        return known.role_arn if self.clock.wall() < known.expires_at else None

    def _assume_role(self, caller: str | None, params: dict[str, str]) -> Answer:
        self.requests += 1
        if self.broken:
            return error(503, "ServiceUnavailable", delay=self.delay)
        if self._throttles():
            self.throttled += 1
            return error(400, "Throttling")
        if caller is None or params["RoleArn"] in self.denied:
            return error(403, "AccessDenied", delay=self.delay)
        if self.failing and self.requests % self.failing == 0:
            return error(500, "InternalFailure", delay=self.delay)
        self.granted += 1
        lifetime = int(params.get("DurationSeconds", "3600"))
        return Answer(200, self._issue(params["RoleArn"], lifetime), self.delay)

    def _throttles(self) -> bool:
        """Return whether the token bucket, with the calls of a second, is empty."""
        if self.rate == float("inf"):
            return False
        now = time.monotonic()
        self._spare = min(self.rate, self._spare + (now - self._spared_at) * self.rate)
        self._spared_at = now
        if self._spare < 1:
            return True
        self._spare -= 1
        return False

    def _issue(self, role_arn: str, lifetime: int) -> bytes:
        number = next(self._numbers)
        key, token = f"ASIA{number:016d}", f"{number:016d}" + "FwoGZXIvYXdzE" * 25
        expires_at = self.clock.wall() + lifetime
        self.issued[key] = Issued(token, role_arn, expires_at)
        expiration = dt.datetime.fromtimestamp(expires_at, dt.timezone.utc)
        return (
            f"<AssumeRoleResponse {STS_XML}><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>{key}</AccessKeyId>"
            f"<SecretAccessKey>{SOURCE_SECRET}</SecretAccessKey>"
            f"<SessionToken>{token}</SessionToken>"
            f"<Expiration>{expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{assumed(role_arn)}</Arn>"
            f"<AssumedRoleId>AROA:bench</AssumedRoleId></AssumedRoleUser>"
            f"</AssumeRoleResult></AssumeRoleResponse>"
        ).encode()


def assumed(role_arn: str) -> str:
    """Return the ARN of a role session."""
    return role_arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/b"


def get_caller_identity(arn: str) -> Answer:
    """Return the response of ``GetCallerIdentity``."""
    body = (
        f"<GetCallerIdentityResponse {STS_XML}><GetCallerIdentityResult>"
        f"<Arn>{assumed(arn)}</Arn><UserId>AROA:bench</UserId>"
        f"<Account>{arn.split(':')[4]}</Account>"
        f"</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    return Answer(200, body.encode())


def error(status: int, code: str, *, delay: float = 0.0) -> Answer:
    """Return an error in STS's format."""
    body = (
        f"<ErrorResponse {STS_XML}><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{code}</Message></Error></ErrorResponse>"
    )
    return Answer(status, body.encode(), delay)
