"""
Draw a run of the demo as a time line.

    python docs/_scripts/draw_demo.py [--record]

This reads ``docs/explanation/demo-run.json`` and draws ``demo-run.svg`` beside it. With
``--record``, it runs ``python -m stsession.demo`` first, and stores what that prints.
A test compares the drawing with the stored run.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import subprocess
import sys

from collections.abc import Iterator
from typing import Any

from svg import document, line, rect, text


FOLDER = pathlib.Path(__file__).parents[1] / "explanation"
SOURCE = FOLDER / "demo-run.json"
TARGET = FOLDER / "demo-run.svg"

Run = dict[str, Any]

NAMES = {"stsession": "stsession", "recipe": "botocore recipe"}

STATE = re.compile(
    r"^ *(?P<time>[\d.]+) s  (?:up|DOWN)"
    r" +\d+ +(?P<stsession_calls>\d+) +(?P<stsession_failures>\d+)"
    r" +\d+ +(?P<recipe_calls>\d+) +(?P<recipe_failures>\d+)$"
)
EVENT = re.compile(r"^ *(?P<time>[\d.]+) s  (?P<text>\D.*)$")
SCALE = re.compile(r"a clock (\d+) times as fast")
TOTAL = re.compile(r"^(API calls|API calls failed) +(\d+) +(\d+)$", re.MULTILINE)

REFRESHED = {
    "stsession": "stsession: Reader assumed",
    "recipe": "recipe: both roles assumed",
}
"""The beginning of the line about a successful refresh of the last role."""

WIDTH, HEIGHT = 760, 340
LEFT, RIGHT = 164, 732
TOP, LANE, BAR = 84, 92, 46

LIGHT = {
    "down": "fill: #f3d7d3",
    "good": "fill: #4c9a67",
    "bad": "fill: #c0392b",
    "refresh": "fill: #1f6feb",
    "grid": "stroke: #d0d7de",
}
DARK = {
    "down": "fill: #4a2523",
    "good": "fill: #3f8a59",
    "bad": "fill: #f0625a",
    "refresh": "fill: #6cb6ff",
    "grid": "stroke: #30363d",
}


def record() -> Run:
    """
    Run the demo, and return what it printed as data. Times are minutes of its clock.
    """
    demo = [sys.executable, "-m", "stsession.demo"]
    printed = subprocess.run(  # noqa: S603
        demo, stdout=subprocess.PIPE, text=True, check=True
    )
    return parse(printed.stdout)


def parse(printed: str) -> Run:
    """Return the data in the output of the demo."""
    scale = SCALE.search(printed)
    if scale is None:
        msg = "The demo doesn't print the factor of its clock."
        raise ValueError(msg)
    minutes = int(scale[1]) / 60
    states, events = [], []
    for row in printed.splitlines():
        if found := STATE.match(row):
            states.append({k: float(v) for k, v in found.groupdict().items()})
        elif found := EVENT.match(row):
            events.append((float(found["time"]), found["text"]))
    start = states[0]["time"]

    def times(beginning: str) -> list[float]:
        return [
            round((time - start) * minutes, 1)
            for time, words in events
            if words.startswith(beginning)
        ]

    totals = {
        row: (int(ours), int(theirs)) for row, ours, theirs in TOTAL.findall(printed)
    }
    return {
        "outages": [
            list(pair)
            for pair in zip(times("STS goes down"), times("STS is up"), strict=True)
        ],
        "times": [round((state["time"] - start) * minutes, 1) for state in states],
        "contenders": {
            name: {
                "calls": [int(state[f"{name}_calls"]) for state in states],
                "failures": [int(state[f"{name}_failures"]) for state in states],
                "refreshes": times(beginning),
                "total_calls": totals["API calls"][place],
                "total_failures": totals["API calls failed"][place],
            }
            for place, (name, beginning) in enumerate(REFRESHED.items())
        },
    }


def draw(run: Run) -> str:
    """Return the time line as SVG."""
    end = run["times"][-1]

    def x(minute: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * max(minute, 0.0) / end, 1)

    bottom = TOP + LANE * len(NAMES)
    marks = [
        text(24, 28, "S3 calls while STS is down: one run of the demo", "title"),
        text(
            24, 48, "Sessions of 60 minutes. Each bar shows the calls of ten minutes."
        ),
    ]
    for begins, ends in run["outages"]:
        width = round(x(ends) - x(begins), 1)
        marks.append(rect("down", x(begins), TOP - 6, width, bottom - TOP))
        middle = round((x(begins) + x(ends)) / 2, 1)
        marks.append(text(middle, TOP - 10, "STS down", anchor="middle"))
    for lane, (name, label) in enumerate(NAMES.items()):
        measured = run["contenders"][name]
        marks += draw_lane(label, measured, run["times"], top=TOP + LANE * lane, x=x)
    marks += draw_axis(end, bottom, x)
    marks += draw_key(bottom + 52)
    return document(
        marks,
        title="S3 calls and refreshes over time, with stsession and with the recipe",
        width=WIDTH,
        height=HEIGHT,
        light=LIGHT,
        dark=DARK,
    )


def draw_lane(
    label: str, measured: Run, times: list[float], *, top: int, x: Any
) -> Iterator[str]:
    """Draw one contender: its calls as bars, and its refreshes below them."""
    failed, calls = measured["total_failures"], measured["total_calls"]
    yield text(24, top + 22, label, "title")
    yield text(24, top + 40, f"{failed} of {calls} failed")
    base = top + BAR
    yield line(f"M{LEFT} {base}H{RIGHT}", "grid")
    most = max(
        b - a for a, b in zip(measured["calls"], measured["calls"][1:], strict=False)
    )
    for n in range(1, len(times)):
        made = measured["calls"][n] - measured["calls"][n - 1]
        bad = measured["failures"][n] - measured["failures"][n - 1]
        left, width = x(times[n - 1]), round(x(times[n]) - x(times[n - 1]) - 2, 1)
        good_height, bad_height = (
            round(number / most * (BAR - 8), 1) for number in (made - bad, bad)
        )
        yield rect("good", left, round(base - good_height, 1), width, good_height)
        if bad:
            yield rect(
                "bad",
                left,
                round(base - good_height - bad_height, 1),
                width,
                bad_height,
            )
    for minute in measured["refreshes"]:
        if minute > 0:  # the demo doesn't print when the recipe begins
            yield triangle(x(minute), base + 5)


def triangle(x: float, y: float) -> str:
    """Draw the mark of a refresh."""
    return f'<path class="refresh" d="M{x} {y}l5 9h-10z"/>'


def draw_axis(end: float, y: int, x: Any) -> Iterator[str]:
    """Draw the time in hours."""
    yield line(f"M{LEFT} {y}H{RIGHT}")
    for hour in range(int(end // 60) + 1):
        place = x(hour * 60)
        yield line(f"M{place} {y}v5")
        yield text(place, y + 20, f"{hour} h", anchor="middle")


def draw_key(y: int) -> Iterator[str]:
    """Draw the legend."""
    yield rect("good", LEFT, y - 9, 10, 10)
    yield text(LEFT + 16, y, "calls that succeeded")
    yield rect("bad", LEFT + 160, y - 9, 10, 10)
    yield text(LEFT + 176, y, "calls that failed")
    yield triangle(LEFT + 305, y - 9)
    yield text(LEFT + 316, y, "new credentials")


def main() -> None:
    """Record a run if requested, and draw."""
    parser = argparse.ArgumentParser(description="Draw a run of the demo.")
    parser.add_argument("--record", action="store_true", help="run the demo first")
    if parser.parse_args().record:
        SOURCE.write_text(json.dumps(record(), indent=2) + "\n", encoding="utf-8")
    run = json.loads(SOURCE.read_text(encoding="utf-8"))
    TARGET.write_text(draw(run), encoding="utf-8")


if __name__ == "__main__":
    main()
