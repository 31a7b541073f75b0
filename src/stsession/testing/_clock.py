"""
A clock that moves when the test says so.
"""

from __future__ import annotations

import datetime as dt
import threading

from .._core.runtime import utc


__all__ = ["FakeClock"]


_START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


class FakeClock:
    """
    A wall clock and a monotonic clock that stand still until they are moved.

    Both may be read and moved from any thread.

    Args:
        start:
            The first instant of the wall clock, an aware datetime. `None`
            means 2026-01-01T00:00:00Z.

    Raises:
        ValueError: If *start* has no time zone.

    .. versionadded:: 0.1.0
    """

    def __init__(self, start: dt.datetime | None = None) -> None:
        start = _START if start is None else start
        if start.tzinfo is None:
            raise ValueError("start: an aware datetime is needed.")
        self._lock = threading.Lock()  # held while the pair is replaced
        self._pair = (start.timestamp(), 0.0)

    def __repr__(self) -> str:
        wall, monotonic = self._pair
        return f"FakeClock(now={utc(wall).isoformat()!r}, monotonic={monotonic!r})"

    def wall(self) -> float:
        """
        Seconds since 1970-01-01 UTC.
        """
        return self._pair[0]

    def monotonic(self) -> float:
        """
        Seconds since the clock was made.
        """
        return self._pair[1]

    def now(self) -> dt.datetime:
        """
        The wall clock as an aware UTC datetime.
        """
        return utc(self.wall())

    def advance(self, by: dt.timedelta) -> None:
        """
        Let time pass: both clocks move on.

        Raises:
            ValueError: If *by* is negative; see :meth:`step_wall`.
        """
        self._move(wall=_not_negative(by), monotonic=by)

    def step_wall(self, by: dt.timedelta) -> None:
        """
        Set the wall clock, forward or (if *by* is negative) back.
        """
        self._move(wall=by, monotonic=dt.timedelta(0))

    def freeze(self, for_: dt.timedelta) -> None:
        """
        Freeze and thaw the machine: only the wall clock has moved on.

        That is what a process sees after a virtual machine or a Lambda
        function was paused.

        Raises:
            ValueError: If *for_* is negative.
        """
        self._move(wall=_not_negative(for_), monotonic=dt.timedelta(0))

    def _move(self, *, wall: dt.timedelta, monotonic: dt.timedelta) -> None:
        with self._lock:
            old_wall, old_monotonic = self._pair
            self._pair = (
                old_wall + wall.total_seconds(),
                old_monotonic + monotonic.total_seconds(),
            )


def _not_negative(span: dt.timedelta) -> dt.timedelta:
    if span < dt.timedelta(0):
        raise ValueError(f"Time can't pass backwards: {span}.")
    return span
