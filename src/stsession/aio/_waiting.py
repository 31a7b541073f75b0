"""Waits for refreshes in event loops: those of asyncio and trio."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys

from collections.abc import Generator
from typing import TypeVar

from .._core.credentials import Record
from .._core.refresher import Refresher, Wait


__all__ = ["current_record", "run"]


T = TypeVar("T")


async def current_record(refresher: Refresher) -> Record:
    """
    Return usable credentials; other tasks run while they are refreshed.

    Raises:
        RefreshError: If there are none, and the refresh failed.
    """
    record = refresher.fresh()
    if record is None:
        record = await run(refresher.get_steps(blocking=False))
    return record


async def run(steps: Generator[Wait, None, T]) -> T:
    """Return the result of *steps*; other tasks run between them."""
    try:
        while True:
            wait = next(steps)
            if _in_trio():
                await _wait_in_trio(wait)
            else:
                await _wait_in_asyncio(wait)
    except StopIteration as e:
        result: T = e.value
        return result
    finally:
        steps.close()


def _in_trio() -> bool:
    """Return whether trio is running the current task, by the rule that anyio uses."""
    sniffio = sys.modules.get("sniffio")  # imported by trio
    return sniffio is not None and sniffio.thread_local.name == "trio"


async def _wait_in_asyncio(wait: Wait) -> None:
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    def wake_from_thread() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(wake)

    timer = None
    if not math.isinf(wait.timeout):
        timer = loop.call_later(wait.timeout, wake)
    wait.done.add_callback(wake_from_thread)
    try:
        await woken
    finally:
        wait.done.remove_callback(wake_from_thread)
        if timer is not None:
            timer.cancel()


async def _wait_in_trio(wait: Wait) -> None:
    import trio  # noqa: PLC0415 - imported already, if its event loop is running

    token, woken = trio.lowlevel.current_trio_token(), trio.Event()

    def wake_from_thread() -> None:
        with contextlib.suppress(trio.RunFinishedError):
            token.run_sync_soon(woken.set, idempotent=True)

    wait.done.add_callback(wake_from_thread)
    try:
        with trio.move_on_after(wait.timeout):
            await woken.wait()
    finally:
        wait.done.remove_callback(wake_from_thread)
