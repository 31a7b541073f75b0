"""
Write the results of the benchmarks into pages, as sentences and tables.

They replace what is between two markers; the first one names a scenario and figures
of it, or one of `PARTS`. ``draw_benchmarks.py`` calls this.
"""

from __future__ import annotations

import re

from collections.abc import Callable, Iterator
from typing import Any

import attrs


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
    """Return a figure with its benchmark, or `None` if it wasn't measured."""
    for benchmark in document["benchmarks"]:
        if benchmark["scenario"] == scenario:
            for figure in benchmark["figures"]:
                if figure["key"] == key:
                    return {**figure, "benchmark": benchmark}
    return None


def number(value: float, unit: str = "") -> str:
    """A value without its unit."""
    value *= SCALE.get(unit, 1.0)
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.4f}"


def with_unit(value: float, unit: str) -> str:
    """A value with its unit."""
    if unit == "MB" and 0 < value < 2**20 / 10:
        return f"{value / 2**10:.3g} KB"
    return f"{number(value, unit)} {UNITS.get(unit, unit)}".rstrip()


def spread_text(spread: dict[str, float], unit: str = "") -> str:
    """The median; minimum and maximum if they differ from it."""
    middle, low, high = (
        number(spread[name], unit) for name in ("median", "minimum", "maximum")
    )
    return middle if low == high else f"{middle} ({low} to {high})"


def fill_in(page: str, document: Document) -> str:
    """Return the page with everything between markers replaced."""

    def made(match: re.Match[str]) -> str:
        what, *keys = match["what"].split()
        lines = PARTS[what](document) if what in PARTS else table(document, what, keys)
        return match["begin"] + "\n".join(["", *lines, "", ""]) + match["end"]

    return MARKED.sub(made, page)


def table(document: Document, scenario: str, keys: list[str]) -> Iterator[str]:
    """A row for each contender, a column for each figure, and the ratios below."""
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
    """The contenders that failed, and why."""
    for name, failure in benchmark["failed"].items():
        yield ""
        yield f"`{name}` failed: `{failure}`"


def ratios(figures: list[Document]) -> Iterator[str]:
    """How ours compare, and whether they reach their targets."""
    notes = []
    for figure in figures:
        for name, others in figure["ratios"].items():
            for other, ratio in others.items():
                notes.append(ratio_note(figure, name, other, ratio))
        for name, target in figure["targets"].items():
            if target["against"] is None and name in figure["spreads"]:
                unit = figure["unit"]
                value = with_unit(figure["spreads"][name]["median"], unit)
                bound = f"at most {with_unit(target['bound'], unit)}"
                notes.append(note(figure, name, value, verdict(target, bound)))
    if notes:
        yield ""
        yield from notes


MUCH = 1.5
"""Above this factor, a ratio is written as "9.35 times less"."""


def ratio_note(figure: Document, name: str, other: str, ratio: dict[str, float]) -> str:
    """A line about one contender of ours compared with another."""
    target = figure["targets"].get(name)
    has_target = target is not None and target["against"] == other
    if 0 < ratio["maximum"] and ratio["median"] < 1 / MUCH:
        factor = {
            "median": 1 / ratio["median"],
            "minimum": 1 / ratio["maximum"],
            "maximum": 1 / ratio["minimum"],
        }
        value = f"{spread_text(factor)} times less than {the(other)}"
        bound = f"at least {number(1 / target['bound'])} times" if has_target else ""
    else:
        value = f"{spread_text(ratio)} times that of {the(other)}"
        bound = f"at most {number(target['bound'])} times" if has_target else ""
    return note(figure, name, value, verdict(target, bound) if has_target else "")


def verdict(target: Document, bound: str) -> str:
    """A target, and whether it was reached."""
    return f"; target: {bound}, {'reached' if target['met'] else '**missed**'}"


def note(figure: Document, name: str, value: str, ending: str) -> str:
    """One line below a table."""
    return f"- {name}, {figure['title']}: {value}{ending}."


def the(other: str) -> str:
    """A contender in a sentence."""
    return f"the {other}" if other == BEST else other


def versions(document: Document) -> Iterator[str]:
    """The versions of everything that was measured."""
    yield "| | |"
    yield "| --- | --- |"
    for name, version in document["versions"].items():
        yield f"| {name} | {version} |"


def losses(document: Document) -> Iterator[str]:
    """All figures in which a peer is better by more than a twentieth."""
    found = False
    for benchmark in document["benchmarks"]:
        for figure in benchmark["figures"]:
            for name, others in figure["ratios"].items():
                if BEST in others and others[BEST]["median"] > 1.05:
                    found = True
                    own = with_unit(figure["spreads"][name]["median"], figure["unit"])
                    times = f"{spread_text(others[BEST])} times that of the {BEST}"
                    yield (
                        f"- {benchmark['title']}, {figure['title']}: "
                        f"{name} takes {own}, {times}."
                    )
    if not found:
        yield "None of these figures."


def about(factor: float) -> str:
    """A factor as people say it: "about 300 times", "about 9 times"."""
    digits = 2 if factor >= 100 else 0
    return f"about {round(factor, -digits):.0f} times"


@attrs.frozen
class Compared:
    """
    Medians of the document, and how they compare.

    Args:
        document: All measurements.
    """

    document: Document

    def figure(self, scenario: str, key: str) -> Document:
        """Return a figure, which has to be there."""
        found = figure_of(self.document, scenario, key)
        if found is None:
            msg = f"{scenario} {key} wasn't measured"
            raise KeyError(msg)
        return found

    def median(self, scenario: str, key: str, name: str) -> float:
        """Return the median of one contender."""
        median: float = self.figure(scenario, key)["spreads"][name]["median"]
        return median

    def shown(self, scenario: str, key: str, name: str) -> str:
        """Return the median of one contender with its unit."""
        unit = self.figure(scenario, key)["unit"]
        return with_unit(self.median(scenario, key, name), unit)

    def peers(self, scenario: str, key: str) -> list[float]:
        """Return the medians of all contenders that aren't ours, the best first."""
        spreads = self.figure(scenario, key)["spreads"]
        return sorted(spreads[n]["median"] for n in LABELS if n in spreads)

    def times(self, scenario: str, key: str, name: str) -> str:
        """Return how many times better than the best peer a contender of ours is."""
        ratio = self.figure(scenario, key)["ratios"][name][BEST]["median"]
        return about(1 / ratio)


LABELS = {
    "recipe": "`_credentials` recipe",
    "profile": "profile with `role_arn`",
    "aws-assume-role-lib": "aws-assume-role-lib",
    "boto3-refresh-session": "boto3-refresh-session",
    "boto3-assume": "boto3-assume",
    "boto-session-manager": "boto-session-manager",
}
"""What people use today, in the order of the table."""


def summary(document: Document) -> Iterator[str]:
    """The results in a few sentences."""
    found = Compared(document)
    calls, failed = (
        f"{found.median('outage', key, 'stsession'):.0f}" for key in ("calls", "failed")
    )
    yield (
        "- **Many roles**: each further role of a `Fleet`, with clients for four "
        f"services, takes {found.shown('roles', 'time_more', 'fleet')} and "
        f"{memory(found, 'fleet')}. That is "
        f"{found.times('roles', 'time_more', 'fleet')} faster than the best "
        f"alternative, and {found.times('roles', 'memory_more', 'fleet')} less memory. "
        "A session of `stsession.assume()` is "
        f"{found.times('roles', 'time_more', 'stsession')} faster and takes "
        f"{found.times('roles', 'memory_more', 'stsession')} less memory."
    )
    lost = [
        found.median("outage", "failed", name) / found.median("outage", "calls", name)
        for name in LABELS
    ]
    yield (
        "- **STS is down**, while the credentials are valid for nine more minutes: "
        f"{failed} of {calls} calls failed with stsession. With each alternative, "
        f"{'all calls' if min(lost) == 1 else f'{min(lost):.0%} of the calls or more'} "
        "failed."
    )
    day = found.peers("day", "requests")
    yield (
        "- **Sessions of 15 minutes** need "
        f"{found.median('day', 'requests', 'stsession'):.0f} AssumeRole calls in four "
        f"hours. With each alternative it's {day[0]:.0f} or more."
    )
    slowest = with_unit(found.peers("edge", "max_9")[0], "ms")
    stalled = found.peers("edge", "stalled_9")[0]
    yield (
        "- **During a refresh** with nine minutes left, no read of the credentials "
        f"took longer than {found.shown('edge', 'max_9', 'stsession')}. With each "
        f"alternative, {stalled:.0f} of 32 threads waited for STS, the slowest for "
        f"{slowest} or longer."
    )
    start = with_unit(found.peers("cold_start", "time")[0], "ms")
    yield (
        "- **The cost**: importing stsession takes "
        f"{found.shown('import_cost', 'ready', 'stsession')}, more than any "
        "alternative. The first signed request of a process is sent after "
        f"{found.shown('cold_start', 'time', 'stsession')}, with the fastest "
        f"alternative after {start}."
    )


def comparison(document: Document) -> Iterator[str]:
    """A row for each contender, with what matters to most programs."""
    found = Compared(document)
    yield (
        "| | Refreshes | Failed calls, STS down | AssumeRole calls in 4 h "
        "| Memory per role |"
    )
    yield "| --- | --- | --- | --- | --- |"
    own = {"fleet": "**`Fleet()`**", "stsession": "**`assume()`**"}
    for name, label in {**own, **LABELS}.items():
        calls, failed, requests = (
            f"{found.median(scenario, key, name):.0f}"
            for scenario, key in (
                ("outage", "calls"),
                ("outage", "failed"),
                ("day", "requests"),
            )
        )
        how = "background" if name in own else "in your calls"
        size = memory(found, name)
        yield f"| {label} | {how} | {failed} of {calls} | {requests} | {size} |"
    yield "| keys copied by hand | never | all, once expired | - | - |"


def memory(found: Compared, name: str) -> str:
    """The memory for each further role: "35 KB", "2.3 MB"."""
    size = found.median("roles", "memory_more", name)
    if size < 2**20:
        return f"{size / 2**10:.2g} KB"
    return f"{size / 2**20:.2g} MB"


PARTS: dict[str, Callable[[Document], Iterator[str]]] = {
    "summary": summary,
    "comparison": comparison,
    "versions": versions,
    "losses": losses,
}
