"""
Credentials that are there when asked for: while the source fails.
"""

from __future__ import annotations

import threading

import pytest

from stsession._policy import RefreshPolicy
from stsession.exceptions import (
    AccessDeniedError,
    CredentialsExpiredError,
    FailureKind,
    RefreshError,
    StsUnavailableError,
)

from .engine import Engine, engine, seconds


OUTAGE, REQUEST, THROTTLED = (
    FailureKind.OUTAGE,
    FailureKind.REQUEST,
    FailureKind.THROTTLED,
)

each_draw = pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
each_fault = pytest.mark.parametrize("fault", [OUTAGE, THROTTLED, REQUEST, "silent"])


class Outage:
    """
    The source fails from one instant to another, in one of several ways.
    """

    def __init__(self, it: Engine, fault: FailureKind | str) -> None:
        self.it = it
        self.fault = fault
        it.source.on_fetch = self._hang

    def begins(self) -> None:
        if self.fault == "silent":
            self.it.background.mode = "never"
            self.it.source.goes_down(OUTAGE)
        else:
            self.it.source.goes_down(self.fault)

    def ends(self) -> None:
        self.it.background.mode = "at once"
        self.it.source.comes_back()

    def _hang(self) -> None:
        # The STS client gives up after 3 x 8 seconds.
        if self.fault == "silent" and self.it.source.fault is not None:
            self.it.world.passes(24)


def works_for(it: Engine, span: float, *, every: float = 1.0) -> None:
    """
    Requests go out, none of them with a dead key.
    """
    end = it.world.time + span
    while it.world.time < end:
        assert it.source.accepts(it.refresher.get())

        it.world.passes(every)


@pytest.mark.parametrize("lifetime", [900, 3_600])
@each_fault
@each_draw
def test_five_minutes_at_any_phase(draw, fault, lifetime):
    """
    No caller fails, none gets a dead key, none waits for more than five
    seconds, and the source is asked seven times a minute at most.
    """
    for phase in range(0, lifetime, lifetime // 36):
        it = engine(draw=lambda: draw, lifetime=lifetime)
        outage = Outage(it, fault)
        it.refresher.get()
        works_for(it, phase, every=lifetime / 180)
        outage.begins()
        works_for(it, 300)
        outage.ends()
        works_for(it, 120)

        assert it.source.busiest_minute() <= 7
        assert max(it.patience.waits, default=0) <= 5


@pytest.mark.parametrize("fault", [OUTAGE, THROTTLED, REQUEST])
@pytest.mark.parametrize("stale", ["never", "until_rejected"])
@each_draw
def test_good_again_after_half_a_minute(draw, stale, fault):
    """
    However long it lasted, and whenever it ends.
    """
    for length in range(0, 240, 13):
        it = engine(RefreshPolicy(stale=stale), draw=lambda: draw)
        it.refresher.get()
        it.world.passes(580)
        it.source.goes_down(fault)
        for _ in range(330 + length):
            it.world.passes(1)
            try:
                it.refresher.get()
            except RefreshError:
                assert it.refresher.remaining(it.refresher.record) <= 5
        it.source.comes_back()
        it.world.passes(30)

        assert it.source.accepts(it.refresher.get())
        assert it.source.busiest_minute() <= 7


@pytest.mark.parametrize("fault", [OUTAGE, THROTTLED, REQUEST])
@each_draw
def test_good_again_after_a_bad_start(draw, fault):
    """
    Half a minute, too, if there have never been any credentials.
    """
    for length in range(0, 90, 2):
        it = engine(draw=lambda: draw)
        it.source.goes_down(fault)
        for _ in range(length):
            with pytest.raises(RefreshError):
                it.refresher.get()
            it.world.passes(1)
        it.source.comes_back()
        it.world.passes(30)

        assert it.refresher.get()
        assert it.source.busiest_minute() <= 7


@pytest.fixture(name="due")
def _due() -> Engine:
    """
    One whose source fails, and whose credentials are due.
    """
    due = engine()
    due.refresher.get()
    due.due()
    due.source.goes_down()
    return due


def get_often(it: Engine, n: int, every: float = 1.0) -> None:
    for _ in range(n):
        it.refresher.get()
        it.world.passes(every)


def attempts_after(it: Engine) -> list[float]:
    first, *rest = it.source.attempts[1:]
    return [at - first for at in rest]


class TestPause:
    def test_doubles(self, due):
        """
        2.5, 5, 10, 20 seconds with the shortest draw.
        """
        get_often(due, 100, 0.5)

        assert [2.5, 7.5, 17.5, 37.5] == attempts_after(due)

    def test_success_ends_it(self, due):
        """
        The next failure begins from the start.
        """
        get_often(due, 20)
        due.source.comes_back()
        get_often(due, 30)
        due.source.goes_down()
        due.due()
        due.refresher.get()

        assert due.refresher.next_attempt_at == due.world.clock.now() + seconds(2.5)
        assert due.refresher.last_error is not None

    def test_error_is_forgotten(self, due):
        """
        After a success there is no last error.
        """
        due.refresher.get()
        due.source.comes_back()
        due.refresher.refresh()

        assert due.refresher.last_error is None

    def test_entering_the_mandatory_window(self, due):
        """
        One attempt whatever the gate says, if the last is ten seconds old.
        """
        due.left(75)
        due.source.goes_down(REQUEST)
        due.refresher.get()
        due.left(60)
        before = due.attempts
        get_often(due, 10)

        assert before + 1 == due.attempts

    def test_too_short_before_the_mandatory_window(self, due):
        """
        It comes ten seconds after the last.
        """
        due.left(65)
        due.source.goes_down(REQUEST)
        due.refresher.get()
        due.left(60)
        before = due.attempts
        get_often(due, 5)

        assert before == due.attempts

        due.refresher.get()

        assert before + 1 == due.attempts

    def test_refusal_while_usable(self, due):
        """
        It is served over; the next attempt is half a minute later.
        """
        due.source.goes_down(REQUEST)
        get_often(due, 59)

        assert [30] == attempts_after(due)


class TestSilence:
    def test_given_up_and_replaced(self, due):
        """
        A background refresh that is older than the load deadline is a failed
        attempt; the next one follows after a pause.
        """
        due.background.mode = "never"
        get_often(due, 30)

        assert due.refresher.last_error is None

        get_often(due, 3)

        assert "no answer within 30 s" in str(due.refresher.last_error)

        due.background.mode = "at once"
        due.source.comes_back()

        assert 2 == due.refresher.get().generation

    def test_late_answer_is_welcome(self, due):
        """
        Somebody may still bring what nobody waits for any longer.
        """
        due.background.mode = "by hand"
        get_often(due, 31)
        due.source.comes_back()
        due.background.works()

        assert 2 == due.refresher.get().generation
        assert due.refresher.last_error is None

    def test_late_failure_is_not(self, due):
        """
        It has been counted.
        """
        due.background.mode = "by hand"
        get_often(due, 31)
        due.background.works()

        assert 1 == due.refresher.announcer.counters.failures

    def test_late_answer_that_is_older(self, due):
        """
        It doesn't replace what came meanwhile.
        """
        due.background.mode = "by hand"
        due.source.comes_back()
        get_often(due, 31)
        late = due.source()
        due.world.passes(5)
        newer = due.refresher.refresh()
        due.refresher.fetch = lambda: late
        due.background.works()

        assert newer is due.refresher.get()
        assert due.refresher.last_error is None

    def test_who_waits_for_nothing(self):
        """
        Without credentials callers wait for half a minute, altogether.
        """
        it = engine(background="never")
        it.refresher.get()
        it.left(20)
        it.refresher.get()
        it.world.passes(20)
        it.patience.waits.clear()

        assert 1 == it.refresher.get().generation
        assert [5] == it.patience.waits
        assert "no answer" in str(it.refresher.last_error)

        it.refresher.get()

        assert [5] == it.patience.waits

    def test_load_timeout(self):
        """
        How long that is can be said.
        """
        it = engine(background="never")
        it.refresher.load_timeout = it.refresher._state.load_timeout = 12.0
        it.refresher.get()
        it.due()
        it.refresher.get()
        with pytest.raises(StsUnavailableError, match="within 12 s"):
            it.refresher.refresh()


class TestExpired:
    def test_served_until_rejected(self, due):
        """
        The local clock may be wrong.
        """
        due.left(-100)

        assert 1 == due.refresher.get().generation

        due.world.passes(30)
        due.refresher.replace_rejected(due.refresher.record.credentials.access_key_id)
        with pytest.raises(CredentialsExpiredError):
            due.refresher.get()

    def test_says_why(self, due):
        """
        Since when, how often tried, when next, from whom, and what STS said.
        """
        due.refresher.policy = due.refresher._state.policy = RefreshPolicy(
            stale="never"
        )
        get_often(due, 315)
        due.source.fault.__cause__ = OSError("down")
        due.world.passes(85)
        with pytest.raises(CredentialsExpiredError) as excinfo:
            due.refresher.get()
        error = excinfo.value

        assert due.refresher.record.credentials.expires_at == error.expired_at
        assert due.refresher.announcer.counters.failures == error.attempts
        assert due.refresher.next_attempt_at == error.next_attempt_at
        assert "profile dev" == error.source
        assert OUTAGE is error.kind
        assert error.retryable
        assert isinstance(error.__cause__, OSError)
        assert "expired 85 s ago (at 2026-01-01 00:15:00 UTC)" in str(error)
        assert "The last one: Failed. The next attempt is possible in" in str(error)

    def test_cause_is_ours_if_there_is_no_other(self, due):
        """
        There is always one.
        """
        due.refresher._state.policy = RefreshPolicy(stale="never")
        due.left(-1)
        with pytest.raises(CredentialsExpiredError) as excinfo:
            due.refresher.get()

        assert isinstance(excinfo.value.__cause__, StsUnavailableError)

    def test_never_means_to_the_end(self):
        """
        The last five seconds are no good reason to fail.
        """
        it = engine(RefreshPolicy(stale="never"))
        it.refresher.get()
        it.source.goes_down()
        it.left(0.001)

        assert 1 == it.refresher.get().generation

        it.left(0)
        with pytest.raises(CredentialsExpiredError, match="expired 0 s ago"):
            it.refresher.get()

    def test_always(self):
        """
        For those who know better.
        """
        it = engine(RefreshPolicy(stale="always"))
        it.refresher.get()
        it.source.goes_down(REQUEST)
        it.refresher.replace_rejected(it.refresher.record.credentials.access_key_id)
        it.left(-10_000)

        assert 1 == it.refresher.get().generation

    def test_refusal_is_raised(self):
        """
        Waiting doesn't help then.
        """
        it = engine()
        it.refresher.get()
        it.left(0)
        it.source.goes_down(REQUEST)
        with pytest.raises(CredentialsExpiredError) as excinfo:
            it.refresher.get()

        assert isinstance(excinfo.value.__cause__, AccessDeniedError)
        assert "AccessDenied" == excinfo.value.code

    def test_refusal_is_kept(self):
        """
        It answers for a second, and then STS is asked again.
        """
        it = engine()
        it.source.goes_down(REQUEST)
        for _ in range(10):
            with pytest.raises(AccessDeniedError):
                it.refresher.get()

        assert 1 == it.attempts

        it.world.passes(1)
        it.source.comes_back()

        assert it.refresher.get()

    def test_full_minute(self):
        """
        When the attempts of a minute are spent without a failure, it says so.
        """
        it = engine()
        it.source.lifetime = 4
        it.refresher.get()
        for _ in range(6):
            it.world.passes(4)
            it.refresher.refresh()
        it.world.passes(4)

        assert 7 == it.refresher.get().generation == it.attempts

        it.refresher.replace_rejected(it.key())
        with pytest.raises(CredentialsExpiredError, match="7 attempts in the last min"):
            it.refresher.get()


class TestRaise:
    """
    *permanent* "raise".
    """

    @pytest.fixture(name="due")
    def _due(self) -> Engine:
        due = engine(RefreshPolicy(permanent="raise", background=False))
        due.refresher.get()
        due.due()
        return due

    def test_raised_at_once(self, due):
        """
        From the advisory window, too, and to everybody for a second.
        """
        due.source.goes_down(REQUEST)
        for _ in range(3):
            with pytest.raises(AccessDeniedError):
                due.refresher.get()

        assert 2 == due.attempts

    def test_passing_failures_are_served_over(self, due):
        """
        They aren't permanent.
        """
        due.source.goes_down(OUTAGE)

        assert 1 == due.refresher.get().generation


class TestSdk:
    @pytest.fixture(name="it")
    def _it(self) -> Engine:
        it = engine(RefreshPolicy.sdk())
        it.refresher.get()
        it.due()
        return it

    def test_inline(self, it):
        """
        The one advisory caller refreshes; no thread.
        """
        it.background.mode = "never"

        assert 2 == it.refresher.get().generation

    def test_others_go_on(self, it):
        """
        They get what there is.
        """
        others = []
        it.background.mode = "never"

        def other() -> None:
            thread = threading.Thread(
                target=lambda: others.append(it.refresher.get().generation)
            )
            thread.start()
            thread.join()

        it.source.on_fetch = other

        assert 2 == it.refresher.get().generation
        assert [1] == others

    def test_served_long_past_expiration(self, it):
        """
        And the source is left alone for five minutes after each failure, in
        whichever window.
        """
        it.source.goes_down()
        get_often(it, 1_499)

        assert [300, 600, 900, 1_200] == attempts_after(it)

    def test_also_after_an_invalidation(self, it):
        """
        The pause holds.
        """
        it.source.goes_down()
        it.refresher.get()
        it.source.comes_back()
        it.world.passes(299)

        assert it.refresher.replace_rejected(it.key()) is None
        assert 1 == it.refresher.get().generation

        it.world.passes(1)

        assert 2 == it.refresher.get().generation

    def test_no_pause_after_a_failed_first_fetch(self):
        """
        Each caller tries.
        """
        it = engine(RefreshPolicy.sdk())
        it.source.goes_down()
        for _ in range(20):
            with pytest.raises(StsUnavailableError):
                it.refresher.get()

        assert 20 == it.attempts

    def test_refusal(self, it):
        """
        Raised at once from any window, and kept for a second.
        """
        it.source.goes_down(REQUEST)
        for _ in range(5):
            with pytest.raises(AccessDeniedError):
                it.refresher.get()

        assert 2 == it.attempts

        it.world.passes(1)
        with pytest.raises(AccessDeniedError):
            it.refresher.get()

        assert 3 == it.attempts

        it.source.comes_back()
        it.world.passes(1)

        assert 2 == it.refresher.get().generation

    def test_dead_on_arrival_is_a_failure(self, it):
        """
        Like any other.
        """
        it.source.lifetime = -1
        get_often(it, 299)

        assert 2 == it.attempts

    def test_window_survives_a_failure(self, it):
        """
        It is chosen when a set is stored.
        """
        plan = it.refresher.record.plan
        it.source.goes_down()
        it.refresher.get()

        assert plan is it.refresher.record.plan
