"""Keeps one set of credentials fresh, for any number of threads."""

from __future__ import annotations

import contextvars
import datetime as dt
import math
import os
import threading
import weakref

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

import attrs

from .._locks import OneTimeEvent, guarded, in_critical_section, interruptible
from .._util import forget_after_fork
from ..exceptions import RefreshError
from . import errors
from .context import Fetching, is_fetching
from .credentials import FetchResult, Instant, Record
from .errors import copy_to_keep, copy_to_raise, without_frames
from .events import EventQueue
from .policy import Freshness, RefreshPolicy
from .runtime import HANGS_AFTER, Clock, current_runtime, utc
from .state import Flight, RefreshState


__all__ = ["Refresher", "Wait"]


T = TypeVar("T")


def _never() -> bool:
    return False


class Wait(NamedTuple):
    """What a call waits for before its next step."""

    done: OneTimeEvent
    """The event to wait for."""

    timeout: float
    """The longest wait in seconds; infinite while a person is prompted."""


class _Joined(NamedTuple):
    """A refresh in progress, and how long a caller waits for it."""

    flight: Flight
    freshness: Freshness
    timeout: float


@attrs.define(kw_only=True, eq=False, repr=False)
class Refresher:
    """
    Holds one set of credentials, and refreshes it when a caller needs it fresh.

    Each access compares the clocks; there are no timers, and no thread while nothing
    is due. All methods may be called from any thread, from signal handlers and from
    finalizers.

    A fetch runs on a thread of its own, so that callers wait no longer than the policy
    allows, even if the fetch never returns. It runs in the calling thread if it prompts
    a person, or if no thread can be started.

    Each method that may block exists twice: as a method that returns the result, and as
    a generator of steps, which yields each `Wait` instead of waiting. An event loop
    runs the steps without blocking; it passes `blocking=False`, so that a fetch that
    prompts a person runs on another thread, too. Close the generator to end a call.

    Args:
        name: The name of the credentials in messages and events.

        fetch: Requests credentials. An exception that it raises counts as a failure.

        policy: The refresh policy.

        source: The name of the source in messages.

        load_timeout:
            Seconds that a caller without usable credentials waits. By default, those of
            the policy, or 30.

        waits_for_advisory:
            Whether a caller waits for an advisory refresh that it starts. By default,
            in AWS Lambda, which freezes the process and its threads between calls.

        needs_input: Returns whether a fetch would prompt a person now.

        record: Credentials to begin with. `None` if there are none.

        keep: Receives each new record and the time. `None` if there is no cache.

        clock: The wall clock and the monotonic clock.

        random: Returns a random number from 0 to 1.

        submit: Runs a function in the background, or returns `False`.

        spawn: Runs a function on a new thread, or returns `False`.

        wait: Waits for an event, at most the given seconds.
    """

    name: str
    fetch: Callable[[], FetchResult]
    policy: RefreshPolicy = attrs.field(factory=RefreshPolicy)
    source: str = "the source"
    load_timeout: float = attrs.field()
    waits_for_advisory: bool = attrs.field(
        factory=lambda: "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    )
    needs_input: Callable[[], bool] = _never
    clock: Clock = attrs.field(factory=lambda: current_runtime().clock)
    random: Callable[[], float] = attrs.field(factory=lambda: current_runtime().random)
    submit: Callable[[Callable[[], None]], bool] = attrs.field(
        factory=lambda: current_runtime().submit
    )
    spawn: Callable[[Callable[[], None]], bool] = attrs.field(
        factory=lambda: current_runtime().spawn
    )
    wait: Callable[[OneTimeEvent, float], object] = attrs.field(
        factory=lambda: current_runtime().wait
    )
    keep: Callable[[Record, Instant], None] | None = None
    _seed: Record | None = attrs.field(default=None, alias="record")

    # Guards changes of the state; single attributes are read without it. No fetch,
    # wait, log call or hook runs while it is held.
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)
    _state: RefreshState = attrs.field(init=False)
    _max_jump: float = attrs.field(init=False)

    @load_timeout.default
    def _default_load_timeout(self) -> float:
        limit = self.policy.load_timeout
        return HANGS_AFTER if limit is None else limit.total_seconds()

    def __attrs_post_init__(self) -> None:
        self._max_jump = self.policy.tuning.clock_jump
        self._state = RefreshState(
            name=self.name,
            source=self.source,
            policy=self.policy,
            random=self.random,
            load_timeout=self.load_timeout,
            waits_for_advisory=self.waits_for_advisory,
            needs_input=self.needs_input,
            offset=self.clock.wall() - self.clock.monotonic(),
            record=self._seed,
        )
        forget_after_fork(self)

    def get(self) -> Record:
        """
        Return usable credentials.

        Blocks up to *load_timeout* if there are none, and up to the policy's
        *mandatory_wait* in the mandatory window.

        Raises:
            RefreshError: If there are no usable credentials and the refresh failed.
        """
        record = self.fresh()
        return self._run(self.get_steps()) if record is None else record

    def fresh(self) -> Record | None:
        """Return the credentials if no refresh is due; takes no lock."""
        state = self._state
        record = state.fresh
        if record is not None:
            wall, monotonic = self.clock.wall(), self.clock.monotonic()
            if (
                monotonic < record.due_monotonic
                and wall < record.due_wall
                and abs(wall - monotonic - state.offset) <= self._max_jump
            ):
                return record
        return None

    def get_steps(self, *, blocking: bool = True) -> Generator[Wait, None, Record]:
        """Run `get` in steps."""
        error = self._reentrance_error()
        if error is not None:
            return self._usable(error)
        owner, began = object(), self.clock.monotonic()
        try:
            while True:
                joined = self._decide(lambda now: self._join(owner, now, began))
                if isinstance(joined, Record):
                    return joined
                yield from self._wait_steps(joined, owner, blocking=blocking)
                flight = joined.flight
                if flight.record is not None:
                    return flight.record
                if not flight.interrupted:
                    return self._use_after(joined)
        except BaseException:
            self._abandon(owner)
            raise

    def _join(self, owner: object, now: Instant, began: float) -> Record | _Joined:
        state = self._state
        freshness = state.note_clocks(now)
        if freshness is Freshness.FRESH and state.record is not None:
            return state.record
        flight = state.join_or_start(now, owner)
        if flight is None:
            return state.use_held(now)
        if freshness is Freshness.ADVISORY and flight.owner is not owner:
            return state.use_held(now)
        return self._joined(flight, freshness, now, began)

    def _joined(
        self, flight: Flight, freshness: Freshness, now: Instant, began: float
    ) -> _Joined:
        """
        Return *flight* and how long a call that *began* at that time waits for it.
        """
        timeout = self._state.timeout(flight, now, freshness)
        left = self.load_timeout - (now.monotonic - began)
        return _Joined(flight, freshness, min(timeout, left))

    def _use_after(self, joined: _Joined) -> Record:
        """Return the current record if it can be used, after the wait for a refresh."""

        def decision(now: Instant) -> Record:
            state, flight = self._state, joined.flight
            state.note_clocks(now)
            if joined.freshness is Freshness.EXPIRED:
                state.time_out(flight, now)
            return state.use_held(now, flight.error)

        return self._decide(decision)

    def refresh(self) -> Record:
        """
        Refresh now, or join the refresh in progress, and return the new credentials.

        Blocks up to *load_timeout*.

        Raises:
            RefreshError: If the refresh failed. The current credentials stay in use.
        """
        return self._run(self.refresh_steps())

    def refresh_steps(self, *, blocking: bool = True) -> Generator[Wait, None, Record]:
        """Run `refresh` in steps."""
        error = self._reentrance_error()
        if error is not None:
            raise error
        owner, began = object(), self.clock.monotonic()
        try:
            while True:
                joined = self._decide(lambda now: self._join_now(owner, now, began))
                yield from self._wait_steps(joined, owner, blocking=blocking)
                flight = joined.flight
                if not flight.done.is_set():
                    self._time_out(flight)
                if flight.record is not None:
                    return flight.record
                if flight.error is not None:
                    raise copy_to_raise(flight.error)
                if not flight.done.is_set():  # a person is prompted meanwhile
                    raise errors.no_credentials_yet(self.name)
        except BaseException:
            self._abandon(owner)
            raise

    def _join_now(self, owner: object, now: Instant, began: float) -> _Joined:
        self._state.note_clocks(now)
        flight = self._state.join_or_start_requested(now, owner)
        return self._joined(flight, Freshness.EXPIRED, now, began)

    def _time_out(self, flight: Flight) -> None:
        self._decide(lambda now: self._state.time_out(flight, now))

    def ensure(self, seconds: float) -> Record:
        """
        Return credentials that have at least *seconds* left.

        Blocks up to *load_timeout* if the current ones have less.

        Raises:
            RefreshError: If the refresh failed, or new credentials expire sooner.
        """
        return self._run(self.ensure_steps(seconds))

    def ensure_steps(
        self, seconds: float, *, blocking: bool = True
    ) -> Generator[Wait, None, Record]:
        """Run `ensure` in steps."""
        record = yield from self.get_steps(blocking=blocking)
        if self.remaining(record) >= seconds:
            return record
        if record.lifetime >= seconds:
            record = yield from self.refresh_steps(blocking=blocking)
        if self.remaining(record) < seconds:
            raise errors.too_short(self.name, record.lifetime, seconds)
        return record

    def replace_rejected(self, access_key_id: str) -> Record | None:
        """
        Return other credentials after a service rejected this key.

        Blocks up to the policy's *mandatory_wait*.

        Returns:
            Credentials with another key. `None` if the key isn't one of this
            refresher, or if there are no others now.
        """
        return self._run(self.replace_rejected_steps(access_key_id))

    def replace_rejected_steps(
        self, access_key_id: str, *, blocking: bool = True
    ) -> Generator[Wait, None, Record | None]:
        """Run `replace_rejected` in steps."""
        if in_critical_section():
            return None
        owner = object()
        try:
            joined = self._decide(
                lambda now: self._join_rejected(access_key_id, owner, now)
            )
            if not isinstance(joined, _Joined):
                return joined
            yield from self._wait_steps(joined, owner, blocking=blocking)
        except BaseException:
            self._abandon(owner)
            raise
        return joined.flight.record

    def _join_rejected(
        self, access_key_id: str, owner: object, now: Instant
    ) -> Record | _Joined | None:
        state = self._state
        freshness = max(state.note_clocks(now), Freshness.MANDATORY)
        record = state.record
        if record is None:
            return None
        if access_key_id != record.credentials.access_key_id:
            return record if state.is_former(access_key_id) else None
        flight = state.join_or_start_rejected(access_key_id, now, owner)
        if flight is None:
            return None
        return self._joined(flight, freshness, now, now.monotonic)

    def held(self) -> Record:
        """
        Return the current credentials if they may be used, without a refresh.

        Raises:
            RefreshError: If there are none, or they may not be used.
        """
        if in_critical_section():
            return self._usable(errors.reentrant_call(self.name))
        return self._decide(self._use_held)

    def _use_held(self, now: Instant) -> Record:
        self._state.note_clocks(now)
        return self._state.use_held(now)

    def _reentrance_error(self) -> RefreshError | None:
        """Return the error of this call if it would wait for its own thread."""
        if is_fetching(self):
            return errors.circular_source(self.name)
        return errors.reentrant_call(self.name) if in_critical_section() else None

    def _usable(self, error: RefreshError) -> Record:
        """
        Return the current record if it hasn't expired, or raise *error*; takes no lock.
        """
        state = self._state
        record = state.record
        if record is None or state.freshness(self._now()) is Freshness.EXPIRED:
            raise error
        return record

    def would_prompt(self) -> bool:
        """
        Return whether `get` would prompt a person now, for an MFA code for example.
        """
        freshness = self._state.freshness(self._now())
        return freshness >= Freshness.MANDATORY and self.needs_input()

    @property
    def record(self) -> Record | None:
        """The current credentials, usable or not. `None` if there are none yet."""
        return self._state.record

    @property
    def last_error(self) -> RefreshError | None:
        """The error of the last refresh. `None` if it succeeded."""
        return self._state.last_error

    @property
    def events(self) -> EventQueue:
        """The queue that delivers events to hooks and to the log."""
        return self._state.events

    @property
    def next_attempt_at(self) -> dt.datetime | None:
        """The end of the current pause. `None` if there is none."""
        wait = self._state.backoff.wait(self.clock.monotonic())
        return utc(self.clock.wall() + wait) if wait else None

    def remaining(self, record: Record) -> float:
        return record.remaining(self._now())

    def _now(self) -> Instant:
        return Instant(self.clock.wall(), self.clock.monotonic())

    def _decide(self, decision: Callable[[Instant], T]) -> T:
        """
        Return what *decision* returns, called with the current time under the lock.

        Events are delivered afterwards.
        """
        try:
            return self._decide_quietly(decision)
        finally:
            self._state.events.drain()

    def _decide_quietly(self, decision: Callable[[Instant], T]) -> T:
        now = self._now()
        return guarded(self._lock, lambda: decision(now))

    def _abandon(self, owner: object) -> None:
        guarded(self._lock, lambda: self._state.abandon_owned(owner))
        if not in_critical_section():  # where a finalizer may end a call of a task
            self._state.events.drain()

    def _run(self, steps: Generator[Wait, None, T]) -> T:
        """Return the result of *steps*, and wait between them. May block."""
        try:
            while True:
                self.wait(*next(steps))
        except StopIteration as e:
            result: T = e.value
            return result
        finally:
            steps.close()

    def _wait_steps(
        self, joined: _Joined, owner: object, *, blocking: bool
    ) -> Generator[Wait, None, None]:
        """Start the fetch if it belongs to *owner*, and wait for it."""
        flight, freshness, timeout = joined
        if not blocking and freshness is Freshness.EXPIRED and self.needs_input():
            timeout = math.inf  # whichever task started it
        if flight.owner is owner:
            flight.attended = blocking and timeout > 0
            if not self._start(flight, owner, freshness, blocking=blocking):
                self._fetch(flight, owner)
            flight.starter = None
        elif flight.waits_for_this_thread:  # which was interrupted to make this call
            if freshness is Freshness.EXPIRED:
                raise errors.reentrant_call(self.name)
            return
        try:
            if timeout > 0 and not flight.done.is_set():
                yield Wait(flight.done, timeout)
        finally:
            if flight.owner is owner:
                flight.attended = False
        if flight.owner is owner:
            self._state.events.drain()
            if timeout > 0 and flight.interruption is not None:
                raise without_frames(flight.interruption)

    def _start(
        self, flight: Flight, owner: object, freshness: Freshness, *, blocking: bool
    ) -> bool:
        """Start the fetch on another thread. Return whether that was possible."""
        if blocking and self.needs_input():  # a person may take long to answer
            return False
        if freshness is Freshness.ADVISORY and self.policy.background:
            # Weak, so that a refresh that waits for a thread doesn't keep a session
            # alive that isn't referenced any longer.
            reference, context = weakref.ref(self), contextvars.copy_context()

            def task() -> None:
                refresher = reference()
                if refresher is not None:
                    context.run(refresher._fetch_on_thread, flight, owner)  # noqa: SLF001 - ours

            flight.queued = True
            if self.submit(task):
                return True
            flight.queued = False
        here = contextvars.copy_context()
        return self.spawn(lambda: here.run(self._fetch_on_thread, flight, owner))

    def _fetch_on_thread(self, flight: Flight, owner: object) -> None:
        events = self._state.events
        try:
            self._fetch(flight, owner, on_thread=True)
        except BaseException as e:  # noqa: BLE001 - the owner raises it
            events.put(None, log=f"refresh interrupted by {type(e).__name__}")
        if not flight.attended:
            interruptible(events.drain)

    def _fetch(self, flight: Flight, owner: object, *, on_thread: bool = False) -> None:
        state = self._state
        try:
            if not guarded(self._lock, lambda: state.begin_fetch(flight, owner)):
                return
            interruptible(lambda: self._complete(flight, on_thread=on_thread))
        finally:
            # No caller may wait for a fetch that doesn't run. If an interrupt ends the
            # first call, the second one does it.
            try:
                self._end(flight, owner)
            finally:
                self._end(flight, owner)

    def _end(self, flight: Flight, owner: object) -> None:
        if flight.owner is owner:
            guarded(self._lock, lambda: self._state.end_fetch(flight))

    def _complete(self, flight: Flight, *, on_thread: bool) -> None:
        """
        Fetch, and hold the credentials or the error.

        Events are delivered afterwards, so that no caller waits for a hook.
        """
        state = self._state
        fetching = Fetching(
            self,
            flight.done,
            in_background=on_thread and flight.queued,
            reason=flight.reason,
        )
        began = self._now()
        try:
            fetched = fetching.run(self.fetch)
            record = self._decide_quietly(
                lambda now: state.complete(flight, fetched, fetched.began or began, now)
            )
            if self.keep is not None:
                self.keep(record, self._now())
        except BaseException as e:
            # These two aren't failures of the source; others can't end a thread.
            interrupts = isinstance(e, (KeyboardInterrupt, MemoryError))
            if not interrupts and (on_thread or isinstance(e, Exception)):
                self._fail(flight, e)
            else:
                self._interrupt(flight, e)
                raise

    def _fail(self, flight: Flight, error: BaseException) -> None:
        ours = errors.as_refresh_error(error, self.name, self.source)
        kept = copy_to_keep(ours)
        self._decide_quietly(lambda now: self._state.fail(flight, ours, now, kept=kept))

    def _interrupt(self, flight: Flight, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt) and self.needs_input():
            # The person canceled the prompt, which ends the wait of all callers.
            self._fail(flight, errors.prompt_canceled(self.name))
        else:
            self._decide_quietly(lambda now: self._state.interrupt(flight, error, now))

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        self._state.after_fork()
