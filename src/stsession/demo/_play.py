"""
What happens: two threads that call S3, and a director who stops STS.
"""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import threading

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import boto3

from ..testing import Fault, LocalSTS
from ._contenders import Contender
from ._lapse import FastClock
from ._stage import BUCKET


__all__ = ["Director", "Outage", "Worker"]

PAUSE = 0.1
"""Seconds between two API calls of one worker."""


@attrs.define(kw_only=True, eq=False)
class Worker:
    """
    Calls S3 again and again by one client, and takes the time of each call.

    What other threads read of it is a single value each.

    Args:
        name: Whose session it is.

        session: Where the client comes from.

        elapsed: A clock.

        tell: Is told when calls begin to fail, and when they work again.
    """

    name: str
    session: boto3.Session
    elapsed: Callable[[], float]
    tell: Callable[[str], None]
    calls: int = 0
    failures: int = 0
    slowest: float = 0.0
    errors: collections.Counter[str] = attrs.field(factory=collections.Counter)
    _fails: bool = False
    _stop: threading.Event = attrs.field(factory=threading.Event)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """
        Work on a thread of its own until the block ends.
        """
        client = self.session.client("s3")  # once
        thread = threading.Thread(target=self._work, args=[client], daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            client.close()

    def _work(self, client: Any) -> None:
        while not self._stop.wait(PAUSE):
            began = self.elapsed()
            try:
                client.list_objects_v2(Bucket=BUCKET)
            except Exception as e:  # noqa: BLE001 - that's what is counted
                self._note_failure(f"{type(e).__name__}: {e}")
            else:
                self._note_success()
            self.calls += 1
            self.slowest = max(self.slowest, self.elapsed() - began)

    def _note_failure(self, text: str) -> None:
        self.failures += 1
        self.errors[text] += 1
        if not self._fails:
            self.tell(f"{self.name}: API calls fail: {text}")
        self._fails = True

    def _note_success(self) -> None:
        if self._fails:
            self.tell(f"{self.name}: API calls work again")
        self._fails = False


@attrs.frozen(kw_only=True)
class Outage:
    """
    A time without STS, in seconds since the start.
    """

    begins: float
    ends: float


@attrs.define(kw_only=True, eq=False)
class Director:
    """
    Stops STS just before a refresh is due, once for each contender.

    An outage between two refreshes harms nobody, so it takes some timing to
    see anything. If both are due at about the same time, it's one outage.

    Args:
        local: The server.

        clock: What the server and the contenders live by.

        contenders: Who is to be hit.

        lasts: How long an outage lasts, by *clock*.
    """

    local: LocalSTS
    clock: FastClock
    contenders: tuple[Contender, ...]
    lasts: dt.timedelta
    outages: list[Outage] = attrs.field(factory=list)
    _unhit: set[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._unhit = {contender.name for contender in self.contenders}

    @property
    def sts_is_up(self) -> bool:
        """
        Whether there is no outage now.
        """
        return not self.outages or self.clock.elapsed() >= self.outages[-1].ends

    def look(self) -> bool:
        """
        Begin an outage if it is time; tell whether it was.
        """
        last = self.outages[-1].ends if self.outages else -self._lasts
        if self.clock.elapsed() < last + self._lasts:
            return False  # a bad moment for one may be a second outage for the other
        due = {
            contender.name: contender.due_at() - self.clock.now()
            for contender in self.contenders
            if contender.name in self._unhit
        }
        if not due or min(due.values()) > self.lasts / 10:
            return False
        self._unhit -= {name for name, span in due.items() if span < self.lasts / 2}
        self._begin()
        return True

    @property
    def _lasts(self) -> float:
        return self.lasts.total_seconds() / self.clock.factor

    def _begin(self) -> None:
        begins = self.clock.elapsed()
        self.local.faults.add(Fault.status(503), for_=self.lasts)
        self.outages.append(Outage(begins=begins, ends=begins + self._lasts))
