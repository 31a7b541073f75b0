from __future__ import annotations

import pytest

from .fleet_simulation import simulate


@pytest.fixture(name="outcome", scope="module")
def _outcome():
    """A hundred accounts, and three generations of their credentials."""
    return simulate(accounts=100, denied=3, lifetime=120, passes=6, interval=60)


def test_all_that_can_be_had(outcome):
    """Each time all but the denied ones have a result, and those a typed error."""
    assert ((97, {"AccessDeniedError": 3}),) * 6 == outcome.passes


def test_calls(outcome):
    """STS is hardly called more often than necessary."""
    generations = 100 * 3

    assert outcome.counts["granted"] <= 1.1 * generations
    assert outcome.counts["sent"] <= 1.6 * generations


def test_bounds(outcome):
    """No more is under way than the cap, and the few background threads."""
    assert outcome.most_calls <= 16
    assert outcome.most_under_way <= 16 + 4


def test_memory(outcome):
    """Memory is as flat as the number of our objects."""
    assert max(outcome.objects) - outcome.objects[0] < 300


def test_more_workers_than_sts_can_take():
    """Threads that call STS at once wait for their turn."""
    outcome = simulate(accounts=80, denied=2, passes=1, max_workers=64, limit=10)

    assert ((78, {"AccessDeniedError": 2}),) == outcome.passes
    assert outcome.counts["sent"] <= 2.5 * 80
