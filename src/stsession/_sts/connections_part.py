"""
How many connections to one host are kept.
"""

from __future__ import annotations


__all__ = ["LEAST", "kept_for"]


LEAST = 64
"""
As many are kept in any case; botocore's 10 are for the client of one role.

What a client has more than it keeps is closed after a single request, and urllib3 logs
a warning.
"""

MOST = 4096
"""Each pool allocates this many slots, so larger numbers are capped."""


def kept_for(workers: int) -> int:
    """
    Return how many connections are kept where so many requests run at once.
    """
    return max(LEAST, min(workers, MOST))
