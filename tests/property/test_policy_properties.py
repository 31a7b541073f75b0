"""What holds for any lifetime, any windows, and any jitter."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from stsession._core.credentials import Instant, Record, TemporaryCredentials
from stsession._core.policy import Freshness, RefreshPolicy

from .strategies import DRAWS, KINDS, LIFETIMES, POLICIES


@given(policy=POLICIES, lifetime=LIFETIMES, draw=DRAWS)
def test_windows_nest(policy, lifetime, draw):
    """The mandatory window lies in the advisory one, and that in half the lifetime."""
    plan = policy.plan(lifetime, draw)

    assert 0 <= plan.mandatory <= plan.advisory <= plan.due <= lifetime / 2
    assert 0 < plan.floor <= lifetime / 30 + 1e-9
    assert 0 < plan.settle <= lifetime / 10 + 1e-9


@given(lifetime=LIFETIMES, draw=DRAWS)
def test_scaled_windows(lifetime, draw):
    """A quarter to a third of the lifetime, or five minutes; jitter only adds to it."""
    plan = RefreshPolicy().plan(lifetime, draw)

    assert lifetime / 4 <= plan.advisory <= lifetime / 3 + 1e-9
    assert plan.mandatory <= 60
    assert not plan.clamped
    assert 1.05 - 1e-9 <= plan.due / plan.advisory <= 1.25 + 1e-9


@given(a=LIFETIMES, b=LIFETIMES, draw=DRAWS)
def test_windows_grow_with_the_lifetime(a, b, draw):
    """A longer lifetime is refreshed at least as early before the end."""
    short, long = (RefreshPolicy().plan(n, draw) for n in sorted((a, b)))

    assert short.advisory <= long.advisory + 1e-9
    assert short.mandatory <= long.mandatory + 1e-9
    assert short.due <= long.due + 1e-9


@given(
    policy=POLICIES,
    lifetime=LIFETIMES,
    draw=DRAWS,
    points=st.lists(st.floats(-10.0, 130_000.0), min_size=2, max_size=2).map(sorted),
)
def test_time_only_makes_it_worse(policy, lifetime, draw, points):
    """With less left, credentials aren't fresher."""
    less, more = points
    plan = policy.plan(lifetime, draw)

    assert plan.freshness(less) >= plan.freshness(more)


@given(lifetime=LIFETIMES, draw=DRAWS, source_remaining=st.floats(-1e4, 2e5))
def test_source_only_makes_it_earlier(lifetime, draw, source_remaining):
    """
    And leaves its margin before the source's expiration, or half of what that has left.
    """
    policy = RefreshPolicy()
    alone = policy.plan(lifetime, draw)
    plan = policy.plan(lifetime, draw, source_remaining=source_remaining)

    assert plan.due >= alone.due
    margin = min(120, max(source_remaining, 0) / 2)
    assert lifetime - plan.due <= source_remaining - margin + 1e-6
    assert (plan.advisory, plan.mandatory) == (alone.advisory, alone.mandatory)


@given(
    lifetime=LIFETIMES,
    draw=DRAWS,
    passed=st.floats(0.0, 130_000.0),
    slip=st.floats(-130_000.0, 130_000.0),
)
def test_due_points_agree_with_the_plan(lifetime, draw, passed, slip):
    """The quick look at both clocks says the same as the thorough one."""
    record = Record(
        credentials=TemporaryCredentials(access_key_id="x", secret_access_key="x"),
        generation=1,
        began=Instant(0.0, 0.0),
        lifetime=lifetime,
        source_remaining=None,
        plan=RefreshPolicy().plan(lifetime, draw),
    )
    now = Instant(passed + slip, passed)
    quick = now.wall < record.due_wall and now.monotonic < record.due_monotonic
    thorough = record.plan.freshness(record.remaining(now)) is Freshness.FRESH
    at_the_edge = abs(record.remaining(now) - record.plan.due) < 1e-6

    assert quick == thorough or at_the_edge


@given(
    kind=KINDS,
    failures=st.integers(1, 5_000),
    lifetime=LIFETIMES,
    share=st.floats(-1.0, 1.0),
    retry_after=st.none() | st.floats(0.0, 1e5),
    draw=DRAWS,
)
def test_pauses_are_bounded(kind, failures, lifetime, share, retry_after, draw):
    """
    From a second to five minutes (30 s after the end), unless STS requires more.

    Short-lived credentials have pauses that fit into their window.

    And then never for more than half of what is left.
    """
    policy = RefreshPolicy()
    remaining = lifetime * share
    advisory = policy.plan(lifetime, draw).advisory
    pause = policy.pause(
        kind,
        failures=failures,
        advisory=advisory,
        remaining=remaining,
        retry_after=retry_after,
        random=draw,
    )

    assert min(1, advisory / 4) <= pause
    assert pause <= max(300 if remaining > 0 else 30, remaining / 2)
    if remaining > 0 and retry_after is None and not kind.permanent:
        assert pause <= max(15, remaining / 4)


@given(failures=st.integers(1, 5_000), lifetime=LIFETIMES, kind=KINDS, draw=DRAWS)
def test_pauses_grow(failures, lifetime, kind, draw):
    """With the failures in a row, and with the random number."""
    policy = RefreshPolicy()

    def pause(n: int, u: float) -> float:
        return policy.pause(
            kind,
            failures=n,
            advisory=lifetime / 4,
            remaining=lifetime / 4,
            retry_after=None,
            random=u,
        )

    assert pause(failures, draw) <= pause(failures + 1, draw)
    assert pause(failures, 0.0) <= pause(failures, draw) <= pause(failures, 1.0)


@given(failures=st.integers(1, 5_000), draw=DRAWS)
def test_errors_are_cached_shortly(failures, draw):
    """Five seconds at first, half a minute at most."""
    policy = RefreshPolicy()

    assert 1 <= policy.cached_error_seconds(failures=1, random=draw) <= 5
    assert policy.cached_error_seconds(failures=failures, random=draw) <= 30


@given(draw=DRAWS, source_remaining=st.none() | st.floats(-1e4, 1e4))
def test_undated_is_always_fresh(draw, source_remaining):
    """Whatever the source does."""
    plan = RefreshPolicy().plan(math.inf, draw, source_remaining=source_remaining)

    assert Freshness.FRESH is plan.freshness(math.inf)
