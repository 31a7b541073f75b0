"""
Threads and processes that run the calls of a fleet.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import sys
import threading
import uuid

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

import attrs

from .._core.cache import RandomEviction
from .._core.runtime import current_runtime
from .._core.state import reporting
from .._sessions.session import RefreshableAssumeRoleSession
from .._util import chained, forget_after_fork, per_process
from ..exceptions import ExecutorError, InvalidRequestError
from ._accounts import FleetTarget
from ._results import code_of, traceback_of
from ._sessions import FleetSessions


__all__ = [
    "DaemonThreads",
    "Opened",
    "Outcome",
    "Plan",
    "Progress",
    "RemoteTask",
    "Silence",
    "attempt",
    "carried",
    "opened",
    "opening",
    "progress_of",
]


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


INTERVAL = 5.0
"""Seconds from one line to the next."""


class Progress(Protocol):
    """
    Shows how many results there are.
    """

    def advance(self, *, ok: bool) -> None:
        """
        There is one more.
        """

    def wait(self) -> None:
        """
        There is no further one yet.
        """

    def close(self) -> None:
        """
        There won't be any more.
        """


class Silence:
    """
    Shows nothing.
    """

    def advance(self, *, ok: bool) -> None:
        """
        Show nothing.
        """

    def wait(self) -> None:
        """
        Show nothing.
        """

    def close(self) -> None:
        """
        Show nothing.
        """


class Bar:
    """
    A bar of tqdm.
    """

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._failed = 0

    def advance(self, *, ok: bool) -> None:
        """
        Draw it anew, unless that has just been done.
        """
        if not ok:
            self._failed += 1
            self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update()

    def wait(self) -> None:
        """
        Let its clock go on.
        """
        self._bar.refresh()

    def close(self) -> None:
        """
        Leave the cursor on a line of its own.
        """
        self._bar.close()


class Lines:
    """
    Lines of plain text, one every few seconds, and one at the end.

    Args:
        total: How many results there will be.

        stream: Where the lines are written.
    """

    def __init__(self, total: int, stream: Any) -> None:
        self._total = total
        self._stream = stream
        self._done = self._failed = self._written = 0
        self._monotonic = current_runtime().clock.monotonic
        self._written_at = self._monotonic()

    def advance(self, *, ok: bool) -> None:
        """
        Write a line if it's time to.
        """
        self._done += 1
        self._failed += not ok
        self.wait()

    def wait(self) -> None:
        """
        Write a line if it's time to.
        """
        if self._monotonic() >= self._written_at + INTERVAL:
            self._write()

    def _write(self) -> None:
        self._written, self._written_at = self._done, self._monotonic()
        line = f"fleet: {self._done} of {self._total} done, {self._failed} failed"
        _write_line(self._stream, line)

    def close(self) -> None:
        """
        Write a last line, unless it has been written.
        """
        if self._written < self._done:
            self._write()


def progress_of(total: int) -> Progress:
    """
    Return what suits standard error: nothing if there is none.
    """
    stream: Any = sys.stderr
    if stream is None or getattr(stream, "closed", False):
        return Silence()
    if not _is_terminal(stream):
        return Lines(total, stream)
    try:
        from tqdm import tqdm  # noqa: PLC0415 - it comes with an extra
    except ImportError:
        hint = "fleet: for a progress bar, pip install stsession[progress]"
        _write_line(stream, hint)
        return Lines(total, stream)
    return Bar(tqdm(total=total, unit="session", file=stream))


def _is_terminal(stream: Any) -> bool:
    isatty = getattr(stream, "isatty", None)
    return isatty is not None and bool(isatty())


def _write_line(stream: Any, line: str) -> None:
    # A run goes on if its progress can't be shown any longer.
    with contextlib.suppress(Exception):
        stream.write(f"{line}\n")
        stream.flush()


Opened = tuple[Callable[[FleetTarget], "Future[Any]"], Callable[[], None]]
"""What takes tasks, and what to call when there are no more."""

BUFFERED = 2
"""Results that may wait to be taken, as a multiple of what is done at once."""

BUFFERED_IN_ORDER = 4


@attrs.frozen(kw_only=True)
class Plan:
    """
    What a run does.

    Args:
        targets: Lists the targets; called when the first result is wanted.

        open: Makes what takes tasks.

        max_workers: How many tasks there are at once.

        ordered: Whether results come in the order of the targets.

        progress: Makes the one who is told, for a number of targets.
    """

    targets: Callable[[], Sequence[FleetTarget]]
    open: Callable[[], Opened]
    max_workers: int
    ordered: bool = False
    progress: Callable[[int], Progress] = lambda _: Silence()

    @property
    def room(self) -> int:
        """
        Tasks and results that there are at most before the consumer takes one.
        """
        return self.max_workers * (BUFFERED_IN_ORDER if self.ordered else BUFFERED)


Function = Callable[[RefreshableAssumeRoleSession], Any]

FLEETS = 8
"""Fleets whose sessions a worker process keeps."""


@attrs.frozen(kw_only=True)
class Outcome:
    """
    What a function returned, or what it raised.
    """

    value: Any = None
    error: Exception | None = None
    traceback: str | None = None

    @classmethod
    def of_error(cls, error: Exception) -> Outcome:
        """
        Take the traceback as text, and the frames off the error.

        They would keep alive whatever the function had at hand, once for each of
        what may be a thousand failures.
        """
        frames = error.__traceback__
        if frames is not None and frames.tb_next is not None:
            frames = frames.tb_next  # the first is `attempt`
        text = traceback_of(error, frames)
        for link in chained(error):
            link.__traceback__ = None
        return cls(error=error, traceback=text)


def attempt(
    function: Function,
    session_of: Callable[[FleetTarget], RefreshableAssumeRoleSession],
    target: FleetTarget,
) -> Outcome:
    """
    Make the session, and call the function with it.
    """
    try:
        session = session_of(target)
        announcers = [hop.announcer for hop in session._hops]  # noqa: SLF001 - ours
        return Outcome(value=reporting(announcers).run(function, session))
    except Exception as e:  # noqa: BLE001 - it's the target's result
        return Outcome.of_error(e)


@attrs.frozen(kw_only=True)
class RemoteTask:
    """
    The same for another process; it pickles without secrets.

    Args:
        function: What is called.

        recipe: The pickled `FleetSessions`.

        target: For what.

        number: Makes it different from all others, for executors that remember
            what a task has given.
    """

    function: Function
    recipe: bytes = attrs.field(repr=False)
    target: FleetTarget
    number: str

    def __call__(self) -> bytes:
        """
        Do it; return the pickled outcome.
        """
        sessions = _fleets.of(self.recipe)
        return _packed(attempt(self.function, sessions.session, self.target))


class _Sessions:
    """
    The sessions of one fleet in this process.
    """

    def __init__(self, make: FleetSessions) -> None:
        self._make = make
        self._sessions: dict[Any, RefreshableAssumeRoleSession] = {}

    def session(self, target: FleetTarget) -> RefreshableAssumeRoleSession:
        key = (target.role_arn, target.region)
        session = self._sessions.get(key)
        if session is None:
            session = self._make.make(target.role_arn, target.region, target.options)
            session = self._sessions.setdefault(key, session)
        return session


class _Fleets:
    """
    Those that send tasks to this process; a few of them.
    """

    def __init__(self) -> None:
        self._fleets: RandomEviction[bytes, _Sessions] = RandomEviction(FLEETS)
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def of(self, recipe: bytes) -> _Sessions:
        with self._lock:
            fleet = self._fleets.get(recipe)
            if fleet is None:
                fleet = self._fleets[recipe] = _Sessions(pickle.loads(recipe))  # noqa: S301 - ours
            return fleet


_fleets = per_process(_Fleets())


def _packed(outcome: Outcome) -> bytes:
    """
    Pickle an outcome, or another that says why that can't be done.
    """
    if outcome.error is not None:
        return pickled(attrs.evolve(outcome, error=portable_error(outcome.error)))
    try:
        return pickled(outcome)
    except Exception as e:  # noqa: BLE001 - pickling may raise anything
        name = type(outcome.value).__name__
        error = ExecutorError(
            f"The function returned a value of type {name}, which can't be pickled.",
            type_name=type(e).__name__,
            hint="Return plain data: what is left of it when it has been looked at.",
        )
        return pickled(Outcome(error=error))


def pickled(thing: Any) -> bytes:
    """
    Pickle *thing*, by value if it can't be found by its name.

    The latter only where the executor has brought cloudpickle, as Dask does.
    """
    try:
        return pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    except Exception:
        cloudpickle = sys.modules.get("cloudpickle")
        if cloudpickle is None:
            raise
        data: bytes = cloudpickle.dumps(thing)
        return data


def portable_error(error: Exception) -> Exception:
    """
    Return *error* if it survives being pickled, or else one that tells of it.
    """
    try:
        copy = pickle.loads(pickled(error))  # noqa: S301 - just pickled
    except Exception:  # noqa: BLE001 - whatever its class does
        copy = None
    if type(copy) is type(error) and str(copy) == str(error):
        return error
    name = type(error).__name__
    return ExecutorError(f"{name}: {error}", type_name=name, code=code_of(error))


def opened(given: Outcome | bytes) -> Outcome:
    """
    The outcome, out of what another process may have pickled.
    """
    if isinstance(given, Outcome):
        return given
    try:
        outcome: Outcome = pickle.loads(given)  # noqa: S301 - what our own task made
    except Exception as e:  # noqa: BLE001 - a class that isn't here, say
        return carried(e)
    return outcome


def carried(error: Exception) -> Outcome:
    """
    The outcome if something went wrong around the function.
    """
    name = type(error).__name__
    ours = ExecutorError(
        f"The executor couldn't carry a task or its result. {name}: {error}.",
        type_name=name,
        hint="Pass a function of a module that the workers can import, and return "
        "plain data.",
    )
    ours.__cause__ = error
    return Outcome.of_error(ours)


SessionOf = Callable[[FleetTarget], RefreshableAssumeRoleSession]


def opening(
    function: Function,
    executor: Executor | None,
    *,
    max_workers: int,
    session_of: SessionOf,
    widen: Callable[[int], None],
    make: FleetSessions,
) -> Callable[[], Opened]:
    """
    Return what gets the workers of a run ready, when it begins.

    Args:
        function: What they call.

        executor: The user's. `None` means threads of our own.

        max_workers: How many of those.

        session_of: Finds the session of a target in this process.

        widen: Has its clients keep connections for so many workers.

        make: Makes it in another.

    Raises:
        InvalidRequestError: If *make* can't be sent there.
    """
    if executor is None or _shares_objects(executor):
        widen(max_workers)
    if executor is None:
        return partial(_open_threads, function, session_of, max_workers)
    if _shares_objects(executor):
        return partial(_open_pool, function, session_of, executor)
    return partial(_open_remote, function, _recipe(make), executor)


def _open_threads(
    function: Function, session_of: SessionOf, max_workers: int
) -> Opened:
    threads = DaemonThreads(max_workers)
    submit, _ = _open_pool(function, session_of, threads)
    return submit, partial(threads.shutdown, wait=False, cancel_futures=True)


def _open_pool(function: Function, session_of: SessionOf, pool: Executor) -> Opened:
    def submit(target: FleetTarget) -> Future[Any]:
        return pool.submit(attempt, function, session_of, target)

    return submit, _leave_open


def _open_remote(function: Function, recipe: bytes, executor: Executor) -> Opened:
    def submit(target: FleetTarget) -> Future[Any]:
        return executor.submit(
            RemoteTask(
                function=function,
                recipe=recipe,
                target=target,
                number=uuid.uuid4().hex,
            )
        )

    return submit, _leave_open


def _leave_open() -> None:
    """
    The executor is the user's.
    """


def _recipe(make: FleetSessions) -> bytes:
    try:
        return pickle.dumps(make)
    except Exception as e:
        raise InvalidRequestError(
            f"The fleet can't be sent to other processes. {e}", parameter="executor"
        ) from e


def _shares_objects(executor: Executor) -> bool:
    """
    Whether its workers see our objects: they are threads of this interpreter.
    """
    # A subclass, whose threads have interpreters of their own.
    isolated = type(executor).__name__ == "InterpreterPoolExecutor"
    return isinstance(executor, ThreadPoolExecutor) and not isolated
