"""Refresh events, their counters and callbacks."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import logging
import math

from collections.abc import Callable
from typing import Literal, Protocol

import attrs


__all__ = [
    "EventQueue",
    "RefreshCounters",
    "RefreshEvent",
    "RefreshHook",
    "write_log",
]


logger = logging.getLogger("stsession")
logger.addHandler(logging.NullHandler())  # silent unless the program configures it

WARNING_INTERVAL = 60.0
"""At most one failure in this many seconds is logged as a warning."""

EventName = Literal[
    "started",
    "succeeded",
    "failed",
    "invalidated",
    "source_resolved_again",
    "clock_jumped",
]

Reason = Literal["first", "advisory", "mandatory", "expired", "rejected", "requested"]


@attrs.frozen(kw_only=True)
class RefreshEvent:
    """
    A refresh that started, succeeded or failed, or another event of a session.

    It contains no secrets.

    .. versionadded:: 0.1.0
    """

    name: EventName
    """One of ``"started"``, ``"succeeded"`` and ``"failed"`` for a refresh,
    ``"invalidated"`` if a service rejected the key, ``"source_resolved_again"`` if the
    source's credentials had to be resolved again, ``"clock_jumped"`` if a clock was set
    or the machine was suspended."""

    hop: str
    """The role's ARN, as in :attr:`stsession.HopStatus.name`; for credentials that
    aren't a role's, a description."""

    reason: Reason | None = None
    """Why the refresh was started. `None` if the event doesn't belong to a refresh."""

    generation: int = 0
    """Sequence number of the current credentials, from 1; 0 if there are none yet."""

    remaining: dt.timedelta | None = None
    """Time until the current credentials expire. `None` if there are none, or if they
    have no expiration."""

    duration: dt.timedelta | None = None
    """How long the refresh took. `None` unless it has just ended."""

    error: str | None = None
    """The name of the error's class after a failure, otherwise `None`."""

    next_attempt_in: dt.timedelta | None = None
    """The pause before the next attempt after a failure, otherwise `None`."""

    access_key_id: str | None = None
    """The access key ID concerned, shortened. `None` if there is none."""


class RefreshHook(Protocol):
    """
    A function that is passed as *on_event*.

    It is called in the thread in which the event happens, while no lock of this library
    is held. An exception that it raises is logged and not raised.

    .. versionadded:: 0.1.0
    """

    def __call__(self, event: RefreshEvent, /) -> object:
        """Handle *event*."""


@attrs.define(kw_only=True)
class RefreshCounters:
    """
    Counts of a session's refreshes, failures, rejected keys, and clock changes.

    .. versionadded:: 0.1.0
    """

    attempts: int = 0
    """Refreshes that were started."""

    successes: int = 0
    """Refreshes that returned new credentials."""

    failures: int = 0
    """Refreshes that failed."""

    rejections: int = 0
    """How many times a service rejected the current key as expired or unknown."""

    clock_jumps: int = 0
    """How many times the wall clock and the monotonic clock diverged."""


def shorten(access_key_id: str) -> str:
    """Return enough of an access key ID to distinguish it from another."""
    return f"{access_key_id[:4]}…{access_key_id[-4:]}"


def write_log(level: int, text: str, *args: object, exc_info: bool = False) -> None:
    """Log a message; exceptions of the program's handlers are suppressed."""
    with contextlib.suppress(Exception):
        logger.log(level, text, *args, exc_info=exc_info or None, stacklevel=2)


_Item = tuple[RefreshEvent | None, str, int]


class EventQueue:
    """
    Events and log messages, queued under a lock and delivered outside of it.

    Args:
        name: The name of the credentials; log messages begin with it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.counters: RefreshCounters = RefreshCounters()
        self._hooks: list[Callable[[], RefreshHook | None]] = []
        self._items: collections.deque[_Item] = collections.deque()
        self._warned_at = -math.inf

    def subscribe(self, hook: Callable[[], RefreshHook | None]) -> None:
        """
        Deliver events to the callback that *hook* returns, until it returns `None`.
        """
        self._hooks = [known for known in self._hooks if known() is not None]
        self._hooks.append(hook)

    def put(
        self, event: RefreshEvent | None, *, log: str = "", level: int = logging.DEBUG
    ) -> None:
        """Queue an event, a log message, or both."""
        self._items.append((event, log, level))

    def warning_level(self, now: float) -> int:
        """
        Return ``WARNING``, or ``DEBUG`` within `WARNING_INTERVAL` of the last one.
        """
        if now - self._warned_at < WARNING_INTERVAL:
            return logging.DEBUG
        self._warned_at = now
        return logging.WARNING

    def drain(self) -> None:
        """
        Deliver queued events and log messages. Must not be called while a lock is held.
        """
        while self._items:
            try:
                event, log, level = self._items.popleft()
            except IndexError:  # another thread delivers it
                return
            if log:
                write_log(level, "%s: %s", self.name, log)
            if event is not None:
                self._call_hooks(event)

    def _call_hooks(self, event: RefreshEvent) -> None:
        for reference in list(self._hooks):
            hook = reference()
            if hook is None:
                with contextlib.suppress(ValueError):  # another thread removed it
                    self._hooks.remove(reference)
                continue
            try:
                hook(event)
            except Exception:  # noqa: BLE001 - logged, and goes no further
                write_log(
                    logging.WARNING,
                    "%s: the on_event hook failed",
                    self.name,
                    exc_info=True,
                )
