"""
One run of the demo: workers, outages, measurements and their description.
"""

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
from ._contenders import BUCKET, TARGET, Contender, FastClock, Ours, Recipe, staged


__all__ = [
    "Director",
    "Measured",
    "Outage",
    "Run",
    "Settings",
    "Worker",
    "conclusion",
    "event_line",
    "intro",
    "live_line",
    "play",
    "refresh_event",
    "span",
    "table",
]


PAUSE = 0.1
"""Seconds between two API calls of one worker."""


@attrs.define(kw_only=True, eq=False)
class Worker:
    """
    Calls S3 again and again by one client, and takes the time of each call.

    What other threads read of it is a single value each.

    Args:
        name: Whose session it is.

        session: Where the client comes from.

        elapsed: A clock.

        tell: Is told when calls begin to fail, and when they work again.
    """

    name: str
    session: boto3.Session
    elapsed: Callable[[], float]
    tell: Callable[[str], None]
    calls: int = 0
    failures: int = 0
    slowest: float = 0.0
    errors: collections.Counter[str] = attrs.field(factory=collections.Counter)
    _fails: bool = False
    _stop: threading.Event = attrs.field(factory=threading.Event)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """
        Work on a thread of its own until the block ends.
        """
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
            except Exception as e:  # noqa: BLE001 - that's what is counted
                self._note_failure(f"{type(e).__name__}: {e}")
            else:
                self._note_success()
            self.calls += 1
            self.slowest = max(self.slowest, self.elapsed() - began)

    def _note_failure(self, text: str) -> None:
        self.failures += 1
        self.errors[text] += 1
        if not self._fails:
            self.tell(f"{self.name}: API calls fail: {text}")
        self._fails = True

    def _note_success(self) -> None:
        if self._fails:
            self.tell(f"{self.name}: API calls work again")
        self._fails = False


@attrs.frozen(kw_only=True)
class Outage:
    """
    A time without STS, in seconds since the start.
    """

    begins: float
    ends: float


@attrs.define(kw_only=True, eq=False)
class Director:
    """
    Stops STS just before a refresh is due, once for each contender.

    An outage between two refreshes harms nobody, so it takes some timing to
    see anything. If both are due at about the same time, it's one outage.

    Args:
        local: The server.

        clock: What the server and the contenders live by.

        contenders: Who is to be hit.

        lasts: How long an outage lasts, by *clock*.
    """

    local: LocalSTS
    clock: FastClock
    contenders: tuple[Contender, ...]
    lasts: dt.timedelta
    outages: list[Outage] = attrs.field(factory=list)
    _unhit: set[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._unhit = {contender.name for contender in self.contenders}

    @property
    def sts_is_up(self) -> bool:
        """
        Whether there is no outage now.
        """
        return not self.outages or self.clock.elapsed() >= self.outages[-1].ends

    def look(self) -> bool:
        """
        Begin an outage if it is time; tell whether it was.
        """
        last = self.outages[-1].ends if self.outages else -self._lasts
        if self.clock.elapsed() < last + self._lasts:
            return False  # a bad moment for one may be a second outage for the other
        due = {
            contender.name: contender.due_at() - self.clock.now()
            for contender in self.contenders
            if contender.name in self._unhit
        }
        if not due or min(due.values()) > self.lasts / 10:
            return False
        self._unhit -= {name for name, span in due.items() if span < self.lasts / 2}
        self._begin()
        return True

    @property
    def _lasts(self) -> float:
        return self.lasts.total_seconds() / self.clock.factor

    def _begin(self) -> None:
        begins = self.clock.elapsed()
        self.local.faults.add(Fault.status(503), for_=self.lasts)
        self.outages.append(Outage(begins=begins, ends=begins + self._lasts))


@attrs.frozen(kw_only=True)
class Settings:
    """
    What a run is like.
    """

    seconds: float = 20.0
    """How long it takes."""

    duration_seconds: int = 3600
    """How long sessions last, by the fast clock."""

    @property
    def lifetime(self) -> float:
        """
        Seconds that they really last: there is time for at least three.
        """
        return min(6.0, 0.3 * self.seconds)

    @property
    def factor(self) -> float:
        """
        How fast the clock goes.
        """
        return self.duration_seconds / self.lifetime

    @property
    def outage(self) -> dt.timedelta:
        """
        How long STS is down each time, by the fast clock: 12 minutes of an hour.
        """
        return dt.timedelta(seconds=self.duration_seconds / 5)


@attrs.frozen(kw_only=True)
class Measured:
    """
    What one contender did.
    """

    api_calls: int
    failures: int
    slowest_call_seconds: float
    assume_role_calls: int
    """All that the server received, for either role."""

    assume_role_failures: int
    """Those that it answered with an error."""

    generations: int
    """Keys of the target role that the server accepted in S3 calls."""

    errors: Mapping[str, int]
    """How often which error was raised."""


@attrs.frozen(kw_only=True)
class Run:
    """
    What a whole run was like.
    """

    settings: Settings
    outages: tuple[Outage, ...]
    contenders: Mapping[str, Measured]

    @property
    def ours_never_failed(self) -> bool:
        """
        Whether each API call of stsession succeeded.
        """
        ours = self.contenders["stsession"]
        return ours.api_calls > 0 and ours.failures == 0

    def as_dict(self) -> dict[str, Any]:
        """
        All of it, for JSON.
        """
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


LOOK = 0.02
"""Seconds between two looks at what goes on."""


def play(settings: Settings, *, tell: Callable[[str], None]) -> Run:
    """
    Let both contenders work side by side; blocks until the time is over.

    Args:
        settings: What the run is like.

        tell: Is given each line about what happens, by the calling thread.
    """
    clock = FastClock(settings.factor)
    news: queue.SimpleQueue[str] = queue.SimpleQueue()
    with staged(clock) as local, contextlib.ExitStack() as stack:
        ours = Ours(
            duration_seconds=settings.duration_seconds,
            on_event=functools.partial(_put_event, news),
        )
        recipe = Recipe(
            duration_seconds=settings.duration_seconds,
            clock=clock,
            tell=news.put,
        )
        director = Director(
            local=local,
            clock=clock,
            contenders=(ours, recipe),
            lasts=settings.outage,
        )
        workers = [
            Worker(
                name=contender.name,
                session=contender.session,
                elapsed=clock.elapsed,
                tell=news.put,
            )
            for contender in (ours, recipe)
        ]
        for worker in workers:
            stack.enter_context(worker.working())
        _watch(settings, director, workers, news, tell)
        stack.close()  # all API calls have ended
        _drain(news, clock, tell)
    # So have all calls to STS, those of background refreshes as well.
    return Run(
        settings=settings,
        outages=tuple(director.outages),
        contenders={worker.name: _measured(worker, local) for worker in workers},
    )


def _watch(
    settings: Settings,
    director: Director,
    workers: list[Worker],
    news: queue.SimpleQueue[str],
    tell: Callable[[str], None],
) -> None:
    """
    Tell what happens, one line a second and one for each event.
    """
    clock, unsigned_source = director.clock, threading.Event()
    next_line, was_up = 1.0, True
    began = clock.elapsed()
    while (elapsed := clock.elapsed()) < began + settings.seconds:
        if elapsed > began + settings.seconds * 0.3 and director.look():
            news.put(f"STS goes down for {span(settings.outage)}: it answers 503")
        if director.sts_is_up and not was_up:
            news.put("STS is up again")
        was_up = director.sts_is_up
        _drain(news, clock, tell)
        if elapsed >= next_line:
            generations = {
                w.name: _generations(w.name, director.local) for w in workers
            }
            tell(live_line(elapsed, was_up, workers, generations))
            next_line += 1.0
        unsigned_source.wait(LOOK)


def _drain(
    news: queue.SimpleQueue[str], clock: FastClock, tell: Callable[[str], None]
) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            tell(event_line(clock.elapsed(), news.get_nowait()))


def _put_event(news: queue.SimpleQueue[str], event: RefreshEvent) -> None:
    text = refresh_event(event)
    if text:
        news.put(f"stsession: {text}")


def _measured(worker: Worker, local: LocalSTS) -> Measured:
    asked = [call for call in local.calls("AssumeRole") if _is_by(worker.name, call)]
    return Measured(
        api_calls=worker.calls,
        failures=worker.failures,
        slowest_call_seconds=worker.slowest,
        assume_role_calls=len(asked),
        assume_role_failures=sum(call.status != 200 for call in asked),
        generations=_generations(worker.name, local),
        errors=dict(worker.errors),
    )


def _is_by(name: str, call: Call) -> bool:
    return call.params.get("RoleSessionName") == name


def _generations(name: str, local: LocalSTS) -> int:
    """
    Count the sets of credentials that *name* has used with success.
    """
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
