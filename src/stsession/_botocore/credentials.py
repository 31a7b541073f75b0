"""A refresher's credentials as botocore's refreshable credentials."""

from __future__ import annotations

import datetime as dt
import threading
import weakref

from typing import Any, NoReturn

from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials

from .._core.credentials import Record
from .._core.refresher import Refresher
from .._util import number_of


__all__ = [
    "SNAPSHOT_SECONDS",
    "RefresherCredentials",
    "replace_refresh_lock",
]


METHOD = "assume-role"


def replace_refresh_lock(credentials: Any) -> None:
    """
    Give botocore's refreshable credentials a new lock. botocore has no public way.
    """
    if hasattr(credentials, "_refresh_lock"):
        credentials._refresh_lock = threading.Lock()  # noqa: SLF001 - see above


class _ReadSnapshot(threading.local):
    """
    The record that this thread reads properties from, so that they are consistent.
    """

    owner: weakref.ref[RefresherCredentials] | None = None
    record: Record | None = None
    names: frozenset[str] = frozenset()
    until: float = 0.0


KEY_NAMES = frozenset({"access_key_id", "secret_access_key", "session_token"})
"""After all of these were read, the next read of one of them takes a new snapshot."""

SNAPSHOT_SECONDS = 1.0
"""Seconds within which properties are read from the same record."""

_snapshot = _ReadSnapshot()


def _property(name: str, subject: str) -> Any:

    def read(credentials: RefresherCredentials) -> Any:
        return credentials._read(name)  # noqa: SLF001 - a method of the class

    return property(
        read, doc=f"{subject}, of the same record as those read shortly before."
    )


class RefresherCredentials(RefreshableCredentials):
    """
    botocore's refreshable credentials, refreshed by a `Refresher`.

    Only the refresher decides when to refresh. The initializer of the base class isn't
    called, because it sets up botocore's own refresh.

    Args:
        refresher: The refresher.

        method: The method of the credential provider, which botocore reports.
    """

    def __init__(self, refresher: Refresher, method: str = METHOD) -> None:
        self.method = method
        self._refresher = refresher
        self._last: tuple[Record | None, ReadOnlyCredentials | None] = (None, None)

    def __repr__(self) -> str:
        # Libraries such as fsspec compare arguments by their repr.
        return f"<{type(self).__name__} {number_of(self)} of {self._refresher.name}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = "Credentials aren't pickled or copied; pickle or copy the session."
        raise TypeError(msg)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return a consistent set of credentials. May block, see `Refresher.get`."""
        record = self._refresher.fresh()
        if record is None:
            record = self._refresher.get()
        last, value = self._last
        return self.freeze(record) if last is not record or value is None else value

    def freeze(self, record: Record) -> ReadOnlyCredentials:
        """Return the credentials of a record in botocore's class."""
        keys = record.credentials
        value = ReadOnlyCredentials(
            keys.access_key_id,
            keys.secret_access_key,
            keys.session_token,
            keys.account_id,
        )
        self._last = record, value
        return value

    def refresh_needed(self, refresh_in: float | None = None) -> bool:
        """
        Return whether the credentials expire in less than *refresh_in* seconds.

        Args:
            refresh_in: Seconds. `None` means the advisory window.
        """
        record = self._refresher.record
        if record is None:
            return True
        if refresh_in is None:
            refresh_in = record.plan.due
        return self._refresher.remaining(record) < refresh_in

    access_key: Any = _property("access_key_id", "The access key ID")
    secret_key: Any = _property("secret_access_key", "The secret key")
    token: Any = _property("session_token", "The session token")
    account_id: Any = _property("account_id", "The account")

    def _read(self, name: str) -> Any:
        record = self._snapshot_record()
        if record is None or (name in KEY_NAMES and KEY_NAMES <= _snapshot.names):
            record = self._refresher.get()
            _snapshot.owner, _snapshot.record = weakref.ref(self), record
            _snapshot.until = self._refresher.clock.monotonic() + SNAPSHOT_SECONDS
            _snapshot.names = frozenset()
        _snapshot.names |= {name}
        return getattr(record.credentials, name)

    def _snapshot_record(self) -> Record | None:
        """Return the record that this thread has begun to read, if any."""
        owner = _snapshot.owner
        if owner is None or owner() is not self:
            return None
        if self._refresher.clock.monotonic() > _snapshot.until:
            return None
        return _snapshot.record

    @property
    def _expiry_time(self) -> dt.datetime | None:
        """
        When the credentials expire. polars and others read this private attribute.
        """
        record = self._snapshot_record() or self._refresher.record
        return None if record is None else record.credentials.expires_at
