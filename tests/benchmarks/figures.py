"""What a benchmark is made of: figures, contenders, targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


__all__ = [
    "BEST",
    "LIBRARIES",
    "OURS",
    "PEERS",
    "STATIC",
    "Benchmark",
    "Figure",
    "Target",
    "both",
    "fleet",
    "parts",
]

OURS = ("stsession", "fleet")
LIBRARIES = (
    "aws-assume-role-lib",
    "boto3-refresh-session",
    "boto3-assume",
    "boto-session-manager",
)
PEERS = ("recipe", "profile", *LIBRARIES)
BEST = "best peer"
STATIC = "static keys"


@dataclass(frozen=True, kw_only=True)
class Target:
    """
    At most this.

    Args:
        bound: As scenarios return it (seconds, bytes), or as a ratio.

        against: Which contender a ratio is to, or the best peer of the round;
            `None` means it is no ratio.
    """

    bound: float
    against: str | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """
    A number that is shown of each contender.

    Args:
        title: What it is.

        key: What the scenario calls it.

        unit: One of those of `report`.

        targets: What those of ours are to reach.

        ratio: Whether it is shown which part of the best peer's it is.
    """

    title: str
    key: str
    unit: str = ""
    targets: Mapping[str, Target] = field(default_factory=dict)
    ratio: bool = False


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A scenario with its contenders, rounds and figures."""

    title: str
    scenario: str
    contenders: tuple[str, ...]
    rounds: int
    figures: tuple[Figure, ...]


def both(bound: float, against: str | None = None) -> dict[str, Target]:
    """A target for sessions and for fleets."""
    return {name: Target(bound=bound, against=against) for name in OURS}


def fleet(bound: float) -> dict[str, Target]:
    """A target for fleets alone."""
    return {"fleet": Target(bound=bound)}


def parts(stsession: float, fleet: float) -> dict[str, Target]:
    """A target for each, as one part in so many of the best peer's."""
    return {
        "stsession": Target(bound=1 / stsession, against=BEST),
        "fleet": Target(bound=1 / fleet, against=BEST),
    }
