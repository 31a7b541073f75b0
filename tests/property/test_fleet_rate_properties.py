from __future__ import annotations

import collections
import heapq

from hypothesis import given, settings
from hypothesis import strategies as st

from stsession.fleet._throttle import LEAST, RateLimit


def simulate(limit_of_sts, workers, delay, seconds):
    """
    Let *workers* send requests; return when they passed, were throttled, and waits.

    A simulation by events, in one thread: (instant, what, when it was made).
    """
    limit, taken = RateLimit(), collections.deque()
    passed, throttled_at, waits = [], [], []
    events = [(0.0, number, "ready", 0.0) for number in range(workers)]
    number = workers
    while events and events[0][0] < seconds:
        now, _, what, since = heapq.heappop(events)
        number += 1
        if what == "ready":
            wait = limit.wait(now)
            if wait > 0:
                heapq.heappush(events, (now + wait, number, "ready", since))
                continue
            limit.begin(now)
            waits.append(now - since)
            while taken and taken[0] <= now - 1:
                taken.popleft()
            goes_through = len(taken) < limit_of_sts
            if goes_through:
                taken.append(now)
            kind = "passed" if goes_through else "throttled"
            heapq.heappush(events, (now + delay, number, kind, now))
            continue
        if what == "passed":
            passed.append(now)
            limit.accepted(now)
        else:
            throttled_at.append(now)
            limit.throttled(now, began=since)
        heapq.heappush(events, (now, number, "ready", now))
    return passed, throttled_at, waits


@settings(max_examples=25)
@given(
    limit=st.integers(5, 200),
    workers=st.integers(2, 64),
    delay=st.floats(0.02, 0.5),
)
def test_finds_what_sts_takes(limit, workers, delay):
    """Most of what STS could take is used, and few requests are throttled."""
    passed, throttled_at, _ = simulate(limit, workers, delay, seconds=40)

    possible = 40 * min(limit, workers / delay)
    assert len(passed) >= 0.6 * possible
    assert len(throttled_at) <= 0.3 * len(passed) + 2 * workers


@settings(max_examples=25)
@given(limit=st.integers(1, 50), workers=st.integers(1, 64))
def test_no_request_starves(limit, workers):
    """Each turn comes, after as many as there are workers at the least rate."""
    *_, waits = simulate(limit, workers, 0.1, seconds=120)

    assert waits
    assert max(waits) <= (workers + 3) / LEAST


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "passed", "throttled"]),
        st.floats(0.0, 20.0),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens(steps):
    """The rate is never below the least, and no wait is longer than a debt allows."""
    limit, now, began = RateLimit(), 0.0, 0.0
    for what, later in steps:
        now += later
        if what == "begin":
            if limit.wait(now) == 0:
                limit.begin(now)
                began = now
        elif what == "passed":
            limit.accepted(now)
        else:
            limit.throttled(now, began=began)

        assert limit.rate >= LEAST
        assert 0.0 <= limit.wait(now) <= 5.0 + 1 / LEAST
