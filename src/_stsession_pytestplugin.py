"""
Fixtures for pytest, and a fresh process state for each test.

pytest loads this module wherever stsession is installed, so it imports nothing of
stsession unless a test or a fixture uses it.
"""

from __future__ import annotations

import sys

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from stsession.testing import FakeClock, LocalSTS, StubSTS


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Run each test with the state of a process that has just started."""
    process = sys.modules.get("stsession._util")
    if process is None:
        yield
        return
    with process.fresh_process_state(of_files=False):
        yield


@pytest.fixture(name="stsession_clock")
def _clock() -> Iterator[FakeClock]:
    """
    A clock that stands still until the test moves it.

    Sessions made during the test use it.
    """
    from stsession.testing import FakeClock, use_runtime  # noqa: PLC0415

    clock = FakeClock()
    with use_runtime(clock=clock):
        yield clock


@pytest.fixture(name="stsession_stub")
def _stub(stsession_clock: FakeClock) -> StubSTS:
    """STS without a socket, with `stsession_clock`."""
    from stsession.testing import StubSTS  # noqa: PLC0415

    return StubSTS(clock=stsession_clock)


@pytest.fixture(name="stsession_local_sts")
def _local_sts(stsession_clock: FakeClock) -> Iterator[LocalSTS]:
    """STS and S3 on a loopback port, with `stsession_clock`."""
    from stsession.testing import LocalSTS  # noqa: PLC0415

    with LocalSTS(clock=stsession_clock) as local_sts:
        yield local_sts
