"""
One refresh in progress, and what a thread knows about the refreshes it runs.
"""

from __future__ import annotations

import contextvars
import threading

from collections.abc import Iterable

import attrs

from ._credentials import Instant, Record
from ._events import Reason
from ._locks import OneTimeEvent
from .exceptions import RefreshError


__all__ = [
    "Flight",
    "fetching",
    "in_background",
    "is_fetching",
    "reported",
    "reporting",
    "unattended",
]


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

    queued: bool = False
    """Whether it was handed to the background pool, which may be busy."""

    done: OneTimeEvent = attrs.field(factory=OneTimeEvent)
    record: Record | None = None
    error: RefreshError | None = None
    interruption: BaseException | None = None
    """What ended the fetch if it wasn't an `Exception`; for the owner to raise."""

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


# A fetch runs on a thread of its own, with the context of its caller.
_fetched: contextvars.ContextVar[tuple[object, ...]] = contextvars.ContextVar(
    "stsession_fetched", default=()
)
_unattended: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "stsession_unattended", default=False
)
_reported: contextvars.ContextVar[tuple[object, ...]] = contextvars.ContextVar(
    "stsession_reported", default=()
)


def fetching(refresher: object) -> contextvars.Context:
    """
    Return a context in which `is_fetching` is true of *refresher*.

    What runs in a context of its own leaves nothing to be undone afterwards, so that
    no interrupt can prevent that.
    """
    context = contextvars.copy_context()
    context.run(_fetched.set, (*_fetched.get(), refresher))
    return context


def in_background() -> contextvars.Context:
    """
    Return a context in which it is known that no caller waits.
    """
    context = contextvars.copy_context()
    context.run(_unattended.set, True)
    return context


def unattended() -> bool:
    """
    Whether no caller waits for what this thread does.
    """
    return _unattended.get()


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


def is_fetching(refresher: object) -> bool:
    """
    Whether this thread is fetching for *refresher*, and would wait for itself.
    """
    return any(known is refresher for known in _fetched.get())
