"""
How many connections to one host are kept.
"""

from __future__ import annotations

from ._process import per_process


__all__ = ["kept"]


MOST = 4096
"""Whoever says "a million workers" doesn't have them, but each place for a connection
is made for each host."""


class _Kept:
    """
    As many as there have been workers in any run of a fleet, and some at least.

    What a client has more than it keeps is closed after a single request, and
    urllib3 warns of that.
    """

    number = 64
    """botocore's 10 are for the client of one role."""

    def widen(self, workers: int) -> None:
        """
        Keep enough for so many at once, in clients that are made from now on.
        """
        self.number = max(self.number, min(workers, MOST))


kept = per_process(_Kept())
