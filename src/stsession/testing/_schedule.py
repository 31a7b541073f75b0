"""
When a service fails.
"""

from __future__ import annotations

import datetime as dt
import threading

from typing import Literal

import attrs

from .._core.runtime import Clock
from ._answers import Service
from ._faults import Fault


__all__ = ["FaultSchedule"]


@attrs.define(kw_only=True)
class _Entry:
    fault: Fault
    operation: str | None
    service: Service | None
    begins: float
    ends: float
    left: float  # how often it still strikes

    def strikes(self, operation: str, service: Service, now: float) -> bool:
        if not (self.begins <= now < self.ends and self.left > 0):
            return False
        if self.operation is not None:
            return self.operation == operation
        return self.service in (None, service)


class FaultSchedule:
    """
    Which faults strike, and when. May be changed from any thread, any time.

    If several are due the one that was added first strikes.

    .. versionadded:: 0.1.0
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # guards the entries and their counters
        self._entries: list[_Entry] = []

    def add(
        self,
        fault: Fault,
        *,
        operation: str | None = None,
        service: Literal["iam", "s3", "sts"] | None = "sts",
        times: int | None = None,
        after: dt.timedelta = dt.timedelta(0),
        for_: dt.timedelta | None = None,
    ) -> None:
        """
        Let *fault* strike.

        Args:
            fault: How to fail.

            operation:
                Which one, e.g. ``"AssumeRole"`` or ``"PutObject"``; `None`
                means each of *service*.

            service: ``"sts"``, ``"iam"``, ``"s3"``, or `None` for all.

            times: How often. `None` means until it is cleared or over.

            after: How long from now it begins.

            for_: How long it lasts from then. `None` means until cleared.
        """
        begins = self._clock.monotonic() + after.total_seconds()
        entry = _Entry(
            fault=fault,
            operation=operation,
            service=service,
            begins=begins,
            ends=float("inf") if for_ is None else begins + for_.total_seconds(),
            left=float("inf") if times is None else times,
        )
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """
        Drop all faults, also those to come.
        """
        with self._lock:
            self._entries.clear()

    def take(self, operation: str, *, service: Service) -> Fault | None:
        """
        The fault that strikes *operation* now, counted as one of its times.
        """
        now = self._clock.monotonic()
        with self._lock:
            for entry in self._entries:
                if entry.strikes(operation, service, now):
                    entry.left -= 1
                    return entry.fault
        return None
