"""Parts of botocore's chain of credential providers."""

from __future__ import annotations

import contextlib
import json
import subprocess

from typing import Any

import botocore.session

from botocore.credentials import CredentialResolver, ProcessProvider
from botocore.utils import parse_timestamp

from ..exceptions import SourceCredentialsError


__all__ = [
    "AMBIENT_METHODS",
    "FILE_METHODS",
    "FINDABLE_METHODS",
    "PROFILE_METHODS",
    "ROLELESS_METHODS",
    "ROLE_METHODS",
    "UNIDENTIFIED_METHODS",
    "ProviderSubset",
    "accept_local_expirations",
    "no_credentials",
    "use_providers",
]


AMBIENT_METHODS = frozenset({"env", "iam-role", "container-role", "boto-config"})
"""The methods that botocore tries if a profile has no credentials."""

FINDABLE_METHODS = frozenset(
    {
        "assume-role",
        "assume-role-with-web-identity",
        "config-file",
        "container-role",
        "custom-process",
        "env",
        "iam-role",
        "login",
        "shared-credentials-file",
        "sso",
    }
)
"""The methods that find the same credentials in another session or process."""

UNIDENTIFIED_METHODS = frozenset({"custom-process", "login", "sso"})
"""The methods whose identity can't be read from files and variables alone."""

FILE_METHODS = frozenset({"shared-credentials-file", "config-file"})
"""The methods that find access keys in a profile itself."""

ROLE_METHODS = frozenset({"assume-role", "assume-role-with-web-identity"})
"""The methods by which botocore assumes a role."""

PROFILE_METHODS = FINDABLE_METHODS - AMBIENT_METHODS
"""The methods that read a profile to find credentials."""

ROLELESS_METHODS = PROFILE_METHODS - ROLE_METHODS
"""The methods that find credentials in a profile, except by its role."""


class _Process(subprocess.Popen[bytes]):
    """
    A credential process: its ``Expiration`` is in UTC if it has no time zone.

    botocore would raise a `TypeError` when it compares that with aware datetimes.
    """

    def communicate(self, *args: Any, **kwargs: Any) -> tuple[bytes, bytes]:
        stdout, stderr = super().communicate(*args, **kwargs)
        with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError):
            printed = json.loads(stdout)
            expiration = parse_timestamp(printed["Expiration"])
            if expiration.tzinfo is None:
                printed["Expiration"] = f"{expiration.isoformat()}Z"
                stdout = json.dumps(printed).encode()
        return stdout, stderr


def accept_local_expirations(
    resolver: CredentialResolver, session: botocore.session.Session
) -> None:
    """Accept expirations without a time zone from a credential process."""
    name = ProcessProvider.METHOD
    if any(provider.METHOD == name for provider in resolver.providers):
        provider = ProcessProvider(
            session.profile or "default", lambda: session.full_config, _Process
        )
        resolver.insert_before(name, provider)


class ProviderSubset:
    """
    A credential resolver with some of the providers of another.

    Args:
        resolver: The other resolver.

        methods: The methods of the providers.

        name: The name of the source for messages.
    """

    def __init__(self, resolver: Any, methods: frozenset[str], name: str) -> None:
        self._providers = [p for p in resolver.providers if p.METHOD in methods]
        self._name = name

    def load_credentials(self) -> Any:
        for provider in self._providers:
            credentials = provider.load()
            if credentials is not None:
                return credentials
        raise no_credentials(self._name)


def use_providers(
    session: botocore.session.Session, methods: frozenset[str], name: str
) -> None:
    """
    Limit a session to the credential providers of some methods.

    *name* is that of the source, for messages.
    """
    resolver = session.get_component("credential_provider")
    accept_local_expirations(resolver, session)
    subset = ProviderSubset(resolver, methods, name)
    session.register_component("credential_provider", subset)


def no_credentials(name: str) -> SourceCredentialsError:
    """Return the error that the source *name* has no credentials."""
    return SourceCredentialsError(
        f"Could not find credentials in {name}.",
        hop=name,
        hint="Configure credentials (aws configure, aws sso login), or pass another "
        "source.",
    )
