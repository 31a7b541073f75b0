"""
How fast STS lets itself be asked, found out by asking.
"""

from __future__ import annotations

import collections
import math

import attrs


__all__ = ["RateLimit"]


WINDOW = 1.0
"""Seconds over which what STS lets through is counted."""

CUT = 0.7
"""What is left of the rate after an answer that says it was too much."""

SCALE = 0.4
"""How steeply it grows again; botocore's adaptive mode takes the same two numbers
for the same curve, the one of TCP CUBIC."""

LEAST = 0.5
"""Calls a second that are made in any case."""

LONGEST_DEBT = 5.0
"""Seconds at most that a cut keeps everybody from asking."""

LONGEST_WAIT = 30.0
"""Seconds at most that an answer that says when to ask again keeps everybody from
asking: it was told to one."""

FORGOTTEN_AFTER = 300.0
"""Seconds without an answer after which a limit is void."""

PAUSE = 1.0
"""Seconds at most between two answers that count as time to grow in."""


@attrs.define(kw_only=True, eq=False)
class RateLimit:
    """
    A rate that adapts to what is refused. Its user guards it with a lock.

    There is none until STS first answers that it was asked too often. What STS let
    through in the second before is then what it can take: calls go on at 70 % of
    that, evenly spaced, and grow along a cubic curve, soon up to where it was and
    slowly beyond. Time in which nobody asks doesn't count; after five minutes of it
    the limit is forgotten.

    All instants are seconds on a monotonic clock.
    """

    _ceiling: float = math.inf
    _growing: float = 0.0
    _next_at: float = -math.inf
    _cut_at: float = -math.inf
    _answered_at: float = -math.inf
    _let_through: collections.deque[float] = attrs.field(factory=collections.deque)

    @property
    def rate(self) -> float:
        """
        Calls a second; infinite while there is no limit.
        """
        if math.isinf(self._ceiling):
            return math.inf
        # After `flat` seconds it is where it was, and grows slowest.
        flat = math.pow(self._ceiling * (1 - CUT) / SCALE, 1 / 3)
        grown = SCALE * math.pow(self._growing - flat, 3)
        return max(LEAST, self._ceiling + grown)

    def wait(self, now: float) -> float:
        """
        Seconds until the next call may be made; 0 if it may be made now.
        """
        if now > self._answered_at + FORGOTTEN_AFTER and now > self._next_at:
            self._ceiling = math.inf
        if math.isinf(self._ceiling):
            return 0.0
        return max(0.0, self._next_at - now)

    def begin(self, now: float) -> None:
        """
        A call is made.
        """
        if math.isinf(self._ceiling):
            return
        gap = 1 / self.rate
        # Who comes a little late, as threads do, doesn't put off all others.
        self._next_at = max(self._next_at, now - gap) + gap

    def let_through(self, now: float) -> None:
        """
        STS has answered, whatever it said, but not that it was asked too often.
        """
        self._answered(now)
        self._let_through.append(now)
        self._forget(now)

    def _answered(self, now: float) -> None:
        if not math.isinf(self._answered_at):
            self._growing += min(PAUSE, max(0.0, now - self._answered_at))
        self._answered_at = now

    def _forget(self, now: float) -> None:
        while self._let_through and self._let_through[0] <= now - WINDOW:
            self._let_through.popleft()

    def throttled(
        self, now: float, *, began: float, retry_after: float | None = None
    ) -> None:
        """
        STS has answered that it was asked too often.

        Args:
            now: When.

            began:
                When that call was made. What was on its way when the rate was
                last cut is no reason to cut it again.

            retry_after: Seconds that STS asked to wait, if it did.
        """
        self._answered(now)
        if retry_after is not None:
            self._next_at = max(self._next_at, now + min(retry_after, LONGEST_WAIT))
        if began < self._cut_at:
            return
        self._forget(now)
        passed = len(self._let_through)
        self._ceiling = max(LEAST, min(self.rate, passed / WINDOW))
        self._growing, self._cut_at = 0.0, now
        if passed:
            # What went through counts against the new rate already.
            paid_at = self._let_through[0] + passed / self.rate
            self._next_at = max(self._next_at, min(paid_at, now + LONGEST_DEBT))
        self._next_at = max(self._next_at, now + min(1 / self.rate, LONGEST_DEBT))
