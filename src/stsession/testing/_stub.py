"""A stub of STS below the real client, without a socket."""

from __future__ import annotations

import datetime as dt
import io

from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from .._core.runtime import Clock, SystemClock
from ._answers import Answer, Transport, date_header
from ._backend import Backend, Call
from ._faults import Fault, FaultSchedule
from ._http import HttpRequest
from ._iam import Iam
from ._iam_api import IamService
from ._keys import AccessKey
from ._sts import StsService


__all__ = ["StubSTS"]


_SOURCE = AccessKey(
    access_key_id="AKIASTUBSTUBSTUBSTUB",
    secret_access_key="",
    arn="arn:aws:iam::123456789012:user/source",
    user_id="AIDASTUBSTUBSTUBSTUB",
)


class StubSTS:
    """
    A stub of STS that replaces the network: real client, real parser, no socket.

    Register it on a session, and it responds to the requests of the session's STS
    clients::

        stub = StubSTS()
        source.events.register("before-send.sts", stub)

    The stub checks nothing: any role can be assumed, with any MFA code, token or
    assertion. On ``"before-send.iam"`` it responds to ``ListMFADevices`` with one
    device. All methods may be called from any thread.

    Args:
        clock: The clock of the ``Date`` header and of expirations. `None` means the
            system's clock.

        lifetime: The lifetime of the credentials. `None` means ``DurationSeconds``, or
            STS's default if it isn't sent. May be changed later.

        before_answer: A function that is called before each response, without any
            lock, in the thread of the client. It may block to delay a request, or check
            the state during one. May be changed later.

    .. versionadded:: 0.1.0
    """

    faults: FaultSchedule
    """The faults, and when they occur."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        lifetime: dt.timedelta | None = None,
        before_answer: Callable[[], None] | None = None,
    ) -> None:
        self._clock: Clock = SystemClock() if clock is None else clock
        self.lifetime = lifetime
        self.before_answer = before_answer
        self.faults = FaultSchedule(self._clock)
        self._requests: list[Call] = []  # only ever appended to
        self._iam = Iam(self._clock, default_user=_SOURCE)
        self._iam.mfa.add(_SOURCE.arn, serial=None, secret=None)
        self._backend = Backend(
            {
                "iam": IamService(self._iam).answer,
                "sts": StsService(self._iam, lifetime=self._lifetime).answer,
            },
            iam=self._iam,
            faults=self.faults,
            clock=self._clock,
        )

    @property
    def requests(self) -> tuple[Call, ...]:
        """The requests so far, oldest first; *status* and *code* are always `None`."""
        return tuple(self._requests)

    @property
    def attempts(self) -> int:
        """The number of requests so far, resends included."""
        return len(self._requests)

    @property
    def issued(self) -> tuple[AccessKey, ...]:
        """The temporary keys issued so far, oldest first."""
        return self._iam.issued()

    def goes_down(self, fault: Fault | None = None) -> None:
        """
        Fail all requests until :meth:`comes_back` is called.

        Args:
            fault: The way to fail. `None` means HTTP status 503.
        """
        self.faults.add(Fault.status(503) if fault is None else fault)

    def comes_back(self) -> None:
        """Remove all faults, including those that have not occurred yet."""
        self.faults.clear()

    def fail_next(self, times: int = 1, fault: Fault | None = None) -> None:
        """
        Fail the next requests, then work again.

        Args:
            times: The number of requests, resends by the client included.

            fault: The way to fail. `None` means HTTP status 503.
        """
        self.faults.add(Fault.status(503) if fault is None else fault, times=times)

    def __call__(self, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse:
        """Return the response to *request*: botocore's handler of ``before-send``."""
        received = _received(request)
        call = self._backend.read(received)
        self._requests.append(call)
        if self.before_answer is not None:
            self.before_answer()
        answer = self._backend.answer(call, received)
        if answer.transport is Transport.HANG:
            raise ReadTimeoutError(endpoint_url=request.url)
        if answer.transport is not Transport.WHOLE:
            raise ConnectionClosedError(endpoint_url=request.url)
        return self._response(request.url, answer)

    def _lifetime(self, seconds: int) -> dt.timedelta:
        return dt.timedelta(seconds=seconds) if self.lifetime is None else self.lifetime

    def _response(self, url: str, answer: Answer) -> AWSResponse:
        headers = {
            "Date": date_header(self._clock, answer),
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            **dict(answer.headers),
        }
        return AWSResponse(url, answer.status, cast("Any", headers), _Raw(answer.body))


class _Raw(io.BytesIO):  # with urllib3's method
    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        yield self.read()


def _received(request: AWSPreparedRequest) -> HttpRequest:
    body: Any = request.body or b""
    return HttpRequest.of(
        method=request.method,
        url=request.url,
        headers={
            "host": urlsplit(request.url).hostname or "",
            **{name: _text(value) for name, value in request.headers.items()},
        },
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
