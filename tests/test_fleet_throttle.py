from __future__ import annotations

import datetime as dt
import os
import threading

import pytest

from stsession._core.runtime import current_runtime
from stsession.exceptions import AccessDeniedError, FailureKind, StsUnavailableError
from stsession.fleet._throttle import OUTAGES, Throttle, throttle_for
from stsession.testing import FakeClock, use_runtime

from .children import in_a_fork


THROTTLED = StsUnavailableError("Busy.", kind=FailureKind.THROTTLED, http_status=400)
OUTAGE = StsUnavailableError("Down.", http_status=500)


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


@pytest.fixture(name="throttle")
def _throttle(clock):
    """A throttle whose waits let time pass."""

    def wait(event, seconds):
        clock.advance(dt.timedelta(seconds=seconds + 1e-6))

    with use_runtime(clock=clock, wait=wait, random=lambda: 1.0):
        yield Throttle()


def retrying(throttle, timeout=120.0):
    """A loop that retries for so many seconds."""
    return throttle.retry_loop(timeout, action="Could not do it", hop="x")


class Answers:
    """The responses of STS, one after the other; the last is repeated."""

    def __init__(self, clock, *answers):
        self._clock, self._answers = clock, list(answers)
        self.sent_at = []

    def __call__(self):
        """Answer."""
        self.sent_at.append(self._clock.monotonic())
        answer = self._answers[0]
        if len(self._answers) > 1:
            self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_throttled(throttle, clock):
    """A throttled request is sent again, and all requests are slowed down."""
    send = Answers(clock, THROTTLED, THROTTLED, "keys")

    assert "keys" == retrying(throttle)(send)
    assert 3 == len(send.sent_at)
    assert throttle.rate < 10


def test_timeout(throttle, clock):
    """After so many seconds, the last error is raised."""
    send = Answers(clock, THROTTLED)

    with pytest.raises(StsUnavailableError, match="Busy"):
        retrying(throttle, timeout=30.0)(send)

    assert 30.0 <= clock.monotonic() < 31.0
    assert len(send.sent_at) > 5


@pytest.mark.parametrize("timeout", [0.0, 1.0])
def test_not_sent_in_time(throttle, clock, timeout):
    """A request that can't be sent in time isn't sent, and delays no other."""
    send = Answers(clock, "keys")
    throttle.observe(0.0, THROTTLED)
    with pytest.raises(StsUnavailableError) as caught:
        retrying(throttle, timeout)(send)

    assert [] == send.sent_at
    assert f"could not be sent within {timeout:.0f} s" in str(caught.value)
    assert (FailureKind.THROTTLED, "x", True) == (
        caught.value.kind,
        caught.value.hop,
        caught.value.retryable,
    )
    assert "keys" == retrying(throttle)(send)
    assert pytest.approx([2.0], abs=0.001) == send.sent_at


def test_sent_at_once(throttle, clock):
    """A timeout of zero suffices while there is no limit."""
    send = Answers(clock, "keys")

    assert "keys" == retrying(throttle, timeout=0.0)(send)


def test_outage(throttle, clock):
    """After an outage there are longer and longer pauses."""
    send = Answers(clock, OUTAGE, OUTAGE, OUTAGE, "keys")

    assert "keys" == retrying(throttle)(send)
    assert pytest.approx([0, 0.25, 0.75, 1.75], abs=0.001) == send.sent_at


def test_lasting_outage(throttle, clock):
    """An outage that lasts isn't waited for as long as throttling is."""
    send = Answers(clock, OUTAGE)

    with pytest.raises(StsUnavailableError, match="Down"):
        retrying(throttle)(send)

    assert OUTAGES == len(send.sent_at)


def test_outage_at_the_end(throttle, clock):
    """There is no pause that would end too late."""
    send = Answers(clock, OUTAGE)

    with pytest.raises(StsUnavailableError):
        retrying(throttle, timeout=0.5)(send)

    assert clock.monotonic() < 0.5


def test_permanent_error(throttle, clock):
    """A permanent error isn't retried."""
    send = Answers(clock, AccessDeniedError("No."))

    with pytest.raises(AccessDeniedError):
        retrying(throttle)(send)

    assert 1 == len(send.sent_at)


def test_retry_after(throttle, clock):
    """STS may say how long to wait."""
    busy = StsUnavailableError(
        "Busy.", kind=FailureKind.THROTTLED, retry_after=dt.timedelta(seconds=20)
    )
    send = Answers(clock, busy, "keys")

    retrying(throttle)(send)

    assert pytest.approx([0, 20], abs=0.001) == send.sent_at


def test_what_never_arrived_says_nothing(throttle):
    """A timeout doesn't count as a request that STS accepted."""
    throttle.observe(0.0, StsUnavailableError("Timeout."))
    throttle.observe(0.0, THROTTLED)

    assert 0.5 == throttle.rate


def test_first_come_first_served(clock):
    """Requests are sent in the order in which they began to wait."""
    order, asking = [], threading.Semaphore(0)
    waiting = threading.Event()

    def wait(event, seconds):
        asking.release()
        waiting.wait()
        clock.advance(dt.timedelta(seconds=1))
        event.wait(0.01)

    with use_runtime(clock=clock, wait=wait):
        throttle = Throttle()
    throttle.observe(0.0, THROTTLED)

    def take(number):
        assert throttle.acquire(deadline=1e9)
        order.append(number)

    threads = []
    for number in range(5):
        thread = threading.Thread(target=take, args=(number,))
        thread.start()
        threads.append(thread)
        asking.acquire()  # it waits
    waiting.set()
    for thread in threads:
        thread.join()

    assert list(range(5)) == order


def test_leaves_the_queue(throttle, clock):
    """A request that has waited too long leaves the queue."""
    throttle.observe(0.0, THROTTLED)

    assert not throttle.acquire(deadline=1.0)
    assert throttle.acquire(deadline=1e9)
    assert not throttle._queue


def test_shared(clock):
    """All who have the same key have one throttle, as long as the clock is the same."""
    with use_runtime(clock=clock):
        one, same, other = throttle_for("a"), throttle_for("a"), throttle_for("b")
    elsewhere = throttle_for("a")

    assert one is same
    assert 3 == len({one, other, elsewhere})
    assert elsewhere.clock is current_runtime().clock


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork(throttle):
    """A child starts without the limit and the queue of its parent."""
    throttle.observe(0.0, THROTTLED)
    with throttle._lock:
        rate, waiting = in_a_fork(lambda: [throttle.rate, len(throttle._queue)])

    assert 1e9 < rate
    assert 0 == waiting
