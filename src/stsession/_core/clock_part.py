"""
The two clocks that everything else reads.
"""

from __future__ import annotations

import datetime as dt
import sys
import time

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


def _clock_that_counts_suspended_time() -> int | None:
    """
    The ID of such a clock, or `None` if the platform has none.
    """
    clock_id: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # Linux
    if clock_id is None and sys.platform == "darwin":
        clock_id = time.CLOCK_MONOTONIC  # goes on during sleep there
    if clock_id is not None:
        try:
            time.clock_gettime(clock_id)
        except OSError:  # some sandboxes and emulators don't have it
            return None
    return clock_id


class SystemClock:
    """
    The machine's clocks.

    The functions of `time` are looked up at each reading, so that tools which replace
    them (freezegun, time-machine) affect sessions that exist already.
    """

    def __init__(self) -> None:
        self._monotonic_id = _clock_that_counts_suspended_time()

    def wall(self) -> float:
        """
        Seconds since 1970-01-01 UTC.
        """
        return time.time()

    def monotonic(self) -> float:
        """
        Seconds since the machine was started, or another fixed instant.
        """
        if self._monotonic_id is None:
            return time.monotonic()
        return time.clock_gettime(self._monotonic_id)


def utc(wall: float) -> dt.datetime:
    """
    Turn seconds since 1970 into an aware datetime.
    """
    return dt.datetime.fromtimestamp(wall, dt.timezone.utc)
