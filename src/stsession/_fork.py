"""
What a process has to forget when it finds itself forked.
"""

from __future__ import annotations

import os
import weakref

from typing import Protocol


__all__ = ["forget_after_fork"]


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
    errors = []
    for thing in list(_forgetful):
        try:
            thing._after_fork()  # noqa: SLF001 - it's what they register for
        except Exception as e:  # noqa: BLE001, PERF203 - the locks of others matter more
            errors.append(e)
    if errors:
        raise errors[0]


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
