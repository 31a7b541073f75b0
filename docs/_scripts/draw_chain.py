"""
Draw the lives of a chain of three roles, as the default policy decides them.

    python docs/_scripts/draw_chain.py

writes ``docs/explanation/chain-lives.svg``; a test compares the two.
"""

from __future__ import annotations

import pathlib

from collections.abc import Iterator
from typing import NamedTuple

from svg import document, line, rect, text, told

from stsession import RefreshPolicy


TARGET = pathlib.Path(__file__).parents[1] / "explanation" / "chain-lives.svg"

WIDTH, HEIGHT = 760, 462
LEFT, RIGHT = 24, 736
BAR = 22

MINUTE, HOUR = 60.0, 3600.0
SHOWN = 6 * HOUR
"""How long the chain is used in the first part."""

CHANCE = 0.5
"""What the dice show."""

LIVES = (("Gate", 4 * HOUR), ("Hub", HOUR), ("Reader", 15 * MINUTE))
"""The roles from the first to the last, and how long their credentials live."""

SOURCE_ENDS = 40 * MINUTE
"""What the source has left in the second part."""

LIGHT = {
    "line": "stroke: #57606a; fill: none",
    "used": "fill: #b7e0c2; stroke: #ffffff",
    "rest": "fill: #f2b866",
    "dead": "fill: #8c959f",
}
DARK = {
    "used": "fill: #26643a; stroke: #16191d",
    "rest": "fill: #94560f",
    "dead": "fill: #5b636c",
}

LEGEND = (
    ("used", "in use, until the next ones are there"),
    ("rest", "what was left of them then"),
    ("dead", "the source is dead"),
)


class Life(NamedTuple):
    """
    One set of credentials.
    """

    began: float
    expires: float
    due: float


class Hop:
    """
    One role, which is looked at only when somebody needs its credentials.
    """

    def __init__(
        self, policy: RefreshPolicy, name: str, lifetime: float, source: Hop | None
    ) -> None:
        self.name = name
        self.lifetime = lifetime
        self.lives: list[Life] = []
        self._policy = policy
        self._source = source

    def use(self, now: float) -> Life:
        """
        What signs at *now*; a due refresh is begun, and isn't waited for.
        """
        if not self.lives:
            self._refresh(now)
        current = self.lives[-1]
        if now >= current.due:
            self._refresh(now)
        return current

    def _refresh(self, now: float) -> None:
        if self._source is not None:
            self._source.use(now)
        plan = self._policy.plan(self.lifetime, CHANCE)
        expires = now + self.lifetime
        self.lives.append(Life(now, expires, expires - plan.due))


def live(policy: RefreshPolicy) -> list[Hop]:
    """
    Use the chain without a pause; return its hops from the first to the last.
    """
    hops: list[Hop] = []
    for name, lifetime in LIVES:
        hops.append(Hop(policy, name, lifetime, hops[-1] if hops else None))
    last = hops[-1]
    now = 0.0
    while now < SHOWN:
        last.use(now)
        now = last.lives[-1].due
    return hops


def draw(policy: RefreshPolicy) -> str:
    """
    Return the drawing of *policy* as SVG.
    """
    return document(
        [*chain(live(policy)), *short_source(policy), *legend()],
        title="The lives of a chain of three roles",
        width=WIDTH,
        height=HEIGHT,
        light=LIGHT,
        dark=DARK,
    )


def chain(hops: list[Hop]) -> Iterator[str]:
    """
    A row for each role, from the one that the others hang on.
    """
    yield text(LEFT, 28, f"A chain of three roles, used for {told(SHOWN)}", "title")
    for number, hop in enumerate(hops):
        top = 62 + 66 * number
        count = len(hop.lives)
        label = f"{hop.name}: lives of {told(hop.lifetime)}, {count} requests to STS"
        yield text(LEFT, top - 6, label)
        for life, after in zip(hop.lives, [*hop.lives[1:], None], strict=True):
            ends = SHOWN if after is None else after.began
            yield bar("used", life.began, ends, top)
            if after is not None:
                yield bar("rest", ends, life.expires, top + BAR + 2, 6)
    top = 62 + 66 * len(hops) - 14
    yield line(f"M{LEFT} {top}H{RIGHT}")
    for hour in range(int(SHOWN // HOUR) + 1):
        x = place(hour * HOUR)
        anchor = "start" if x == LEFT else "end" if x == RIGHT else "middle"
        yield line(f"M{x} {top}v5")
        yield text(x, top + 19, f"{hour} h", anchor=anchor)


def short_source(policy: RefreshPolicy) -> Iterator[str]:
    """
    When a refresh is due if the source ends before that.
    """
    top, shown = 348, HOUR
    plan = policy.plan(HOUR, CHANCE, source_remaining=SOURCE_ENDS)
    alone = policy.plan(HOUR, CHANCE)
    yield text(LEFT, top - 42, "A source that ends before the refresh is due", "title")
    label = (
        f"A life of {told(HOUR)} whose source has {told(SOURCE_ENDS)} left:"
        f" due after {told(HOUR - plan.due)} instead of {told(HOUR - alone.due)}"
    )
    yield text(LEFT, top - 22, label)
    yield bar("used", 0.0, HOUR - plan.due, top, shown=shown)
    yield bar("rest", HOUR - plan.due, HOUR, top, shown=shown)
    yield bar("dead", SOURCE_ENDS, HOUR, top + BAR + 2, 6, shown=shown)
    for at, words, anchor in (
        (HOUR - plan.due, "due", "end"),
        (HOUR - alone.due, "else", "start"),
    ):
        x = place(at, shown)
        yield line(f"M{x} {top - 6}v{BAR + 6}")
        shift = -4 if anchor == "end" else 4
        yield text(round(x + shift, 1), top + 15, words, anchor=anchor)


def legend() -> Iterator[str]:
    """
    What the colours mean.
    """
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
    """
    A span of time.
    """
    x = place(min(begins, shown), shown)
    width = place(min(ends, shown), shown) - x
    return rect(style, x, top, f"{width:.1f}", height)


def place(at: float, shown: float = SHOWN) -> float:
    """
    Where the instant *at* is.
    """
    return round(LEFT + (RIGHT - LEFT) * at / shown, 1)


if __name__ == "__main__":
    TARGET.write_text(draw(RefreshPolicy()), encoding="utf-8")
