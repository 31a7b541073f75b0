"""How long an event loop stands still while tasks get credentials."""

from __future__ import annotations

import asyncio
import gc
import time

from collections.abc import Callable, Coroutine
from typing import Any

from ..server import running
from .tools import Make, Size


HOUR = 3600.0
TASKS = 200

Read = Callable[[Any], Coroutine[Any, Any, object]]


def event_loop(make: Make, size: Size) -> dict[str, float]:
    """
    200 tasks need credentials, and STS takes 300 ms.

    They get them by `stsession.aio`, by a thread for each call, and in the loop.
    """
    from stsession import aio

    async def in_thread(session: Any) -> object:
        return await asyncio.to_thread(session.credentials)

    async def in_loop(session: Any) -> object:
        return session.credentials()

    with running() as server:
        contender = make(clock=server.clock, numbers=range(4))
        contender.session(0).credentials()  # loads the model of STS
        gc.collect()
        gc.freeze()  # a collection would stop the loop, too
        measured: dict[str, float] = {}
        server.set(delay=0.3)
        ways: dict[str, Read] = {
            "aio": aio.credentials,
            "thread": in_thread,
            "loop": in_loop,
        }
        for number, (way, read) in enumerate(ways.items(), 1):
            session = contender.session(number)
            stall, work = asyncio.run(_watched(read, session))
            measured |= {f"stall_{way}": stall, f"work_{way}": work}
            measured[f"fresh_{way}"] = asyncio.run(_fresh(read, session))
    for figure, other in (("stall", "loop"), ("work", "thread"), ("fresh", "thread")):
        ratio = measured[f"{figure}_aio"] / measured[f"{figure}_{other}"]
        measured[f"{figure}_ratio"] = ratio
    return measured


async def _watched(read: Read, session: Any) -> tuple[float, float]:
    """Return for how long the loop stood still and other work was delayed."""
    stall, ended = 0.0, False

    async def watch() -> None:
        nonlocal stall
        while not ended:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            stall = max(stall, time.perf_counter() - began - 0.001)

    async def work() -> float:
        began = time.perf_counter()
        await asyncio.to_thread(int)
        return time.perf_counter() - began

    watcher = asyncio.create_task(watch())
    await asyncio.to_thread(int)
    tasks = [asyncio.create_task(read(session)) for _ in range(TASKS)]
    other = asyncio.create_task(work())
    await asyncio.gather(*tasks)
    ended = True
    await watcher
    return stall, await other


async def _fresh(read: Read, session: Any) -> float:
    """Return the seconds per call while the credentials are fresh."""
    began = time.perf_counter()
    for _ in range(TASKS):
        await read(session)
    return (time.perf_counter() - began) / TASKS
