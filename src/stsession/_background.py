"""
The few threads on which advisory refreshes run.
"""

from __future__ import annotations

import collections
import contextlib
import sys
import threading

from collections.abc import Callable

from ._fork import forget_after_fork


__all__ = ["BackgroundPool"]


class BackgroundPool:
    """
    Daemon threads that exist while there is something to do.

    :class:`concurrent.futures.ThreadPoolExecutor` doesn't do: its threads stay
    when idle, and the interpreter waits for them at exit.

    Args:
        max_threads: How many tasks run at once.

        max_waiting: How many may wait.
    """

    def __init__(self, *, max_threads: int = 4, max_waiting: int = 10_000) -> None:
        self._max_threads = max_threads
        self._max_waiting = max_waiting
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()  # guards the two below
        self._tasks: collections.deque[Callable[[], None]] = collections.deque()
        self._threads = 0

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
        with self._lock:
            if len(self._tasks) >= self._max_waiting:
                return False
            if self._threads < self._max_threads:
                # Started under the lock, so that nobody else counts on a
                # thread that turns out not to start.
                self._start_thread()
            if self._threads == 0:
                return False
            self._tasks.append(task)
        return True

    def _start_thread(self) -> None:
        thread = threading.Thread(
            target=self._work, name="stsession-refresh", daemon=True
        )
        with contextlib.suppress(RuntimeError):  # no more threads, or too late
            thread.start()
            self._threads += 1

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._tasks:
                    self._threads -= 1
                    return
                task = self._tasks.popleft()
            # It must not raise, but a thread that it ends would never be replaced.
            with contextlib.suppress(BaseException):
                task()
