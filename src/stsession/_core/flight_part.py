"""
One refresh in progress, and what a thread knows about the refreshes it runs.
"""

from __future__ import annotations

import contextvars
import os
import threading

from collections.abc import Callable, Iterable
from typing import TypeVar

import attrs

from .._locks import OneTimeEvent
from ..exceptions import RefreshError
from .credentials import Instant, Record
from .events import Reason


__all__ = [
    "Fetching",
    "Flight",
    "is_fetching",
    "reported",
    "reporting",
    "unattended",
]


T = TypeVar("T")


@attrs.define(kw_only=True, eq=False, repr=False)
class Flight:
    """
    A refresh in progress; it ends with a record, an error, or an interruption.

    It always has an owner that gets it to run, and returns it if that is interrupted.
    The thread that runs it sets one of *record* and *error*, and then *done*.
    """

    began: Instant
    reason: Reason
    owner: object
    """The call of the refresher that has to get it to run."""

    runner: int | None = None
    """The thread that runs it. `None` until it has started to."""

    attended: bool = False
    """Whether the owner waits for it, and delivers the events that come of it."""

    queued: bool = False
    """Whether it was handed to the background pool, which may be busy."""

    done: OneTimeEvent = attrs.field(factory=OneTimeEvent)
    record: Record | None = None
    error: RefreshError | None = None
    interruption: BaseException | None = None
    """What ended the fetch without saying anything about the source, such as
    `KeyboardInterrupt`; for the owner to raise."""

    starter: int | None = attrs.field(factory=threading.get_ident)
    """The thread that has to start it, until it has: it may be calling a hook."""

    @property
    def waits_for_this_thread(self) -> bool:
        """
        Whether this thread would wait for itself.
        """
        return threading.get_ident() in (self.starter, self.runner)

    def age(self, now: Instant) -> float:
        """
        Seconds since it began, by whichever clock says more.
        """
        return max(now.monotonic - self.began.monotonic, now.wall - self.began.wall)

    @property
    def interrupted(self) -> bool:
        """
        Whether it ended without a result, so that another caller has to fetch.
        """
        return self.done.is_set() and self.record is None and self.error is None


# A fetch runs on a thread of its own, with the context of its caller. What it starts
# may inherit that context, and go on after it.
_fetches: contextvars.ContextVar[tuple[Fetching, ...]] = contextvars.ContextVar(
    "stsession_fetches", default=()
)
_reported: contextvars.ContextVar[tuple[object, ...]] = contextvars.ContextVar(
    "stsession_reported", default=()
)


@attrs.frozen(eq=False)
class Fetching:
    """
    What is known in the context of a fetch.
    """

    refresher: object
    flight: Flight
    in_background: bool
    process: int = attrs.field(factory=os.getpid, init=False)

    @property
    def goes_on(self) -> bool:
        """
        Whether it hasn't ended yet, as seen from this process.
        """
        return not self.flight.done.is_set() and self.process == os.getpid()

    def run(self, work: Callable[[], T]) -> T:
        """
        Call *work* in a context in which this is known.

        Nothing has to be undone afterwards, so that no interrupt can prevent that.
        """
        context = contextvars.copy_context()
        context.run(_fetches.set, (*_fetches.get(), self))
        return context.run(work)


def unattended() -> bool:
    """
    Whether no caller waits for what this thread does.
    """
    return any(it.in_background and it.goes_on for it in _fetches.get())


def is_fetching(refresher: object) -> bool:
    """
    Whether this thread is fetching for *refresher*, and would wait for itself.
    """
    return any(it.refresher is refresher and it.goes_on for it in _fetches.get())


def reporting(announcers: Iterable[object]) -> contextvars.Context:
    """
    Return a context in which these failures are `reported` as a result.
    """
    context = contextvars.copy_context()
    context.run(_reported.set, tuple(announcers))
    return context


def reported(announcer: object) -> bool:
    """
    Whether a failure is reported anyhow, and needn't be logged as well.
    """
    return any(known is announcer for known in _reported.get())
