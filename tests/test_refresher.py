"""Refresher.get(): fresh, due and expired credentials."""

from __future__ import annotations

import gc
import itertools
import random
import threading
import weakref

import pytest

from stsession._core.credentials import FetchResult, TemporaryCredentials
from stsession._core.policy import RefreshPolicy
from stsession._core.refresher import Refresher
from stsession._core.runtime import DaemonPool
from stsession.exceptions import (
    FailureKind,
    RefreshError,
    StsUnavailableError,
)

from .engine import busiest, engine, failure


class TestGet:
    """What every request does."""

    def test_fetches_once(self, held):
        """Fresh credentials are returned as they are."""
        first = held.refresher.get()
        held.world.passes(584)

        assert first is held.refresher.get() is held.refresher.record
        assert 1 == held.attempts == first.generation
        assert "role/Reader" in held.refresher.name

    def test_due(self, held):
        """The current ones are returned at once, and new ones are fetched elsewhere."""
        held.background.mode = "by hand"
        held.due()
        first = held.refresher.record

        assert [first] * 3 == [held.refresher.get() for _ in range(3)]
        assert (1, []) == (held.attempts, held.patience.waits)
        assert 1 == len(held.background.tasks)

        held.background.works()

        assert 2 == held.refresher.get().generation == held.attempts

    def test_not_due_yet(self, held):
        """A moment before nothing happens."""
        held.left(315.001)
        held.refresher.get()

        assert 1 == held.attempts

    @pytest.mark.parametrize(
        ("left", "waits"), [(60, [5]), (20, [5]), (7, [2]), (60.001, [])]
    )
    def test_mandatory_waits_shortly(self, held, left, waits):
        """Callers wait five seconds, or what is left, and go on with what they have."""
        held.background.mode = "by hand"
        held.left(left)

        assert 1 == held.refresher.get().generation
        assert pytest.approx(waits) == held.patience.waits

    def test_mandatory_gets_new_ones(self, held):
        """If they come in time."""
        held.background.mode = "by hand"
        held.patience.meanwhile = held.background.works
        held.left(60)

        assert 2 == held.refresher.get().generation
        assert [] == held.patience.waits

    def test_mandatory_joins_the_background_refresh(self, held):
        """One that began in the advisory window counts, with its age."""
        held.background.mode = "slow"
        held.left(62)
        held.refresher.get()
        held.left(60)
        held.refresher.get()

        assert pytest.approx([3]) == held.patience.waits
        assert 1 == len(held.background.tasks)

    def test_waiting_to_the_end_is_no_failure(self, held):
        """The caller uses the current record then, and the refresh goes on."""
        held.background.mode = "by hand"
        held.left(6)

        assert 1 == held.refresher.get().generation
        assert [pytest.approx(1)] == held.patience.waits
        assert held.refresher.last_error is None

        held.background.works()

        assert 2 == held.refresher.get().generation
        assert 2 == held.attempts

    def test_expired(self, held):
        """The caller fetches."""
        held.background.mode = "by hand"
        held.left(5)

        assert 2 == held.refresher.get().generation
        assert [] == held.background.tasks

    def test_settles(self):
        """
        For a minute there is no advisory refresh, even if what came is due at once.
        """
        it = engine(lifetime=3_600)
        it.source.source_remaining = 60.0
        it.refresher.get()
        for _ in range(59):
            it.world.passes(1)
            it.refresher.get()

        assert 1 == it.attempts

        it.world.passes(1)
        it.refresher.get()

        assert 2 == it.attempts

    def test_foreground(self):
        """A caller may wait for its own advisory refresh; others don't."""
        it = engine(waits_for_advisory=True, background="by hand")
        it.refresher.get()
        it.due()
        it.patience.meanwhile = it.background.works

        assert 2 == it.refresher.get().generation

        it.due()
        others = []

        def other() -> None:
            it.patience.meanwhile = lambda: None
            others.append(it.refresher.get().generation)

        it.patience.meanwhile = other

        assert 2 == it.refresher.get().generation
        assert [2] == others
        assert [5] == it.patience.waits

    @pytest.mark.parametrize(
        ("policy", "background"),
        [(RefreshPolicy(background=False), "by hand"), (None, "no thread")],
    )
    def test_inline(self, policy, background):
        """Without a thread, the caller that starts an advisory refresh fetches."""
        it = engine(policy, background=background)
        it.refresher.get()
        it.due()

        assert 2 == it.refresher.get().generation
        assert [] == it.background.tasks

    def test_starts_from_a_known_record(self, held):
        """E.g. one of a cache."""
        twin = engine(world=held.world, record=held.refresher.record)

        assert held.refresher.record is twin.refresher.get()
        assert 0 == twin.attempts

    def test_short_lived(self):
        """A gateway's sessions of five seconds are used to the last sixth of one."""
        it = engine(lifetime=5, background="by hand")
        it.refresher.get()
        it.left(0.17)

        assert 1 == it.refresher.get().generation

        it = engine(lifetime=5, background="by hand")
        it.refresher.get()
        it.left(0.16)

        assert 2 == it.refresher.get().generation

    def test_undated(self):
        """What has no expiration isn't due by time."""
        it = engine()

        def undated() -> FetchResult:
            """The same without an expiration."""
            return FetchResult(
                credentials=TemporaryCredentials(
                    access_key_id="AKIAEXAMPLE", secret_access_key="x"
                )
            )

        it.refresher.fetch = undated
        it.refresher.get()
        it.world.passes(1e9)

        assert 1 == it.refresher.get().generation
        assert it.refresher.ensure(1e9)
        with pytest.raises(RefreshError, match="the same key again"):
            it.refresher.refresh()
        assert 1 == it.refresher.get().generation

    def test_day_of_a_short_session(self):
        """170 fetches at most for a request a second, and never an expired key."""
        it = engine(random=random.Random(1).random)
        for _ in range(86_400):
            it.world.passes(1)

            assert it.source.accepts(it.refresher.get())

        assert 145 < it.attempts <= 170

    @pytest.mark.parametrize("draw", [0.0, 0.999])
    def test_day_at_the_ends_of_the_jitter(self, draw):
        """Even if the jitter is always the same."""
        it = engine(random=lambda: draw)
        for _ in range(8_640):
            it.world.passes(10)
            it.refresher.get()

        assert it.attempts <= 170

    def test_thousand_started_together(self):
        """They spread: 30 fetches in the worst second, except the first one."""
        numbers = random.Random(2)
        attempts = []
        for _ in range(1_000):
            it = engine(random=numbers.random)
            start = it.world.time
            for _ in range(3):
                it.refresher.get()
                it.due()
            attempts += [at - start for at in it.source.attempts[1:]]

        assert busiest(sorted(attempts), 1.0) <= 30


class TestReferences:
    """What is referenced, and what the defaults are."""

    def test_dropped_while_waiting_for_a_thread(self):
        """A task that waits keeps no refresher alive, and does nothing then."""
        it = engine(background="by hand")
        it.refresher.get()
        it.due()
        it.refresher.get()
        source, background = it.source, it.background
        gone = weakref.ref(it.refresher)
        del it
        gc.collect()

        assert gone() is None

        background.works()

        assert 1 == len(source.attempts)

    def test_idle_pool_keeps_no_refresher_alive(self):
        """Not even the one it worked for last."""
        pool = DaemonPool()
        flown = threading.Event()
        it = engine()
        it.refresher.get()
        it.due()
        it.refresher.submit = pool.submit
        it.refresher.events.subscribe(
            lambda: lambda event: event.name == "succeeded" and flown.set()
        )
        it.refresher.get()

        assert flown.wait(60)

        while pool.threads:
            pass
        gone = weakref.ref(it.refresher)
        del it
        gc.collect()

        assert gone() is None

    def test_defaults_are_the_real_world(self):
        """The machine's clocks, and a generator that no program seeds."""
        twins = [Refresher(name=str(n), fetch=engine().source) for n in range(2)]
        draws = []
        for twin in twins:
            random.seed(1)
            draws += [twin.random(), twin.random()]

        assert 4 == len(set(draws))
        assert abs(twins[0].clock.wall() - twins[1].clock.wall()) < 60

    def test_generations_grow(self, held):
        """One by one."""
        generations = []
        for _ in range(5):
            held.due()
            generations.append(held.refresher.get().generation)

        assert list(itertools.islice(itertools.count(2), 5)) == generations


def test_error_of_the_source_is_copied():
    """What the source raised first is raised as a copy without its traceback."""
    it = engine()
    it.source.fault = failure(FailureKind.OUTAGE)
    with pytest.raises(StsUnavailableError) as excinfo:
        it.refresher.get()

    assert it.source.fault is not excinfo.value
