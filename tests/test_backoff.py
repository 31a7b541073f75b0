"""Pauses between attempts: what cuts them short, and the limit per minute."""

from __future__ import annotations

import pytest

from stsession._core.backoff import Backoff
from stsession._core.policy import Freshness, RefreshPolicy
from stsession.exceptions import FailureKind

from .engine import failure


ADVISORY, MANDATORY, EXPIRED = (
    Freshness.ADVISORY,
    Freshness.MANDATORY,
    Freshness.EXPIRED,
)


@pytest.fixture(name="backoff")
def _backoff() -> Backoff:
    return Backoff(policy=RefreshPolicy(), random=lambda: 1.0)


def fail(
    backoff: Backoff,
    now: float,
    kind: FailureKind = FailureKind.OUTAGE,
    *,
    retry_after: float | None = None,
    advisory: float = 300.0,
    remaining: float = 300.0,
    first: bool = False,
) -> float:
    """An attempt that fails; the pause that follows."""
    backoff.begin(now, ADVISORY)
    return backoff.failed(
        failure(kind, retry_after=retry_after),
        now,
        began=now,
        advisory=advisory,
        remaining=remaining,
        usable=remaining > 5,
        first=first,
    )


def allows(backoff: Backoff, now: float, freshness: Freshness) -> bool:
    """Whether an attempt may begin."""
    return backoff.allows(now, freshness, advisory=300.0)


def test_entering_a_window_cuts_a_pause_short_once(backoff):
    """Once for the mandatory window and once for the end, if ten seconds passed."""
    for _ in range(4):
        fail(backoff, 100.0)

    assert 140 == backoff.not_before
    assert not allows(backoff, 110.0, ADVISORY)
    assert not allows(backoff, 109.999, MANDATORY)
    assert allows(backoff, 110.0, MANDATORY)

    backoff.begin(110.0, MANDATORY)

    assert not allows(backoff, 125.0, MANDATORY)
    assert not allows(backoff, 119.999, EXPIRED)
    assert allows(backoff, 120.0, EXPIRED)

    backoff.begin(120.0, EXPIRED)

    assert not allows(backoff, 135.0, EXPIRED)


def test_success_allows_the_next_short_cut(backoff):
    """The windows of the next credentials are entered anew."""
    backoff.begin(0.0, EXPIRED)
    backoff.succeeded()
    for _ in range(4):
        fail(backoff, 100.0)

    assert allows(backoff, 110.0, MANDATORY)


def test_rejection_cuts_a_pause_short(backoff):
    """Ten seconds after the last attempt, as often as it comes."""
    for _ in range(4):
        fail(backoff, 100.0)

    assert not backoff.allows_rejected(109.999, advisory=300.0)
    assert backoff.allows_rejected(110.0, advisory=300.0)


def test_seven_failures_in_any_minute(backoff):
    """The eighth attempt waits until the first failed one is a minute old."""
    for n in range(7):
        assert allows(backoff, float(n), EXPIRED)
        fail(backoff, float(n))
        backoff.reset()

    assert not allows(backoff, 59.999, EXPIRED)
    assert not backoff.allows_rejected(59.999, advisory=300.0)
    assert 30 == backoff.wait(30.0)
    assert allows(backoff, 60.0, EXPIRED)


def test_longer_of_two_waits(backoff):
    """A full minute and a pause: the later end counts."""
    for _ in range(6):
        fail(backoff, 0.0)
        backoff.succeeded()
    fail(backoff, 58.0)

    assert 5 == backoff.wait(58.0)


def test_short_lived_credentials_wait_less(backoff):
    """With sessions of 3 s the window is 1 s, and a second attempt fits into it."""
    assert 0.5 == fail(backoff, 100.0, advisory=1.0, remaining=1.0)
    assert not backoff.allows(100.4, MANDATORY, advisory=1.0)
    assert backoff.allows(100.5, MANDATORY, advisory=1.0)


def test_permanent_error_without_credentials(backoff):
    """
    Five seconds, then ten, ... half a minute.

    So a repaired role is found soon, and the minute isn't full before that.
    """
    pauses = [
        fail(backoff, 100.0 * n, FailureKind.REQUEST, remaining=0) for n in range(5)
    ]

    assert [5, 10, 20, 30, 30] == pauses
    assert backoff.is_permanent


def test_permanent_error_that_is_raised():
    """With *when_denied* "raise" it is raised, so a caller waits for the fix."""
    backoff = Backoff(policy=RefreshPolicy(when_denied="raise"), random=lambda: 1.0)

    assert 5 == fail(backoff, 0.0, FailureKind.REQUEST)
