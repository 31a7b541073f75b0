"""
What one set of credentials goes through until it expires.
"""

from __future__ import annotations

import enum
import math

import attrs


__all__ = ["Freshness", "RefreshPlan"]


class Freshness(enum.IntEnum):
    """
    How much a refresh matters now.
    """

    FRESH = 0
    ADVISORY = 1
    MANDATORY = 2
    EXPIRED = 3


@attrs.frozen(kw_only=True)
class RefreshPlan:
    """
    What one set of credentials goes through, in seconds before its expiration.
    """

    due: float
    """A refresh is tried from here on: the advisory window, with jitter."""

    mandatory: float
    """Callers wait for the refresh from here on."""

    floor: float
    """Too little left to sign with."""

    settle: float
    """Seconds after the fetch in which no advisory refresh starts."""

    advisory: float
    """The advisory window without jitter; the retries scale with it."""

    clamped: bool = False
    """Whether a configured window didn't fit the lifetime."""

    def freshness(self, remaining: float) -> Freshness:
        """
        Tell how fresh credentials with *remaining* seconds left are.
        """
        if remaining > self.due:
            return Freshness.FRESH
        if remaining > self.mandatory and remaining > self.floor:
            return Freshness.ADVISORY
        if remaining > self.floor:
            return Freshness.MANDATORY
        return Freshness.EXPIRED


UNDATED = RefreshPlan(
    due=-math.inf, mandatory=-math.inf, floor=-math.inf, settle=0.0, advisory=300.0
)
