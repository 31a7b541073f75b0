"""
The state of a refresher and its decisions: no lock, no clock, no waiting.
"""

from __future__ import annotations

import contextvars
import datetime as dt
import logging
import math
import os
import threading

from collections.abc import Callable, Iterable
from typing import TypeVar

import attrs

from .._locks import OneTimeEvent
from ..exceptions import RefreshError
from . import errors as _answers
from .backoff import Backoff
from .credentials import Fetched, Instant, Record
from .errors import copied
from .events import Announcer, EventName, Reason, RefreshEvent, shorten
from .policy import Freshness, RefreshPolicy


__all__ = [
    "Fetching",
    "Flight",
    "RefreshState",
    "is_fetching",
    "reported",
    "reporting",
    "unattended",
]


T = TypeVar("T")


@attrs.define(kw_only=True, eq=False, repr=False)
class Flight:
    """
    A refresh in progress; it ends with a record, an error, or an interruption.

    It always has an owner that gets it to run, and returns it if that is interrupted.
    The thread that runs it sets one of *record* and *error*, and then *done*.
    """

    began: Instant
    reason: Reason
    owner: object
    """The call of the refresher that has to get it to run."""

    runner: int | None = None
    """The thread that runs it. `None` until it has started to."""

    attended: bool = False
    """Whether the owner waits for it, and delivers the events that come of it."""

    queued: bool = False
    """Whether it was handed to the background pool, which may be busy."""

    done: OneTimeEvent = attrs.field(factory=OneTimeEvent)
    record: Record | None = None
    error: RefreshError | None = None
    interruption: BaseException | None = None
    """What ended the fetch without saying anything about the source, such as
    `KeyboardInterrupt`; for the owner to raise."""

    starter: int | None = attrs.field(factory=threading.get_ident)
    """The thread that has to start it, until it has: it may be calling a hook."""

    @property
    def waits_for_this_thread(self) -> bool:
        """
        Whether this thread would wait for itself.
        """
        return threading.get_ident() in (self.starter, self.runner)

    def age(self, now: Instant) -> float:
        """
        Seconds since it began, by whichever clock says more.
        """
        return max(now.monotonic - self.began.monotonic, now.wall - self.began.wall)

    @property
    def interrupted(self) -> bool:
        """
        Whether it ended without a result, so that another caller has to fetch.
        """
        return self.done.is_set() and self.record is None and self.error is None


# A fetch runs on a thread of its own, with the context of its caller. What it starts
# may inherit that context, and go on after it.
_fetches: contextvars.ContextVar[tuple[Fetching, ...]] = contextvars.ContextVar(
    "stsession_fetches", default=()
)
_reported: contextvars.ContextVar[tuple[object, ...]] = contextvars.ContextVar(
    "stsession_reported", default=()
)


@attrs.frozen(eq=False)
class Fetching:
    """
    What is known in the context of a fetch.
    """

    refresher: object
    flight: Flight
    in_background: bool
    process: int = attrs.field(factory=os.getpid, init=False)

    @property
    def goes_on(self) -> bool:
        """
        Whether it hasn't ended yet, as seen from this process.
        """
        return not self.flight.done.is_set() and self.process == os.getpid()

    def run(self, work: Callable[[], T]) -> T:
        """
        Call *work* in a context in which this is known.

        Nothing has to be undone afterwards, so that no interrupt can prevent that.
        """
        context = contextvars.copy_context()
        context.run(_fetches.set, (*_fetches.get(), self))
        return context.run(work)


def unattended() -> bool:
    """
    Whether no caller waits for what this thread does.
    """
    return any(it.in_background and it.goes_on for it in _fetches.get())


def is_fetching(refresher: object) -> bool:
    """
    Whether this thread is fetching for *refresher*, and would wait for itself.
    """
    return any(it.refresher is refresher and it.goes_on for it in _fetches.get())


def reporting(announcers: Iterable[object]) -> contextvars.Context:
    """
    Return a context in which these failures are `reported` as a result.
    """
    context = contextvars.copy_context()
    context.run(_reported.set, tuple(announcers))
    return context


def reported(announcer: object) -> bool:
    """
    Whether a failure is reported anyhow, and needn't be logged as well.
    """
    return any(known is announcer for known in _reported.get())


REASONS: dict[Freshness, Reason] = {
    Freshness.ADVISORY: "advisory",
    Freshness.MANDATORY: "mandatory",
    Freshness.EXPIRED: "expired",
}

ADVISORY_OF_NOTHING = 300.0
"""What pauses scale with before there have been credentials; seconds."""

FORMER_KEYS = 8
"""Access key IDs that are remembered: requests signed with them may still be on their
way."""

MAX_FETCHES = 2
"""Fetches of one refresher that run at once: the current one, and one that has exceeded
its deadline. A source that never answers must not cost a thread for each attempt, so a
further one has to wait for twice as many deadlines each time."""


@attrs.define(kw_only=True, eq=False, repr=False)
class RefreshState:
    """
    One record, at most one refresh in progress, and the gate before the next.

    Each method may be interrupted by an exception after any call that it makes. So
    what other threads depend on is set last, by assignments without a call between.

    Args:
        label: Whose credentials; for messages.

        source: Who is asked for them; for messages.

        policy: When to do what.

        draw: Dice: a number from 0 to 1.

        load_timeout: Seconds that a caller without credentials waits.

        foreground: Whether a caller waits for its own advisory refresh.

        asks: Whether a fetch would ask somebody for something now.

        offset: The wall clock less the monotonic one.

        record: What is held.
    """

    label: str
    source: str
    policy: RefreshPolicy
    draw: Callable[[], float]
    load_timeout: float
    foreground: bool
    asks: Callable[[], bool]
    offset: float
    record: Record | None

    fresh: Record | None = attrs.field(init=False)
    """The record, unless something else than time says that it isn't fresh."""

    flight: Flight | None = None
    last_error: RefreshError | None = None
    announcer: Announcer = attrs.field(init=False)
    backoff: Backoff = attrs.field(init=False)
    _settled_at: float = -math.inf
    _marked_due: bool = False
    _rejected: bool = False
    _rejection_at: float = -math.inf
    _warned_of_window: bool = False
    _told_refusal: bool = False
    _former_keys: tuple[str, ...] = ()
    _fetches: tuple[Flight, ...] = ()
    """Those that are running, whether or not anything waits for them."""

    def __attrs_post_init__(self) -> None:
        self.fresh = self.record
        self.announcer = Announcer(label=self.label)
        self.backoff = Backoff(policy=self.policy, draw=self.draw)

    # -- Looking --------------------------------------------------------------

    def look(self, now: Instant) -> Freshness:
        """
        Tell how fresh the record is.

        If the clocks moved apart since the last look, what was decided by them
        is void.
        """
        offset = now.wall - now.monotonic
        jump, self.offset = offset - self.offset, offset
        if abs(jump) > self.policy.tuning.clock_jump:
            self.backoff.open()
            self._settled_at = -math.inf
            flight = self.flight
            old = flight is not None and flight.age(now) >= self.load_timeout
            if flight is not None and old and not self.asks():
                # It was frozen with us, and its connection has died.
                self.drop(flight)
            self.announcer.counters.clock_jumps += 1
            self._note(
                "clock_jumped",
                now,
                log=f"the clocks moved {jump:+.0f} s apart",
                level=logging.INFO,
            )
        return self.freshness(now)

    def freshness(self, now: Instant) -> Freshness:
        """
        Tell how fresh the record is.
        """
        if self.record is None:
            return Freshness.EXPIRED
        freshness = self.record.plan.freshness(self.record.remaining(now))
        return max(freshness, Freshness.ADVISORY) if self._marked_due else freshness

    # -- The refresh to join, or a new one that *owner* has to get to run -----------

    def board(self, now: Instant, owner: object) -> Flight | None:
        """
        For a caller that needs credentials that are no longer fresh.
        """
        freshness = self.freshness(now)
        flight = self._under_way(now)
        if flight is not None:
            if freshness >= Freshness.MANDATORY:
                self._take_over(flight, owner, now)
            return flight
        if freshness is Freshness.ADVISORY and not self._advisable(now):
            return None
        allowed = self.backoff.allows(now.monotonic, freshness, advisory=self._advisory)
        if not allowed or self._unheard() or self._hangs(now):
            return None
        reason = "first" if self.record is None else REASONS[freshness]
        return self._begin(now, freshness, reason, owner)

    def _take_over(self, flight: Flight, owner: object, now: Instant) -> None:
        """
        Don't wait for a place in the background pool, whose threads may all hang.
        """
        if flight.queued and flight.runner is None:
            starter = threading.get_ident()
            flight.owner = owner
            flight.starter = starter
            flight.began = now
            flight.queued = False

    @property
    def _advisory(self) -> float:
        """
        The advisory window that pauses scale with.
        """
        return ADVISORY_OF_NOTHING if self.record is None else self.record.plan.advisory

    def _hangs(self, now: Instant) -> bool:
        """
        Whether as many fetches as may run don't return.
        """
        number = len(self._fetches)
        if number < MAX_FETCHES:
            return False
        passed = now.monotonic - self._fetches[-1].began.monotonic
        return passed < self.load_timeout * 2.0 ** min(number, 30)

    def _unheard(self) -> bool:
        """
        Whether no person could answer at this thread what a fetch would prompt for.
        """
        return unattended() and self.asks()

    def _advisable(self, now: Instant) -> bool:
        """
        Whether there is a reason to refresh before it's necessary.
        """
        if self.asks():  # people aren't asked before it's necessary
            return False
        return self._marked_due or now.monotonic >= self._settled_at

    def board_on_request(self, now: Instant, owner: object) -> Flight:
        """
        For a caller that wants new ones whatever the gate says.

        Raises:
            RefreshError: If there were too many failures in the last minute.
        """
        flight = self._under_way(now)
        if flight is not None:
            self._take_over(flight, owner, now)
            return flight
        if self._hangs(now):
            raise _answers.no_answer(self.label, self.source, self.load_timeout)
        self._check_attempts(now)
        return self._begin(now, self.freshness(now), "requested", owner)

    def board_rejected(
        self, access_key_id: str, now: Instant, owner: object
    ) -> Flight | None:
        """
        For a caller whose request a service rejected because of its key.

        A rejection counts once per *rejection_interval*, so that a service that
        rejects every key causes no loop.
        """
        self.announcer.counters.rejections += 1
        self._rejected = True
        flight = None
        if self.policy.tuning.refresh_rejected:
            flight = self._under_way(now)
            if flight is not None:
                self._take_over(flight, owner, now)
        if now.monotonic < self._rejection_at + self._rejection_interval:
            return flight
        self._rejection_at = now.monotonic
        self._marked_due, self.fresh = True, None
        key = shorten(access_key_id)
        self._note(
            "invalidated",
            now,
            log=f"a service rejected the current key {key}",
            level=logging.INFO,
            access_key_id=key,
        )
        if flight is not None or not self.policy.tuning.refresh_rejected:
            return flight
        allowed = self.backoff.allows_rejected(now.monotonic, advisory=self._advisory)
        if not allowed or self._unheard() or self._hangs(now):
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
        Whether this key has been ours before the current one.
        """
        return access_key_id in self._former_keys

    def patience(self, flight: Flight, now: Instant, freshness: Freshness) -> float:
        """
        How many seconds a caller waits for the flight.
        """
        flown = now.monotonic - flight.began.monotonic
        if self.record is None or freshness is Freshness.EXPIRED:
            return self.load_timeout - flown
        alone = self.foreground or not self.policy.background
        if freshness is Freshness.ADVISORY and not alone:
            return 0.0
        wait = self.policy.mandatory_wait.total_seconds() - flown
        return min(wait, self.record.remaining(now) - self.record.plan.floor)

    def _under_way(self, now: Instant) -> Flight | None:
        """
        The flight to join; one that takes too long is given up.
        """
        flight = self.flight
        if flight is not None:
            waits = flight.queued and flight.runner is None
            if waits or now.monotonic < flight.began.monotonic + self.load_timeout:
                return flight
            self.give_up(flight, now)
        return self.flight

    def _begin(
        self, now: Instant, freshness: Freshness, reason: Reason, owner: object
    ) -> Flight:
        flight = Flight(began=now, reason=reason, owner=owner)
        self.backoff.begin(now.monotonic, freshness)
        self.announcer.counters.attempts += 1
        self._note("started", now, reason=reason)
        self.flight = flight
        return flight

    def run(self, flight: Flight, owner: object) -> bool:
        """
        Note that *flight* starts to run, unless another owner has taken it over.
        """
        started = flight.runner is not None or flight.done.is_set()
        if flight.owner is not owner or started:
            return False
        runner, fetches = threading.get_ident(), (*self._fetches, flight)
        flight.starter = None
        flight.runner = runner
        self._fetches = fetches
        return True

    def ended(self, flight: Flight) -> None:
        """
        *flight* doesn't run any longer. May be called again if it was interrupted.
        """
        self._fetched(flight)
        self.drop(flight)

    def _fetched(self, flight: Flight) -> None:
        self._fetches = tuple(it for it in self._fetches if it is not flight)

    def interrupted(self, flight: Flight, error: BaseException, now: Instant) -> None:
        """
        The fetch was ended by something that says nothing about the source.
        """
        flight.interruption = error
        self.backoff.interrupted(now.monotonic, began=flight.began.monotonic)

    def abandon(self, owner: object) -> None:
        """
        *owner* was interrupted: drop what it would have got to run.
        """
        flight = self.flight
        if flight is not None and flight.owner is owner and flight.runner is None:
            self.drop(flight)

    def _check_attempts(self, now: Instant) -> None:
        if not self.backoff.has_room(now.monotonic):
            raise _answers.too_many_attempts(
                self.label, self.policy.attempts_per_minute
            )

    # -- Without a flight, or after one that brought nothing ---------------------

    def make_do(self, now: Instant, failed: RefreshError | None = None) -> Record:
        """
        Return what is held if it may be used.

        Args:
            now: The time.

            failed: What the caller has just met with, tracebacks and all.

        Raises:
            RefreshError: If it may not.
        """
        record, gate = self.record, self.backoff
        refusal = gate.refusal(now.monotonic)
        if refusal is not None and self.policy.when_denied == "raise":
            raise own(failed or refusal)
        if record is not None and self.freshness(now) is not Freshness.EXPIRED:
            return record
        error = failed or self.last_error
        if error is None:
            error = self._without_failure(now)
        if record is None:
            raise own(error)
        remaining = record.remaining(now)
        if self._serves_expired(remaining):
            return record
        raise _answers.credentials_expired(
            record,
            remaining,
            error,
            now=now.wall,
            attempts=gate.failures,
            wait=gate.wait(now.monotonic),
            label=self.label,
            source=self.source,
        )

    def _without_failure(self, now: Instant) -> RefreshError:
        if self.backoff.has_room(now.monotonic):
            return _answers.nothing_yet(self.label)
        return _answers.too_many_attempts(self.label, self.policy.attempts_per_minute)

    def _serves_expired(self, remaining: float) -> bool:
        if self.policy.when_expired == "use_until_rejected":
            return not self._rejected and not self.backoff.raises
        return self.policy.when_expired == "use" or remaining > 0

    # -- Landing --------------------------------------------------------------------

    def land(
        self, flight: Flight, fetched: Fetched, began: Instant, now: Instant
    ) -> Record:
        """
        A fetch has brought credentials; hold them if they are any good.

        Raises:
            RefreshError: If they aren't.
        """
        self._fetched(flight)
        if self._is_outdated(flight) and self.record is not None:
            return self.record
        lifetime = _answers.lifetime_of(fetched, now, self.label)
        if self.policy.tuning.require_progress:
            _answers.check_progress(
                fetched,
                lifetime,
                self.record,
                now,
                replaceable=self._rejected or self.freshness(now) is Freshness.EXPIRED,
                requested=flight.reason == "requested",
                label=self.label,
            )
        record = Record(
            credentials=fetched.credentials,
            generation=1 if self.record is None else self.record.generation + 1,
            began=began,
            lifetime=lifetime,
            source_remaining=fetched.source_remaining,
            plan=self.policy.plan(
                lifetime, self.draw(), source_remaining=fetched.source_remaining
            ),
        )
        self._note_success(record, flight, fetched, now)
        self._hold(record, flight, now)
        return record

    def _is_outdated(self, flight: Flight) -> bool:
        """
        Whether it was given up, and a fetch that began later has brought credentials.
        """
        if self.flight is flight or self.record is None:
            return False
        return self.record.began.monotonic > flight.began.monotonic

    def _note_success(
        self, record: Record, flight: Flight, fetched: Fetched, now: Instant
    ) -> None:
        self.announcer.counters.successes += 1
        self._note(
            "succeeded",
            now,
            record=record,
            reason=flight.reason,
            since=flight.began,
            log=f"valid for {_answers.span(record.lifetime)}, refreshed "
            f"({flight.reason}, generation {record.generation})",
            level=logging.INFO,
            access_key_id=shorten(record.credentials.access_key_id),
        )
        if fetched.source_resolved_again:
            self._note(
                "source_resolved_again", now, record=record, reason=flight.reason
            )
        self._warn_of_window(record)

    def _hold(self, record: Record, flight: Flight, now: Instant) -> None:
        former = self._former_keys
        if self.record is not None:
            former = (*former, self.record.credentials.access_key_id)[-FORMER_KEYS:]
        self.backoff.succeeded()
        # From here on nothing is called, so that nothing comes in between.
        self._former_keys = former
        self._rejected = self._marked_due = self._told_refusal = False
        self._settled_at = now.monotonic + record.plan.settle
        self.last_error = None
        self.record = self.fresh = record
        if self.flight is flight:
            self.flight = None
            flight.record = record
            flight.done.set()  # before hooks and logging handlers, which may block

    def _warn_of_window(self, record: Record) -> None:
        if record.plan.clamped and not self._warned_of_window:
            self._warned_of_window = True
            self.announcer.note(
                None,
                log="the windows of the refresh policy don't fit a lifetime of "
                f"{_answers.span(record.lifetime)}; the advisory one is "
                f"{_answers.span(record.plan.advisory)} now",
                level=logging.WARNING,
            )

    def give_up(self, flight: Flight, now: Instant) -> None:
        """
        Nobody waits for this flight any longer. If it lands, all the better.

        While somebody is asked for something it goes on, so that they aren't
        asked twice.
        """
        if not flight.done.is_set() and not self.asks():
            error = _answers.no_answer(self.label, self.source, self.load_timeout)
            self.fail(flight, error, now, ended=False)

    def drop(self, flight: Flight) -> None:
        """
        This flight has no leader any longer; whoever waits for it takes over.
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
        A flight has brought nothing.

        Args:
            flight: It.

            error: What those who wait for it are told.

            now: The time.

            kept: What others are told later. `None` means the same.

            ended: Whether the fetch has returned.
        """
        if ended:
            self._fetched(flight)
        if self.flight is not flight:
            return  # given up before
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
        self.announcer.counters.failures += 1
        self._note(
            "failed",
            now,
            reason=flight.reason,
            since=flight.began,
            log=f"refresh failed ({error}); {_answers.left(remaining)}, "
            f"next attempt in {pause:.0f} s",
            level=self._level_of_failure(remaining, now),
            error=type(error).__name__,
            next_attempt_in=dt.timedelta(seconds=pause),
        )
        self.last_error = error
        self.flight = None
        flight.error = raised
        flight.done.set()

    def _level_of_failure(self, remaining: float, now: Instant) -> int:
        if reported(self.announcer) and not self._serves(remaining, now):
            return logging.DEBUG
        if self.backoff.raises and not self._told_refusal:
            self.announcer.warning_level(now.monotonic)
            self._told_refusal = True
            return logging.ERROR
        return self.announcer.warning_level(now.monotonic)

    def _serves(self, remaining: float, now: Instant) -> bool:
        """
        Whether whoever asks now gets what is held, and not the error.
        """
        refused = self.backoff.raises and self.policy.when_denied == "raise"
        if self.record is None or refused:
            return False
        usable = self.freshness(now) is not Freshness.EXPIRED
        return usable or self._serves_expired(remaining)

    def after_fork(self) -> None:
        """
        Forget the refresh in progress, which ends in another process.

        The jitter is computed anew, so that siblings don't refresh together.
        """
        self.flight = None
        self._fetches = ()
        record = self.record
        if record is None or math.isinf(record.lifetime):
            return
        plan = self.policy.plan(
            record.lifetime, self.draw(), source_remaining=record.source_remaining
        )
        self.record = attrs.evolve(record, plan=plan)
        if self.fresh is not None:
            self.fresh = self.record

    def _note(
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
            label=self.label,
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
        self.announcer.note(event, log=log, level=level)


def _span(seconds: float) -> dt.timedelta | None:
    return None if math.isinf(seconds) else dt.timedelta(seconds=seconds)


def own(error: RefreshError) -> RefreshError:
    """
    A copy for one thread to raise.

    A shared one would collect the tracebacks of all of them.
    """
    mine = copied(error)
    mine.__cause__ = error.__cause__
    return mine
