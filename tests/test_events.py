"""Events and log lines that are queued and delivered."""

from __future__ import annotations

import logging
import threading

import pytest

from stsession._core.events import EventQueue, RefreshEvent, shorten


EVENT = RefreshEvent(name="started", hop="role")


@pytest.fixture(name="queue")
def _queue() -> EventQueue:
    return EventQueue(name="role")


def test_calls_all_hooks_in_order(queue):
    """Several sessions may share what refreshes."""
    first, second = [], []
    queue.subscribe(lambda: first.append)
    queue.subscribe(lambda: second.append)
    later = RefreshEvent(name="succeeded", hop="role")

    queue.put(EVENT)
    queue.put(later)

    assert [] == first

    queue.drain()

    assert [EVENT, later] == first == second


def test_forgets_hooks_that_are_gone(queue):
    """A dropped session isn't kept alive by what it watches."""
    heard = []
    queue.subscribe(lambda: None)
    queue.subscribe(lambda: heard.append)

    queue.put(EVENT)
    queue.drain()

    assert [EVENT] == heard
    assert 1 == len(queue._hooks)


def test_two_threads_find_the_same_hook_gone(queue):
    """The second to notice has nothing to do."""
    both = threading.Barrier(2)

    def gone() -> None:
        both.wait(60)

    queue.subscribe(gone)
    failures = []

    def deliver() -> None:
        try:
            queue._call_hooks(EVENT)
        except Exception as e:  # noqa: BLE001 - it's what is tested
            failures.append(e)

    threads = [threading.Thread(target=deliver) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == failures
    assert [] == queue._hooks


def test_failing_hook_goes_no_further(queue, caplog):
    """It is logged, and the other hooks are called."""
    heard = []

    def broken(event: RefreshEvent) -> None:
        raise ZeroDivisionError

    queue.subscribe(lambda: broken)
    queue.subscribe(lambda: heard.append)
    queue.put(EVENT)
    queue.drain()

    assert [EVENT] == heard
    assert "role: the on_event hook failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_logs_with_the_label(queue, caplog):
    """A log line begins with the name of the credentials."""
    caplog.set_level(logging.INFO, "stsession")
    queue.put(None, log="something happened", level=logging.INFO)
    queue.drain()

    assert [("stsession", logging.INFO, "role: something happened")] == (
        caplog.record_tuples
    )


def test_another_thread_delivers(queue):
    """What one thread sees in the outbox may be gone when it gets there."""

    class Emptied(list):
        def popleft(self) -> None:
            self.clear()
            raise IndexError

    queue._items = Emptied([None])
    queue.drain()

    assert [] == queue._items


def test_one_warning_a_minute(queue):
    """The rest of an outage is for the curious."""
    levels = [queue.warning_level(now) for now in (0.0, 1.0, 59.9, 60.0, 61.0)]

    assert levels == [
        logging.WARNING,
        logging.DEBUG,
        logging.DEBUG,
        logging.WARNING,
        logging.DEBUG,
    ]


def test_keys_are_shortened():
    """Enough to distinguish one from another."""
    assert "ASIA…MPLE" == shorten("ASIAQ3EGWEXAMPLE")


class RaisingHandler(logging.Handler):
    """A handler of the program that is broken."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise."""
        raise OSError("disk full")


@pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING])
def test_handlers_that_raise(queue, level):
    """The caller of a request doesn't get what a logging handler raises."""
    logger = logging.getLogger("stsession")
    handler, before = RaisingHandler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    seen = []
    queue.subscribe(lambda: seen.append)
    event = RefreshEvent(name="failed", hop="role")
    try:
        queue.put(event, log="it failed", level=level)
        queue.drain()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)

    assert [event] == seen
