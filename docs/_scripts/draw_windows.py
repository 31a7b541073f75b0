"""
Draw the refresh windows of the default policy.

    python docs/_scripts/draw_windows.py

writes ``docs/explanation/refresh-windows.svg``; a test compares the two.
"""

from __future__ import annotations

import pathlib

from collections.abc import Iterator

from svg import document, line, rect, span, text

from stsession import RefreshPolicy


TARGET = pathlib.Path(__file__).parents[1] / "explanation" / "refresh-windows.svg"

WIDTH, HEIGHT = 760, 474
LEFT, RIGHT = 24, 736
BAR = 26

MINUTE, HOUR = 60.0, 3600.0
LIFETIMES = (15 * MINUTE, HOUR, 12 * HOUR)
LAST = 7 * MINUTE
"""What the second part shows of a 15-minute session."""

LIGHT = {
    "fresh": "fill: #b7e0c2",
    "jitter": "fill: #f3dc8b",
    "advisory": "fill: #f2b866",
    "mandatory": "fill: #ec8a80",
    "unused": "fill: #8c959f",
}
DARK = {
    "fresh": "fill: #26643a",
    "jitter": "fill: #a3871f",
    "advisory": "fill: #94560f",
    "mandatory": "fill: #96352f",
    "unused": "fill: #5b636c",
}

LEGEND = (
    ("fresh", "fresh: no call to STS"),
    ("jitter", "the refresh becomes due in this span, at random"),
    ("advisory", "advisory window: refresh in the background, requests don't wait"),
    (
        "mandatory",
        "mandatory window: requests wait for it, {wait:.0f} s at most",
    ),
    ("unused", "too little time left for a request"),
)


def draw(policy: RefreshPolicy) -> str:
    """Return the drawing of *policy* as SVG."""
    return document(
        [*lifetimes(policy), *last_minutes(policy), *legend(policy)],
        title="When credentials refresh, for three lifetimes",
        width=WIDTH,
        height=HEIGHT,
        light=LIGHT,
        dark=DARK,
    )


def lifetimes(policy: RefreshPolicy) -> Iterator[str]:
    """Yield a bar for each lifetime, from the response of STS to the expiration."""
    yield text(
        LEFT,
        28,
        "One set of credentials, from the refresh to the expiration",
        "title",
    )
    for number, lifetime in enumerate(LIFETIMES):
        top = 56 + 62 * number
        first, last = due(policy, lifetime)
        label = f"{span(lifetime)}: refresh due with {span(first)} to {span(last)} left"
        yield text(LEFT, top - 5, label)
        yield from bar(policy, lifetime, shown=lifetime, top=top)


def last_minutes(policy: RefreshPolicy) -> Iterator[str]:
    """Yield the end of a short session, in which all windows can be seen."""
    top = 276
    lifetime = LIFETIMES[0]
    plan = policy.plan(lifetime, 0.0)
    yield text(
        LEFT, top - 32, f"The last {span(LAST)} of a {span(lifetime)} session", "title"
    )
    yield from bar(policy, lifetime, shown=LAST, top=top)
    for left in (*due(policy, lifetime), plan.mandatory):
        x = place(left, LAST)
        yield line(f"M{x} {top - 6}v{BAR + 6}")
        yield text(x, top - 10, span(left), anchor="middle")
    yield text(RIGHT, top - 10, "expiration", anchor="end")


def legend(policy: RefreshPolicy) -> Iterator[str]:
    """Yield the meaning of the colors."""
    wait = policy.mandatory_wait.total_seconds()
    for number, (name, meaning) in enumerate(LEGEND):
        y = 326 + 28 * number
        yield rect(name, LEFT, y, 24, 16)
        yield text(LEFT + 34, y + 13, meaning.format(wait=wait))


def bar(
    policy: RefreshPolicy, lifetime: float, *, shown: float, top: int
) -> Iterator[str]:
    """Yield the windows of the last *shown* seconds of a lifetime."""
    plan = policy.plan(lifetime, 0.0)
    first, last = due(policy, lifetime)
    edges = (shown, first, last, plan.mandatory, plan.floor, 0.0)
    for (name, _), begins, ends in zip(LEGEND, edges, edges[1:], strict=False):
        x = place(begins, shown)
        width = place(ends, shown) - x
        yield rect(name, x, top, f"{width:.1f}", BAR)


def due(policy: RefreshPolicy, lifetime: float) -> tuple[float, float]:
    """
    Return the earliest and the latest time of a refresh, in seconds before expiration.
    """
    return policy.plan(lifetime, 1.0).due, policy.plan(lifetime, 0.0).due


def place(left: float, shown: float) -> float:
    """Return the position of the instant with *left* seconds before expiration."""
    return round(RIGHT - (RIGHT - LEFT) * left / shown, 1)


if __name__ == "__main__":
    TARGET.write_text(draw(RefreshPolicy()), encoding="utf-8")
