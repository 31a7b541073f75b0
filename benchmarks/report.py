"""
Figures for people and for machines.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from .catalog import OURS, Benchmark, Figure
from .harness import Results, Spread


__all__ = ["document", "heading", "is_met", "lines", "versions"]

SCALE = {"": 1.0, "us": 1e6, "ms": 1e3, "s": 1.0, "MB": 1 / 2**20, "B": 1.0}
"""From what scenarios return (seconds, bytes, numbers) to the units shown."""

TITLE, CELL = 27, 28


def versions() -> dict[str, str]:
    """
    What has been measured, and on what.
    """
    found = {"python": platform.python_version(), "cpus": str(os.cpu_count())}
    for name in ("boto3", "botocore", "attrs"):
        found[name] = importlib.metadata.version(name)
    return found


def is_met(results: Results, figure: Figure) -> bool | None:
    """
    Whether the median reaches the target. `None` if there is no target.
    """
    target = figure.target
    if target is None:
        return None
    if target.against is None:
        value = results.spread(OURS, figure).median * SCALE[figure.unit]
        return value <= target.bound
    ratio = results.ratio(target.against, figure)
    return ratio is not None and ratio.median <= target.bound


def heading(benchmark: Benchmark) -> str:
    """
    The line above a benchmark's figures.
    """
    cells = "".join(f"{name:>{CELL}}" for name in benchmark.contenders)
    return f"\n{benchmark.title} ({benchmark.rounds} rounds)\n{'':{TITLE}}{cells}"


def lines(results: Results) -> Iterator[str]:
    """
    A line for each figure: median (minimum to maximum), ratios, target.
    """
    for figure in results.benchmark.figures:
        cells = "".join(
            f"{_cell(results.spread(name, figure), figure.unit):>{CELL}}"
            for name in results.benchmark.contenders
        )
        notes = [*_ratios(results, figure), *_target(results, figure)]
        yield f"  {figure.title:{TITLE - 2}}{cells}   {'; '.join(notes)}".rstrip()


def _cell(spread: Spread, unit: str) -> str:
    middle, low, high = (
        _number(value * SCALE[unit])
        for value in (spread.median, spread.minimum, spread.maximum)
    )
    return f"{middle} ({low} to {high}) {unit}".rstrip()


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _ratios(results: Results, figure: Figure) -> Iterator[str]:
    for other in results.benchmark.contenders[1:]:
        ratio = results.ratio(other, figure)
        if ratio is not None:
            yield (
                f"{ratio.median:.3g} ({ratio.minimum:.3g} to {ratio.maximum:.3g}) "
                f"of {other}"
            )


def _target(results: Results, figure: Figure) -> Iterator[str]:
    target, met = figure.target, is_met(results, figure)
    if target is not None:
        of = figure.unit if target.against is None else f"of {target.against}"
        yield f"target {target.bound:g} {of}".rstrip() + (
            ": met" if met else ": MISSED"
        )


def document(all_results: Sequence[Results]) -> dict[str, Any]:
    """
    All of it, for JSON; times in seconds, sizes in bytes.
    """
    return {
        "versions": versions(),
        "benchmarks": [
            {
                **asdict(results.benchmark),
                "rounds": results.rounds,
                "met": {
                    figure.key: is_met(results, figure)
                    for figure in results.benchmark.figures
                    if figure.target is not None
                },
            }
            for results in all_results
        ],
    }
