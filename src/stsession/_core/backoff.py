"""
When the next attempt may start.
"""

from __future__ import annotations

import math

from collections.abc import Callable

import attrs

from ..exceptions import RefreshError
from .policy import Freshness, RefreshPolicy


__all__ = ["MINUTE", "Backoff"]


MINUTE = 60.0


@attrs.define(kw_only=True, eq=False, repr=False)
class Backoff:
    """
    The gate before the source. Its user guards it with a lock.

    All instants are seconds on the monotonic clock.
    """

    policy: RefreshPolicy
    draw: Callable[[], float]
    failures: int = 0
    """Failures in a row."""

    error: RefreshError | None = None
    """The last failure, until the next attempt begins."""

    raises: bool = False
    """Whether that failure won't pass by itself."""

    not_before: float = -math.inf
    _last_began: float = -math.inf
    _cut_short: Freshness = Freshness.ADVISORY
    _failed: tuple[float, ...] = ()
    """When the failed attempts of the last minute began; replaced, never changed."""

    def allows(self, now: float, freshness: Freshness, *, advisory: float) -> bool:
        """
        Whether an attempt may begin; *freshness* says how much it matters.
        """
        if not self.has_room(now):
            return False
        if now >= self.not_before:
            return True
        # A window is entered once; each cuts one pause short.
        return freshness > self._cut_short and self._cuts_short(now, advisory)

    def allows_rejected(self, now: float, *, advisory: float) -> bool:
        """
        Whether an attempt may begin because a service rejected the key.
        """
        return self.has_room(now) and (
            now >= self.not_before or self._cuts_short(now, advisory)
        )

    def has_room(self, now: float) -> bool:
        """
        Whether the failures of the last minute leave room for one more attempt.
        """
        return len(self._recent(now)) < self.policy.attempts_per_minute

    def _recent(self, now: float) -> tuple[float, ...]:
        return tuple(began for began in self._failed if began > now - MINUTE)

    def _cuts_short(self, now: float, advisory: float) -> bool:
        """
        Whether something important may cut the present pause short.
        """
        if self.policy.tuning.retry_pause is not None:
            return False
        # Short-lived credentials can't wait for as long.
        gap = min(self.policy.tuning.retry_gap, advisory / 2)
        return now >= self._last_began + gap

    def begin(self, now: float, freshness: Freshness) -> None:
        """
        An attempt begins.
        """
        self.error = None
        self.raises = False
        self._last_began = now
        self._cut_short = max(self._cut_short, freshness)

    def succeeded(self) -> None:
        """
        It brought credentials.
        """
        self.failures = 0
        self._cut_short = Freshness.ADVISORY
        self.open()

    def interrupted(self, now: float, *, began: float) -> None:
        """
        It was interrupted, and counts as one of the last minute.
        """
        self._failed = (*self._recent(now), began)

    def open(self) -> None:
        """
        Drop the present pause.
        """
        self.error = None
        self.raises = False
        self.not_before = -math.inf

    def failed(
        self,
        error: RefreshError,
        now: float,
        *,
        began: float,
        advisory: float,
        remaining: float,
        usable: bool,
        first: bool,
    ) -> float:
        """
        It brought none.

        Args:
            error: Why.

            now: The monotonic clock.

            began: When the attempt began.

            advisory: The advisory window of the current credentials.

            remaining: Seconds they have left.

            usable: Whether they can still be used.

            first: Whether there have never been any.

        Returns:
            The pause before the next one, in seconds.
        """
        self.failures += 1
        self._failed = (*self._recent(now), began)
        self.error = error
        policy = self.policy
        self.raises = policy.is_permanent(error.kind, error.code)
        if self.raises and (policy.when_denied == "raise" or not usable):
            pause = policy.cached_error_seconds(
                failures=self.failures, random=self.draw()
            )
        elif first and policy.tuning.retry_pause is not None:
            pause = 0.0
        else:
            pause = policy.pause(
                error.kind,
                failures=self.failures,
                advisory=advisory,
                remaining=remaining,
                retry_after=(
                    None
                    if error.retry_after is None
                    else error.retry_after.total_seconds()
                ),
                random=self.draw(),
            )
        self.not_before = now + pause
        return pause

    def refusal(self, now: float) -> RefreshError | None:
        """
        The failure that won't pass by itself, while the gate it closed is closed.
        """
        return self.error if self.raises and self.wait(now) else None

    def wait(self, now: float) -> float:
        """
        Seconds until the next attempt may begin.
        """
        wait = max(0.0, self.not_before - now)
        recent = self._recent(now)
        if len(recent) >= self.policy.attempts_per_minute:
            wait = max(wait, min(recent) + MINUTE - now)
        return wait
