"""
Errors to keep: without the frames that a traceback holds on to.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import datetime as dt
import enum

from typing import Any

from .exceptions import RefreshError, StsessionError


__all__ = ["copied", "remembered"]

GROUPS = getattr(builtins, "BaseExceptionGroup", ())
"""They hold errors where they can't be taken out; before Python 3.11 there are none."""

PLAIN = (str, bytes, int, float, dt.date, dt.timedelta, enum.Enum, type(None))


def copied(error: RefreshError) -> RefreshError:
    """
    A copy without a traceback and causes.

    Sources may raise errors of ours with classes of their own; neither their
    initializers nor what they do when they are copied or pickled is relied on.
    """
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
        mine.__cause__ = _bare(error.__cause__)
    return mine


def _bare(cause: BaseException) -> BaseException:
    """
    One like *cause*, or else one that tells of it.
    """
    with contextlib.suppress(Exception):  # whatever its class does
        bare = copy.copy(cause)
        mine = type(bare) is type(cause) and bare is not cause
        if mine and not isinstance(bare, GROUPS):
            bare.args = _plain(bare.args)
            vars(bare).update(_plain(vars(bare)))
            return bare
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
