"""
Errors without frames: a frame keeps its local variables, and those may be secret.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import datetime as dt
import enum
import functools
import sys

from collections.abc import Callable
from pickle import PicklingError
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from .._causes import chained
from ..exceptions import RefreshError, StsessionError


__all__ = ["bare", "copied", "hides_arguments", "remembered", "without_frames"]


OURS = "stsession"
SDK = frozenset({"boto3", "botocore", "s3transfer", "urllib3"})
"""Packages whose frames hold requests, answers, and credentials."""

LIBRARY = frozenset(sys.stdlib_module_names) - {"__main__"}
"""Modules that are called with them: ``json`` with a policy, say."""

HIDDEN = {OURS, *SDK, *LIBRARY}

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
T = TypeVar("T")

GROUPS = getattr(builtins, "BaseExceptionGroup", ())
"""They hold errors where they can't be taken out; before Python 3.11 there are none."""

PLAIN = (str, bytes, int, float, dt.date, dt.timedelta, enum.Enum, type(None))


def copied(error: RefreshError) -> RefreshError:
    """
    A copy without a traceback and causes.

    Sources may raise errors of ours with classes of their own; neither their
    initializers nor what they do when they are copied or pickled is relied on.
    """
    return _like(error)


def _like(error: E) -> E:
    cls = type(error)
    mine = cls.__new__(cls, *error.args)
    mine.args = error.args  # if it's an OSError, too, it waits for its initializer
    vars(mine).update(vars(error))
    return mine


def remembered(error: RefreshError) -> RefreshError:
    """
    A copy for as long as the session lives, with a copy of its cause.

    A traceback holds the frames of all who called, and whatever these have at
    hand: requests with their tokens, and the user's own data.
    """
    mine = copied(error)
    if error.__cause__ is not None:
        mine.__cause__ = bare(error.__cause__)
    return mine


def without_frames(error: E) -> E:
    """
    Remove the frames of this library and of the SDK from *error*, and return it.

    Raise it where the local variables hold no secret: the frames from there on
    are added again. Frames of the user's own functions stay, up to their first
    call of the SDK; so do those of exceptions that it is chained to.
    """
    if isinstance(error, StsessionError):
        error.__context__ = error.__cause__
    for link in chained(error):
        link.__traceback__ = _users(link.__traceback__)
    return error


def _users(traceback: TracebackType | None) -> TracebackType | None:
    """
    The part of a traceback that belongs to a function of the user.
    """
    while traceback is not None and _package(traceback) == OURS:
        traceback = traceback.tb_next
    frames = []
    while traceback is not None and _package(traceback) not in HIDDEN:
        frames.append(traceback)
        traceback = traceback.tb_next
    kept = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def _package(traceback: TracebackType) -> str:
    name = traceback.tb_frame.f_globals.get("__name__")
    return str(name).partition(".")[0]


def hides_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """
    Make a function raise its errors without the frames that hold its arguments.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (StsessionError, TypeError, PicklingError) as e:
            error = e
        del args, kwargs
        raise without_frames(error)

    return call


def bare(cause: BaseException) -> BaseException:
    """
    A copy of *cause* without frames and causes, or an error with its text.
    """
    with contextlib.suppress(Exception):  # whatever its class does
        mine = copy.copy(cause)
        if type(mine) is not type(cause):  # as for an error of a service's model
            mine = _like(cause)
        same = type(mine) is type(cause) and mine is not cause
        if same and not isinstance(mine, GROUPS):
            mine.args = _plain(mine.args)
            vars(mine).update(_plain(vars(mine)))
            return mine
    name = type(cause).__name__
    with contextlib.suppress(Exception):
        return StsessionError(f"{name}: {cause}")
    return StsessionError(name)


def _plain(value: Any) -> Any:
    """
    The same without objects that may hold anything, such as another error.
    """
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    if isinstance(value, PLAIN):
        return value
    text = str(value) if isinstance(value, BaseException) else ""
    return text or type(value).__name__
