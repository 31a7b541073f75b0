"""What scenarios measure with."""

from __future__ import annotations

import os
import threading
import time

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contenders import Contender
from ..figures import OURS


__all__ = [
    "FULL",
    "QUICK",
    "Make",
    "Size",
    "descriptors",
    "quantiles",
    "resident",
    "threads",
    "together",
]

Make = type[Contender]
"""The class of the contender."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """
    How much of it is done.

    Args:
        reads: How often credentials are read, by all threads together.

        calls: How many whole calls are made with each kind of keys.

        roles: For how many roles sessions are made; peers end at *peer_roles*.

        spread: How many roles a fan-out has; peers have *peer_spread*.

        throttled: How many accounts the throttled fleet has, and *rate* calls a
            second.

        watched: For how many seconds threads are watched.

        day: How many minutes the day has.

        dropped: How many sessions of a fleet are made and dropped, and
            *session_dropped* ordinary ones; *warm* are before those.

        starts: How often a process is started; the quickest start counts, as a
            busy machine makes it slower and nothing makes it quicker.
    """

    reads: int = 3200
    calls: int = 600
    roles: int = 500
    session_roles: int = 100
    peer_roles: int = 10
    spread: int = 200
    peer_spread: int = 16
    throttled: int = 300
    rate: float = 20.0
    watched: float = 2.0
    day: int = 4 * 60
    dropped: int = 1000
    session_dropped: int = 400
    warm: int = 240
    starts: int = 3

    def roles_of(self, name: str) -> int:
        """How many roles a contender has sessions for."""
        own = {"fleet": self.roles, "stsession": self.session_roles}
        return own.get(name, self.peer_roles)

    def dropped_of(self, name: str) -> int:
        """How many sessions of a contender are made and dropped."""
        return self.dropped if name == "fleet" else self.session_dropped

    def spread_of(self, name: str) -> int:
        """How many roles a contender's fan-out has."""
        return self.spread if name in OURS else self.peer_spread


FULL = Size()
QUICK = Size(
    reads=320,
    calls=20,
    roles=12,
    session_roles=4,
    peer_roles=3,
    spread=16,
    peer_spread=2,
    throttled=20,
    watched=0.5,
    day=60,
    dropped=20,
    session_dropped=20,
    warm=5,
    starts=1,
)


@contextmanager
def threads(work: Callable[[], None], *, count: int) -> Iterator[None]:
    """Have *count* threads do *work*; wait for them at the end."""
    crew = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in crew:
        thread.start()
    try:
        yield
    finally:
        for thread in crew:
            thread.join()


def together(work: Callable[[], None], *, count: int) -> float:
    """Have *count* threads do *work* at the same time; return how long it took."""
    barrier = threading.Barrier(count + 1)

    def start() -> None:
        barrier.wait()
        work()

    with threads(start, count=count):
        barrier.wait()
        began = time.perf_counter()
    return time.perf_counter() - began


def quantiles(spans: Sequence[float]) -> dict[str, float]:
    """The median, the 99th percentile, and the largest."""
    ordered = sorted(spans)
    return {
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[len(ordered) * 99 // 100],
        "max": ordered[-1],
    }


def resident() -> int:
    """The process's resident memory in bytes."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource  # the most it has been, but better than nothing

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * 1024 if os.uname().sysname == "Linux" else peak


def descriptors() -> int:
    """Return the number of open files; 0 where it isn't available."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0
