"""Credentials that expired while refreshes failed."""

from __future__ import annotations

import pytest

from stsession._core.policy import RefreshPolicy
from stsession.exceptions import (
    AccessDeniedError,
    CredentialsExpiredError,
    FailureKind,
    StsUnavailableError,
)

from .engine import Engine, engine, get_often


OUTAGE, REQUEST = FailureKind.OUTAGE, FailureKind.REQUEST


class TestExpired:
    """Nothing usable is left."""

    def test_used_until_rejected(self, due):
        """The local clock may be wrong."""
        due.left(-100)

        assert 1 == due.refresher.get().generation

        due.world.passes(30)
        due.refresher.replace_rejected(due.refresher.record.credentials.access_key_id)
        with pytest.raises(CredentialsExpiredError):
            due.refresher.get()

    def test_says_why(self, due):
        """
        When they expired, the attempts, the next one, the source, and the last error.
        """
        due.refresher.policy = due.refresher._state.policy = RefreshPolicy(
            when_expired="raise"
        )
        get_often(due, 315)
        due.source.fault.__cause__ = OSError("down")
        due.world.passes(85)
        with pytest.raises(CredentialsExpiredError) as excinfo:
            due.refresher.get()
        error = excinfo.value

        assert due.refresher.record.credentials.expires_at == error.expired_at
        assert due.refresher.events.counters.failures == error.attempts
        assert due.refresher.next_attempt_at == error.next_attempt_at
        assert "profile dev" == error.source
        assert OUTAGE is error.kind
        assert error.retryable
        assert isinstance(error.__cause__, OSError)
        assert "expired 85 s ago (at 2026-01-01 00:15:00 UTC)" in str(error)
        assert "Last error: Failed. Next attempt in" in str(error)

    def test_cause_is_ours_if_there_is_no_other(self, due):
        """There is always one."""
        due.refresher._state.policy = RefreshPolicy(when_expired="raise")
        due.left(-1)
        with pytest.raises(CredentialsExpiredError) as excinfo:
            due.refresher.get()

        assert isinstance(excinfo.value.__cause__, StsUnavailableError)

    def test_raise(self):
        """The last five seconds are no good reason to fail."""
        it = engine(RefreshPolicy(when_expired="raise"))
        it.refresher.get()
        it.source.goes_down()
        it.left(0.001)

        assert 1 == it.refresher.get().generation

        it.left(0)
        with pytest.raises(CredentialsExpiredError, match="expired 0 s ago"):
            it.refresher.get()

    def test_use(self):
        """Expired and rejected credentials are used without limit."""
        it = engine(RefreshPolicy(when_expired="use"))
        it.refresher.get()
        it.source.goes_down(REQUEST)
        it.refresher.replace_rejected(it.refresher.record.credentials.access_key_id)
        it.left(-10_000)

        assert 1 == it.refresher.get().generation

    def test_permanent_error_is_raised(self):
        """Waiting doesn't help then."""
        it = engine()
        it.refresher.get()
        it.left(0)
        it.source.goes_down(REQUEST)
        with pytest.raises(CredentialsExpiredError) as excinfo:
            it.refresher.get()

        assert isinstance(excinfo.value.__cause__, AccessDeniedError)
        assert "AccessDenied" == excinfo.value.code

    def test_permanent_error_is_cached(self):
        """It answers for a second, and then there is another attempt."""
        it = engine()
        it.source.goes_down(REQUEST)
        for _ in range(10):
            with pytest.raises(AccessDeniedError):
                it.refresher.get()

        assert 1 == it.attempts

        it.world.passes(1)
        it.source.comes_back()

        assert it.refresher.get()

    def test_successes_leave_room(self):
        """Refreshes that succeed don't use up the attempts of a minute."""
        it = engine(lifetime=61)
        it.refresher.get()
        for _ in range(20):
            it.refresher.refresh()
        it.left(1)

        assert 22 == it.refresher.get().generation == it.attempts


class TestRaise:
    """*when_denied* "raise"."""

    @pytest.fixture(name="due")
    def _due(self) -> Engine:
        due = engine(RefreshPolicy(when_denied="raise", background=False))
        due.refresher.get()
        due.due()
        return due

    def test_raised_at_once(self, due):
        """From the advisory window, too, and to everybody for a second."""
        due.source.goes_down(REQUEST)
        for _ in range(3):
            with pytest.raises(AccessDeniedError):
                due.refresher.get()

        assert 2 == due.attempts

    def test_other_failures_are_not_raised(self, due):
        """They aren't permanent."""
        due.source.goes_down(OUTAGE)

        assert 1 == due.refresher.get().generation
