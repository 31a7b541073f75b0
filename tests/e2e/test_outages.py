"""Sessions during an outage of STS."""

from __future__ import annotations

import random
import types

import botocore.endpoint
import pytest

from botocore.exceptions import ClientError, ReadTimeoutError

import stsession

from stsession.exceptions import CredentialsExpiredError, RefreshError
from stsession.testing import Fault, FaultSchedule, use_runtime

from . import ROLE
from .timeline import Timeline, seconds


LIFE = 900
OUTAGE = 300
READ_TIMEOUT = 5.0
LONGEST_WAIT = 5.0
"""Seconds that a caller with usable credentials may wait: *mandatory_wait*."""

MOST_IN_A_MINUTE = 7
SOON = 30.0
"""Seconds after which all is well again once STS is back."""

FAULTS = {
    "500": Fault.status(500),
    "throttled": Fault.throttled(),
    "asks to wait": Fault.throttled(retry_after=seconds(20)),
    "silent": Fault.hang(),
    "denied": Fault.access_denied(),
}

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))


@pytest.fixture(name="timeline")
def _timeline(clock, monkeypatch):
    """The STS client's own pauses between retries take place in it, too."""
    timeline = Timeline(clock)
    time = types.SimpleNamespace(sleep=timeline.sleep)
    monkeypatch.setattr(botocore.endpoint, "time", time)
    return timeline


class World:
    """One S3 call after another, as far as credentials go: is the key alive?"""

    def __init__(self, stub, stubbed, timeline, *, seed=0):
        self.stub = stub
        self.timeline = timeline
        self.fetches = []
        self.failed_at = []
        self.slowest = 0.0
        self._alive = {}
        stub.before_answer = self._takes_its_time
        draw = random.Random(seed).random
        with use_runtime(
            clock=timeline.clock,
            random=draw,
            submit=timeline.run,
            spawn=timeline.run,
            wait=timeline.wait,
        ):
            self.session = stsession.assume(
                ROLE,
                source=stubbed,
                duration_seconds=LIFE,
                cache=None,
                on_event=self._on_event,
            )
        self._credentials = self.session.get_credentials()

    @property
    def now(self):
        """Seconds since the world began."""
        return self.timeline.clock.monotonic()

    def _on_event(self, event):
        if event.name == "started":
            self.fetches.append(self.now)

    def _takes_its_time(self):
        """A silent STS keeps the client until its read time-out."""
        if self.silent:
            self.timeline.sleep(READ_TIMEOUT)

    silent = False

    def goes_down(self, fault):
        """STS fails from now on."""
        self.silent = fault.name == "hang"
        self.stub.goes_down(fault)

    def comes_back(self):
        """STS answers again."""
        self.silent = False
        self.stub.comes_back()

    def call(self):
        """Sign a request; return whether the service would take it."""
        began = self.now
        try:
            key = self._credentials.get_frozen_credentials().access_key
        except RefreshError:
            return False
        finally:
            self.slowest = max(self.slowest, self.now - began)
        if key not in self._alive:
            self._alive = {k.access_key_id: k.expires_at for k in self.stub.issued}
        return self.timeline.clock.now() < self._alive[key]

    def works_until(self, at):
        """Call once a second, and note the instants of calls that failed."""
        while self.now < at:
            if not self.call():
                self.failed_at.append(self.now)
            self.timeline.passes(1.0)

    def busiest_minute(self):
        """The most fetches that began within one minute."""
        return max(
            sum(1 for at in self.fetches if first <= at < first + 60)
            for first in self.fetches
        )


@pytest.fixture(name="world")
def _world(stub, stubbed, timeline):
    return World(stub, stubbed, timeline)


@each_fault
def test_five_minutes_at_any_phase(fault, stub, stubbed, timeline):
    """No call fails, none waits longer than the policy says, and STS isn't stormed."""
    # Outages that begin earlier are over before a refresh is due.
    for phase in range(LIFE - 375 - OUTAGE, LIFE, 45):
        world = World(stub, stubbed, timeline, seed=phase)
        start = world.now
        world.works_until(start + phase)
        world.goes_down(fault)
        world.works_until(start + phase + OUTAGE)
        world.comes_back()
        world.works_until(start + phase + OUTAGE + 120)

        assert [] == world.failed_at, f"down from {phase} s"
        assert world.slowest <= LONGEST_WAIT, f"down from {phase} s"
        assert world.busiest_minute() <= MOST_IN_A_MINUTE, f"down from {phase} s"


@each_fault
@pytest.mark.parametrize("after_expiry", [1, 300])
def test_sts_comes_back_after_expiry(fault, after_expiry, world):
    """However long it was down, calls succeed again soon after STS is back."""
    world.works_until(1)
    world.goes_down(fault)
    world.works_until(LIFE + after_expiry)
    world.comes_back()
    back = world.now

    while not world.call():
        world.timeline.passes(1.0)

    assert world.now - back <= SOON
    assert world.busiest_minute() <= MOST_IN_A_MINUTE


@each_fault
def test_first_use_while_sts_is_down(fault, world):
    """A session that never had credentials has them soon after STS is back."""
    world.goes_down(fault)
    world.works_until(200)
    world.comes_back()
    back = world.now

    while not world.call():
        world.timeline.passes(1.0)

    assert world.now - back <= SOON
    assert world.busiest_minute() <= MOST_IN_A_MINUTE


@pytest.fixture(name="faults")
def _faults(source, local, clock):
    """What goes wrong with STS; its silence lasts no longer than the rest."""
    silence = FaultSchedule(clock)

    def gives_up(request, **_):
        if silence.take("AssumeRole", service="sts"):
            raise ReadTimeoutError(endpoint_url=request.url)

    source.events.register("before-send.sts.AssumeRole", gives_up)

    def add(fault, **when):
        faults = silence if fault.name == "hang" else local.faults
        faults.add(fault, operation="AssumeRole", **when)

    return add


@each_fault
def test_s3_in_an_outage(fault, faults, session, local, clock):
    """S3 calls go on through five minutes without STS."""
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")
    clock.advance(seconds(510))
    faults(fault, after=seconds(40), for_=seconds(OUTAGE))

    while clock.monotonic() < 550 + OUTAGE + 60:
        clock.advance(seconds(20))
        s3.list_objects_v2(Bucket="bucket", MaxKeys=1)

    assert {200} == {call.status for call in local.calls("ListObjectsV2")}
    assert 2 == [call.status for call in local.calls("AssumeRole")].count(200)


@each_fault
def test_down_past_expiry(fault, faults, session, local, clock):
    """The error has the expiration, the number of attempts, and the cause."""
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")
    expires_at = session.expires_at
    faults(fault)
    failed = 0
    clock.advance(seconds(500))
    for _ in range(500 // 20):
        clock.advance(seconds(20))
        try:
            s3.list_objects_v2(Bucket="bucket")
        except CredentialsExpiredError as e:
            failed += 1
            last = e

    assert 1_000 - LIFE == 20 * (failed - 1)
    assert expires_at == last.expired_at
    assert f"(at {expires_at:%Y-%m-%d %H:%M:%S} UTC)" in str(last)
    assert last.attempts == session.status().hop.counters.failures
    assert f"({last.attempts} failed attempts using " in str(last)
    assert (fault.code or "ReadTimeoutError") in str(last)
    assert isinstance(last.__cause__, (ClientError, ReadTimeoutError))
