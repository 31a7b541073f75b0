"""
Which figures are shown, for whom, and what is aimed at.
"""

from __future__ import annotations

from dataclasses import dataclass


__all__ = ["BENCHMARKS", "Benchmark", "Figure", "Target"]

OURS = "stsession"


@dataclass(frozen=True, kw_only=True)
class Target:
    """
    At most this.

    Args:
        bound: In the figure's unit, or as a ratio.

        against: Which contender a ratio is to; `None` means it is no ratio.
    """

    bound: float
    against: str | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """
    A line of the table.

    Args:
        title: What it is.

        key: What the scenario calls it.

        unit: One of those of `report`.

        target: What we want to reach. `None` means it is for information.
    """

    title: str
    key: str
    unit: str
    target: Target | None = None


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """
    A scenario, who takes part, how often, and what is shown of it.
    """

    title: str
    scenario: str
    contenders: tuple[str, ...]
    rounds: int
    figures: tuple[Figure, ...]


def _tenth(key: str, title: str) -> Figure:
    return Figure(
        title=title, key=key, unit="us", target=Target(bound=0.1, against="recipe")
    )


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark(
        title="import, after boto3 and attrs",
        scenario="import_cost",
        contenders=(OURS,),
        rounds=9,
        figures=(
            Figure(
                title="import stsession",
                key="import",
                unit="ms",
                target=Target(bound=5),
            ),
            Figure(title="and stsession.assume", key="import_and_assume", unit="ms"),
        ),
    ),
    Benchmark(
        title="making a session",
        scenario="construction",
        contenders=(OURS, "plain"),
        rounds=5,
        figures=(
            Figure(title="the first", key="first", unit="ms"),
            Figure(title="a further one", key="further", unit="ms"),
        ),
    ),
    Benchmark(
        title="fresh get_frozen_credentials()",
        scenario="hot_path",
        contenders=(OURS, "recipe"),
        rounds=5,
        figures=(
            _tenth("threads_1", "1 thread"),
            _tenth("threads_8", "8 threads"),
            _tenth("threads_32", "32 threads"),
        ),
    ),
    Benchmark(
        title="sessions with clients for s3 and sts, ready to sign",
        scenario="roles",
        contenders=(OURS, "recipe"),
        rounds=2,
        figures=tuple(
            Figure(title=f"{what}, {n} roles", key=f"{what}_{n}", unit=unit)
            for n in (1, 10, 100)
            for what, unit in (("time", "s"), ("memory", "MB"))
        ),
    ),
    *(
        Benchmark(
            title=f"refresh of an hour's session with {left} left: 32 threads, STS "
            "takes 300 ms",
            scenario=scenario,
            contenders=(OURS, "recipe"),
            rounds=4,
            figures=(
                Figure(title="p50", key="p50", unit="us"),
                Figure(title="p99", key="p99", unit="ms"),
                Figure(title="slowest", key="max", unit="ms"),
                Figure(
                    title="stalled reads (> 150 ms)",
                    key="stalled",
                    unit="",
                    target=Target(bound=0),
                ),
            ),
        )
        for scenario, left in (("edge_15", "14 min"), ("edge_10", "9 min"))
    ),
    Benchmark(
        title="STS answers 503 with 9 min left: 4 threads call S3 for 3 s",
        scenario="outage",
        contenders=(OURS, "recipe"),
        rounds=2,
        figures=(
            Figure(title="calls", key="calls", unit=""),
            Figure(title="failed", key="failed", unit="", target=Target(bound=0)),
            Figure(
                title="slowest call", key="max", unit="ms", target=Target(bound=100)
            ),
        ),
    ),
    Benchmark(
        title="first use by 64 threads at once: STS takes 100 ms",
        scenario="herd",
        contenders=(OURS, "profile"),
        rounds=3,
        figures=(
            Figure(
                title="AssumeRole calls", key="calls", unit="", target=Target(bound=1)
            ),
            Figure(title="all have them after", key="time", unit="ms"),
        ),
    ),
    Benchmark(
        title="1,000 sessions made, used, dropped",
        scenario="leak",
        contenders=(OURS,),
        rounds=2,
        figures=(
            Figure(
                title="left of each", key="bytes", unit="B", target=Target(bound=1024)
            ),
            Figure(
                title="threads left", key="threads", unit="", target=Target(bound=0)
            ),
            Figure(
                title="descriptors left",
                key="descriptors",
                unit="",
                target=Target(bound=0),
            ),
        ),
    ),
)
