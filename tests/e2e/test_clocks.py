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

    def __init__(self, stub, stubbed, honest):
        self.stub = stub
        self.honest = honest
        self.clock = FakeClock(honest.now())
        self.rejected = 0

        def run(task):
            task()
            return True

        with use_runtime(clock=self.clock, random=lambda: 0.5, submit=run):
            session = stsession.assume(ROLE, source=stubbed, duration_seconds=LIFE)
        self._credentials = session.get_credentials()

    def passes(self, n):
        """Let time pass for both."""
        self.honest.advance(seconds(n))
        self.clock.advance(seconds(n))

    def freezes(self, n):
        """The machine of the client doesn't notice how time passes."""
        self.honest.advance(seconds(n))
        self.clock.freeze(seconds(n))

    def works_for(self, n):
        """Sign a request now and then; a service compares the key with its clock."""
        for _ in range(n // STEP):
            key = self._credentials.get_frozen_credentials().access_key
            (expires_at,) = (
                it.expires_at for it in self.stub.issued if it.access_key_id == key
            )
            self.rejected += self.honest.now() >= expires_at
            self.passes(STEP)

    @property
    def refreshes(self):
        """How many calls of STS there were."""
        return self.stub.attempts


@pytest.fixture(name="world")
def _world(stub, stubbed, clock):
    return World(stub, stubbed, clock)


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

    assert 0 == world.rejected
    assert world.refreshes - before <= 3 * LIFE // (LIFE - 375) + 1


@pytest.mark.parametrize("at", [0, 100, 500, 550, 700, 850])
def test_frozen(world, at):
    """A machine that wakes up after 20 minutes notices that its key has expired."""
    world.works_for(at + STEP)
    before = world.refreshes
    world.freezes(20 * 60)
    world.works_for(LIFE)

    assert 0 == world.rejected
    assert world.refreshes - before <= 2


@pytest.mark.parametrize("wrong", [51 * 60, -51 * 60], ids=["fast", "slow"])
def test_clock_is_wrong_at_issue(world, wrong):
    """A clock that is wrong by 51 minutes has no effect at all."""
    world.clock.step_wall(seconds(wrong))
    world.works_for(3 * LIFE)

    assert 0 == world.rejected
    assert world.refreshes <= 3 * LIFE // (LIFE - 375) + 1


def test_clock_is_put_right(world):
    """Nor does it matter when the wrong clock is corrected."""
    world.clock.step_wall(seconds(51 * 60))
    world.works_for(300)
    world.clock.step_wall(seconds(-51 * 60))
    world.works_for(2 * LIFE)

    assert 0 == world.rejected
    assert world.refreshes <= 5


def test_clock_is_set_all_the_time(world):
    """Even a clock that never stops jumping causes no storm."""
    for n in range(60):
        world.clock.step_wall(seconds(HOUR if n % 2 else -HOUR))
        world.works_for(STEP)

    assert 0 == world.rejected
    assert world.refreshes <= 60
