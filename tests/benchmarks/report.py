"""Figures for people and for machines."""

from __future__ import annotations

import importlib.metadata
import os
import platform

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from .figures import BEST, OURS, Benchmark, Figure
from .results import Results, Spread


__all__ = ["document", "heading", "lines", "versions"]

SCALE = {
    "": 1.0,
    "x": 1.0,
    "us": 1e6,
    "ms": 1e3,
    "s": 1.0,
    "MB": 1 / 2**20,
    "B": 1.0,
    "M": 1e-6,
}
"""From what scenarios return (seconds, bytes, numbers) to the units shown."""

MEASURED = (
    "boto3",
    "botocore",
    "attrs",
    "urllib3",
    "stsession",
    "aws-assume-role-lib",
    "boto3-refresh-session",
    "boto3-assume",
    "boto-session-manager",
)


def versions() -> dict[str, str]:
    """What has been measured, and on what."""
    found = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": str(os.cpu_count()),
    }
    return found | {name: _version(name) for name in MEASURED}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "of the checkout" if name in OURS else "not installed"


def heading(benchmark: Benchmark) -> str:
    """The line above a benchmark's figures."""
    rounds = "1 round" if benchmark.rounds == 1 else f"{benchmark.rounds} rounds"
    return f"\n{benchmark.title} ({rounds})"


def lines(results: Results) -> Iterator[str]:
    """For each figure a line for each contender: spread, ratio, target."""
    names = results.benchmark.contenders
    for figure in results.benchmark.figures:
        spreads = {name: results.spread(name, figure) for name in names}
        if any(spread is not None for spread in spreads.values()):
            yield f"  {figure.title}"
        for name, spread in spreads.items():
            if spread is not None:
                notes = "; ".join(_notes(results, name, figure))
                cell = _cell(spread, figure.unit)
                yield f"    {name:24}{cell:34}{notes}".rstrip()
    for name in names:
        if (failure := results.failure(name)) is not None:
            yield f"  {name} failed: {failure}"


def _cell(spread: Spread, unit: str) -> str:
    middle, low, high = (
        _number(value * SCALE[unit])
        for value in (spread.median, spread.minimum, spread.maximum)
    )
    return f"{middle} ({low} to {high}) {unit}".rstrip()


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _notes(results: Results, name: str, figure: Figure) -> Iterator[str]:
    for other, ratio in _ratios(results, name, figure).items():
        yield (
            f"{ratio.median:.3g} ({ratio.minimum:.3g} to {ratio.maximum:.3g}) "
            f"of {other}"
        )
    if (target := figure.targets.get(name)) is not None:
        if target.against is None:
            goal = f"{_number(target.bound * SCALE[figure.unit])} {figure.unit}"
        else:
            goal = f"{target.bound:.3g} of {target.against}"
        met = "met" if results.is_met(name, figure) else "MISSED"
        yield f"target {goal.strip()}: {met}"


def _ratios(results: Results, name: str, figure: Figure) -> dict[str, Spread]:
    """Return the contender that a figure of ours is compared with."""
    if name not in OURS:
        return {}
    others = {BEST: None} if figure.ratio else {}
    if (target := figure.targets.get(name)) is not None and target.against:
        others[target.against] = None
    found = {other: results.ratio(name, other, figure) for other in others}
    return {other: ratio for other, ratio in found.items() if ratio is not None}


def document(all_results: Sequence[Results]) -> dict[str, Any]:
    """All of it, for JSON; times in seconds, sizes in bytes."""
    return {
        "versions": versions(),
        "benchmarks": [_summary(results) for results in all_results],
    }


def _summary(results: Results) -> dict[str, Any]:
    benchmark = results.benchmark
    return {
        "title": benchmark.title,
        "scenario": benchmark.scenario,
        "contenders": benchmark.contenders,
        "rounds": len(results.rounds),
        "failed": {
            name: failure
            for name in benchmark.contenders
            if (failure := results.failure(name)) is not None
        },
        "figures": [_figure(results, figure) for figure in benchmark.figures],
        "numbers": [
            {
                name: {key: _short(value) for key, value in outcome.numbers.items()}
                for name, outcome in outcomes.items()
            }
            for outcomes in results.rounds
        ],
    }


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _figure(results: Results, figure: Figure) -> dict[str, Any]:
    spreads = {
        name: asdict(spread)
        for name in results.benchmark.contenders
        if (spread := results.spread(name, figure)) is not None
    }
    return {
        "title": figure.title,
        "key": figure.key,
        "unit": figure.unit,
        "spreads": spreads,
        "ratios": {
            name: {
                other: asdict(ratio)
                for other, ratio in _ratios(results, name, figure).items()
            }
            for name in spreads
            if name in OURS
        },
        "targets": {
            name: {**asdict(target), "met": results.is_met(name, figure)}
            for name, target in figure.targets.items()
            if name in results.benchmark.contenders
        },
    }
