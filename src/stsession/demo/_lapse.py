"""
Time-lapse: a clock that makes hours out of seconds.
"""

from __future__ import annotations

import datetime as dt

from .._core.runtime import SystemClock, utc


__all__ = ["FastClock"]


class FastClock:
    """
    Starts at the present time and goes *factor* times as fast.

    Args:
        factor: Its seconds in one second of the machine.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        system = SystemClock()
        self._real = system.monotonic
        self._began = system.monotonic()
        self._wall = system.wall()

    def elapsed(self) -> float:
        """
        Seconds of the machine since the start.
        """
        return self._real() - self._began

    def wall(self) -> float:
        """
        Seconds since 1970-01-01 UTC.
        """
        return self._wall + self.monotonic()

    def monotonic(self) -> float:
        """
        Seconds since the start.
        """
        return self.elapsed() * self.factor

    def now(self) -> dt.datetime:
        """
        The same as an aware datetime.
        """
        return utc(self.wall())
