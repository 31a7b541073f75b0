"""A run over a fleet, with an STS that throttles, denies and fails, in virtual time."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import gc
import random
import threading

from typing import Any
from urllib.parse import parse_qs

import attrs
import boto3

import stsession

from stsession.testing import Fault, StubSTS, use_runtime

from .virtual_time import VirtualTime
from .wire import no_thread


REGION = "eu-west-1"


class BusySTS:
    """
    An STS that lets so many requests a second through, and fails every so often.

    Args:
        time: What time it is.

        limit: Requests that it takes within any second.

        delay: Seconds that an answer takes.

        failing: The share of the answers, of those let through, that are a 500.

        denied: Roles that it denies.

        lifetime: Seconds for which credentials are valid.
    """

    def __init__(
        self,
        time: VirtualTime,
        *,
        limit: int = 20,
        delay: float = 0.1,
        failing: float = 0.1,
        denied: frozenset[str] = frozenset(),
        lifetime: float = 3600.0,
    ) -> None:
        self._time, self._limit, self._delay = time, limit, delay
        self._failing, self._denied = failing, denied
        span = dt.timedelta(seconds=lifetime)
        self._stub = StubSTS(clock=time.clock, lifetime=span)
        self._lock = threading.Lock()
        self._taken: collections.deque[float] = collections.deque()
        self._random: dict[str, random.Random] = {}
        self.counts: collections.Counter[str] = collections.Counter()
        self.under_way = self.most_under_way = 0

    def __call__(self, request: Any, **kwargs: Any) -> Any:
        """Answer a request; a handler of ``before-send.sts.AssumeRole``."""
        [role_arn] = parse_qs(request.body)["RoleArn"]
        with self._lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            fault = self._fault(role_arn)
            self.counts["sent"] += 1
            self.counts[fault.code if fault else "granted"] += 1
        try:
            self._time.sleep(self._delay)
        finally:
            with self._lock:
                self.under_way -= 1
        stub = self._stub
        if fault is not None:
            stub = StubSTS(clock=self._time.clock)
            stub.goes_down(fault)
        return stub(request)

    def _fault(self, role_arn: str) -> Fault | None:
        now = self._time.clock.monotonic()
        while self._taken and self._taken[0] <= now - 1:
            self._taken.popleft()
        if len(self._taken) >= self._limit:
            return Fault.throttled()
        self._taken.append(now)
        # By role, so that it doesn't depend on the order.
        generator = self._random.setdefault(role_arn, random.Random(role_arn))
        if generator.random() < self._failing:
            return Fault.status(500)
        return Fault.access_denied() if role_arn in self._denied else None


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of it."""

    passes: tuple[tuple[int, dict[str, int]], ...]
    """For each: how many have a value, and the classes of the errors."""

    seconds: float
    """How long it took, in virtual time."""

    counts: dict[str, int]
    """The requests to STS, and its responses, by code."""

    most_under_way: int
    """Requests to STS at once."""

    most_calls: int
    """Calls of the function at once."""

    objects: tuple[int, ...]
    """Objects of ours after each pass."""


def simulate(
    *,
    accounts: int = 300,
    denied: int = 3,
    lifetime: float = 120.0,
    passes: int = 6,
    interval: float = 60.0,
    max_workers: int = 16,
    **sts: Any,
) -> Outcome:
    """
    Use a fleet again and again, for some lifetimes of its credentials.

    Args:
        accounts: How many there are.

        denied: The number of accounts whose role is denied.

        lifetime: Seconds for which credentials are valid.

        passes: How often the fleet is gone through.

        interval:
            Seconds from the beginning of one to that of the next. With half a
            lifetime, each generation is used twice, and not in its advisory window but
            for its end: each request is then necessary.

        max_workers: Calls at once.

        **sts: See `BusySTS`.
    """
    time = VirtualTime()
    ids = [f"{number:012}" for number in range(1, accounts + 1)]
    shut = frozenset(
        f"arn:aws:iam::{i}:role/Audit" for i in ids[:: -(-accounts // denied)]
    )
    server = BusySTS(time, denied=shut, lifetime=lifetime, **sts)
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "not-a-secret", region_name=REGION)
    source.events.register("before-send.sts.AssumeRole", server)
    gauge = Gauge()

    def use(session: Any) -> str:
        with time.working(), gauge.counted():
            key: str = session.credentials().access_key_id
            time.sleep(0.05)
            return key

    counted, objects = [], []
    with (
        use_runtime(clock=time.clock, wait=time.wait, submit=time.run, spawn=no_thread),
        stsession.Fleet(ids, role_name="Audit", source=source) as fleet,
    ):
        for number in range(passes):
            errors: collections.Counter[str] = collections.Counter()
            values = 0
            for result in fleet.map(use, max_workers=max_workers):
                values += result.ok
                if result.error is not None:
                    errors[type(result.error).__name__] += 1
            counted.append((values, dict(errors)))
            objects.append(our_objects())
            left = (number + 1) * interval - time.clock.monotonic()
            if left > 0 and number + 1 < passes:
                with time.working():
                    time.sleep(left)
    return Outcome(
        passes=tuple(counted),
        seconds=time.clock.monotonic(),
        counts=dict(server.counts),
        most_under_way=server.most_under_way,
        most_calls=gauge.most,
        objects=tuple(objects),
    )


class Gauge:
    """How many there are at once, and were at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    @contextlib.contextmanager
    def counted(self):
        """One more, for a while."""
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            yield
        finally:
            with self._lock:
                self.now -= 1


def our_objects() -> int:
    """How many objects of our own classes there are, except those of tests."""
    gc.collect()
    # Of odd classes it isn't a text.
    modules = (str(type(thing).__module__) for thing in gc.get_objects())
    return sum(m.startswith("stsession.") and ".testing" not in m for m in modules)
