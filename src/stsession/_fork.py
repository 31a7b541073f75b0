"""
State that lives for the whole process: what a fork and a test start anew.
"""

from __future__ import annotations

import os
import weakref

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar


__all__ = ["forget_after_fork", "fresh_process_state", "per_process"]

T = TypeVar("T")


class _Forgetful(Protocol):
    def _after_fork(self) -> None: ...


_forgetful: weakref.WeakSet[_Forgetful] = weakref.WeakSet()


def forget_after_fork(thing: _Forgetful) -> None:
    """
    Have ``thing._after_fork()`` called in each forked child.

    Locks of other threads stay locked in the child, and their flights never
    land there; so holders of either start afresh.
    """
    _forgetful.add(thing)


def _after_fork() -> None:
    for thing in list(_forgetful):
        thing._after_fork()  # noqa: SLF001 - it's what they register for


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


_per_process: list[Any] = []


def per_process(thing: T) -> T:
    """
    Declare that *thing* holds state of the process; returns it.

    Its initializer takes no arguments. If it has an ``_after_fork`` method, it
    passes itself to `forget_after_fork`.
    """
    _per_process.append(thing)
    return thing


@contextmanager
def fresh_process_state() -> Iterator[None]:
    """
    Initialize all state of the process anew, and restore it afterwards.

    The objects stay the same: others refer to them.
    """
    former = [(thing, dict(vars(thing))) for thing in _per_process]
    for thing, _ in former:
        _initialize(thing)
    try:
        yield
    finally:
        for thing in _per_process[len(former) :]:  # imported meanwhile
            _initialize(thing)
        for thing, state in former:
            vars(thing).clear()
            vars(thing).update(state)


def _initialize(thing: Any) -> None:
    vars(thing).clear()
    thing.__init__()
