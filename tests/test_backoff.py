"""
The gate before the source.
"""

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


@pytest.fixture(name="gate")
def _gate() -> Backoff:
    return Backoff(policy=RefreshPolicy(), random=lambda: 1.0)


def fail(
    gate: Backoff,
    now: float,
    kind: FailureKind = FailureKind.OUTAGE,
    *,
    retry_after: float | None = None,
    advisory: float = 300.0,
    remaining: float = 300.0,
    first: bool = False,
) -> float:
    """
    An attempt that fails; the pause that follows.
    """
    gate.begin(now, ADVISORY)
    return gate.failed(
        failure(kind, retry_after=retry_after),
        now,
        began=now,
        advisory=advisory,
        remaining=remaining,
        usable=remaining > 5,
        first=first,
    )


def allows(gate: Backoff, now: float, freshness: Freshness) -> bool:
    """
    Whether an attempt may begin.
    """
    return gate.allows(now, freshness, advisory=300.0)


def test_closed_for_a_pause(gate):
    """
    After a failure nothing begins before the pause is over.
    """
    assert 5 == fail(gate, 100.0)
    assert not allows(gate, 104.999, ADVISORY)
    assert allows(gate, 105.0, ADVISORY)
    assert 1 == gate.wait(104.0)
    assert 0 == gate.wait(106.0)


def test_success_opens_it(gate):
    """
    Failures in a row are counted from the last success.
    """
    fail(gate, 100.0)
    gate.succeeded()

    assert allows(gate, 100.0, ADVISORY)
    assert 5 == fail(gate, 101.0)


def test_entering_a_window_cuts_a_pause_short_once(gate):
    """
    Once for the mandatory window and once for the end, if ten seconds passed.
    """
    for _ in range(4):
        fail(gate, 100.0)

    assert 140 == gate.not_before
    assert not allows(gate, 110.0, ADVISORY)
    assert not allows(gate, 109.999, MANDATORY)
    assert allows(gate, 110.0, MANDATORY)

    gate.begin(110.0, MANDATORY)

    assert not allows(gate, 125.0, MANDATORY)
    assert not allows(gate, 119.999, EXPIRED)
    assert allows(gate, 120.0, EXPIRED)

    gate.begin(120.0, EXPIRED)

    assert not allows(gate, 135.0, EXPIRED)


def test_success_closes_the_short_cut(gate):
    """
    The windows of the next credentials are entered anew.
    """
    gate.begin(0.0, EXPIRED)
    gate.succeeded()
    for _ in range(4):
        fail(gate, 100.0)

    assert allows(gate, 110.0, MANDATORY)


def test_rejection_cuts_a_pause_short(gate):
    """
    Ten seconds after the last attempt, as often as it comes.
    """
    for _ in range(4):
        fail(gate, 100.0)

    assert not gate.allows_rejected(109.999, advisory=300.0)
    assert gate.allows_rejected(110.0, advisory=300.0)


def test_open_gate_lets_a_rejection_pass(gate):
    """
    Without a pause there is nothing to cut short.
    """
    gate.begin(100.0, ADVISORY)
    gate.succeeded()

    assert gate.allows_rejected(100.1, advisory=300.0)


def test_seven_failures_in_any_minute(gate):
    """
    The eighth attempt waits until the first failed one is a minute old.
    """
    for n in range(7):
        assert allows(gate, float(n), EXPIRED)
        fail(gate, float(n))
        gate.reset()

    assert not allows(gate, 59.999, EXPIRED)
    assert not gate.allows_rejected(59.999, advisory=300.0)
    assert 30 == gate.wait(30.0)
    assert allows(gate, 60.0, EXPIRED)


def test_successes_are_not_counted(gate):
    """
    However many there are.
    """
    for _ in range(100):
        gate.begin(0.0, EXPIRED)
        gate.succeeded()

    assert allows(gate, 0.0, ADVISORY)
    assert 0 == gate.wait(0.0)


def test_longer_of_two_waits(gate):
    """
    A full minute and a pause: the later end counts.
    """
    for _ in range(6):
        fail(gate, 0.0)
        gate.succeeded()
    fail(gate, 58.0)

    assert 5 == gate.wait(58.0)


def test_short_lived_credentials_wait_less(gate):
    """
    With sessions of 3 s the window is 1 s, and a second attempt fits into it.
    """
    assert 0.5 == fail(gate, 100.0, advisory=1.0, remaining=1.0)
    assert not gate.allows(100.4, MANDATORY, advisory=1.0)
    assert gate.allows(100.5, MANDATORY, advisory=1.0)


def test_retry_after(gate):
    """
    What STS asks for is obeyed if the credentials last that long.
    """
    assert 77 == fail(gate, 0.0, FailureKind.THROTTLED, retry_after=77.0)


def test_refusal_without_credentials_is_kept_shortly(gate):
    """
    Five seconds, then ten, ... half a minute.

    So a repaired role is found soon, and the minute isn't full before that.
    """
    pauses = [fail(gate, 100.0 * n, FailureKind.REQUEST, remaining=0) for n in range(5)]

    assert [5, 10, 20, 30, 30] == pauses
    assert gate.is_permanent


def test_refusal_while_usable_waits_half_a_minute(gate):
    """
    What holds is served, so nobody is in a hurry.
    """
    assert 30 == fail(gate, 0.0, FailureKind.REQUEST)


def test_raised_refusal_is_kept_shortly():
    """
    With *permanent* "raise" it is raised, so somebody waits for the fix.
    """
    gate = Backoff(policy=RefreshPolicy(when_denied="raise"), random=lambda: 1.0)

    assert 5 == fail(gate, 0.0, FailureKind.REQUEST)


def test_beginning_forgets_the_error(gate):
    """
    It answers until the next attempt begins.
    """
    fail(gate, 0.0, FailureKind.REQUEST)
    gate.begin(30.0, ADVISORY)

    assert gate.error is None
    assert not gate.is_permanent


class TestSdk:
    """
    Parity with the SDKs.
    """

    @pytest.fixture(name="gate")
    def _gate(self) -> Backoff:
        return Backoff(policy=RefreshPolicy.sdk(), random=lambda: 0.0)

    @pytest.mark.parametrize("freshness", [ADVISORY, MANDATORY, EXPIRED])
    def test_nothing_cuts_a_pause_short(self, gate, freshness):
        """
        No window, and no rejection.
        """
        fail(gate, 0.0)

        assert not allows(gate, 299.0, freshness)
        assert not gate.allows_rejected(299.0, advisory=300.0)
        assert allows(gate, 300.0, freshness)

    def test_no_pause_after_a_failed_first_fetch(self, gate):
        """
        The next caller tries again, as often as it likes.
        """
        for _ in range(50):
            assert 0 == fail(gate, 0.0, remaining=0.0, first=True)
            assert allows(gate, 0.0, EXPIRED)

    @pytest.mark.parametrize("first", [True, False])
    def test_refusals_are_kept_one_to_five_seconds(self, gate, first):
        """
        However many there have been.
        """
        kept = {fail(gate, 0.0, FailureKind.REQUEST, first=first) for _ in range(9)}

        assert {1} == kept
