"""Sessions with a stub as their STS, and their requests to it."""

from __future__ import annotations

import datetime as dt
import gc
import io
import threading
import traceback

from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session

from botocore.awsrequest import AWSResponse

import stsession

from stsession import FailureKind
from stsession.testing import StubSTS


READER = "arn:aws:iam::123456789012:role/Reader"
HUB = "arn:aws:iam::111111111111:role/Hub"
TARGET = "arn:aws:iam::222222222222:role/Target"

REGION = "eu-south-1"
SECRET = "SourceSecret/SourceSecret/SourceSecret00"


def minutes(n: float) -> dt.timedelta:
    """So many minutes."""
    return dt.timedelta(minutes=n)


def source_of(
    stub: Any, *, region: str | None = REGION, key: str = "AKIASOURCE", **kw: Any
) -> boto3.Session:
    """A plain session of a user with *stub* as its STS."""
    session = boto3.Session(
        aws_access_key_id=key,
        aws_secret_access_key=SECRET,
        region_name=region,
        **kw,
    )
    session.events.register("before-send.sts", stub)
    return session


class SlowSTS(StubSTS):
    """A stub that responds when the test allows it."""

    def __init__(self) -> None:
        super().__init__(before_answer=self._wait)
        self.began, self.may_answer = threading.Event(), threading.Event()

    def _wait(self) -> None:
        self.began.set()
        assert self.may_answer.wait(60)


def profile_session(stub: Any, profile: str | None = None) -> boto3.Session:
    """A session of a profile with *stub* as its STS."""
    session = boto3.Session(profile_name=profile)
    session.events.register("before-send.sts", stub)
    return session


def response(request: Any, status: int, body: bytes) -> AWSResponse:
    """A response to *request*, for a handler of ``before-send``."""
    return AWSResponse(request.url, status, {}, _Body(body))


class _Body(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def params_of(stub: StubSTS, number: int = -1) -> dict[str, str]:
    """The parameters of one request to *stub*."""
    return dict(stub.requests[number].params)


def failing(session: stsession.RefreshableSession) -> stsession.RefreshError:
    """The error of a session that gets no credentials."""
    try:
        session.credentials()
    except stsession.RefreshError as e:
        return e
    raise AssertionError("It got credentials.")


def rejection(
    code: str | None = "ExpiredTokenException",
    kind: FailureKind = FailureKind.SOURCE_EXPIRED,
) -> stsession.RefreshError:
    """An error that STS returned, as a token supplier gets it."""
    error = stsession.RefreshError(
        f"Could not assume {READER}. STS returned {code}.",
        hint="Renew the source's credentials.",
        code=code,
        hop=READER,
        http_status=400,
        kind=kind,
    )
    error.__cause__ = OSError()
    return error


def links(error: BaseException) -> Iterator[BaseException]:
    """The error, its causes and its contexts, also those that don't show."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and link not in seen:
            seen.append(link)
            yield link
            waiting += [link.__cause__, link.__context__]


def full_text(error: BaseException) -> str:
    """All texts of an error, its causes and its contexts."""
    return "\n".join(
        "\n".join(
            [
                "".join(traceback.format_exception(link)),
                repr(link),
                repr(link.args),
                repr(vars(link)),
            ]
        )
        for link in links(error)
    )


def core_of(session: boto3.Session) -> botocore.session.Session:
    """The botocore session of a boto3 session."""
    return session._session


def at_once(task):
    """A *submit* that runs the task before it returns."""
    task()
    return True


def no_thread(task):
    """A *spawn* that starts no thread, so that the caller fetches."""
    return False


def templates_made(caplog: Any) -> list[str]:
    """What has been logged of how the clients of a fleet are made."""
    return [text for text in caplog.messages if text.startswith("clients of ")]


def collect_garbage() -> None:
    """Free what nothing refers to once our idle threads have ended."""
    busy_threads()
    gc.collect()


def busy_threads() -> int:
    """How many threads there are once our idle ones have ended."""
    for thread in threading.enumerate():
        if thread.name in {"stsession-fetch", "stsession-fleet"}:
            thread.join(60)
    return threading.active_count()
