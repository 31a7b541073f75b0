"""Sessions in other processes, and copies of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import threading

import boto3
import pytest

import stsession

from stsession._core import runtime as _runtime
from stsession.testing import FakeClock, LocalSTS, StubSTS, use_runtime

from ..children import in_a_fork, process_pool
from . import OTHER_ROLE, ROLE
from .gate import GUARD, Gate
from .timeline import seconds
from .workers import arn_of, list_bucket, set_environment


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


class World:
    """A session whose STS can be held, with a stub that needs no server."""

    def __init__(self):
        self.clock = FakeClock()
        self.gate = Gate()
        self.stub = StubSTS(clock=self.clock, before_answer=self.gate)
        source = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
        source.events.register("before-send.sts", self.stub)
        with use_runtime(clock=self.clock):
            self.session = stsession.assume(ROLE, source=source, duration_seconds=900)
        self.thread = threading.Thread(target=self.session.credentials)

    def use_in_child(self):
        """The child's STS isn't held."""
        self.gate.opens()
        return self.session.credentials().access_key_id

    def waits_for_sts(self):
        """Have another thread wait for STS."""
        self.gate.closes()
        self.thread.start()
        assert self.gate.arrived.wait(GUARD)

    def goes_on(self):
        """Let STS answer, and the thread end."""
        self.gate.opens()
        if self.thread.ident is not None:
            self.thread.join(GUARD)


@pytest.fixture(name="world")
def _world():
    world = World()
    yield world
    world.goes_on()


@needs_fork
def test_fork_during_the_first_fetch(world):
    """A child that is forked while another thread fetches does its own fetch."""
    world.waits_for_sts()

    assert in_a_fork(world.use_in_child).startswith("ASIA")


@needs_fork
def test_fork_during_a_refresh_at_expiry(world):
    """The same with expired credentials."""
    old = world.session.credentials().access_key_id
    world.clock.advance(seconds(900))
    world.waits_for_sts()

    assert old != in_a_fork(world.use_in_child)


@needs_fork
def test_fork_during_an_advisory_refresh(world):
    """If they are valid, the child goes on with them at once, though STS is held."""
    old = world.session.credentials()
    world.clock.advance(seconds(700))
    world.waits_for_sts()
    world.thread.join(GUARD)  # it doesn't wait, a thread of ours does

    assert old.access_key_id == in_a_fork(
        lambda: world.session.credentials().access_key_id
    )


@needs_fork
def test_fork_under_a_lock(world):
    """Whatever lock another thread holds in the parent, it is free in the child."""
    world.session.credentials()
    world.clock.advance(seconds(900))
    held = [
        world.session._refresher._lock,
        _runtime._pool()._lock,
        world.session._source._clients._lock,
        world.session._source.signer._lock,
    ]
    with contextlib.ExitStack() as stack:
        for lock in held:
            stack.enter_context(lock)

        assert in_a_fork(world.use_in_child).startswith("ASIA")


@needs_fork
def test_children_refresh_at_different_times(world):
    """Children of one parent don't all refresh at the same moment."""
    world.session.credentials()

    def due():
        return world.session._refresher.record.plan.due

    assert 3 == len({in_a_fork(due) for _ in range(3)})


@needs_fork
def test_fork_with_a_server(session, local):
    """A child has connections of its own: both go on, neither disturbs the other."""
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")

    def refresh():
        session.refresh()
        return session.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"]

    assert [5, 5] == [in_a_fork(refresh) for _ in range(2)]

    session.refresh()

    assert 5 == s3.list_objects_v2(Bucket="bucket")["KeyCount"]
    assert {200} == {call.status for call in local.calls()}


@pytest.fixture(name="files")
def _files(monkeypatch, tmp_path):
    """A server by the machine's clock, and a profile that leads there."""
    with LocalSTS() as local:
        local.add_role(ROLE)
        local.add_role(OTHER_ROLE, external_id="partner")
        local.add_bucket("bucket", objects={"a": b"", "b": b""})
        files = local.write_profile(tmp_path, key=local.add_user(), name="dev")
        for name, value in files.environment.items():
            monkeypatch.setenv(name, value)
        yield files


SESSIONS = {
    "profile": lambda: stsession.assume(
        OTHER_ROLE, source="dev", external_id="partner"
    ),
    "default": lambda: stsession.assume(OTHER_ROLE, external_id="partner"),
    "boto3": lambda: stsession.assume(
        OTHER_ROLE,
        source=boto3.Session(profile_name="dev", region_name="eu-west-3"),
        external_id="partner",
    ),
    "chain": lambda: stsession.assume(ROLE, source="dev").assume(
        OTHER_ROLE, external_id="partner", cache=stsession.MemoryCache()
    ),
}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_process_pool(method, files):
    """Sessions may be passed to the workers of a pool, used or not."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    sessions = [make() for make in SESSIONS.values()]
    sessions[0].credentials()

    with process_pool(
        1,
        mp_context=multiprocessing.get_context(method),
        # A fork server may have been started in another environment.
        initializer=set_environment,
        initargs=(files.environment,),
    ) as pool:
        counts = list(pool.map(list_bucket, sessions))
        arns = {arn.rpartition("/")[0] for arn in pool.map(arn_of, sessions)}

    assert [2] * len(sessions) == counts
    assert {"arn:aws:sts::210987654321:assumed-role/Writer"} == arns


def test_a_function_as_source_is_not_pickled(files):
    """A recipe with a local function can't be pickled."""

    def local_function():
        return {}

    session = stsession.assume(ROLE, source=local_function, region="us-east-1")

    with pytest.raises((pickle.PicklingError, AttributeError), match="local_function"):
        pickle.dumps(session)
