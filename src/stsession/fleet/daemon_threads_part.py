"""
An executor that nobody waits for at exit.
"""

from __future__ import annotations

import queue
import threading

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

import attrs


__all__ = ["DaemonThreads"]


T = TypeVar("T")


@attrs.frozen
class _Work:
    future: Future[Any]
    do: Callable[[], Any]

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            value = self.do()
        except BaseException as e:  # noqa: BLE001 - raised where the future is read
            self.future.set_exception(e)
        else:
            self.future.set_result(value)


class DaemonThreads(Executor):
    """
    Threads that begin when there is work, and end with the program.

    The interpreter waits for those of
    :class:`~concurrent.futures.ThreadPoolExecutor` at exit, so that Ctrl-C wouldn't
    leave at once.

    Args:
        max_workers: How many there are at most.
    """

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers
        self._lock = threading.RLock()  # guards the three below
        self._threads: set[threading.Thread] = set()
        self._busy = 0  # being worked on, or waiting for it
        self._open = True
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()

    @property
    def threads(self) -> int:
        """
        How many there are now.
        """
        return len(self._threads)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """
        Have it called on one of the threads.

        Raises:
            RuntimeError: After `shutdown()`, or if no thread can be started.
        """
        future: Future[T] = Future()
        with self._lock:
            if not self._open:
                raise RuntimeError("These threads have been shut down.")
            if len(self._threads) <= min(self._busy, self._max_workers - 1):
                self._start_thread()
            self._busy += 1
        self._work.put(_Work(future, lambda: fn(*args, **kwargs)))
        return future

    def _start_thread(self) -> None:
        thread = threading.Thread(
            target=self._serve, name="stsession-fleet", daemon=True
        )
        self._threads.add(thread)  # first: an interrupt may come while it starts
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            if not self._threads:  # else there are just fewer
                raise

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work.run()
            with self._lock:
                self._busy -= 1
            del work  # else it is kept until the next comes
        with self._lock:
            self._threads.discard(threading.current_thread())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """
        Let the threads end when there is no more work.

        Args:
            wait: Whether to wait until they have.

            cancel_futures: Whether what hasn't begun is left undone.
        """
        with self._lock:
            if cancel_futures:
                self._cancel()
            threads = tuple(self._threads)
            if self._open:
                self._open = False
                for _ in threads:
                    self._work.put(None)
        if wait:
            for thread in threads:
                thread.join()

    def _cancel(self) -> None:
        ends = 0
        while True:
            try:
                work = self._work.get_nowait()
            except queue.Empty:
                break
            if work is None:
                ends += 1
            else:
                work.future.cancel()
                self._busy -= 1
        for _ in range(ends):
            self._work.put(None)
