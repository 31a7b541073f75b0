"""What each request pays while credentials are fresh."""

from __future__ import annotations

import os
import statistics
import time

from collections.abc import Callable
from typing import Any

import boto3

from ..server import BUCKET, running
from .tools import Make, Size, together


ZONES = {"utc": "UTC0", "berlin": "CET-1CEST,M3.5.0,M10.5.0/3"}
"""As POSIX has them, so that no data of zones is needed."""


TURN = 5
"""How many calls are made in a row."""


def hot_path(make: Make, size: Size) -> dict[str, float]:
    """Reading credentials that are fresh, without and with summer time."""
    measured = {}
    with running():
        credentials: Any = make().session(0).get_credentials()
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
    """Seconds per read, of all threads together."""

    def work() -> None:
        for _ in range(reads):
            read()

    return together(work, count=count) / (reads * count)


def signed_call(make: Make, size: Size) -> dict[str, float]:
    """
    Whole calls of S3 in turn with calls that are signed with the same keys, static.

    Both are made in one process, in many short turns, so that what else the
    machine does slows both.
    """
    with running():
        session = make().session(0)
        held: Any = session.get_credentials()
        keys = held.get_frozen_credentials()
        static = boto3.Session(keys.access_key, keys.secret_key, keys.token)
        clients = {"call": session.client("s3"), "static": static.client("s3")}
        for client in clients.values():
            _calls(client, 50)
        spans: dict[str, list[float]] = {name: [] for name in clients}
        order = list(clients)
        for _ in range(size.calls // TURN):
            for name in order:
                spans[name].append(_calls(clients[name], TURN))
            order.reverse()
    medians = {name: statistics.median(values) for name, values in spans.items()}
    return {**medians, "of_static": medians["call"] / medians["static"]}


def _calls(client: Any, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        client.list_objects_v2(Bucket=BUCKET)
    return (time.perf_counter() - began) / count
