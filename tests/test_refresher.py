"""
Credentials that are there when asked for: the usual days.
"""

from __future__ import annotations

import gc
import itertools
import logging
import random
import threading
import weakref

import attrs
import pytest

from stsession._background import BackgroundPool
from stsession._credentials import Fetched, Record, TemporaryCredentials
from stsession._policy import RefreshPolicy
from stsession._refresher import Refresher
from stsession.exceptions import (
    FailureKind,
    RefreshError,
    SourceCredentialsError,
    StsUnavailableError,
)

from .engine import LABEL, Engine, busiest, engine, failure, instant, seconds


@pytest.fixture(name="held")
def _held() -> Engine:
    """
    One that holds fresh credentials.
    """
    held = engine()
    held.refresher.get()
    return held


class TestGet:
    def test_fetches_once(self, held):
        """
        Fresh credentials are returned as they are.
        """
        first = held.refresher.get()
        held.world.passes(584)

        assert first is held.refresher.get() is held.refresher.record
        assert 1 == held.attempts == first.generation
        assert "role/Reader" in held.refresher.label

    def test_due(self, held):
        """
        In the advisory window the current ones are returned at once, and new
        ones are fetched elsewhere.
        """
        held.background.mode = "by hand"
        held.due()
        first = held.refresher.record

        assert [first] * 3 == [held.refresher.get() for _ in range(3)]
        assert (1, []) == (held.attempts, held.patience.waits)
        assert 1 == len(held.background.tasks)

        held.background.works()

        assert 2 == held.refresher.get().generation == held.attempts

    def test_not_due_yet(self, held):
        """
        A moment before nothing happens.
        """
        held.left(315.001)
        held.refresher.get()

        assert 1 == held.attempts

    @pytest.mark.parametrize(
        ("left", "waits"), [(60, [5]), (20, [5]), (7, [2]), (60.001, [])]
    )
    def test_mandatory_waits_shortly(self, held, left, waits):
        """
        Callers wait five seconds, or what is left, and go on with what they
        have.
        """
        held.background.mode = "by hand"
        held.left(left)

        assert 1 == held.refresher.get().generation
        assert pytest.approx(waits) == held.patience.waits

    def test_mandatory_gets_new_ones(self, held):
        """
        If they come in time.
        """
        held.background.mode = "by hand"
        held.patience.meanwhile = held.background.works
        held.left(60)

        assert 2 == held.refresher.get().generation
        assert [] == held.patience.waits

    def test_mandatory_joins_the_background_refresh(self, held):
        """
        One that began in the advisory window counts, with its age.
        """
        held.background.mode = "by hand"
        held.left(62)
        held.refresher.get()
        held.left(60)
        held.refresher.get()

        assert pytest.approx([3]) == held.patience.waits
        assert 1 == len(held.background.tasks)

    def test_waiting_to_the_end_is_no_failure(self, held):
        """
        Who waits until the floor goes on with what it has; the flight does, too.
        """
        held.background.mode = "by hand"
        held.left(6)

        assert 1 == held.refresher.get().generation
        assert [pytest.approx(1)] == held.patience.waits
        assert held.refresher.last_error is None

        held.background.works()

        assert 2 == held.refresher.get().generation
        assert 2 == held.attempts

    def test_expired(self, held):
        """
        The caller fetches.
        """
        held.background.mode = "by hand"
        held.left(5)

        assert 2 == held.refresher.get().generation
        assert [] == held.background.tasks

    def test_settles(self):
        """
        After a refresh there is no advisory one for a minute, even if what
        came is due at once.
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
        """
        On a Lambda function the caller waits for its own advisory refresh;
        others don't.
        """
        it = engine(foreground=True, background="by hand")
        it.refresher.get()
        it.due()
        it.patience.meanwhile = it.background.works

        assert 2 == it.refresher.get().generation

        it.due()
        it.patience.meanwhile = lambda: None

        assert 2 == it.refresher.get().generation
        assert 2 == it.refresher.get().generation
        assert [5] == it.patience.waits

    @pytest.mark.parametrize(
        ("policy", "background"),
        [(RefreshPolicy(background=False), "by hand"), (None, "no thread")],
    )
    def test_inline(self, policy, background):
        """
        Without a thread the caller who meets an advisory refresh does it.
        """
        it = engine(policy, background=background)
        it.refresher.get()
        it.due()

        assert 2 == it.refresher.get().generation
        assert [] == it.background.tasks

    def test_starts_from_a_known_record(self, held):
        """
        E.g. one of a cache.
        """
        twin = engine(world=held.world, record=held.refresher.record)

        assert held.refresher.record is twin.refresher.get()
        assert 0 == twin.attempts

    def test_short_lived(self):
        """
        A gateway's sessions of five seconds are used to the last sixth of one.
        """
        it = engine(lifetime=5, background="by hand")
        it.refresher.get()
        it.left(0.17)

        assert 1 == it.refresher.get().generation

        it = engine(lifetime=5, background="by hand")
        it.refresher.get()
        it.left(0.16)

        assert 2 == it.refresher.get().generation

    def test_undated(self):
        """
        What has no expiration isn't due by time.
        """
        it = engine()

        def undated() -> Fetched:
            return Fetched(
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
        """
        900 seconds each, one request a second, a day: 170 fetches at most,
        and never a dead key.
        """
        it = engine(draw=random.Random(1).random)
        for _ in range(86_400):
            it.world.passes(1)

            assert it.source.accepts(it.refresher.get())

        assert 145 < it.attempts <= 170

    @pytest.mark.parametrize("draw", [0.0, 0.999])
    def test_day_at_the_ends_of_the_jitter(self, draw):
        """
        Even if the dice always fall the same way.
        """
        it = engine(draw=lambda: draw)
        for _ in range(8_640):
            it.world.passes(10)
            it.refresher.get()

        assert it.attempts <= 170

    def test_thousand_started_together(self):
        """
        They spread: 30 fetches in the worst second, but for the first one.
        """
        dice = random.Random(2)
        attempts = []
        for _ in range(1_000):
            it = engine(draw=dice.random)
            start = it.world.time
            for _ in range(3):
                it.refresher.get()
                it.due()
            attempts += [at - start for at in it.source.attempts[1:]]

        assert busiest(sorted(attempts), 1.0) <= 30


class TestAnswers:
    def test_same_key_again(self, held):
        """
        No progress: a failed attempt, and the old record stays.
        """
        held.source.repeats = True
        held.due()
        first = held.refresher.record

        assert first is held.refresher.get() is held.refresher.get()
        assert 2 == held.attempts
        assert "the same key again" in str(held.refresher.last_error)

    def test_earlier_expiration(self, held):
        """
        The later record is kept.
        """
        held.source.lifetime = 300
        held.left(316)
        with pytest.raises(RefreshError, match="expire no later than"):
            held.refresher.refresh()

        assert 1 == held.refresher.get().generation

    def test_earlier_expiration_than_a_dead_record(self):
        """
        With a clock that was set back, anything is better than a dead one.
        """
        it = engine()
        it.refresher.get()
        it.world.sets_wall(3_600)
        it.source.lifetime = 300

        assert 2 == it.refresher.get().generation

    def test_dead_on_arrival(self, held):
        """
        A failed refresh.
        """
        held.source.lifetime = -1
        held.due()

        assert 1 == held.refresher.get().generation
        assert "arrived 1 s after" in str(held.refresher.last_error)

    def test_nonsense(self, held):
        """
        A source that returns something else has failed.
        """
        held.refresher.fetch = lambda: None
        with pytest.raises(SourceCredentialsError, match="raised AttributeError"):
            held.refresher.refresh()

    def test_foreign_error_is_not_quoted(self, held):
        """
        Its text may hold anything; it is the cause.
        """
        held.source.fault = RuntimeError("planted-secret")
        with pytest.raises(SourceCredentialsError) as excinfo:
            held.refresher.refresh()

        assert "planted" not in str(excinfo.value)
        assert held.source.fault is excinfo.value.__cause__
        assert FailureKind.UNKNOWN is excinfo.value.kind

    def test_window_that_does_not_fit(self, caplog):
        """
        One warning, not one for each refresh.
        """
        it = engine(RefreshPolicy(advisory=seconds(800)))
        for _ in range(3):
            it.refresher.get()
            it.due()

        assert 1 == caplog.text.count("don't fit a lifetime of 15 min")
        assert "the advisory one is 8 min now" in caplog.text

    def test_anchored_at_the_start_of_the_request(self):
        """
        The time under way counts against us.
        """
        it = engine()
        it.source.on_fetch = lambda: it.world.passes(4)
        record = it.refresher.get()

        assert 896 == it.refresher.remaining(record)

    def test_anchored_where_the_fetch_says(self):
        """
        The layer below may know better when the request began.
        """
        it = engine()
        began = instant(it.world)
        it.refresher.fetch = lambda: Fetched(
            credentials=it.source().credentials, began=began
        )
        it.world.passes(10)
        record = it.refresher.get()

        assert began is record.began


class TestRefresh:
    def test_fetches_whatever_is_held(self, held):
        """
        A new one, now.
        """
        assert 2 == held.refresher.refresh().generation

    def test_passes_the_gate(self, held):
        """
        A pause isn't for somebody who insists.
        """
        held.source.goes_down()
        held.due()
        held.refresher.get()
        held.source.comes_back()

        assert 2 == held.refresher.refresh().generation

    def test_raises(self, held):
        """
        What is held stays in use.
        """
        held.source.goes_down()
        with pytest.raises(StsUnavailableError, match="Failed"):
            held.refresher.refresh()

        assert 1 == held.refresher.get().generation

    def test_each_caller_raises_its_own(self, held):
        """
        A shared one would collect the tracebacks of all.
        """
        held.source.goes_down()
        held.source.fault.__cause__ = cause = OSError("down")
        errors = []
        for _ in range(2):
            with pytest.raises(StsUnavailableError) as excinfo:
                held.refresher.refresh()
            errors.append(excinfo.value)

        assert errors[0] is not errors[1] is not held.source.fault
        assert [cause, cause] == [error.__cause__ for error in errors]

    def test_seven_a_minute(self, held):
        """
        However much somebody insists.
        """
        for _ in range(6):
            held.refresher.refresh()
        with pytest.raises(StsUnavailableError, match="7 attempts in the last minute"):
            held.refresher.refresh()

        assert 7 == held.attempts

        held.world.passes(60)

        assert 8 == held.refresher.refresh().generation

    def test_joins_a_flight(self, held):
        """
        One under way will do.
        """
        held.background.mode = "by hand"
        held.due()
        held.refresher.get()
        held.patience.meanwhile = held.background.works

        assert 2 == held.refresher.refresh().generation
        assert 2 == held.attempts

    def test_no_answer(self, held):
        """
        It waits for half a minute, and says so.
        """
        held.background.mode = "never"
        held.due()
        held.refresher.get()
        held.world.passes(10)
        with pytest.raises(StsUnavailableError, match="no answer within 30 s") as e:
            held.refresher.refresh()

        assert [20] == held.patience.waits
        assert e.value.retryable
        assert "profile dev" in str(e.value)

    def test_replaces_a_flight_that_is_too_old(self, held):
        """
        One that nobody will finish isn't joined.
        """
        held.background.mode = "never"
        held.due()
        held.refresher.get()
        held.world.passes(30)
        held.background.mode = "at once"

        assert 2 == held.refresher.refresh().generation
        assert [] == held.patience.waits


class TestEnsure:
    def test_enough(self, held):
        """
        Nothing is fetched.
        """
        held.world.passes(100)

        assert 1 == held.refresher.ensure(800).generation

    def test_too_little(self, held):
        """
        Somebody else's window doesn't matter.
        """
        held.world.passes(100.001)

        assert 2 == held.refresher.ensure(800).generation

    def test_more_than_a_lifetime(self, held):
        """
        Nothing is fetched in vain.
        """
        with pytest.raises(RefreshError, match="valid for 15 min. Fresh ones live 15"):
            held.refresher.ensure(901)

        assert 1 == held.attempts

    def test_fresh_ones_live_shorter_than_before(self, held):
        """
        It is only seen afterwards.
        """
        held.world.passes(500)
        held.source.lifetime = 600
        with pytest.raises(RefreshError, match="Fresh ones live 10 min") as excinfo:
            held.refresher.ensure(800)

        assert not excinfo.value.retryable

    def test_failure(self, held):
        """
        The error is STS's.
        """
        held.world.passes(500)
        held.source.goes_down()
        with pytest.raises(StsUnavailableError):
            held.refresher.ensure(800)


class TestHeld:
    def test_asks_nobody(self, held):
        """
        What is due is returned all the same.
        """
        held.left(6)

        assert held.refresher.record is held.refresher.held()
        assert 1 == held.attempts

    def test_nothing_yet(self):
        """
        Nothing failed, so it doesn't say so.
        """
        it = engine()
        with pytest.raises(StsUnavailableError, match="no usable credentials for .* yet"):
            it.refresher.held()

        assert it.refresher.record is None
        assert it.refresher.last_error is None
        assert it.refresher.next_attempt_at is None

    def test_refusal_is_forgotten(self):
        """
        One that was raised answers for some seconds, not until the next fetch.
        """
        it = engine(RefreshPolicy(permanent="raise"))
        it.refresher.get()
        it.source.goes_down(FailureKind.REQUEST)
        with pytest.raises(RefreshError):
            it.refresher.refresh()
        with pytest.raises(RefreshError):
            it.refresher.held()
        it.world.passes(1)

        assert it.refresher.get() is it.refresher.held()


class TestRecursion:
    def test_source_asks_itself(self):
        """
        A clear error instead of waiting for oneself.
        """
        it = engine()
        it.source.on_fetch = it.refresher.get
        with pytest.raises(
            SourceCredentialsError, match="source of .*Reader asks .* itself"
        ):
            it.refresher.get()

        assert [] == it.patience.waits

    @pytest.mark.parametrize("name", ["get", "refresh"])
    def test_source_asks_itself_again(self, held, name):
        """
        Both ways in are closed, and open again afterwards.
        """
        held.left(5)
        held.source.on_fetch = getattr(held.refresher, name)
        with pytest.raises(SourceCredentialsError):
            held.refresher.refresh()
        held.source.on_fetch = lambda: None

        assert 2 == held.refresher.refresh().generation

    def test_chain(self):
        """
        A source that asks another session is what chains are made of.
        """
        hub, child = engine(), engine()
        child.source.on_fetch = hub.refresher.get

        assert 1 == child.refresher.get().generation
        assert 1 == hub.attempts

    @pytest.mark.parametrize("name", ["get", "refresh"])
    def test_hook_asks_before_there_is_anything(self, name):
        """
        It would wait for its own thread; it gets a clear error instead.
        """
        it = engine()
        errors = []

        def hook(event: object) -> None:
            if event.name == "started":
                with pytest.raises(SourceCredentialsError, match="The hook of") as e:
                    getattr(it.refresher, name)()
                errors.append(e.value)

        it.refresher.announcer.subscribe(lambda: hook)

        assert 1 == it.refresher.get().generation
        assert 1 == len(errors)
        assert [] == it.patience.waits

    @pytest.mark.parametrize("left", [300, 60])
    def test_hook_asks_while_usable(self, held, left):
        """
        It gets what there is, at once.
        """
        seen = []
        held.left(left)
        held.refresher.announcer.subscribe(
            lambda: lambda event: seen.append(
                (event.name, held.refresher.get().generation)
            )
        )

        assert 2 == held.refresher.get().generation
        assert [("started", 1), ("succeeded", 2)] == seen
        assert [] == held.patience.waits


class TestWatching:
    def test_events(self, held):
        """
        What happens is told, with numbers and without secrets.
        """
        held.due()
        held.source.goes_down()
        held.refresher.get()
        held.source.comes_back()
        held.world.passes(3)
        held.refresher.get()
        first, second, third, failed, _, last = held.events.seen

        assert ["started", "succeeded", "started", "failed", "started", "succeeded"] == (
            held.events.names
        )
        assert ("first", 0, None, None) == (
            first.reason,
            first.generation,
            first.remaining,
            first.duration,
        )
        assert (1, seconds(900), seconds(0), "ASIA…0001") == (
            second.generation,
            second.remaining,
            second.duration,
            second.access_key_id,
        )
        assert ("advisory", seconds(315)) == (third.reason, third.remaining)
        assert ("StsUnavailableError", seconds(2.5)) == (
            failed.error,
            failed.next_attempt_in,
        )
        assert LABEL == failed.label
        assert 2 == last.generation
        assert "secret" not in repr(held.events.seen)
        assert "token" not in repr(held.events.seen)

    @pytest.mark.parametrize(
        ("left", "reason"), [(61, "advisory"), (60, "mandatory"), (5, "expired")]
    )
    def test_reasons(self, held, left, reason):
        """
        Why a refresh began.
        """
        held.left(left)
        held.refresher.get()

        assert reason == held.events.seen[-1].reason

    def test_requested(self, held):
        """
        One that somebody asked for.
        """
        held.refresher.refresh()

        assert "requested" == held.events.seen[-1].reason

    def test_source_resolved_again(self, held):
        """
        The layer below says so with what it brings.
        """
        held.refresher.fetch = lambda: attrs.evolve(
            held.source(), source_resolved_again=True
        )
        held.refresher.refresh()

        assert "source_resolved_again" in held.events.names

    def test_kept_elsewhere(self):
        """
        Each record is offered to a cache.
        """
        it = engine()
        kept: list[Record] = []
        it.refresher.keep = lambda record, now: kept.append(record)
        it.refresher.get()
        it.refresher.refresh()

        assert [1, 2] == [record.generation for record in kept]

    def test_counters(self, held):
        """
        They can be read at any time.
        """
        held.due()
        held.source.goes_down()
        held.refresher.get()
        counters = held.refresher.announcer.counters

        assert (2, 1, 1, 0, 0) == (
            counters.attempts,
            counters.successes,
            counters.failures,
            counters.rejections,
            counters.clock_jumps,
        )

    def test_one_warning_a_minute(self, held, caplog):
        """
        With label, error, what is left and the pause; no traceback.
        """
        held.source.goes_down()
        held.due()
        for _ in range(59):
            held.refresher.get()
            held.world.passes(1)
        (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]

        assert record.exc_info is None
        assert record.getMessage() == (
            f"{LABEL}: refresh failed (Failed.); 5 min left, next attempt in 2 s"
        )

    def test_refusal_is_an_error_once(self, held, caplog):
        """
        Also if an outage went before it.
        """
        held.due()
        for kind in (
            FailureKind.OUTAGE,
            FailureKind.REQUEST,
            FailureKind.REQUEST,
        ):
            held.source.goes_down(kind)
            held.refresher.get()
            held.world.passes(31)

        assert 4 == held.attempts
        assert [logging.WARNING, logging.ERROR] == [
            r.levelno for r in caplog.records if r.levelno >= logging.WARNING
        ][:2]
        assert 1 == sum(r.levelno == logging.ERROR for r in caplog.records)

        held.source.comes_back()
        held.refresher.refresh()
        held.source.goes_down(FailureKind.REQUEST)
        held.due()
        held.refresher.get()

        assert 2 == sum(r.levelno == logging.ERROR for r in caplog.records)

    def test_next_attempt_at(self, held):
        """
        The end of the pause.
        """
        held.source.goes_down()
        held.due()
        held.refresher.get()

        assert held.world.clock.now() + seconds(2.5) == (
            held.refresher.next_attempt_at
        )


class TestLifeAndDeath:
    def test_dropped_while_waiting_for_a_thread(self):
        """
        A task that waits keeps nobody alive, and does nothing then.
        """
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

    def test_idle_pool_keeps_nobody_alive(self):
        """
        Not even the one it worked for last.
        """
        pool = BackgroundPool()
        flown = threading.Event()
        it = engine()
        it.refresher.get()
        it.due()
        it.refresher.run = pool.submit
        it.refresher.announcer.subscribe(
            lambda: lambda event: event.name == "succeeded" and flown.set()
        )
        it.refresher.get()

        assert flown.wait(5)

        while pool.threads:
            pass
        gone = weakref.ref(it.refresher)
        del it
        gc.collect()

        assert gone() is None

    def test_defaults_are_the_real_world(self):
        """
        The machine's clocks, and a generator that nobody seeds.
        """
        twins = [Refresher(label=str(n), fetch=engine().source) for n in range(2)]
        draws = []
        for twin in twins:
            random.seed(1)
            draws += [twin.draw(), twin.draw()]

        assert 4 == len(set(draws))
        assert abs(twins[0].clock.wall() - twins[1].clock.wall()) < 60

    def test_generations_grow(self, held):
        """
        One by one.
        """
        generations = []
        for _ in range(5):
            held.due()
            generations.append(held.refresher.get().generation)

        assert list(itertools.islice(itertools.count(2), 5)) == generations


def test_error_of_the_source_is_shared_by_nobody():
    """
    What the source raised first is raised as a copy without its traceback.
    """
    it = engine()
    it.source.fault = failure(FailureKind.OUTAGE)
    with pytest.raises(StsUnavailableError) as excinfo:
        it.refresher.get()

    assert it.source.fault is not excinfo.value
