"""The two clocks."""

from __future__ import annotations

import datetime as dt
import sys
import time

import pytest

from stsession._core.runtime import SystemClock, utc


def test_system_clock_tells_the_time():
    """It is the machine's."""
    clock, before = SystemClock(), time.time()

    assert before <= clock.wall() <= time.time()
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux has it")
def test_boot_time_where_there_is_one():
    """It counts the time that the machine sleeps."""
    clock = SystemClock()
    before = time.clock_gettime(time.CLOCK_BOOTTIME)

    assert before <= clock.monotonic() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_mac_has_another_name_for_it(monkeypatch):
    """There the monotonic clock goes on during sleep."""
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(time, "CLOCK_MONOTONIC", 77, raising=False)
    monkeypatch.setattr(time, "clock_gettime", float, raising=False)

    assert 77.0 == SystemClock().monotonic()


@pytest.mark.parametrize("known", [False, True])
def test_monotonic_clock_where_there_is_none(known, monkeypatch):
    """As on Windows; some sandboxes know its name but not the clock."""

    def fail(clock_id: int) -> float:
        raise OSError(clock_id)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    if known:
        monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime", fail, raising=False)
    clock = SystemClock()
    monkeypatch.setattr(time, "monotonic", lambda: 77.0)

    assert 77.0 == clock.monotonic()


def test_clocks_that_tests_replace(monkeypatch):
    """freezegun and time-machine replace the functions of `time`, maybe afterwards."""
    clock = SystemClock()
    monkeypatch.setattr(time, "time", lambda: 77.0)

    assert 77.0 == clock.wall()


def test_utc():
    """Seconds become an aware datetime."""
    assert dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc) == utc(1767225600.0)
