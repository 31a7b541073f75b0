"""
The config and credentials files, parsed once for each time they change.
"""

from __future__ import annotations

import hashlib
import os
import stat

from collections.abc import Hashable
from typing import Any

import botocore.session

from ._clock import SystemClock
from ._garbage import without_collection
from ._process import per_process
from ._sdk_classes import BotocoreSession


__all__ = [
    "Session",
    "Version",
    "Versions",
    "contents_of",
    "digest_of",
    "digest_of_file",
    "files_of",
    "present_versions_of",
    "profile_of",
    "version_of",
    "versions_of",
]

SETTLED = 2.0
"""Seconds in which a file may change again, and its times stay the same."""

KEPT = 8
"""How many versions of the files are remembered."""

MOST_FILES = 64
"""Of how many files the digests are remembered."""

Version = tuple[int, ...] | None
"""What changes if a file does; `None` if there is no such file."""

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


class _Digests:
    """
    Digests of files, computed once for each version.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Version, bytes]] = {}

    def get(self, path: str) -> Hashable:
        version = version_of(path)
        if version is None:
            return None
        known, digest = self._known.get(path, (None, b""))
        if known == version:
            return digest
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                digest = digest_of(file.read())
        except OSError:
            return version
        if max(version[:2]) < (SystemClock().wall() - SETTLED) * 1e9:
            if len(self._known) >= MOST_FILES:
                self._known = {}
            self._known[path] = version, digest
        return digest


_digests = per_process(_Digests(), of_files=True)


def digest_of_file(path: str) -> Hashable:
    """
    Return a value that is equal as long as the content of a file is.
    """
    return _digests.get(path)


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
    """
    config = session.full_config
    profiles, name = config.get("profiles", {}), session.profile or "default"
    sections: dict[str, Any] = {}
    while name in profiles and name not in sections:
        sections[name] = profiles[name]
        name = profiles[name].get("source_profile")
    names = [section.get("sso_session") for section in sections.values()]
    sso = config.get("sso_sessions", {})
    return sections, {name: sso[name] for name in names if name in sso}


class _Parsed:
    """
    What the last few versions of the files say, secrets included.
    """

    def __init__(self) -> None:
        # Replaced as a whole: no lock, and nobody sees half a change.
        self._entries: tuple[tuple[Versions, dict[str, Any]], ...] = ()

    def get(self, versions: Versions) -> dict[str, Any] | None:
        """
        Return a copy, for the caller to change.
        """
        for known, config in self._entries:
            if known == versions:
                copied: dict[str, Any] = _copied(config)
                return copied
        return None

    def add(self, versions: Versions, config: dict[str, Any]) -> None:
        """
        Remember a copy, if it stays true for as long as the versions are these.
        """
        if versions is not None:
            entry = (versions, _copied(config))
            self._entries = (entry, *self._entries[: KEPT - 1])


def _copied(config: Any) -> Any:
    if isinstance(config, dict):
        return {name: _copied(value) for name, value in config.items()}
    return config


_parsed = per_process(_Parsed(), of_files=True)


class Session(BotocoreSession):
    """
    A session of botocore that doesn't parse what another has parsed.

    Nor does the garbage collector look at its clients while they are made.
    """

    _own: dict[str, Any] | None = None

    @property
    def full_config(self) -> Any:
        """
        What the files say, as botocore reads them; each session's is its own.

        Raises:
            botocore.exceptions.ConfigParseError: If one of them can't be read.
        """
        if self._own is not None:
            return self._own
        # Only the first to ask, in one step: what botocore has read may be half
        # of it while another thread is reading, and after an error.
        me = object()
        if self.__dict__.setdefault("_first", me) is me:
            self._own = self._read()
            return self._own
        return super().full_config

    def create_client(self, *args: Any, **kwargs: Any) -> Any:
        """
        Make a client, as all of botocore's sessions do.
        """
        create = super().create_client
        return without_collection(lambda: create(*args, **kwargs))

    def _read(self) -> Any:
        versions = versions_of(self)
        config = _parsed.get(versions)
        if config is None:
            config = super().full_config
            if versions == versions_of(self):  # or it may say what others said
                _parsed.add(versions, config)
        return config
