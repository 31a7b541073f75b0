"""
The state of a refresher and its decisions: no lock, no clock, no waiting.

A caller that needs a refresh joins the one in progress, or starts one and becomes its
owner (`RefreshState.join_or_start` and its siblings). The owner starts the fetch
(`begin_fetch`, `end_fetch`), which ends in one of `complete`, `fail` and `interrupt`.
Callers that have no refresh to wait for use the current record (`use_held`).
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading

from collections.abc import Callable

import attrs

from .._locks import OneTimeEvent
from ..exceptions import RefreshError
from . import errors
from .backoff import Backoff
from .context import in_background, reported
from .credentials import FetchResult, Instant, Record
from .events import EventName, EventQueue, Reason, RefreshEvent, shorten
from .policy import Freshness, RefreshPolicy


__all__ = [
    "Flight",
    "RefreshState",
]


class Flight:
    """
    A refresh in progress; it ends with a record, an error, or an interruption.

    Its owner starts the fetch, and abandons the refresh if its call is interrupted. The
    thread that runs it sets one of *record* and *error*, and then *done*.
    """

    def __init__(self, *, began: Instant, reason: Reason, owner: object) -> None:
        self.began = began
        self.reason = reason
        self.owner = owner
        """Identifies the call of the refresher that has to start the fetch."""
        self.runner: int | None = None
        """The thread that fetches. `None` until the fetch has begun."""
        self.attended = False
        """Whether the owner waits for the end, and delivers the events then."""
        self.queued = False
        """Whether it was passed to the background pool, which may be busy."""
        self.done = OneTimeEvent()
        self.record: Record | None = None
        self.error: RefreshError | None = None
        self.interruption: BaseException | None = None
        """An exception that ended the fetch and isn't a failure of the source, such as
        `KeyboardInterrupt`. The owner raises it."""
        self.starter: int | None = threading.get_ident()
        """The thread that has to start the fetch, until it has: it may be calling a
        hook meanwhile."""

    @property
    def waits_for_this_thread(self) -> bool:
        """Whether this thread would wait for itself."""
        return threading.get_ident() in (self.starter, self.runner)

    def age(self, now: Instant) -> float:
        """Return the seconds since it began, by the clock on which more have passed."""
        return max(now.monotonic - self.began.monotonic, now.wall - self.began.wall)

    @property
    def interrupted(self) -> bool:
        """
        Whether it ended without a result, so that another caller has to start one.
        """
        return self.done.is_set() and self.record is None and self.error is None


REASONS: dict[Freshness, Reason] = {
    Freshness.ADVISORY: "advisory",
    Freshness.MANDATORY: "mandatory",
    Freshness.EXPIRED: "expired",
}

ADVISORY_OF_NOTHING = 300.0
"""The advisory window in seconds that pauses scale with before the first success."""

FORMER_KEYS = 8
"""How many former access key IDs are kept: a service may still reject requests that
were signed with them."""

MAX_FETCHES = 2
"""How many fetches of one refresher run at the same time: the current one, and one that
has exceeded its deadline. A source that never responds must not cost a thread for each
attempt, so each further one starts after twice as many deadlines."""


@attrs.define(kw_only=True, eq=False, repr=False)
class RefreshState:
    """
    The current record, the refresh in progress, and the decisions about both.

    The caller must hold a lock during each call. Each method may be interrupted by an
    exception after any call that it makes. Therefore, the attributes that other threads
    depend on are set last, by assignments with no call in between.

    The other arguments are those of `Refresher`.

    Args:
        offset: The wall clock less the monotonic clock, in seconds.

        record: The current record. `None` if there is none yet.
    """

    name: str
    source: str
    policy: RefreshPolicy
    random: Callable[[], float]
    load_timeout: float
    waits_for_advisory: bool
    needs_input: Callable[[], bool]
    offset: float
    record: Record | None

    fresh: Record | None = attrs.field(init=False)
    """The record, or `None` if a refresh is due regardless of the clocks."""

    flight: Flight | None = None
    last_error: RefreshError | None = None
    events: EventQueue = attrs.field(init=False)
    backoff: Backoff = attrs.field(init=False)
    _settled_until: float = -math.inf
    _marked_due: bool = False
    _rejected: bool = False
    _rejected_at: float = -math.inf
    _warned_of_window: bool = False
    _logged_permanent_error: bool = False
    _former_keys: tuple[str, ...] = ()
    _fetches: tuple[Flight, ...] = ()
    """The fetches that are running, whether or not a caller waits for them."""

    def __attrs_post_init__(self) -> None:
        self.fresh = self.record
        self.events = EventQueue(name=self.name)
        self.backoff = Backoff(policy=self.policy, random=self.random)

    def note_clocks(self, now: Instant) -> Freshness:
        """
        Return how urgent a refresh is, after a comparison of the two clocks.

        If they diverged since the last call, pauses that were computed with them end.
        """
        offset = now.wall - now.monotonic
        jump, self.offset = offset - self.offset, offset
        if abs(jump) > self.policy.tuning.clock_jump:
            self.backoff.reset()
            self._settled_until = -math.inf
            flight = self.flight
            old = flight is not None and flight.age(now) >= self.load_timeout
            if flight is not None and old and not self.needs_input():
                # The fetch was suspended with the machine, and its connection is lost.
                self.abandon(flight)
            self.events.counters.clock_jumps += 1
            self._put(
                "clock_jumped",
                now,
                log=f"wall clock and monotonic clock diverged by {jump:+.0f} s",
                level=logging.INFO,
            )
        return self.freshness(now)

    def freshness(self, now: Instant) -> Freshness:
        """Return how urgent a refresh is."""
        if self.record is None:
            return Freshness.EXPIRED
        freshness = self.record.plan.freshness(self.record.remaining(now))
        return max(freshness, Freshness.ADVISORY) if self._marked_due else freshness

    def join_or_start(self, now: Instant, owner: object) -> Flight | None:
        """
        Return the refresh that a caller joins, or starts as *owner*.

        `None` if there is none and none may start, because of a pause for example.
        """
        freshness = self.freshness(now)
        flight = self._in_progress(now)
        if flight is not None:
            if freshness >= Freshness.MANDATORY:
                self._take_over(flight, owner, now)
            return flight
        if freshness is Freshness.ADVISORY and not self._may_start_early(now):
            return None
        allowed = self.backoff.allows(now.monotonic, freshness, advisory=self._advisory)
        if not allowed or self._cannot_prompt() or self._has_too_many_fetches(now):
            return None
        reason = "first" if self.record is None else REASONS[freshness]
        return self._begin(now, freshness, reason, owner)

    def _take_over(self, flight: Flight, owner: object, now: Instant) -> None:
        """
        Become the owner of a refresh that waits for a thread of the background pool.

        All threads of the pool may hang.
        """
        if flight.queued and flight.runner is None:
            starter = threading.get_ident()
            flight.owner = owner
            flight.starter = starter
            flight.began = now
            flight.queued = False

    @property
    def _advisory(self) -> float:
        """The advisory window that pauses scale with, in seconds."""
        return ADVISORY_OF_NOTHING if self.record is None else self.record.plan.advisory

    def _has_too_many_fetches(self, now: Instant) -> bool:
        """Return whether as many fetches as allowed haven't returned."""
        number = len(self._fetches)
        if number < MAX_FETCHES:
            return False
        passed = now.monotonic - self._fetches[-1].began.monotonic
        return passed < self.load_timeout * 2.0 ** min(number, 30)

    def _cannot_prompt(self) -> bool:
        """Return whether a fetch would prompt a person, but runs in the background."""
        return in_background() and self.needs_input()

    def _may_start_early(self, now: Instant) -> bool:
        if self.needs_input():  # people aren't prompted before it's necessary
            return False
        return self._marked_due or now.monotonic >= self._settled_until

    def join_or_start_requested(self, now: Instant, owner: object) -> Flight:
        """
        Return the refresh that a caller joins, or starts during a pause as well.

        Raises:
            RefreshError: If too many attempts failed within a minute, or don't return.
        """
        flight = self._in_progress(now)
        if flight is not None:
            self._take_over(flight, owner, now)
            return flight
        if self._has_too_many_fetches(now):
            raise errors.no_response(self.name, self.source, self.load_timeout)
        self._check_attempts(now)
        return self._begin(now, self.freshness(now), "requested", owner)

    def join_or_start_rejected(
        self, access_key_id: str, now: Instant, owner: object
    ) -> Flight | None:
        """
        Return the refresh of a caller whose request was rejected because of its key.

        Rejections start at most one refresh per `Tuning.rejection_interval`, so that
        a service that rejects every key causes no loop. `None` if there is none.
        """
        self.events.counters.rejections += 1
        self._rejected = True
        flight = None
        if self.policy.tuning.refresh_rejected:
            flight = self._in_progress(now)
            if flight is not None:
                self._take_over(flight, owner, now)
        if now.monotonic < self._rejected_at + self._rejection_interval:
            return flight
        self._rejected_at = now.monotonic
        self._marked_due, self.fresh = True, None
        key = shorten(access_key_id)
        self._put(
            "invalidated",
            now,
            log=f"a service rejected the current key {key}",
            level=logging.INFO,
            access_key_id=key,
        )
        if flight is not None or not self.policy.tuning.refresh_rejected:
            return flight
        allowed = self.backoff.allows_rejected(now.monotonic, advisory=self._advisory)
        if not allowed or self._cannot_prompt() or self._has_too_many_fetches(now):
            return None
        return self._begin(now, Freshness.MANDATORY, "rejected", owner)

    @property
    def _rejection_interval(self) -> float:
        interval = self.policy.tuning.rejection_interval
        if self.record is None:
            return interval
        return min(interval, self.record.lifetime / 2)

    def is_former(self, access_key_id: str) -> bool:
        """
        Return whether this was the key before the current one, or one before that.
        """
        return access_key_id in self._former_keys

    def timeout(self, flight: Flight, now: Instant, freshness: Freshness) -> float:
        """Return how many seconds a caller waits for *flight*."""
        passed = now.monotonic - flight.began.monotonic
        if self.record is None or freshness is Freshness.EXPIRED:
            return self.load_timeout - passed
        waits = self.waits_for_advisory or not self.policy.background
        if freshness is Freshness.ADVISORY and not waits:
            return 0.0
        wait = self.policy.mandatory_wait.total_seconds() - passed
        return min(wait, self.record.remaining(now) - self.record.plan.floor)

    def _in_progress(self, now: Instant) -> Flight | None:
        """Return the refresh to join, if any. One that takes too long is timed out."""
        flight = self.flight
        if flight is not None:
            waits = flight.queued and flight.runner is None
            if waits or now.monotonic < flight.began.monotonic + self.load_timeout:
                return flight
            self.time_out(flight, now)
        return self.flight

    def _begin(
        self, now: Instant, freshness: Freshness, reason: Reason, owner: object
    ) -> Flight:
        flight = Flight(began=now, reason=reason, owner=owner)
        self.backoff.begin(now.monotonic, freshness)
        self.events.counters.attempts += 1
        self._put("started", now, reason=reason)
        self.flight = flight
        return flight

    def begin_fetch(self, flight: Flight, owner: object) -> bool:
        """Register the fetch of *flight*, unless it has another owner or has begun."""
        started = flight.runner is not None or flight.done.is_set()
        if flight.owner is not owner or started:
            return False
        runner, fetches = threading.get_ident(), (*self._fetches, flight)
        flight.starter = None
        flight.runner = runner
        self._fetches = fetches
        return True

    def end_fetch(self, flight: Flight) -> None:
        """End *flight* after its fetch. May be called again after an interrupt."""
        self._forget_fetch(flight)
        self.abandon(flight)

    def _forget_fetch(self, flight: Flight) -> None:
        self._fetches = tuple(it for it in self._fetches if it is not flight)

    def interrupt(self, flight: Flight, error: BaseException, now: Instant) -> None:
        """End the fetch with an exception that isn't a failure of the source."""
        flight.interruption = error
        self.backoff.interrupted(now.monotonic, began=flight.began.monotonic)

    def abandon_owned(self, owner: object) -> None:
        """Abandon the refresh of *owner*, unless a thread has been started for it."""
        flight = self.flight
        if flight is not None and flight.owner is owner and flight.starter is not None:
            self.abandon(flight)

    def _check_attempts(self, now: Instant) -> None:
        if not self.backoff.has_room(now.monotonic):
            raise errors.too_many_attempts(self.name, self.policy.attempts_per_minute)

    def use_held(self, now: Instant, failed: RefreshError | None = None) -> Record:
        """
        Return the current record if it may be used.

        Args:
            now: The time.

            failed: The error of the refresh that the caller waited for, if any.

        Raises:
            RefreshError: If there is no record, or it may not be used.
        """
        record, backoff = self.record, self.backoff
        permanent = backoff.permanent_error(now.monotonic)
        if permanent is not None and self.policy.when_denied == "raise":
            raise errors.copy_to_raise(failed or permanent)
        if record is not None and self.freshness(now) is not Freshness.EXPIRED:
            return record
        error = failed or self.last_error
        if error is None:
            error = self._without_failure(now)
        if record is None:
            raise errors.copy_to_raise(error)
        remaining = record.remaining(now)
        if self._may_use_expired(remaining):
            return record
        raise errors.credentials_expired(
            record,
            remaining,
            error,
            now=now.wall,
            attempts=backoff.failures,
            wait=backoff.wait(now.monotonic),
            name=self.name,
            source=self.source,
        )

    def _without_failure(self, now: Instant) -> RefreshError:
        if self.backoff.has_room(now.monotonic):
            return errors.no_credentials_yet(self.name)
        return errors.too_many_attempts(self.name, self.policy.attempts_per_minute)

    def _may_use_expired(self, remaining: float) -> bool:
        if self.policy.when_expired == "use_until_rejected":
            return not self._rejected and not self.backoff.is_permanent
        return self.policy.when_expired == "use" or remaining > 0

    def complete(
        self, flight: Flight, fetched: FetchResult, began: Instant, now: Instant
    ) -> Record:
        """
        Make a record of the credentials that a fetch returned, and hold it.

        Raises:
            RefreshError: If they are impossible, or no better than the current ones.
        """
        self._forget_fetch(flight)
        if self._is_outdated(flight) and self.record is not None:
            return self.record
        lifetime = errors.lifetime_of(fetched, now, self.name)
        if self.policy.tuning.require_progress:
            errors.check_progress(
                fetched,
                lifetime,
                self.record,
                now,
                replaceable=self._rejected or self.freshness(now) is Freshness.EXPIRED,
                requested=flight.reason == "requested",
                name=self.name,
            )
        record = Record(
            credentials=fetched.credentials,
            generation=1 if self.record is None else self.record.generation + 1,
            began=began,
            lifetime=lifetime,
            source_remaining=fetched.source_remaining,
            plan=self.policy.plan(
                lifetime, self.random(), source_remaining=fetched.source_remaining
            ),
        )
        self._report_success(record, flight, fetched, now)
        self._hold(record, flight, now)
        return record

    def _is_outdated(self, flight: Flight) -> bool:
        """Return whether it timed out and a later fetch has returned credentials."""
        if self.flight is flight or self.record is None:
            return False
        return self.record.began.monotonic > flight.began.monotonic

    def _report_success(
        self, record: Record, flight: Flight, fetched: FetchResult, now: Instant
    ) -> None:
        self.events.counters.successes += 1
        self._put(
            "succeeded",
            now,
            record=record,
            reason=flight.reason,
            since=flight.began,
            log=f"valid for {errors.format_span(record.lifetime)}, refreshed "
            f"({flight.reason}, generation {record.generation})",
            level=logging.INFO,
            access_key_id=shorten(record.credentials.access_key_id),
        )
        if fetched.source_resolved_again:
            self._put("source_resolved_again", now, record=record, reason=flight.reason)
        self._warn_of_window(record)

    def _hold(self, record: Record, flight: Flight, now: Instant) -> None:
        former = self._former_keys
        if self.record is not None:
            former = (*former, self.record.credentials.access_key_id)[-FORMER_KEYS:]
        self.backoff.succeeded()
        # From here on nothing is called, so that no interrupt comes in between.
        self._former_keys = former
        self._rejected = self._marked_due = self._logged_permanent_error = False
        self._settled_until = now.monotonic + record.plan.settle
        self.last_error = None
        self.record = self.fresh = record
        if self.flight is flight:
            self.flight = None
            flight.record = record
            flight.done.set()  # before hooks and logging handlers, which may block

    def _warn_of_window(self, record: Record) -> None:
        if record.plan.clamped and not self._warned_of_window:
            self._warned_of_window = True
            self.events.put(
                None,
                log="the windows of the refresh policy don't fit a lifetime of "
                f"{errors.format_span(record.lifetime)}; the advisory window is "
                f"{errors.format_span(record.plan.advisory)} now",
                level=logging.WARNING,
            )

    def time_out(self, flight: Flight, now: Instant) -> None:
        """
        Fail *flight* because it takes too long; a result that arrives later is used.

        A fetch that prompts a person continues, so that there is only one prompt.
        """
        if not flight.done.is_set() and not self.needs_input():
            error = errors.no_response(self.name, self.source, self.load_timeout)
            self.fail(flight, error, now, ended=False)

    def abandon(self, flight: Flight) -> None:
        """
        End *flight* without a result; one of the callers that wait starts another.
        """
        if self.flight is flight:
            self.flight = None
        flight.done.set()

    def fail(
        self,
        flight: Flight,
        error: RefreshError,
        now: Instant,
        *,
        kept: RefreshError | None = None,
        ended: bool = True,
    ) -> None:
        """
        End *flight* with an error.

        Args:
            flight: The refresh that failed.

            error: The error for the callers that wait.

            now: The time.

            kept: The error for later callers. `None` means *error*.

            ended: Whether the fetch has ended.
        """
        if ended:
            self._forget_fetch(flight)
        if self.flight is not flight:
            return  # timed out before
        raised, error = error, kept or error
        record = self.record
        remaining = 0.0 if record is None else record.remaining(now)
        pause = self.backoff.failed(
            error,
            now.monotonic,
            began=flight.began.monotonic,
            advisory=self._advisory,
            remaining=remaining,
            usable=self.freshness(now) is not Freshness.EXPIRED,
            first=record is None,
        )
        self.events.counters.failures += 1
        self._put(
            "failed",
            now,
            reason=flight.reason,
            since=flight.began,
            log=f"refresh failed, {errors.validity(remaining)}, "
            f"next attempt in {pause:.0f} s: {error}",
            level=self._level_of_failure(remaining, now),
            error=type(error).__name__,
            next_attempt_in=dt.timedelta(seconds=pause),
        )
        self.last_error = error
        self.flight = None
        flight.error = raised
        flight.done.set()

    def _level_of_failure(self, remaining: float, now: Instant) -> int:
        if reported(self.events) and not self._may_use(remaining, now):
            return logging.DEBUG
        if self.backoff.is_permanent and not self._logged_permanent_error:
            self.events.warning_level(now.monotonic)
            self._logged_permanent_error = True
            return logging.ERROR
        return self.events.warning_level(now.monotonic)

    def _may_use(self, remaining: float, now: Instant) -> bool:
        """Return whether callers get the current record now, and not the error."""
        denied = self.backoff.is_permanent and self.policy.when_denied == "raise"
        if self.record is None or denied:
            return False
        usable = self.freshness(now) is not Freshness.EXPIRED
        return usable or self._may_use_expired(remaining)

    def after_fork(self) -> None:
        """
        Forget the refresh in progress, which continues in the parent process.

        The jitter is computed anew, so that forked processes don't refresh together.
        """
        self.flight = None
        self._fetches = ()
        record = self.record
        if record is None or math.isinf(record.lifetime):
            return
        plan = self.policy.plan(
            record.lifetime, self.random(), source_remaining=record.source_remaining
        )
        self.record = attrs.evolve(record, plan=plan)
        if self.fresh is not None:
            self.fresh = self.record

    def _put(
        self,
        name: EventName,
        now: Instant,
        *,
        since: Instant | None = None,
        log: str = "",
        level: int = logging.DEBUG,
        reason: Reason | None = None,
        error: str | None = None,
        next_attempt_in: dt.timedelta | None = None,
        access_key_id: str | None = None,
        record: Record | None = None,
    ) -> None:
        record = self.record if record is None else record
        remaining = math.inf if record is None else record.remaining(now)
        event = RefreshEvent(
            name=name,
            hop=self.name,
            reason=reason,
            generation=0 if record is None else record.generation,
            remaining=_span(remaining),
            duration=(
                None if since is None else _span(now.monotonic - since.monotonic)
            ),
            error=error,
            next_attempt_in=next_attempt_in,
            access_key_id=access_key_id,
        )
        self.events.put(event, log=log, level=level)


def _span(seconds: float) -> dt.timedelta | None:
    return None if math.isinf(seconds) else dt.timedelta(seconds=seconds)
