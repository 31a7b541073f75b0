"""
Records of credentials in a folder that only the current user can read.

A record is three lines: a header with the version of the format, the times, the length
of the rest and a digest of everything else; a description without secrets, as JSON; and
the output of a credential process. Each record has a file, which is replaced as a
whole. A file that fails any check counts as missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import inspect
import json
import logging
import math
import os
import secrets
import stat
import sys
import time

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from .._util import per_process


__all__ = ["RecordStore", "StoredRecord", "default_directory"]


VERSION = 1
"""The version of the format. It is part of each file's name."""

RECORD, LOCK, ALIAS, FAILURE = (
    f".{kind}{VERSION}" for kind in ("record", "lock", "alias", "failure")
)
"""The suffixes of the names of files: records, their locks, names by which the command
line finds them, and the last failure to get one."""

SALT = f"salt{VERSION}"
SWEPT = f"swept{VERSION}"
"""The file whose modification time is that of the last search for expired records."""

TEMPORARY = "new-"
"""The prefix of the names of files that are being written."""

MAGIC = f"stsession-record {VERSION}"
SALT_SIZE = 32
MAX_SIZE = 64 * 1024
"""The largest size of a file in bytes."""

MAX_RECORDS = 1000
SWEEP_INTERVAL = 3600.0
"""Seconds between two searches for expired records, and how long they are kept."""

MAX_LIFETIME = 7 * 86_400.0
"""No credentials are valid for longer, in seconds. STS's limit is 36 hours."""

CLOCK_TOLERANCE = 60.0
"""Seconds by which a record may seem to come from the future."""

LOCK_INTERVAL = 0.02
"""Seconds between two attempts to get a lock."""

READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
WRITE_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

logger = logging.getLogger("stsession.cache")

_warned: per_process[set[str]] = per_process(set)
"""The folders for which a warning was logged."""


class StoredRecord(NamedTuple):
    """Credentials as they are stored."""

    issued: float
    """When they were requested, in seconds since 1970 by the local clock."""

    expires: float
    """When they expire, in seconds since 1970 by the local clock."""

    description: dict[str, Any]
    """What they are for, without secrets."""

    output: str
    """The line that a credential process prints, with the secrets."""

    def __repr__(self) -> str:
        return (
            f"StoredRecord(issued={self.issued}, expires={self.expires}, "
            f"description={self.description})"
        )

    @property
    def access_key_id(self) -> str:
        """The access key ID in the output. Empty if the output can't be read."""
        try:
            return str(json.loads(self.output)["AccessKeyId"])
        except (ValueError, LookupError, TypeError):
            return ""


def default_directory() -> Path:
    """Return the folder for the cache of this user."""
    chosen = os.environ.get("STSESSION_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else _home() / "AppData/Local") / "stsession/Cache"
    if sys.platform == "darwin":
        return _home() / "Library/Caches/stsession"
    shared = os.environ.get("XDG_CACHE_HOME", "")
    # Relative paths are invalid by the specification of these variables.
    base = Path(shared) if os.path.isabs(shared) else _home() / ".cache"  # noqa: PTH117 - of a str
    return base / "stsession"


def _home() -> Path:
    return Path(os.path.expanduser("~"))  # noqa: PTH111 - raises nothing, unlike Path.home()


def encode(record: StoredRecord) -> bytes:
    """Return the content of the file of a record."""
    description = json.dumps(record.description, sort_keys=True)
    body = f"{description}\n{record.output}\n".encode()
    head = f"{MAGIC} {record.issued!r} {record.expires!r} {len(body)}".encode()
    digest = hashlib.sha256(head + b"\n" + body).hexdigest()
    return b"%s %s\n%s" % (head, digest.encode(), body)


def decode(content: bytes) -> StoredRecord | None:
    """Return the record in the content of a file. `None` if any check fails."""
    try:
        first, _, body = content.partition(b"\n")
        head, _, digest = first.rpartition(b" ")
        expected = hashlib.sha256(head + b"\n" + body).hexdigest().encode()
        if not hmac.compare_digest(digest, expected):
            return None
        magic, issued, expires, length = head.decode("ascii").rsplit(" ", 3)
        if magic != MAGIC or length != str(len(body)):
            return None
        description, output, rest = body.decode().split("\n")
        record = StoredRecord(
            float(issued), float(expires), json.loads(description), output
        )
    except ValueError:
        return None
    is_whole = not rest and isinstance(record.description, dict)
    return record if is_whole and _has_lifetime(record) else None


def _has_lifetime(record: StoredRecord) -> bool:
    lifetime = record.expires - record.issued
    return math.isfinite(record.issued) and 0 < lifetime <= MAX_LIFETIME


class RecordStore:
    """
    The records in a folder. An error of the file system is never raised.

    If the folder can't be used safely, nothing is read and nothing is written, and a
    warning is logged once.

    Args:
        directory: The folder. `None` means that of :func:`default_directory`.

        wall: Returns the time in seconds since 1970.
    """

    def __init__(
        self, directory: Path | None = None, *, wall: Callable[[], float] = time.time
    ) -> None:
        self.path: Path = Path(default_directory() if directory is None else directory)
        self._wall = wall

    def __repr__(self) -> str:
        return f"RecordStore({str(self.path)!r})"

    def key_of(self, content: bytes) -> str:
        """
        Return the key for what a record depends on, as 64 hexadecimal digits.

        It is salted with random bytes of the folder, so a key can't be compared with
        guesses of its content.
        """
        return hmac.new(self._salt(), content, hashlib.sha256).hexdigest()

    def read(self, key: str) -> StoredRecord | None:
        """
        Return the record for a key, expired or not. `None` if no valid one exists.
        """
        record = self._decoded(self._file(key, RECORD))
        if record is None or record.issued > self._wall() + CLOCK_TOLERANCE:
            return None  # the clock has been set, so the expiration isn't known
        return record

    def write(self, key: str, record: StoredRecord) -> None:
        """Replace the record for a key. The former one stays if that isn't possible."""
        self._replace(self._file(key, RECORD), encode(record))
        self._delete(self._file(key, FAILURE))
        self._sweep()

    def lock(self, key: str, timeout: float) -> StoreLock:
        """
        Return a context manager that holds the lock of a key.

        It yields whether the lock is held, after *timeout* seconds at most.

        Args:
            key: The key of a record.

            timeout: Seconds to wait for another holder.
        """
        return StoreLock(self._file(key, LOCK) if self._prepare() else None, timeout)

    def remove(self, key: str, access_key_id: str | None = None) -> None:
        """
        Remove the record for a key, if it contains *access_key_id* or that is `None`.
        """
        if access_key_id is not None:
            record = self._decoded(self._file(key, RECORD))
            if record is None or record.access_key_id != access_key_id:
                return
        self._delete(self._file(key, RECORD))

    def entries(self) -> Iterator[tuple[str, StoredRecord]]:
        """Iterate over the keys and records, those that have expired included."""
        for file in self._files(RECORD):
            key = file.name.removesuffix(RECORD)
            record = self.read(key)
            if record is not None:
                yield key, record

    def clear(self, matches: Callable[[StoredRecord], bool] | None = None) -> int:
        """
        Remove the records that match, or everything but the locks; return how many.

        The salt stays, so that processes that are running still share credentials.
        """
        removed = 0
        for key, record in self.entries():
            if matches is None or matches(record):
                removed += self._delete(self._file(key, RECORD))
        if matches is None:
            for suffix in (RECORD, ALIAS, FAILURE):  # broken ones, too
                for file in self._files(suffix):
                    self._delete(file)
        return removed

    def read_failure(self, key: str) -> dict[str, Any] | None:
        """Return the last failure to get a record. `None` if there is none."""
        try:
            failure = json.loads(self._content(self._file(key, FAILURE)) or b"null")
        except ValueError:
            return None
        return failure if isinstance(failure, dict) else None

    def write_failure(self, key: str, failure: dict[str, Any]) -> None:
        """Keep a failure, without secrets, until a record is written."""
        self._replace(self._file(key, FAILURE), json.dumps(failure).encode())

    def write_alias(self, alias: str, content: str) -> None:
        """
        Keep another name of a record, by which the command line finds it.

        Args:
            alias: Hexadecimal digits that stand for the arguments of a command.

            content: Its first line is the key of a record; it has no secrets.
        """
        self._replace(self._file(alias, ALIAS), os.fsencode(content))

    def _file(self, key: str, suffix: str) -> Path:
        if not key or not set(key) <= set("0123456789abcdef"):
            msg = "The key isn't a hexadecimal number."
            raise ValueError(msg)
        return self.path / f"{key}{suffix}"

    def _files(self, suffix: str, prefix: str = "") -> list[Path]:
        if not self._is_safe():
            return []
        with contextlib.suppress(OSError):
            names = os.listdir(self.path)  # noqa: PTH208 - one call, no iteration
            return [
                self.path / name
                for name in sorted(names)
                if name.endswith(suffix) and name.startswith(prefix)
            ]
        return []

    def _salt(self) -> bytes:
        file = self.path / SALT
        salt = self._content(file)
        if salt is not None and len(salt) == SALT_SIZE:
            return salt
        lock = StoreLock(self.path / f"{SALT}{LOCK}" if self._prepare() else None, 5.0)
        with lock:  # all processes have to use the same salt
            salt = self._content(file)
            if salt is not None and len(salt) == SALT_SIZE:
                return salt
            salt = secrets.token_bytes(SALT_SIZE)
            self._replace(file, salt)
        return salt

    def _decoded(self, file: Path) -> StoredRecord | None:
        content = self._content(file)
        return None if content is None else decode(content)

    def _content(self, file: Path) -> bytes | None:
        """Return the content of a file that only this user can read and write."""
        if not self._is_safe():
            return None
        try:
            number = os.open(file, READ_FLAGS)
        except OSError:
            return None
        try:
            status = os.fstat(number)
            if not (_is_private_file(status) and status.st_size <= MAX_SIZE):
                return None
            content = b""
            while len(content) <= MAX_SIZE:
                part = os.read(number, MAX_SIZE + 1 - len(content))
                if not part:
                    return content
                content += part
        except OSError:
            pass
        finally:
            os.close(number)
        return None

    def _replace(self, file: Path, content: bytes) -> None:
        if not self._prepare():
            return
        new = self.path / f"{TEMPORARY}{secrets.token_hex(8)}"
        try:
            number = os.open(new, WRITE_FLAGS, 0o600)
            try:
                with os.fdopen(number, "wb") as writer:
                    writer.write(content)
                    writer.flush()
                    os.fsync(writer.fileno())
                os.replace(new, file)  # noqa: PTH105 - of a `Path`, it does the same
            except BaseException:
                self._delete(new)
                raise
        except OSError as e:
            _log(logging.DEBUG, "could not write to the cache: %s", type(e).__name__)

    def _delete(self, file: Path) -> bool:
        try:
            os.unlink(file)  # noqa: PTH108 - of a `Path`, it does the same
        except OSError:
            return False
        return True

    def _prepare(self) -> bool:
        """Make the folder if there is none. Return whether it can be used."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700)
        except FileExistsError:
            pass
        except OSError as e:
            _log(logging.DEBUG, "could not make the cache: %s", type(e).__name__)
            return False
        return self._is_safe()

    def _is_safe(self) -> bool:
        try:
            status = os.lstat(self.path)
        except OSError:
            return False
        if _is_private(status, stat.S_ISDIR):
            return True
        if str(self.path) not in _warned():
            _warned().add(str(self.path))
            _log(
                logging.WARNING,
                "the cache %s isn't used, because it isn't a folder that only you can "
                "access; remove it, or set STSESSION_CACHE_DIR",
                self.path,
            )
        return False

    def _sweep(self) -> None:
        """Remove what isn't needed any longer, once an hour."""
        now, swept = self._wall(), self.path / SWEPT
        if -CLOCK_TOLERANCE < now - _modified(swept) < SWEEP_INTERVAL:
            return
        self._replace(swept, b"")
        with contextlib.suppress(OSError):
            os.utime(swept, (now, now))
        self._sweep_records(now - SWEEP_INTERVAL)
        for file in self._files(ALIAS):
            key = (self._content(file) or b"").partition(b"\n")[0]
            name = key.decode("ascii", errors="replace") + RECORD
            if name.startswith(".") or not os.path.lexists(self.path / name):
                self._delete(file)
        for file in [*self._files(FAILURE), *self._files("", TEMPORARY)]:
            if _modified(file) < now - SWEEP_INTERVAL:
                self._delete(file)

    def _sweep_records(self, limit: float) -> None:
        kept = []
        for file in self._files(RECORD):
            record = self._decoded(file)
            if record is None or record.expires < limit:
                self._delete(file)
            else:
                kept.append((record.expires, file))
        for _, file in sorted(kept)[:-MAX_RECORDS]:
            self._delete(file)


class StoreLock:
    """
    A lock on a file, which the operating system releases when the process ends.

    In a ``with`` statement it is `True` if the lock is held. It is `False` after the
    timeout, or if the file system has no locks.

    Args:
        file: The file; it stays when the lock is released. `None` is never locked.

        timeout: Seconds to wait for the lock.
    """

    def __init__(self, file: Path | None, timeout: float) -> None:
        self._file = file
        self._timeout = timeout
        self._lock: Any = None
        self.timed_out: bool = False
        """Whether another holder had it until the timeout."""

    def __enter__(self) -> bool:
        if self._file is None:
            return False
        import filelock  # noqa: PLC0415 - only needed for a miss, and not installed by default

        try:
            self._lock = _file_lock(filelock.FileLock, str(self._file))
            self._lock.acquire(timeout=self._timeout, poll_interval=LOCK_INTERVAL)
        except (filelock.Timeout, OSError, NotImplementedError) as e:
            self._lock = None
            self.timed_out = isinstance(e, filelock.Timeout)
            _log(logging.DEBUG, "no lock on the cache: %s", type(e).__name__)
            return False
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            with contextlib.suppress(OSError):
                lock.release()


def _file_lock(make: Any, file: str) -> Any:
    # A lock that is a file would stay if its holder were killed. Older versions have no
    # such fallback.
    known = inspect.signature(make.__init__).parameters
    options = {"fallback_to_soft": False} if "fallback_to_soft" in known else {}
    return make(file, mode=0o600, **options)


def _is_private_file(status: os.stat_result) -> bool:
    # No link is left if it has been replaced since it was opened.
    return _is_private(status, stat.S_ISREG) and status.st_nlink <= 1


def _is_private(status: os.stat_result, kind: Callable[[int], bool]) -> bool:
    if not kind(status.st_mode):
        return False
    if sys.platform == "win32":  # the folder of the user has an access control list
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _modified(file: Path) -> float:
    try:
        return os.stat(file, follow_symlinks=False).st_mtime  # noqa: PTH116 - as above
    except OSError:
        return -math.inf


def _log(level: int, text: str, *args: object) -> None:
    with contextlib.suppress(Exception):
        logger.log(level, text, *args, stacklevel=2)
