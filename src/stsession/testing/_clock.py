"""A clock that tests move."""

from __future__ import annotations

import datetime as dt
import threading

from .._core.runtime import utc


__all__ = ["FakeClock"]


_START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


class FakeClock:
    """
    A wall clock and a monotonic clock that stand still until a test moves them.

    Both may be read and moved from any thread.

    Args:
        start: The time that the wall clock begins with, an aware datetime. `None` means
            2026-01-01T00:00:00Z.

    Raises:
        ValueError: If *start* has no time zone.

    .. versionadded:: 0.1.0
    """

    def __init__(self, start: dt.datetime | None = None) -> None:
        start = _START if start is None else start
        if start.tzinfo is None:
            raise ValueError("start has to be an aware datetime.")
        self._lock = threading.Lock()  # held while the pair is replaced
        self._pair = (start.timestamp(), 0.0)

    def __repr__(self) -> str:
        wall, monotonic = self._pair
        return f"FakeClock(now={utc(wall).isoformat()!r}, monotonic={monotonic!r})"

    def wall(self) -> float:
        """Return the seconds since 1970-01-01 UTC."""
        return self._pair[0]

    def monotonic(self) -> float:
        """Return the seconds since the clock was made."""
        return self._pair[1]

    def now(self) -> dt.datetime:
        """Return the wall clock's time as an aware UTC datetime."""
        return utc(self.wall())

    def advance(self, by: dt.timedelta) -> None:
        """
        Move both clocks forward.

        Raises:
            ValueError: If *by* is negative; see :meth:`step_wall`.
        """
        self._move(wall=_not_negative(by), monotonic=by)

    def step_wall(self, by: dt.timedelta) -> None:
        """Move the wall clock only, forward or (if *by* is negative) back."""
        self._move(wall=by, monotonic=dt.timedelta(0))

    def freeze(self, for_: dt.timedelta) -> None:
        """
        Move the wall clock forward while the monotonic clock stands still.

        A process observes that after its virtual machine or Lambda function was
        paused.

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
        raise ValueError(f"The span can't be negative: {span}.")
    return span
