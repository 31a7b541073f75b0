"""
The script ``stsession``: prints cached credentials, or loads the command line.

SDKs may start ``stsession credential-process`` before each request. So the usual case
loads no other module of stsession, and nothing that Python doesn't load anyway but
SHA-256. `RecordStore` of stsession writes what is read here. Whatever looks unusual
means that there are no cached credentials.
"""

from __future__ import annotations

import os
import stat
import sys
import time


try:  # hashlib would load OpenSSL, which takes longer than all the rest
    from _sha2 import sha256
except ImportError:
    try:
        from _sha256 import sha256  # Python 3.11 and older
    except ImportError:
        from hashlib import sha256

__all__ = [
    "alias_content",
    "alias_of",
    "cache_directory",
    "main",
    "path_of",
    "version_of",
]


COMMAND = "credential-process"

FORMAT = "1"
"""The version of the formats of records and aliases."""

MAX_SIZE = 64 * 1024
"""The largest size of a file in bytes."""

FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "BOTO_CONFIG": "~/.boto",
    "STSESSION_CONFIG_FILE": "",
    "STSESSION_CREDENTIALS_FILE": "",
}
"""The files that a command reads, by the variables for their paths."""

IGNORED = frozenset(
    {
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "STSESSION_CALLERS",
    }
)
"""Variables that are secret, or that don't change the credentials."""

LONG_ENOUGH = 960.0
"""Seconds of validity that are always enough: botocore refreshes when 15 minutes are
left."""

PART_OF_LIFETIME = 1 / 3
"""The part of the lifetime that is enough for short sessions."""

CLOCK_TOLERANCE = 60.0
"""Seconds by which a record may seem to come from the future."""


def main() -> int:
    """Run the command line. Return its exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == [COMMAND]:
        try:
            line = _cached_line(arguments)
        except Exception:  # noqa: BLE001 - the usual way reports what is wrong
            line = b""
        if line and sys.stdout is not None:
            return _print(line)
    from stsession.__main__ import main as run  # noqa: PLC0415 - imports much more

    return run()


def _print(line: bytes) -> int:
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.flush()
    except OSError as e:
        sys.stdout = None  # Python would write it once more
        if sys.stderr is not None:
            sys.stderr.write(f"stsession: {e}\n")
        return 1
    return 0


def cache_directory() -> str:
    """Return the path of the cache of this user."""
    chosen = os.environ.get("STSESSION_CACHE_DIR")
    if chosen:
        return chosen
    home = os.path.expanduser("~")  # noqa: PTH111 - no pathlib here
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or f"{home}/AppData/Local"
        return f"{local}/stsession/Cache"
    if sys.platform == "darwin":
        return f"{home}/Library/Caches/stsession"
    shared = os.environ.get("XDG_CACHE_HOME", "")
    base = shared if os.path.isabs(shared) else f"{home}/.cache"  # noqa: PTH117 - as above
    return f"{base}/stsession"


def alias_of(arguments: list[str]) -> str | None:
    """
    Return the name by which a command with these arguments finds its record.

    It is a digest of everything that the credentials depend on: the arguments, the
    environment variables and the versions of the config files. `None` means that there
    is no cache.
    """
    salt = _read("salt" + FORMAT)
    if len(salt) != 32:
        return None
    variables = [
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith(("AWS_", "STSESSION_", "BOTO_CONFIG"))
        and name not in IGNORED
    ]
    files = [f"{path} {version_of(path)}" for path in map(path_of, FILES) if path]
    text = "\0".join([FORMAT, *arguments, "", *sorted(variables), "", *files])
    return _hmac(salt, text.encode(errors="surrogateescape"))


def _hmac(key: bytes, text: bytes) -> str:
    key = key.ljust(64, b"\0")  # the block size of SHA-256
    inner = sha256(bytes(byte ^ 0x36 for byte in key) + text).digest()
    digest: str = sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()
    return digest


def path_of(variable: str) -> str:
    """Return the path of one of the `FILES`. Empty if there is no such file."""
    path = os.environ.get(variable) or FILES[variable]
    return os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 - as above


def version_of(path: str) -> str:
    """Return a text that changes when a file is written."""
    try:
        status = os.stat(path)  # noqa: PTH116 - as above
    except (OSError, ValueError):
        return "-"
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"


def alias_content(key: str, min_validity: float | None, files: list[str]) -> str:
    """
    Return what is stored for an alias.

    Args:
        key: The key of the record.

        min_validity: The validity in seconds that the command requires.

        files: Absolute paths of files on which the credentials depend as well.
    """
    minimum = "" if min_validity is None else str(min_validity)
    lines = (f"{version_of(path)} {path}" for path in files)
    return "\n".join([key, minimum, *lines])


def _cached_line(arguments: list[str]) -> bytes:
    """Return the line to print; empty if there is none that can be used."""
    status = os.lstat(cache_directory())
    if not _is_private(status) or not stat.S_ISDIR(status.st_mode):
        return b""
    alias = alias_of(arguments)
    if alias is None:
        return b""
    content = os.fsdecode(_read(f"{alias}.alias{FORMAT}"))
    key, minimum, *files = content.split("\n")
    for file in files:
        version, _, path = file.rpartition(" /")
        if version_of(f"/{path}") != version:
            return b""
    head, _, body = _read(f"{key}.record{FORMAT}").partition(b"\n")
    head, _, digest = head.rpartition(b" ")
    if sha256(head + b"\n" + body).hexdigest().encode() != digest:
        return b""
    magic, version, issued, expires, length = head.decode("ascii").split(" ")
    if [magic, version, length] != ["stsession-record", FORMAT, str(len(body))]:
        return b""
    now, begin, end = time.time(), float(issued), float(expires)
    needed = min(LONG_ENOUGH, (end - begin) * PART_OF_LIFETIME)
    if now < begin - CLOCK_TOLERANCE or end - now < (float(minimum or 0) or needed):
        return b""
    _, line, rest = body.split(b"\n")
    return b"" if rest else line + b"\n"


def _read(name: str) -> bytes:
    """Return the content of a file in the cache; empty if it can't be used."""
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, flag, 0)
    try:
        number = os.open(f"{cache_directory()}/{name}", flags)
    except OSError:
        return b""
    try:
        status = os.fstat(number)
        if (
            not _is_private(status)
            or not stat.S_ISREG(status.st_mode)
            or status.st_nlink != 1
            or status.st_size > MAX_SIZE
        ):
            return b""
        return os.read(number, MAX_SIZE)
    finally:
        os.close(number)


def _is_private(status: os.stat_result) -> bool:
    if sys.platform == "win32":  # the folder of the user has an access control list
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


if __name__ == "__main__":
    sys.exit(main())
