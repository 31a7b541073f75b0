"""
One run of the demo, from the first call to what was measured.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading

from collections.abc import Callable

from .._core.events import RefreshEvent
from ..testing import Call, LocalSTS
from . import _words
from ._contenders import Ours, Recipe
from ._lapse import FastClock
from ._play import Director, Worker
from ._results import Measured, Run, Settings
from ._stage import TARGET, staged


__all__ = ["play"]

LOOK = 0.02
"""Seconds between two looks at what goes on."""


def play(settings: Settings, *, tell: Callable[[str], None]) -> Run:
    """
    Let both contenders work side by side; blocks until the time is over.

    Args:
        settings: What the run is like.

        tell: Is given each line about what happens, by the calling thread.
    """
    clock = FastClock(settings.factor)
    news: queue.SimpleQueue[str] = queue.SimpleQueue()
    with staged(clock) as local, contextlib.ExitStack() as stack:
        ours = Ours(
            duration_seconds=settings.duration_seconds,
            on_event=functools.partial(_put_event, news),
        )
        recipe = Recipe(
            duration_seconds=settings.duration_seconds,
            clock=clock,
            tell=news.put,
        )
        director = Director(
            local=local,
            clock=clock,
            contenders=(ours, recipe),
            lasts=settings.outage,
        )
        workers = [
            Worker(
                name=contender.name,
                session=contender.session,
                elapsed=clock.elapsed,
                tell=news.put,
            )
            for contender in (ours, recipe)
        ]
        for worker in workers:
            stack.enter_context(worker.working())
        _watch(settings, director, workers, news, tell)
        stack.close()  # all API calls have ended
        _drain(news, clock, tell)
    # So have all calls to STS, those of background refreshes as well.
    return Run(
        settings=settings,
        outages=tuple(director.outages),
        contenders={worker.name: _measured(worker, local) for worker in workers},
    )


def _watch(
    settings: Settings,
    director: Director,
    workers: list[Worker],
    news: queue.SimpleQueue[str],
    tell: Callable[[str], None],
) -> None:
    """
    Tell what happens, one line a second and one for each event.
    """
    clock, unsigned_source = director.clock, threading.Event()
    next_line, was_up = 1.0, True
    began = clock.elapsed()
    while (elapsed := clock.elapsed()) < began + settings.seconds:
        if elapsed > began + settings.seconds * 0.3 and director.look():
            news.put(
                f"STS goes down for {_words.span(settings.outage)}: it answers 503"
            )
        if director.sts_is_up and not was_up:
            news.put("STS is up again")
        was_up = director.sts_is_up
        _drain(news, clock, tell)
        if elapsed >= next_line:
            generations = {
                w.name: _generations(w.name, director.local) for w in workers
            }
            tell(_words.live_line(elapsed, was_up, workers, generations))
            next_line += 1.0
        unsigned_source.wait(LOOK)


def _drain(
    news: queue.SimpleQueue[str], clock: FastClock, tell: Callable[[str], None]
) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            tell(_words.event_line(clock.elapsed(), news.get_nowait()))


def _put_event(news: queue.SimpleQueue[str], event: RefreshEvent) -> None:
    text = _words.refresh_event(event)
    if text:
        news.put(f"stsession: {text}")


def _measured(worker: Worker, local: LocalSTS) -> Measured:
    asked = [call for call in local.calls("AssumeRole") if _is_by(worker.name, call)]
    return Measured(
        api_calls=worker.calls,
        failures=worker.failures,
        slowest_call_seconds=worker.slowest,
        assume_role_calls=len(asked),
        assume_role_failures=sum(call.status != 200 for call in asked),
        generations=_generations(worker.name, local),
        errors=dict(worker.errors),
    )


def _is_by(name: str, call: Call) -> bool:
    return call.params.get("RoleSessionName") == name


def _generations(name: str, local: LocalSTS) -> int:
    """
    Count the sets of credentials that *name* has used with success.
    """
    own = {
        key.access_key_id
        for key in local.issued(role_arn=TARGET)
        if key.arn.endswith(f"/{name}")
    }
    used = {
        call.access_key_id
        for call in local.calls("ListObjectsV2")
        if call.status == 200
    }
    return len(own & used)
