from __future__ import annotations

import copy
import datetime as dt
import gc
import pickle
import random

from concurrent.futures import ThreadPoolExecutor

import pytest

from botocore.config import Config

import stsession

from stsession import MemoryCache, RefreshPolicy
from stsession._requests.models import OPERATIONS
from stsession.testing import FakeClock, use_runtime

from .wire import HUB, READER, TARGET, minutes, source_of


def test_many_sessions(stub, source):
    """32 of them at once, for one role: one AssumeRole."""

    def one(_):
        return stsession.assume(READER, source=source).credentials()

    with ThreadPoolExecutor(32) as threads:
        got = set(threads.map(one, range(32)))

    assert 1 == len(got)
    assert 1 == stub.attempts


def test_two_sources(stub):
    """They never have each other's credentials."""
    one = stsession.assume(READER, source=source_of(stub, key="AKIAONE"))
    other = stsession.assume(READER, source=source_of(stub, key="AKIAOTHER"))

    assert one.credentials() != other.credentials()
    assert ["AKIAONE", "AKIAOTHER"] == [call.access_key_id for call in stub.requests]


def test_two_functions(stub):
    """The same, also if they look alike."""

    def vault(key):
        return lambda: {"AccessKeyId": key, "SecretAccessKey": "secret"}

    one, other = (
        stsession.assume(READER, source=vault(key), region="eu-west-1")
        for key in ("AKIAONE", "AKIAOTHER")
    )

    assert one._refreshers[-1] is not other._refreshers[-1]


def test_two_ways_to_one_role(source):
    """Nor do chains over different roles."""
    one = stsession.assume([HUB, TARGET], source=source)
    other = stsession.assume([READER, TARGET], source=source)

    assert one._refreshers[-1] is not other._refreshers[-1]


def test_one_way_to_two_roles(stub, source):
    """What chains have in common is shared."""
    one = stsession.assume([HUB, TARGET], source=source)
    other = stsession.assume([HUB, READER], source=source)
    one.credentials()
    other.credentials()

    assert one._refreshers[0] is other._refreshers[0]
    assert 3 == stub.attempts


DIFFERENT = {
    "role_session_name": "you",
    "duration_seconds": 900,
    "external_id": "tenant",
    "policy": {"Statement": []},
    "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    "tags": {"a": "b"},
    "transitive_tag_keys": ["a"],
    "source_identity": "alice",
    "provided_contexts": {"arn:aws:iam::aws:contextProvider/x": "assertion"},
    "sts_endpoint_url": "https://rgw.example",
    "sts_config": Config(),
    "refresh": RefreshPolicy(when_expired="raise"),
}


NEEDED = {"transitive_tag_keys": {"tags": {"a": "b"}}}


def refresher_of(source, **kw):
    """The refresher of a session made with *kw*."""
    return stsession.assume(
        **{"role_arn": READER, "source": source, "role_session_name": "me", **kw}
    )._refreshers[-1]


@pytest.mark.parametrize("what", DIFFERENT)
def test_key(source, what):
    """Each parameter, and where STS is, makes another request."""
    needed = NEEDED.get(what, {})
    plain = refresher_of(source, **needed)
    different = refresher_of(source, **needed, **{what: DIFFERENT[what]})

    assert plain is not different
    assert different is refresher_of(source, **needed, **{what: DIFFERENT[what]})
    assert plain is refresher_of(source, **needed)


def test_equal_configs(source):
    """
    Sessions with equal configurations of the STS client share it, and credentials.
    """
    given = {"read_timeout": 7, "retries": {"total_max_attempts": 2}}
    others = [
        {"read_timeout": 8, "retries": {"total_max_attempts": 2}},
        {"read_timeout": 7, "retries": {"total_max_attempts": 3}},
        {**given, "user_agent_extra": bytearray(b"a value without a hash")},
    ]
    one, same, *different = (
        refresher_of(source, sts_config=Config(**config))
        for config in (given, given, *others)
    )
    clients = {
        id(it.fetch.source.client("eu-west-1", it.fetch.endpoint))
        for it in (one, same, refresher_of(source, sts_config=Config(**given)))
    }

    assert one is same
    assert 4 == len({one, *different})
    assert 1 == len(clients)


def test_every_argument_of_a_request_is_in_the_key():
    """None is forgotten when there will be more."""
    names = {*OPERATIONS["assume_role"].parameters, "duration_seconds"}

    assert names - {"role_arn"} <= set(DIFFERENT)


def test_regions_don_t_matter(source):
    """What STS gives in one region is good in all."""
    assert refresher_of(source) is refresher_of(source, region="us-west-2")
    assert refresher_of(source) is refresher_of(source, sts_region="us-west-2")


def test_no_cache(stub, source):
    """Nothing is shared, and nothing kept."""
    for _ in range(2):
        stsession.assume(READER, source=source, cache=None).credentials()

    assert 2 == stub.attempts


def test_two_caches(stub, source):
    """One's own is shared with fewer."""
    cache = MemoryCache()
    for chosen in (cache, cache, "process", MemoryCache()):
        stsession.assume(READER, source=source, cache=chosen).credentials()

    assert 3 == stub.attempts


def test_kept_after_the_session(stub, source, clock):
    """A later session gets what is still valid."""
    first = stsession.assume(READER, source=source).credentials()
    gc.collect()
    clock.advance(minutes(30))
    second = stsession.assume(READER, source=source)

    assert first is second.credentials()
    assert minutes(30) == second.remaining
    assert 1 == stub.attempts


def test_refreshed_after_the_session(stub, source):
    """It's the last that is kept."""
    session = stsession.assume(READER, source=source)
    session.credentials()
    last = session.refresh()
    del session
    gc.collect()

    assert last is stsession.assume(READER, source=source).credentials()
    assert 2 == stub.attempts


def test_expired_entries_go(source, clock):
    """When anything is kept, what is over isn't any longer."""
    cache = MemoryCache()
    stsession.assume(READER, source=source, cache=cache).credentials()
    clock.advance(minutes(61))
    stsession.assume(HUB, source=source, cache=cache).credentials()

    assert 1 == len(cache._records)


def test_expired_entry_isn_t_used(stub, source, clock):
    """STS is called again."""
    cache = MemoryCache()
    stsession.assume(READER, source=source, cache=cache).credentials()
    gc.collect()
    clock.advance(minutes(61))
    credentials = stsession.assume(READER, source=source, cache=cache).credentials()

    assert 2 == stub.attempts
    assert credentials.expires_at > clock.now()


@pytest.mark.parametrize(("max_entries", "calls"), [(3, 3), (2, 4), (0, 4)])
def test_bounded(stub, source, max_entries, calls):
    """If there are too many, a random one goes; here it is the first."""
    cache = MemoryCache(max_entries=max_entries)
    with use_runtime(random=lambda: 0.0):
        for arn in (READER, HUB, TARGET, READER):
            stsession.assume(arn, source=source, cache=cache).credentials()
            gc.collect()

    assert calls == stub.attempts
    assert len(cache._records) <= max_entries


def test_more_than_fit_in_a_cycle(stub, source):
    """A program that uses a few more than fit finds most of them."""
    cache, draw = MemoryCache(max_entries=20), random.Random(7).random
    with use_runtime(random=draw):
        for _ in range(2):
            for n in range(22):
                name = f"session-{n}"
                stsession.assume(
                    READER, source=source, cache=cache, role_session_name=name
                ).credentials()
            gc.collect()

    assert stub.attempts < 22 + 11


def test_refreshers_go(source):
    """The cache keeps no session's refresher."""
    cache = MemoryCache()
    for n in range(10):
        stsession.assume(
            READER, source=source, cache=cache, role_session_name=f"me-{n}"
        )
    gc.collect()

    assert 0 == len(cache._refreshers)


def test_another_clock(stub, source):
    """A test with a clock of its own gets nothing from another."""
    one = refresher_of(source)
    with use_runtime(clock=FakeClock(dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc))):
        assert one is not refresher_of(source)


def test_negative():
    """That many can't be kept."""
    with pytest.raises(ValueError, match="max_entries is -1"):
        MemoryCache(max_entries=-1)


@pytest.mark.parametrize("value", ["3", None, 2.5, True])
def test_no_number(value):
    """Nor can what is no whole number."""
    with pytest.raises(TypeError, match=f"^max_entries is {value!r}; pass an int"):
        MemoryCache(max_entries=value)


def test_repr():
    """Nothing of what it holds."""
    assert "MemoryCache(max_entries=5)" == repr(MemoryCache(max_entries=5))


def test_pickle(source):
    """It travels empty."""
    cache = MemoryCache(max_entries=5)
    stsession.assume(READER, source=source, cache=cache).credentials()
    other = pickle.loads(pickle.dumps(cache))

    assert "MemoryCache(max_entries=5)" == repr(other)
    assert 0 == len(other._records)


def test_deepcopy():
    """Within a process it stays the same."""
    cache = MemoryCache()

    assert cache is copy.deepcopy(cache)


def test_held_lock_isn_t_inherited(source):
    """What happens in a forked child."""
    cache = MemoryCache()
    cache._lock.acquire()
    cache._after_fork()

    assert stsession.assume(READER, source=source, cache=cache).credentials()
