"""A clock that goes with the machine's and can be moved forward."""

from __future__ import annotations

import datetime as dt
import time


__all__ = ["MovableClock"]


class MovableClock:
    """The machine's clocks, which can be moved forward together."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time() + self.ahead

    def monotonic(self) -> float:
        """Seconds since some instant."""
        return time.monotonic() + self.ahead

    def now(self) -> dt.datetime:
        """Return the time in the form that botocore's clock has."""
        return dt.datetime.fromtimestamp(self.wall(), dt.timezone.utc)
