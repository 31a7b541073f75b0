"""
What the demo prints.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Callable, Iterable, Mapping

from .._events import RefreshEvent
from ._play import Worker
from ._results import Measured, Run, Settings


__all__ = ["event_line", "intro", "live_line", "refresh_event", "span", "table"]

INTRO = """\
A role is assumed with an ExternalId and a session policy, and from there a second
one. Two threads call S3 as the second, each by a single client:
  stsession  stsession.assume(hub, source="demo", ...).assume(reader)
  recipe     botocore's RefreshableCredentials put on session._credentials
STS and S3 are on this machine, and their keys really expire. What is scaled is
time: server, stsession and botocore go by a clock {factor:.0f} times as fast, so that
sessions of {life} live for {real:.1f} s. Both keep their default refresh windows.
No STS client retries by itself, as its pauses would be real seconds.
For {outage} each, STS answers 503: when stsession has to refresh, and when the
recipe has to (once, if that's the same time).
"""


ROWS: dict[str, Callable[[Measured], str]] = {
    "API calls": lambda m: f"{m.api_calls}",
    "failed": lambda m: f"{m.failures}",
    "slowest call": lambda m: f"{m.slowest_call_seconds * 1000:.0f} ms",
    "AssumeRole calls": lambda m: f"{m.assume_role_calls}",
    "  of them refused": lambda m: f"{m.assume_role_failures}",
    "lives": lambda m: f"{m.lives}",
}


def intro(settings: Settings) -> str:
    """
    Say what is to be seen, and what isn't as in life.
    """
    return INTRO.format(
        factor=settings.factor,
        life=span(dt.timedelta(seconds=settings.duration_seconds)),
        real=settings.life,
        outage=span(settings.outage),
    )


def span(value: dt.timedelta) -> str:
    """
    Write a span in the largest unit that fits.
    """
    seconds = value.total_seconds()
    if abs(seconds) < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def refresh_event(event: RefreshEvent) -> str | None:
    """
    Say what happened. `None` if it isn't worth a line.
    """
    role = event.label.rpartition("/")[2]
    if event.name == "succeeded":
        return f"{role} assumed ({event.reason}), life {event.generation}"
    if event.name == "failed":
        left = "" if event.remaining is None else f", {span(event.remaining)} left"
        pause = event.next_attempt_in or dt.timedelta(0)
        return (
            f"could not assume {role} ({event.error}){left}; "
            f"next attempt in {span(pause)}"
        )
    return None


def live_line(
    elapsed: float, sts_is_up: bool, workers: Iterable[Worker], lives: Mapping[str, int]
) -> str:
    """
    Where things stand.
    """
    states = "".join(
        f" | {worker.name}: life {lives[worker.name]}, {worker.calls:3} calls, "
        f"{worker.failures:2} failed"
        for worker in workers
    )
    return f"{elapsed:5.1f} s  STS {'up  ' if sts_is_up else 'DOWN'}{states}"


def event_line(elapsed: float, text: str) -> str:
    """
    Something that happened in between.
    """
    return f"{elapsed:5.1f} s    {text}"


def table(run: Run) -> str:
    """
    What was measured, side by side.
    """
    rows = [("", list(run.contenders))]
    for title, cell in ROWS.items():
        rows.append((title, [cell(measured) for measured in run.contenders.values()]))
    return "\n".join(
        f"{title:<18}" + "".join(f"{value:>12}" for value in values)
        for title, values in rows
    )
