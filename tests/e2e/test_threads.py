"""Many threads, one session."""

from __future__ import annotations

import threading

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from botocore.config import Config

import stsession

from stsession.testing import generation_of, use_runtime

from . import ROLE
from .gate import GUARD, Gate
from .timeline import seconds


THREADS = 64
LIFE = 900


@pytest.fixture(name="gate")
def _gate():
    gate = Gate()
    yield gate
    gate.opens()


@pytest.fixture(name="session")
def _session(source, clock, gate):
    """A session with the threads of the process, whose STS can be held."""
    source.events.register("before-send.sts", gate)
    with use_runtime(clock=clock):
        return stsession.assume(ROLE, source=source, duration_seconds=LIFE)


def in_threads(do, *, threads=THREADS, meanwhile=lambda: None):
    """Do something in many threads at the same moment; return what it returned."""
    barrier = threading.Barrier(threads + 1)

    def work():
        barrier.wait(GUARD)
        return do()

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(work) for _ in range(threads)]
        barrier.wait(GUARD)
        meanwhile()
        return [future.result(GUARD) for future in futures]


def listing(session):
    """A request to S3, as a function; its client may be shared by the threads."""
    s3 = session.client("s3", config=Config(max_pool_connections=THREADS))
    return lambda: s3.list_objects_v2(Bucket="bucket")["KeyCount"]


@pytest.mark.parametrize("slow", [False, True])
def test_first_use(session, local, gate, slow):
    """The first use by many threads is one AssumeRole, also if STS is slow."""
    if slow:
        gate.closes()
    meanwhile = gate.opens_when_reached if slow else bool

    assert {5} == set(in_threads(listing(session), meanwhile=meanwhile))
    assert 1 == local.count("AssumeRole")


def test_expiry(session, local, clock):
    """Expired credentials cost one AssumeRole, and no thread signs with them."""
    do = listing(session)
    do()
    clock.advance(seconds(LIFE))

    assert {5} == set(in_threads(do))
    assert 2 == local.count("AssumeRole")
    assert {200} == {call.status for call in local.calls()}


def test_mandatory_window(session, local, clock, gate):
    """In the last minute they wait for one refresh, too."""
    do = listing(session)
    do()
    clock.advance(seconds(LIFE - 30))
    gate.closes()

    assert {5} == set(in_threads(do, meanwhile=gate.opens_when_reached))
    assert 2 == local.count("AssumeRole")
    assert {2} == {
        generation_of(call.access_key_id) for call in local.calls("ListObjectsV2")[1:]
    }


def test_advisory_window(session, local, clock, gate):
    """In the advisory window no thread waits for STS."""
    do = listing(session)
    do()
    clock.advance(seconds(LIFE - 200))
    gate.closes()

    assert {5} == set(in_threads(do))
    assert gate.arrived.wait(GUARD)
    assert {5} == set(in_threads(do))
    assert 1 == local.count("AssumeRole")
    assert {1} == {
        generation_of(call.access_key_id) for call in local.calls("ListObjectsV2")
    }


def test_the_refresh_comes_in_the_background(session, local, clock, gate):
    """Once STS has answered, requests are signed by the new key."""
    refreshed = threading.Event()
    session._refresher.events.subscribe(
        lambda: lambda event: event.name == "succeeded" and refreshed.set()
    )
    do = listing(session)
    do()
    refreshed.clear()
    clock.advance(seconds(LIFE - 200))
    gate.closes()
    do()
    gate.opens()

    assert refreshed.wait(GUARD)

    do()

    assert [1, 1, 2] == [
        generation_of(call.access_key_id) for call in local.calls("ListObjectsV2")
    ]


@contextmanager
def readers(read, *, threads=2):
    """Threads that read keys all the time; yields what didn't belong together."""
    stop = threading.Event()
    mixed = []

    def work():
        while not stop.is_set():
            values = read()
            if len({generation_of(value) for value in values}) > 1:
                mixed.append(values)

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield mixed
    finally:
        stop.set()
        for thread in running:
            thread.join(GUARD)


@pytest.mark.parametrize("step", [100, LIFE])
def test_key_and_secret_are_of_one_generation(session, local, clock, step):
    """No request is signed with parts of two sets of credentials."""
    s3 = session.client("s3")
    credentials = session.get_credentials()

    with readers(lambda: credentials.get_frozen_credentials()[:3]) as mixed:
        for _ in range(10):
            s3.list_objects_v2(Bucket="bucket", MaxKeys=1)
            clock.advance(seconds(step))

    assert [] == mixed
    assert 10 == [call.status for call in local.calls("ListObjectsV2")].count(200)
    assert "SignatureDoesNotMatch" not in {call.code for call in local.calls()}


def test_values_read_one_by_one_are_of_one_generation(source, clock):
    """The same is true if the attributes are read one after another."""
    with use_runtime(clock=clock):
        session = stsession.assume(
            ROLE,
            source=source,
            refresh=stsession.RefreshPolicy(attempts_per_minute=1_000),
        )
    credentials = session.get_credentials()

    def read():
        return credentials.access_key, credentials.secret_key, credentials.token

    with readers(read) as mixed:
        for _ in range(10):
            session.refresh()

    assert [] == mixed
    assert 10 <= session.status().hop.generation
