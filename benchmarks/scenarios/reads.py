"""
What each request pays while credentials are fresh.
"""

from __future__ import annotations

import os
import statistics
import time

from collections.abc import Callable
from typing import Any

from ..contenders import CONTENDERS
from ..server import BUCKET, running
from .tools import Make, Size, together


ZONES = {"utc": "UTC0", "berlin": "CET-1CEST,M3.5.0,M10.5.0/3"}
"""As POSIX has them, so that no data of zones is needed."""


def hot_path(make: Make, size: Size) -> dict[str, float]:
    """
    Reading credentials that are fresh, without and with summer time.
    """
    measured = {}
    with running():
        credentials = make().session(0).get_credentials()
        read = credentials.get_frozen_credentials
        read()
        for zone, rules in ZONES.items():
            os.environ["TZ"] = rules
            time.tzset()
            for count in (1, 8, 32):
                each = _per_read(read, count=count, reads=size.reads // count)
                measured[f"{zone}_{count}"] = each
    return measured


def _per_read(read: Callable[[], object], *, count: int, reads: int) -> float:
    """
    Seconds per read, of all threads together.
    """

    def work() -> None:
        for _ in range(reads):
            read()

    return together(work, count=count) / (reads * count)


def signed_call(make: Make, size: Size) -> dict[str, float]:
    """
    Whole calls of S3 in turn with calls that are signed with static keys.

    Both are made in one process, in many short turns, so that what else the
    machine does slows both.
    """
    with running():
        sessions = make().session(0), CONTENDERS["static keys"]().session(0)
        clients = [session.client("s3") for session in sessions]
        for client in clients:
            _calls(client, 50)
        turns = [
            [_calls(client, 20) for client in clients] for _ in range(size.calls // 20)
        ]
    ours, static = (statistics.median(spans) for spans in zip(*turns, strict=True))
    return {"call": ours, "static": static, "of_static": ours / static}


def _calls(client: Any, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        client.list_objects_v2(Bucket=BUCKET)
    return (time.perf_counter() - began) / count
