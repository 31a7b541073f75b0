from __future__ import annotations

import contextlib
import gc
import threading

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

import stsession

from stsession._garbage import _GarbageCollector, collection_paused


ROLE = "arn:aws:iam::123456789012:role/Reader"


class InterruptedLock(contextlib.nullcontext):
    """
    A lock that somebody waits for who presses Ctrl-C, once.
    """

    waits = True

    def __enter__(self):
        if self.waits:
            self.waits = False
            raise KeyboardInterrupt


def test_collector_stays_off():
    """
    If somebody has switched it off before.
    """
    gc.disable()
    try:
        with collection_paused():
            pass

        assert not gc.isenabled()
    finally:
        gc.enable()


def test_collector_waits_for_the_last():
    """
    Of two who pause it at the same time, the last switches it on; after errors, too.
    """
    collector, seen = _GarbageCollector(), []
    with pytest.raises(ValueError, match="bad"), collector.paused():  # noqa: PT012
        with collector.paused():
            seen.append(gc.isenabled())
        seen.append(gc.isenabled())
        raise ValueError("bad")

    assert [False, False] == seen
    assert gc.isenabled()


def test_collector_with_many_threads():
    """
    It is on in the end, and was never on while it was paused.
    """
    collector, seen = _GarbageCollector(), []

    def pause(_):
        with collector.paused():
            seen.append(gc.isenabled())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(pause, range(200)))

    assert {False} == set(seen)
    assert gc.isenabled()


def test_collector_after_a_fork():
    """
    A child that was forked while another thread had it paused has it on.
    """
    collector = _GarbageCollector()
    with collector.paused():
        collector._after_fork()

        assert gc.isenabled()


def test_collector_after_a_fork_inside():
    """
    A child that was forked by whoever had it paused goes on, and pauses it again.
    """
    collector = _GarbageCollector()
    with collector.paused():
        collector._after_fork()
    seen = [gc.isenabled()]
    with collector.paused():
        seen.append(gc.isenabled())

    assert [True, False] == seen
    assert gc.isenabled()


def test_collector_of_an_interruption():
    """
    Ctrl-C on the way in doesn't switch on what somebody has switched off.
    """
    collector = _GarbageCollector()
    with collector.paused():
        pass
    gc.disable()
    try:
        collector._lock = InterruptedLock()
        with pytest.raises(KeyboardInterrupt), collector.paused():
            pass

        assert not gc.isenabled()
    finally:
        gc.enable()


def test_collector_that_interrupts():
    """
    A signal's handler, or a finalizer, that makes a client at the worst moment.
    """
    collector, seen = _GarbageCollector(), []

    def pause():
        with collector._lock, collector.paused():
            seen.append(gc.isenabled())

    thread = threading.Thread(target=pause, daemon=True)
    thread.start()
    thread.join(10)

    assert [False] == seen
    assert gc.isenabled()


@pytest.mark.parametrize(("share", "expected"), [(True, False), (False, True)])
def test_collector_while_a_client_is_made(share, expected):
    """
    It is off then, and on again before the client is used; unless nothing is shared.
    """
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-west-1")
    session, seen = stsession.assume(ROLE, source=source, share=share), []
    session.events.register(
        "creating-client-class.sqs", lambda **_: seen.append(gc.isenabled())
    )
    session.client("sqs")

    assert [expected] == seen
    assert gc.isenabled()
