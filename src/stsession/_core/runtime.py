"""
The threads on which refreshes run.
"""

from __future__ import annotations

import collections
import contextlib
import sys
import threading
import time

from collections.abc import Callable

from .._fork import forget_after_fork
from .._locks import guarded, start_thread


__all__ = ["BackgroundPool", "spawn"]


def spawn(task: Callable[[], None]) -> bool:
    """
    Run *task* on a thread of its own; return whether it will run.
    """
    return not sys.is_finalizing() and start_thread(task, "stsession-fetch")


HANGS_AFTER = 30.0
"""Seconds after which a task doesn't count among those that run at once. It is the
default deadline of a refresh."""


class BackgroundPool:
    """
    Daemon threads for advisory refreshes; they exist while there is something to do.

    :class:`concurrent.futures.ThreadPoolExecutor` doesn't do: its threads stay
    when idle, and the interpreter waits for them at exit.

    Args:
        max_threads: How many tasks run at once.

        max_waiting: How many may wait.

        monotonic: Returns the time in seconds, to find tasks that hang.
    """

    def __init__(
        self,
        *,
        max_threads: int = 4,
        max_waiting: int = 10_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_threads = max_threads
        self._max_waiting = max_waiting
        self._monotonic = monotonic
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()  # guards the next three together
        self._threads = 0
        self._began: dict[int, float] = {}  # by thread: when its task did
        self._tasks: collections.deque[Callable[[], None]] = collections.deque()

    @property
    def threads(self) -> int:
        """
        How many threads there are now.
        """
        return self._threads

    def submit(self, task: Callable[[], None]) -> bool:
        """
        Have *task* run soon; it must not raise.

        Returns:
            Whether it will. If not (too many are waiting, no thread can be
            started, the interpreter is shutting down), the caller has to run
            it.
        """
        if sys.is_finalizing():
            return False
        if not guarded(self._lock, lambda: self._add(task)):
            return False
        if self._threads >= self._room():
            return True
        # The thread counts itself: an interrupt may come while it starts.
        if start_thread(self._work, "stsession-refresh") or self._threads:
            return True
        return not self._take_back(task)

    def _room(self) -> int:
        """
        How many threads there may be: a task that hangs doesn't count.
        """
        before = self._monotonic() - HANGS_AFTER
        hanging = sum(began < before for began in tuple(self._began.values()))
        return self._max_threads + hanging

    def _add(self, task: Callable[[], None]) -> bool:
        if len(self._tasks) >= self._max_waiting:
            return False
        self._tasks.append(task)
        return True

    def _take_back(self, task: Callable[[], None]) -> bool:
        """
        Remove *task*; return whether it was still waiting.
        """
        try:
            self._tasks.remove(task)
        except ValueError:
            return False
        return True

    def _work(self) -> None:
        if not guarded(self._lock, self._count_in):
            return
        while True:
            task = guarded(self._lock, self._next)
            if task is None:
                return
            # It must not raise, but a thread that it ends would never be replaced.
            with contextlib.suppress(BaseException):
                task()

    def _count_in(self) -> bool:
        if self._threads >= self._room():
            return False
        self._threads += 1
        return True

    def _next(self) -> Callable[[], None] | None:
        thread = threading.get_ident()
        if self._tasks:
            self._began[thread] = self._monotonic()
            return self._tasks.popleft()
        self._began.pop(thread, None)
        self._threads -= 1
        return None
