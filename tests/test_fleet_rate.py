from __future__ import annotations

import math

import pytest

from stsession.fleet._throttle import FORGOTTEN_AFTER, LEAST, RateLimit


def limited(passed=20, at=1.0):
    """A limit that was set after so many calls went through in a second."""
    limit = RateLimit()
    for number in range(passed):
        limit.accepted(at - 1 + (number + 1) / passed)
    limit.throttled(at, began=at)
    return limit


def test_no_limit_at_first():
    """No request waits before STS has throttled one."""
    limit = RateLimit()

    for _ in range(1_000):
        limit.begin(0.0)
        limit.accepted(0.0)

    assert 0.0 == limit.wait(0.0)
    assert math.inf == limit.rate


def test_is_cut_to_what_went_through():
    """The rate becomes 70 % of what went through in the last second."""
    assert pytest.approx(14.0) == limited(20).rate


def test_what_went_through_counts():
    """After a burst there is a pause: its calls count against the new rate."""
    limit = RateLimit()
    for _ in range(20):
        limit.accepted(0.1)

    limit.throttled(0.1, began=0.05)

    assert pytest.approx(20 / 14) == limit.wait(0.1)


def test_one_cut_for_calls_that_were_on_their_way():
    """The rate is cut again only for requests that were sent after the cut."""
    limit = limited(20, at=1.0)

    for _ in range(15):
        limit.throttled(1.05, began=0.95)

    assert limit.rate >= 14.0

    limit.throttled(1.5, began=1.0)

    assert limit.rate < 14.0


def test_spaces_calls_evenly():
    """From one call to the next it takes what the rate says."""
    limit = limited(20, at=1.0)
    now = 1.0 + limit.wait(1.0)

    limit.begin(now)

    assert pytest.approx(1 / 14) == limit.wait(now)


def test_late_comers_do_not_put_off_others():
    """A request that is a little late doesn't delay the next."""
    limit = limited(20, at=1.0)
    due = 1.0 + limit.wait(1.0)

    limit.begin(due + 0.05)

    assert limit.wait(due + 0.05) < 1 / 14


def test_grows_back():
    """It is soon where it was, and then grows slowly beyond."""
    limit = limited(20, at=0.0)
    rates = []

    for tenth in range(1, 101):
        limit.accepted(tenth / 10)
        rates.append(limit.rate)

    assert rates == sorted(rates)
    assert rates[24] == pytest.approx(20, abs=0.5)
    assert rates[34] < 21
    assert rates[-1] > 40


def test_time_without_calls_is_no_time_to_grow():
    """The rate doesn't grow in a minute without requests."""
    limit = limited(20, at=0.0)

    limit.accepted(60.0)

    assert limit.rate < 20


def test_is_forgotten():
    """After five minutes without an answer there is no limit."""
    limit = limited(20, at=0.0)

    before = limit.wait(FORGOTTEN_AFTER), limit.rate
    after = limit.wait(FORGOTTEN_AFTER + 0.1), limit.rate

    assert (0.0, pytest.approx(14.0)) == before
    assert (0.0, math.inf) == after


def test_nothing_went_through():
    """If no request was accepted, the rate begins at its lower bound."""
    limit = RateLimit()

    limit.throttled(5.0, began=4.9)

    assert LEAST == limit.rate
    assert pytest.approx(2.0) == limit.wait(5.0)


@pytest.mark.parametrize("retry_after", [30.0, 3600.0])
def test_retry_after(retry_after):
    """A Retry-After header stops all requests, but for half a minute at most."""
    limit = RateLimit()

    limit.throttled(0.0, began=0.0, retry_after=retry_after)

    assert 30.0 == limit.wait(0.0)


def test_old_answers_are_dropped():
    """What is counted is of the last second, and no more is kept."""
    limit = RateLimit()

    for tenth in range(1_000):
        limit.accepted(tenth / 10)

    assert len(limit._accepted) <= 10
