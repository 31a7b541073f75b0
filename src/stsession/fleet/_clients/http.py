"""
HTTP connections that clients of many roles share.
"""

from __future__ import annotations

import ssl
import threading

from collections.abc import Callable
from functools import partial
from typing import Any

from ..._botocore.config_files import Version, version_of
from ..._core.cache import RandomEviction
from ..._util import forget_after_fork


__all__ = ["Pools", "SharedHttpSession"]


MAX_HOSTS = 256
"""
To how many hosts idle connections are kept, by the clients of all kinds.

Each connection is a file descriptor, of which a process often may have 1,024.
"""


class Pools(RandomEviction[Any, Any]):
    """
    The connection pools of clients of all kinds, in place of a pool manager's own.

    Pools of two managers are never mixed up: the key of a pool contains the TLS
    context, which each manager has for itself, and all other settings.
    """

    def __init__(self) -> None:
        super().__init__(MAX_HOSTS)
        self.reset()

    def reset(self) -> None:
        """
        Let go of all pools and of the lock, in a forked child.
        """
        # The pool managers hold it while they look for a pool, and add one.
        self.lock = threading.RLock()
        self.clear()


class SharedHttpSession:
    """
    The connections that all clients of a kind share.

    Args:
        session: botocore's, of the template.

        make: Makes another one, for a forked child: connections of the parent
            mustn't be used there.

        pools: Where its connection pools are kept.
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
        Have a session of botocore connect to many hosts, often, at little cost.

        Where the inside of botocore or urllib3 is different, it costs more.
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
        """
        Send a request, as any of the clients.
        """
        return self._current().send(request)

    def close(self) -> None:
        """
        Leave the connections to the other clients.
        """

    def close_all(self) -> None:
        """
        Close the idle connections of all clients. They are opened again if need be.
        """
        if self._session is not None:
            self._session.close()


class _ReadOnce:
    """
    Has a TLS context read a file of trusted certificates once for each change.

    urllib3 has it read anew for each connection, which is most of the CPU time that
    one takes.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._lock = threading.RLock()  # guards the next, and has others wait for it
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
