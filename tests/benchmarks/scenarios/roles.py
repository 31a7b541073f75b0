"""Many roles at once."""

from __future__ import annotations

import gc
import threading
import time

from typing import Any

from ..server import BUCKET, role_arn, running
from .tools import Make, Size, descriptors, resident


CLIENTS = ("sts", "s3", "ec2", "dynamodb")
COUNTS = (1, 10, 100, 500)


def roles(make: Make, size: Size) -> dict[str, float]:
    """
    Sessions with four clients for more and more roles, and then their first use.

    Nothing uses credentials before all clients exist; a contender that
    fetches them all the same does so.
    """
    last = size.roles_of(make.NAME)
    measured: dict[str, float] = {}
    with running() as server:
        contender = make(numbers=range(last))
        gc.collect()
        before, kept = resident(), []
        began, used = time.perf_counter(), time.process_time()
        for number in range(last):
            session: Any = contender.session(number)
            kept.append((session, [session.client(name) for name in CLIENTS]))
            if (count := number + 1) in (*COUNTS, last):
                measured[f"time_{count}"] = time.perf_counter() - began
                measured[f"cpu_{count}"] = time.process_time() - used
                measured[f"memory_{count}"] = float(resident() - before)
        for what in ("time", "cpu", "memory"):
            more = measured[f"{what}_{last}"] - measured[f"{what}_1"]
            measured[f"{what}_more"] = more / (last - 1)
        measured["requests"] = float(server.requests())
        if not measured["requests"]:
            measured |= _first_use([session for session, _ in kept])
    return measured


def _first_use(sessions: list[Any]) -> dict[str, float]:
    """What it takes that each role has credentials."""
    before, began = resident(), time.perf_counter()
    for session in sessions:
        session.get_credentials().get_frozen_credentials()
    return {
        "time_fetch": (time.perf_counter() - began) / len(sessions),
        "memory_fetch": (resident() - before) / len(sessions),
    }


def fan_out(make: Make, size: Size) -> dict[str, float]:
    """
    A call for each of many roles, by 16 workers, with an STS that takes 100 ms.

    Another role has been used before: models and the like are read once.
    """
    count, delay = size.spread_of(make.NAME), 0.1
    with running() as server:
        contender = make(numbers=range(count))
        used = make(numbers=range(count, count + 1))  # and kept until the end
        used.fan_out(_list)
        server.set(delay=delay)
        server.command(do="reset")
        began = time.perf_counter()
        contender.fan_out(_list)
        took = time.perf_counter() - began
        stats = server.command(do="stats")
    return {
        "time": took,
        "of_ideal": took / (count / 16 * delay),
        "requests": stats["requests"],
        "most_in_flight": stats["most_in_flight"],
    }


def _list(session: Any) -> int:
    answer = session.client("s3").list_objects_v2(Bucket=BUCKET)
    return int(answer["KeyCount"])


def throttled(make: Make, size: Size) -> dict[str, float]:
    """
    A fleet with an STS that takes 100 ms, throttles, sometimes fails, and denies three.
    """
    denied = [role_arn(number) for number in (7, 8, 9)]
    with running() as server:
        contender: Any = make(numbers=range(size.throttled))
        make().session(0).client("s3")
        server.set(delay=0.1, rate=size.rate, failing=10, denied=denied)
        server.command(do="reset")
        before, began = resident(), time.perf_counter()
        results = contender.results(_list)
        took, after = time.perf_counter() - began, resident()
        stats = server.command(do="stats")
    errors = [result.error for result in results if result.error is not None]
    return {
        "results": float(len(results) - len(errors)),
        "errors": float(len(errors)),
        "denied": float(sum("Denied" in type(error).__name__ for error in errors)),
        "time": took,
        "requests": stats["requests"] / size.throttled,
        "granted": stats["granted"] / size.throttled,
        "most_in_flight": stats["most_in_flight"],
        "memory": float(after - before),
    }


def _threads() -> int:
    """Return how many threads there are when those that are idle have ended."""
    for thread in threading.enumerate():
        if thread.name == "stsession-fetch":
            thread.join(10)
    return threading.active_count()


def leak(make: Make, size: Size) -> dict[str, float]:
    """Sessions made, used, and dropped."""
    count = size.dropped_of(make.NAME)
    batch = count // 5
    with running():
        _use(make, range(size.warm))
        before = resident(), _threads(), descriptors()
        for turn in range(5):
            first = size.warm + turn * batch
            _use(make, range(first, first + batch))
        after = resident(), _threads(), descriptors()
    memory, crew, files = (b - a for a, b in zip(before, after, strict=True))
    return {
        "bytes": memory / count,
        "threads": float(crew),
        "descriptors": float(files),
    }


def _use(make: Make, numbers: range) -> None:
    contender = make(numbers=numbers)
    for number in numbers:
        session = contender.session(number)
        session.client("sts")
        session.client("s3").list_objects_v2(Bucket=BUCKET)
    del contender, session  # a fleet keeps its sessions
    gc.collect()
