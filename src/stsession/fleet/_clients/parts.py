"""Decides which parts and event handlers clients share, and which are copied."""

from __future__ import annotations

import enum
import functools
import re
import types

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

from botocore import UNSIGNED, retryhandler
from botocore.client import ClientCreator
from botocore.credentials import RefreshableCredentials
from botocore.discovery import EndpointDiscoveryHandler, EndpointDiscoveryManager
from botocore.retries import adaptive, standard
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from botocore.utils import (
    S3ControlArnParamHandlerv2,
    S3ExpressIdentityResolver,
    S3RegionRedirectorv2,
)

from ..._botocore.resend import ResendHandler
from .events import Handler, Registration


__all__ = [
    "SHARED",
    "HandlerPlan",
    "Parts",
    "UnknownPartError",
    "check_part",
    "listing",
    "parts_of",
]


class UnknownPartError(Exception):
    """A client has a part that may not be safe to share, so botocore has to make it."""


@attrs.frozen(kw_only=True)
class Parts:
    """The parts of a new client that its event handlers belong to."""

    client: Any
    signer: RequestSigner
    user_agent: UserAgentString
    resend: ResendHandler


def _discovery(handler: Any, parts: Parts) -> EndpointDiscoveryHandler:
    always = handler._manager._always_discover
    manager = EndpointDiscoveryManager(parts.client, always_discover=always)
    return EndpointDiscoveryHandler(manager)


OWN: dict[type, Callable[[Any, Parts], Any]] = {
    RequestSigner: lambda _, parts: parts.signer,
    UserAgentString: lambda _, parts: parts.user_agent,
    ResendHandler: lambda _, parts: parts.resend,
    S3RegionRedirectorv2: lambda _, parts: S3RegionRedirectorv2(None, parts.client),
    S3ExpressIdentityResolver: lambda _, parts: S3ExpressIdentityResolver(
        parts.client, RefreshableCredentials
    ),
    EndpointDiscoveryHandler: _discovery,
}
"""Classes that handle the events of one client, with functions that copy the
handler."""

STATELESS = (ClientCreator, S3ControlArnParamHandlerv2, retryhandler.RetryHandler)
"""Classes with methods that handle the events of all clients in the same way."""

RETRIES = (standard.__name__, adaptive.__name__)


class _Retries:
    """
    Collects the retry handlers that botocore registers for a client.

    It has those attributes of a client that botocore's functions read.
    """

    def __init__(self, client: Any) -> None:
        self.meta = types.SimpleNamespace(
            service_model=client.meta.service_model, events=self
        )
        self.handlers: dict[tuple[str, str, str], Handler] = {}
        retries = client.meta.config.retries
        attempts = retries.get("total_max_attempts")
        limit = {} if attempts is None else {"max_attempts": attempts}
        collector: Any = self
        standard.register_retry_handler(client=collector, **limit)
        if retries["mode"] == "adaptive":
            adaptive.register_retry_handler(collector)

    def register(self, event: str, handler: Any, *_: Any, **__: Any) -> None:
        self.handlers[_place(event, handler)] = handler


def _place(event: str, handler: Any) -> tuple[str, str, str]:
    return event, type(handler.__self__).__qualname__, handler.__name__


class HandlerPlan:
    """
    The event handlers that clients don't share, and how to make them for a new client.

    Raises:
        UnknownPartError: If a handler may not be safe to share.
    """

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self.numbers: dict[Handler, int] = {}
        self._own: list[tuple[str, Any]] = []
        for registration in registrations:
            handler = registration.handler
            if handler is None or handler in self.numbers or _is_stateless(handler):
                continue
            self.numbers[handler] = len(self._own)
            self._own.append((registration.event, _known(handler)))

    def handlers(self, parts: Parts) -> list[Handler]:
        """
        Return the unshared handlers of a new client, in the order of their numbers.
        """
        retries: _Retries | None = None
        owners: dict[int, Any] = {}
        handlers = []
        for event, handler in self._own:
            owner = handler.__self__
            make = OWN.get(type(owner))
            if make is None:
                retries = retries or _Retries(parts.client)
                handlers.append(retries.handlers[_place(event, handler)])
                continue
            if id(owner) not in owners:
                owners[id(owner)] = make(owner, parts)
            handlers.append(getattr(owners[id(owner)], handler.__name__))
        return handlers


def _is_stateless(handler: Any) -> bool:
    if isinstance(handler, types.FunctionType):
        cells = [cell.cell_contents for cell in handler.__closure__ or ()]
        return all(map(_is_shareable, cells))
    if isinstance(handler, functools.partial):
        parts = [handler.func, *handler.args, *handler.keywords.values()]
        return all(map(_is_shareable, parts))
    owner = getattr(handler, "__self__", handler)
    return type(owner) in STATELESS


def _is_shareable(value: Any) -> bool:
    """Return whether a handler with *value* in it is the same for all clients."""
    return isinstance(value, (str, int, type(None))) or _is_stateless(value)


def _known(handler: Any) -> Any:
    owner = getattr(handler, "__self__", None)
    if type(owner) in OWN or type(owner).__module__ in RETRIES:
        return handler
    name = getattr(handler, "__qualname__", type(handler).__qualname__)
    msg = f"the event handler {name} isn't known"
    raise UnknownPartError(msg)


SHARED = {
    ("BaseClient", "_exceptions"),
    ("BaseClient", "_exceptions_factory"),
    ("BaseClient", "_loader"),
    ("BaseClient", "_response_parser"),
    ("BaseClient", "_serializer"),
    ("ClientMeta", "_method_to_api_mapping"),
    ("ClientMeta", "_service_model"),
    ("Config", "_user_provided_options"),
    ("Endpoint", "_response_parser_factory"),
    ("EndpointProvider", "_excluded_params"),
    ("EndpointProvider", "ruleset"),
    ("EndpointRulesetResolver", "_param_definitions"),
    ("EndpointRulesetResolver", "_service_model"),
    ("RequestSigner", "_auth_token"),
}
"""Attributes that aren't constants but are the same for all roles: class and name."""

CONSTANT = (
    str,
    bytes,
    int,
    float,
    type(None),
    type,
    enum.Enum,
    re.Pattern,
)


def parts_of(client: Any) -> Iterator[Any]:
    """Yield the objects that each client must have for itself."""
    yield client
    yield client.meta
    yield client._client_config
    yield client._endpoint
    yield client._request_signer
    yield client._user_agent_creator
    resolver = client._ruleset_resolver
    if resolver is not None:
        yield resolver
        yield resolver._provider
        yield types.SimpleNamespace(
            **{n.name: v for n, v in resolver._builtins.items()}
        )


def check_part(copied: Any, original: Any) -> None:
    """
    Check that a part and its copy share only objects that are safe to share.

    Raises:
        UnknownPartError: If they share more.
    """
    name = type(original).__qualname__
    if (
        type(copied) is not type(original)
        or vars(copied).keys() != vars(original).keys()
        or any(vars(base).get("__slots__") for base in type(original).__mro__)
    ):
        msg = f"{name} isn't made of attributes only"
        raise UnknownPartError(msg)
    bases = {base.__name__ for base in type(original).__mro__}
    for attribute, value in vars(original).items():
        if vars(copied)[attribute] is not value or _is_constant(value):
            continue
        if not any((base, attribute) in SHARED for base in bases):
            msg = f"{name}.{attribute} isn't known"
            raise UnknownPartError(msg)


def _is_constant(value: Any) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_constant, value))
    if isinstance(value, types.FunctionType):
        return value.__closure__ is None
    return isinstance(value, CONSTANT) or value is UNSIGNED


def listing(
    emitter: Any, resolved: Callable[[Any], Any] = lambda handler: handler
) -> list[Any]:
    """List all handlers of an emitter with their places."""
    places: list[Any] = []
    nodes: list[Any] = [((), emitter._handlers._root)]
    while nodes:
        path, node = nodes.pop()
        for section, handlers in enumerate(node["values"] or ()):
            places += [
                (path, section, number, resolved(handler))
                for number, handler in enumerate(handlers)
            ]
        nodes += [((*path, name), child) for name, child in node["children"].items()]
    return sorted(places, key=lambda place: place[:3])
