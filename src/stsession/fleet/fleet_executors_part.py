"""
Where the calls of a run are made: threads, ours or others', and processes.
"""

from __future__ import annotations

import pickle
import uuid

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from .._sessions.session import RefreshableAssumeRoleSession
from ..exceptions import InvalidRequestError
from ._accounts import FleetTarget
from ._executors import RemoteTask, attempt
from .daemon_threads_part import DaemonThreads
from .fleet_plan_part import Opened
from .fleet_sessions_part import FleetSessions


__all__ = ["opening"]


Function = Callable[[RefreshableAssumeRoleSession], Any]
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
