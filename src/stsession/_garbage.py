"""
The cyclic garbage collector, paused where it would look a lot and find nothing.
"""

from __future__ import annotations

import gc
import threading

from collections.abc import Iterator
from contextlib import contextmanager

from ._fork import forget_after_fork


__all__ = ["collection_paused"]


class _GarbageCollector:
    """
    The interpreter's, switched off for as long as anybody wants it to be.

    Importing the SDK, parsing a model and making a client take ten thousands of
    new objects each, all of which stay. It would look at them again and again.
    """

    def __init__(self) -> None:
        self._inside: set[object] = set()
        self._off = False  # by us, so that it has to be switched on again
        # Guards the two above. A signal's handler or a finalizer, which may come
        # at any time, makes clients, too.
        self._lock = threading.RLock()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Those who have paused it aren't here to switch it on again; who is, because
        # it has forked meanwhile, needn't.
        self._lock = threading.RLock()
        self._inside = set()
        self._switch_on()

    def _switch_on(self) -> None:
        if self._off:
            gc.enable()
            self._off = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """
        Switch it off for the whole process; the last one out switches it on.

        Whoever has switched it off before finds it so.
        """
        me = object()
        try:
            with self._lock:
                self._inside.add(me)
                if gc.isenabled():
                    self._off = True
                    gc.disable()
            yield
        finally:
            with self._lock:
                self._inside.discard(me)
                if not self._inside:
                    self._switch_on()


collection_paused = _GarbageCollector().paused
