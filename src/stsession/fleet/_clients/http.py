"""The HTTP session that clients of many roles share."""

from __future__ import annotations

import ssl
import threading

from collections.abc import Callable
from functools import partial
from typing import Any

from ..._botocore.config_files import Version, version_of
from ..._util import RandomEviction, forget_after_fork


__all__ = ["Pools", "SharedHttpSession"]


MAX_HOSTS = 256
"""
The number of hosts to which clients keep idle connections, for clients of all kinds.

Each connection is a file descriptor; a process often may have only 1,024 of them.
"""


class Pools(RandomEviction[Any, Any]):
    """
    The connection pools of clients of all kinds; replaces those of pool managers.

    The key of a pool contains all its settings and the TLS context of its manager, so
    managers never use each other's pools.
    """

    def __init__(self) -> None:
        super().__init__(MAX_HOSTS)
        self.reset()

    def reset(self) -> None:
        """Drop all pools and the lock; called in a forked child."""
        # The pool managers hold it while they look for a pool, and add one.
        self.lock = threading.RLock()
        self.clear()


class SharedHttpSession:
    """
    A botocore HTTP session that all clients of a kind share.

    Args:
        session: The HTTP session of the original client.

        make:
            Makes a new session for a forked child, which must not use connections of
            its parent.

        pools: The connection pools of clients of all kinds.
    """

    def __init__(self, session: Any, make: Callable[[], Any], pools: Pools) -> None:
        self._pools = pools
        self._session = self._prepared(session)
        self._make = make
        self._lock = threading.RLock()  # a finalizer may send a request, too
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        self._session = None
        self._pools.reset()

    def _current(self) -> Any:
        session = self._session
        if session is None:
            with self._lock:
                if self._session is None:
                    self._session = self._prepared(self._make())
                session = self._session
        return session

    def _prepared(self, session: Any) -> Any:
        """
        Make *session* use the shared pools, and read trusted certificates only once.

        Has no effect if the private attributes of botocore or urllib3 are different.
        """
        manager: Any = getattr(session, "_manager", None)
        settings: Any = getattr(manager, "connection_pool_kw", {})
        context = settings.get("ssl_context")
        if type(context) is ssl.SSLContext:
            read = _ReadOnce(context)
            context.load_verify_locations = read  # type: ignore[method-assign]
            if len(getattr(manager, "pools", "unknown")) == 0:
                manager.pools = self._pools
        return session

    def send(self, request: Any) -> Any:
        """Send a request."""
        return self._current().send(request)

    def close(self) -> None:
        """No-op, because other clients use the connections."""

    def close_all(self) -> None:
        """Close the idle connections of all clients, which open new ones on demand."""
        if self._session is not None:
            self._session.close()


class _ReadOnce:
    """
    Reads a file of trusted certificates into a TLS context once for each change.

    urllib3 reads the file for each connection, which takes most of the CPU time of
    opening one.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._lock = threading.RLock()  # guards the next
        self._trusted: tuple[str, Version] | None = None

    def __call__(
        self, cafile: Any = None, capath: Any = None, cadata: Any = None
    ) -> None:
        load = partial(ssl.SSLContext.load_verify_locations, self._context)
        if cafile is None or capath or cadata:
            load(cafile, capath, cadata)
            return
        with self._lock:
            version = version_of(cafile)
            if version is None or self._trusted != (cafile, version):
                load(cafile)
                self._trusted = cafile, version
