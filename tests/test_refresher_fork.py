"""A refresher in a forked child."""

from __future__ import annotations

import gc
import importlib.util
import os
import threading
import weakref

import attrs
import pytest

from stsession import _util as _fork
from stsession._core.credentials import FetchResult
from stsession._core.refresher import Refresher
from stsession._core.runtime import DaemonPool

from .children import in_a_fork
from .engine import SOON, Engine, Gate, engine, real_waits


@pytest.fixture(name="it")
def _it() -> Engine:
    return real_waits(engine())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
class TestFork:
    """A child has no threads but its own."""

    def test_during_a_first_fetch(self, it):
        """The flight stays in the parent; the child fetches."""
        gate = Gate(it)
        leader = threading.Thread(target=it.refresher.get)
        leader.start()

        assert gate.began.wait(SOON)

        def child() -> str:
            it.source.on_fetch = lambda: None
            return it.key()

        key = in_a_fork(child)
        gate.may_end.set()
        leader.join(SOON)

        assert "ASIA0000000000000001" == key

    def test_with_the_lock_held(self, it):
        """By another thread, which the child doesn't have."""
        it.refresher.get()
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with it.refresher._lock:
                held.set()
                done.wait(SOON)

        holder = threading.Thread(target=hold)
        holder.start()

        assert held.wait(SOON)

        def child() -> int:
            it.due()
            return it.refresher.get().generation

        generation = in_a_fork(child)
        done.set()
        holder.join(SOON)

        assert 2 == generation

    def test_pool(self):
        """The parent's threads aren't there; the child's pool starts its own."""
        pool, busy, done = (
            DaemonPool(max_threads=1),
            threading.Event(),
            (threading.Event()),
        )
        pool.submit(lambda: busy.set() or done.wait(SOON))

        assert busy.wait(SOON)

        def child() -> bool:
            ran = threading.Event()
            pool.submit(ran.set)
            return ran.wait(30)

        ran = in_a_fork(child)
        done.set()

        assert ran

    def test_other_jitter(self):
        """The same record, but siblings don't refresh together."""
        draws = iter([0.0, 1.0])
        it = engine(random=lambda: next(draws))
        before = it.refresher.get()
        _fork._after_fork()
        after = it.refresher.get()

        assert (315, 375) == (before.plan.due, after.plan.due)
        assert before.credentials is after.credentials
        assert 1 == after.generation == it.attempts

    def test_marks_stay(self, it):
        """A key that was rejected in the parent is rejected in the child."""
        it.refresher.get()
        it.source.goes_down()
        it.refresher.replace_rejected(it.key())
        it.source.comes_back()
        it.world.passes(60)
        it.refresher._after_fork()

        assert 2 == it.refresher.get().generation

    def test_nothing_to_draw_for(self, it):
        """Without a record, or with one that has no end, there is no due point."""
        it.refresher._after_fork()

        assert it.refresher.record is None

        credentials = it.source().credentials
        it.refresher.fetch = lambda: FetchResult(credentials=undated(credentials))
        held = it.refresher.get()
        it.refresher._after_fork()

        assert held is it.refresher.get()


def undated(credentials: object) -> object:
    """The same without an expiration."""
    return attrs.evolve(credentials, expires_at=None)


def test_no_fork(monkeypatch):
    """Windows has none, and nothing to forget."""
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    spec = importlib.util.spec_from_file_location("stsession._util", _fork.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.forget_after_fork(engine().refresher)


class Registered:
    """An object with state that a fork matters to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.forks = 0
        _fork.forget_after_fork(self)

    def _after_fork(self) -> None:
        self.forks += 1
        if self.error is not None:
            raise self.error


def test_one_that_raises():
    """All others are called nevertheless."""
    things = [Registered(), Registered(ValueError("not ours")), Registered()]
    with pytest.raises(ValueError, match="not ours"):
        _fork._after_fork()

    assert [1, 1, 1] == [thing.forks for thing in things]


def test_refresher_that_is_dropped():
    """The registration for forked children doesn't keep it alive."""
    reference = weakref.ref(Refresher(name="x", fetch=engine().source))
    gc.collect()

    assert reference() is None
