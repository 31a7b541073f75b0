"""
Connections that clients of many roles share.
"""

from __future__ import annotations

import threading

from collections.abc import Callable
from typing import Any

from ._fork import forget_after_fork


__all__ = ["SharedHttpSession"]


class SharedHttpSession:
    """
    The connections that all clients of a kind share.

    Args:
        session: botocore's, of the template.

        make: Makes another one, for a forked child: connections of the parent
            mustn't be used there.
    """

    def __init__(self, session: Any, make: Callable[[], Any]) -> None:
        self._session = session
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
                    self._session = self._make()
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
