"""Refreshing while the source fails."""

from __future__ import annotations

import pytest

from stsession._core.policy import RefreshPolicy
from stsession.exceptions import (
    FailureKind,
    RefreshError,
    StsUnavailableError,
)

from .engine import Engine, attempts_after, engine, get_often, seconds, works_for


OUTAGE, REQUEST, THROTTLED = (
    FailureKind.OUTAGE,
    FailureKind.REQUEST,
    FailureKind.THROTTLED,
)

each_draw = pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
each_fault = pytest.mark.parametrize("fault", [OUTAGE, THROTTLED, REQUEST, "silent"])


class Outage:
    """The source fails from one instant to another, in one of several ways."""

    def __init__(self, it: Engine, fault: FailureKind | str) -> None:
        self.it = it
        self.fault = fault
        it.source.on_fetch = self._hang

    def begins(self) -> None:
        """It fails from now on."""
        if self.fault == "silent":
            self.it.background.mode = "never"
            self.it.source.goes_down(OUTAGE)
        else:
            self.it.source.goes_down(self.fault)

    def ends(self) -> None:
        """It answers from now on."""
        self.it.background.mode = "at once"
        self.it.source.comes_back()
        self.it.background.works()

    def _hang(self) -> None:
        # The STS client gives up after 3 x 8 seconds.
        if self.fault == "silent" and self.it.source.fault is not None:
            self.it.world.passes(24)


@pytest.mark.parametrize(("lifetime", "due"), [(900, 375), (3_600, 1_125)])
@each_fault
@each_draw
def test_five_minutes_at_any_phase(draw, fault, lifetime, due):
    """
    No caller fails, gets an expired key, or waits for more than five seconds.

    And there are at most seven attempts a minute.
    """
    # Outages that begin earlier are over before a refresh is due.
    for phase in range(lifetime - due - 300, lifetime, lifetime // 36):
        it = engine(random=lambda: draw, lifetime=lifetime)
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
@pytest.mark.parametrize("when_expired", ["raise", "use_until_rejected"])
@each_draw
def test_good_again_after_half_a_minute(draw, when_expired, fault):
    """However long it lasted, and whenever it ends."""
    for length in range(0, 240, 23):
        it = engine(RefreshPolicy(when_expired=when_expired), random=lambda: draw)
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
    """Half a minute, too, if there have never been any credentials."""
    for length in range(0, 90, 7):
        it = engine(random=lambda: draw)
        it.source.goes_down(fault)
        for _ in range(length):
            with pytest.raises(RefreshError):
                it.refresher.get()
            it.world.passes(1)
        it.source.comes_back()
        it.world.passes(30)

        assert it.refresher.get()
        assert it.source.busiest_minute() <= 7


class TestPause:
    """After a failure."""

    def test_doubles(self, due):
        """2.5, 5, 10, 20 seconds with the shortest draw."""
        get_often(due, 100, 0.5)

        assert [2.5, 7.5, 17.5, 37.5] == attempts_after(due)

    def test_success_ends_it(self, due):
        """The next failure begins from the start."""
        get_often(due, 20)
        due.source.comes_back()
        get_often(due, 30)
        due.source.goes_down()
        due.due()
        due.refresher.get()

        assert due.refresher.next_attempt_at == due.world.clock.now() + seconds(2.5)
        assert due.refresher.last_error is not None

    def test_error_is_forgotten(self, due):
        """After a success there is no last error."""
        due.refresher.get()
        due.source.comes_back()
        due.refresher.refresh()

        assert due.refresher.last_error is None

    def test_entering_the_mandatory_window(self, due):
        """One attempt whatever the gate says, if the last is ten seconds old."""
        due.left(75)
        due.source.goes_down(REQUEST)
        due.refresher.get()
        due.left(60)
        before = due.attempts
        get_often(due, 10)

        assert before + 1 == due.attempts

    def test_too_short_before_the_mandatory_window(self, due):
        """It comes ten seconds after the last."""
        due.left(65)
        due.source.goes_down(REQUEST)
        due.refresher.get()
        due.left(60)
        before = due.attempts
        get_often(due, 5)

        assert before == due.attempts

        due.refresher.get()

        assert before + 1 == due.attempts

    def test_entering_the_mandatory_window_of_a_short_lived_key(self):
        """It can't wait for ten seconds: half the window is enough."""
        it = engine(lifetime=3)
        it.refresher.get()
        it.due()
        it.source.goes_down(REQUEST)
        it.refresher.get()
        it.left(0.19)
        it.refresher.get()

        assert 3 == it.attempts

    @pytest.mark.parametrize(("success", "pause"), [(True, 60), (False, 112.5)])
    def test_full_minute(self, held, success, pause):
        """The pause lasts at least until there may be another attempt."""

        def fail(times: int) -> None:
            held.source.goes_down()
            for _ in range(times):
                with pytest.raises(RefreshError):
                    held.refresher.refresh()

        fail(6)
        if success:
            held.source.comes_back()
            held.refresher.refresh()
        fail(1)

        assert held.refresher.next_attempt_at == held.world.clock.now() + seconds(pause)

    def test_refusal_while_usable(self, due):
        """It is served over; the next attempt is half a minute later."""
        due.source.goes_down(REQUEST)
        get_often(due, 59)

        assert [30] == attempts_after(due)


class TestSilence:
    """The source takes the request and never answers."""

    def test_given_up_and_replaced(self, due):
        """
        One that is older than the load deadline is a failed attempt.

        The next one follows after a pause.
        """
        due.background.mode = "slow"
        get_often(due, 30)

        assert due.refresher.last_error is None

        get_often(due, 3)

        assert "did not respond within 30 s" in str(due.refresher.last_error)

        due.background.mode = "at once"
        due.source.comes_back()

        assert 2 == due.refresher.get().generation

    def test_late_answer_is_welcome(self, due):
        """It is used, though no caller waits for it any longer."""
        due.background.mode = "slow"
        get_often(due, 31)
        due.source.comes_back()
        due.background.works()

        assert 2 == due.refresher.get().generation
        assert due.refresher.last_error is None

    def test_late_answer_leaves_the_next_flight_alone(self, due):
        """A request for new credentials joins the refresh that replaced it."""
        due.background.mode = "slow"
        get_often(due, 40)
        due.source.comes_back()
        late, current = due.background.tasks
        late()
        due.world.passes(1)
        due.patience.meanwhile = current

        assert 3 == due.refresher.refresh().generation == due.attempts
        assert "requested" not in {event.reason for event in due.events.seen}

    def test_late_failure_is_not(self, due):
        """It has been counted."""
        due.background.mode = "slow"
        get_often(due, 31)
        due.background.works()

        assert 1 == due.refresher.events.counters.failures

    def test_late_answer_that_is_older(self, due):
        """It doesn't replace what came meanwhile."""
        due.background.mode = "slow"
        due.source.comes_back()
        get_often(due, 31)
        late = due.source()
        due.world.passes(5)
        due.background.mode = "no thread"
        newer = due.refresher.refresh()
        due.refresher.fetch = lambda: late
        due.background.works()

        assert newer is due.refresher.get()
        assert due.refresher.last_error is None

    def test_late_answer_to_a_former_request(self, due):
        """The source may have been another user when it was sent."""
        due.background.mode = "slow"
        due.source.comes_back()
        get_often(due, 31)
        due.world.passes(5)
        due.background.mode = "no thread"
        newer = due.refresher.refresh()
        due.source.lifetime = 43_200
        due.background.works()

        assert newer is due.refresher.get()

    def test_callers_that_wait_in_vain(self):
        """Without credentials callers wait for half a minute, altogether."""
        it = engine(background="slow")
        it.refresher.get()
        it.left(20)
        it.refresher.get()
        it.world.passes(20)
        it.patience.waits.clear()

        assert 1 == it.refresher.get().generation
        assert [5] == it.patience.waits
        assert "did not respond" in str(it.refresher.last_error)

        it.refresher.get()

        assert [5] == it.patience.waits

    def test_load_timeout(self):
        """How long that is can be said."""
        it = engine(background="slow")
        it.refresher.load_timeout = it.refresher._state.load_timeout = 12.0
        it.refresher.get()
        it.due()
        it.refresher.get()
        with pytest.raises(StsUnavailableError, match="within 12 s"):
            it.refresher.refresh()
