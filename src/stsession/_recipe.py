"""
What a session was made from: its pickle, and a digest in its `repr`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import pickle
import sys

from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs

from botocore.credentials import RefreshableCredentials

from ._identity import number_of
from ._policy import RefreshPolicy
from ._remembered import hides_arguments
from ._sdk_classes import BotocoreSession, BotoSession
from ._source_keys import FINDABLE_METHODS


__all__ = ["ambient", "digest_of_recipe", "portable", "rebuild"]


AMBIENT = (
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""The environment variables that select credentials, and aren't secret."""

AMBIENT_IF_NONE = ("name", "source", "token")
"""Arguments that mean the environment if they are `None`."""

NO_MATTER = frozenset({"cache", "mfa_code", "on_event", "share", "sts_config"})
"""Arguments that don't matter to what the credentials allow."""

SECRETS = ("assertion", "mfa_code", "provided_contexts")
"""Arguments that are secret if they aren't functions."""

DIGITS = 16
"""Hexadecimal digits of a digest; so many sessions don't have two that are equal."""


def rebuild(make: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """
    Make the session again; unpickling calls it.
    """
    source = arguments.get("source")
    if isinstance(source, _PlainSession):
        arguments = {**arguments, "source": source.make()}
    return make(**arguments)


class _PlainSession:
    """
    A boto3 or botocore session, as what was said in code about its configuration.
    """

    def __init__(self, *, variables: dict[str, Any], boto: bool) -> None:
        self.variables = variables
        self.boto = boto

    def make(self) -> Any:
        session = BotocoreSession()
        for name, value in self.variables.items():
            session.set_config_variable(name, value)
        return BotoSession(botocore_session=session) if self.boto else session


@hides_arguments
def portable(make: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Any, ...]:
    """
    What `__reduce__` returns for a session that *make* made.

    Raises:
        pickle.PicklingError: If the source has keys of its own, which a
            pickle must not carry.
    """
    for name in SECRETS:
        if isinstance(arguments.get(name), (str, Mapping)):
            msg = (
                f"{name} is a secret, and a pickle must not carry it. Pass a function "
                "that the other process can import."
            )
            raise pickle.PicklingError(msg)
    source = arguments.get("source")
    if type(source) is BotoSession or isinstance(source, BotocoreSession):
        arguments = {**arguments, "source": _as_plain(source)}
    return rebuild, (make, arguments)


def _as_plain(source: Any) -> _PlainSession:
    boto = isinstance(source, BotoSession)
    # boto3 has no other way to its botocore session.
    session = source._session if boto else source  # noqa: SLF001
    credentials = session.get_credentials()
    if credentials is not None and credentials.method not in FINDABLE_METHODS:
        msg = (
            "The source of this session has keys of its own, and a pickle must not "
            "carry them. Make the source from a profile or from the environment, "
            "which the other process can look up as well."
        )
        raise pickle.PicklingError(msg)
    return _PlainSession(variables=session.instance_variables(), boto=boto)


def ambient() -> tuple[str | None, ...]:
    """
    Return what the environment says about the credentials to use.
    """
    return tuple(map(os.environ.get, AMBIENT))


def digest_of_recipe(
    make: Callable[..., Any],
    arguments: Mapping[str, Any],
    surroundings: tuple[str | None, ...],
) -> str:
    """
    Return a short text that is equal for equal recipes, in all processes.

    Args:
        make: What makes the session.

        arguments: Its arguments.

        surroundings: What `ambient` returned when the session was made.
    """
    matters = {
        name: _plain_of(name, value, surroundings)
        for name, value in arguments.items()
        if value is not None and name not in NO_MATTER and value != RefreshPolicy()
    }
    names = [name for name in AMBIENT_IF_NONE if name in arguments]
    if any(arguments[name] is None for name in names):
        matters["ambient"] = surroundings
    what = "assume" if isinstance(make, type) else make.__name__
    text = json.dumps([what, matters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _plain_of(name: str, value: Any, surroundings: tuple[str | None, ...]) -> Any:
    """
    Return a value as JSON has it, whatever way it was given.
    """
    if name == "policy" and isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, RefreshPolicy):
        value = attrs.asdict(value)
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, Mapping):
        return {
            str(key): _plain_of("", item, surroundings) for key, item in value.items()
        }
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, Collection):
        return [_plain_of("", item, surroundings) for item in value]
    if isinstance(value, (BotoSession, BotocoreSession)):
        return _session_as_plain(value, surroundings)
    return _name_or_number(value)


def _session_as_plain(source: Any, surroundings: tuple[str | None, ...]) -> Any:
    digest = getattr(source, "_digest", None)  # it's one of ours
    if digest is not None:
        return digest
    # As below: there is no other way, and looking may take a request.
    session = getattr(source, "_session", source)
    keys = getattr(session, "_credentials", None)
    said = _plain_of("", session.instance_variables(), surroundings)
    if keys is None or getattr(keys, "method", None) in FINDABLE_METHODS:
        return [said, surroundings]
    if isinstance(keys, RefreshableCredentials):
        return [said, number_of(keys)]
    return [said, keys.access_key]


def _name_or_number(thing: Any) -> Any:
    """
    Return the name of what can be imported; others differ from one another.
    """
    module, name = (getattr(thing, key, None) for key in ("__module__", "__qualname__"))
    if module is not None and name is not None:
        found = sys.modules.get(module)
        if getattr(found, name, None) is thing:
            return [module, name]
    return [type(thing).__name__, number_of(thing)]
