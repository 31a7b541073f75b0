"""
The runtime that tests replace: clocks, random numbers, threads, and waiting.
"""

from __future__ import annotations

import random

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from .._locks import OneTimeEvent
from .clock_part import Clock, SystemClock
from .runtime import BackgroundPool, spawn


__all__ = ["Seams", "current", "installed"]


pool = BackgroundPool()


def _wait(event: OneTimeEvent, seconds: float) -> object:
    return event.wait(seconds)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Seams:
    """
    What refreshers are made with.
    """

    clock: Clock = attrs.field(factory=SystemClock)

    # Not the `random` module's own generator: a program that seeds it alike on
    # each machine would have all of them refresh at once.
    draw: Callable[[], float] = random.SystemRandom().random

    run: Callable[[Callable[[], None]], bool] = pool.submit
    spawn: Callable[[Callable[[], None]], bool] = spawn
    wait: Callable[[OneTimeEvent, float], object] = _wait


_installed = [Seams()]


def current() -> Seams:
    """
    The seams for what is made now.
    """
    return _installed[-1]


@contextmanager
def installed(**seams: Any) -> Iterator[Seams]:
    """
    Use other *seams* for the sessions that are made inside; for tests.

    Sessions keep those that they were made with. It holds for all threads.

    Args:
        seams:
            *clock*: what tells the time, e.g. a
            :class:`~stsession.testing.FakeClock`. *draw*: returns a number from
            0 to 1, for the jitter. *run* and *spawn*: receive a function to call
            on another thread, or at once, and return whether it will be called;
            if not, the caller refreshes. *run* gets refreshes that no caller waits
            for, *spawn* all others. *wait*: receives an event and the seconds to
            wait for it. If you replace *wait* by one that doesn't wait, let *spawn*
            return `False`.

    .. versionadded:: 0.1.0
    """
    before = current()
    _installed.append(attrs.evolve(before, **seams))
    try:
        yield current()
    finally:
        _installed.pop()
