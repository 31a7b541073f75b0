"""Local clocks that are wrong, beside a server whose clock is right."""

from __future__ import annotations

import pytest

import stsession

from stsession.testing import FakeClock, use_runtime

from . import ROLE
from .timeline import seconds


LIFE = 900
STEP = 50
HOUR = 3_600


class World:
    """A server with an honest clock, and a client with one that may be wrong."""

    def __init__(self, local, honest):
        self.local = local
        self.honest = honest
        self.clock = FakeClock(honest.now())

        def run(task):
            task()
            return True

        with use_runtime(clock=self.clock, random=lambda: 0.5, submit=run):
            self.session = stsession.assume(
                ROLE, source=local.session(local.add_user()), duration_seconds=LIFE
            )
        self._s3 = self.session.client("s3")

    def passes(self, n):
        """Let time pass for both."""
        self.honest.advance(seconds(n))
        self.clock.advance(seconds(n))

    def freezes(self, n):
        """The machine of the client doesn't notice how time passes."""
        self.honest.advance(seconds(n))
        self.clock.freeze(seconds(n))

    def works_for(self, n):
        """Ask S3 now and then."""
        for _ in range(n // STEP):
            self._s3.list_objects_v2(Bucket="bucket", MaxKeys=1)
            self.passes(STEP)

    @property
    def refreshes(self):
        """How many calls of STS there were."""
        return self.local.count("AssumeRole")

    @property
    def codes(self):
        """What S3 answered."""
        return {call.code for call in self.local.calls("ListObjectsV2")}


@pytest.fixture(name="world")
def _world(local, clock):
    return World(local, clock)


STEPS = {
    "back 5 h": -5 * HOUR,
    "back a minute": -60,
    "forward 2 h": 2 * HOUR,
    "forward 10 min": 600,
}


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
@pytest.mark.parametrize("at", [0, 100, 500, 550, 700, 850])
def test_wall_clock_is_set(world, step, at):
    """Setting the clock costs one early refresh at most, and no expired key is used."""
    world.works_for(at + STEP)
    before = world.refreshes
    world.clock.step_wall(seconds(step))
    world.works_for(3 * LIFE)

    assert {None} == world.codes
    assert world.refreshes - before <= 3 * LIFE // (LIFE - 375) + 1


@pytest.mark.parametrize("at", [0, 100, 500, 550, 700, 850])
def test_frozen(world, at):
    """A machine that wakes up after 20 minutes notices that its key has expired."""
    world.works_for(at + STEP)
    before = world.refreshes
    world.freezes(20 * 60)
    world.works_for(LIFE)

    assert {None} == world.codes
    assert world.refreshes - before <= 2


@pytest.mark.parametrize("wrong", [51 * 60, -51 * 60], ids=["fast", "slow"])
def test_clock_is_wrong_at_issue(world, wrong):
    """A clock that is wrong by 51 minutes has no effect at all."""
    world.clock.step_wall(seconds(wrong))
    world.works_for(3 * LIFE)

    assert {None} == world.codes
    assert world.refreshes <= 3 * LIFE // (LIFE - 375) + 1


def test_clock_is_put_right(world):
    """Nor does it matter when the wrong clock is corrected."""
    world.clock.step_wall(seconds(51 * 60))
    world.works_for(300)
    world.clock.step_wall(seconds(-51 * 60))
    world.works_for(2 * LIFE)

    assert {None} == world.codes
    assert world.refreshes <= 5


def test_clock_is_set_all_the_time(world):
    """Even a clock that never stops jumping causes no storm."""
    for n in range(60):
        world.clock.step_wall(seconds(HOUR if n % 2 else -HOUR))
        world.works_for(STEP)

    assert {None} == world.codes
    assert world.refreshes <= 60
