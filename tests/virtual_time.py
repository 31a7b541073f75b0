"""A clock for programs of many threads: time passes when all threads wait."""

from __future__ import annotations

import contextlib
import datetime as dt
import heapq
import itertools
import threading

from collections.abc import Callable, Iterator

from stsession._core.runtime import DaemonPool
from stsession.testing import FakeClock


POLL = 0.0005
"""Seconds of true time between two looks; nothing depends on it."""


class VirtualTime:
    """
    A clock that jumps to the next instant that a thread waits for, once all wait.

    Each thread is counted by :meth:`working`, and waits only by :meth:`wait`.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._pool = DaemonPool()
        self._lock = threading.Lock()  # guards the two below
        self._working = 0
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Take part: time stands still while this thread does something."""
        with self._lock:
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        self.wait(threading.Event(), seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for *event*; the seam of that name."""
        mine = (self.clock.monotonic() + seconds, next(self._numbers), event)
        with self._lock:
            heapq.heappush(self._waiting, mine)
        try:
            while self.clock.monotonic() < mine[0] and not event.is_set():
                self._pass()
                event.wait(POLL)
        finally:
            with self._lock:
                self._waiting.remove(mine)
                heapq.heapify(self._waiting)
        return event.is_set()

    def _pass(self) -> None:
        with self._lock:
            if any(event.is_set() for *_, event in self._waiting):
                return  # that one is about to go on
            left = self._waiting[0][0] - self.clock.monotonic()
            if len(self._waiting) >= self._working and left > 0:
                # What is rounded must not end short of it.
                self.clock.advance(dt.timedelta(seconds=left + 1e-6))

    def run(self, task: Callable[[], None]) -> bool:
        """Run *task* on another thread; the seam of that name."""

        def do() -> None:
            with self.working():
                task()

        return self._pool.submit(do)
