"""
What a run is like, and what came of it.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Mapping
from typing import Any

import attrs

from ._play import Outage


__all__ = ["Measured", "Run", "Settings"]


@attrs.frozen(kw_only=True)
class Settings:
    """
    What a run is like.
    """

    seconds: float = 20.0
    """How long it takes."""

    duration_seconds: int = 3600
    """How long sessions last, by the fast clock."""

    @property
    def lifetime(self) -> float:
        """
        Seconds that they really last: there is time for at least three.
        """
        return min(6.0, 0.3 * self.seconds)

    @property
    def factor(self) -> float:
        """
        How fast the clock goes.
        """
        return self.duration_seconds / self.lifetime

    @property
    def outage(self) -> dt.timedelta:
        """
        How long STS is down each time, by the fast clock: 12 minutes of an hour.
        """
        return dt.timedelta(seconds=self.duration_seconds / 5)


@attrs.frozen(kw_only=True)
class Measured:
    """
    What one contender did.
    """

    api_calls: int
    failures: int
    slowest_call_seconds: float
    assume_role_calls: int
    """All that the server received, for either role."""

    assume_role_failures: int
    """Those that it answered with an error."""

    generations: int
    """Keys of the target role that the server accepted in S3 calls."""

    errors: Mapping[str, int]
    """How often which error was raised."""


@attrs.frozen(kw_only=True)
class Run:
    """
    What a whole run was like.
    """

    settings: Settings
    outages: tuple[Outage, ...]
    contenders: Mapping[str, Measured]

    @property
    def ours_never_failed(self) -> bool:
        """
        Whether each API call of stsession succeeded.
        """
        ours = self.contenders["stsession"]
        return ours.api_calls > 0 and ours.failures == 0

    def as_dict(self) -> dict[str, Any]:
        """
        All of it, for JSON.
        """
        return {
            "seconds": self.settings.seconds,
            "session_duration_seconds": self.settings.duration_seconds,
            "clock_factor": self.settings.factor,
            "outages": [attrs.asdict(outage) for outage in self.outages],
            "contenders": {
                name: attrs.asdict(measured)
                for name, measured in self.contenders.items()
            },
        }
