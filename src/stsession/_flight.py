"""
One fetch under way, and those who wait for it.
"""

from __future__ import annotations

import threading

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import attrs

from ._credentials import Instant, Record
from ._events import Reason
from .exceptions import RefreshError, SourceCredentialsError


__all__ = [
    "Flight",
    "in_background",
    "leading",
    "recursion",
    "refuse_recursion",
    "reported",
    "reporting",
    "unattended",
]


@attrs.define(kw_only=True, eq=False, repr=False)
class Flight:
    """
    A fetch; it ends with a record, an error, or an interruption of its leader.

    The leader sets one of them, and then *done*; nobody writes afterwards.
    """

    began: Instant
    reason: Reason
    done: threading.Event = attrs.field(factory=threading.Event)
    record: Record | None = None
    error: RefreshError | None = None

    boarding: int | None = attrs.field(factory=threading.get_ident)
    """The thread that began it, until it takes off: it may be calling a hook."""

    @property
    def boards_here(self) -> bool:
        """
        Whether this thread has begun it and would wait for itself.
        """
        return self.boarding == threading.get_ident()

    def age(self, now: Instant) -> float:
        """
        Seconds since it began, by whichever clock says more.
        """
        return max(now.monotonic - self.began.monotonic, now.wall - self.began.wall)

    @property
    def interrupted(self) -> bool:
        """
        Whether the leader gave up the lead; somebody else has to fetch.
        """
        return self.done.is_set() and self.record is None and self.error is None


_thread = threading.local()


@contextmanager
def leading(whom: object) -> Iterator[None]:
    """
    Note that this thread fetches for *whom*.
    """
    led = _thread.__dict__.setdefault("led", [])
    led.append(whom)
    try:
        yield
    finally:
        led.pop()


@contextmanager
def in_background() -> Iterator[None]:
    """
    Note that nobody waits at this thread.
    """
    _thread.unattended = True
    try:
        yield
    finally:
        _thread.unattended = False


def unattended() -> bool:
    """
    Whether nobody waits at this thread.
    """
    return bool(_thread.__dict__.get("unattended", False))


@contextmanager
def reporting(whose: Iterable[object]) -> Iterator[None]:
    """
    Note that what is raised at this thread for *whose* failures is told as a result.
    """
    before, _thread.reported = _thread.__dict__.get("reported", ()), tuple(whose)
    try:
        yield
    finally:
        _thread.reported = before


def reported(whom: object) -> bool:
    """
    Whether a failure of *whom* is told anyhow, and needn't be logged as well.
    """
    return any(told is whom for told in _thread.__dict__.get("reported", ()))


def refuse_recursion(whom: object, label: str) -> None:
    """
    Raise if this thread is fetching for *whom*: it would wait for itself.
    """
    if any(led is whom for led in _thread.__dict__.get("led", ())):
        raise recursion("source", label)


def recursion(who: str, label: str) -> SourceCredentialsError:
    """
    The error that says who waits for itself.
    """
    return SourceCredentialsError(
        f"The {who} of {label} asks {label} itself for credentials, so neither "
        "can have any.",
        hop=label,
        hint=f"Give the {who} credentials of its own.",
    )
