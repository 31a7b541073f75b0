"""
Context variables: the fetch in progress, and calls that return failures as results.

A fetch runs on a thread of its own, with the context of its caller. Threads and tasks
that the fetch starts may inherit that context and outlive the fetch.
"""

from __future__ import annotations

import contextvars
import os

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .._locks import OneTimeEvent


__all__ = [
    "Fetching",
    "current_fetch",
    "in_background",
    "is_fetching",
    "reported",
    "reporting",
]


T = TypeVar("T")


_fetches: contextvars.ContextVar[tuple[Fetching, ...]] = contextvars.ContextVar(
    "stsession_fetches", default=()
)
_reported: contextvars.ContextVar[tuple[object, ...]] = contextvars.ContextVar(
    "stsession_reported", default=()
)


class Fetching:
    """
    A fetch that the current context is part of.

    Args:
        refresher: The refresher that fetches.

        done: Set when the fetch has ended.

        in_background: Whether the fetch was submitted to the background pool.

        reason: Why the credentials are refreshed, see `Flight.reason`.
    """

    def __init__(
        self,
        refresher: Any,
        done: OneTimeEvent,
        *,
        in_background: bool,
        reason: str = "first",
    ) -> None:
        self.refresher = refresher
        self.reason = reason
        self.done = done
        self.in_background = in_background
        self.process = os.getpid()

    @property
    def is_running(self) -> bool:
        """Whether the fetch is running in this process."""
        return not self.done.is_set() and self.process == os.getpid()

    def run(self, work: Callable[[], T]) -> T:
        """
        Return what *work* returns, called as a part of this fetch.

        The caller's context isn't changed, so an interrupt can't leave it changed.
        """
        context = contextvars.copy_context()
        context.run(_fetches.set, (*_fetches.get(), self))
        return context.run(work)


def current_fetch() -> Fetching | None:
    """Return the innermost fetch that this code runs in. `None` if there is none."""
    fetches = [it for it in _fetches.get() if it.is_running]
    return fetches[-1] if fetches else None


def in_background() -> bool:
    """Return whether this code runs in a fetch of the background pool."""
    return any(it.in_background and it.is_running for it in _fetches.get())


def is_fetching(refresher: object) -> bool:
    """
    Return whether this code runs in a fetch of *refresher* and would wait for itself.
    """
    return any(it.refresher is refresher and it.is_running for it in _fetches.get())


def reporting(queues: Iterable[object]) -> contextvars.Context:
    """
    Return a context in which failures are returned as results.

    Args:
        queues: The event queues of the refreshers whose failures are returned.
    """
    context = contextvars.copy_context()
    context.run(_reported.set, tuple(queues))
    return context


def reported(queue: object) -> bool:
    """
    Return whether failures of *queue* are returned as results and needn't be logged.
    """
    return any(known is queue for known in _reported.get())
