"""The config and credentials files: their paths and versions."""

from __future__ import annotations

import os
import stat

import botocore.session

from .._core.runtime import SystemClock


__all__ = [
    "FILES",
    "SETTLED",
    "Version",
    "Versions",
    "default_files",
    "files_of",
    "present_versions_of",
    "version_of",
    "versions_of",
]


SETTLED = 2.0
"""Seconds within which a file may change twice without a change of its timestamps."""

FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "BOTO_CONFIG": "~/.boto",
}
"""The files that may contain credentials, by the environment variables for their
paths."""

Version = tuple[int, ...] | None
"""Changes whenever a file is written; `None` if there is no such file."""

Versions = tuple[tuple[str, Version], ...] | None
"""The versions of a session's files. `None` if a change might not be detected."""


def present_versions_of(session: botocore.session.Session) -> Versions:
    """Return the current versions of a session's files, without reading them."""
    return tuple((path, version_of(path)) for path in files_of(session))


def versions_of(session: botocore.session.Session) -> Versions:
    """
    Return the versions of a session's files if they will show every change.

    `None` if a file was written so recently that a change might not be detected.
    """
    now = SystemClock().wall()  # files are dated by the machine's clock
    files = present_versions_of(session) or ()
    dates = [date for _, version in files for date in (version or ())[:2]]
    return files if max(dates, default=0) < (now - SETTLED) * 1e9 else None


def _path(name: str) -> str:
    # botocore expands paths in the same way.
    path = os.path.expanduser(os.path.expandvars(name))  # noqa: PTH111
    return os.path.abspath(path)  # noqa: PTH100


def default_files() -> dict[str, str]:
    """Return the paths of the files, by the environment variables for them."""
    return {
        name: _path(os.environ.get(name) or default) for name, default in FILES.items()
    }


def version_of(path: str) -> Version:
    """Return the current version of a file, without reading it."""
    try:
        s = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(s.st_mode):
        return None
    return s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino, s.st_dev


def files_of(session: botocore.session.Session) -> tuple[str, ...]:
    """Return the paths of a session's config and credentials files."""
    names = map(session.get_config_variable, ("config_file", "credentials_file"))
    return tuple(_path(name) for name in names if name is not None)
