"""What happens when credentials have to be fetched."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time

from typing import Any

from ..figures import OURS
from ..server import BUCKET, Server, running
from .tools import Make, Size, quantiles, threads, together


HOUR = 3600.0
STALLED = 0.15


def edge(make: Make, size: Size) -> dict[str, float]:
    """32 threads read while a refresh is due, with 14 and then with 9 minutes left."""
    measured: dict[str, float] = {}
    with running() as server:
        credentials: Any = make(clock=server.clock).session(0).get_credentials()
        credentials.get_frozen_credentials()
        server.set(delay=0.3)
        for left in (14, 9):
            spans = _watched_reads(credentials, server, left=left * 60)
            measured |= {
                f"{key}_{left}": value for key, value in quantiles(spans).items()
            }
            stalled = sum(span > STALLED for span in spans)
            measured[f"stalled_{left}"] = float(stalled)
        measured["requests"] = float(server.requests())
    return measured


def _watched_reads(credentials: Any, server: Server, *, left: float) -> list[float]:
    spans: list[float] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            began = time.perf_counter()
            credentials.get_frozen_credentials()
            spans.append(time.perf_counter() - began)

    with threads(work, count=32):
        stop.wait(0.2)
        spans.clear()
        server.advance(HOUR - left)
        stop.wait(0.8)
        stop.set()
    return spans


def outage(make: Make, size: Size) -> dict[str, float]:
    """Calls of S3 with STS down and 9 minutes left."""
    spans: list[float] = []
    failures: list[Exception] = []
    with running() as server:
        client = make(clock=server.clock).session(0).client("s3")
        client.list_objects_v2(Bucket=BUCKET)
        server.set(broken=True)
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

        with threads(work, count=4):
            stop.wait(size.watched)
            stop.set()
    return {
        "calls": float(len(spans)),
        "failed": float(len(failures)),
        "failed_share": len(failures) / len(spans),
        "max": max(spans),
    }


def herd(make: Make, size: Size) -> dict[str, float]:
    """64 threads at the first use of a session."""
    with running() as server:
        session = make().session(0)
        server.set(delay=0.1)

        def work() -> None:
            _read(session)

        took = together(work, count=64)
        return {"requests": float(server.requests()), "time": took}


def processes(make: Make, size: Size) -> dict[str, float]:
    """The first use of a session by 16 processes, forked after it was made."""
    context = multiprocessing.get_context("fork")
    with running() as server:
        session = make().session(0)
        server.set(delay=0.1)
        began = time.perf_counter()
        crew = [context.Process(target=_read, args=(session,)) for _ in range(16)]
        for process in crew:
            process.start()
        for process in crew:
            process.join()
        took = time.perf_counter() - began
        if any(process.exitcode for process in crew):
            raise RuntimeError("a process failed")
        return {"requests": float(server.requests()), "time": took}


def _read(session: Any) -> None:
    session.get_credentials().get_frozen_credentials()


def day(make: Make, size: Size) -> dict[str, float]:
    """A read in each minute of a working day, with sessions of 15 minutes."""
    with running() as server, contextlib.ExitStack() as runtime:
        contender = make(clock=server.clock, seconds=900)
        if make.NAME in OURS:
            from stsession.testing import use_runtime

            runtime.enter_context(use_runtime(clock=server.clock, submit=_at_once))
        credentials: Any = contender.session(0).get_credentials()
        for _ in range(size.day):
            credentials.get_frozen_credentials()
            server.advance(60)
        return {"requests": float(server.requests())}


def _at_once(task: Any) -> bool:
    task()
    return True
