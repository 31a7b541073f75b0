"""
Running contenders side by side, and what comes of it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .catalog import OURS, Benchmark, Figure


__all__ = ["Results", "Spread", "measure"]

Numbers = Mapping[str, float]

TIMEOUT = 300


@dataclass(frozen=True, kw_only=True)
class Spread:
    """
    Minimum, median, and maximum over the rounds.
    """

    minimum: float
    median: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """
        Sum up *values*.
        """
        return cls(
            minimum=min(values), median=statistics.median(values), maximum=max(values)
        )


@dataclass(frozen=True, kw_only=True)
class Results:
    """
    What a benchmark gave.

    Args:
        benchmark: Which one.

        rounds: For each round, the numbers of each contender.
    """

    benchmark: Benchmark
    rounds: Sequence[Mapping[str, Numbers]]

    def spread(self, contender: str, figure: Figure) -> Spread:
        """
        How a contender did.
        """
        return Spread.of([numbers[contender][figure.key] for numbers in self.rounds])

    def ratio(self, other: str, figure: Figure) -> Spread | None:
        """
        Ours to another's, round by round. `None` if there is nothing to divide by.
        """
        pairs = [
            (numbers[OURS][figure.key], numbers[other][figure.key])
            for numbers in self.rounds
        ]
        if any(theirs == 0 for _, theirs in pairs):
            return None
        return Spread.of([ours / theirs for ours, theirs in pairs])


def measure(benchmark: Benchmark) -> Results:
    """
    Run all rounds; each round has every contender, in turn first.
    """
    names = list(benchmark.contenders)
    rounds = []
    for _ in range(benchmark.rounds):
        rounds.append({name: _run(benchmark.scenario, name) for name in names})
        names.append(names.pop(0))
    return Results(benchmark=benchmark, rounds=rounds)


def _run(scenario: str, contender: str) -> Numbers:
    """
    Measure in a new process that knows no AWS account.
    """
    with tempfile.TemporaryDirectory() as home:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
        }
        environment.update(
            HOME=home, AWS_EC2_METADATA_DISABLED="true", AWS_DEFAULT_REGION="us-east-1"
        )
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", scenario, contender],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )
    if done.returncode != 0:
        raise RuntimeError(f"{scenario} of {contender} failed:\n{done.stderr}")
    numbers: Numbers = json.loads(done.stdout)
    return numbers
