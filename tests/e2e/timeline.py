"""Simulated time in which other threads wait, too."""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import threading

from collections.abc import Callable

from stsession.testing import FakeClock


def seconds(n: float) -> dt.timedelta:
    """A span of *n* seconds."""
    return dt.timedelta(seconds=n)


class Timeline:
    """
    One thread runs at a time; a sleeping one is woken at its time on the clock.

    The test's own thread drives it. Its methods fit the seams of the refresh
    core: `run` starts a thread, `wait` is how callers wait, and `sleep` is for
    whatever else takes time.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.waits: list[float] = []
        self._main = threading.get_ident()
        self._control = threading.Semaphore(0)
        self._asleep: list[tuple[float, int, threading.Event]] = []
        self._numbers = itertools.count()

    def run(self, task: Callable[[], None]) -> bool:
        """Run *task* on another thread, until it sleeps or ends."""

        def work() -> None:
            task()
            self._control.release()

        threading.Thread(target=work, daemon=True).start()
        self._control.acquire()
        return True

    def sleep(self, n: float) -> None:
        """Let *n* seconds pass for the calling thread."""
        if threading.get_ident() == self._main:
            self.passes(n)
            return
        woken = threading.Event()
        heapq.heappush(
            self._asleep, (self.clock.monotonic() + n, next(self._numbers), woken)
        )
        self._control.release()
        woken.wait()

    def passes(self, n: float) -> None:
        """Let *n* seconds pass for everybody."""
        end = self.clock.monotonic() + n
        while self._asleep and self._asleep[0][0] <= end:
            self._wake()
        self._advance_to(end)

    def wait(self, event: threading.Event, n: float) -> bool:
        """Wait for *event* for *n* seconds at most, and take note of how long."""
        began = self.clock.monotonic()
        while not event.is_set() and self._asleep and self._asleep[0][0] <= began + n:
            self._wake()
        if not event.is_set():
            self._advance_to(began + n)
        self.waits.append(self.clock.monotonic() - began)
        return event.is_set()

    def _wake(self) -> None:
        at, _, woken = heapq.heappop(self._asleep)
        self._advance_to(at)
        woken.set()
        self._control.acquire()

    def _advance_to(self, at: float) -> None:
        self.clock.advance(seconds(max(0.0, at - self.clock.monotonic())))
