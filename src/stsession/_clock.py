"""
The two clocks that everything else reads.
"""

from __future__ import annotations

import datetime as dt
import functools
import sys
import time

from collections.abc import Callable
from typing import Protocol


__all__ = ["Clock", "SystemClock", "utc"]


class Clock(Protocol):
    """
    What time it is, told twice.

    Both are methods that return seconds as a float, because a request reads
    them each time it is signed.
    """

    def wall(self) -> float:
        """
        Seconds since 1970-01-01 UTC; may be set, forward or back.
        """

    def monotonic(self) -> float:
        """
        Seconds since some instant; never goes back.

        Goes on while the machine sleeps, where the platform can tell.
        """


def _boot_time_clock() -> Callable[[], float]:
    """
    The clock that counts suspended time too, or else the monotonic one.
    """
    clock_id = getattr(time, "CLOCK_BOOTTIME", None)  # Linux
    if clock_id is None and sys.platform == "darwin":
        clock_id = time.CLOCK_MONOTONIC  # goes on during sleep there
    if clock_id is None:
        return time.monotonic
    try:
        time.clock_gettime(clock_id)
    except OSError:  # some sandboxes and emulators don't have it
        return time.monotonic
    return functools.partial(time.clock_gettime, clock_id)


class SystemClock:
    """
    The machine's clocks.
    """

    def __init__(self) -> None:
        # Attributes, not methods: it saves a call for every signed request.
        self.wall = time.time
        self.monotonic = _boot_time_clock()


def utc(wall: float) -> dt.datetime:
    """
    Turn seconds since 1970 into an aware datetime.
    """
    return dt.datetime.fromtimestamp(wall, dt.timezone.utc)
