"""
Keeps one set of credentials fresh, for any number of threads.
"""

from __future__ import annotations

import contextvars
import datetime as dt
import threading
import weakref

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import attrs

from .._locks import OneTimeEvent, guarded, in_critical_section, interruptible
from .._util import forget_after_fork
from ..exceptions import RefreshError
from . import errors as _answers
from .credentials import Fetched, Instant, Record
from .errors import remembered, without_frames
from .events import Announcer
from .policy import Freshness, RefreshPolicy
from .runtime import Clock, current_runtime, utc
from .state import Fetching, Flight, RefreshState, is_fetching, own


__all__ = ["Refresher"]


T = TypeVar("T")


def _never() -> bool:
    return False


class _Joined(NamedTuple):
    """
    A refresh in progress, and how long a caller waits for it.
    """

    flight: Flight
    freshness: Freshness
    timeout: float


@attrs.define(kw_only=True, eq=False, repr=False)
class Refresher:
    """
    Keeps one set of credentials fresh.

    Every access looks at the clocks; there are no timers, and no thread while
    nothing is due. All methods may be called from any thread, from signal handlers
    and from finalizers.

    A fetch runs on a thread of its own, so that callers wait for it no longer than
    the policy says, whatever it does. It runs in the calling thread if it prompts a
    person, or if no thread can be started.

    Args:
        label: Whose credentials; for messages.

        fetch: Asks the source. Whatever it raises counts as a failure.

        policy: When to do what.

        source: Who is asked; for messages.

        load_timeout: Seconds that a caller without usable credentials waits.

        foreground: Whether a caller waits for its own advisory refresh.

        asks: Whether a fetch would ask somebody for something now.

        record: What is known from elsewhere.

        keep: Is given each new record and the time.

        clock: The two clocks.

        draw: Returns a random number from 0 to 1.

        run: Runs a function in the background, or returns `False`.

        spawn: Runs a function on a new thread, or returns `False`.

        wait: Waits for an event for some seconds.
    """

    label: str
    fetch: Callable[[], Fetched]
    policy: RefreshPolicy = attrs.field(factory=RefreshPolicy)
    source: str = "the source"
    load_timeout: float = 30.0
    foreground: bool = False
    asks: Callable[[], bool] = _never
    clock: Clock = attrs.field(factory=lambda: current_runtime().clock)
    draw: Callable[[], float] = attrs.field(factory=lambda: current_runtime().random)
    run: Callable[[Callable[[], None]], bool] = attrs.field(
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
    # wait, log call, or hook under it.
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)
    _state: RefreshState = attrs.field(init=False)
    _max_jump: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._max_jump = self.policy.tuning.clock_jump
        self._state = RefreshState(
            label=self.label,
            source=self.source,
            policy=self.policy,
            draw=self.draw,
            load_timeout=self.load_timeout,
            foreground=self.foreground,
            asks=self.asks,
            offset=self.clock.wall() - self.clock.monotonic(),
            record=self._seed,
        )
        forget_after_fork(self)

    def get(self) -> Record:
        """
        Return credentials to sign with.

        Blocks if there are none to use yet, up to *load_timeout*, and in the
        mandatory window, up to the policy's *mandatory_wait*.

        Raises:
            RefreshError: If there are none, and none can be had.
        """
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
        return self._get_due()

    def _get_due(self) -> Record:
        error = self._interrupts()
        if error is not None:
            return self._usable(error)
        owner, began = object(), self.clock.monotonic()
        try:
            while True:
                joined = self._decide(lambda now: self._join(owner, now, began))
                if isinstance(joined, Record):
                    return joined
                self._run_or_wait(joined, owner)
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
        freshness = state.look(now)
        if freshness is Freshness.FRESH and state.record is not None:
            return state.record
        flight = state.board(now, owner)
        if flight is None:
            return state.make_do(now)
        if freshness is Freshness.ADVISORY and flight.owner is not owner:
            return state.make_do(now)
        return self._joined(flight, freshness, now, began)

    def _joined(
        self, flight: Flight, freshness: Freshness, now: Instant, began: float
    ) -> _Joined:
        """
        How long a call that *began* at that time waits for *flight*.
        """
        timeout = self._state.patience(flight, now, freshness)
        left = self.load_timeout - (now.monotonic - began)
        return _Joined(flight, freshness, min(timeout, left))

    def _use_after(self, joined: _Joined) -> Record:
        """
        Return the current record if it can be used; the wait was long enough.
        """

        def decision(now: Instant) -> Record:
            state, flight = self._state, joined.flight
            state.look(now)
            if joined.freshness is Freshness.EXPIRED:
                state.give_up(flight, now)
            return state.make_do(now, flight.error)

        return self._decide(decision)

    def refresh(self) -> Record:
        """
        Fetch now, or join the refresh in progress, and return what it brings.

        Blocks up to *load_timeout*.

        Raises:
            RefreshError: If it brings nothing. The current record stays in use.
        """
        error = self._interrupts()
        if error is not None:
            raise error
        owner, began = object(), self.clock.monotonic()
        try:
            while True:
                joined = self._decide(lambda now: self._join_now(owner, now, began))
                self._run_or_wait(joined, owner)
                flight = joined.flight
                if not flight.done.is_set():
                    self._give_up(flight)
                if flight.record is not None:
                    return flight.record
                if flight.error is not None:
                    raise own(flight.error)
                if not flight.done.is_set():  # a person is prompted meanwhile
                    raise _answers.nothing_yet(self.label)
        except BaseException:
            self._abandon(owner)
            raise

    def _join_now(self, owner: object, now: Instant, began: float) -> _Joined:
        self._state.look(now)
        flight = self._state.board_on_request(now, owner)
        return self._joined(flight, Freshness.EXPIRED, now, began)

    def _give_up(self, flight: Flight) -> None:
        self._decide(lambda now: self._state.give_up(flight, now))

    def ensure(self, seconds: float) -> Record:
        """
        Return credentials that have at least *seconds* left.

        Blocks as `refresh` does, if those at hand have less.

        Raises:
            RefreshError: If none can be had, or they don't live that long.
        """
        record = self.get()
        if self.remaining(record) >= seconds:
            return record
        if record.lifetime >= seconds:
            record = self.refresh()
        if self.remaining(record) < seconds:
            raise _answers.too_short(self.label, record.lifetime, seconds)
        return record

    def replace_rejected(self, access_key_id: str) -> Record | None:
        """
        Return other credentials, because a service rejected this key.

        Blocks as `get` does in the mandatory window.

        Returns:
            Credentials with another key. `None` if the key isn't ours, or if
            no others are available now.
        """
        if in_critical_section():
            return None
        owner = object()
        try:
            joined = self._decide(
                lambda now: self._join_rejected(access_key_id, owner, now)
            )
            if not isinstance(joined, _Joined):
                return joined
            self._run_or_wait(joined, owner)
        except BaseException:
            self._abandon(owner)
            raise
        return joined.flight.record

    def _join_rejected(
        self, access_key_id: str, owner: object, now: Instant
    ) -> Record | _Joined | None:
        state = self._state
        freshness = max(state.look(now), Freshness.MANDATORY)
        record = state.record
        if record is None:
            return None
        if access_key_id != record.credentials.access_key_id:
            return record if state.is_former(access_key_id) else None
        flight = state.board_rejected(access_key_id, now, owner)
        if flight is None:
            return None
        return self._joined(flight, freshness, now, now.monotonic)

    def held(self) -> Record:
        """
        Return the current record if it may be used, without calling the source.

        Raises:
            RefreshError: If it may not.
        """
        if in_critical_section():
            return self._usable(_answers.reentered(self.label))
        return self._decide(self._use_held)

    def _use_held(self, now: Instant) -> Record:
        self._state.look(now)
        return self._state.make_do(now)

    def _interrupts(self) -> RefreshError | None:
        """
        Return the error of a call that would wait for its own thread, if it would.
        """
        if is_fetching(self):
            return _answers.recursion(self.label)
        return _answers.reentered(self.label) if in_critical_section() else None

    def _usable(self, error: RefreshError) -> Record:
        """
        Return the current record if it is valid, without any lock, or raise *error*.
        """
        state = self._state
        record = state.record
        if record is None or state.freshness(self._now()) is Freshness.EXPIRED:
            raise error
        return record

    def would_ask(self) -> bool:
        """
        Whether `get` would ask somebody for something now, as for an MFA code.
        """
        freshness = self._state.freshness(self._now())
        return freshness >= Freshness.MANDATORY and self.asks()

    @property
    def record(self) -> Record | None:
        """
        What is held now, in whatever state. `None` before the first use.
        """
        return self._state.record

    @property
    def last_error(self) -> RefreshError | None:
        """
        The last failure. `None` after a success.
        """
        return self._state.last_error

    @property
    def announcer(self) -> Announcer:
        """
        Who tells what happens.
        """
        return self._state.announcer

    @property
    def next_attempt_at(self) -> dt.datetime | None:
        """
        The end of the present pause. `None` if there is none.
        """
        wait = self._state.backoff.wait(self.clock.monotonic())
        return utc(self.clock.wall() + wait) if wait else None

    def remaining(self, record: Record) -> float:
        """
        Seconds that *record* has left.
        """
        return record.remaining(self._now())

    def _now(self) -> Instant:
        return Instant(self.clock.wall(), self.clock.monotonic())

    def _decide(self, decision: Callable[[Instant], T]) -> T:
        """
        Return what *decision* returns, called with the time under the lock.

        Then deliver the events that it has noted.
        """
        try:
            return self._decide_quietly(decision)
        finally:
            self._state.announcer.flush()

    def _decide_quietly(self, decision: Callable[[Instant], T]) -> T:
        now = self._now()
        return guarded(self._lock, lambda: decision(now))

    def _abandon(self, owner: object) -> None:
        """
        The call with this *owner* raises: it gets nothing to run any longer.
        """
        guarded(self._lock, lambda: self._state.abandon(owner))
        self._state.announcer.flush()

    def _run_or_wait(self, joined: _Joined, owner: object) -> None:
        """
        Get the fetch to run if that is up to *owner*, and wait for it.
        """
        flight, freshness, timeout = joined
        if flight.owner is owner:
            flight.attended = timeout > 0
            if not self._start(flight, owner, freshness):
                self._fetch(flight, owner)
            flight.starter = None
        elif flight.waits_for_this_thread:  # which was interrupted to make this call
            if freshness is Freshness.EXPIRED:
                raise _answers.reentered(self.label)
            return
        if timeout > 0 and not flight.done.is_set():
            self.wait(flight.done, timeout)
        if flight.owner is owner:
            flight.attended = False
            self._state.announcer.flush()
            if timeout > 0 and flight.interruption is not None:
                raise without_frames(flight.interruption)

    def _start(self, flight: Flight, owner: object, freshness: Freshness) -> bool:
        """
        Start the fetch on another thread; return whether that was possible.
        """
        if self.asks():  # a person is prompted, who may take their time
            return False
        if freshness is Freshness.ADVISORY and self.policy.background:
            # Weak, so that a session that is dropped while its refresh waits for
            # a thread isn't kept alive by it.
            me, context = weakref.ref(self), contextvars.copy_context()

            def task() -> None:
                refresher = me()
                if refresher is not None:
                    context.run(refresher._fetch_on_thread, flight, owner)  # noqa: SLF001 - ours

            flight.queued = True
            if self.run(task):
                return True
            flight.queued = False
        here = contextvars.copy_context()
        return self.spawn(lambda: here.run(self._fetch_on_thread, flight, owner))

    def _fetch_on_thread(self, flight: Flight, owner: object) -> None:
        announcer = self._state.announcer
        try:
            self._fetch(flight, owner, on_thread=True)
        except BaseException as e:  # noqa: BLE001 - the owner raises it
            announcer.note(None, log=f"refresh interrupted by {type(e).__name__}")
        if not flight.attended:
            interruptible(announcer.flush)

    def _fetch(self, flight: Flight, owner: object, *, on_thread: bool = False) -> None:
        state = self._state
        try:
            if not guarded(self._lock, lambda: state.run(flight, owner)):
                return
            interruptible(lambda: self._complete(flight, on_thread=on_thread))
        finally:
            # Whatever happens, no one waits for a refresh that doesn't run. If an
            # interrupt ends the first call, the second one does it.
            try:
                self._end(flight, owner)
            finally:
                self._end(flight, owner)

    def _end(self, flight: Flight, owner: object) -> None:
        if flight.owner is owner:
            guarded(self._lock, lambda: self._state.ended(flight))

    def _complete(self, flight: Flight, *, on_thread: bool) -> None:
        """
        Fetch, and hold what comes of it: credentials or an error.

        Events are delivered afterwards: while a hook blocks, no one waits for this.
        """
        state = self._state
        fetching = Fetching(self, flight, in_background=on_thread and flight.queued)
        began = self._now()
        try:
            fetched = fetching.run(self.fetch)
            record = self._decide_quietly(
                lambda now: state.land(flight, fetched, fetched.began or began, now)
            )
            if self.keep is not None:
                self.keep(record, self._now())
        except BaseException as e:
            # These two say nothing about the source; others can't end a thread of ours.
            interrupts = isinstance(e, (KeyboardInterrupt, MemoryError))
            if not interrupts and (on_thread or isinstance(e, Exception)):
                self._fail(flight, e)
            else:
                self._interrupt(flight, e)
                raise

    def _fail(self, flight: Flight, error: BaseException) -> None:
        ours = _answers.as_refresh_error(error, self.label, self.source)
        kept = remembered(ours)
        self._decide_quietly(lambda now: self._state.fail(flight, ours, now, kept=kept))

    def _interrupt(self, flight: Flight, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt) and self.asks():
            # The person has answered, for all callers that wait.
            self._fail(flight, _answers.cancelled(self.label))
        else:
            self._decide_quietly(
                lambda now: self._state.interrupted(flight, error, now)
            )

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        self._state.after_fork()
