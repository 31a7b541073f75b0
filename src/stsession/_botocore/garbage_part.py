"""
The cyclic garbage collector, paused where it would look a lot and find nothing.
"""

from __future__ import annotations

import gc

from collections.abc import Callable
from typing import TypeVar

from .._fork import forget_after_fork


__all__ = ["without_collection"]


T = TypeVar("T")


class _GarbageCollector:
    """
    The interpreter's collector, switched off while one of the calls is running.

    Importing the SDK, parsing a model and making a client create tens of thousands
    of objects each, all of which stay. The collector would traverse them repeatedly.
    """

    def __init__(self) -> None:
        self._calls: set[object] = set()
        self._switched_off = False  # by us, so that it has to be switched on again
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # The threads of the calls don't exist here.
        self._calls = set()
        if self._switched_off:
            gc.enable()
            self._switched_off = False

    def paused(self, work: Callable[[], T]) -> T:
        """
        Return what *work* returns; the last call to end switches collection on.

        No lock is needed: if two calls overlap unluckily, one of them runs with the
        collector on. If it was off before, it stays off.
        """
        me = object()
        try:
            self._calls.add(me)
            if gc.isenabled():
                self._switched_off = True
                gc.disable()
            return work()
        finally:
            # An exception may be delivered after each of these calls.
            try:
                self._calls.discard(me)
            finally:
                if self._switched_off and not self._calls:
                    self._switched_off = False  # first: a call may begin meanwhile
                    gc.enable()


without_collection = _GarbageCollector().paused
