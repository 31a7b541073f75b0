from __future__ import annotations

import gc

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

import stsession

from stsession._botocore.loader import _GarbageCollector, without_collection


ROLE = "arn:aws:iam::123456789012:role/Reader"


def test_collector_stays_off():
    """
    If the program has switched it off before.
    """
    gc.disable()
    try:
        without_collection(gc.isenabled)

        assert not gc.isenabled()
    finally:
        gc.enable()


def test_collector_waits_for_the_last():
    """
    Of two calls that overlap, the last to end switches it on; after errors, too.
    """
    collector, seen = _GarbageCollector(), []

    def outer():
        seen.append(collector.paused(gc.isenabled))
        seen.append(gc.isenabled())
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        collector.paused(outer)

    assert [False, False] == seen
    assert gc.isenabled()


def test_collector_with_many_threads():
    """
    It is on in the end.
    """
    collector = _GarbageCollector()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(collector.paused, [gc.isenabled] * 200))

    assert gc.isenabled()


def test_collector_after_a_fork():
    """
    A child that was forked while another thread had it paused has it on.
    """
    collector = _GarbageCollector()

    def fork():
        collector._after_fork()
        return gc.isenabled()

    assert collector.paused(fork)
    assert not collector.paused(gc.isenabled)
    assert gc.isenabled()


@pytest.mark.parametrize(("share_models", "expected"), [(True, False), (False, True)])
def test_collector_while_a_client_is_made(share_models, expected):
    """
    It is off then, and on again before the client is used; unless nothing is shared.
    """
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-west-1")
    session, seen = stsession.assume(ROLE, source=source, share_models=share_models), []
    session.events.register(
        "creating-client-class.sqs", lambda **_: seen.append(gc.isenabled())
    )
    session.client("sqs")

    assert [expected] == seen
    assert gc.isenabled()
