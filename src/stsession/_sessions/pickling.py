"""Recipes: the call that made a session, for pickles, copies and digests."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import pickle
import sys

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

import attrs

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError
from botocore.hooks import HierarchicalEmitter

from .._botocore.config_files import default_files, files_of
from .._botocore.sdk_classes import BotocoreSession, BotoSession
from .._botocore.sessions import (
    Session,
    botocore_session_of,
    credentials_in_code,
)
from .._core.errors import hides_arguments
from .._core.policy import RefreshPolicy
from .._sources.files import (
    TOKEN_FILE,
    contents_of,
    environment_fingerprint,
    owner_of_file,
    profile_of,
)
from .._sources.providers import FINDABLE_METHODS
from .._util import RandomEviction, copy_containers, digest_of, number_of, per_process
from .options import DEFAULT_POLICY


__all__ = ["Recipe", "environment_of", "rebuild_session", "reduce_session"]


VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""Environment variables that select credentials, and aren't secret."""

PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
"""Environment variables with the name of a profile."""

FILE_VARIABLES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
"""Environment variables with the paths of the config and credentials files."""

SELECTING = ("name", "source", "token")
"""Arguments that select credentials. `None` means those of the environment."""

PROFILE_KEYS = (
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "mfa_serial",
    "role_arn",
    "role_session_name",
    "source_profile",
    "sso_account_id",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)
"""Keys of a profile that identify its credentials, and aren't secret."""

MAX_SOURCES = 16
"""The number of boto3 sessions that are kept as sources of unpickled sessions."""

MAX_PROFILES = 1_024
"""The number of profiles with cached identities. An identity takes about a kilobyte."""

IRRELEVANT = frozenset({"cache", "mfa_code", "on_event", "share_models", "sts_config"})
"""Arguments that don't change the permissions of the credentials."""

SECRETS = ("assertion", "mfa_code", "provided_contexts")
"""Arguments that are secret unless they are functions."""

DIGITS = 16
"""The length of a digest, in hexadecimal digits: long enough to have no duplicates."""


class Recipe:
    """
    The function that made a session and its arguments, to make an equal one.

    Args:
        make: The function, or the class.

        arguments: The arguments that were passed, by name. Containers are copied.

        environment:
            What the arguments select in the environment and in files, see
            `environment_of`. `None` means what they select now.
    """

    __slots__ = ("arguments", "environment", "make")

    def __init__(
        self,
        make: Callable[..., Any],
        arguments: Mapping[str, Any],
        environment: Mapping[str, Any] | None = None,
    ) -> None:
        self.make: Callable[..., Any] = make
        self.arguments: Mapping[str, Any] = copy_containers(dict(arguments))
        self.environment: Mapping[str, Any] = (
            environment_of(arguments) if environment is None else environment
        )

    def digest(self) -> str:
        """
        Return a short text that is equal for equal recipes.

        It is the same in all processes, except for functions that can't be imported
        and for secret arguments, neither of which can be pickled.
        """
        values = {
            name: _plain_of(name, value)
            for name, value in self.arguments.items()
            if value is not None and name not in IRRELEVANT
        }
        if self.arguments.get("refresh") == DEFAULT_POLICY:
            del values["refresh"]
        values["environment"] = _plain_of("", self.environment)
        function = "assume" if isinstance(self.make, type) else self.make.__name__
        text = json.dumps([function, values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def rebuild_session(make: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Make a session from a recipe; called by unpickling."""
    source = arguments.get("source")
    if isinstance(source, _SessionSettings):
        arguments = {**arguments, "source": source.make()}
    return make(**arguments)


class _SessionSettings:
    """The settings of a boto3 or botocore session that were made by code."""

    def __init__(self, *, variables: dict[str, Any], boto: bool) -> None:
        self.variables = variables
        self.boto = boto

    def make(self) -> Any:
        """
        Return a session with these settings, which finds the current credentials.

        It is the same one for all pickles with these settings until the environment or
        a file changes, so that the sessions made from them share credentials.
        """
        session = BotocoreSession()
        for name, value in self.variables.items():
            session.set_config_variable(name, value)
        found = contents_of(files_of(session)), environment_fingerprint()
        key = self.boto, repr(sorted(self.variables.items())), found
        kept = _made_sources()
        made = kept.get(key)
        if made is None:
            made = BotoSession(botocore_session=session) if self.boto else session
            kept[key] = made
        return made


_made_sources = per_process(lambda: RandomEviction[Hashable, Any](MAX_SOURCES))


@hides_arguments
def reduce_session(recipe: Recipe) -> tuple[Any, ...]:
    """
    Return what `__reduce__` of a session returns.

    Raises:
        pickle.PicklingError: If an argument is a secret, or if the source is a session
            with credentials that were set by code. A pickle must not contain them.
    """
    arguments = dict(recipe.arguments)
    for name in SECRETS:
        if isinstance(arguments.get(name), (str, Mapping)):
            msg = (
                f"{name} is a secret, which a pickle must not contain. Pass a function "
                "that the other process can import."
            )
            raise pickle.PicklingError(msg)
    source = arguments.get("source")
    if type(source) is BotoSession or isinstance(source, BotocoreSession):
        arguments["source"] = _settings_of(source)
    return rebuild_session, (recipe.make, arguments)


def _settings_of(source: Any) -> _SessionSettings:
    boto = isinstance(source, BotoSession)
    session = botocore_session_of(source)
    credentials = session.get_credentials()
    if credentials is not None and credentials.method not in FINDABLE_METHODS:
        msg = (
            "The source of this session has credentials that were set by code, which "
            "a pickle must not contain. Make the source from a profile or from the "
            "environment, where the other process finds them as well."
        )
        raise pickle.PicklingError(msg)
    return _SessionSettings(variables=session.instance_variables(), boto=boto)


class _Profiles:
    """The identities of profiles, computed once for each content of their files."""

    def __init__(self) -> None:
        self._known: RandomEviction[Hashable, Any] = RandomEviction(MAX_PROFILES)

    def get(self, name: str | None, files: tuple[str, ...]) -> Any:
        """Return what identifies the credentials of a profile, without secrets."""
        named = (name,) if name else tuple(map(os.environ.get, PROFILE_VARIABLES))
        contents = contents_of(files)
        key = named, files, contents
        identity = self._known.get(key)
        if identity is None:
            identity = _identity_of(name, files)
            if contents == contents_of(files):
                self._known[key] = identity
        return identity


_profiles = per_process(_Profiles, of_files=True)


def _identity_of(name: str | None, files: tuple[str, ...]) -> Any:
    session = Session(
        event_hooks=HierarchicalEmitter(), include_builtin_handlers=False, profile=name
    )
    for variable, path in zip(("config_file", "credentials_file"), files, strict=True):
        session.set_config_variable(variable, path)
    try:
        *sections, owners = profile_of(session)
    except BotoCoreError:
        return []  # reported when the credentials are needed
    return [
        *(
            {
                name: {key: values[key] for key in PROFILE_KEYS if key in values}
                for name, values in part.items()
            }
            for part in sections
        ),
        {file: _public(owner) for file, owner in owners.items()},
    ]


def _public(owner: Hashable) -> Any:
    # For a token without issuer and subject, the key is valid in this process only.
    return owner if isinstance(owner, tuple) else None


def environment_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return what arguments select in the environment and in files, without secrets.

    It is plain data, which is the same in all processes with the same environment.
    """
    return {
        name: _selected(name, arguments[name])
        for name in SELECTING
        if name in arguments
    }


def _selected(name: str, value: Any) -> Any:
    if value is not None and name == "token":
        plain = isinstance(value, (str, os.PathLike))
        return _public(owner_of_file(value)) if plain else None
    if value is None:
        return _in_environment(None, _default_paths())
    if isinstance(value, str):
        files = [os.environ.get(variable) for variable in FILE_VARIABLES]
        return [files, _profiles().get(value, _default_paths())]
    if _is_ours(value) or not isinstance(value, (BotoSession, BotocoreSession)):
        return None
    session = botocore_session_of(value)
    keys = credentials_in_code(session)
    if keys is None or getattr(keys, "method", None) in FINDABLE_METHODS:
        identity: Any = _in_environment(session.profile, files_of(session))
    elif isinstance(keys, RefreshableCredentials):
        identity = number_of(keys)  # reading an attribute may cause a request
    else:
        identity = keys.access_key
    return [session.instance_variables(), identity]


def _default_paths() -> tuple[str, ...]:
    return tuple(default_files()[variable] for variable in FILE_VARIABLES)


def _in_environment(profile: str | None, paths: tuple[str, ...]) -> list[Any]:
    return [
        [os.environ.get(variable) for variable in (*VARIABLES, *FILE_VARIABLES)],
        _profiles().get(profile, paths),
        _public(owner_of_file(os.environ.get(TOKEN_FILE))),
    ]


def _is_ours(source: Any) -> bool:
    return hasattr(type(source), "_digest")


def _plain_of(name: str, value: Any) -> Any:
    """Return a value as plain data that is equal for all ways to pass it."""
    if name in SECRETS and isinstance(value, (str, Mapping)):
        # A digest that others could compute would let them check guesses.
        return digest_of(json.dumps(value, sort_keys=True).encode()).hex()
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
        return {str(key): _plain_of("", item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, Collection):
        return [_plain_of("", item) for item in value]
    if _is_ours(value):
        return value._digest  # noqa: SLF001 - one of ours
    if isinstance(value, (BotoSession, BotocoreSession)):
        return "session"  # see `_selected`
    return _name_or_number(value)


def _name_or_number(thing: Any) -> Any:
    """Return the import path of a function or class, or else a unique number."""
    module, name = (getattr(thing, key, None) for key in ("__module__", "__qualname__"))
    if module is not None and name is not None:
        imported = sys.modules.get(module)
        if getattr(imported, name, None) is thing:
            return [module, name]
    return [type(thing).__name__, number_of(thing)]
