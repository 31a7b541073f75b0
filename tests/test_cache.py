from __future__ import annotations

import copy
import datetime as dt
import pickle
import random

from concurrent.futures import ThreadPoolExecutor

import pytest

from botocore.config import Config

import stsession

from stsession import MemoryCache, RefreshPolicy
from stsession._requests.models import OPERATIONS
from stsession.testing import FakeClock, use_runtime

from .engine import World, engine
from .wire import HUB, READER, TARGET, collect_garbage, minutes, source_of


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
    """A later session gets what is still valid, which is the last refresh's."""
    session = stsession.assume(READER, source=source)
    session.credentials()
    last = session.refresh()
    del session
    collect_garbage()
    clock.advance(minutes(30))
    second = stsession.assume(READER, source=source)

    assert last is second.credentials()
    assert minutes(30) == second.remaining
    assert 2 == stub.attempts


def test_expired_entry_isn_t_used(stub, source, clock):
    """STS is called again."""
    cache = MemoryCache()
    stsession.assume(READER, source=source, cache=cache).credentials()
    collect_garbage()
    clock.advance(minutes(61))
    credentials = stsession.assume(READER, source=source, cache=cache).credentials()

    assert 2 == stub.attempts
    assert credentials.expires_at > clock.now()


class Cached:
    """A cache, and how often the source of its refreshers was called."""

    def __init__(self, **options):
        self.cache = MemoryCache(**options)
        self.world = World()
        self.attempts = 0

    def use(self, key):
        """Get credentials for *key*, and drop what refreshes them."""
        it = []

        def make(record):
            it.append(engine(world=self.world, record=record))
            it[0].refresher.keep = lambda *kept: self.cache.keep(key, *kept)
            return it[0].refresher

        self.cache.refresher(key, make).get()
        self.attempts += it[0].attempts

    @property
    def kept(self):
        """How many sets of credentials are kept."""
        return len(self.cache._records)


def test_expired_entries_go():
    """When anything is kept, what is over isn't any longer."""
    cached = Cached()
    cached.use("reader")
    cached.world.passes(901)
    cached.use("hub")

    assert 1 == cached.kept


@pytest.mark.parametrize(("max_entries", "calls"), [(3, 3), (2, 4), (0, 4)])
def test_bounded(max_entries, calls):
    """If there are too many, a random one goes; here it is the first."""
    cached = Cached(max_entries=max_entries)
    with use_runtime(random=lambda: 0.0):
        for key in ("reader", "hub", "target", "reader"):
            cached.use(key)

    assert calls == cached.attempts
    assert cached.kept <= max_entries


def test_more_than_fit_in_a_cycle():
    """A program that uses a few more than fit finds most of them."""
    cached = Cached(max_entries=20)
    with use_runtime(random=random.Random(7).random):
        for key in [*range(22), *range(22)]:
            cached.use(key)

    assert cached.attempts < 22 + 11


def test_refreshers_go():
    """The cache keeps no session's refresher."""
    cached = Cached()
    for key in range(10):
        cached.use(key)

    assert 0 == len(cached.cache._refreshers)


def test_another_clock(stub, source):
    """A test with a clock of its own gets nothing from another."""
    one = refresher_of(source)
    with use_runtime(clock=FakeClock(dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc))):
        assert one is not refresher_of(source)


@pytest.mark.parametrize(
    ("value", "error"),
    [(-1, ValueError), ("3", TypeError), (None, TypeError), (True, TypeError)],
)
def test_max_entries(value, error):
    with pytest.raises(error, match=f"^max_entries is {value!r}; "):
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
