"""Faults of a service, and when they occur."""

from __future__ import annotations

import datetime as dt
import re
import threading

from collections.abc import Callable
from typing import Literal

import attrs

from .._core.runtime import Clock
from ._answers import Answer, Service, Transport, error_answer, iso


__all__ = [
    "Fault",
    "FaultSchedule",
]


_HTML = b"<html><body><h1>Sorry, something went wrong</h1></body></html>"
_FIELDS = ("SecretAccessKey", "SessionToken")


@attrs.frozen(kw_only=True)
class Fault:
    """
    One way in which a service fails, made by one of the class methods.

    Some faults replace the response, others change a successful one. The latter have no
    effect on error responses.

    .. versionadded:: 0.1.0
    """

    name: str
    """Name of the class method that made the fault."""

    _status: int | None = attrs.field(default=None, repr=False)
    code: str | None = None
    """The error code in the response, or `None`."""

    _message: str = attrs.field(default="", repr=False)
    _denies: bool = attrs.field(default=False, repr=False)
    _body: bytes | None = attrs.field(default=None, repr=False)
    _headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    _transport: Transport = attrs.field(default=Transport.WHOLE, repr=False)
    _half: bool = attrs.field(default=False, repr=False)
    _date_offset: dt.timedelta = attrs.field(default=dt.timedelta(0), repr=False)
    _expired_ago: dt.timedelta | None = attrs.field(default=None, repr=False)
    _emptied: tuple[str, ...] = attrs.field(default=(), repr=False)
    _dropped: tuple[str, ...] = attrs.field(default=(), repr=False)

    @classmethod
    def error(cls, code: str, message: str = "", *, status: int = 400) -> Fault:
        """
        Return an error in the format of the service.

        Args:
            code: The error code, for example ``"AccessDenied"``.

            message: The message of the error.

            status: The HTTP status.
        """
        return cls(name="error", status=status, code=code, message=message)

    @classmethod
    def access_denied(cls) -> Fault:
        """
        Return ``AccessDenied``, with the caller, action and resource in its message.
        """
        return cls(name="access_denied", status=403, code="AccessDenied", denies=True)

    @classmethod
    def throttled(cls, *, retry_after: dt.timedelta | None = None) -> Fault:
        """
        Return ``Throttling`` with HTTP status 400, as STS does.

        Args:
            retry_after: The value of the ``Retry-After`` header, in full seconds.
                `None` means no such header.
        """
        headers: tuple[tuple[str, str], ...] = ()
        if retry_after is not None:
            headers = (("Retry-After", str(int(retry_after.total_seconds()))),)
        return cls(
            name="throttled",
            status=400,
            code="Throttling",
            message="Rate exceeded",
            headers=headers,
        )

    @classmethod
    def status(cls, status: int) -> Fault:
        """Return a server error without details, for example of *status* 500 or 503."""
        code = "ServiceUnavailable" if status == 503 else "InternalFailure"
        message = "The request processing has failed."
        return cls(name="status", status=status, code=code, message=message)

    @classmethod
    def html(cls, *, status: int = 502) -> Fault:
        """Return an HTML page, such as those of load balancers and captive portals."""
        return cls(name="html", status=status, body=_HTML)

    @classmethod
    def bare_error(
        cls, code: str = "AccessDenied", message: str = "", *, status: int = 403
    ) -> Fault:
        """
        Return an error without ``<ErrorResponse>`` around it, such as those of Ceph.
        """
        bare = error_answer("s3", code=code, message=message, status=status)
        return cls(name="bare_error", status=status, code=code, body=bare.body)

    @classmethod
    def hang(cls) -> Fault:
        """
        Accept the request and send no response.

        :class:`~stsession.testing.StubSTS` raises the read timeout immediately.
        """
        return cls(name="hang", transport=Transport.HANG)

    @classmethod
    def reset(cls) -> Fault:
        """Reset the connection instead of sending a response."""
        return cls(name="reset", transport=Transport.RESET)

    @classmethod
    def cut_off(cls) -> Fault:
        """
        Close the connection in the middle of a successful response.

        The client reports a closed connection. With older versions of urllib3, it
        parses the part that it received.
        """
        return cls(name="cut_off", transport=Transport.CUT)

    @classmethod
    def half_body(cls) -> Fault:
        """Send only half the body of a successful response."""
        return cls(name="half_body", half=True)

    @classmethod
    def wrong_date(cls, offset: dt.timedelta) -> Fault:
        """Send a successful response with a ``Date`` header that is off by *offset*."""
        return cls(name="wrong_date", date_offset=offset)

    @classmethod
    def expired_answer(cls, *, ago: dt.timedelta = dt.timedelta(minutes=1)) -> Fault:
        """Send credentials that expired some time *ago*."""
        return cls(name="expired_answer", expired_ago=ago)

    @classmethod
    def empty_fields(cls, *fields: str) -> Fault:
        """
        Send credentials with empty *fields*.

        Args:
            fields: Names as in the response. Without any: the secret and the token.
        """
        return cls(name="empty_fields", emptied=fields or _FIELDS)

    @classmethod
    def missing_fields(cls, *fields: str) -> Fault:
        """
        Send credentials without *fields*.

        Args:
            fields: Names as in the response. Without any: the secret and the token.
        """
        return cls(name="missing_fields", dropped=fields or _FIELDS)

    def denying(self, denial: Callable[[], str]) -> Fault:
        return attrs.evolve(self, message=denial()) if self._denies else self

    def replacement(self, service: Service) -> Answer | None:
        """
        Return the response to send instead of the real one, or `None`: see `spoil()`.
        """
        if self._transport in (Transport.HANG, Transport.RESET):
            return Answer(status=0, code=self.name, transport=self._transport)
        if self._status is None:
            return None
        if self._body is not None:
            answer = Answer(status=self._status, body=self._body, code=self.code)
        else:
            answer = error_answer(
                service,
                code=self.code or "",
                message=self._message,
                status=self._status,
            )
        return attrs.evolve(answer, headers=self._headers)

    def spoil(self, answer: Answer, *, now: dt.datetime) -> Answer:
        body = answer.body
        if self._expired_ago is not None:
            body = _fill(body, "Expiration", iso(now - self._expired_ago))
        for field in self._emptied:
            body = _fill(body, field, "")
        for field in self._dropped:
            body = re.sub(rb"<%b>[^<]*</%b>" % ((field.encode(),) * 2), b"", body)
        if self._half:
            body = body[: len(body) // 2]
        return attrs.evolve(
            answer,
            body=body,
            date_offset=self._date_offset,
            transport=self._transport,
        )


def _fill(body: bytes, field: str, value: str) -> bytes:
    name = field.encode()
    element = b"<%b>%b</%b>" % (name, value.encode(), name)
    return re.sub(rb"<%b>[^<]*</%b>" % (name, name), element, body)


@attrs.define(kw_only=True)
class _Entry:
    fault: Fault
    operation: str | None
    service: Service | None
    begins: float
    ends: float
    left: float  # times that it still occurs

    def applies(self, operation: str, service: Service, now: float) -> bool:
        if not (self.begins <= now < self.ends and self.left > 0):
            return False
        if self.operation is not None:
            return self.operation == operation
        return self.service in (None, service)


class FaultSchedule:
    """
    The faults of a service, and when they occur. May be changed from any thread.

    If several faults apply to a request, the one that was added first occurs.

    .. versionadded:: 0.1.0
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # guards the entries and their counters
        self._entries: list[_Entry] = []

    def add(
        self,
        fault: Fault,
        *,
        operation: str | None = None,
        service: Literal["iam", "s3", "sts"] | None = "sts",
        times: int | None = None,
        after: dt.timedelta = dt.timedelta(0),
        for_: dt.timedelta | None = None,
    ) -> None:
        """
        Add a fault.

        Args:
            fault: The fault.

            operation: The operation that fails, for example ``"AssumeRole"`` or
                ``"PutObject"``. `None` means each operation of *service*.

            service: The service that fails: ``"sts"``, ``"iam"``, ``"s3"``, or `None`
                for all. Ignored if there is an *operation*.

            times: The number of requests that fail. `None` means all while it lasts.

            after: The time from now until it begins.

            for_: The time from its beginning to its end. `None` means until `clear()`.
        """
        begins = self._clock.monotonic() + after.total_seconds()
        entry = _Entry(
            fault=fault,
            operation=operation,
            service=service,
            begins=begins,
            ends=float("inf") if for_ is None else begins + for_.total_seconds(),
            left=float("inf") if times is None else times,
        )
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Remove all faults, including those that have not begun."""
        with self._lock:
            self._entries.clear()

    def take(self, operation: str, *, service: Service) -> Fault | None:
        """Return the fault that applies to *operation* now, if any, and count it."""
        now = self._clock.monotonic()
        with self._lock:
            for entry in self._entries:
                if entry.applies(operation, service, now):
                    entry.left -= 1
                    return entry.fault
        return None
