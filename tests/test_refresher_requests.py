"""Refresher.refresh(), ensure() and held()."""

from __future__ import annotations

import pytest

from stsession._core.policy import RefreshPolicy
from stsession.exceptions import (
    FailureKind,
    RefreshError,
    StsUnavailableError,
)

from .engine import engine


class TestRefresh:
    """New credentials now."""

    def test_fetches_whatever_is_held(self, held):
        """A new one, now."""
        assert 2 == held.refresher.refresh().generation

    def test_passes_the_gate(self, held):
        """A pause doesn't apply."""
        held.source.goes_down()
        held.due()
        held.refresher.get()
        held.source.comes_back()

        assert 2 == held.refresher.refresh().generation

    def test_raises(self, held):
        """What is held stays in use."""
        held.source.goes_down()
        with pytest.raises(StsUnavailableError, match="Failed"):
            held.refresher.refresh()

        assert 1 == held.refresher.get().generation

    def test_each_caller_raises_its_own(self, held):
        """A shared one would collect the tracebacks of all."""
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
        """Failures, however often it is called."""
        held.source.goes_down()
        for _ in range(7):
            with pytest.raises(StsUnavailableError, match="Failed"):
                held.refresher.refresh()
        with pytest.raises(StsUnavailableError, match="7 attempts failed within"):
            held.refresher.refresh()

        assert 8 == held.attempts

        held.world.passes(60)
        held.source.comes_back()

        assert 2 == held.refresher.refresh().generation

    def test_as_often_as_it_succeeds(self, held):
        """Only failures count."""
        for generation in range(2, 30):
            assert generation == held.refresher.refresh().generation

    def test_joins_a_flight(self, held):
        """One under way will do."""
        held.background.mode = "by hand"
        held.due()
        held.refresher.get()
        held.patience.meanwhile = held.background.works

        assert 2 == held.refresher.refresh().generation
        assert 2 == held.attempts

    def test_no_answer(self, held):
        """It waits for half a minute, and says so."""
        held.background.mode = "slow"
        held.due()
        held.refresher.get()
        held.world.passes(10)
        with pytest.raises(
            StsUnavailableError, match="did not respond within 30 s"
        ) as e:
            held.refresher.refresh()

        assert [20] == held.patience.waits
        assert e.value.retryable
        assert "Profile dev" in str(e.value)

    def test_replaces_a_flight_that_is_too_old(self, held):
        """One that has exceeded its deadline isn't joined."""
        held.background.mode = "slow"
        held.due()
        held.refresher.get()
        held.world.passes(30)
        held.background.mode = "at once"

        assert 2 == held.refresher.refresh().generation
        assert [] == held.patience.waits


class TestEnsure:
    """Credentials that last so long."""

    def test_enough(self, held):
        """Nothing is fetched."""
        held.world.passes(100)

        assert 1 == held.refresher.ensure(800).generation

    def test_too_little(self, held):
        """The advisory window doesn't matter."""
        held.world.passes(100.001)

        assert 2 == held.refresher.ensure(800).generation

    def test_more_than_a_lifetime(self, held):
        """Nothing is fetched in vain."""
        with pytest.raises(RefreshError, match=r"15 min. New ones are valid for 15"):
            held.refresher.ensure(901)

        assert 1 == held.attempts

    def test_fresh_ones_live_shorter_than_before(self, held):
        """It is only seen afterwards."""
        held.world.passes(500)
        held.source.lifetime = 600
        with pytest.raises(RefreshError, match="are valid for 10 min") as excinfo:
            held.refresher.ensure(800)

        assert not excinfo.value.retryable

    def test_failure(self, held):
        """The error is STS's."""
        held.world.passes(500)
        held.source.goes_down()
        with pytest.raises(StsUnavailableError):
            held.refresher.ensure(800)


class TestHeld:
    """The current credentials."""

    def test_without_a_fetch(self, held):
        """What is due is returned all the same."""
        held.left(6)

        assert held.refresher.record is held.refresher.held()
        assert 1 == held.attempts

    def test_nothing_yet(self):
        """Nothing failed, so it doesn't say so."""
        it = engine()
        with pytest.raises(
            StsUnavailableError, match=r"no valid credentials for .* yet"
        ):
            it.refresher.held()

        assert it.refresher.record is None
        assert it.refresher.last_error is None
        assert it.refresher.next_attempt_at is None

    def test_refusal_is_forgotten(self):
        """One that was raised answers for some seconds, not until the next fetch."""
        it = engine(RefreshPolicy(when_denied="raise"))
        it.refresher.get()
        it.source.goes_down(FailureKind.REQUEST)
        with pytest.raises(RefreshError):
            it.refresher.refresh()
        with pytest.raises(RefreshError):
            it.refresher.held()
        it.world.passes(1)

        assert it.refresher.get() is it.refresher.held()
