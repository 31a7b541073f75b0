"""
What is measured. Each function runs in a process of its own, and returns numbers.
"""

from __future__ import annotations

import gc
import os
import statistics
import threading
import time

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .server import BUCKET, running


__all__ = ["SCENARIOS"]

Make = Callable[..., Any]
"""The class of the contender."""

HOUR = 3600.0
CLIENTS = ("s3", "sts")


def import_cost(make: Make) -> dict[str, float]:
    """
    What our import adds to those that any user of it has done.
    """
    import attrs  # noqa: F401
    import boto3  # noqa: F401

    began = time.perf_counter()
    import stsession

    imported = time.perf_counter()
    stsession.assume  # noqa: B018 - it may be loaded only now
    loaded = time.perf_counter()
    return {"import": imported - began, "import_and_assume": loaded - began}


def construction(make: Make) -> dict[str, float]:
    """
    One more session.
    """
    contender = make(None)
    began = time.perf_counter()
    contender.session(0)
    first = time.perf_counter() - began
    spans = []
    for number in range(1, 41):
        began = time.perf_counter()
        contender.session(number)
        spans.append(time.perf_counter() - began)
    return {"first": first, "further": statistics.median(spans)}


def hot_path(make: Make) -> dict[str, float]:
    """
    Reading credentials that are fresh.
    """
    with running() as server:
        credentials = make(server).session(0).get_credentials()
        credentials.get_frozen_credentials()
        return {
            f"threads_{n}": _per_read(credentials.get_frozen_credentials, threads=n)
            for n in (1, 8, 32)
        }


def _per_read(read: Callable[[], object], *, threads: int) -> float:
    """
    Seconds per read, of all threads together.
    """
    reads = 32_000 // threads

    def work() -> None:
        for _ in range(reads):
            read()

    return _together(work, threads=threads) / (reads * threads)


def roles(make: Make) -> dict[str, float]:
    """
    Sessions that are ready to sign, with clients, for more and more roles.
    """
    counts = (1, 10, 100)
    measured: dict[str, float] = {}
    with running(roles=counts[-1]) as server:
        contender = make(server)
        resident, began, kept = _resident(), time.perf_counter(), []
        for number in range(counts[-1]):
            session = contender.session(number)
            session.get_credentials().get_frozen_credentials()
            kept.append([session.client(service) for service in CLIENTS])
            if number + 1 in counts:
                measured[f"time_{number + 1}"] = time.perf_counter() - began
                measured[f"memory_{number + 1}"] = float(_resident() - resident)
    return measured


def edge_15(make: Make) -> dict[str, float]:
    """
    Reads when a refresh is due, with 14 minutes left.
    """
    return _edge(make, left=14 * 60)


def edge_10(make: Make) -> dict[str, float]:
    """
    Reads when a refresh is due, with 9 minutes left.
    """
    return _edge(make, left=9 * 60)


def _edge(make: Make, *, left: float) -> dict[str, float]:
    spans: list[float] = []
    with running(moves=True) as server:
        credentials = make(server).session(0).get_credentials()
        credentials.get_frozen_credentials()
        server.tell(do="delay", seconds=0.3)
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(0.02):
                began = time.perf_counter()
                credentials.get_frozen_credentials()
                spans.append(time.perf_counter() - began)

        with _threads(work, threads=32):
            stop.wait(0.3)
            spans.clear()
            server.advance(HOUR - left)
            stop.wait(1.2)
            stop.set()
    spans.sort()
    return {
        "p50": spans[len(spans) // 2],
        "p99": spans[len(spans) * 99 // 100],
        "max": spans[-1],
        "stalled": float(sum(span > 0.15 for span in spans)),
    }


def outage(make: Make) -> dict[str, float]:
    """
    S3 calls for three seconds with STS down and 9 minutes left.
    """
    spans: list[float] = []
    failures: list[Exception] = []
    with running(moves=True) as server:
        client = make(server).session(0).client("s3")
        client.list_objects_v2(Bucket=BUCKET)
        server.tell(do="outage")
        server.advance(HOUR - 9 * 60)
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(0.05):
                began = time.perf_counter()
                try:
                    client.list_objects_v2(Bucket=BUCKET)
                except Exception as e:  # noqa: BLE001 - that's what is counted
                    failures.append(e)
                spans.append(time.perf_counter() - began)

        with _threads(work, threads=4):
            stop.wait(3)
            stop.set()
    return {
        "calls": float(len(spans)),
        "failed": float(len(failures)),
        "failed_share": len(failures) / len(spans),
        "max": max(spans),
    }


def herd(make: Make) -> dict[str, float]:
    """
    64 threads at first use.
    """
    with running() as server:
        session = make(server).session(0)
        server.tell(do="delay", seconds=0.1)
        before = server.assume_role_calls()

        def work() -> None:
            session.get_credentials().get_frozen_credentials()

        took = _together(work, threads=64)
        return {"calls": float(server.assume_role_calls() - before), "time": took}


def leak(make: Make) -> dict[str, float]:
    """
    1,000 sessions made, used, and dropped.
    """
    warm, count = 200, 1000
    with running(roles=warm + count) as server:
        contender = make(server)
        for number in range(warm):
            contender.session(number).get_credentials().get_frozen_credentials()
        gc.collect()
        memory, threads, files = _resident(), threading.active_count(), _descriptors()
        for number in range(warm, warm + count):
            contender.session(number).get_credentials().get_frozen_credentials()
        gc.collect()
        return {
            "bytes": (_resident() - memory) / count,
            "threads": float(threading.active_count() - threads),
            "descriptors": float(_descriptors() - files),
        }


@contextmanager
def _threads(work: Callable[[], None], *, threads: int) -> Iterator[None]:
    """
    Have threads do *work*; wait for them at the end.
    """
    crew = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for thread in crew:
        thread.start()
    try:
        yield
    finally:
        for thread in crew:
            thread.join()


def _together(work: Callable[[], None], *, threads: int) -> float:
    """
    Have threads do *work* at the same time; return how long it took.
    """
    barrier = threading.Barrier(threads + 1)

    def start() -> None:
        barrier.wait()
        work()

    with _threads(start, threads=threads):
        barrier.wait()
        began = time.perf_counter()
    return time.perf_counter() - began


def _resident() -> int:
    """
    The process's resident memory in bytes.
    """
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource  # the most it has been, but better than nothing

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * 1024 if os.uname().sysname == "Linux" else peak


def _descriptors() -> int:
    """
    How many files the process has open; 0 where it can't be told.
    """
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


SCENARIOS: dict[str, Callable[[Make], dict[str, float]]] = {
    function.__name__: function
    for function in (
        import_cost,
        construction,
        hot_path,
        roles,
        edge_15,
        edge_10,
        outage,
        herd,
        leak,
    )
}
