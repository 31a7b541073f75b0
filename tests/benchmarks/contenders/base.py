"""What all contenders have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import boto3
import botocore.credentials

from ..clock import MovableClock


__all__ = ["Contender"]


class Contender:
    """
    A way to sessions for roles. It is made once in a process.

    This is one that keeps botocore's refreshable credentials, as all do but ours.

    Args:
        numbers: For which of the server's roles it will make sessions.

        clock: What its sessions live by. `None` means the machine's.

        seconds: For how long a role is assumed. `None` means an hour.
    """

    NAME: ClassVar[str]
    """What it is called in the tables."""

    def __init__(
        self,
        *,
        numbers: Sequence[int] = range(1),
        clock: MovableClock | None = None,
        seconds: int | None = None,
    ) -> None:
        self.numbers = numbers
        self.clock = clock
        self.seconds = seconds
        if clock is not None:  # the fetchers with a cache look at this one
            botocore.credentials._local_now = clock.now  # type: ignore[attr-defined]
        self.begin()

    def begin(self) -> None:
        """Import what is needed, and make the source."""

    def make(self, number: int) -> boto3.Session:
        """Make a session, as its documentation says."""
        raise NotImplementedError

    def session(self, number: int) -> boto3.Session:
        """Make a session that lives by the clock."""
        session = self.make(number)
        if self.clock is not None:
            credentials: Any = session.get_credentials()
            credentials._time_fetcher = self.clock.now
        return session

    def fan_out(self, work: Callable[[boto3.Session], Any]) -> list[Any]:
        """
        Do *work* for each role, 16 at a time, and return what comes of it.

        By a pool of threads, as there is nothing else.
        """

        def do(number: int) -> Any:
            return work(self.session(number))

        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(do, self.numbers))

    def extra(self) -> dict[str, Any]:
        """The parameter for another lifetime, if it is another."""
        return {} if self.seconds is None else {"DurationSeconds": self.seconds}
