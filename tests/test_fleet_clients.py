"""
The parts that a fleet's clients share, by all objects that can be reached from them.
"""

from __future__ import annotations

import collections
import enum
import functools
import logging
import re
import sys
import types
import weakref

import botocore.client
import botocore.hooks
import botocore.loaders
import botocore.monitoring
import botocore.retries.standard
import botocore.session
import pytest

from botocore.config import Config
from botocore.hooks import HierarchicalEmitter

import stsession

from stsession._botocore import sessions as _sdk
from stsession.fleet._clients.events import CopyOnWriteEvents
from stsession.testing import StubSTS

from .fleet_sessions import fleet_session
from .wire import HUB, READER, TARGET, source_of, templates_made


SERVICES = [
    "cloudfront",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "events",
    "iam",
    "importexport",
    "lambda",
    "logs",
    "machinelearning",
    "organizations",
    "rds",
    "s3",
    "s3control",
    "sqs",
    "sts",
    "timestream-write",
]

SHARED_EVENTS = "are made from a template and share event handlers"
OWN_EVENTS = "are made from a template and have event handlers of their own"
BY_BOTOCORE = "are made by botocore"

KINDS = [(service, "standard") for service in SERVICES] + [
    (service, mode)
    for service in ("dynamodb", "s3", "sts")
    for mode in ("legacy", "adaptive")
]


@pytest.fixture(name="source")
def _source(caplog):
    caplog.set_level(logging.DEBUG, "stsession")
    return source_of(StubSTS())


@pytest.fixture(name="sessions")
def _sessions(source):
    return [fleet_session(role, source=source) for role in (READER, TARGET)]


ATOMS = (str, bytes, int, float, type(None), type, enum.Enum, re.Pattern)

CODE = (types.FunctionType, types.BuiltinFunctionType, types.ModuleType)

SHARED = {
    "ClientCreator",
    "ClientExceptionsFactory",
    "EventPlan",
    "ResponseParserFactory",
    "RuleSet",
    "S3ControlArnParamHandlerv2",
    "ServiceModel",
    "SharedHttpSession",
}
"""What has no role's own in it, by class."""

SHARED_ENDINGS = ("Parser", "Serializer", "ParamValidationDecorator", "Exceptions")


def is_shared(thing):
    """Return whether *thing* is the same for all roles."""
    name = type(thing).__name__
    if isinstance(thing, botocore.loaders.Loader):
        return True
    if type(thing).__module__ == "botocore.retryhandler":
        return True
    return name in SHARED or name.endswith(SHARED_ENDINGS)


def inside(thing):
    """What a thing consists of, each with what it is called."""
    if isinstance(thing, types.MethodType):
        yield "self", thing.__self__
    elif isinstance(thing, types.FunctionType):
        for number, cell in enumerate(thing.__closure__ or ()):
            yield f"cell {number}", cell.cell_contents
    elif isinstance(thing, collections.abc.Mapping):
        yield from thing.items()
    elif isinstance(thing, (list, tuple, set, frozenset, collections.deque)):
        yield from enumerate(thing)
    elif hasattr(thing, "__dict__"):
        yield from vars(thing).items()


def reachable(root):
    """All that can be reached and may change, by its address, with a way to it."""
    found, waiting = {}, [((), root)]
    while waiting:
        way, thing = waiting.pop()
        if isinstance(thing, ATOMS) or id(thing) in found:
            continue
        if isinstance(thing, (weakref.ProxyType, weakref.CallableProxyType)):
            continue
        if is_shared(thing) or is_of_all(thing):
            continue
        found[id(thing)] = way, thing
        for name, part in inside(thing):
            waiting.append(((*way, str(name)), part))
    return found


def is_of_all(thing):
    """Code, a lock's own, and what a refresher has in common with others."""
    return isinstance(thing, types.ModuleType) or type(thing).__module__ in (
        "stsession._core.refresher",
        "stsession._core.policy",
    )


def is_fixed(thing):
    """Return whether *thing* itself can't change."""
    if isinstance(thing, types.MethodType):
        return is_shared(thing.__self__)
    return isinstance(thing, (*ATOMS, *CODE, tuple, frozenset)) or type(thing) is object


READ_ONLY = (
    "_excluded_params",
    "_method_to_api_mapping",
    "_param_definitions",
    "_user_provided_options",
)
"""What comes from the model or from the caller, and isn't written to."""


def print_nothing(**_):
    """A handler."""


def is_from_model(way):
    """Return whether it is only read."""
    return any(part in way for part in READ_ONLY) or way.startswith(
        "meta.events._made._event_aliases"
    )


def handlers_of(events):
    """All handlers with event, section and name."""
    emitter = events
    while hasattr(emitter, "_emitter") or hasattr(emitter, "emitter"):
        emitter = getattr(emitter, "_emitter", None) or emitter.emitter
    found, waiting = collections.Counter(), [((), emitter._handlers._root)]
    while waiting:
        path, node = waiting.pop()
        for section, handlers in enumerate(node["values"] or ()):
            for handler in handlers:
                owner = getattr(handler, "__self__", handler)
                name = getattr(handler, "__qualname__", type(handler).__qualname__)
                found[".".join(path), section, name, type(owner).__name__] += 1
        for name, child in node["children"].items():
            waiting.append(((*path, name), child))
    return found


def shape(thing, seen):
    """
    The attributes of a thing and its parts, with their types, as far as they're ours.
    """
    if isinstance(thing, botocore.hooks.BaseEventHooks) or is_shared(thing):
        return "the same for all, or compared elsewhere"
    if id(thing) in seen or not type(thing).__module__.startswith("botocore."):
        return type(thing).__name__
    seen.add(id(thing))
    return {name: shape(value, seen) for name, value in vars(thing).items()}


def without_http(client):
    """The attributes of a client, but for those of its HTTP session."""
    found = shape(client, set())
    found["_endpoint"].pop("http_session")
    return found


@pytest.mark.parametrize(("service", "mode"), KINDS)
def test_parts(source, sessions, caplog, service, mode):
    """
    Clients share event handlers, but no object that changes; nor do they later.

    They have the attributes and the event handlers of an ordinary one.
    """
    config = Config(retries={"mode": mode}, user_agent_extra="mine")
    ordinary = stsession.assume(HUB, source=source).client(service, config=config)
    clients = [session.client(service, config=config) for session in sessions]

    assert [f"clients of {service} {SHARED_EVENTS}"] == templates_made(caplog)
    assert without_http(ordinary) == without_http(clients[0])

    ((template,),) = sessions[0]._clients._templates.values()
    known = reachable(template._events._base)  # what all clients of a session have
    for _ in range(2):
        one, other = map(reachable, clients)
        common = {
            ".".join(one[address][0])
            for address in one.keys() & other.keys()
            if not is_fixed(one[address][1]) and address not in known
        }

        assert len(one) > 20
        assert set() == {way for way in common if not is_from_model(way)}

        for client in (ordinary, *clients):
            client.meta.events.register("before-send", print_nothing)

    # Now each of them has an emitter of its own.
    assert handlers_of(ordinary.meta.events) == handlers_of(clients[0].meta.events)
    for client in (ordinary, *clients):
        assert callable(client._endpoint.http_session.send)
        assert callable(client._endpoint.http_session.close)


def works(caplog, session, reason, *, way=BY_BOTOCORE):
    """Return whether the session's clients work, are made in that way, and why."""
    sts = session.client("sts")
    sts.meta.events.register("before-send", StubSTS())
    sts.assume_role(RoleArn=TARGET, RoleSessionName="name")
    assert not session._is_complete
    (text,) = set(templates_made(caplog))
    return text.startswith(f"clients of sts {way}") and reason in text


def test_new_attribute(sessions, caplog, monkeypatch):
    """A part that isn't known isn't shared."""
    real = botocore.client.BaseClient.__init__

    def initialize(self, *args, **kwargs):
        real(self, *args, **kwargs)
        self._memory = ["of one role"]

    monkeypatch.setattr(botocore.client.BaseClient, "__init__", initialize)

    assert works(caplog, sessions[0], "STS._memory isn't known")
    assert sessions[0].client("sts")._memory is not sessions[0].client("sts")._memory


def test_new_slot(sessions, caplog, monkeypatch):
    """Nor are objects with attributes that aren't seen."""

    class Slotted(botocore.client.BaseClient):
        __slots__ = ("_memory",)

    def make(creator, service_name, service_model):
        cls = real(creator, service_name, service_model)
        return type(cls.__name__, (cls, Slotted), {})

    real = botocore.client.ClientCreator._create_client_class
    monkeypatch.setattr(botocore.client.ClientCreator, "_create_client_class", make)

    assert works(caplog, sessions[0], "isn't made of attributes only")


class Stranger:
    """An unknown class whose methods handle the events of one client."""

    def __init__(self, client):
        self.client = weakref.proxy(client)

    def handle(self, **_):
        """Do nothing."""


def created_with(monkeypatch, extend):
    """Have botocore call *extend* with each client that it makes."""
    real = botocore.client.ClientCreator.create_client

    def create_client(creator, *args, **kwargs):
        client = real(creator, *args, **kwargs)
        extend(client)
        return client

    monkeypatch.setattr(botocore.client.ClientCreator, "create_client", create_client)


def register_method(client):
    """Register a method of an object that belongs to the client."""
    client.meta.events.register("before-send", Stranger(client).handle)


def register_function(client):
    """Register a function that refers to the client."""
    client.meta.events.register("before-send", lambda **_: client.meta and None)


def append_handler(client):
    """Add a handler without the emitter's methods."""
    emitter = getattr(client.meta.events._emitter, "emitter", None)
    if emitter is not None:
        emitter._handlers.append_item("before-send", Stranger(client).handle)


@pytest.mark.parametrize(
    ("extend", "reason"),
    [
        (register_method, "the event handler Stranger.handle isn't known"),
        (register_function, "register_function.<locals>.<lambda> isn't known"),
        (append_handler, "not all of its event handlers are known"),
    ],
)
def test_new_handler(sessions, caplog, monkeypatch, extend, reason):
    """Nor are clients with a handler that isn't known."""
    created_with(monkeypatch, extend)

    assert works(caplog, sessions[0], reason)


def test_handler_for_all_clients(sessions, caplog, monkeypatch):
    """
    One that has just names in it serves all clients, as libraries for tracing have.
    """

    def extend(client):
        service = client.meta.service_model.service_name
        events = client.meta.events
        events.register("before-send", functools.partial(count, service=service))
        events.register("before-send", lambda **_: count(service=service))

    for session in sessions:
        session.credentials()
    created_with(monkeypatch, extend)
    counted.clear()

    assert all(works(caplog, session, "", way=SHARED_EVENTS) for session in sessions)
    assert ["sts"] * 4 == counted


counted = []


def count(service, **_):
    """A handler."""
    counted.append(service)


def test_new_method_of_emitters(sessions, caplog, monkeypatch):
    """Nor are clients shared if emitters can do more than is known."""
    monkeypatch.setattr(HierarchicalEmitter, "defer", lambda _: None, raising=False)

    assert works(caplog, sessions[0], "emitters have other methods: defer")


def test_other_trie(sessions, caplog, monkeypatch):
    """If the inside of emitters is different, each client has an emitter of its own."""

    class Trie(botocore.hooks._PrefixTrie):
        @property
        def _root(self):
            if sys._getframe(1).f_code.co_name == "listing":
                raise AttributeError("_root")
            return self._tree

        @_root.setter
        def _root(self, root):
            self._tree = root

        def __copy__(self):
            copied = type(self)()
            copied._tree = self._recursive_copy(self._tree)
            return copied

    monkeypatch.setattr(botocore.hooks, "_PrefixTrie", Trie)
    monkeypatch.setattr(_sdk, "_builtin_handlers", _sdk._BuiltinHandlers)

    assert works(caplog, sessions[0], "an emitter can't be read", way=OWN_EVENTS)
    assert sessions[0].client("sts").meta.events._copy is not None


def test_renamed(sessions, caplog, monkeypatch):
    """Nor are clients whose attributes have other names."""

    def initialize(self, *args, **kwargs):
        real(self, *args, **kwargs)
        self._signer = vars(self).pop("_request_signer")

    class Renamed:
        def __get__(self, client, _):
            return vars(client)["_signer"]

    real = botocore.client.BaseClient.__init__
    monkeypatch.setattr(botocore.client.BaseClient, "__init__", initialize)
    monkeypatch.setattr(
        botocore.client.BaseClient, "_request_signer", Renamed(), raising=False
    )
    # It is needed while the base class sets things up.
    monkeypatch.setattr(
        botocore.client.BaseClient, "_register_handlers", lambda _: None
    )

    assert not works(caplog, sessions[0], "", way=SHARED_EVENTS)


def test_other_retries(sessions, caplog, monkeypatch):
    """Nor are clients with retries that are registered in another way."""
    register = botocore.retries.standard.register_retry_handler

    def register_retry_handler(client, max_attempts=None):
        client.meta.service_model.service_id  # noqa: B018 - as it does
        return register(client=client.itself(), max_attempts=max_attempts)

    monkeypatch.setattr(
        botocore.client.BaseClient, "itself", lambda self: self, raising=False
    )
    monkeypatch.setattr(
        botocore.retries.standard, "register_retry_handler", register_retry_handler
    )
    config = Config(retries={"mode": "standard"})
    sessions[0].client("sts", config=config)

    (text,) = templates_made(caplog)
    assert text.startswith(f"clients of sts {BY_BOTOCORE}: ")
    assert "itself" in text


def test_one_odd_service(sessions, monkeypatch):
    """What goes for one service goes for no other, and is remembered."""

    def extend(client):
        if client.meta.service_model.service_name == "sqs":
            register_method(client)

    created_with(monkeypatch, extend)
    events = [
        type(sessions[0].client(name).meta.events) for name in ("sqs", "sts", "sqs")
    ]

    assert CopyOnWriteEvents is events[1]
    assert botocore.hooks.EventAliaser is events[0] is events[2]


def test_plugins(sessions, caplog, monkeypatch):
    """botocore's plugins are called with each client."""
    monkeypatch.setenv("BOTOCORE_EXPERIMENTAL__PLUGINS", "nothing=stsession_no_such")

    assert works(caplog, sessions[0], "botocore has plugins")


def test_monitor(source, caplog, monkeypatch):
    """So does what reports to an agent on this machine."""
    monkeypatch.setenv("AWS_CSM_ENABLED", "true")
    monkeypatch.setattr(
        botocore.monitoring, "SocketPublisher", lambda socket, **_: socket.close()
    )
    session = fleet_session(READER, source=source)

    assert works(caplog, session, "the event handler Monitor.capture isn't known")
