"""A refresher, and everything that can happen to it, in any order."""

from __future__ import annotations

import logging
import math
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from stsession._core.credentials import FetchResult, Record
from stsession._core.policy import RefreshPolicy
from stsession.exceptions import CredentialsExpiredError, RefreshError

from ..engine import Source, World, busiest, engine, failure, run_steps
from .strategies import EDGES, JUMPS, KINDS, PASSING, SLIPS


class FickleSource(Source):
    """One that may give anything."""

    answer = "good"

    def _issue(self) -> FetchResult:
        usual = self.lifetime
        self.lifetime = {"expired": -30.0, "short": 20.0}.get(self.answer, usual)
        try:
            return super()._issue()
        finally:
            self.lifetime = usual


class RefresherMachine(RuleBasedStateMachine):
    """Rules are what may happen; asserts say what then holds."""

    @initialize(
        lifetime=st.sampled_from([5.0, 60.0, 900.0, 3_600.0, 43_200.0]),
        when_expired=st.sampled_from(["use_until_rejected", "raise", "use"]),
        background=st.sampled_from(["at once", "by hand", "no thread"]),
        waits_for_advisory=st.booleans(),
        seed=st.integers(0, 1_000),
        in_steps=st.booleans(),
    )
    def begin(
        self, lifetime, when_expired, background, waits_for_advisory, seed, in_steps
    ):
        """Build the world."""
        self.in_steps = in_steps
        self.tasks: list[tuple[object, object]] = []
        logging.getLogger("stsession").setLevel(logging.CRITICAL)
        self.world = World()
        self.it = engine(
            RefreshPolicy(when_expired=when_expired),
            random=random.Random(seed).random,
            world=self.world,
            background=background,
            waits_for_advisory=waits_for_advisory,
        )
        self.source = FickleSource(self.world)
        self.source.lifetime = lifetime
        self.refresher = self.it.refresher
        self.refresher.fetch = self.it.source = self.source
        # By our own clock, which stands still while we are frozen.
        self.fetched_at: list[float] = []
        self.source.on_fetch = lambda: self.fetched_at.append(self.monotonic)
        self.rejected_at, self.too_often = -math.inf, False
        self.lifetimes: dict[int, float] = {}  # by generation
        self.refresher.events.subscribe(lambda: self.note)
        self.when_expired = when_expired
        self.generation = 0
        self.rejected: set[str] = set()
        self.keys: list[str] = []
        self.set_back = self.froze = self.was_expired = False

    def note(self, event):
        """The hook."""
        if event.name == "invalidated":
            last, self.rejected_at = self.rejected_at, self.monotonic
            interval = min(30.0, self.lifetimes[event.generation] / 2)
            self.too_often |= self.rejected_at - last < interval
        if event.name == "succeeded":
            self.fetched_at.pop()  # only failures are limited
            self.lifetimes[event.generation] = event.remaining.total_seconds()

    def teardown(self):
        """Let the others log again."""
        logging.getLogger("stsession").setLevel(logging.NOTSET)

    # -- The world ---------------------------------------------------------------

    @rule(by=PASSING)
    def time_passes(self, by):
        """Some time passes."""
        self.world.passes(by)

    @precondition(lambda self: self.refresher.record is not None)
    @rule(edge=EDGES, slip=SLIPS)
    def time_reaches(self, edge, slip):
        """An edge of a window is near."""
        record = self.refresher.record
        at = 0.0 if edge == "end" else getattr(record.plan, edge)
        by = self.refresher.remaining(record) - at + slip
        self.world.passes(max(by, 0.0))

    @rule(by=JUMPS)
    def somebody_sets_the_clock(self, by):
        """Forward or back."""
        self.set_back |= by < 0
        self.world.sets_wall(by)

    @rule(by=PASSING)
    def machine_freezes(self, by):
        """Only the wall clock goes on."""
        self.froze = True
        self.world.freezes(by)

    @rule(kind=KINDS, retry_after=st.none() | st.floats(0.0, 300.0))
    def source_fails(self, kind, retry_after):
        """As STS does."""
        self.source.fault = failure(kind, retry_after=retry_after)

    @rule(error=st.sampled_from([ZeroDivisionError(), RefreshError("No.")]))
    def source_raises(self, error):
        """As a callable of a user does."""
        self.source.fault = error

    @rule(answer=st.sampled_from(["good", "good", "short", "expired"]))
    def source_comes_back(self, answer):
        """With good credentials, or bad ones."""
        self.source.answer, self.source.repeats = answer, False
        self.was_expired |= answer == "expired"
        self.source.comes_back()

    @rule()
    def source_repeats_itself(self):
        """It has a cache that it doesn't refresh."""
        self.source.repeats = True

    @rule(span=st.sampled_from([None, 30.0, 300.0, 2_000.0]))
    def source_of_the_source_lives_so_long(self, span):
        """Chains end with their first link."""
        self.source.source_remaining = span

    @rule()
    def background_works(self):
        """What has been put off is done."""
        before = self.it.attempts
        tasks = len(self.it.background.tasks)
        self.it.background.works()

        assert self.it.attempts - before <= tasks

    @rule(helps=st.booleans())
    def background_works_while_somebody_waits(self, helps):
        """Or it isn't."""
        self.it.patience.meanwhile = self.it.background.works if helps else lambda: None

    @rule()
    def process_forks(self):
        """We are the child."""
        self.it.background.tasks.clear()
        self.refresher._after_fork()
        self.tasks.clear()

    # -- The users ---------------------------------------------------------------

    def call(self, name, *args):
        """Call the refresher, as a thread or an event loop does."""
        if self.in_steps:
            return run_steps(self.refresher, name, *args)
        return getattr(self.refresher, name)(*args)

    @rule()
    def task_begins(self):
        """A task of an event loop needs credentials; others may run meanwhile."""
        self.continues(self.refresher.get_steps(blocking=False))

    @precondition(lambda self: self.tasks)
    @rule(number=st.integers(0, 9))
    def task_goes_on(self, number):
        """Its refresh has ended, or it has waited for long enough."""
        steps, wait = self.tasks.pop(number % len(self.tasks))
        if not wait.done.is_set():
            self.world.passes(wait.timeout)
        self.continues(steps)

    @precondition(lambda self: self.tasks)
    @rule(number=st.integers(0, 9))
    def task_is_canceled(self, number):
        """A refresh that has begun goes on."""
        steps, _ = self.tasks.pop(number % len(self.tasks))
        flight = self.refresher._state.flight
        begun = flight is not None and flight.runner is not None
        steps.close()

        assert not begun or flight is self.refresher._state.flight

    def continues(self, steps):
        """A task runs until it waits or ends."""
        try:
            self.tasks.append((steps, next(steps)))
        except StopIteration as e:
            self.check(e.value)
        except RefreshError:
            assert not self._usable() or self.refresher.last_error is not None

    @rule()
    def get(self):
        """A caller gets what the policy promises."""
        before = self.it.attempts
        late = len(self.it.background.tasks)
        calm = self._honest_and_up()
        self.it.patience.waits.clear()
        usable = self._usable()
        try:
            record = self.call("get")
        except CredentialsExpiredError:
            assert not self._usable()
            assert not calm or self.full_minute()
            assert self.refresher.record is not None
        except RefreshError:
            assert self.refresher.record is None
            assert not calm or self.full_minute()
        else:
            self.check(record)
            if self.refresher.remaining(record) <= 0:
                self.check_stale(record)
            elif not (self.set_back and (self.froze or self.was_expired)):
                assert self.source.accepts(record)
            if calm and not self.full_minute():
                assert self.refresher.remaining(record) > 0
        # One of its own, and those that were late.
        assert self.it.attempts - before <= 1 + late
        assert sum(self.it.patience.waits) <= (5 if usable else 30)

    @rule()
    def refresh(self):
        """A refresh returns others, or raises."""
        before, late = self.it.attempts, len(self.it.background.tasks)
        held = self.refresher.record
        try:
            record = self.call("refresh")
        except RefreshError:
            assert held is None or self.refresher.record is not None
        else:
            self.check(record)
            assert record is not held
            assert self.refresher.remaining(record) > 0

        assert self.it.attempts - before <= 1 + late

    @rule(span=st.sampled_from([1.0, 60.0, 800.0, 3_000.0]))
    def ensure(self, span):
        """Credentials last long enough, or there is an error."""
        try:
            record = self.call("ensure", span)
        except RefreshError:
            return
        self.check(record)

        assert self.refresher.remaining(record) >= span

    @rule()
    def look(self):
        """Reading changes nothing."""
        before = self.it.attempts
        try:
            self.check(self.refresher.held())
        except RefreshError:
            assert not self._usable()

        assert before == self.it.attempts

    @precondition(lambda self: self.refresher.record is not None)
    @rule()
    def service_refuses_the_key(self):
        """No other key, or one that isn't rejected."""
        key = self.refresher.record.credentials.access_key_id
        self.rejected.add(key)
        self.it.patience.waits.clear()
        usable = self._usable()
        record = self.call("replace_rejected", key)
        if record is not None:
            self.check(record)

            assert key != record.credentials.access_key_id
        assert sum(self.it.patience.waits) <= (5 if usable else 30)

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def service_refuses_an_old_key(self, data):
        """Its replacement is there already."""
        key = data.draw(st.sampled_from(self.keys))
        current = self.refresher.record.credentials.access_key_id
        if key != current:
            before = self.it.attempts

            assert self.refresher.replace_rejected(key) in (
                None,
                self.refresher.record,
            )
            assert before == self.it.attempts

    @rule()
    def service_refuses_a_foreign_key(self):
        """It isn't ours to replace."""
        assert self.refresher.replace_rejected("AKIAFOREIGN") is None

    # -- What holds ----------------------------------------------------------------

    def _usable(self) -> bool:
        record = self.refresher.record
        if record is None:
            return False
        return self.refresher.remaining(record) > record.plan.floor

    def _honest_and_up(self) -> bool:
        """Whether there is no reason for anybody not to get good credentials."""
        return (
            self.source.fault is None
            and self.source.answer != "expired"
            and not self.source.repeats
            and self.refresher.last_error is None
            and not self.it.background.tasks
            and self.it.background.mode != "by hand"
        )

    def check(self, record: Record) -> None:
        """Whatever is handed out is one whole record, never older than before."""
        credentials = record.credentials
        key = credentials.access_key_id

        assert f"secret of {key}" == credentials.secret_access_key
        assert f"token of {key}" == credentials.session_token
        assert credentials.expires_at.timestamp() == self.source.dies_at[key]
        assert record.generation >= self.generation

        if record.generation > self.generation:
            assert key not in self.keys
            self.keys.append(key)
        self.generation = record.generation

    def check_stale(self, record: Record) -> None:
        """Expired credentials are used only if the policy allows it."""
        assert self.when_expired != "raise"
        if self.when_expired == "use_until_rejected":
            assert record.credentials.access_key_id not in self.rejected

    @invariant()
    def seven_attempts_a_minute(self):
        """Whatever happens."""
        assert busiest(getattr(self, "fetched_at", []), 60.0) <= 7

    @invariant()
    def one_rejection_counts_per_half_minute(self):
        """Whatever services say; or per half a lifetime, if that is shorter."""
        assert not getattr(self, "too_often", False)

    def full_minute(self) -> bool:
        """Whether there's no attempt left in this one."""
        now = self.monotonic
        return 7 <= sum(at > now - 60 for at in self.fetched_at)

    @property
    def monotonic(self) -> float:
        """Our own clock."""
        return self.world.clock.monotonic()


TestRefresher = RefresherMachine.TestCase
TestRefresher.settings = settings(
    settings.default, max_examples=120, stateful_step_count=40
)
