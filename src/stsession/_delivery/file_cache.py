"""The cache that lets processes share credentials, in a folder of the user."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import logging
import os
import sys

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import exceptions
from .._core.cache import MemoryCache
from .._core.context import Fetching, current_fetch
from .._core.credentials import FetchResult, Instant, TemporaryCredentials
from .._core.errors import lifetime_of
from .._core.events import write_log
from .._core.policy import RefreshPolicy
from .._core.runtime import current_runtime
from .._locks import in_critical_section
from ..exceptions import FailureKind, InvalidRequestError, RefreshError
from .records import RecordStore, StoredRecord


__all__ = ["FileCache", "SharedFetch", "process_output"]


LOCK_TIMEOUT = 10.0
"""Seconds to wait for another process that fetches the same credentials."""

LEAST = 60.0
"""Seconds that stored credentials have left if they are used although STS failed."""

LONGEST_PAUSE = 30.0
"""The longest pause in seconds that processes make after a failure."""

PERMANENT_PAUSE = 5.0
"""The pause in seconds after a failure that is expected to stay."""

FORGOTTEN = 600.0
"""Seconds after which earlier failures don't make the pause longer."""

MODES = ("all", "roles", "off")
ROLE_OPERATIONS = frozenset(
    {"assume_role", "assume_role_with_saml", "assume_role_with_web_identity"}
)
PERSONAL = frozenset({FailureKind.MFA, FailureKind.SOURCE, FailureKind.SOURCE_EXPIRED})
"""Failures that the next process may not have."""


class FileCache(MemoryCache):
    """
    A cache that lets the processes of a user share credentials, in files.

    If a process needs credentials that another one has requested, it reads them, and
    only one process at a time requests new ones. Only the current user can read the
    files. If the folder can't be used, credentials are requested without it.

    Two processes share credentials only if the role, all other parameters of the
    request, the endpoint of STS and the source are the same. A source counts as the
    same if its access key ID is. Credentials are kept in memory only if the source, the
    token or the assertion is a function, or if the source is a session whose
    credentials were set by code and refresh themselves. The source's own credentials
    are never stored.

    The environment variable ``STSESSION_CACHE`` limits what is stored: ``roles`` means
    the credentials of assumed roles and no MFA sessions, and ``off`` means nothing.
    The default is ``all``.

    Needs ``pip install 'stsession[cli]'``.

    Args:
        directory:
            The folder, which is made if it doesn't exist. `None` means that of the
            environment variable ``STSESSION_CACHE_DIR``, or else ``stsession`` in the
            user's folder for caches.

    Raises:
        ImportError: If filelock isn't installed.

        InvalidRequestError: If ``STSESSION_CACHE`` has another value.

    .. versionadded:: 0.1.0
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        if importlib.util.find_spec("filelock") is None:
            msg = "stsession.FileCache needs filelock: pip install 'stsession[cli]'."
            raise ImportError(msg)
        _mode()
        super().__init__()
        # Absolute, because the program may change its directory.
        path = None if directory is None else Path(directory).expanduser().absolute()
        self._directory = path
        self.store: RecordStore = RecordStore(path, wall=_wall)
        """The files."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.store.path)!r})"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return type(self), (self._directory,)

    def shared_fetch(
        self,
        operation: str,
        key: Callable[[], Any],
        policy: RefreshPolicy,
        description: dict[str, Any],
    ) -> SharedFetch:
        return SharedFetch(self.store, operation, key, policy, description)


class SharedFetch:
    """Fetches credentials once for all processes, see `MemoryCache.shared_fetch`."""

    def __init__(
        self,
        store: RecordStore,
        operation: str,
        key: Callable[[], Any],
        policy: RefreshPolicy,
        description: dict[str, Any],
    ) -> None:
        self.store = store
        self._operation = operation
        self._key = key
        self._policy = policy
        self._description = description
        self._prompts: Callable[[], bool] = lambda: False
        self._clock = current_runtime().clock
        self._last_key: str | None = None

    def key(self) -> str | None:
        """
        Return the key of the record for the source that would sign now.

        `None` means that the credentials aren't stored. May look up the source's
        credentials.

        Raises:
            RefreshError: If the source has no credentials.
        """
        allowed = {"all": True, "roles": self._operation in ROLE_OPERATIONS}
        if not allowed.get(_mode()) or _is_mocked():
            return None
        content = self._key()
        if content is None:
            return None
        return self.store.key_of(json.dumps(content, sort_keys=True).encode())

    def if_needed(self, needs_input: Callable[[], bool]) -> Callable[[], bool]:
        """
        Return a function for whether a fetch needs input; stored credentials need none.

        Args:
            needs_input: Returns whether a request to STS needs input.
        """
        self._prompts = needs_input
        return lambda: needs_input() and not self._has_fresh()

    def _has_fresh(self) -> bool:
        # While a lock is held, the source isn't looked up.
        key = self._last_key if in_critical_section() else self._current_key()
        record = None if key is None else self.store.read(key)
        return record is not None and not self.is_due(record)

    def __call__(self, fetch: Callable[[], FetchResult]) -> FetchResult:
        """
        Return stored credentials, or those that *fetch* returns, and store them.

        Raises:
            RefreshError: If *fetch* does, or has just done so in another process.
        """
        fetching, key = current_fetch(), self._current_key()
        if fetching is None or key is None:
            return fetch()
        return _Attempt(self, fetching, key).run(fetch)

    def _current_key(self) -> str | None:
        try:
            self._last_key = self.key()
        except Exception:  # noqa: BLE001 - the fetch raises it again, and explains it
            self._last_key = None
        return self._last_key

    def now(self) -> Instant:
        return Instant(self._clock.wall(), self._clock.monotonic())

    def is_due(self, record: StoredRecord) -> bool:
        """Return whether a process would refresh these credentials."""
        lifetime = record.expires - record.issued
        # With the most jitter, so that they are fresh for each process that reads them.
        plan = self._policy.plan(lifetime, 1.0)
        # People aren't prompted before it's necessary.
        due = plan.mandatory if self._prompts() else plan.due
        return record.expires - self._clock.wall() <= due

    def write(self, key: str, fetched: FetchResult) -> None:
        """Store credentials, unless another source signs by now."""
        credentials, now = fetched.credentials, self.now()
        if credentials.expires_at is None or key != self._current_key():
            return
        began = fetched.began or now
        lifetime = lifetime_of(fetched, now, "")
        record = StoredRecord(
            began.wall,
            began.wall + lifetime,
            self._description,
            process_output(credentials),
        )
        self.store.write(key, record)


class _Attempt:
    """One fetch: reads the file, gets the lock, reads it again, fetches and writes."""

    def __init__(self, shared: SharedFetch, fetching: Fetching, key: str) -> None:
        self._shared = shared
        self._store = shared.store
        self._refresher: Any = fetching.refresher
        self._reason = fetching.reason
        self._key = key
        self._began = shared.now()
        self._held = self._refresher.record

    def run(self, fetch: Callable[[], FetchResult]) -> FetchResult:
        found = self._fresh()
        if found is not None:
            return found
        lock = self._store.lock(self._key, LOCK_TIMEOUT)
        with lock:
            if self._reason == "rejected" and self._held is not None:
                self._store.remove(self._key, self._held.credentials.access_key_id)
            # Another process may have fetched them meanwhile. If it still does after
            # the timeout, older ones that can be used are better than a request.
            found = self._fresh() or (self._usable() if lock.timed_out else None)
            return self._fetch(fetch) if found is None else found

    def _fetch(self, fetch: Callable[[], FetchResult]) -> FetchResult:
        error = self._shared_error()
        if error is None:
            try:
                fetched = fetch()
            except RefreshError as e:
                self._share(e)
                error = e
            else:
                self._shared.write(self._key, fetched)
                return fetched
        found = self._usable()
        if found is None:
            raise error
        write_log(
            logging.WARNING,
            "%s: using credentials of the file cache, because no others can be "
            "fetched: %s",
            self._refresher.name,
            error,
        )
        return found

    def _fresh(self) -> FetchResult | None:
        """Return stored credentials that needn't be refreshed yet."""
        record = self._better()
        if record is None or self._shared.is_due(record):
            return None
        # A caller that requests new ones doesn't get those from before the request.
        is_new = record.issued > self._began.wall or self._reason != "requested"
        return self._result(record) if is_new else None

    def _usable(self) -> FetchResult | None:
        """Return stored credentials that can be used although they are due."""
        record = self._better()
        if record is None or self._reason == "requested":
            return None
        remaining = record.expires - self._shared.now().wall
        least = _least(record.expires - record.issued)
        return self._result(record) if remaining > least else None

    def _better(self) -> StoredRecord | None:
        """Return the stored record, if it is another one than that in use."""
        record, held = self._store.read(self._key), self._held
        if record is None or held is None:
            return record
        if record.access_key_id == held.credentials.access_key_id:
            return None
        remaining = record.expires - self._shared.now().wall
        is_better = remaining > self._refresher.remaining(held)
        return record if is_better or self._reason == "rejected" else None

    def _result(self, record: StoredRecord) -> FetchResult | None:
        credentials, now = _credentials(record.output), self._shared.now()
        if credentials is None or credentials.expires_at is None:
            return None
        lifetime = record.expires - record.issued
        return FetchResult(
            credentials=credentials,
            server_time=credentials.expires_at.timestamp() - lifetime,
            began=Instant(record.issued, now.monotonic - (now.wall - record.issued)),
        )

    def _shared_error(self) -> RefreshError | None:
        """
        Return the failure of another process if its pause hasn't ended yet.
        """
        is_requested = self._reason == "requested"
        if self._refresher.needs_input() or (is_requested and not self._is_held()):
            return None
        failure = self._store.read_failure(self._key) or {}
        if failure.get("process") == _this_process() and not is_requested:
            return None  # it has pauses of its own
        wait = _number(failure.get("until")) - self._began.wall
        return _error(failure) if 0 < wait <= LONGEST_PAUSE else None

    def _is_held(self) -> bool:
        """Return whether the credentials in use are valid for a while."""
        held = self._held
        return held is not None and self._refresher.remaining(held) > _least(
            held.lifetime
        )

    def _share(self, error: RefreshError) -> None:
        if error.kind in PERSONAL or self._refresher.needs_input():
            return
        now, former = self._shared.now().wall, self._store.read_failure(self._key) or {}
        attempts = 0
        if now - _number(former.get("until")) < FORGOTTEN:
            attempts = int(_number(former.get("attempts")))
        pause = min(2.0 ** min(attempts, 10), LONGEST_PAUSE)
        if error.kind.permanent:
            pause = PERMANENT_PAUSE
        self._store.write_failure(
            self._key,
            {
                "until": now + pause,
                "attempts": attempts + 1,
                "process": _this_process(),
                "class": type(error).__name__,
                "message": str(error).removesuffix(error.hint).rstrip(),
                "hint": error.hint,
                "kind": error.kind.value,
                "code": error.code,
                "http_status": error.http_status,
                "hop": error.hop,
            },
        )


def process_output(credentials: TemporaryCredentials) -> str:
    """Return the line that a credential process prints, as the SDKs define it."""
    output: dict[str, Any] = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
    }
    if credentials.session_token is not None:
        output["SessionToken"] = credentials.session_token
    if credentials.expires_at is not None:
        whole = credentials.expires_at.astimezone(dt.timezone.utc)
        output["Expiration"] = f"{whole:%Y-%m-%dT%H:%M:%SZ}"
    if credentials.account_id is not None:
        output["AccountId"] = credentials.account_id
    return json.dumps(output)


def _credentials(output: str) -> TemporaryCredentials | None:
    try:
        values = json.loads(output)
        expires_at = dt.datetime.strptime(values["Expiration"], "%Y-%m-%dT%H:%M:%S%z")
        return TemporaryCredentials(
            access_key_id=values["AccessKeyId"],
            secret_access_key=values["SecretAccessKey"],
            session_token=values.get("SessionToken"),
            expires_at=expires_at.astimezone(dt.timezone.utc),
            account_id=values.get("AccountId"),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _least(lifetime: float) -> float:
    return min(LEAST, lifetime / 10)


def _error(failure: dict[str, Any]) -> RefreshError:
    cls = getattr(exceptions, str(failure.get("class")), RefreshError)
    if not (isinstance(cls, type) and issubclass(cls, RefreshError)):
        cls = RefreshError
    kinds = {kind.value: kind for kind in FailureKind}
    error: RefreshError = cls(
        str(failure.get("message")),
        hint=str(failure.get("hint") or ""),
        kind=kinds.get(str(failure.get("kind"))),
        code=failure.get("code"),
        http_status=failure.get("http_status"),
        hop=failure.get("hop"),
    )
    return error


def _wall() -> float:
    return current_runtime().clock.wall()


def _number(value: object) -> float:
    return value if isinstance(value, (int, float)) else 0.0


def _mode() -> str:
    mode = os.environ.get("STSESSION_CACHE") or "all"
    if mode not in MODES:
        msg = f"STSESSION_CACHE is {mode!r}."
        hint = "Set it to all, roles or off."
        raise InvalidRequestError(msg, parameter="STSESSION_CACHE", hint=hint)
    return mode


def _is_mocked() -> bool:
    """Return whether moto replaces AWS. Its credentials are valid in one test only."""
    adapters = sys.modules.get("requests.adapters")
    send = getattr(getattr(adapters, "HTTPAdapter", None), "send", None)
    return send is not None and send.__module__ != "requests.adapters"


def _this_process() -> int:
    return os.getpid()
