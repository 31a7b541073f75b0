"""The runtime that tests replace: clocks, random numbers, threads, and waiting."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import sys
import threading
import time

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import SystemRandom
from typing import Any, NamedTuple, Protocol

from .._locks import OneTimeEvent, guarded, start_thread
from .._util import forget_after_fork, per_process


__all__ = [
    "HANGS_AFTER",
    "Clock",
    "DaemonPool",
    "Runtime",
    "SystemClock",
    "current_runtime",
    "spawn",
    "submit",
    "use_runtime",
    "utc",
]


class Clock(Protocol):
    """The wall clock and the monotonic clock, both in seconds as a float."""

    def wall(self) -> float:
        """Return the seconds since 1970-01-01 UTC. It may be set forward or back."""

    def monotonic(self) -> float:
        """
        Return the seconds since some instant; never goes back.

        It should count the time for which the machine is suspended.
        """


def _clock_that_counts_suspended_time() -> int | None:
    """Return the ID of the clock. `None` if the platform has no such clock."""
    clock_id: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # Linux
    if clock_id is None and sys.platform == "darwin":
        clock_id = time.CLOCK_MONOTONIC  # continues during sleep there
    if clock_id is not None:
        try:
            time.clock_gettime(clock_id)
        except OSError:  # some sandboxes and emulators don't have it
            return None
    return clock_id


class SystemClock:
    """
    The clocks of the machine.

    The functions of `time` are looked up at each reading, so that tools which replace
    them (freezegun, time-machine) affect sessions that exist already.
    """

    def __init__(self) -> None:
        self._monotonic_id = _clock_that_counts_suspended_time()

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        if self._monotonic_id is None:
            return time.monotonic()
        return time.clock_gettime(self._monotonic_id)


def utc(wall: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(wall, dt.timezone.utc)


HANGS_AFTER = 30.0
"""Seconds after which a refresh counts as hanging: the default *load_timeout*."""


class DaemonPool:
    """
    A thread pool that starts daemon threads when there are tasks and ends idle ones.

    The threads of :class:`concurrent.futures.ThreadPoolExecutor` stay when they are
    idle, and the interpreter waits for them at exit.

    Args:
        max_threads: The largest number of tasks that run at the same time.

        max_waiting: The largest number of tasks that wait for a thread.

        may_wait: Whether a task waits for a thread of the pool if no other can be
            started.

        hangs_after: Seconds after which a task no longer counts towards *max_threads*.

        idle_seconds: Seconds that a thread waits for its next task before it ends.

        name: The name of the threads.

        monotonic: Returns the time in seconds, to find tasks that hang.
    """

    def __init__(
        self,
        *,
        max_threads: int = 4,
        max_waiting: float = 10_000,
        may_wait: bool = True,
        hangs_after: float = HANGS_AFTER,
        idle_seconds: float = 0.0,
        name: str = "stsession-refresh",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_threads = max_threads
        self._max_waiting = max_waiting
        self._may_wait = may_wait
        self._hangs_after = hangs_after
        self._idle_seconds = idle_seconds
        self._name = name
        self._monotonic = monotonic
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()  # guards the next four together
        self._threads = 0
        self._began: dict[int, float] = {}  # by thread: when its task did
        self._tasks: collections.deque[Callable[[], None]] = collections.deque()
        self._idle: collections.deque[OneTimeEvent] = collections.deque()

    @property
    def threads(self) -> int:
        return self._threads

    def submit(self, task: Callable[[], None]) -> bool:
        """
        Run *task*, which must not raise an exception, on a thread of the pool.

        Returns:
            Whether it will run. It won't if too many tasks are waiting, if there is no
            thread for it and none can be started, or if the interpreter is shutting
            down.
        """
        if sys.is_finalizing():
            return False
        if not guarded(self._lock, lambda: self._add(task)):
            return False
        with contextlib.suppress(IndexError):
            self._idle.pop().set()
            return True
        room, hanging = self._room(), self._hanging()
        # Tasks that hang may have kept others waiting, for which there is room now.
        for _ in range(min(len(self._tasks) - 1, hanging, room - self._threads - 1)):
            start_thread(self._work, self._name)
        if self._threads >= room:
            return True
        # The thread counts itself: an interrupt may come while it starts.
        started = start_thread(self._work, self._name)
        if started or (self._may_wait and self._threads):
            return True
        return not self._take_back(task)

    def _room(self) -> int:
        """Return how many threads there may be: a task that hangs doesn't count."""
        return self._max_threads + self._hanging()

    def _hanging(self) -> int:
        before = self._monotonic() - self._hangs_after
        return sum(began < before for began in tuple(self._began.values()))

    def _add(self, task: Callable[[], None]) -> bool:
        if len(self._tasks) >= self._max_waiting:
            return False
        self._tasks.append(task)
        return True

    def _take_back(self, task: Callable[[], None]) -> bool:
        """Remove *task*; return whether it was still waiting."""
        try:
            self._tasks.remove(task)
        except ValueError:
            return False
        return True

    def _work(self) -> None:
        if not guarded(self._lock, self._count_in):
            return
        while True:
            idle = OneTimeEvent()
            task = guarded(self._lock, lambda: self._next(idle))  # noqa: B023 - called at once
            if task is not None:
                # If it raised nevertheless, the thread would end without being counted.
                with contextlib.suppress(BaseException):
                    task()
                del task  # it may refer to large objects
            elif not idle.wait(self._idle_seconds) and guarded(
                self._lock,
                lambda: self._count_out(idle),  # noqa: B023 - called at once
            ):
                return

    def _count_in(self) -> bool:
        if self._threads >= self._room():
            return False
        self._threads += 1
        return True

    def _next(self, idle: OneTimeEvent) -> Callable[[], None] | None:
        thread = threading.get_ident()
        if self._tasks:
            self._began[thread] = self._monotonic()
            return self._tasks.popleft()
        self._began.pop(thread, None)
        self._idle.append(idle)
        return None

    def _count_out(self, idle: OneTimeEvent) -> bool:
        if idle not in self._idle:  # `submit` is about to set it
            return False
        self._idle.remove(idle)
        self._threads -= 1
        return True


_pool = per_process(DaemonPool)

# OpenSSL takes a lock when a thread that has used it ends. A child that is forked at
# that moment would wait for the lock forever, and programs fork soon after first use.
_fetch_pool = per_process(
    lambda: DaemonPool(
        max_threads=sys.maxsize,
        may_wait=False,
        idle_seconds=0.1,
        name="stsession-fetch",
    )
)


def submit(task: Callable[[], None]) -> bool:
    """Run *task* in the background; return whether it will run."""
    return _pool().submit(task)


def spawn(task: Callable[[], None]) -> bool:
    """
    Run *task* immediately, on an idle or a new thread; return whether it will run.
    """
    return _fetch_pool().submit(task)


class Runtime(NamedTuple):
    """The clock, random source, threads and waiting that refreshers use."""

    clock: Clock = SystemClock()

    # Not the `random` module's own generator: a program that seeds it with the same
    # number on each machine would refresh on all of them at the same time.
    random: Callable[[], float] = SystemRandom().random

    submit: Callable[[Callable[[], None]], bool] = submit
    spawn: Callable[[Callable[[], None]], bool] = spawn
    wait: Callable[[OneTimeEvent, float], object] = OneTimeEvent.wait


_runtimes = [Runtime()]


def current_runtime() -> Runtime:
    """Return the runtime for objects that are made now."""
    return _runtimes[-1]


@contextmanager
def use_runtime(
    *,
    clock: Clock | None = None,
    random: Callable[[], float] | None = None,
    submit: Callable[[Callable[[], None]], bool] | None = None,
    spawn: Callable[[Callable[[], None]], bool] | None = None,
    wait: Callable[[Any, float], object] | None = None,
) -> Iterator[Runtime]:
    """
    Replace parts of the runtime for the sessions that are made inside; for tests.

    Sessions keep the runtime that they were made with. Inside, it is the same for
    all threads. Parts that are `None` stay as they are.

    Args:
        clock: A clock such as :class:`~stsession.testing.FakeClock`.

        random: Returns a number from 0 to 1, for the jitter.

        submit:
            Receives a function to call on another thread, or immediately: a refresh
            that no caller waits for. Returns whether it will be called; if not, the
            caller refreshes.

        spawn: Like *submit*, for all other refreshes.

        wait:
            Receives an event, with the methods `wait()` and `is_set()`, and the
            seconds to wait for it. If your function doesn't wait, pass a *spawn* that
            returns `False`.

    .. versionadded:: 0.1.0
    """
    parts = {
        "clock": clock,
        "random": random,
        "submit": submit,
        "spawn": spawn,
        "wait": wait,
    }
    given: Any = {name: part for name, part in parts.items() if part is not None}
    runtime = current_runtime()._replace(**given)
    _runtimes.append(runtime)
    try:
        yield runtime
    finally:
        _runtimes.pop()
