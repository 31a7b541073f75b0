"""An interrupt at any point leaves nothing that another thread waits for."""

from __future__ import annotations

import gc
import threading

from collections.abc import Callable, Generator
from functools import partial

import pytest

from stsession._botocore.loader import without_collection
from stsession._core.credentials import Record
from stsession._core.runtime import DaemonPool, spawn
from stsession._locks import OneTimeEvent, in_critical_section
from stsession.exceptions import RefreshError
from stsession.fleet._throttle import Throttle

from .engine import SOON, Engine, engine, real_waits, run_steps
from .interrupts import interruptions, uninterrupted, visits


class Scene:
    """Refreshers in one state, each of which an interrupted call is made of."""

    def __init__(
        self, left: float | None, call: str, *, threads: bool, in_steps: bool = False
    ) -> None:
        self.left = left
        self.call = call
        self.in_steps = in_steps
        self.threads = threads
        self.it: Engine | None = None

    def prepare(self) -> Callable[[], object]:
        """Make a refresher; return the call that will be interrupted."""
        it = self.it = real_waits(engine(background="no thread"))
        if self.left is not None:
            it.refresher.get()
            it.left(self.left)
        if self.threads:
            it.refresher.submit, it.refresher.spawn = DaemonPool().submit, spawn
        refresher, args = it.refresher, ()
        if self.call == "replace_rejected":
            args = (refresher.record.credentials.access_key_id,)
        if self.call == "ensure":
            args = (890,)
        if self.in_steps:
            return partial(run_steps, refresher, self.call, *args)
        return partial(getattr(refresher, self.call), *args)


SCENES = {
    "first use": (None, "get"),
    "advisory": (299, "get"),
    "mandatory": (30, "get"),
    "expired": (-10, "get"),
    "rejected": (500, "replace_rejected"),
    "refresh": (500, "refresh"),
    "ensure": (500, "ensure"),
}


def in_another_thread(work: Callable[[], object]) -> object:
    """Return what *work* returns or raises there."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as e:  # noqa: BLE001 - it is a result, too
            results.append(e)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SOON)
    return results[0] if results else "it hangs"


@pytest.mark.parametrize(
    ("threads", "in_steps"), [(True, False), (False, False), (True, True)]
)
@pytest.mark.parametrize("name", SCENES)
def test_another_thread_gets_credentials(name, threads, in_steps):
    """
    At once, while the traceback of the interrupt is kept.

    And when its credentials expire, it gets others.
    """
    scene = Scene(*SCENES[name], threads=threads, in_steps=in_steps)
    points = 0
    for error in interruptions(scene.prepare):
        points += 1
        it = scene.it
        waits: list[float] = []
        it.refresher.wait = lambda event, n, waits=waits: (
            waits.append(n) or event.wait(min(n, 5.0)) or waits.append("too long")
        )
        record = in_another_thread(it.refresher.get)
        it.world.passes(10_000)
        later = in_another_thread(it.refresher.get)

        assert isinstance(record, Record), (points, error, record)
        assert isinstance(later, Record), (points, error, later)
        assert it.source.accepts(later)
        assert "too long" not in waits, (points, error)
    assert points > 50


@pytest.mark.parametrize(
    ("name", "call", "threads"),
    [
        *[(name, "get", threads) for name in SCENES for threads in (True, False)],
        *[("mandatory", call, True) for call in ("refresh", "held", "next_attempt_at")],
    ],
)
def test_finalizers_and_signal_handlers(name, call, threads):
    """
    One that uses the session which its thread refreshes doesn't wait for itself.

    It gets the current credentials or an error, and the refresh goes on.
    """
    scene = Scene(*SCENES[name], threads=threads)
    results: list[object] = []
    waits: list[bool] = []

    def prepare() -> Callable[[], object]:
        work = scene.prepare()
        scene.it.refresher.wait = lambda event, n: waits.append(event.wait(5.0))
        return work

    def act() -> None:
        try:
            used = getattr(scene.it.refresher, call)
            results.append(used() if callable(used) else None)
        except RefreshError as e:
            results.append(e)

    for result in visits(prepare, act):
        assert isinstance(result, Record)
    assert len(results) > 50
    if call in ("get", "held") and name not in ("first use", "expired"):
        assert {Record} == {type(it) for it in results}
    assert {True} >= set(waits)


def test_tasks_that_are_destroyed():
    """Hooks aren't called while a lock is held, in which a task may be collected."""
    scene = Scene(*SCENES["expired"], threads=False)
    calls: list[object] = []
    locked: list[object] = []
    waiting: list[Generator[object, None, object]] = []

    def prepare() -> Callable[[], object]:
        scene.prepare()
        refresher, tasks = scene.it.refresher, []
        refresher.spawn = lambda task: tasks.append(task) or True
        waiting.append(refresher.get_steps(blocking=False))
        next(waiting[-1])

        def hook(event: object) -> None:
            calls.append(event)
            if in_critical_section():
                locked.append(event)

        refresher.events.subscribe(lambda: hook)
        return tasks[0]

    def act() -> None:
        waiting[-1].close()

    for _ in visits(prepare, act):
        assert [] == locked
    assert len(calls) > 50


@pytest.mark.parametrize("name", ["first use", "mandatory", "expired", "refresh"])
def test_waiting_threads_go_on(name):
    """
    A thread that waits for the refresh which is interrupted doesn't wait any longer.
    """
    scene = Scene(*SCENES[name], threads=False)
    waits: list[bool] = []
    followers: list[threading.Thread] = []

    def prepare() -> Callable[[], object]:
        work = scene.prepare()
        refresher, waiting = scene.it.refresher, threading.Event()
        follows = refresher.refresh if name == "refresh" else refresher.get

        def wait(event: OneTimeEvent, n: float) -> None:
            waiting.set()
            waits.append(event.wait(5.0))

        def follow() -> None:
            with uninterrupted():
                scene.it.source.on_fetch = lambda: None
                followers.append(threading.Thread(target=follows, daemon=True))
                followers[-1].start()

                assert waiting.wait(SOON)

        refresher.wait, scene.it.source.on_fetch = wait, follow
        return work

    for _ in interruptions(prepare):
        for follower in followers:
            follower.join(SOON)
        followers.clear()

        assert {True} >= set(waits)
    assert len(waits) > 50


def test_turns():
    """The queue for STS doesn't keep the place of a call that was interrupted."""
    throttle = Throttle()
    for error in interruptions(lambda: partial(throttle.acquire, 10**6)):
        taken = in_another_thread(lambda: throttle.acquire(10**6))

        assert taken is True, error


def test_garbage_collection():
    """It is switched on again."""
    for _ in interruptions(lambda: partial(without_collection, dict)):
        assert gc.isenabled()
