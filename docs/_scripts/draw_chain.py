"""
Draw when a chain of three roles refreshes with the default policy.

    python docs/_scripts/draw_chain.py

writes ``docs/explanation/chain-lifetimes.svg``; a test compares the two.
"""

from __future__ import annotations

import pathlib

from collections.abc import Iterator
from typing import NamedTuple

from svg import document, line, rect, span, text

from stsession import RefreshPolicy


TARGET = pathlib.Path(__file__).parents[1] / "explanation" / "chain-lifetimes.svg"

WIDTH, HEIGHT = 760, 462
LEFT, RIGHT = 24, 736
BAR = 22

MINUTE, HOUR = 60.0, 3600.0
SHOWN = 6 * HOUR
"""The time for which the chain is used in the first part."""

JITTER = 0.5
"""The random number for the jitter."""

ROLES = (("Gate", 4 * HOUR), ("Hub", HOUR), ("Reader", 15 * MINUTE))
"""The roles from the first to the last, and their session durations."""

SOURCE_REMAINING = 40 * MINUTE
"""The time until the source expires in the second part."""

LIGHT = {
    "line": "stroke: #57606a; fill: none",
    "used": "fill: #b7e0c2; stroke: #ffffff",
    "rest": "fill: #f2b866",
    "expired": "fill: #8c959f",
}
DARK = {
    "used": "fill: #26643a; stroke: #16191d",
    "rest": "fill: #94560f",
    "expired": "fill: #5b636c",
}

LEGEND = (
    ("used", "credentials in use, until they are replaced"),
    ("rest", "the time that they had left then"),
    ("expired", "the source has expired"),
)


class Credentials(NamedTuple):
    """One set of credentials."""

    began: float
    expires: float
    due: float


class Hop:
    """A role, which is refreshed only when its credentials are needed."""

    def __init__(
        self, policy: RefreshPolicy, name: str, lifetime: float, source: Hop | None
    ) -> None:
        self.name = name
        self.lifetime = lifetime
        self.issued: list[Credentials] = []
        self._policy = policy
        self._source = source

    def use(self, now: float) -> Credentials:
        """
        Return the credentials that sign at *now*, and start a refresh if it is due.
        """
        if not self.issued:
            self._refresh(now)
        current = self.issued[-1]
        if now >= current.due:
            self._refresh(now)
        return current

    def _refresh(self, now: float) -> None:
        if self._source is not None:
            self._source.use(now)
        plan = self._policy.plan(self.lifetime, JITTER)
        expires = now + self.lifetime
        self.issued.append(Credentials(now, expires, expires - plan.due))


def simulate(policy: RefreshPolicy) -> list[Hop]:
    """Use the chain without a pause; return its hops from the first to the last."""
    hops: list[Hop] = []
    for name, lifetime in ROLES:
        hops.append(Hop(policy, name, lifetime, hops[-1] if hops else None))
    last = hops[-1]
    now = 0.0
    while now < SHOWN:
        last.use(now)
        now = last.issued[-1].due
    return hops


def draw(policy: RefreshPolicy) -> str:
    """Return the drawing of *policy* as SVG."""
    return document(
        [*chain(simulate(policy)), *short_source(policy), *legend()],
        title="When a chain of three roles refreshes",
        width=WIDTH,
        height=HEIGHT,
        light=LIGHT,
        dark=DARK,
    )


def chain(hops: list[Hop]) -> Iterator[str]:
    """Yield a row for each role, from the first to the last."""
    yield text(LEFT, 28, f"A chain of three roles, used for {span(SHOWN)}", "title")
    for number, hop in enumerate(hops):
        top = 62 + 66 * number
        count = len(hop.issued)
        label = f"{hop.name}: sessions of {span(hop.lifetime)}, {count} calls to STS"
        yield text(LEFT, top - 6, label)
        for one, after in zip(hop.issued, [*hop.issued[1:], None], strict=True):
            ends = SHOWN if after is None else after.began
            yield bar("used", one.began, ends, top)
            if after is not None:
                yield bar("rest", ends, one.expires, top + BAR + 2, 6)
    top = 62 + 66 * len(hops) - 14
    yield line(f"M{LEFT} {top}H{RIGHT}")
    for hour in range(int(SHOWN // HOUR) + 1):
        x = place(hour * HOUR)
        anchor = "start" if x == LEFT else "end" if x == RIGHT else "middle"
        yield line(f"M{x} {top}v5")
        yield text(x, top + 19, f"{hour} h", anchor=anchor)


def short_source(policy: RefreshPolicy) -> Iterator[str]:
    """Yield when a refresh is due if the source expires before that."""
    top, shown = 348, HOUR
    plan = policy.plan(HOUR, JITTER, source_remaining=SOURCE_REMAINING)
    alone = policy.plan(HOUR, JITTER)
    yield text(LEFT, top - 42, "A source that expires before a refresh is due", "title")
    label = (
        f"A session of {span(HOUR)} whose source has {span(SOURCE_REMAINING)} left:"
        f" due after {span(HOUR - plan.due)} instead of {span(HOUR - alone.due)}"
    )
    yield text(LEFT, top - 22, label)
    yield bar("used", 0.0, HOUR - plan.due, top, shown=shown)
    yield bar("rest", HOUR - plan.due, HOUR, top, shown=shown)
    yield bar("expired", SOURCE_REMAINING, HOUR, top + BAR + 2, 6, shown=shown)
    for at, label, anchor in (
        (HOUR - plan.due, "due", "end"),
        (HOUR - alone.due, "otherwise", "start"),
    ):
        x = place(at, shown)
        yield line(f"M{x} {top - 6}v{BAR + 6}")
        shift = -4 if anchor == "end" else 4
        yield text(round(x + shift, 1), top + 15, label, anchor=anchor)


def legend() -> Iterator[str]:
    """Yield the meaning of the colors."""
    for number, (name, meaning) in enumerate(LEGEND):
        x, y = LEFT, 388 + 22 * number
        yield rect(name, x, y, 24, 14)
        yield text(x + 34, y + 12, meaning)


def bar(
    style: str,
    begins: float,
    ends: float,
    top: float,
    height: int = BAR,
    *,
    shown: float = SHOWN,
) -> str:
    """Return a bar for a time span."""
    x = place(min(begins, shown), shown)
    width = place(min(ends, shown), shown) - x
    return rect(style, x, top, f"{width:.1f}", height)


def place(at: float, shown: float = SHOWN) -> float:
    """Return the position of the instant *at*."""
    return round(LEFT + (RIGHT - LEFT) * at / shown, 1)


if __name__ == "__main__":
    TARGET.write_text(draw(RefreshPolicy()), encoding="utf-8")
