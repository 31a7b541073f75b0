"""The cache that lets sessions share credentials."""

from __future__ import annotations

import math
import threading
import weakref

from collections.abc import Callable, Hashable
from typing import Any, Literal

from .._locks import guarded
from .._util import RandomEviction, forget_after_fork, per_process
from .credentials import Instant, Record
from .policy import RefreshPolicy
from .refresher import Refresher
from .runtime import current_runtime


__all__ = ["MemoryCache", "chosen_cache"]


SWEEP_INTERVAL = 10.0
"""The shortest time between two searches for expired credentials, in seconds."""


class MemoryCache:
    """
    A cache that lets sessions with equal requests share one set of credentials.

    Requests are equal if the role, all other parameters, the source, the endpoint and
    the refresh policy are. A source counts as the same until its files, its environment
    variables or its access key change. Credentials of sessions that no longer exist are
    kept until they expire, for other sessions with the same request.

    If the source, the token or the assertion is a function, nothing is shared, because
    its result may depend on the caller. The sessions of a fleet share only with each
    other, because a fleet limits the rate of its STS calls.

    By default, all sessions of a process use one cache. Pass ``cache=None`` to
    :func:`stsession.assume` to share nothing, or a cache of your own to share with
    fewer sessions.

    Args:
        max_entries:
            The number of sessions that no longer exist for which credentials are kept.
            Beyond it, the credentials of a random one are removed.

    Raises:
        ValueError: If *max_entries* is negative.

        TypeError: If it isn't an int.

    .. versionadded:: 0.1.0
    """

    def __init__(self, *, max_entries: int = 256) -> None:
        if isinstance(max_entries, bool) or not isinstance(max_entries, int):
            msg = f"max_entries is {max_entries!r}; pass an int."
            raise TypeError(msg)
        if max_entries < 0:
            msg = f"max_entries is {max_entries}; it can't be negative."
            raise ValueError(msg)
        self._max_entries = max_entries
        # The lock guards the next three: refreshers in use, records to keep, ...
        self._refreshers: weakref.WeakValueDictionary[Hashable, Refresher] = (
            weakref.WeakValueDictionary()
        )
        self._records = RandomEviction[Hashable, Record](
            max_entries, random=lambda: current_runtime().random()
        )
        self._sweep_at = -math.inf  # ... and the time of the next search, monotonic
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_entries={self._max_entries})"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return _make_cache, (self._max_entries,)

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryCache:
        return self

    def refresher(
        self, key: Hashable, make: Callable[[Record | None], Refresher]
    ) -> Refresher:
        """
        Return the refresher in use for *key*, or call *make* for a new one.

        *make* receives the credentials that are kept for *key*, or `None`.
        """
        return guarded(self._lock, lambda: self._refresher(key, make))

    def _refresher(
        self, key: Hashable, make: Callable[[Record | None], Refresher]
    ) -> Refresher:
        refresher = self._refreshers.get(key)
        if refresher is None:
            made = make(self._records.get(key))
            refresher = self._refreshers.setdefault(key, made)
        return refresher

    def shared_fetch(
        self,
        operation: str,
        key: Callable[[], Any],
        policy: RefreshPolicy,
        description: dict[str, Any],
    ) -> Any:
        """
        Return what looks for credentials of other processes before they are fetched.

        `None` means that nothing is shared with other processes.

        Args:
            operation: The name of the operation of STS.

            key: Returns what the credentials depend on, as JSON values that are equal
                in all processes. `None` means that they aren't shared.

            policy: The refresh policy.

            description: What the credentials are for, without secrets.
        """
        return None

    def keep(self, key: Hashable, record: Record, now: Instant) -> None:
        """Keep the credentials for *key*, and remove those that have expired."""
        guarded(self._lock, lambda: self._keep(key, record, now))

    def _keep(self, key: Hashable, record: Record, now: Instant) -> None:
        # Each call of a dictionary is atomic; a finalizer may run in between.
        if now.monotonic >= self._sweep_at:
            self._sweep_at = now.monotonic + SWEEP_INTERVAL
            for other, kept in tuple(self._records.items()):
                if kept.remaining(now) <= 0:
                    self._records.pop(other, None)
        if self._max_entries:
            self._records[key] = record


_process_cache = per_process(MemoryCache)


def chosen_cache(choice: MemoryCache | Literal["process"] | None) -> MemoryCache | None:
    """Return the cache that the argument *cache* of a session means."""
    return _process_cache() if choice == "process" else choice


def _make_cache(max_entries: int) -> MemoryCache:
    return MemoryCache(max_entries=max_entries)
