"""Limits and retries the requests that the roles of one source send to STS."""

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


__all__ = ["RateLimit", "RetryLoop", "Throttle", "throttle_for"]


WINDOW = 1.0
"""Seconds over which the requests that STS accepts are counted."""

CUT = 0.7
"""Factor by which the rate changes when STS throttles a request."""

SCALE = 0.4
"""How steeply the rate grows again. botocore's adaptive mode uses the same two numbers
and the same curve, that of TCP CUBIC."""

LEAST = 0.5
"""Lower bound of the rate, in requests per second."""

LONGEST_DEBT = 5.0
"""Upper bound of the pause after the rate was cut, in seconds."""

LONGEST_WAIT = 30.0
"""Upper bound, in seconds, of the pause of all requests after a Retry-After header,
which was returned for one of them."""

FORGOTTEN_AFTER = 300.0
"""Seconds without a response after which there is no limit again."""

PAUSE = 1.0
"""Upper bound of the seconds between two responses during which the rate grows."""


@attrs.define(kw_only=True, eq=False)
class RateLimit:
    """
    A request rate that adapts to throttling, along the curve of TCP CUBIC.

    There is no limit until STS first throttles a request. The number of requests that
    STS accepted in the second before is then taken as its limit: requests continue at
    70 % of that rate, evenly spaced. The rate then grows along a cubic curve, fast up
    to the former rate and slowly beyond it. Time without requests doesn't count. After
    five minutes without requests, there is no limit again.

    All instants are seconds on a monotonic clock. Not thread-safe: the caller holds a
    lock.
    """

    _ceiling: float = math.inf
    _growing: float = 0.0
    _next_at: float = -math.inf
    _cut_at: float = -math.inf
    _answered_at: float = -math.inf
    _accepted: collections.deque[float] = attrs.field(factory=collections.deque)

    @property
    def rate(self) -> float:
        """Requests per second; infinite while there is no limit."""
        if math.isinf(self._ceiling):
            return math.inf
        # After `flat` seconds the former rate is reached, and the rate grows slowest.
        flat = math.pow(self._ceiling * (1 - CUT) / SCALE, 1 / 3)
        grown = SCALE * math.pow(self._growing - flat, 3)
        return max(LEAST, self._ceiling + grown)

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may be sent; 0 means now."""
        if now > self._answered_at + FORGOTTEN_AFTER and now > self._next_at:
            self._ceiling = math.inf
        if math.isinf(self._ceiling):
            return 0.0
        return max(0.0, self._next_at - now)

    def begin(self, now: float) -> None:
        """Count a request that is being sent."""
        if math.isinf(self._ceiling):
            return
        gap = 1 / self.rate
        # A thread that is a little late doesn't delay all others.
        self._next_at = max(self._next_at, now - gap) + gap

    def accepted(self, now: float) -> None:
        """Count a response other than throttling."""
        self._answered(now)
        self._accepted.append(now)
        self._forget(now)

    def _answered(self, now: float) -> None:
        if not math.isinf(self._answered_at):
            self._growing += min(PAUSE, max(0.0, now - self._answered_at))
        self._answered_at = now

    def _forget(self, now: float) -> None:
        while self._accepted and self._accepted[0] <= now - WINDOW:
            self._accepted.popleft()

    def throttled(
        self, now: float, *, began: float, retry_after: float | None = None
    ) -> None:
        """
        Cut the rate, because STS throttled a request.

        Args:
            now: When the response arrived.

            began:
                When the request was sent. The rate isn't cut again for requests that
                were sent before it was last cut.

            retry_after: The seconds in the Retry-After header, if there is one.
        """
        self._answered(now)
        if retry_after is not None:
            self._next_at = max(self._next_at, now + min(retry_after, LONGEST_WAIT))
        if began < self._cut_at:
            return
        self._forget(now)
        passed = len(self._accepted)
        self._ceiling = max(LEAST, min(self.rate, passed / WINDOW))
        self._growing, self._cut_at = 0.0, now
        if passed:
            # The new rate also counts the requests that were accepted before.
            paid_at = self._accepted[0] + passed / self.rate
            self._next_at = max(self._next_at, min(paid_at, now + LONGEST_DEBT))
        self._next_at = max(self._next_at, now + min(1 / self.rate, LONGEST_DEBT))


TIMEOUT = 120.0
"""Seconds for which one fetch is retried while STS throttles it."""

OUTAGES = 6
"""The number of attempts of one fetch that may fail because of an outage."""

FIRST_PAUSE = 0.25
"""Upper bound of the pause after the first outage, in seconds; doubled each time."""

LONGEST_PAUSE = 4.0

T = TypeVar("T")


class _Turn:
    def __init__(self) -> None:
        self.called = OneTimeEvent()


class Throttle:
    """
    Limits the requests of many roles to one rate, first come, first served.

    All methods may be called from any thread.
    """

    timeout = TIMEOUT
    """Seconds for which a fetch is retried by default."""

    def __init__(self, runtime: Runtime | None = None) -> None:
        runtime = current_runtime() if runtime is None else runtime
        self.clock: Clock = runtime.clock
        self.random: Callable[[], float] = runtime.random
        self.wait: Callable[[OneTimeEvent, float], object] = runtime.wait
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Guards the next two attributes.
        self._lock = threading.RLock()
        self._limit = RateLimit()
        self._queue: collections.deque[_Turn] = collections.deque()

    @property
    def rate(self) -> float:
        """Requests per second; infinite while there is no limit."""
        return guarded(self._lock, lambda: self._limit.rate)

    def retry_loop(self, timeout: float, *, action: str, hop: str) -> RetryLoop:
        """Return a loop that sends and retries a request at this rate."""
        return RetryLoop(throttle=self, timeout=timeout, action=action, hop=hop)

    def acquire(self, deadline: float) -> bool:
        """
        Wait until a request may be sent, and count it. First come, first served.

        Args:
            deadline: When to stop waiting, as an instant of the monotonic clock.

        Returns:
            Whether the request may be sent.
        """
        turn = _Turn()
        try:
            self._queue.append(turn)
            while True:
                turn.called = OneTimeEvent()  # set first, to miss no call
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
        Count the request if its turn has come; return the seconds until then, if known.
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

    def observe(self, began: float, error: RefreshError | None) -> None:
        """Adapt the rate to the response to a request that was sent at *began*."""
        now = self.clock.monotonic()
        guarded(self._lock, lambda: self._adapt(began, error, now))

    def _adapt(self, began: float, error: RefreshError | None, now: float) -> None:
        if error is not None and error.kind is FailureKind.THROTTLED:
            wait = error.retry_after
            self._limit.throttled(
                now,
                began=began,
                retry_after=None if wait is None else wait.total_seconds(),
            )
        elif error is None or error.http_status is not None:
            self._limit.accepted(now)


@attrs.frozen(kw_only=True, eq=False)
class RetryLoop:
    """Retries a request while STS throttles it or is unavailable, at a shared rate."""

    throttle: Throttle
    timeout: float
    """Seconds after which the last error is raised."""

    action: str
    """The first sentence of the error if no request could be sent."""

    hop: str

    def __call__(self, send: Callable[[], T]) -> T:
        """
        Call *send* until it succeeds or fails permanently. Blocks up to *timeout*.

        Raises:
            RefreshError:
                If the last attempt failed, or no request could be sent in time.
        """
        throttle = self.throttle
        deadline = throttle.clock.monotonic() + self.timeout
        last: RefreshError | None = None
        outages = 0
        while True:
            if not throttle.acquire(deadline):
                raise last or self._never_sent()
            began = throttle.clock.monotonic()
            try:
                value = send()
            except RefreshError as e:
                if last is not None and _lacks_code(e):
                    raise last from last.__cause__
                last = e
            else:
                throttle.observe(began, None)
                return value
            throttle.observe(began, last)
            outages += last.kind is FailureKind.OUTAGE
            if not self._may_retry(last, outages, deadline):
                raise last

    def _never_sent(self) -> StsUnavailableError:
        return StsUnavailableError(
            f"{self.action}. STS throttles the requests of this source, so this one "
            f"could not be sent within {self.timeout:.0f} s.",
            kind=FailureKind.THROTTLED,
            hop=self.hop,
            hint="Try again later, or allow more time: load_timeout of RefreshPolicy.",
        )

    def _may_retry(self, error: RefreshError, outages: int, deadline: float) -> bool:
        """Return whether to send the request again. Waits first, after an outage."""
        if error.kind is FailureKind.OUTAGE:
            return outages < OUTAGES and self._pause(outages, deadline)
        return error.kind is FailureKind.THROTTLED

    def _pause(self, outages: int, deadline: float) -> bool:
        """Wait before the next attempt; return whether there was enough time left."""
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (outages - 1))
        pause = longest * (0.5 + 0.5 * self.throttle.random())
        if self.throttle.clock.monotonic() + pause >= deadline:
            return False
        self.throttle.wait(OneTimeEvent(), pause)
        return True


def _lacks_code(error: RefreshError) -> bool:
    # STS wasn't called, because the MFA device has no new code yet.
    return error.kind is FailureKind.MFA and error.code is None


class _Throttles:
    """The throttles in use, by key."""

    def __init__(self) -> None:
        self._throttles: weakref.WeakValueDictionary[Hashable, Throttle] = (
            weakref.WeakValueDictionary()
        )
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def get(self, key: Hashable) -> Throttle:
        runtime = current_runtime()
        return guarded(self._lock, lambda: self._get((key, runtime.clock), runtime))

    def _get(self, key: Hashable, runtime: Runtime) -> Throttle:
        throttle = self._throttles.get(key)
        if throttle is None:
            made = Throttle(runtime)
            throttle = self._throttles.setdefault(key, made)
        return throttle


_throttles = per_process(_Throttles)


def throttle_for(key: Hashable) -> Throttle:
    """Return the throttle that all sessions with an equal *key* share."""
    return _throttles().get(key)
