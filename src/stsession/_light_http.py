"""
Connections that clients of many roles share.
"""

from __future__ import annotations

import contextlib
import ssl
import threading

from collections.abc import Callable
from functools import partial
from typing import Any

from ._config_files import Version, version_of
from ._fork import forget_after_fork


__all__ = ["SharedHttpSession"]

MAX_HOSTS = 256
"""To how many hosts idle connections are kept."""


class SharedHttpSession:
    """
    The connections that all clients of a kind share.

    Args:
        session: botocore's, of the template.

        make: Makes another one, for a forked child: connections of the parent
            mustn't be used there.
    """

    def __init__(self, session: Any, make: Callable[[], Any]) -> None:
        self._session = _prepared(session)
        self._make = make
        self._lock = threading.Lock()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._session = None

    def _current(self) -> Any:
        session = self._session
        if session is None:
            with self._lock:
                if self._session is None:
                    self._session = _prepared(self._make())
                session = self._session
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


def _prepared(session: Any) -> Any:
    """
    Have a session of botocore connect to many hosts, often, at little cost.

    Where the inside of botocore or urllib3 is different, it costs more.
    """
    manager: Any = getattr(session, "_manager", None)
    _widen(manager)
    settings: Any = getattr(manager, "connection_pool_kw", {})
    context = settings.get("ssl_context")
    if type(context) is ssl.SSLContext:
        context.load_verify_locations = _ReadOnce(context)  # type: ignore[method-assign]
    return session


def _widen(manager: Any) -> None:
    """
    Keep the connections to more than urllib3's ten hosts.

    Those are enough for one client; but buckets are hosts, and many roles use one
    bucket each.
    """
    pools = getattr(manager, "pools", None)
    if pools is not None and not len(pools):
        with contextlib.suppress(TypeError):
            manager.pools = type(pools)(MAX_HOSTS)


class _ReadOnce:
    """
    Has a TLS context read a file of trusted certificates once for each change.

    urllib3 has it read anew for each connection, which is most of the CPU time that
    one takes.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._lock = threading.Lock()  # guards the next, and has others wait for it
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
