"""
Refresh events, their counters and callbacks.
"""

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
    "Announcer",
    "RefreshCounters",
    "RefreshEvent",
    "RefreshHook",
    "write_log",
]


logger = logging.getLogger("stsession")
logger.addHandler(logging.NullHandler())  # who wants to see it, says so

WARNING_INTERVAL = 60.0

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
    Something that happened to a session's credentials. Carries no secret.

    .. versionadded:: 0.1.0
    """

    name: EventName
    """What happened."""

    label: str
    """Whose credentials they are, usually the ARN of the role."""

    reason: Reason | None = None
    """Why the refresh was begun. `None` if the event belongs to none."""

    generation: int = 0
    """How many sets of credentials there have been."""

    remaining: dt.timedelta | None = None
    """What the credentials at hand have left. `None` if there are none, or if
    they have no end."""

    duration: dt.timedelta | None = None
    """How long the refresh took; `None` unless it has just ended."""

    error: str | None = None
    """The name of the error's class, after a failure; otherwise `None`."""

    next_attempt_in: dt.timedelta | None = None
    """The pause before the next attempt, after a failure; otherwise `None`."""

    access_key_id: str | None = None
    """The access key ID concerned, shortened; `None` if there is none."""


class RefreshHook(Protocol):
    """
    What *on_event* takes.

    It is called in whichever thread the thing happens, never under a lock of
    ours. What it raises is logged and goes no further.

    .. versionadded:: 0.1.0
    """

    def __call__(self, event: RefreshEvent, /) -> object:
        """
        Take note of *event*.
        """


@attrs.define(kw_only=True)
class RefreshCounters:
    """
    How often things have happened. Reading one takes no lock.

    .. versionadded:: 0.1.0
    """

    attempts: int = 0
    """Fetches begun."""

    successes: int = 0
    """Fetches that brought new credentials."""

    failures: int = 0
    """Fetches that didn't."""

    rejections: int = 0
    """Times that a service refused the current key as expired or unknown."""

    clock_jumps: int = 0
    """Times that the two clocks of the machine moved apart."""


def shorten(access_key_id: str) -> str:
    """
    Enough of an access key ID to tell it from another.
    """
    return f"{access_key_id[:4]}…{access_key_id[-4:]}"


def write_log(level: int, text: str, *args: object, exc_info: bool = False) -> None:
    """
    Log a message; what a handler of the program raises doesn't reach the caller.
    """
    with contextlib.suppress(Exception):
        logger.log(level, text, *args, exc_info=exc_info or None, stacklevel=2)


_News = tuple[RefreshEvent | None, str, int]


@attrs.define(kw_only=True, eq=False, repr=False)
class Announcer:
    """
    Collects what is to be told while a lock is held, and tells it afterwards.
    """

    label: str
    counters: RefreshCounters = attrs.field(factory=RefreshCounters)
    _hooks: list[Callable[[], RefreshHook | None]] = attrs.field(factory=list)
    _outbox: collections.deque[_News] = attrs.field(factory=collections.deque)
    _warned_at: float = -math.inf

    def subscribe(self, hook: Callable[[], RefreshHook | None]) -> None:
        """
        Tell what *hook* refers to, too, as long as it refers to something.
        """
        self._hooks = [known for known in self._hooks if known() is not None]
        self._hooks.append(hook)

    def note(
        self, event: RefreshEvent | None, *, log: str = "", level: int = logging.DEBUG
    ) -> None:
        """
        Remember an event, a log message, or both.
        """
        self._outbox.append((event, log, level))

    def warning_level(self, now: float) -> int:
        """
        ``WARNING``, but ``DEBUG`` if there was one less than a minute ago.
        """
        if now - self._warned_at < WARNING_INTERVAL:
            return logging.DEBUG
        self._warned_at = now
        return logging.WARNING

    def flush(self) -> None:
        """
        Tell what has been noted. Never call it under a lock.
        """
        while self._outbox:
            try:
                event, log, level = self._outbox.popleft()
            except IndexError:  # another thread tells it
                return
            if log:
                write_log(level, "%s: %s", self.label, log)
            if event is not None:
                self._call_hooks(event)

    def _call_hooks(self, event: RefreshEvent) -> None:
        for reference in list(self._hooks):
            hook = reference()
            if hook is None:
                with contextlib.suppress(ValueError):  # another thread saw it, too
                    self._hooks.remove(reference)
                continue
            try:
                hook(event)
            except Exception:  # noqa: BLE001 - logged, and goes no further
                write_log(
                    logging.WARNING,
                    "%s: the on_event hook failed",
                    self.label,
                    exc_info=True,
                )
