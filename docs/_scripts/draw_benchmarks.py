"""
Draw the results of the benchmarks, and write them into pages.

    python docs/_scripts/draw_benchmarks.py

This reads ``docs/explanation/performance.json``, which
``python -m tests.benchmarks --json`` writes, draws the plots beside it, and replaces
what is between the markers of `PAGES`. A test compares all of them.
"""

from __future__ import annotations

import json
import math
import pathlib

from collections.abc import Callable, Iterator

from svg import document as sheet
from svg import line, rect, text
from tell_benchmarks import Document, figure_of, fill_in, with_unit


ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "explanation"
NUMBERS = FOLDER / "performance.json"
PAGE = FOLDER / "performance.md"
PAGES = (PAGE, ROOT / "README.md", ROOT / "docs" / "index.md")

OURS = ("fleet", "stsession")

WIDTH, LEFT, RIGHT, TOP, ROW = 760, 190, 640, 64, 28

LIGHT = {"range": "stroke: #57606a", "ours": "fill: #4c9a67", "other": "fill: #a9b4c0"}
DARK = {"range": "stroke: #9198a1", "ours": "fill: #3f8a59", "other": "fill: #59636e"}

PLOTS = {
    "performance-role-time.svg": ("roles", "time_more", True),
    "performance-role-memory.svg": ("roles", "memory_more", True),
    "performance-edge.svg": ("edge", "max_9", True),
    "performance-start.svg": ("cold_start", "time", False),
}
"""The scenario and the figure of each, and whether its scale is logarithmic."""


def plot(figure: Document, *, logarithmic: bool) -> str:
    """A bar for each contender, from the best to the worst."""
    spreads = sorted(figure["spreads"].items(), key=lambda item: item[1]["median"])
    place = scale(figure, logarithmic=logarithmic)
    title = f"{figure['benchmark']['title']}: {figure['title']}"
    key = "median, minimum and maximum; lower is better"
    if logarithmic:
        key += "; logarithmic scale"
    marks = [text(24, 28, title, "title"), text(24, 47, key)]
    for row, (name, spread) in enumerate(spreads):
        marks += bar(name, spread, figure["unit"], top=TOP + ROW * row, place=place)
    return sheet(
        marks,
        title=title,
        width=WIDTH,
        height=TOP + ROW * len(spreads) + 18,
        light=LIGHT,
        dark=DARK,
    )


def bar(
    name: str,
    spread: dict[str, float],
    unit: str,
    *,
    top: int,
    place: Callable[[float], float],
) -> Iterator[str]:
    """One contender: its name, a bar up to the median, the range, the number."""
    end, low, high = (place(spread[key]) for key in ("median", "minimum", "maximum"))
    style = "ours" if name in OURS else "other"
    yield text(LEFT - 10, top + 15, name, anchor="end")
    yield rect(style, LEFT, top, round(end - LEFT, 1), ROW - 8)
    yield line(f"M{low} {top + ROW // 2 - 4}H{high}", "range")
    value = with_unit(spread["median"], unit)
    yield text(round(max(end, high) + 8, 1), top + 15, value)


def scale(figure: Document, *, logarithmic: bool) -> Callable[[float], float]:
    """Return a function from a value to its place on the x-axis."""
    spreads = figure["spreads"].values()
    most = max(spread["maximum"] for spread in spreads)
    if not logarithmic:
        return lambda value: round(LEFT + (RIGHT - LEFT) * value / most, 1)
    least = min(spread["minimum"] for spread in spreads if spread["minimum"] > 0)
    low = math.floor(math.log10(least))
    decades = max(math.log10(most) - low, 1)

    def place(value: float) -> float:
        up = math.log10(value) - low if value > 0 else 0.0
        return round(LEFT + (RIGHT - LEFT) * max(up, 0.02) / decades, 1)

    return place


def drawings(document: Document) -> Iterator[tuple[pathlib.Path, str]]:
    """Return the plots of all figures that were measured, with their paths."""
    for name, (scenario, key, logarithmic) in PLOTS.items():
        figure = figure_of(document, scenario, key)
        if figure is not None and figure["spreads"]:
            yield FOLDER / name, plot(figure, logarithmic=logarithmic)


def main() -> None:
    """Write all files."""
    document = json.loads(NUMBERS.read_text(encoding="utf-8"))
    for path, drawing in drawings(document):
        path.write_text(drawing, encoding="utf-8")
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        path.write_text(fill_in(page, document), encoding="utf-8")


if __name__ == "__main__":
    main()
