"""
Connections that clients of many roles share.
"""

from __future__ import annotations

import contextlib
import threading

from collections.abc import Callable
from typing import Any

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
        self._session = _widened(session)
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
                    self._session = _widened(self._make())
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


def _widened(session: Any) -> Any:
    """
    Have a session of botocore keep the connections to more hosts.

    urllib3 keeps those to ten, which is enough for one client; but buckets are
    hosts, and many roles use one bucket each. Where the inside of botocore is
    different, it stays at ten.
    """
    manager: Any = getattr(session, "_manager", None)
    pools = getattr(manager, "pools", None)
    if pools is not None and not len(pools):
        with contextlib.suppress(TypeError):
            manager.pools = type(pools)(MAX_HOSTS)
    return session
