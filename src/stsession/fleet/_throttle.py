"""
Limits and retries the requests that many roles send to one STS.
"""

from __future__ import annotations

import collections
import math
import threading
import weakref

from collections.abc import Callable, Hashable
from typing import TypeVar

import attrs

from .._core.runtime import Clock, Runtime, current_runtime
from .._locks import OneTimeEvent, guarded
from .._util import forget_after_fork, per_process
from ..exceptions import FailureKind, RefreshError, StsUnavailableError


__all__ = ["PATIENCE", "Pace", "Pursuit", "RateLimit", "pace_of"]


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


PATIENCE = 120.0
"""Seconds that one fetch goes on asking an STS that has no time for it."""

OUTAGES = 6
"""Tries of one fetch that may meet with an outage."""

FIRST_PAUSE = 0.25
"""Seconds at most before the second of them; then twice as many each time."""

LONGEST_PAUSE = 4.0

T = TypeVar("T")


class _Turn:
    """
    A place in the queue.
    """

    def __init__(self) -> None:
        self.called = OneTimeEvent()


class Pace:
    """
    One rate, and a queue for it. All methods may be called from any thread.
    """

    patience = PATIENCE

    def __init__(self, runtime: Runtime | None = None) -> None:
        runtime = current_runtime() if runtime is None else runtime
        self.clock: Clock = runtime.clock
        self.draw = runtime.random
        self.wait = runtime.wait
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Guards the two below.
        self._lock = threading.RLock()
        self._limit = RateLimit()
        self._queue: collections.deque[_Turn] = collections.deque()

    @property
    def rate(self) -> float:
        """
        Calls a second; infinite while there is no limit.
        """
        return guarded(self._lock, lambda: self._limit.rate)

    def pursuit(self, patience: float, *, what: str, hop: str) -> Pursuit:
        """
        Make who asks at this pace, for *patience* seconds.
        """
        return Pursuit(pace=self, patience=patience, what=what, hop=hop)

    def take_turn(self, deadline: float) -> bool:
        """
        Wait until a call may be made, and count it. First come, first served.

        Returns:
            Whether that was before *deadline*, an instant of the monotonic clock.
        """
        turn = _Turn()
        try:
            self._queue.append(turn)
            while True:
                turn.called = OneTimeEvent()  # before looking: no call is missed
                now = self.clock.monotonic()
                wait = guarded(self._lock, lambda: self._begin(turn, now))  # noqa: B023 - called at once
                if wait is not None and wait <= 0:
                    return True
                left = deadline - now
                if left <= 0:
                    return False
                self.wait(turn.called, left if wait is None else min(wait, left))
        finally:
            # If an interrupt ends the first call, the second one does it.
            try:
                guarded(self._lock, lambda: self._leave(turn))
            finally:
                guarded(self._lock, lambda: self._leave(turn))

    def _begin(self, turn: _Turn, now: float) -> float | None:
        """
        Begin if it may be; or the seconds until then, if they are known.
        """
        if self._queue[0] is not turn:
            return None
        wait = self._limit.wait(now)
        if wait <= 0:
            self._limit.begin(now)
        return wait

    def _leave(self, turn: _Turn) -> None:
        if turn in self._queue:
            self._queue.remove(turn)
        if self._queue:
            self._queue[0].called.set()

    def answered(self, began: float, error: RefreshError | None) -> None:
        """
        Learn from an answer to a call that was made at *began*.
        """
        now = self.clock.monotonic()
        guarded(self._lock, lambda: self._learn(began, error, now))

    def _learn(self, began: float, error: RefreshError | None, now: float) -> None:
        if error is not None and error.kind is FailureKind.THROTTLED:
            wait = error.retry_after
            self._limit.throttled(
                now,
                began=began,
                retry_after=None if wait is None else wait.total_seconds(),
            )
        elif error is None or error.http_status is not None:
            self._limit.let_through(now)


@attrs.frozen(kw_only=True, eq=False)
class Pursuit:
    """
    Asks until there is an answer that counts, at the pace of all.

    Args:
        pace: It.

        patience: Seconds after which what STS said last is the answer.

        what: What couldn't be done, if it fails.

        hop: For whom.
    """

    pace: Pace
    patience: float = PATIENCE
    what: str = "Could not ask STS"
    hop: str | None = None

    def __call__(self, ask: Callable[[], T]) -> T:
        """
        Call *ask* as often as it takes.

        Raises:
            RefreshError: What STS said last, or that there was no turn to ask it.
        """
        pace = self.pace
        deadline = pace.clock.monotonic() + self.patience
        last: RefreshError | None = None
        outages = 0
        while True:
            if not pace.take_turn(deadline):
                raise last or self._no_turn()
            began = pace.clock.monotonic()
            try:
                value = ask()
            except RefreshError as e:
                if last is not None and _lacks_a_code(e):
                    raise last from last.__cause__
                last = e
            else:
                pace.answered(began, None)
                return value
            pace.answered(began, last)
            outages += last.kind is FailureKind.OUTAGE
            if not self._passes(last, outages, deadline):
                raise last

    def _no_turn(self) -> StsUnavailableError:
        # Asking all the same would be what STS wants less of.
        return StsUnavailableError(
            f"{self.what}. STS takes fewer requests than there are, and there was no "
            f"turn within {self.patience:.0f} s.",
            kind=FailureKind.THROTTLED,
            hop=self.hop,
            hint="Try again later; load_timeout of RefreshPolicy sets how long to "
            "wait.",
        )

    def _passes(self, error: RefreshError, outages: int, deadline: float) -> bool:
        """
        Whether asking once more makes sense; waits until it does.
        """
        if error.kind is FailureKind.OUTAGE:
            return outages < OUTAGES and self._pause(outages, deadline)
        return error.kind is FailureKind.THROTTLED

    def _pause(self, outages: int, deadline: float) -> bool:
        """
        Give STS some time; return whether there was so much left.
        """
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (outages - 1))
        pause = longest * (0.5 + 0.5 * self.pace.draw())
        if self.pace.clock.monotonic() + pause >= deadline:
            return False
        self.pace.wait(OneTimeEvent(), pause)
        return True


def _lacks_a_code(error: RefreshError) -> bool:
    """
    Whether STS wasn't asked, as there is no code of an MFA device to ask it with.
    """
    return error.kind is FailureKind.MFA and error.code is None


class _Paces:
    """
    The paces in use.
    """

    def __init__(self) -> None:
        self._paces: weakref.WeakValueDictionary[Hashable, Pace] = (
            weakref.WeakValueDictionary()
        )
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def get(self, key: Hashable) -> Pace:
        runtime = current_runtime()
        return guarded(self._lock, lambda: self._get((key, runtime.clock), runtime))

    def _get(self, key: Hashable, runtime: Runtime) -> Pace:
        pace = self._paces.get(key)
        if pace is None:
            made = Pace(runtime)
            pace = self._paces.setdefault(key, made)
        return pace


_paces = per_process(_Paces())


def pace_of(key: Hashable) -> Pace:
    """
    Return the pace of all who have the same *key*.
    """
    return _paces.get(key)
