"""The iterator of results, and the progress shown while it runs."""

from __future__ import annotations

import contextlib
import inspect
import pickle
import queue
import sys
import weakref

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from .._core.runtime import current_runtime
from .._util import forget_after_fork
from ..exceptions import ExecutorError, InvalidRequestError
from ._accounts import FleetTarget
from ._executors import Submit, executor_failure, unpack
from ._results import Failures, FleetCounts, FleetResult


if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FleetRun", "check_map"]


T = TypeVar("T")

HEARTBEAT = 1.0
"""Seconds after which a waiting consumer checks for an interrupt, which doesn't end the
wait on Windows."""

INTERVAL = 5.0
"""Seconds between two lines of progress."""

BUFFERED = 2
"""The limit of calls in progress and results not yet taken, per *max_workers*."""

BUFFERED_IN_ORDER = 4


class Progress:
    """
    Shows the progress of a run on standard error.

    It shows a tqdm bar if tqdm is installed and standard error is a terminal.
    Otherwise, it writes a line of text every few seconds, and one at the end.

    Args:
        total: The number of results at the end of the run.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._stream: Any = sys.stderr  # may be None, for example in a service
        self._bar = _bar(total, self._stream)
        self._done = self._failed = self._written = 0
        self._monotonic = current_runtime().clock.monotonic
        self._written_at = self._monotonic()

    def show(self, done: int, failed: int) -> None:
        """Draw the bar, or write a line if the last one is some seconds old."""
        is_new = done > self._done
        self._done, self._failed = done, failed
        if self._bar is None:
            if self._monotonic() >= self._written_at + INTERVAL:
                self._write_line()
        elif is_new:
            self._bar.set_postfix({"failed": failed} if failed else {}, refresh=False)
            self._bar.update(done - self._bar.n)
        else:
            self._bar.refresh()  # updates the elapsed time

    def close(self) -> None:
        """Leave the cursor on a new line, after the last numbers."""
        if self._bar is not None:
            self._bar.close()
        elif self._written < self._done:
            self._write_line()

    def _write_line(self) -> None:
        self._written, self._written_at = self._done, self._monotonic()
        # A run continues if its progress can't be shown any longer.
        with contextlib.suppress(Exception):
            self._stream.write(
                f"fleet: {self._done} of {self._total} done, {self._failed} failed\n"
            )
            self._stream.flush()


def _bar(total: int, stream: Any) -> Any:
    try:
        if not stream.isatty():
            return None
        from tqdm import tqdm  # noqa: PLC0415 - it comes with an extra
    except (AttributeError, ImportError, ValueError):  # ValueError: it is closed
        return None
    return tqdm(total=total, unit="session", file=stream)


class _Work:
    """The calls in progress and the progress bar, which end when a run ends."""

    def __init__(self) -> None:
        self.pending: dict[Future[Any], tuple[int, FleetTarget]] = {}
        self.done: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()
        self.progress: Progress | None = None
        self.stopped = False
        forget_after_fork(self)

    def stop(self) -> None:  # called once
        self.stopped = True
        for future in tuple(self.pending):
            future.cancel()
        self.close_progress()
        self.done.put(None)  # wakes the consumer

    def close_progress(self) -> None:
        if self.progress is not None:
            self.progress.close()

    def _after_fork(self) -> None:
        # The workers aren't in the child, and the bar is the parent's.
        self.stopped = True
        self.pending.clear()
        self.done = queue.SimpleQueue()
        self.progress = None


def check_map(function: object, max_workers: object, executor: object) -> None:
    """
    Check the arguments of `Fleet.map`.

    Raises:
        InvalidRequestError: If one of them is wrong.
    """
    if not callable(function):
        raise InvalidRequestError(
            f"function is of type {type(function).__name__}.",
            parameter="function",
            hint="Pass a function that takes a session.",
        )
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidRequestError(
            "function is a coroutine function or a generator function.",
            parameter="function",
            hint="Pass a plain function, without async and yield.",
        )
    if type(max_workers) is not int or max_workers < 1:
        raise InvalidRequestError(
            f"max_workers is {max_workers!r}; it has to be an int of at least 1.",
            parameter="max_workers",
        )
    if executor is not None and not isinstance(executor, Executor):
        raise InvalidRequestError(
            f"executor is of type {type(executor).__name__}.",
            parameter="executor",
            hint="Pass a concurrent.futures.Executor, such as Dask's "
            "client.get_executor().",
        )
    if isinstance(executor, ProcessPoolExecutor):
        _check_pickles(function)


def _check_pickles(function: object) -> None:
    try:
        pickle.dumps(function)
    except Exception as e:
        raise InvalidRequestError(
            f"function can't be pickled. {type(e).__name__}: {e}.",
            parameter="function",
            hint="Pass a function of a module that other processes can import.",
        ) from e


class FleetRun(Generic[T]):
    """
    An iterator of the results of :meth:`stsession.Fleet.map`.

    Nothing begins before the first result is requested. Then up to *max_workers* calls
    run concurrently. No further calls begin while too many results haven't been taken.
    The run keeps the failures, but no values.

    Calls that haven't begun are canceled by :meth:`close`, at the end of a ``with``
    block, when the run is garbage-collected, and by Ctrl-C, which doesn't wait for the
    calls in progress. You can continue to iterate then, to get the results that were
    available before.

    Iterate in one thread at a time; :meth:`close` may be called from any thread.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        *,
        targets: Callable[[], Sequence[FleetTarget]],
        submit: Submit,
        max_workers: int,
        ordered: bool = False,
        progress: bool = False,
    ) -> None:
        self._list_targets = targets  # called when the first result is requested
        self._submit = submit
        self._max_workers = max_workers
        self._ordered = ordered
        self._room = max_workers * (BUFFERED_IN_ORDER if ordered else BUFFERED)
        self._shows_progress = progress
        self._targets: Iterator[tuple[int, FleetTarget]] | None = None
        self._total = self._succeeded = 0
        self._next_index = 0  # of the next result, if they come in order
        self._results: dict[int, FleetResult[T]] = {}  # done, and not yet taken
        self._broken: BaseException | None = None
        self._failures = Failures()
        self._work = _Work()
        self._end = weakref.finalize(self, self._work.stop)
        self._end.atexit = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> FleetResult[T]:
        try:
            result = self._next()
        except StopIteration:
            self._end()
            raise
        except BaseException:  # Ctrl-C, for example
            self.close()
            raise
        self._count(result)
        return result

    def _next(self) -> FleetResult[T]:
        while True:
            self._collect()
            self._fill()
            result = self._take()
            if result is not None:
                return result
            if self._work.stopped or not self._work.pending:
                self._finish()
            try:
                self._complete(self._work.done.get(timeout=HEARTBEAT))
            except queue.Empty:
                self._show_progress()

    def _finish(self) -> None:
        broken, self._broken = self._broken, None
        if broken is None or self._work.stopped:
            raise StopIteration
        raise ExecutorError(
            f"The executor stopped after {self._done} of {self._total} results. "
            f"{type(broken).__name__}: {broken}.",
            type_name=type(broken).__name__,
            hint="It may have been shut down, or a worker may have run out of memory "
            "or been killed. Check its log.",
        ) from broken

    def _begin(self) -> Iterator[tuple[int, FleetTarget]]:
        targets = self._list_targets()
        self._total = len(targets)
        if self._shows_progress:
            self._work.progress = Progress(self._total)
            if self._work.stopped:  # by another thread, meanwhile
                self._work.close_progress()
        return iter(enumerate(targets))

    def _fill(self) -> None:
        """Start as many calls as the limits allow."""
        work = self._work
        while not (work.stopped or self._broken) and self._has_room():
            if self._targets is None:
                self._targets = self._begin()
            place = next(self._targets, None)
            if place is None or work.stopped:
                return
            try:
                future = self._submit(place[1])
            except (BrokenExecutor, RuntimeError) as e:  # or it has been shut down
                self._broken = e
                return
            work.pending[future] = place
            if work.stopped:  # by another thread, after the check above
                future.cancel()
            future.add_done_callback(work.done.put)

    def _has_room(self) -> bool:
        running = len(self._work.pending)
        waiting = len(self._results)
        return running < self._max_workers and running + waiting < self._room

    def _collect(self) -> None:
        """Take the results of calls that have ended."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._complete(self._work.done.get_nowait())

    def _complete(self, future: Future[Any] | None) -> None:
        if future is None:
            return
        index, target = self._work.pending.pop(future)
        if future.cancelled():
            if not self._work.stopped:
                self._broken = ExecutorError("A task was canceled.")
            return
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            self._broken = error
        elif error is not None and not isinstance(error, Exception):
            raise error  # Ctrl-C or sys.exit() in a worker
        else:
            outcome = (
                unpack(future.result()) if error is None else executor_failure(error)
            )
            self._results[index] = FleetResult.of(
                target, **attrs.asdict(outcome, recurse=False)
            )

    def _take(self) -> FleetResult[T] | None:
        if not self._results:
            return None
        index = self._next_index
        if not self._ordered:
            index = next(iter(self._results))
        elif index not in self._results:
            if not (self._work.stopped or (self._broken and not self._work.pending)):
                return None
            index = min(self._results)  # the missing results will never arrive
        self._next_index = index + 1
        return self._results.pop(index)

    def _count(self, result: FleetResult[T]) -> None:
        if result.ok:
            self._succeeded += 1
        else:
            self._failures.add(result)
        self._show_progress()

    def _show_progress(self) -> None:
        if self._work.progress is not None:
            self._work.progress.show(self._done, self._failures.count)

    @property
    def _done(self) -> int:
        return self._succeeded + self._failures.count

    @property
    def counts(self) -> FleetCounts:
        """The number of targets and of results so far."""
        return FleetCounts(
            targets=self._total,
            succeeded=self._succeeded,
            failed=self._failures.count,
        )

    @property
    def failures(self) -> tuple[FleetResult[T], ...]:
        """The first 1,000 results that have an error."""
        return tuple(self._failures.kept)

    def summary(self) -> str:
        """Return a plain-text table of the number of results and the failures."""
        counts = self.counts
        first = (
            f"{counts.done} of {counts.targets} done: {counts.succeeded} succeeded, "
            f"{counts.failed} failed"
        )
        return "\n".join([first, *self._failures.table()])

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        counts = self.counts
        return (
            f"<{type(self).__name__}: {counts.done} of {counts.targets} done, "
            f"{counts.failed} failed>"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the calls that haven't begun. Doesn't wait for those in progress."""
        self._end()
