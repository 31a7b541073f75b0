"""The identity behind the environment, config files and web identity tokens."""

from __future__ import annotations

import os
import re

from collections.abc import Callable, Hashable
from typing import Any

import botocore.session

from .._botocore.config_files import (
    SETTLED,
    Version,
    default_files,
    version_of,
)
from .._core.runtime import SystemClock
from .._util import RandomEviction, digest_of, isolation_key, per_process


__all__ = [
    "MAX_FILES",
    "TOKEN_FILE",
    "contents_of",
    "digest_of_file",
    "environment_fingerprint",
    "owner_of_file",
    "profile_of",
]


MAX_FILES = 64
"""The largest number of files for which digests are kept."""

TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 - a name
"""The variable that names a file with a web identity token."""

SECRET_VARIABLES = frozenset(
    {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}
)

_TOKEN_FILES = re.compile(rb"(?mi)^[ \t]*web_identity_token_file[ \t]*[=:](.*)$")


class _FileCache:
    """
    Values computed from the contents of files, once for each version of a file.

    Args:
        value_of: Computes the value from the content.

        unreadable: Returns the value of a version that can't be read.
    """

    def __init__(
        self, value_of: Callable[[bytes], Any], unreadable: Callable[[Version], Any]
    ) -> None:
        self._known: RandomEviction[str, tuple[Version, Any]] = RandomEviction(
            MAX_FILES
        )
        self._value_of = value_of
        self._unreadable = unreadable

    def get(self, path: str) -> Any:
        version = version_of(path)
        if version is None:
            return None
        known, value = self._known.get(path, (None, None))
        if known == version:
            return value
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                value = self._value_of(file.read())
        except OSError:
            return self._unreadable(version)
        if max(version[:2]) < (SystemClock().wall() - SETTLED) * 1e9:
            self._known[path] = version, value
        return value


def _digest_and_token_files(content: bytes) -> Any:
    paths = (os.fsdecode(path).strip() for path in _TOKEN_FILES.findall(content))
    return digest_of(content), tuple(sorted({*paths} - {""}))


def _owner_in(content: bytes) -> Any:
    from .._tokens.web_identity import owner_of  # noqa: PLC0415 - seldom needed

    return owner_of(content.decode(errors="surrogateescape").strip())


_digests = per_process(
    lambda: _FileCache(_digest_and_token_files, lambda version: (version, ())),
    of_files=True,
)
_owners = per_process(
    lambda: _FileCache(_owner_in, lambda version: None), of_files=True
)


def digest_of_file(path: str) -> Hashable:
    """
    Return a value that changes when the content of a config file changes.

    It includes the owners of the web identity tokens in the files that it names.
    """
    known = _digests().get(path)
    if known is None:
        return None
    digest, token_files = known
    return (digest, *map(owner_of_file, token_files)) if token_files else digest


def owner_of_file(path: str | os.PathLike[str] | None) -> Hashable:
    """Return a value that changes when a file contains a token of another owner."""
    return _owners().get(os.path.abspath(path)) if path else None  # noqa: PTH100


def contents_of(files: tuple[str, ...]) -> Hashable:
    """Return a value that changes when the content of config files changes."""
    return tuple(map(digest_of_file, files))


def profile_of(session: botocore.session.Session) -> tuple[dict[str, Any], ...]:
    """
    Return the parts of the config files that a session's profile uses.

    These are the sections of the profile, of its source profiles and of their SSO
    sessions, and the owners of the tokens in the files that they name.
    """
    config = session.full_config
    profiles, name = config.get("profiles", {}), session.profile or "default"
    sections: dict[str, Any] = {}
    while name in profiles and name not in sections:
        sections[name] = profiles[name]
        name = profiles[name].get("source_profile")
    names = [section.get("sso_session") for section in sections.values()]
    sso = config.get("sso_sessions", {})
    files = [section.get("web_identity_token_file") for section in sections.values()]
    return (
        sections,
        {name: sso[name] for name in names if name in sso},
        {file: owner_of_file(file) for file in files if file},
    )


def environment_fingerprint(*, credentials: bool = True) -> Hashable:
    """
    Return a value that changes when AWS's environment variables or files change.

    It contains digests of secrets and of files, and the owner of a web identity token.

    Args:
        credentials: Whether credentials in the environment and in files count.
    """
    found: dict[str, Hashable] = {}
    secrets = []
    for name, value in os.environ.items():
        if name in SECRET_VARIABLES:
            secrets.append(f"{name}={value}")
        elif name.startswith("AWS_") or name == "BOTO_CONFIG":
            found[name] = value
    if secrets and credentials:
        text = "\0".join(sorted(secrets))
        found["secrets"] = digest_of(text.encode(errors="surrogateescape"))
    for name, path in default_files().items():
        found[name] = path, digest_of_file(path) if credentials else None
    if credentials:
        found["token"] = owner_of_file(os.environ.get(TOKEN_FILE))
    found["isolation"] = isolation_key()
    return frozenset(found.items())
