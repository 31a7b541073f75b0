"""
What the demo prints.
"""

from __future__ import annotations

import datetime as dt
import textwrap

from collections.abc import Callable, Iterable, Mapping

from .._core.events import RefreshEvent
from ._play import Worker
from ._results import Measured, Run, Settings


__all__ = [
    "conclusion",
    "event_line",
    "intro",
    "live_line",
    "refresh_event",
    "span",
    "table",
]

WIDTH = 80

INTRO = """\
A role is assumed with an external ID and a session policy, and from there a
second one. Two threads call S3 with the second role, each by a single client:
  stsession  stsession.assume(hub, source="demo", ...).assume(reader)
  recipe     botocore's RefreshableCredentials put on session._credentials
STS and S3 are on this machine, and their keys really expire. What is scaled is
time: server, stsession and botocore go by a clock {factor:.0f} times as fast, so that
sessions of {life} last for {real:.1f} s. Both keep their default refresh windows.
No STS client retries by itself, as its pauses would be real seconds.
For {outage} each, STS answers 503: when stsession has to refresh, and when the
recipe has to (once, if that's the same time).

                        stsession                     recipe
   time  STS   generation  calls failed   generation  calls failed"""


ROWS: dict[str, Callable[[Measured], str]] = {
    "API calls": lambda m: f"{m.api_calls}",
    "API calls failed": lambda m: f"{m.failures}",
    "slowest call": lambda m: f"{m.slowest_call_seconds * 1000:.0f} ms",
    "AssumeRole calls": lambda m: f"{m.assume_role_calls}",
    "AssumeRole failed": lambda m: f"{m.assume_role_failures}",
    "generations": lambda m: f"{m.generations}",
}

NO_OUTAGE = "STS had no outage in this run; more --seconds leave time for one."

WHY = """\
stsession refreshes in the background, and uses the credentials it has while STS
is down. The recipe refreshes inside an API call, which fails if STS does and
the session has less than 10 minutes left."""

WHY_MORE_CALLS = """\
stsession called AssumeRole more often: in an outage it tries again, with
growing pauses, to have new credentials soon after STS is back; and each of the
two roles has credentials of its own, which are refreshed when they are due."""


def intro(settings: Settings) -> str:
    """
    Describe what is shown, how it differs from AWS, and the columns that follow.
    """
    return INTRO.format(
        factor=settings.factor,
        life=span(dt.timedelta(seconds=settings.duration_seconds)),
        real=settings.lifetime,
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
    Describe an event. `None` if it isn't worth a line.
    """
    role = event.label.rpartition("/")[2]
    if event.name == "succeeded":
        return f"{role} assumed ({event.reason}), generation {event.generation}"
    if event.name == "failed":
        # That STS answers 503 has been printed before.
        error = "" if event.error == "StsUnavailableError" else f" ({event.error})"
        left = "" if event.remaining is None else f", {span(event.remaining)} left"
        pause = event.next_attempt_in or dt.timedelta(0)
        return f"could not assume {role}{error}{left}; next attempt in {span(pause)}"
    return None


def live_line(
    elapsed: float,
    sts_is_up: bool,
    workers: Iterable[Worker],
    generations: Mapping[str, int],
) -> str:
    """
    Write the present state, in the columns that the introduction ends with.
    """
    states = "".join(
        f"   {generations[worker.name]:10} {worker.calls:6} {worker.failures:6}"
        for worker in workers
    )
    return f"{elapsed:5.1f} s  {'up  ' if sts_is_up else 'DOWN'}{states}"


def event_line(elapsed: float, text: str) -> str:
    """
    Write something that happened in between, in as many lines as it takes.
    """
    time = f"{elapsed:5.1f} s  "
    return textwrap.fill(
        text, WIDTH, initial_indent=time, subsequent_indent=" " * len(time)
    )


def table(run: Run) -> str:
    """
    Write what was measured, side by side.
    """
    rows = [("", list(run.contenders))]
    for title, cell in ROWS.items():
        rows.append((title, [cell(measured) for measured in run.contenders.values()]))
    return "\n".join(
        f"{title:<18}" + "".join(f"{value:>12}" for value in values)
        for title, values in rows
    )


def conclusion(run: Run) -> str:
    """
    Sum up what was seen, and why it was so.
    """
    ours, recipe = run.contenders["stsession"], run.contenders["recipe"]
    if not run.outages:
        return NO_OUTAGE
    parts = (
        [WHY_MORE_CALLS] if ours.assume_role_calls > recipe.assume_role_calls else []
    )
    parts += [
        WHY,
        f"Result: {ours.failures} of {ours.api_calls} API calls failed with "
        f"stsession, and {recipe.failures} of {recipe.api_calls} with the recipe, "
        f"while STS was down {_times(len(run.outages))}.",
    ]
    return "\n\n".join(textwrap.fill(part, WIDTH) for part in parts)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
