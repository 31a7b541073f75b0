"""Clocks that are set, suspended, or wrong."""

from __future__ import annotations

import logging

import pytest

from stsession.exceptions import ClockError, StsUnavailableError

from .engine import Engine, engine


HOUR = 3_600.0


@pytest.fixture(name="it")
def _it() -> Engine:
    it = engine()
    it.refresher.get()
    return it


def test_clock_that_keeps_jumping(it):
    """Each jump lifts the gate, but never more than seven fetches a minute."""
    it.source.goes_down()
    it.due()
    for _ in range(120):
        it.world.sets_wall(-60)
        it.refresher.get()
        it.world.passes(1)

    assert 7 == it.source.busiest_minute()


class TestJump:
    """The clocks move apart."""

    def test_told_once(self, it, caplog):
        """INFO and an event; then it is the new normal."""
        caplog.set_level(logging.INFO, "stsession")
        it.world.sets_wall(-6)
        for _ in range(3):
            it.refresher.get()

        assert ["started", "succeeded", "clock_jumped"] == it.events.names
        assert 1 == it.refresher.events.counters.clock_jumps
        assert 1 == caplog.text.count("wall clock and monotonic clock diverged by -6 s")
        assert 1 == it.attempts

    @pytest.mark.parametrize("step", [-5, 5])
    def test_small_ones_are_drift(self, it, step):
        """Five seconds are nothing to write home about."""
        it.world.sets_wall(step)
        it.refresher.get()

        assert 0 == it.refresher.events.counters.clock_jumps

    def test_drift_forward_counts(self, it):
        """They are due by whichever clock says so first."""
        it.left(318)
        it.world.sets_wall(4)

        assert 1 == it.attempts

        it.refresher.get()

        assert 2 == it.attempts

    def test_drops_the_pause(self, it):
        """What was decided by the old clock is void."""
        it.source.goes_down()
        it.due()
        for _ in range(30):
            it.refresher.get()
            it.world.passes(1)
        it.source.comes_back()
        it.world.sets_wall(-10)

        assert 2 == it.refresher.get().generation

    def test_lifts_the_settling(self):
        """Even right after a refresh."""
        it = engine(lifetime=3_600)
        it.source.source_remaining = 6.0
        it.refresher.get()
        it.refresher.get()

        assert 1 == it.attempts

        it.world.sets_wall(6)
        it.refresher.get()

        assert 2 == it.attempts

    def test_frozen_flight_is_replaced(self, it):
        """A background refresh that was frozen with us has lost its connection."""
        it.background.mode = "by hand"
        it.due()
        it.refresher.get()
        it.world.freezes(1_200)

        assert 2 == it.refresher.get().generation
        assert [] == it.patience.waits

        it.background.works()

        assert it.refresher.last_error is None

    def test_frozen_for_a_moment(self, it):
        """One that may still arrive is waited for."""
        it.background.mode = "by hand"
        it.left(20)
        it.refresher.get()
        it.world.freezes(29.5 - 5)
        it.patience.meanwhile = it.background.works

        assert 2 == it.refresher.get().generation
        assert 2 == it.attempts

    def test_waiters_of_a_frozen_flight_take_over(self, it):
        """They don't wait for a lost connection."""
        it.background.mode = "never"
        it.left(60)

        def thaws() -> None:
            it.patience.meanwhile = lambda: None
            it.world.freezes(1_200)
            it.refresher.get()

        it.patience.meanwhile = thaws

        assert 2 == it.refresher.get().generation == it.attempts
        assert [] == it.patience.waits


class TestExpiredOnArrival:
    """Credentials that arrive expired."""

    @pytest.fixture(name="expired")
    def _expired(self) -> Engine:
        expired = engine()
        expired.source.lifetime = -10
        return expired

    def test_local_clock_is_wrong(self, expired):
        """The message says by how much."""
        expired.world.sets_wall(HOUR)
        with pytest.raises(ClockError, match="10 s after their expiration") as excinfo:
            expired.refresher.get()

        text = "The local clock is 60 min ahead of the server's."

        assert text in str(excinfo.value)

    def test_server_clock_is_wrong(self, expired):
        """The local clock counts if the server's leads to nothing possible."""
        expired.world.sets_wall(-HOUR)

        assert HOUR - 10 == expired.refresher.get().lifetime

    @pytest.mark.parametrize("wrong", [0, 300])
    def test_server_is_faulty(self, expired, wrong):
        """A clock that is right to five minutes isn't mentioned."""
        expired.world.sets_wall(wrong)
        with pytest.raises(StsUnavailableError, match="is faulty"):
            expired.refresher.get()

    def test_server_without_a_date(self, expired):
        """Then only the local clock can be wrong."""
        expired.source.tells_time = False
        with pytest.raises(ClockError, match="NTP"):
            expired.refresher.get()

    def test_server_without_a_date_and_valid(self):
        """The local wall clock counts."""
        it = engine()
        it.source.tells_time = False
        it.world.sets_wall(100)

        assert 800 == it.refresher.get().lifetime


class TestTwoClocksThatAgree:
    """The server issues credentials by a clock that is set back."""

    def test_set_back(self):
        """New credentials are taken, though they expire before the current ones."""
        it = engine()
        it.refresher.get()
        it.world.passes(100)
        it.world.sets_wall(-5 * HOUR)
        it.source.server_offset = -5 * HOUR
        for _ in range(360):
            it.world.passes(5)
            it.refresher.get()

        assert 4 == it.attempts


class TestPossibleLifetimes:
    """A `Date` that leads to an impossible lifetime is ignored."""

    def answer(self, it, *, date, longest):
        """Credentials of an hour, with a *Date* that is wrong by so much."""
        usual = it.source._issue()
        fetched = usual._replace(
            server_time=it.world.time + date, longest_lifetimes=longest
        )
        it.refresher.fetch = lambda: fetched
        return it.refresher.get().lifetime

    @pytest.mark.parametrize(
        ("date", "longest", "lifetime"),
        [
            (0.0, (3_660.0, 43_260.0), 3_600),
            (-3 * HOUR, (3_660.0, 43_260.0), 3_600),
            (3 * HOUR, (3_660.0, 43_260.0), 3_600),
            (-50.0, (3_660.0, 43_260.0), 3_650),
            (0.0, (960.0, 43_260.0), 3_600),
        ],
    )
    def test_possible(self, date, longest, lifetime):
        """
        The local clock counts instead; a server may issue more than was requested.
        """
        it = engine(lifetime=3_600)

        assert lifetime == self.answer(it, date=date, longest=longest)

    def test_impossible(self):
        """If neither clock leads to a possible lifetime, it is an error."""
        it = engine(lifetime=100 * HOUR)
        with pytest.raises(StsUnavailableError, match="longer than is possible"):
            self.answer(it, date=0.0, longest=(3_660.0, 43_260.0))
