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
        self._pauses = 0
        self._was_on = False
        self._lock = threading.Lock()  # guards the two above
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Those who have paused it aren't here to switch it on again.
        self._lock = threading.Lock()
        if self._pauses and self._was_on:
            gc.enable()
        self._pauses = 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """
        Switch it off for the whole process; the last one out switches it on.

        Whoever has switched it off before finds it so.
        """
        counted = False
        try:
            with self._lock:
                if not self._pauses:
                    self._was_on = gc.isenabled()
                self._pauses, counted = self._pauses + 1, True
                gc.disable()
            yield
        finally:
            with self._lock:
                self._pauses -= counted
                if not self._pauses and self._was_on:
                    gc.enable()


collection_paused = _GarbageCollector().paused
