"""A refresher that is used by many threads."""

from __future__ import annotations

import datetime as dt
import threading

from collections.abc import Callable

import pytest

from stsession._core.credentials import Record
from stsession._core.runtime import DaemonPool, current_runtime, spawn
from stsession._core.state import RefreshState
from stsession._locks import OneTimeEvent, in_critical_section
from stsession.exceptions import RefreshError, StsUnavailableError
from stsession.testing import isolated_process

from .engine import SOON, Engine, Gate, engine, real_waits


THREADS = 64


def together(n: int, work: Callable[[], object]) -> list[object]:
    """What *n* threads that start at the same time make of *work*."""
    barrier, results = threading.Barrier(n), []

    def run() -> None:
        barrier.wait(SOON)
        try:
            results.append(work())
        except BaseException as e:  # noqa: BLE001 - it is a result, too
            results.append(e)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    return results


@pytest.fixture(name="it")
def _it() -> Engine:
    return real_waits(engine())


def waiting_for(it: Engine, n: int) -> threading.Event:
    """An event that is set when *n* threads wait for a flight."""
    everybody, lock, count = threading.Event(), threading.Lock(), [0]

    def wait(event: threading.Event, seconds: float) -> bool:
        with lock:
            count[0] += 1
            if count[0] == n:
                everybody.set()
        return event.wait(seconds)

    it.refresher.wait = wait
    return everybody


@pytest.mark.parametrize("left", [None, 5, -100])
def test_one_fetch(it, left):
    """At first use and at expiry, and all get what it brings."""
    if left is not None:
        it.refresher.get()
        it.left(left)
    before, gate = it.attempts, Gate(it)
    everybody = waiting_for(it, THREADS - 1)
    releaser = threading.Thread(
        target=lambda: everybody.wait(SOON) and gate.may_end.set()
    )
    releaser.start()

    records = together(THREADS, it.refresher.get)

    releaser.join(SOON)

    assert before + 1 == it.attempts
    assert THREADS == len(records)
    assert {it.refresher.record} == set(records)


def test_one_failure(it):
    """Each thread raises an error of its own, of the same cause."""
    it.source.goes_down()
    it.source.fault.__cause__ = OSError("down")

    errors = together(THREADS, it.refresher.get)

    assert 1 == it.attempts
    assert THREADS == len({id(error) for error in errors})
    assert {StsUnavailableError} == {type(error) for error in errors}
    assert {"OSError('down')"} == {repr(error.__cause__) for error in errors}


def test_no_wait_in_the_advisory_window(it):
    """
    While the refresh hangs on a background thread all callers get the current ones.
    """
    it.refresher.submit = DaemonPool().submit
    it.refresher.get()
    it.due()
    gate = Gate(it)
    waits = []
    it.refresher.wait = lambda *args: waits.append(args)

    records = together(THREADS, it.refresher.get)

    assert [] == waits
    assert [1] * THREADS == [record.generation for record in records]
    assert gate.began.wait(SOON)
    assert 2 == it.attempts

    gate.may_end.set()


def test_no_thread_sees_two_generations_mixed(it):
    """Key, secret, token, and expiration belong together, always."""
    stop, mixed = threading.Event(), []

    def read() -> None:
        seen = 0
        while not stop.is_set():
            record = it.refresher.get()
            credentials = record.credentials
            key = credentials.access_key_id
            right = (
                credentials.secret_access_key == f"secret of {key}"
                and credentials.session_token == f"token of {key}"
                and record.generation >= seen
            )
            if not right:
                mixed.append(record)
            seen = record.generation

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for _ in range(300):
        it.world.passes(190)
    it.refresher.get()
    stop.set()
    for reader in readers:
        reader.join(SOON)

    assert [] == mixed
    assert it.source.busiest_minute() <= 7


class TestLock:
    """What is done under it, and what never is."""

    @pytest.fixture(name="busy")
    def _busy(self) -> Engine:
        """One of which a hook, the source, a thread, and a waiter note the lock."""
        busy = engine(background="by hand")
        self.outside: dict[str, bool] = {}

        def note(name: str) -> None:
            self.outside[name] = (
                self.outside.get(name, True) and not in_critical_section()
            )

        def run(task: Callable[[], None]) -> bool:
            note("run")
            return busy.background(task)

        def spawn(task: Callable[[], None]) -> bool:
            note("spawn")
            return busy.background.spawn(task)

        def meanwhile() -> None:
            note("wait")
            busy.background.works()

        busy.source.on_fetch = lambda: note("fetch")
        busy.refresher.submit, busy.refresher.spawn = run, spawn
        busy.patience.meanwhile = meanwhile
        busy.refresher.events.subscribe(lambda: lambda event: note("hook"))
        return busy

    def everything(self, it: Engine) -> None:
        """Have it do all that it can."""
        it.refresher.get()
        it.due()
        it.refresher.get()
        it.left(60)
        it.refresher.get()
        it.world.passes(30)
        it.refresher.replace_rejected(it.key())
        it.source.goes_down()
        it.left(60)
        it.refresher.get()
        it.refresher.held()
        it.background.mode = "never"
        it.patience.meanwhile = lambda: None
        it.world.passes(50)
        it.refresher.get()
        with pytest.raises(RefreshError):
            it.refresher.refresh()

    def test_the_world_is_outside(self, busy):
        """No fetch, no hook, no thread, and no waiting under the lock."""
        self.everything(busy)

        steps = ["hook", "fetch", "run", "spawn", "wait"]

        assert dict.fromkeys(steps, True) == self.outside

    @pytest.mark.parametrize(
        "name",
        [
            "note_clocks",
            "join_or_start",
            "join_or_start_requested",
            "join_or_start_rejected",
            "timeout",
            "use_held",
            "complete",
            "fail",
            "time_out",
            "abandon",
        ],
    )
    def test_state_is_inside(self, busy, name, monkeypatch):
        """One thread decides at a time."""
        inside = []
        real = getattr(RefreshState, name)

        def guarded(*args: object, **kwargs: object) -> object:
            inside.append(in_critical_section())
            return real(*args, **kwargs)

        monkeypatch.setattr(RefreshState, name, guarded)
        self.everything(busy)

        assert {True} == set(inside)


@pytest.mark.parametrize("threads", [True, False])
def test_hooks_that_block(it, threads):
    """They block the call that delivers the event, no other one, and no refresh."""
    if threads:
        it.refresher.spawn = spawn
    began, ends = threading.Event(), threading.Event()

    def hook(event: object) -> None:
        if event.name == "succeeded" and not began.is_set():
            began.set()
            ends.wait(SOON)

    it.refresher.events.subscribe(lambda: hook)
    blocked = threading.Thread(target=it.refresher.get, daemon=True)
    blocked.start()

    assert began.wait(SOON)

    generations = []
    for _ in range(4):
        generations.append(it.refresher.get().generation)
        it.left(-10)

    assert [1, 2, 3, 4] == generations
    assert blocked.is_alive()

    ends.set()
    blocked.join(SOON)


def test_no_more_threads_while_a_fetch_hangs(it, monkeypatch):
    """A caller fetches by itself, instead of waiting for the thread that hangs."""
    hanging, threads = real_waits(engine()), []
    gate = Gate(hanging)
    it.source.on_fetch = lambda: threads.append(threading.current_thread())

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with isolated_process():
        hanging.refresher.spawn = it.refresher.spawn = spawn
        blocked = threading.Thread(target=hanging.refresher.get)
        blocked.start()

        assert gate.began.wait(SOON)

        monkeypatch.setattr(threading.Thread, "start", start)

        assert 1 == it.refresher.get().generation
        assert [threading.current_thread()] == threads

    gate.may_end.set()
    blocked.join(SOON)


class TestInterruptedLeader:
    """The caller that starts a refresh may be interrupted at any time."""

    @pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
    def test_hands_over(self, it, interruption):
        """It keeps its interruption, and one of the others leads."""
        everybody = waiting_for(it, 7)

        def interrupt() -> None:
            assert everybody.wait(SOON)
            it.source.on_fetch = lambda: None
            raise interruption

        it.source.on_fetch = interrupt

        results = together(8, it.refresher.get)
        records = [result for result in results if isinstance(result, Record)]

        assert 7 == len(records)
        assert {it.refresher.record} == set(records)
        assert [interruption] == [
            type(result) for result in results if result not in records
        ]
        assert 2 == it.attempts
        assert 0 == it.refresher.events.counters.failures

    def test_hands_over_a_request(self, it):
        """So does a caller of refresh()."""
        everybody = waiting_for(it, 3)

        def interrupt() -> None:
            assert everybody.wait(SOON)
            it.source.on_fetch = lambda: None
            raise KeyboardInterrupt

        it.source.on_fetch = interrupt

        results = together(4, it.refresher.refresh)

        assert 3 == sum(isinstance(result, Record) for result in results)

    def test_in_a_hook(self, it):
        """
        No caller waits for a refresh whose owner was interrupted before the fetch.
        """

        def interrupt(event: object) -> None:
            hooks.clear()
            raise KeyboardInterrupt

        hooks = [interrupt]
        it.refresher.events.subscribe(lambda: hooks[0] if hooks else None)
        with pytest.raises(KeyboardInterrupt):
            it.refresher.get()

        assert 0 == it.attempts
        assert 1 == it.refresher.get().generation

    def test_in_a_hook_of_a_follower(self, it):
        """It doesn't end the flight that it follows."""
        gate = Gate(it)
        leader = threading.Thread(target=it.refresher.get)
        leader.start()

        assert gate.began.wait(SOON)

        def interrupt(event: object) -> None:
            hooks.clear()
            raise KeyboardInterrupt

        hooks = [interrupt]
        it.refresher.events.subscribe(lambda: hooks[0] if hooks else None)
        it.world.sets_wall(10)
        with pytest.raises(KeyboardInterrupt):
            it.refresher.get()

        def wait(event: threading.Event, seconds: float) -> None:
            gate.may_end.set()
            event.wait(seconds)

        it.refresher.wait = wait

        assert 1 == it.refresher.get().generation == it.attempts

        leader.join(SOON)

    def test_in_a_hook_at_the_end(self, it):
        """What was fetched is held, and no caller waits any longer."""
        everybody = waiting_for(it, 1)

        def interrupt(event: object) -> None:
            if event.name == "succeeded":
                raise KeyboardInterrupt

        it.refresher.events.subscribe(lambda: interrupt)
        it.source.on_fetch = lambda: everybody.wait(SOON)

        results = together(2, it.refresher.get)

        assert {KeyboardInterrupt, Record} == {type(result) for result in results}

    @pytest.mark.parametrize("exits", [SystemExit, GeneratorExit])
    def test_in_the_background(self, it, exits):
        """What can't end a thread of ours counts as a failure."""
        it.refresher.get()
        it.due()

        def raise_it() -> None:
            raise exits

        it.source.on_fetch = raise_it

        assert 1 == it.refresher.get().generation
        assert exits.__name__ in str(it.refresher.last_error)
        assert 1 == it.refresher.events.counters.failures

        it.source.on_fetch = lambda: None
        it.world.passes(5)

        assert 2 == it.refresher.get().generation

    def test_without_memory(self, it):
        """
        That says nothing about the source; the limit of attempts holds all the same.
        """
        it.refresher.get()
        it.due()

        def raise_it() -> None:
            raise MemoryError

        it.source.on_fetch = raise_it

        assert 1 == it.refresher.get().generation
        assert 8 == it.attempts
        assert 0 == it.refresher.events.counters.failures


@pytest.mark.parametrize(("fails", "generation"), [(False, 2), (True, 1)])
def test_ending_while_a_caller_gives_up(fails, generation):
    """A refresh that ends just as its follower gives up counts once, as what it is."""
    it = engine(background="by hand")
    it.refresher.get()
    it.left(20)
    it.refresher.get()
    it.left(4)
    if fails:
        it.source.goes_down()

    def ends(event: threading.Event, seconds: float) -> bool:
        it.background.works()
        return False

    it.refresher.wait = ends

    assert generation == it.refresher.get().generation
    assert fails == it.refresher.events.counters.failures
    assert fails == (it.refresher.last_error is not None)


def test_waiting_without_an_end():
    """A *load_timeout* may be as long as a `timedelta` can be."""
    event = OneTimeEvent()
    threading.Thread(target=event.set).start()

    assert current_runtime().wait(event, dt.timedelta.max.total_seconds())
