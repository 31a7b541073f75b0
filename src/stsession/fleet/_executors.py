"""
What is done for one target, here or in another process.
"""

from __future__ import annotations

import pickle
import sys
import threading

from collections.abc import Callable
from typing import Any

import attrs

from .._causes import chained
from .._core.flight_part import reporting
from .._core.random_eviction_part import RandomEviction
from .._fork import forget_after_fork
from .._sessions.session import RefreshableAssumeRoleSession
from .._util import per_process
from ..exceptions import ExecutorError
from ._accounts import FleetTarget
from ._results import code_of
from .fleet_sessions_part import FleetSessions
from .tracebacks_part import traceback_of


__all__ = ["Outcome", "RemoteTask", "attempt", "carried", "opened"]


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
