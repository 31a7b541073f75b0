"""
Runs the calls of a fleet: in threads of this process, or by an executor of the user.
"""

from __future__ import annotations

import math
import pickle
import sys
import threading
import uuid

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import attrs

from .._core.context import reporting
from .._core.runtime import DaemonPool, current_runtime
from .._locks import interruptible
from .._sessions.session import RefreshableAssumeRoleSession
from .._util import RandomEviction, chained, forget_after_fork, per_process
from ..exceptions import ExecutorError, InvalidRequestError
from ._accounts import FleetTarget
from ._results import code_of, traceback_of
from ._sessions import FleetSessions


__all__ = [
    "Outcome",
    "RemoteTask",
    "Submit",
    "call",
    "daemon_threads",
    "executor_failure",
    "portable_error",
    "submitter",
    "unpack",
]


Function = Callable[[RefreshableAssumeRoleSession], Any]
Submit = Callable[[FleetTarget], "Future[Any]"]

IDLE_SECONDS = 0.1
"""Seconds that a thread waits for the next call. Starting a thread for each call would
take as long as making some clients."""

FLEETS = 8
"""The number of fleets for which a worker process keeps the sessions."""


@attrs.frozen(kw_only=True)
class Outcome:
    """The value that a function returned, or the error that it raised."""

    value: Any = None
    error: Exception | None = None
    traceback: str | None = None

    @classmethod
    def of_error(cls, error: Exception) -> Outcome:
        """
        Keep the traceback as text, and remove the frames from the error.

        Frames keep all local variables of the function in memory, and there may be a
        thousand failures.
        """
        frames = error.__traceback__
        if frames is not None and frames.tb_next is not None:
            frames = frames.tb_next  # the first is that of `call`
        text = traceback_of(error, frames)
        for link in chained(error):
            link.__traceback__ = None
        return cls(error=error, traceback=text)


def call(function: Function, sessions: FleetSessions, target: FleetTarget) -> Outcome:
    """Call *function* with the session of *target*."""
    try:
        session = sessions.session(target)
        queues = [it.events for it in session._refreshers]  # noqa: SLF001 - ours
        return Outcome(value=reporting(queues).run(function, session))
    except Exception as e:  # noqa: BLE001 - it's the target's result
        return Outcome.of_error(e)


@attrs.frozen(kw_only=True)
class RemoteTask:
    """One call of a function in another process; pickles without secrets."""

    function: Function
    recipe: bytes = attrs.field(repr=False)
    """The pickled `FleetSessions` that makes the session."""

    target: FleetTarget
    number: str = attrs.field(factory=lambda: uuid.uuid4().hex)
    """A unique string. Some executors return an earlier result for a task that is equal
    to an earlier one."""

    def __call__(self) -> bytes:
        """Call the function and return the pickled outcome."""
        sessions = _fleets().of(self.recipe)
        return _packed(call(self.function, sessions, self.target))


class _Fleets:
    """The sessions of the last few fleets that sent tasks to this process."""

    def __init__(self) -> None:
        self._fleets: RandomEviction[bytes, FleetSessions] = RandomEviction(
            FLEETS, random=lambda: current_runtime().random()
        )
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def of(self, recipe: bytes) -> FleetSessions:
        with self._lock:
            sessions = self._fleets.get(recipe)
            if sessions is None:
                sessions = pickle.loads(recipe)  # noqa: S301 - ours
                self._fleets[recipe] = sessions
            return sessions


_fleets = per_process(_Fleets)


def _packed(outcome: Outcome) -> bytes:
    """Pickle an outcome, or else an error with the reason why it can't be pickled."""
    if outcome.error is not None:
        return pickled(attrs.evolve(outcome, error=portable_error(outcome.error)))
    try:
        return pickled(outcome)
    except Exception as e:  # noqa: BLE001 - pickling may raise anything
        name = type(outcome.value).__name__
        error = ExecutorError(
            f"The function returned a value of type {name}, which can't be pickled.",
            type_name=type(e).__name__,
            hint="Return plain data, such as strings, numbers, lists and dicts.",
        )
        return pickled(Outcome(error=error))


def pickled(thing: Any) -> bytes:
    """
    Pickle *thing*; by value if it has no importable name and cloudpickle is loaded.

    Executors such as Dask's load cloudpickle.
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
    """Return *error* if it can be pickled, or else an `ExecutorError` with its text."""
    try:
        copy = pickle.loads(pickled(error))  # noqa: S301 - just pickled
    except Exception:  # noqa: BLE001 - whatever its class does
        copy = None
    if type(copy) is type(error) and str(copy) == str(error):
        return error
    name = type(error).__name__
    return ExecutorError(f"{name}: {error}", type_name=name, code=code_of(error))


def unpack(result: Outcome | bytes) -> Outcome:
    """Return the outcome that a call returned, here or in another process."""
    if isinstance(result, Outcome):
        return result
    try:
        outcome: Outcome = pickle.loads(result)  # noqa: S301 - what our own task made
    except Exception as e:  # noqa: BLE001 - a class that doesn't exist here, for example
        return executor_failure(e)
    return outcome


def executor_failure(error: Exception) -> Outcome:
    """Return the outcome of a call that the executor couldn't run, or that got lost."""
    name = type(error).__name__
    failure = ExecutorError(
        f"The executor couldn't transfer a task or its result. {name}: {error}.",
        type_name=name,
        hint="Pass a function of a module that the workers can import, and return "
        "plain data.",
    )
    failure.__cause__ = error
    return Outcome.of_error(failure)


def submitter(
    function: Function,
    executor: Executor | None,
    *,
    max_workers: int,
    sessions: FleetSessions,
) -> Submit:
    """
    Return a function that starts the call of *function* for a target.

    If *executor* is `None`, the calls run in *max_workers* daemon threads.

    Raises:
        InvalidRequestError: If *sessions* can't be pickled and has to be.
    """
    if executor is None or shares_objects(executor):
        submit = daemon_threads(max_workers) if executor is None else executor.submit
        return lambda target: submit(call, function, sessions, target)
    try:
        recipe = pickle.dumps(sessions)
    except Exception as e:
        raise InvalidRequestError(
            f"The fleet can't be sent to other processes. {e}", parameter="executor"
        ) from e
    return lambda target: executor.submit(
        RemoteTask(function=function, recipe=recipe, target=target)
    )


def shares_objects(executor: Executor) -> bool:
    """Return whether the workers are threads of this interpreter."""
    # A subclass, whose threads have interpreters of their own.
    isolated = type(executor).__name__ == "InterpreterPoolExecutor"
    return isinstance(executor, ThreadPoolExecutor) and not isolated


def daemon_threads(max_workers: int) -> Callable[..., Future[Any]]:
    """
    Return a function like `Executor.submit` for daemon threads.

    The interpreter waits for the threads of
    :class:`~concurrent.futures.ThreadPoolExecutor` at exit, so Ctrl-C wouldn't end the
    program immediately.
    """
    pool = DaemonPool(
        max_threads=max_workers,
        max_waiting=math.inf,
        hangs_after=math.inf,
        idle_seconds=IDLE_SECONDS,
        name="stsession-fleet",
    )

    def submit(function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        run = partial(_run, future, partial(function, *args))
        if not pool.submit(partial(interruptible, run)):
            raise RuntimeError("can't start new thread")
        return future

    return submit


def _run(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        value = work()
    except BaseException as e:  # noqa: BLE001 - raised where the future is read
        future.set_exception(e)
    else:
        future.set_result(value)
