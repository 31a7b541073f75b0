"""Back-off: when the next attempt to refresh may start."""

from __future__ import annotations

import math

from collections.abc import Callable

from ..exceptions import RefreshError
from .policy import Freshness, RefreshPolicy


__all__ = ["MINUTE", "Backoff"]


MINUTE = 60.0


class Backoff:
    """
    Pauses between failed attempts, and the limit of attempts per minute.

    The caller must hold a lock during each call. All instants are seconds on the
    monotonic clock.

    Args:
        policy: The refresh policy.

        random: Returns a random number from 0 to 1.
    """

    def __init__(self, *, policy: RefreshPolicy, random: Callable[[], float]) -> None:
        self.policy = policy
        self.random = random
        self.failures = 0
        """How many attempts failed in a row."""
        self.error: RefreshError | None = None
        """The error of the last attempt, until the next one begins."""
        self.is_permanent = False
        """Whether a retry is not expected to succeed after that error."""
        self.not_before = -math.inf
        """The end of the current pause."""
        self._last_began = -math.inf
        self._cut_short = Freshness.ADVISORY
        self._failed: tuple[float, ...] = ()  # when those of the last minute began

    def allows(self, now: float, freshness: Freshness, *, advisory: float) -> bool:
        """Return whether an attempt with the urgency *freshness* may begin."""
        if not self.has_room(now):
            return False
        if now >= self.not_before:
            return True
        # Each window cuts one pause short, when it is entered.
        return freshness > self._cut_short and self._may_cut_pause(now, advisory)

    def allows_rejected(self, now: float, *, advisory: float) -> bool:
        """Return whether an attempt may begin because a service rejected the key."""
        return self.has_room(now) and (
            now >= self.not_before or self._may_cut_pause(now, advisory)
        )

    def has_room(self, now: float) -> bool:
        """Return whether fewer attempts than the limit failed in the last minute."""
        return len(self._recent(now)) < self.policy.attempts_per_minute

    def _recent(self, now: float) -> tuple[float, ...]:
        return tuple(began for began in self._failed if began > now - MINUTE)

    def _may_cut_pause(self, now: float, advisory: float) -> bool:
        """Return whether the last attempt is long enough ago to cut the pause short."""
        if self.policy.tuning.retry_pause is not None:
            return False
        # Short-lived credentials can't wait that long.
        gap = min(self.policy.tuning.retry_gap, advisory / 2)
        return now >= self._last_began + gap

    def begin(self, now: float, freshness: Freshness) -> None:
        """Record the start of an attempt with the urgency *freshness*."""
        self.error = None
        self.is_permanent = False
        self._last_began = now
        self._cut_short = max(self._cut_short, freshness)

    def succeeded(self) -> None:
        """Record that the attempt returned credentials."""
        self.failures = 0
        self._cut_short = Freshness.ADVISORY
        self.reset()

    def interrupted(self, now: float, *, began: float) -> None:
        """Record an interrupted attempt, which counts towards the limit per minute."""
        self._failed = (*self._recent(now), began)

    def reset(self) -> None:
        """End the current pause."""
        self.error = None
        self.is_permanent = False
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
        Compute the pause after a failed attempt.

        Args:
            error: The error of the attempt.

            now: The current time.

            began: When the attempt began.

            advisory: The advisory window of the current credentials, in seconds.

            remaining: Seconds until the current credentials expire.

            usable: Whether the current credentials can be used.

            first: Whether there have never been credentials.

        Returns:
            The pause before the next attempt, in seconds.
        """
        self.failures += 1
        self._failed = (*self._recent(now), began)
        self.error = error
        policy = self.policy
        self.is_permanent = policy.is_permanent(error.kind, error.code)
        if self.is_permanent and (policy.when_denied == "raise" or not usable):
            pause = policy.cached_error_seconds(
                failures=self.failures, random=self.random()
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
                random=self.random(),
            )
        self.not_before = now + pause
        return pause

    def permanent_error(self, now: float) -> RefreshError | None:
        """Return the error of the last attempt if it is permanent, during its pause."""
        return self.error if self.is_permanent and self.wait(now) else None

    def wait(self, now: float) -> float:
        """Return the seconds until the next attempt may begin."""
        wait = max(0.0, self.not_before - now)
        recent = self._recent(now)
        if len(recent) >= self.policy.attempts_per_minute:
            wait = max(wait, min(recent) + MINUTE - now)
        return wait
