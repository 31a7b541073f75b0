"""
Tell what the benchmark has measured: the tables of ``performance.md``.

They stand between markers, which name a scenario and figures of it; see
``draw_benchmarks.py``.
"""

from __future__ import annotations

import re

from collections.abc import Callable, Iterator
from typing import Any


__all__ = ["MARKED", "PARTS", "Document", "figure_of", "fill_in", "with_unit"]

Document = dict[str, Any]

BEST = "best peer"

MARKED = re.compile(
    r"(?P<begin><!-- measured: (?P<what>[^>]*?) -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)

SCALE = {"us": 1e6, "ms": 1e3, "MB": 1 / 2**20, "M": 1e-6}
NONE = "-"
UNITS = {"us": "µs", "x": "times", "M": "million"}


def figure_of(document: Document, scenario: str, key: str) -> Document | None:
    """
    A figure with the benchmark it belongs to; `None` if it wasn't measured.
    """
    for benchmark in document["benchmarks"]:
        if benchmark["scenario"] == scenario:
            for figure in benchmark["figures"]:
                if figure["key"] == key:
                    return {**figure, "benchmark": benchmark}
    return None


def number(value: float, unit: str = "") -> str:
    """
    A value as it is read, without its unit.
    """
    value *= SCALE.get(unit, 1.0)
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.4f}"


def with_unit(value: float, unit: str) -> str:
    """
    A value with its unit.
    """
    return f"{number(value, unit)} {UNITS.get(unit, unit)}".rstrip()


def spread_text(spread: dict[str, float], unit: str = "") -> str:
    """
    The median; minimum and maximum if they differ from it.
    """
    middle, low, high = (
        number(spread[name], unit) for name in ("median", "minimum", "maximum")
    )
    return middle if low == high else f"{middle} ({low} to {high})"


def fill_in(page: str, document: Document) -> str:
    """
    The page with all that stands between markers made anew.
    """

    def made(match: re.Match[str]) -> str:
        what, *keys = match["what"].split()
        lines = PARTS[what](document) if what in PARTS else table(document, what, keys)
        return match["begin"] + "\n".join(["", *lines, "", ""]) + match["end"]

    return MARKED.sub(made, page)


def table(document: Document, scenario: str, keys: list[str]) -> Iterator[str]:
    """
    A row for each contender, a column for each figure, and the ratios below.
    """
    found = (figure_of(document, scenario, key) for key in keys)
    figures = [figure for figure in found if figure and figure["spreads"]]
    if not figures:
        yield "Not measured."
        return
    benchmark = figures[0]["benchmark"]
    units = (UNITS.get(figure["unit"], figure["unit"]) for figure in figures)
    heads = [
        f"{figure['title']}, {unit}" if unit else figure["title"]
        for figure, unit in zip(figures, units, strict=True)
    ]
    yield "| | " + " | ".join(heads) + " |"
    yield "| --- |" + " --- |" * len(heads)
    for name in benchmark["contenders"]:
        cells = [
            spread_text(figure["spreads"][name], figure["unit"])
            if name in figure["spreads"]
            else NONE
            for figure in figures
        ]
        if any(cell != NONE for cell in cells):
            yield f"| {name} | " + " | ".join(cells) + " |"
    yield from failures(benchmark)
    yield from ratios(figures)


def failures(benchmark: Document) -> Iterator[str]:
    """
    Who couldn't, and why.
    """
    for name, failure in benchmark["failed"].items():
        yield ""
        yield f"`{name}` failed: `{failure}`"


def ratios(figures: list[Document]) -> Iterator[str]:
    """
    How ours compare, and whether that is what was aimed at.
    """
    notes = []
    for figure in figures:
        for name, others in figure["ratios"].items():
            for other, ratio in others.items():
                so = f"{spread_text(ratio)} times {whose(other)}"
                notes.append(note(figure, name, so, against=other))
        for name, target in figure["targets"].items():
            if target["against"] is None and name in figure["spreads"]:
                spread = figure["spreads"][name]
                so = with_unit(spread["median"], figure["unit"])
                notes.append(note(figure, name, so, against=None))
    if notes:
        yield ""
        yield from notes


def note(figure: Document, name: str, so: str, *, against: str | None) -> str:
    """
    That it is so, what was aimed at, and whether it was reached.
    """
    line = f"- {name}, {figure['title']}: {so}"
    target = figure["targets"].get(name)
    if target is None or target["against"] != against:
        return f"{line}."
    verdict = "reached" if target["met"] else "**missed**"
    unit = figure["unit"] if against is None else "x"
    return f"{line}; {with_unit(target['bound'], unit)} at most: {verdict}."


def whose(other: str) -> str:
    """
    A contender in the genitive.
    """
    return "the best peer's" if other == BEST else f"that of {other}"


def versions(document: Document) -> Iterator[str]:
    """
    What was measured, and on what.
    """
    yield "| | |"
    yield "| --- | --- |"
    for name, version in document["versions"].items():
        yield f"| {name} | {version} |"


def losses(document: Document) -> Iterator[str]:
    """
    All figures in which a peer is better by more than a twentieth.
    """
    found = False
    for benchmark in document["benchmarks"]:
        for figure in benchmark["figures"]:
            for name, others in figure["ratios"].items():
                if BEST in others and others[BEST]["median"] > 1.05:
                    found = True
                    own = with_unit(figure["spreads"][name]["median"], figure["unit"])
                    yield (
                        f"- {benchmark['title']}, {figure['title']}: {name} takes "
                        f"{own}, {spread_text(others[BEST])} times the best peer's."
                    )
    if not found:
        yield "Nowhere, in these figures."


PARTS: dict[str, Callable[[Document], Iterator[str]]] = {
    "versions": versions,
    "losses": losses,
}
