"""
The config and credentials files, parsed once for each time they change.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat

from collections.abc import Hashable
from typing import Any

import botocore.session

from .._core.cache import RandomEviction
from .._core.runtime import SystemClock
from .._util import per_process, world


__all__ = [
    "TOKEN_FILE",
    "Version",
    "Versions",
    "contents_of",
    "default_files",
    "digest_of",
    "digest_of_file",
    "environment_fingerprint",
    "files_of",
    "owner_of",
    "owner_of_file",
    "present_versions_of",
    "profile_of",
    "version_of",
    "versions_of",
]


SETTLED = 2.0
"""Seconds in which a file may change again, and its times stay the same."""

MAX_FILES = 64
"""Of how many files the digests are remembered."""

FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "BOTO_CONFIG": "~/.boto",
}
"""The files that credentials may be in, by the variables that name them."""

SECRET_VARIABLES = frozenset(
    {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}
)

TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 - a name
"""The variable that names a file with a web identity token."""

_TOKEN_FILES = re.compile(rb"(?mi)^[ \t]*web_identity_token_file[ \t]*[=:](.*)$")

Version = tuple[int, ...] | None
"""Changes whenever a file is written; `None` if there is no such file."""

Versions = tuple[tuple[str, Version], ...] | None
"""The files of a session; `None` if they may change without it showing."""


def present_versions_of(session: botocore.session.Session) -> Versions:
    """
    Return the present versions of a session's files, without reading them.
    """
    return tuple((path, version_of(path)) for path in files_of(session))


def versions_of(session: botocore.session.Session) -> Versions:
    """
    Return the same if it's certain that other contents would be another version.
    """
    now = SystemClock().wall()  # files are dated by the machine's
    files = present_versions_of(session) or ()
    dates = [date for _, version in files for date in (version or ())[:2]]
    return files if max(dates, default=0) < (now - SETTLED) * 1e9 else None


def _path(name: str) -> str:
    # As botocore finds them.
    path = os.path.expanduser(os.path.expandvars(name))  # noqa: PTH111
    return os.path.abspath(path)  # noqa: PTH100


def default_files() -> dict[str, str]:
    """
    Return the paths of the files that the environment names, by its variables.
    """
    return {
        name: _path(os.environ.get(name) or default) for name, default in FILES.items()
    }


def version_of(path: str) -> Version:
    """
    Return the present version of a file, without reading it.
    """
    try:
        s = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(s.st_mode):
        return None
    return s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino, s.st_dev


_KEY = os.urandom(16)
"""Without it, a digest says nothing about what it was made from."""


def digest_of(content: bytes) -> bytes:
    """
    Return a digest that differs from process to process.
    """
    return hashlib.blake2b(content, digest_size=16, key=_KEY).digest()


def owner_of(token: object) -> Hashable:
    """
    Return what is equal for web identity tokens of one owner. `None` without a token.

    That is issuer and subject if the token has them, otherwise a digest of it.
    """
    from .._tokens.suppliers import read_claims  # noqa: PLC0415 - most programs have no tokens

    claims = read_claims(token)
    if claims.iss is not None and claims.sub is not None:
        return claims.iss, claims.sub
    return digest_of(token.encode()) if isinstance(token, str) else None


class _Contents:
    """
    What is known of the contents of files, read once for each version.
    """

    def __init__(self) -> None:
        self._known: RandomEviction[str, tuple[Version, Any]] = RandomEviction(
            MAX_FILES
        )

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

    def _value_of(self, content: bytes) -> Any:
        """
        Return a digest, and the token files that a config file names.
        """
        paths = (os.fsdecode(path).strip() for path in _TOKEN_FILES.findall(content))
        return digest_of(content), tuple(sorted({*paths} - {""}))

    def _unreadable(self, version: Version) -> Any:
        return version, ()


class _Owners(_Contents):
    """
    The owners of the tokens in files.
    """

    def _value_of(self, content: bytes) -> Any:
        return owner_of(content.decode(errors="surrogateescape").strip())

    def _unreadable(self, version: Version) -> Any:
        return None


_contents = per_process(_Contents(), of_files=True)
_owners = per_process(_Owners(), of_files=True)


def digest_of_file(path: str) -> Hashable:
    """
    Return a value that is equal as long as the content of a file is.

    So are the owners of the web identity tokens in the files that it names.
    """
    known = _contents.get(path)
    if known is None:
        return None
    digest, token_files = known
    return (digest, *map(owner_of_file, token_files)) if token_files else digest


def owner_of_file(path: str | os.PathLike[str] | None) -> Hashable:
    """
    Return what is equal as long as the token in a file has the same owner.
    """
    return _owners.get(os.path.abspath(path)) if path else None  # noqa: PTH100


def files_of(session: botocore.session.Session) -> tuple[str, ...]:
    """
    Return the paths of a session's config and credentials files.
    """
    names = map(session.get_config_variable, ("config_file", "credentials_file"))
    return tuple(_path(name) for name in names if name is not None)


def contents_of(files: tuple[str, ...]) -> Hashable:
    """
    Return a value that is equal as long as the content of the files is.
    """
    return tuple(map(digest_of_file, files))


def profile_of(session: botocore.session.Session) -> tuple[dict[str, Any], ...]:
    """
    Return what the files say about a session's profile, and where that leads.

    These are its section and those of its sources, their SSO sessions, and the owners
    of the tokens in the files that they name.
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
    Return a value that is equal as long as AWS's environment variables and files are.

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
    found["world"] = world()
    return frozenset(found.items())
