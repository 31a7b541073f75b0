"""A request held on its way to STS."""

from __future__ import annotations

import threading


GUARD = 10.0
"""Seconds after which a test that waits for something has failed."""


class Gate:
    """
    Holds requests to STS, from `closes()` to `opens()`.

    It is a handler for the event ``before-send.sts`` of a source session, and
    for the *before_answer* of a stub.
    """

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._open = threading.Event()
        self._open.set()

    def __call__(self, **_: object) -> None:
        """Take a request; return when it may go on."""
        if not self._open.is_set():
            self.arrived.set()
            assert self._open.wait(GUARD)

    def closes(self) -> None:
        """Hold requests from now on."""
        self.arrived.clear()
        self._open.clear()

    def opens(self) -> None:
        """Let them go."""
        self._open.set()

    def opens_when_reached(self) -> None:
        """Let them go when one has arrived."""
        assert self.arrived.wait(GUARD)
        self.opens()
