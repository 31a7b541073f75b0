"""A refresher whose calls are run in steps, as by an event loop."""

from __future__ import annotations

import math
import threading

import pytest

from stsession._core.runtime import DaemonPool, spawn
from stsession._locks import OneTimeEvent
from stsession.exceptions import RefreshError, StsUnavailableError

from .engine import SOON, Engine, Gate, engine, real_waits, run_steps


@pytest.fixture(name="it")
def _it() -> Engine:
    it = real_waits(engine())
    it.refresher.submit, it.refresher.spawn = DaemonPool().submit, spawn
    return it


def test_a_call_yields_what_it_waits_for(it):
    """The fetch runs on another thread meanwhile."""
    gate = Gate(it)
    steps = it.refresher.get_steps(blocking=False)

    wait = next(steps)

    assert gate.began.wait(SOON)
    assert it.refresher.load_timeout == wait.timeout
    assert not wait.done.is_set()

    gate.may_end.set()

    assert wait.done.wait(SOON)
    with pytest.raises(StopIteration) as caught:
        next(steps)
    assert it.refresher.record is caught.value.value


def test_a_call_that_ends_early(it):
    """The refresh goes on, and the next call joins it."""
    gate = Gate(it)
    steps = it.refresher.get_steps(blocking=False)
    next(steps)
    assert gate.began.wait(SOON)

    steps.close()
    other = it.refresher.get_steps(blocking=False)
    wait = next(other)
    gate.may_end.set()

    assert wait.done.wait(SOON)
    assert 1 == it.attempts
    assert 1 == it.refresher.get().generation


def test_a_call_that_ends_before_the_fetch_begins(it):
    """The thread for it has been started, so the refresh goes on as well."""
    threads = []
    it.refresher.spawn = lambda task: threads.append(task) or True
    steps = it.refresher.get_steps(blocking=False)
    next(steps)

    steps.close()
    threads.pop()()

    assert 1 == it.attempts
    assert it.refresher.record is it.refresher.fresh()
    assert it.refresher.record is not None


def test_advisory_refreshes_are_not_waited_for(it):
    """The current credentials are returned in the first step."""
    current = it.refresher.get()
    it.due()
    gate = Gate(it)

    assert current is run_steps(it.refresher, "get")
    gate.may_end.set()


@pytest.mark.parametrize(
    ("call", "args"), [("get", ()), ("refresh", ()), ("ensure", (60,))]
)
def test_failures_are_raised(it, call, args):
    """Each call that waits raises its own exception."""
    it.source.goes_down()
    errors = []
    for _ in range(2):
        with pytest.raises(StsUnavailableError) as caught:
            run_steps(it.refresher, call, *args)
        errors.append(caught.value)

    assert errors[0] is not errors[1]


def test_callbacks(it):
    """They are called by the thread that ends the refresh, or at once afterwards."""
    gate = Gate(it)
    called: list[str] = []
    ended = threading.Event()

    def callback():
        called.append(threading.current_thread().name)
        ended.set()

    removed = lambda: called.append("removed")  # noqa: E731 - it is compared
    wait = next(it.refresher.get_steps(blocking=False))
    wait.done.add_callback(callback)
    wait.done.add_callback(removed)
    wait.done.remove_callback(removed)
    wait.done.remove_callback(removed)
    gate.may_end.set()

    assert ended.wait(SOON)
    assert wait.done.wait(SOON)
    wait.done.add_callback(lambda: called.append("late"))
    assert ["stsession-fetch", "late"] == called


class Callback:
    """One that counts comparisons with others."""

    comparisons = 0

    def __call__(self):
        """Do nothing."""

    def __eq__(self, other):
        """Compare."""
        Callback.comparisons += 1
        return self is other

    __hash__ = object.__hash__


def test_many_waits_that_end_in_any_order():
    """A task that is canceled doesn't look at all others, which would take long."""
    done, callbacks = OneTimeEvent(), [Callback() for _ in range(100)]
    for callback in callbacks:
        done.add_callback(callback)
    for callback in reversed(callbacks):
        done.remove_callback(callback)

    assert 10 > Callback.comparisons


def test_prompts(it):
    """Another thread prompts; all wait, since a person may take long to answer."""
    it.refresher.needs_input = it.refresher._state.needs_input = lambda: True
    gate = Gate(it)

    wait = next(it.refresher.get_steps(blocking=False))

    assert gate.began.wait(SOON)
    assert math.inf == wait.timeout
    gate.may_end.set()
    assert wait.done.wait(SOON)


def test_events_without_a_caller(it):
    """They are delivered although the call has ended."""
    gate = Gate(it)
    delivered = threading.Event()
    hook = lambda event: event.name == "succeeded" and delivered.set()  # noqa: E731 - referenced weakly
    it.refresher.events.subscribe(lambda: hook)

    steps = it.refresher.get_steps(blocking=False)
    next(steps)
    steps.close()
    gate.may_end.set()

    assert delivered.wait(SOON)


def test_hooks_after_an_interrupted_wait(it):
    """Events of the refresh, which goes on, are delivered as well."""
    gate = Gate(it)
    delivered = threading.Event()
    hook = lambda event: event.name == "succeeded" and delivered.set()  # noqa: E731 - referenced weakly
    it.refresher.events.subscribe(lambda: hook)

    def interrupt(event, seconds):
        assert gate.began.wait(SOON)
        raise KeyboardInterrupt

    it.refresher.wait = interrupt
    with pytest.raises(KeyboardInterrupt):
        it.refresher.get()
    gate.may_end.set()

    assert delivered.wait(SOON)


def test_no_thread_can_be_started():
    """The caller fetches itself, as it does without an event loop."""
    it = engine(background="no thread")

    assert 1 == run_steps(it.refresher, "get").generation
    assert [] == it.patience.waits


def test_a_source_that_hangs():
    """Calls end at the deadline."""
    it = engine(background="by hand")
    it.background.has_usable = lambda: True

    with pytest.raises(RefreshError, match="did not respond within 30 s"):
        run_steps(it.refresher, "get")
    assert [it.refresher.load_timeout] == it.patience.waits
