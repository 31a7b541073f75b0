from __future__ import annotations

import datetime as dt

import pytest

from stsession.testing import FakeClock


HOUR = dt.timedelta(hours=1)


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


def test_starts_at_the_given_time():
    """The wall clock starts at *start*, the monotonic one at zero."""
    start = dt.datetime(2030, 5, 1, 12, tzinfo=dt.timezone(HOUR))

    clock = FakeClock(start)

    assert start == clock.now()
    assert start.timestamp() == clock.wall()
    assert 0.0 == clock.monotonic()


def test_needs_an_aware_start():
    """A naive datetime could mean any instant, so it is an error."""
    with pytest.raises(ValueError, match="start has to be an aware datetime"):
        FakeClock(dt.datetime(2030, 5, 1))  # noqa: DTZ001


def test_advance_moves_both(clock):
    """When time passes, both clocks see it."""
    before = clock.now()

    clock.advance(HOUR)

    assert before + HOUR == clock.now()
    assert 3600.0 == clock.monotonic()


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_step_moves_the_wall_clock_only(clock, by):
    """Setting the wall clock, also back, doesn't touch the monotonic one."""
    before = clock.now()

    clock.step_wall(by)

    assert before + by == clock.now()
    assert 0.0 == clock.monotonic()


def test_freeze_stops_the_monotonic_clock(clock):
    """After a freeze only the wall clock has moved on."""
    before = clock.now()

    clock.freeze(HOUR)

    assert before + HOUR == clock.now()
    assert 0.0 == clock.monotonic()


@pytest.mark.parametrize("how", ["advance", "freeze"])
def test_time_never_passes_backwards(clock, how):
    """Only a step may go back."""
    with pytest.raises(ValueError, match="span can't be negative"):
        getattr(clock, how)(-HOUR)


def test_has_its_time_in_repr(clock):
    """A failing test shows where the clock stood."""
    clock.advance(HOUR)

    assert "FakeClock(now='2026-01-01T01:00:00+00:00', monotonic=3600.0)" == repr(clock)
