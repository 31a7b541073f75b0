"""One run of the demo: workers, outages, measurements and their description."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import functools
import queue
import textwrap
import threading

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
import boto3

from .._core.events import RefreshEvent
from ..testing import Call, Fault, LocalSTS
from ._contenders import (
    BUCKET,
    TARGET,
    Contender,
    FastClock,
    Ours,
    Recipe,
    demo_environment,
)


__all__ = [
    "Measured",
    "Outage",
    "OutageSchedule",
    "Run",
    "Settings",
    "Worker",
    "conclusion",
    "event_line",
    "intro",
    "live_line",
    "refresh_event",
    "run_demo",
    "span",
    "table",
]


PAUSE = 0.1
"""Seconds between two API calls of one worker."""


@attrs.define(kw_only=True, eq=False)
class Worker:
    """
    Thread that calls S3 with one client, and measures each call.

    Other threads may read its counters.

    Args:
        name: Name of the contender.

        session: Session that the client is made from.

        elapsed: Function that returns the seconds since the start.

        output: Function that is called with a line when calls begin to fail, and when
            they succeed again.
    """

    name: str
    session: boto3.Session
    elapsed: Callable[[], float]
    output: Callable[[str], None]
    calls: int = 0
    failures: int = 0
    slowest: float = 0.0
    errors: collections.Counter[str] = attrs.field(factory=collections.Counter)
    _is_failing: bool = False
    _stop: threading.Event = attrs.field(factory=threading.Event)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Run the thread for the length of the block."""
        client = self.session.client("s3")  # once
        thread = threading.Thread(target=self._work, args=[client], daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            client.close()

    def _work(self, client: Any) -> None:
        while not self._stop.wait(PAUSE):
            began = self.elapsed()
            try:
                client.list_objects_v2(Bucket=BUCKET)
            except Exception as e:  # noqa: BLE001 - errors are what is measured
                self._count_failure(f"{type(e).__name__}: {e}")
            else:
                self._count_success()
            self.calls += 1
            self.slowest = max(self.slowest, self.elapsed() - began)

    def _count_failure(self, text: str) -> None:
        self.failures += 1
        self.errors[text] += 1
        if not self._is_failing:
            self.output(f"{self.name}: API calls fail: {text}")
        self._is_failing = True

    def _count_success(self) -> None:
        if self._is_failing:
            self.output(f"{self.name}: API calls work again")
        self._is_failing = False


@attrs.frozen(kw_only=True)
class Outage:
    """An outage of STS, in seconds since the start."""

    begins: float
    ends: float


@attrs.define(kw_only=True, eq=False)
class OutageSchedule:
    """
    Stops STS just before a refresh is due, once for each contender.

    An outage between two refreshes would have no effect. If both are due at about the
    same time, one outage is enough.

    Args:
        local: The server.

        clock: Clock of the server and the contenders.

        contenders: The contenders.

        length: Length of an outage, by *clock*.
    """

    local: LocalSTS
    clock: FastClock
    contenders: tuple[Contender, ...]
    length: dt.timedelta
    outages: list[Outage] = attrs.field(factory=list)
    _pending: set[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pending = {contender.name for contender in self.contenders}

    @property
    def sts_is_up(self) -> bool:
        """Whether there is no outage now."""
        return not self.outages or self.clock.elapsed() >= self.outages[-1].ends

    def begin_if_due(self) -> bool:
        """Begin an outage if one is due, and return whether it began."""
        last = self.outages[-1].ends if self.outages else -self._seconds
        if self.clock.elapsed() < last + self._seconds:
            return False  # the other contender has to recover first
        due = {
            contender.name: contender.due_at() - self.clock.now()
            for contender in self.contenders
            if contender.name in self._pending
        }
        if not due or min(due.values()) > self.length / 10:
            return False
        self._pending -= {name for name, span in due.items() if span < self.length / 2}
        self._begin()
        return True

    @property
    def _seconds(self) -> float:
        return self.length.total_seconds() / self.clock.factor

    def _begin(self) -> None:
        begins = self.clock.elapsed()
        self.local.faults.add(Fault.status(503), for_=self.length)
        self.outages.append(Outage(begins=begins, ends=begins + self._seconds))


@attrs.frozen(kw_only=True)
class Settings:
    """Settings of a run."""

    seconds: float = 20.0
    """Length of the run."""

    duration_seconds: int = 3600
    """Session duration, by the fast clock."""

    @property
    def lifetime(self) -> float:
        """Real seconds of a session; a run has time for at least three."""
        return min(6.0, 0.3 * self.seconds)

    @property
    def factor(self) -> float:
        """Seconds of the fast clock in a real one."""
        return self.duration_seconds / self.lifetime

    @property
    def outage(self) -> dt.timedelta:
        """Length of each outage, by the fast clock: 12 minutes of an hour."""
        return dt.timedelta(seconds=self.duration_seconds / 5)


@attrs.frozen(kw_only=True)
class Measured:
    """Measurements of one contender."""

    api_calls: int
    failures: int
    slowest_call_seconds: float
    assume_role_calls: int
    """AssumeRole calls that the server received, for both roles."""

    assume_role_failures: int
    """AssumeRole calls that the server responded to with an error."""

    generations: int
    """Access keys of the target role that were used in successful S3 calls."""

    errors: Mapping[str, int]
    """Number of times that each error was raised, by its description."""


@attrs.frozen(kw_only=True)
class Run:
    """Results of a run."""

    settings: Settings
    outages: tuple[Outage, ...]
    contenders: Mapping[str, Measured]

    @property
    def ours_never_failed(self) -> bool:
        """Whether each API call of stsession succeeded."""
        ours = self.contenders["stsession"]
        return ours.api_calls > 0 and ours.failures == 0

    def as_dict(self) -> dict[str, Any]:
        """Return the results as values that can be written as JSON."""
        return {
            "seconds": self.settings.seconds,
            "session_duration_seconds": self.settings.duration_seconds,
            "clock_factor": self.settings.factor,
            "outages": [attrs.asdict(outage) for outage in self.outages],
            "contenders": {
                name: attrs.asdict(measured)
                for name, measured in self.contenders.items()
            },
        }


WIDTH = 80

INTRO = """\
A role is assumed with an external ID and a session policy, and from there a
second one. Two threads call S3 with the second role, each by a single client:
  stsession  stsession.assume(hub, source="demo", ...).assume(reader)
  recipe     botocore's RefreshableCredentials put on session._credentials
STS and S3 are on this machine, and their keys really expire. Only time is
scaled: server, stsession and botocore use a clock {factor:.0f} times as fast, so that
sessions of {life} last for {real:.1f} s. Both keep their default refresh windows.
No STS client retries by itself, as it would wait for real seconds.
For {outage} each, STS returns 503: when stsession has to refresh, and when the
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
stsession refreshes in the background, and uses its current credentials while STS
is down. The recipe refreshes inside an API call, which fails if STS does and
the session has less than 10 minutes left."""

WHY_MORE_CALLS = """\
stsession called AssumeRole more often: in an outage it retries with increasing
delays, to have new credentials soon after STS is back; and each of the two
roles has its own credentials, which are refreshed when they are due."""


def intro(settings: Settings) -> str:
    """Return a description of the run, and the column headings."""
    return INTRO.format(
        factor=settings.factor,
        life=span(dt.timedelta(seconds=settings.duration_seconds)),
        real=settings.lifetime,
        outage=span(settings.outage),
    )


def span(value: dt.timedelta) -> str:
    """Return a span in seconds or minutes."""
    seconds = value.total_seconds()
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def refresh_event(event: RefreshEvent) -> str | None:
    """Return a description of an event, or `None` if it isn't printed."""
    role = event.hop.rpartition("/")[2]
    if event.name == "succeeded":
        return f"{role} assumed ({event.reason}), generation {event.generation}"
    if event.name == "failed":
        # The outage has been printed already.
        error = "" if event.error == "StsUnavailableError" else f" ({event.error})"
        left = ""
        if event.remaining is not None:
            is_valid = event.remaining > dt.timedelta(0)
            passed = span(abs(event.remaining))
            left = f", {passed} left" if is_valid else f", expired {passed} ago"
        pause = event.next_attempt_in or dt.timedelta(0)
        return f"could not assume {role}{error}{left}; next attempt in {span(pause)}"
    return None


def live_line(
    elapsed: float,
    sts_is_up: bool,
    workers: Iterable[Worker],
    generations: Mapping[str, int],
) -> str:
    """Return the current state, in the columns of the introduction."""
    states = "".join(
        f"   {generations[worker.name]:10} {worker.calls:6} {worker.failures:6}"
        for worker in workers
    )
    return f"{elapsed:5.1f} s  {'up  ' if sts_is_up else 'DOWN'}{states}"


def event_line(elapsed: float, text: str) -> str:
    """Return an event with its time, wrapped."""
    time = f"{elapsed:5.1f} s  "
    return textwrap.fill(
        text, WIDTH, initial_indent=time, subsequent_indent=" " * len(time)
    )


def table(run: Run) -> str:
    """Return a table of the measurements."""
    rows = [("", list(run.contenders))]
    for title, cell in ROWS.items():
        rows.append((title, [cell(measured) for measured in run.contenders.values()]))
    return "\n".join(
        f"{title:<18}" + "".join(f"{value:>12}" for value in values)
        for title, values in rows
    )


def conclusion(run: Run) -> str:
    """Return the result, and the reasons for it."""
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


INTERVAL = 0.02
"""Seconds between two checks for events."""


def run_demo(settings: Settings, *, output: Callable[[str], None]) -> Run:
    """
    Run both contenders at the same time. Blocks until the run is over.

    Args:
        settings: Settings of the run.

        output: Function that is called with each line, by the calling thread.
    """
    clock = FastClock(settings.factor)
    messages: queue.SimpleQueue[str] = queue.SimpleQueue()
    with demo_environment(clock) as local, contextlib.ExitStack() as stack:
        ours = Ours(
            duration_seconds=settings.duration_seconds,
            on_event=functools.partial(_put_event, messages),
        )
        recipe = Recipe(
            duration_seconds=settings.duration_seconds,
            clock=clock,
            output=messages.put,
        )
        schedule = OutageSchedule(
            local=local,
            clock=clock,
            contenders=(ours, recipe),
            length=settings.outage,
        )
        workers = [
            Worker(
                name=contender.name,
                session=contender.session,
                elapsed=clock.elapsed,
                output=messages.put,
            )
            for contender in (ours, recipe)
        ]
        for worker in workers:
            stack.enter_context(worker.working())
        _watch(settings, schedule, workers, messages, output)
        stack.close()  # all API calls have ended
        _drain(messages, clock, output)
    # All calls to STS have ended, too, including those of background refreshes.
    return Run(
        settings=settings,
        outages=tuple(schedule.outages),
        contenders={worker.name: _measured(worker, local) for worker in workers},
    )


def _watch(
    settings: Settings,
    schedule: OutageSchedule,
    workers: list[Worker],
    messages: queue.SimpleQueue[str],
    output: Callable[[str], None],
) -> None:
    """Print a line for each second and for each event."""
    clock, never = schedule.clock, threading.Event()
    next_line, was_up = 1.0, True
    began = clock.elapsed()
    while (elapsed := clock.elapsed()) < began + settings.seconds:
        if elapsed > began + settings.seconds * 0.3 and schedule.begin_if_due():
            messages.put(f"STS goes down for {span(settings.outage)}: it returns 503")
        if schedule.sts_is_up and not was_up:
            messages.put("STS is up again")
        was_up = schedule.sts_is_up
        _drain(messages, clock, output)
        if elapsed >= next_line:
            generations = {
                w.name: _generations(w.name, schedule.local) for w in workers
            }
            output(live_line(elapsed, was_up, workers, generations))
            next_line += 1.0
        never.wait(INTERVAL)


def _drain(
    messages: queue.SimpleQueue[str], clock: FastClock, output: Callable[[str], None]
) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            output(event_line(clock.elapsed(), messages.get_nowait()))


def _put_event(messages: queue.SimpleQueue[str], event: RefreshEvent) -> None:
    text = refresh_event(event)
    if text:
        messages.put(f"stsession: {text}")


def _measured(worker: Worker, local: LocalSTS) -> Measured:
    calls = [call for call in local.calls("AssumeRole") if _is_by(worker.name, call)]
    return Measured(
        api_calls=worker.calls,
        failures=worker.failures,
        slowest_call_seconds=worker.slowest,
        assume_role_calls=len(calls),
        assume_role_failures=sum(call.status != 200 for call in calls),
        generations=_generations(worker.name, local),
        errors=dict(worker.errors),
    )


def _is_by(name: str, call: Call) -> bool:
    return call.params.get("RoleSessionName") == name


def _generations(name: str, local: LocalSTS) -> int:
    """Return the number of keys that *name* has used successfully."""
    own = {
        key.access_key_id
        for key in local.issued(role_arn=TARGET)
        if key.arn.endswith(f"/{name}")
    }
    used = {
        call.access_key_id
        for call in local.calls("ListObjectsV2")
        if call.status == 200
    }
    return len(own & used)
