"""
Draw and tell what the benchmark has measured.

    python docs/_scripts/draw_benchmarks.py

reads ``docs/explanation/performance.json``, which ``python -m benchmarks --json``
writes; draws the plots beside it, and fills in what stands between the markers of
``performance.md``. A test compares all of them.
"""

from __future__ import annotations

import json
import math
import pathlib
import re

from collections.abc import Callable, Iterator
from typing import Any


FOLDER = pathlib.Path(__file__).parents[1] / "explanation"
NUMBERS = FOLDER / "performance.json"
PAGE = FOLDER / "performance.md"

OURS = ("fleet", "stsession")
BEST = "best peer"

MARKED = re.compile(
    r"(?P<begin><!-- measured: (?P<what>[^>]*?) -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)

SCALE = {"us": 1e6, "ms": 1e3, "MB": 1 / 2**20, "M": 1e-6}
NONE = "-"
UNITS = {"us": "µs", "x": "times", "M": "million"}

WIDTH, LEFT, RIGHT, TOP, ROW = 760, 190, 640, 64, 28

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .small { font-size: 12px }
  .paper { fill: #ffffff; stroke: #d0d7de }
  .line { stroke: #d0d7de }
  .range { stroke: #57606a }
  .ours { fill: #4c9a67 }
  .other { fill: #a9b4c0 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .paper { fill: #16191d; stroke: #30363d }
    .line { stroke: #30363d }
    .range { stroke: #9198a1 }
    .ours { fill: #3f8a59 }
    .other { fill: #59636e }
  }
"""

PLOTS = {
    "performance-role-time.svg": ("roles", "time_more", True),
    "performance-role-memory.svg": ("roles", "memory_more", True),
    "performance-edge.svg": ("edge", "max_9", True),
    "performance-start.svg": ("cold_start", "time", False),
}
"""The scenario and the figure of each, and whether its scale is logarithmic."""

Document = dict[str, Any]


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


def plot(figure: Document, *, logarithmic: bool) -> str:
    """
    A bar for each contender, from the best to the worst.
    """
    unit = figure["unit"]
    spreads = sorted(figure["spreads"].items(), key=lambda item: item[1]["median"])
    height = TOP + ROW * len(spreads) + 18
    place = scale(figure, logarithmic=logarithmic)
    title = f"{figure['benchmark']['title']}: {figure['title']}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}"'
        f' height="{height - 1}" rx="8"/>',
        text(24, 28, title, "title"),
        text(
            24,
            47,
            "median, minimum and maximum; less is better"
            + ("; the scale is logarithmic" if logarithmic else ""),
        ),
    ]
    for row, (name, spread) in enumerate(spreads):
        lines += bar(name, spread, unit, top=TOP + ROW * row, place=place)
    return "\n".join([*lines, "</svg>"]) + "\n"


def bar(
    name: str,
    spread: dict[str, float],
    unit: str,
    *,
    top: int,
    place: Callable[[float], float],
) -> Iterator[str]:
    """
    One contender: its name, a bar up to the median, the range, the number.
    """
    end, low, high = (place(spread[key]) for key in ("median", "minimum", "maximum"))
    style = "ours" if name in OURS else "other"
    middle = top + ROW // 2 - 4
    yield text(LEFT - 10, top + 15, name, anchor="end")
    yield (
        f'<rect class="{style}" x="{LEFT}" y="{top}" width="{end - LEFT:.1f}"'
        f' height="{ROW - 8}"/>'
    )
    yield f'<path class="range" d="M{low:.1f} {middle}H{high:.1f}"/>'
    yield text(max(end, high) + 8, top + 15, with_unit(spread["median"], unit))


def scale(figure: Document, *, logarithmic: bool) -> Callable[[float], float]:
    """
    From a value to where it is.
    """
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


def text(
    x: float, y: float, words: str, style: str = "small", *, anchor: str = "start"
) -> str:
    """
    Some words.
    """
    where = f'x="{round(x, 1)}" y="{y}" text-anchor="{anchor}"'
    return f'<text class="{style}" {where}>{words}</text>'


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
                note = f"- {figure['title']}: {name} takes {spread_text(ratio)} of "
                notes.append(f"{note}{whose(other)}{aim(figure, name, other)}.")
        for name, target in figure["targets"].items():
            if target["against"] is None and name in figure["spreads"]:
                note = f"- {figure['title']}: {name}{aim(figure, name, None)}."
                notes.append(note)
    if notes:
        yield ""
        yield from notes


def whose(other: str) -> str:
    """
    A contender in the genitive.
    """
    return "the best peer's" if other == BEST else f"what {other} takes"


def aim(figure: Document, name: str, other: str | None) -> str:
    """
    What was aimed at, and whether it was reached.
    """
    target = figure["targets"].get(name)
    if target is None or target["against"] != other:
        return ""
    verdict = "reached" if target["met"] else "**missed**"
    if other is None:
        return f": at most {with_unit(target['bound'], figure['unit'])}, {verdict}"
    return f"; at most {number(target['bound'])} was aimed at, {verdict}"


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


def drawings(document: Document) -> Iterator[tuple[pathlib.Path, str]]:
    """
    All plots that there are numbers for, and where they go.
    """
    for name, (scenario, key, logarithmic) in PLOTS.items():
        figure = figure_of(document, scenario, key)
        if figure is not None and figure["spreads"]:
            yield FOLDER / name, plot(figure, logarithmic=logarithmic)


def main() -> None:
    """
    Write all of them.
    """
    document = json.loads(NUMBERS.read_text(encoding="utf-8"))
    for path, drawing in drawings(document):
        path.write_text(drawing, encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(fill_in(page, document), encoding="utf-8")


if __name__ == "__main__":
    main()
