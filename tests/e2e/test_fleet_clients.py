"""
Clients of different roles share connections, and nothing that belongs to one role.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import operator
import os
import pathlib
import pickle
import random
import shutil
import ssl
import threading
import types
import weakref

from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.client
import botocore.session
import pytest

from botocore.config import Config
from botocore.hooks import BaseEventHooks
from botocore.httpsession import URLLib3Session, get_cert_path
from botocore.stub import Stubber
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import stsession

from stsession.fleet._clients import cache as _cache
from stsession.fleet._clients.cache import ClientTemplates
from stsession.fleet._clients.events import CopyOnWriteEvents
from stsession.fleet._clients.http import Pools, SharedHttpSession
from stsession.testing import StubSTS, use_runtime

from ..children import in_a_fork
from ..fleet_sessions import fleet_session
from ..wire import busy_threads
from . import OTHER_ROLE, ROLE
from .test_fleet_clients_wire import (
    DISCOVERED,
    EXPRESS,
    SLOW_DOWN,
    Wire,
    ok,
    s3_error,
    said,
)


ROLES = [ROLE, OTHER_ROLE]


@pytest.fixture(name="sessions")
def _sessions(stubbed):
    return [fleet_session(role, source=stubbed) for role in ROLES]


@pytest.fixture(name="wire")
def _wire(monkeypatch):
    """Put answers there, and look at what has been sent."""
    wire = Wire([ok()])
    monkeypatch.setattr(URLLib3Session, "send", lambda _, request: wire.send(request))
    return wire


def clients_of(sessions, service="s3", **kwargs):
    """A client of each session."""
    return [session.client(service, **kwargs) for session in sessions]


def urls(wire):
    """Where requests have gone."""
    return [line.partition(" ")[2] for line in wire.sent if "http" in (line or "")[:12]]


def keys(wire):
    """The access key IDs that signed, request by request."""
    lines = [line for line in wire.sent if line and line.startswith("authorization:")]
    return [line.partition("Credential=")[2].partition("/")[0] for line in lines]


def test_bucket_regions(sessions, wire):
    """Where a bucket is, each finds out for itself."""
    one, other = clients_of(sessions)
    moved = "<Bucket>bucket</Bucket>"
    wire.answers = [
        s3_error("PermanentRedirect", 301, moved, x_amz_bucket_region="eu-west-3"),
        ok(),
    ]
    one.get_object(Bucket="bucket", Key="a")
    other.get_object(Bucket="bucket", Key="a")

    here, there = "s3.eu-central-1.amazonaws.com", "s3.eu-west-3.amazonaws.com"
    assert [f"https://bucket.{host}/a" for host in (here, there, here)] == urls(wire)


def test_express_keys(sessions, wire):
    """Each role requests its own keys for a directory bucket."""
    wire.answers = [EXPRESS, ok(), EXPRESS, ok()]
    for s3 in clients_of(sessions, region_name="us-east-1"):
        s3.get_object(Bucket="bucket--use1-az4--x-s3", Key="a")

    assert ["?session" in url for url in urls(wire)] == [True, False, True, False]
    assert "AKIAEXPRESS" == keys(wire)[1] == keys(wire)[3]
    assert keys(wire)[0] != keys(wire)[2]


def test_discovered_endpoints(sessions, wire):
    """Each client discovers its own endpoints."""
    wire.answers = [DISCOVERED, said(Databases=[])]
    one, other = clients_of(sessions, "timestream-write", region_name="us-east-1")
    one.list_databases()
    wire.requests = 0
    other.list_databases()

    assert 2 == sum("https://ingest.timestream" in url for url in urls(wire))
    assert 2 == sum("https://cell.example.com" in url for url in urls(wire))


def test_retry_quota(sessions, wire):
    """One that has used up its retries leaves those of the others."""
    wire.answers = [SLOW_DOWN]
    config = Config(retries={"mode": "standard", "total_max_attempts": 3})
    one, other = clients_of(sessions, config=config)
    for _ in range(100):
        with pytest.raises(one.exceptions.ClientError):
            one.list_buckets()
    before = wire.requests
    with pytest.raises(one.exceptions.ClientError):
        one.list_buckets()
    middle = wire.requests
    with pytest.raises(other.exceptions.ClientError):
        other.list_buckets()

    assert 1 == middle - before
    assert 3 == wire.requests - middle


def test_configuration(sessions):
    """Clients don't see what is cached or changed in another one."""
    config = Config(s3={"addressing_style": "path"})
    one, other = clients_of(sessions, config=config)
    one.get_paginator("list_objects_v2")
    one.meta.config.s3["addressing_style"] = "other"
    one.meta.config.region_name = "nowhere"
    later = sessions[0].client("s3", config=config)
    config.s3["addressing_style"] = "virtual"  # it goes for clients made from then on
    last = sessions[1].client("s3", config=config)

    assert {} == other._cache == later._cache
    assert ["path", "path", "virtual"] == [
        each.meta.config.s3["addressing_style"] for each in (other, later, last)
    ]
    assert "eu-central-1" == other.meta.config.region_name


def test_equal_arguments(sessions):
    """Arguments that are equal and aren't the same make different clients."""
    values = [
        sessions[0].client("s3", config=Config(tcp_keepalive=value))
        for value in (1, True)
    ]

    assert ["1", "True"] == [str(each.meta.config.tcp_keepalive) for each in values]


def test_handlers(sessions, wire):
    """A handler is called for the client that it was registered with."""
    one, other = clients_of(sessions)
    seen = []

    def note(**_):
        seen.append(1)

    one.meta.events.register("before-send.s3", note)
    one.list_buckets()
    other.list_buckets()
    sessions[0].client("s3").list_buckets()

    assert [1] == seen
    assert isinstance(one.meta.events, BaseEventHooks)

    one.meta.events.unregister("before-send.s3", note)
    one.meta.events.unregister("request-created.s3", one._request_signer.handler)
    wire.sent.clear()
    one.list_buckets()
    other.list_buckets()
    sessions[0].client("s3").list_buckets()

    assert 2 == len(keys(wire))


def test_copied_events(sessions):
    """A copy of a client's emitter is another emitter."""
    one, _ = clients_of(sessions)
    copied = copy.copy(one.meta.events)
    seen = []
    copied.register("mine", lambda **_: seen.append(1))
    for events in (one.meta.events, copied):
        events.emit("mine")

    assert [1] == seen


def test_registering_at_once(sessions):
    """Handlers that two threads register at once are both there."""
    for _ in range(50):
        events = sessions[0].client("sts").meta.events
        together = threading.Barrier(2)
        seen = []

        def register(name, events=events, together=together, seen=seen):
            together.wait()
            events.register(f"mine.{name}", lambda **_: seen.append(name))

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(register, "ab"))
        for name in "ab":
            events.emit(f"mine.{name}")

        assert ["a", "b"] == seen


def test_emitting_while_others_register(sessions, wire):
    """Requests go on, signed by their own role, while handlers come and go."""
    wire.answers = [ok("<ListAllMyBucketsResult/>")]
    clients = clients_of(sessions) * 2
    roles = {session.credentials().access_key_id for session in sessions}
    stop = threading.Event()

    def register():
        while not stop.is_set():
            s3 = sessions[0].client("s3")
            s3.meta.events.register("before-send", lambda **_: None, unique_id="x")
            s3.meta.events.unregister("before-send", unique_id="x")

    with ThreadPoolExecutor(5) as threads:
        registering = threads.submit(register)
        done = [threads.submit(s3.list_buckets) for s3 in clients * 25]
        try:
            for each in done:
                each.result()
        finally:
            stop.set()
        registering.result()

    assert 100 == wire.requests
    assert len(roles) == len(set(keys(wire)))


def test_context_of_the_first_caller(sessions, wire):
    """
    What the first caller is in the middle of doesn't show in the others' requests.
    """
    # Earlier versions of botocore have no such things.
    context = pytest.importorskip("botocore.context")
    useragent = pytest.importorskip("botocore.useragent")
    with context.start_as_current_context():
        useragent.register_feature_id("WAITER")
        sessions[0].client("s3")
    sessions[1].client("s3").list_buckets()
    (agent,) = [line for line in wire.sent if line and line.startswith("user-agent")]

    assert "B" not in agent.partition(" m/")[2].partition(" ")[0].split(",")


@pytest.mark.parametrize("posix", [True, False])
def test_environment(stubbed, monkeypatch, posix):
    """
    A session's clients are made for the environment in which the session was made.

    Keys in it make no difference.
    """
    if not posix:
        monkeypatch.delattr(os, "environb", raising=False)

    def url(session):
        return session.client("sqs").meta.endpoint_url

    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://one.example")
    first = fleet_session(ROLE, source=stubbed)
    urls = [url(first)]
    late = fleet_session(OTHER_ROLE, source=stubbed)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://two.example")
    urls += [url(fleet_session(ROLE, source=stubbed)), late.client("s3") and url(late)]
    late_s3 = first._clients._templates
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://one.example")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "other")
    again = fleet_session(ROLE, source=stubbed)
    urls += [url(again)]

    assert [f"http://{which}.example" for which in ("one", "two", "one", "one")] == urls
    assert 1 == len(late_s3)  # that of s3 might have been for either
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another")
    assert again._clients is fleet_session(ROLE, source=stubbed)._clients


def test_config_file(tmp_path, monkeypatch):
    """The same goes for the config file."""
    config, urls = tmp_path / "config", []
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("one", "other"):
        config.write_text(
            "[profile source]\nregion = eu-west-1\naws_access_key_id = AKIAEXAMPLE\n"
            f"aws_secret_access_key = s\nendpoint_url = http://{name}.example\n"
        )
        session = fleet_session(ROLE, source="source")
        urls.append(session.client("sqs").meta.endpoint_url)

    assert ["http://one.example", "http://other.example"] == urls


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.set_config_variable("region", "eu-west-3"),
        lambda session: session.set_default_client_config(Config()),
        lambda session: setattr(session, "user_agent_extra", "mine"),
    ],
    ids=["variable", "config", "user agent"],
)
def test_settings_that_change(change):
    """Clients of a source whose settings have changed are made anew."""
    settings = botocore.session.Session()
    before = ClientTemplates.of(settings)

    assert before is ClientTemplates.of(settings)

    change(settings)

    assert before is not ClientTemplates.of(settings)


def is_from_template(client):
    """Whether a client was made from a template."""
    return isinstance(client.meta.events, CopyOnWriteEvents)


@pytest.fixture(name="made")
def _made(monkeypatch):
    """The classes of the templates that have been made."""
    made, real = [], _cache.ClientTemplate

    def make(*args):
        template = real(*args)
        made.append(type(template._original))
        return template

    monkeypatch.setattr(_cache, "ClientTemplate", make)
    return made


def test_one_kind_too_many(stubbed, made, monkeypatch):
    """If there is one kind of client too many, most templates are found."""
    monkeypatch.setattr(_cache, "MAX_TEMPLATES", 16)
    sessions = [fleet_session(role, source=stubbed) for role in ROLES]
    regions = [f"xx-test-{number}" for number in range(17)]
    first = clients_of(sessions[:1], "sqs", region_name=regions[0])
    with use_runtime(random=random.Random(1).random):
        for session in sessions * 3:
            for region in regions:
                assert is_from_template(session.client("sqs", region_name=region))

    assert 17 <= len(made) <= 17 * 2  # and not 17 * 6
    assert 16 == len(sessions[0]._clients._templates)
    assert first[0].meta.events.emit("nothing") == []


def test_a_config_for_each_account(sessions, made):
    """The number of templates for values of *config* that are used once has a bound."""
    for number in range(40):
        config = Config(user_agent_extra=f"account/{number}")
        for session in sessions:
            assert is_from_template(session.client("sqs", config=config))

    assert 40 == len(made)
    assert 16 == len(sessions[0]._clients._templates)


UNCOPIED = (TypeError, NotImplementedError, RecursionError, pickle.PicklingError)


def test_copies_of_clients(stubbed, sessions):
    """Clients are copied and pickled as little as ordinary ones."""
    ordinary = stsession.assume(ROLE, source=stubbed).client("s3")
    shared = sessions[0].client("s3")

    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        for client in (ordinary, shared):
            with pytest.raises(UNCOPIED):
                make(client)


@pytest.mark.usefixtures("wire")
def test_whole_session(sessions):
    """Handlers registered with a session go for its clients from then on."""
    session = sessions[0]
    seen = []
    before = session.client("s3")
    session.events.register("before-send.s3", lambda **_: seen.append(1))
    before.list_buckets()
    session.client("s3").list_buckets()
    sessions[1].client("s3").list_buckets()

    assert [1] == seen
    assert is_from_template(before)
    assert "eu-central-1" == session.region_name
    assert session.get_credentials() is session._session.get_credentials()


def test_client_of_other_keys(sessions, wire):
    """Botocore makes a client with keys of its own; the others come from templates."""
    keys_of_others = {"aws_access_key_id": "AKIAMINE", "aws_secret_access_key": "x"}
    sessions[0].client("s3", **keys_of_others).list_buckets()

    assert ["AKIAMINE"] == keys(wire)
    assert not sessions[0]._is_complete
    assert is_from_template(sessions[0].client("s3"))


def test_copied_session(sessions):
    """The clients of a copied session come from the same templates."""
    copied = copy.deepcopy(sessions[0])

    assert is_from_template(copied.client("sts"))
    assert copied._clients is sessions[0]._clients


def test_no_such_attribute(sessions):
    """A session has no more attributes than any."""
    bare = type(sessions[0]).__new__(type(sessions[0]))

    assert not hasattr(sessions[0], "nonsense")
    assert not hasattr(bare, "_session")


def answers(session):
    """What boto3 answers alike for all roles."""
    return [
        session.available_profiles,
        session.get_available_partitions(),
        session.get_available_regions("ec2"),
        session.get_available_resources(),
        session.get_available_services(),
        session.get_partition_for_region("cn-north-1"),
        session.profile_name,
        session.region_name,
        type(session.get_credentials()),
    ]


def test_questions(sessions, stubbed):
    """
    Questions with one answer for all roles are answered as by boto3, at no cost.

    Nor does it make a session more than one for clients to be a further role's source.
    """
    expected = answers(stsession.assume(ROLES[0], source=stubbed))

    assert expected == answers(sessions[0])
    assert OTHER_ROLE == sessions[0].assume(OTHER_ROLE).role_arn
    assert is_from_template(sessions[0].client("sqs"))


def test_further_role_of_a_whole_session(sessions):
    """A session with handlers of its own is the source as it is."""
    sessions[0].events.register("stsession-test", nothing)
    source = sessions[0]._own_source

    assert source.settings.get_component("event_emitter").emit("stsession-test")


def test_close(source, local):
    """Closing one client leaves the connections of the others; all may be closed."""
    local.add_role(OTHER_ROLE)
    sessions = [fleet_session(role, source=source) for role in ROLES]
    one, other = clients_of(sessions)
    one.list_objects_v2(Bucket="bucket")
    pools = one._endpoint.http_session._session._manager.pools
    one.close()

    assert 1 == len(pools)

    other.list_objects_v2(Bucket="bucket")
    sessions[0]._clients.close()

    assert 0 == len(pools)
    assert one.list_objects_v2(Bucket="bucket")["KeyCount"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="There's no fork.")
@pytest.mark.usefixtures("_runtime")
def test_fork(source, local):
    """A forked child has connections of its own, also if a lock was held meanwhile."""
    session = fleet_session(ROLE, source=source)
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")

    def use():
        s3.list_objects_v2(Bucket="bucket")
        session.client("sqs")
        return True

    before = id(s3._endpoint.http_session._session)
    held, done = threading.Event(), threading.Event()

    def hold():
        with session._clients._lock, s3._endpoint.http_session._lock:
            held.set()
            done.wait()

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        held.wait()
        try:
            child = in_a_fork(
                lambda: use() and id(s3._endpoint.http_session._session) != before
            )
        finally:
            done.set()
        holding.result()
    s3.list_objects_v2(Bucket="bucket")

    assert True is child
    assert before == id(s3._endpoint.http_session._session)


def descriptors():
    """The number of open file descriptors, on Linux."""
    directory = pathlib.Path("/proc/self/fd")
    return len(list(directory.iterdir())) if directory.exists() else 0


@contextlib.contextmanager
def no_collector():
    """What isn't freed by counting references stays."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.usefixtures("_runtime")
def test_hundreds_of_sessions(stubbed, wire):
    """Sessions and clients that are dropped are gone at once, and leave nothing."""
    wire.answers = [ok(b"<ok/>")]
    keep = fleet_session(ROLE, source=stubbed)
    services = ["sts", "s3", "ec2", "dynamodb"]
    for name in services:
        keep.client(name)
    before = busy_threads(), descriptors()
    gone = []
    with no_collector():
        for number in range(300):
            session = fleet_session(f"arn:aws:iam::{number:012}:role/R", source=stubbed)
            clients = [session.client(name) for name in services]
            clients[1].list_buckets() if number % 10 == 0 else None
            clients[0].meta.events.register(
                "mine", traced
            ) if number % 10 == 1 else None
            gone += map(weakref.ref, [session, *clients])
        del session, clients

        assert not any(reference() for reference in gone)
    # Those of tests before may end meanwhile.
    assert before[0] >= busy_threads()
    assert before[1] >= descriptors()


def test_discovery_leaves_nothing(sessions, wire):
    """Nor do clients that discover their endpoints, or retry by rate."""
    wire.answers = [DISCOVERED, said(Databases=[])]
    config = Config(retries={"mode": "adaptive"})
    kinds = [("timestream-write", {}), ("s3", {"config": config})]
    for name, kwargs in kinds:
        sessions[1].client(name, region_name="us-east-1", **kwargs)
    with no_collector():
        clients = [
            sessions[0].client(name, region_name="us-east-1", **kwargs)
            for name, kwargs in kinds
        ]
        clients[0].list_databases()
        gone = [weakref.ref(client) for client in clients]
        del clients

        assert [None, None] == [reference() for reference in gone]


def test_stubber(sessions, wire):
    """botocore's stubber answers the client it was made for."""
    result = "<GetCallerIdentityResult><Account>2</Account></GetCallerIdentityResult>"
    wire.answers = [
        ok(f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>")
    ]
    one, other = clients_of(sessions, "sts")
    with Stubber(one) as stubber:
        stubber.add_response("get_caller_identity", {"Account": "1"})

        assert "1" == one.get_caller_identity()["Account"]
        assert "2" == other.get_caller_identity()["Account"]


traces = []


def traced(service, **_):
    """A handler of a library for tracing."""
    traces.append(service)


def test_tracing(sessions, wire, monkeypatch):
    """Libraries for tracing wrap methods of all clients, with templates or not."""
    operations = []
    base = botocore.client.BaseClient
    make_api_call, real = base._make_api_call, base.__init__

    def wrapped(client, operation, parameters):
        operations.append(operation)
        return make_api_call(client, operation, parameters)

    def initialize(client, *args, **kwargs):
        real(client, *args, **kwargs)
        note = functools.partial(traced, "s3")
        client.meta.events.register("before-send", note)

    for session in sessions:
        session.credentials()
    before = clients_of(sessions)
    traces.clear()
    monkeypatch.setattr(base, "_make_api_call", wrapped)
    monkeypatch.setattr(base, "__init__", initialize)
    after = clients_of(sessions)
    for s3 in (*before, *after):
        s3.list_buckets()

    assert ["ListBuckets"] * 4 == operations
    assert ["s3"] * 2 == traces
    assert all(map(is_from_template, after))


class Roles(RuleBasedStateMachine):
    """Whatever is done with the clients of many roles, each signs with its own keys."""

    @initialize()
    def begin(self):
        self.source = boto3.Session("AKIAEXAMPLE", "secret", region_name="us-east-1")
        self.source.events.register("before-send.sts", StubSTS())
        self.clients = []
        self.sessions = [
            fleet_session(f"arn:aws:iam::{n:012}:role/R", source=self.source)
            for n in range(4)
        ]
        self.keys = [session.credentials().access_key_id for session in self.sessions]
        self.refreshes = []

    @rule(role=st.integers(0, 3), service=st.sampled_from(["s3", "sqs", "sts"]))
    def make(self, role, service):
        client = self.sessions[role].client(service)
        self.clients.append((role, client))

    @rule(number=st.integers(0, 9))
    def register(self, number):
        if self.clients:
            _, client = self.clients[number % len(self.clients)]
            client.meta.events.register("before-sign", nothing, unique_id="nothing")

    @rule(number=st.integers(0, 9))
    def unregister(self, number):
        if self.clients:
            _, client = self.clients[number % len(self.clients)]
            client.meta.events.unregister("before-sign", unique_id="nothing")

    @rule(number=st.integers(0, 9))
    def close(self, number):
        if self.clients:
            _, client = self.clients[number % len(self.clients)]
            client.close()

    @rule(number=st.integers(0, 9))
    def drop(self, number):
        if self.clients:
            self.clients.pop(number % len(self.clients))

    @rule(role=st.integers(0, 3))
    def refresh(self, role):
        """Give a role other keys, as often as may be within a minute."""
        if self.refreshes.count(role) < 6:
            self.refreshes.append(role)
            self.keys[role] = self.sessions[role].refresh().access_key_id

    @rule(number=st.integers(0, 9), inner=st.integers(0, 9))
    def use(self, number, inner):
        """Use a client, and another one while the first one's handlers are called."""
        if not self.clients:
            return
        role, client = self.clients[number % len(self.clients)]
        other_role, other = self.clients[inner % len(self.clients)]

        def use_the_other(**_):
            self.check(other_role, other)

        client.meta.events.register("before-sign", use_the_other, unique_id="other")
        client.meta.events.unregister("before-sign", unique_id="other")
        self.check(role, client)

    def check(self, role, client):
        operation = CALLS[client.meta.service_model.service_name]
        url = client.generate_presigned_url(operation)
        found = url.partition("Credential=")[2] or url.partition("AWSAccessKeyId=")[2]

        assert found.startswith(self.keys[role])

    @invariant()
    def all_sign_with_their_own(self):
        for role, client in getattr(self, "clients", [])[-2:]:
            self.check(role, client)


CALLS = {"s3": "list_buckets", "sqs": "list_queues", "sts": "get_caller_identity"}


def nothing(**_):
    """A handler."""


TestRoles = Roles.TestCase
TestRoles.settings = settings(max_examples=15, stateful_step_count=20)


def test_template_that_takes_too_long(sessions, monkeypatch):
    """While a template is being made, others wait for a while, and go without then."""
    monkeypatch.setattr(_cache, "TEMPLATE_TIMEOUT", 0.001)
    making, made = threading.Event(), threading.Event()
    real = _cache.ClientTemplate

    def make(*args):
        making.set()
        made.wait(30)
        return real(*args)

    monkeypatch.setattr(_cache, "ClientTemplate", make)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(sessions[0].client, "sqs")
        making.wait(30)
        second = sessions[1].client("sqs")
        made.set()

    assert is_from_template(first.result())
    assert not is_from_template(second)
    assert is_from_template(sessions[1].client("sqs"))


def test_waits_for_the_template(sessions, monkeypatch):
    """Mostly that is long enough."""
    waiting = threading.Event()
    template = _cache.ClientTemplate

    def wait(event, seconds):
        waiting.set()
        return event.wait(30)

    def make(*args):
        assert waiting.wait(30)
        return template(*args)

    monkeypatch.setattr(_cache, "ClientTemplate", make)
    with use_runtime(wait=wait), ThreadPoolExecutor(2) as threads:
        clients = list(threads.map(lambda session: session.client("sqs"), sessions))

    assert all(map(is_from_template, clients))


def manager_of(client):
    """Where a client's connection pools come from."""
    return client._endpoint.http_session._current()._manager


def test_many_hosts(sessions):
    """
    Connections to many hosts are kept, as buckets are hosts.

    A scan over one host more than fit finds most of them.
    """
    manager = manager_of(sessions[0].client("s3"))
    hosts = [f"https://bucket{number}.example" for number in range(257)]
    with use_runtime(random=random.Random(1).random):
        pools = [manager.connection_from_url(host) for host in hosts]
        again = [manager.connection_from_url(host) for host in hosts]

    assert 256 == len(manager.pools)
    assert sum(map(operator.is_, pools, again)) > 200


def test_hosts_of_all_kinds(sessions):
    """The number of hosts is for all kinds, whose connections are still their own."""
    managers = [manager_of(sessions[0].client(name)) for name in ("s3", "sqs")]
    pools = [manager.connection_from_url("https://example.org") for manager in managers]
    for number in range(300):
        for manager in managers:
            manager.connection_from_url(f"https://{number}.example")

    assert pools[0] is not pools[1]
    assert managers[0].pools is managers[1].pools
    assert 256 == len(managers[0].pools)


@pytest.fixture(name="reading")
def _reading(monkeypatch):
    """The files of trusted certificates that are read."""
    read, real = [], ssl.SSLContext.load_verify_locations

    def load(context, cafile=None, capath=None, cadata=None):
        read.append(cafile)
        return real(context, cafile, capath, cadata)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load)
    return read


@pytest.fixture(name="tls")
def _tls(sessions):
    """The TLS context of all clients of S3."""
    http = sessions[0].client("s3")._endpoint.http_session
    return http._current()._manager.connection_pool_kw["ssl_context"]


@pytest.fixture(name="trusted")
def _trusted(tmp_path):
    return shutil.copy(get_cert_path(True), tmp_path / "ca.pem")


def test_trusted_certificates_are_read_once(tls, trusted, reading):
    """
    However many connections are opened at once; and again if the file has changed.
    """
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(tls.load_verify_locations, [trusted] * 16))

    assert [trusted] == reading
    assert tls.cert_store_stats()["x509_ca"] > 100

    os.utime(trusted, (1, 1))
    tls.load_verify_locations(trusted)

    assert [trusted] * 2 == reading


def test_trusted_certificates_that_cant_be_read(tls, trusted, tmp_path, reading):
    """That's an error each time; what isn't a file is read each time."""
    missing = str(tmp_path / "none.pem")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            tls.load_verify_locations(missing)
        tls.load_verify_locations(capath=str(tmp_path))
        tls.load_verify_locations(cadata=trusted.read_text())

    assert [missing, None, None] * 2 == reading


def test_inside_of_another_botocore():
    """Where the inside of botocore is different, it stays as it is."""
    manager = types.SimpleNamespace(pools=(), connection_pool_kw={"ssl_context": 1})
    other = types.SimpleNamespace(
        connection_pool_kw={"ssl_context": ssl.create_default_context()}
    )
    for inside in (manager, other):
        session = types.SimpleNamespace(_manager=inside)
        SharedHttpSession(session, object, Pools())
    plain = object()

    assert () == manager.pools
    assert {"ssl_context": 1} == manager.connection_pool_kw
    assert not hasattr(other, "pools")
    assert plain is SharedHttpSession(plain, object, Pools())._session
