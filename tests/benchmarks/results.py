"""From the numbers of all rounds to spreads, ratios, and targets that are met."""

from __future__ import annotations

import statistics

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .figures import OURS, PEERS, Benchmark, Figure


__all__ = ["Outcome", "Results", "Spread"]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Minimum, median, and maximum over the rounds."""

    minimum: float
    median: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """Sum up *values*. `None` if there are none."""
        if not values:
            return None
        return cls(
            minimum=min(values), median=statistics.median(values), maximum=max(values)
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a contender did in a round: numbers, or why there are none."""

    numbers: Mapping[str, float]
    failed: str | None = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """
    What a benchmark gave.

    Args:
        benchmark: Which one.

        rounds: For each round, the outcome of each contender.
    """

    benchmark: Benchmark
    rounds: Sequence[Mapping[str, Outcome]]

    def values(self, contender: str, key: str) -> list[float | None]:
        """A contender's number in each round."""
        return [outcomes[contender].numbers.get(key) for outcomes in self.rounds]

    def spread(self, contender: str, figure: Figure) -> Spread | None:
        """How a contender did. `None` if it has no such number."""
        values = self.values(contender, figure.key)
        return Spread.of([value for value in values if value is not None])

    def failure(self, contender: str) -> str | None:
        """Why a contender has no numbers, or not in each round."""
        failures = (outcomes[contender].failed for outcomes in self.rounds)
        return next((text for text in failures if text is not None), None)

    def ratio(self, contender: str, against: str, figure: Figure) -> Spread | None:
        """
        One's to another's, round by round. `None` if there is nothing to divide by.

        Args:
            contender: Contender of the dividend.

            against: Contender of the divisor; ``"best peer"`` is the best of the round.

            figure: Which number.
        """
        rivals = PEERS if against == "best peer" else (against,)
        ratios = []
        for outcomes in self.rounds:
            numbers = [
                outcomes[name].numbers.get(figure.key)
                for name in rivals
                if name in outcomes
            ]
            best = min((n for n in numbers if n is not None), default=None)
            mine = outcomes[contender].numbers.get(figure.key)
            if best and mine is not None:
                ratios.append(mine / best)
        return Spread.of(ratios)

    def is_met(self, contender: str, figure: Figure) -> bool | None:
        """
        Whether the median reaches the target.

        `None` if there is no target, or if it hasn't been measured, as in the quick
        mode; a contender that failed hasn't reached it.
        """
        target = figure.targets.get(contender)
        if target is None:
            return None
        measured = self.spread(contender, figure) is not None
        if not measured and self.failure(contender) is None:
            return None
        if target.against is None:
            found = self.spread(contender, figure)
        else:
            found = self.ratio(contender, target.against, figure)
        return found is not None and found.median <= target.bound

    def missed(self) -> list[str]:
        """Return the figures and contenders of ours with a missed target."""
        return [
            f"{self.benchmark.title}: {figure.title}, {contender}"
            for figure in self.benchmark.figures
            for contender in OURS
            if self.is_met(contender, figure) is False
        ]
