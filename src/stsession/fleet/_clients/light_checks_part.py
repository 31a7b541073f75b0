"""
Whether two clients share nothing but what is the same for all roles.
"""

from __future__ import annotations

import enum
import re
import types

from collections.abc import Callable, Iterator
from typing import Any

from botocore import UNSIGNED

from .parts import UnknownPartError


__all__ = ["SHARED", "check_part", "listing", "parts_of"]


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
"""What isn't a constant and yet is the same for all roles, by class and name."""

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
    """
    What belongs to one client only.
    """
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


def check_part(light: Any, real: Any) -> None:
    """
    Make sure that they share nothing but what is known to be shared.
    """
    name = type(real).__qualname__
    if (
        type(light) is not type(real)
        or vars(light).keys() != vars(real).keys()
        or any(vars(base).get("__slots__") for base in type(real).__mro__)
    ):
        msg = f"{name} isn't made of attributes only"
        raise UnknownPartError(msg)
    bases = {base.__name__ for base in type(real).__mro__}
    for attribute, value in vars(real).items():
        if vars(light)[attribute] is not value or _is_constant(value):
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
    """
    All handlers with their places, as the inside of an emitter has them.
    """
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
