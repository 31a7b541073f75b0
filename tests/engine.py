"""A refresher with a simulated source, background thread, and true time."""

from __future__ import annotations

import datetime as dt
import threading
import weakref

from collections.abc import Callable

import attrs

from stsession._core.credentials import (
    FetchResult,
    Instant,
    Record,
    TemporaryCredentials,
)
from stsession._core.policy import RefreshPolicy, Tuning
from stsession._core.refresher import Refresher
from stsession._core.runtime import utc
from stsession._locks import OneTimeEvent
from stsession.exceptions import (
    AccessDeniedError,
    FailureKind,
    RefreshError,
    StsUnavailableError,
)
from stsession.testing import FakeClock


# Seconds; nothing takes that long unless it hangs.
SOON = 60.0

LABEL = "arn:aws:iam::123456789012:role/Reader"


def seconds(n: float) -> dt.timedelta:
    """A span of *n* seconds."""
    return dt.timedelta(seconds=n)


class ExactPolicy(RefreshPolicy):
    """With it a refresh is due exactly where the advisory window begins."""

    _tuning = Tuning(lead_fraction=0.0, jitter_fraction=0.0)


def failure(kind: FailureKind, *, retry_after: float | None = None) -> RefreshError:
    """What the layer above makes of an answer of this kind."""
    if kind is FailureKind.REQUEST:
        return AccessDeniedError("Denied.", code="AccessDenied", hop=LABEL)
    return StsUnavailableError(
        "Failed.",
        kind=kind,
        retry_after=None if retry_after is None else seconds(retry_after),
    )


class World:
    """The true time, whatever the local clocks say."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._start = self.clock.wall()
        self._frozen = 0.0

    @property
    def time(self) -> float:
        """Seconds since 1970, by the clock of the servers."""
        return self._start + self.clock.monotonic() + self._frozen

    def passes(self, n: float) -> None:
        """Time passes for the servers and for this machine."""
        self.clock.advance(seconds(n))

    def freezes(self, n: float) -> None:
        """The machine is suspended: its monotonic clock stands still."""
        self.clock.freeze(seconds(n))
        self._frozen += n

    def sets_wall(self, n: float) -> None:
        """The local wall clock is set."""
        self.clock.step_wall(seconds(n))


class Source:
    """A source whose keys expire by true time, and which can fail."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lifetime = 900.0
        self.tells_time = True
        self.server_offset = 0.0
        self.source_remaining: float | None = None
        self.fault: Exception | None = None
        self.on_fetch: Callable[[], object] = lambda: None
        self.repeats = False
        self.attempts: list[float] = []
        self.dies_at: dict[str, float] = {}
        self._last: FetchResult | None = None

    def __call__(self) -> FetchResult:
        """Answer, or fail."""
        self.attempts.append(self.world.time)
        thread = threading.current_thread()
        if isinstance(thread, SlowThread):
            thread.waits()
        self.on_fetch()
        if self.fault is not None:
            raise self.fault
        if self.repeats and self._last is not None:
            return self._last
        self._last = self._issue()
        return self._last

    def _issue(self) -> FetchResult:
        n = len(self.dies_at) + 1
        key = f"ASIA{n:016d}"
        server_time = self.world.time + self.server_offset
        expires_at = utc(server_time + self.lifetime)
        self.dies_at[key] = expires_at.timestamp()
        return FetchResult(
            credentials=TemporaryCredentials(
                access_key_id=key,
                secret_access_key=f"secret of {key}",
                session_token=f"token of {key}",
                expires_at=expires_at,
            ),
            server_time=server_time if self.tells_time else None,
            source_remaining=self.source_remaining,
        )

    def goes_down(self, kind: FailureKind = FailureKind.OUTAGE) -> None:
        """Fail in this way from now on."""
        self.fault = failure(kind)

    def comes_back(self) -> None:
        """Answer again."""
        self.fault = None

    def accepts(self, record: Record) -> bool:
        """Whether a service would, at this moment."""
        return self.world.time < self.dies_at[record.credentials.access_key_id]

    def busiest_minute(self) -> int:
        """The most attempts within one."""
        return busiest(self.attempts, 60.0)


def busiest(instants: list[float], span: float) -> int:
    """How many of *instants*, which are in order, lie within one *span*."""
    first, most = 0, 0
    for last, at in enumerate(instants):
        while at - instants[first] >= span:
            first += 1
        most = max(most, last - first + 1)
    return most


class SlowThread(threading.Thread):
    """A thread on which a fetch begins, and ends when the test says so."""

    def __init__(self, task: Callable[[], None]) -> None:
        super().__init__(target=task, daemon=True)
        self._fetches, self._may_end = threading.Event(), threading.Event()

    def begins(self) -> None:
        """Start, and return when the fetch has begun."""
        self.start()

        assert self._fetches.wait(SOON)

    def waits(self) -> None:
        """Called by the source."""
        self._fetches.set()
        self._may_end.wait(SOON)

    def ends(self) -> None:
        """Let the fetch go on, and return when it has ended."""
        self._may_end.set()
        self.join(SOON)


class Background:
    """
    The background thread: runs what it is given at once, slowly, by hand, or never.

    A slow task begins at once and ends when `works` is called; by hand it begins then.
    """

    def __init__(self, mode: str = "at once") -> None:
        self.mode = mode
        self.tasks: list[Callable[[], None]] = []
        self.has_usable: Callable[[], bool] = lambda: False

    def __call__(self, task: Callable[[], None]) -> bool:
        """Take a task."""
        if self.mode == "no thread":
            return False
        if self.mode == "at once":
            task()
        elif self.mode == "slow":
            thread = SlowThread(task)
            thread.begins()
            self.tasks.append(thread.ends)
        else:
            self.tasks.append(task)
        return True

    def spawn(self, task: Callable[[], None]) -> bool:
        """
        Take a task that a caller with usable credentials waits for.

        Without any, the caller fetches itself.
        """
        return self.has_usable() and self(task)

    def works(self) -> None:
        """Run what has been put off."""
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            task()


class Patience:
    """Notes how long callers wait, and lets that time pass."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.waits: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, event: OneTimeEvent, seconds: float) -> bool:
        """Wait for *event*."""
        self.meanwhile()
        if not event.is_set():
            self.waits.append(seconds)
            self.world.passes(seconds)
        return event.is_set()


class Events:
    """A hook that collects events."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def __call__(self, event: object) -> None:
        """Collect *event*."""
        self.seen.append(event)

    @property
    def names(self) -> list[str]:
        """What happened, in order."""
        return [event.name for event in self.seen]  # type: ignore[attr-defined]


@attrs.define
class Engine:
    """A refresher, and all that it touches."""

    world: World
    source: Source
    background: Background
    patience: Patience
    events: Events
    refresher: Refresher

    @property
    def attempts(self) -> int:
        """How many fetches there were."""
        return len(self.source.attempts)

    def key(self) -> str:
        """The key that a request would be signed with now."""
        return self.refresher.get().credentials.access_key_id

    def due(self) -> None:
        """Let time pass until a refresh is just due."""
        record = self.refresher.record
        assert record is not None
        self.left(record.plan.due)

    def left(self, n: float) -> None:
        """Let time pass until *n* seconds are left."""
        record = self.refresher.record
        assert record is not None
        self.world.passes(self.refresher.remaining(record) - n)


def engine(
    policy: RefreshPolicy | None = None,
    *,
    random: Callable[[], float] = lambda: 0.0,
    world: World | None = None,
    lifetime: float = 900.0,
    background: str = "at once",
    waits_for_advisory: bool = False,
    record: Record | None = None,
) -> Engine:
    """Build one."""
    world = World() if world is None else world
    source, events = Source(world), Events()
    source.lifetime = lifetime
    thread, patience = Background(background), Patience(world)
    refresher = Refresher(
        name=LABEL,
        fetch=source,
        policy=RefreshPolicy() if policy is None else policy,
        source="profile dev",
        clock=world.clock,
        random=random,
        submit=thread,
        spawn=thread.spawn,
        wait=patience,
        waits_for_advisory=waits_for_advisory,
        record=record,
    )
    reference = weakref.ref(refresher)
    thread.has_usable = lambda: refresher_is_usable(reference())
    refresher.events.subscribe(lambda: events)
    return Engine(world, source, thread, patience, events, refresher)


def refresher_is_usable(refresher: Refresher | None) -> bool:
    """Whether callers wait for its refreshes with something to use."""
    record = None if refresher is None else refresher.record
    return (
        refresher is not None
        and record is not None
        and refresher.policy.background
        and refresher.remaining(record) > record.plan.floor
    )


def run_steps(
    refresher: Refresher, call: str, *args: object, blocking: bool = False
) -> object:
    """What *call* returns, run in steps as by an event loop."""
    steps = getattr(refresher, f"{call}_steps")(*args, blocking=blocking)
    try:
        while True:
            refresher.wait(*next(steps))
    except StopIteration as e:
        return e.value


def instant(world: World) -> Instant:
    """What the local clocks say."""
    return Instant(world.clock.wall(), world.clock.monotonic())


def get_often(it: Engine, n: int, every: float = 1.0) -> None:
    """So many requests go out."""
    for _ in range(n):
        it.refresher.get()
        it.world.passes(every)


def attempts_after(it: Engine) -> list[float]:
    """When further fetches began, counted from the second one."""
    first, *rest = it.source.attempts[1:]
    return [at - first for at in rest]


def works_for(it: Engine, span: float, *, every: float = 1.0) -> None:
    """Requests are signed, none of them with an expired key."""
    end = it.world.time + span
    while it.world.time < end:
        assert it.source.accepts(it.refresher.get())

        it.world.passes(every)


def real_waits(it: Engine) -> Engine:
    """Wait for events, not for the fake clock."""
    it.refresher.wait = lambda event, seconds: event.wait(seconds)
    return it


class Gate:
    """A fetch that ends when the test allows it."""

    def __init__(self, it: Engine) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()
        it.source.on_fetch = self

    def __call__(self) -> None:
        """Begin, and end when the test allows it."""
        self.began.set()

        assert self.may_end.wait(SOON)
