from __future__ import annotations

import re

import attrs
import pytest

import stsession

from stsession.testing import FakeClock, Fault, use_runtime

from .wire import HUB, TARGET, failing, minutes, source_of


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock, random=lambda: 0.0):
        yield clock


@pytest.fixture(name="session")
def _session(stub):
    return stsession.assume([HUB, TARGET], source=source_of(stub))


def test_before_the_first_use(session, stub):
    """There are names and no times, and STS isn't called."""
    hop = session.status().hop

    assert (TARGET, HUB, 0) == (hop.name, hop.source, hop.generation)
    assert [None] * 5 == [
        hop.refreshed_at,
        hop.due_at,
        hop.expires_at,
        hop.last_error,
        hop.next_attempt_at,
    ]
    assert 0 == hop.counters.attempts == stub.attempts


def test_after_a_refresh(session, clock):
    """When it was, will be, and ends, for each role."""
    session.credentials()
    first, last = session.status().hops
    start = clock.now()

    assert [HUB, TARGET] == [first.name, last.name]
    assert "the given session" == first.source
    assert last == session.status().hop
    assert (1, start, start + minutes(60)) == (
        last.generation,
        last.refreshed_at,
        last.expires_at,
    )
    assert start < last.due_at < start + minutes(60)
    assert (1, 1, 0) == (
        last.counters.attempts,
        last.counters.successes,
        last.counters.failures,
    )


def test_after_a_failure(session, stub, clock):
    """What the error was, and when the next attempt will be."""
    stub.goes_down(Fault.error("Teapot", "Short and stout."))
    failing(session)
    hop = session.status().hops[0]

    assert "STS returned Teapot: Short and stout." in hop.last_error
    assert clock.now() < hop.next_attempt_at < clock.now() + minutes(1)
    assert 1 == hop.counters.failures
    clock.advance(minutes(1))
    assert session.status().hops[0].next_attempt_at is None
    stub.comes_back()
    session.credentials()
    assert session.status().hops[0].last_error is None


def test_a_snapshot(session):
    """It doesn't change afterwards, and can't be changed."""
    status = session.status()
    session.credentials()

    assert 0 == status.hop.counters.attempts
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        status.hop.generation = 5


def test_text(session, stub, clock):
    """The text is a table, with a line for the last error of a role."""
    session.credentials()
    stub.goes_down(Fault.error("Teapot", "Short and stout."))
    with pytest.raises(stsession.RefreshError):
        session.refresh()
    first, last = session.status().hops
    heading, hub, target, error = str(session.status()).splitlines()

    headings = ["role", "source", "generation", "refresh due (UTC)", "expires (UTC)"]
    assert headings == re.split("  +", heading)
    for hop, line in ((first, hub), (last, target)):
        assert line.startswith(f"{hop.name}  ")
        assert line.endswith(
            f"  {hop.due_at:%Y-%m-%d %H:%M:%S}  {hop.expires_at:%Y-%m-%d %H:%M:%S}"
        )
        assert line.index(hop.source, 1) == heading.index("source")
    assert error.startswith("  last error: Could not assume")
    at = f"{last.next_attempt_at:%Y-%m-%d %H:%M:%S}"
    assert error.endswith(f" Next attempt: {at} UTC.")


def test_text_before_the_first_use(session):
    """Without credentials there are no times."""
    _, *lines = str(session.status()).splitlines()

    assert [["0", "-", "-"]] * 2 == [line.split()[-3:] for line in lines]


def test_no_secret(session, stub):
    """Not even a key id."""
    session.credentials()
    text = repr(session.status())

    for key in stub.issued:
        assert key.secret_access_key not in text
        assert key.session_token not in text
        assert key.access_key_id not in text
