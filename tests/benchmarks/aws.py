"""
STS and S3 with canned answers, quick enough not to be what is measured.

No signature is checked, but only who signs with keys that are known, that were
issued, and that haven't expired gets an answer.
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
    """
    A status and a document, after so many seconds.
    """

    status: int
    body: bytes
    delay: float = 0.0


@dataclass(frozen=True)
class Issued:
    """
    What a role was given.
    """

    token: str
    role_arn: str
    expires_at: float


class Aws:
    """
    Who may do what, and what has been asked.

    Attributes:
        delay: Seconds that each answer of STS takes.

        broken: Whether STS answers 503.

        rate: Calls of ``AssumeRole`` in a second before STS throttles.

        failing: Each how many-th call STS answers 500. 0 means never.

        denied: Roles that nobody may assume.
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
        """
        Begin to count anew.
        """
        self.asked = self.granted = self.throttled = 0
        self.in_flight = self.most_in_flight = 0
        self.first_read = 0.0

    def stats(self) -> dict[str, float]:
        """
        What has been counted; *first_read* is by the machine's monotonic clock.
        """
        names = "asked", "granted", "throttled", "most_in_flight", "first_read"
        return {name: float(getattr(self, name)) for name in names}

    def answer(self, head: bytes, body: bytes) -> Answer:
        """
        Decide about a request.
        """
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
        """
        Whose keys and token these are; `None` for nobody's.
        """
        signed, token = SIGNED.search(head), TOKEN.search(head)
        key = "" if signed is None else signed[1].decode()
        if key == SOURCE_KEY:
            return "arn:aws:iam::123456789012:user/source"
        known = self.issued.get(key)
        if known is None or token is None or token[1].decode() != known.token:
            return None
        return known.role_arn if self.clock.wall() < known.expires_at else None

    def _assume_role(self, caller: str | None, params: dict[str, str]) -> Answer:
        self.asked += 1
        if self.broken:
            return error(503, "ServiceUnavailable", delay=self.delay)
        if self._throttles():
            self.throttled += 1
            return error(400, "Throttling")
        if caller is None or params["RoleArn"] in self.denied:
            return error(403, "AccessDenied", delay=self.delay)
        if self.failing and self.asked % self.failing == 0:
            return error(500, "InternalFailure", delay=self.delay)
        self.granted += 1
        lifetime = int(params.get("DurationSeconds", "3600"))
        return Answer(200, self._issue(params["RoleArn"], lifetime), self.delay)

    def _throttles(self) -> bool:
        """
        A bucket that holds a second's calls, and is filled all the time.
        """
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
    """
    Who a role's session is.
    """
    return role_arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/b"


def get_caller_identity(arn: str) -> Answer:
    """
    Tell somebody who they are.
    """
    body = (
        f"<GetCallerIdentityResponse {STS_XML}><GetCallerIdentityResult>"
        f"<Arn>{assumed(arn)}</Arn><UserId>AROA:bench</UserId>"
        f"<Account>{arn.split(':')[4]}</Account>"
        f"</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    return Answer(200, body.encode())


def error(status: int, code: str, *, delay: float = 0.0) -> Answer:
    """
    An error as STS tells it.
    """
    body = (
        f"<ErrorResponse {STS_XML}><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{code}</Message></Error></ErrorResponse>"
    )
    return Answer(status, body.encode(), delay)
