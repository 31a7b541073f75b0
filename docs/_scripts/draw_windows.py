"""
Draw the windows of a session's life, as the default policy decides them.

    python docs/_scripts/draw_windows.py

writes ``docs/explanation/refresh-windows.svg``; a test compares the two.
"""

from __future__ import annotations

import pathlib

from collections.abc import Iterator

from stsession import RefreshPolicy


TARGET = pathlib.Path(__file__).parents[1] / "explanation" / "refresh-windows.svg"

WIDTH, HEIGHT = 760, 474
LEFT, RIGHT = 24, 736
BAR = 26

MINUTE, HOUR = 60.0, 3600.0
LIFETIMES = (15 * MINUTE, HOUR, 12 * HOUR)
LAST = 7 * MINUTE
"""What the second part shows of a 15-minute session."""

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .small { font-size: 12px }
  .paper { fill: #ffffff; stroke: #d0d7de }
  .line { stroke: #57606a }
  .fresh { fill: #b7e0c2 }
  .jitter { fill: #f3dc8b }
  .advisory { fill: #f2b866 }
  .mandatory { fill: #ec8a80 }
  .unused { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .paper { fill: #16191d; stroke: #30363d }
    .line { stroke: #9198a1 }
    .fresh { fill: #26643a }
    .jitter { fill: #a3871f }
    .advisory { fill: #94560f }
    .mandatory { fill: #96352f }
    .unused { fill: #5b636c }
  }
"""

LEGEND = (
    ("fresh", "fresh: STS isn't asked"),
    ("jitter", "the refresh falls due somewhere in here, by chance"),
    ("advisory", "advisory window: retries in the background, nobody waits"),
    ("mandatory", "mandatory window: callers wait up to {wait:.0f} s for the refresh"),
    ("unused", "too little left to sign with"),
)


def draw(policy: RefreshPolicy) -> str:
    """
    Return the drawing of *policy* as SVG.
    """
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img">',
        "<title>When credentials refresh, for three lifetimes</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}"'
        f' height="{HEIGHT - 1}" rx="8"/>',
        *lives(policy),
        *last_minutes(policy),
        *legend(policy),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def lives(policy: RefreshPolicy) -> Iterator[str]:
    """
    A bar for each lifetime, from the answer of STS to the expiration.
    """
    yield text(LEFT, 28, "One set of credentials, from its issue to its expiration")
    for number, lifetime in enumerate(LIFETIMES):
        top = 56 + 62 * number
        first, last = due(policy, lifetime)
        label = f"{told(lifetime)}: due with {told(first)} to {told(last)} left"
        yield text(LEFT, top - 5, label, "small")
        yield from bar(policy, lifetime, shown=lifetime, top=top)


def last_minutes(policy: RefreshPolicy) -> Iterator[str]:
    """
    The end of a short session, in which all windows can be seen.
    """
    top = 276
    lifetime = LIFETIMES[0]
    plan = policy.plan(lifetime, 0.0)
    yield text(LEFT, top - 32, f"The last {told(LAST)} of a {told(lifetime)} session")
    yield from bar(policy, lifetime, shown=LAST, top=top)
    for left in (*due(policy, lifetime), plan.mandatory):
        x = place(left, LAST)
        yield f'<path class="line" d="M{x} {top - 6}v{BAR + 6}"/>'
        yield text(x, top - 10, told(left), "small", anchor="middle")
    yield text(RIGHT, top - 10, "expiration", "small", anchor="end")


def legend(policy: RefreshPolicy) -> Iterator[str]:
    """
    What the colours mean.
    """
    wait = policy.mandatory_wait.total_seconds()
    for number, (name, meaning) in enumerate(LEGEND):
        y = 326 + 28 * number
        yield f'<rect class="{name}" x="{LEFT}" y="{y}" width="24" height="16"/>'
        yield text(LEFT + 34, y + 13, meaning.format(wait=wait), "small")


def bar(
    policy: RefreshPolicy, lifetime: float, *, shown: float, top: int
) -> Iterator[str]:
    """
    The windows of one lifetime; *shown* seconds of it, up to its end.
    """
    plan = policy.plan(lifetime, 0.0)
    first, last = due(policy, lifetime)
    edges = (shown, first, last, plan.mandatory, plan.floor, 0.0)
    for (name, _), begins, ends in zip(LEGEND, edges, edges[1:], strict=False):
        x = place(begins, shown)
        width = place(ends, shown) - x
        yield (
            f'<rect class="{name}" x="{x}" y="{top}" width="{width:.1f}"'
            f' height="{BAR}"/>'
        )


def due(policy: RefreshPolicy, lifetime: float) -> tuple[float, float]:
    """
    Seconds before the expiration: the earliest and the latest due point.
    """
    return policy.plan(lifetime, 1.0).due, policy.plan(lifetime, 0.0).due


def place(left: float, shown: float) -> float:
    """
    Where the instant with *left* seconds to live is.
    """
    return round(RIGHT - (RIGHT - LEFT) * left / shown, 1)


def text(
    x: float, y: float, words: str, style: str = "title", *, anchor: str = "start"
) -> str:
    """
    Some words.
    """
    where = f'x="{x}" y="{y}" text-anchor="{anchor}"'
    return f'<text class="{style}" {where}>{words}</text>'


def told(seconds: float) -> str:
    """
    A span as people say it.
    """
    hours, rest = divmod(round(seconds), int(HOUR))
    minutes, rest = divmod(rest, int(MINUTE))
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


if __name__ == "__main__":
    TARGET.write_text(draw(RefreshPolicy()), encoding="utf-8")
