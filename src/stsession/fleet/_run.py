"""
Runs a function for each target, and yields the results.
"""

from __future__ import annotations

import contextlib
import queue
import weakref

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from .._util import Closing, forget_after_fork
from ..exceptions import ExecutorError
from ._accounts import FleetTarget
from ._executors import Plan, Progress, Silence, carried, opened
from ._results import Failures, FleetCounts, FleetResult


if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FleetRun"]


T = TypeVar("T")

HEARTBEAT = 1.0
"""Seconds after which a waiting consumer looks whether it was interrupted; Windows
doesn't wake it."""


class _Work:
    """
    All that has to end when the run does.
    """

    def __init__(self) -> None:
        self.pending: dict[Future[Any], tuple[int, FleetTarget]] = {}
        self.done: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()
        self.close: Callable[[], None] = lambda: None
        self.progress: Progress = Silence()
        self.stopped = False
        forget_after_fork(self)

    def stop(self) -> None:
        """
        End it; called once.
        """
        self.stopped = True
        self.clear()
        self.done.put(None)  # whoever waits has to look

    def clear(self) -> None:
        """
        Do away with what has begun.
        """
        for future in tuple(self.pending):
            future.cancel()
        self.close()
        self.progress.close()

    def _after_fork(self) -> None:
        # Who works on it isn't here, and the bar is the parent's.
        self.stopped = True
        self.pending.clear()
        self.done = queue.SimpleQueue()
        self.close, self.progress = lambda: None, Silence()


class FleetRun(Closing, Generic[T]):
    """
    The results of a function over a fleet, as they come: an iterator.

    :meth:`stsession.Fleet.map` makes one. Nothing begins before the first result is
    asked for. Then up to *max_workers* calls run at once, and no more begin while too
    many results wait to be taken. It keeps the failures, but no values.

    When it isn't iterated to its end, whatever hasn't begun never does: after
    :meth:`close`, on leaving a ``with`` block, when nobody holds it any longer, and
    after Ctrl-C, which isn't kept waiting by what runs. Whoever goes on iterating
    then still gets what had been done until then.

    It is for one thread at a time; :meth:`close` may be called from any.

    .. versionadded:: 0.1.0
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._targets: Iterator[tuple[int, FleetTarget]] | None = None
        self._submit: Callable[[FleetTarget], Future[Any]] | None = None
        self._total = self._succeeded = 0
        self._turn = 0  # the index of the next result, if they come in order
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
        except BaseException:  # Ctrl-C, for one
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
                self._land(self._work.done.get(timeout=HEARTBEAT))
            except queue.Empty:
                self._work.progress.wait()

    def _finish(self) -> None:
        broken, self._broken = self._broken, None
        if broken is None or self._work.stopped:
            raise StopIteration
        raise ExecutorError(
            f"The executor gave up when {self._done} of {self._total} results were "
            f"there: {type(broken).__name__}: {broken}.",
            type_name=type(broken).__name__,
            hint="It may have been shut down, or a worker may have run out of memory "
            "or been killed; look at its log.",
        ) from broken

    def _begin(self) -> Iterator[tuple[int, FleetTarget]]:
        targets = self._plan.targets()
        self._total = len(targets)
        self._work.progress = self._plan.progress(self._total)
        self._submit, self._work.close = self._plan.open()
        if self._work.stopped:  # by another thread, meanwhile
            self._work.clear()
        return iter(enumerate(targets))

    def _fill(self) -> None:
        """
        Begin what may begin.
        """
        work = self._work
        while not (work.stopped or self._broken) and self._has_room():
            if self._targets is None:
                self._targets = self._begin()
            place = next(self._targets, None)
            if place is None or self._submit is None or work.stopped:
                return
            try:
                future = self._submit(place[1])
            except (BrokenExecutor, RuntimeError) as e:  # or it has been shut down
                self._broken = e
                return
            work.pending[future] = place
            future.add_done_callback(work.done.put)

    def _has_room(self) -> bool:
        running = len(self._work.pending)
        waiting = len(self._results)
        return running < self._plan.max_workers and running + waiting < self._plan.room

    def _collect(self) -> None:
        """
        Look at what has been done meanwhile.
        """
        with contextlib.suppress(queue.Empty):
            while True:
                self._land(self._work.done.get_nowait())

    def _land(self, future: Future[Any] | None) -> None:
        if future is None:
            return
        index, target = self._work.pending.pop(future)
        if future.cancelled():
            if not self._work.stopped:
                self._broken = ExecutorError("Somebody cancelled a task.")
            return
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            self._broken = error
        elif error is not None and not isinstance(error, Exception):
            raise error  # Ctrl-C or sys.exit() in a worker
        else:
            outcome = carried(error) if error is not None else opened(future.result())
            self._results[index] = FleetResult.of(
                target, **attrs.asdict(outcome, recurse=False)
            )

    def _take(self) -> FleetResult[T] | None:
        if not self._results:
            return None
        index = self._turn
        if not self._plan.ordered:
            index = next(iter(self._results))
        elif index not in self._results:
            if not (self._work.stopped or (self._broken and not self._work.pending)):
                return None
            index = min(self._results)  # what is missing won't come any more
        self._turn = index + 1
        return self._results.pop(index)

    def _count(self, result: FleetResult[T]) -> None:
        if result.ok:
            self._succeeded += 1
        else:
            self._failures.add(result)
        self._work.progress.advance(ok=result.ok)

    @property
    def _done(self) -> int:
        return self._succeeded + self._failures.count

    @property
    def counts(self) -> FleetCounts:
        """
        How far it is.
        """
        return FleetCounts(
            targets=self._total,
            succeeded=self._succeeded,
            failed=self._failures.count,
        )

    @property
    def failures(self) -> tuple[FleetResult[T], ...]:
        """
        The results without a value; the first 1,000 of them.
        """
        return tuple(self._failures.kept)

    def summary(self) -> str:
        """
        Tell how many there were, and which failed why: a table in plain text.
        """
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

    def close(self) -> None:
        """
        Leave the rest undone. Doesn't wait for what has begun.
        """
        self._end()
