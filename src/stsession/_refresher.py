"""
Credentials that are there when asked for, from any number of threads.
"""

from __future__ import annotations

import datetime as dt
import threading
import weakref

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from . import _answers
from ._clock import Clock, utc
from ._credentials import Fetched, Instant, Record
from ._events import Announcer
from ._flight import Flight, in_background, leading, recursion, refuse_recursion
from ._fork import forget_after_fork
from ._plan import Freshness
from ._policy import RefreshPolicy
from ._remembered import remembered
from ._seams import current
from ._state import RefreshState, own
from .exceptions import RefreshError


__all__ = ["Refresher"]


def _nobody() -> bool:
    return False


@attrs.define(kw_only=True, eq=False, repr=False)
class Refresher:
    """
    Keeps one set of credentials fresh.

    Every access looks at the clocks; there are no timers, and no thread while
    nothing is due. All methods may be called from any thread.

    Args:
        label: Whose credentials; for messages.

        fetch: Asks the source. Whatever it raises counts as a failure.

        policy: When to do what.

        source: Who is asked; for messages.

        load_timeout: Seconds that a caller without credentials waits.

        foreground: Whether a caller waits for its own advisory refresh.

        asks: Whether a fetch would ask somebody for something now.

        record: What is known from elsewhere.

        keep: Is given each new record and the time.

        clock: The two clocks.

        draw: Dice: a number from 0 to 1.

        run: Runs something on another thread, or returns `False`.

        wait: Waits for an event for some seconds.
    """

    label: str
    fetch: Callable[[], Fetched]
    policy: RefreshPolicy = attrs.field(factory=RefreshPolicy)
    source: str = "the source"
    load_timeout: float = 30.0
    foreground: bool = False
    asks: Callable[[], bool] = _nobody
    clock: Clock = attrs.field(factory=lambda: current().clock)
    draw: Callable[[], float] = attrs.field(factory=lambda: current().draw)
    run: Callable[[Callable[[], None]], bool] = attrs.field(
        factory=lambda: current().run
    )
    wait: Callable[[threading.Event, float], object] = attrs.field(
        factory=lambda: current().wait
    )
    keep: Callable[[Record, Instant], None] | None = None
    _seed: Record | None = attrs.field(default=None, alias="record")

    # Guards the state, which is never touched without it but for reading
    # *fresh*, *record* and *offset*. No fetch, wait, log call, or hook under it.
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _state: RefreshState = attrs.field(init=False)
    _max_jump: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._max_jump = self.policy.clock_jump.total_seconds()
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
        refuse_recursion(self, self.label)
        state = self._state
        while True:
            with self._locked():
                now = self._now()
                freshness = state.look(now)
                if freshness is Freshness.FRESH and state.record is not None:
                    return state.record
                flight, leads = state.board(now)
                if flight is None or (freshness is Freshness.ADVISORY and not leads):
                    return state.make_do(now)
                patience = state.patience(flight, now, freshness)
            self._travel(flight, leads, patience, freshness)
            if flight.record is not None:
                return flight.record
            if not flight.interrupted:
                with self._locked():
                    now = self._now()
                    state.look(now)
                    if freshness is Freshness.EXPIRED:  # that's as long as one waits
                        state.give_up(flight, now)
                    return state.make_do(now, flight.error)

    def refresh(self) -> Record:
        """
        Fetch now, or join the flight that does, and return what it brings.

        Blocks up to *load_timeout*.

        Raises:
            RefreshError: If it brings nothing. What is held stays in use.
        """
        refuse_recursion(self, self.label)
        while True:
            with self._locked():
                now = self._now()
                self._state.look(now)
                flight, leads = self._state.board_on_request(now)
                patience = self._state.patience(flight, now, Freshness.EXPIRED)
            self._travel(flight, leads, patience, Freshness.EXPIRED)
            if not flight.done.is_set():
                with self._locked():
                    self._state.give_up(flight, self._now())
            if flight.record is not None:
                return flight.record
            if flight.error is not None:
                raise own(flight.error)
            if not flight.done.is_set():  # somebody is being asked for something
                raise _answers.nothing_yet(self.label)

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
        A service said that the key is dead: return other credentials.

        Blocks as `get` does in the mandatory window.

        Returns:
            Credentials with another key. `None` if the key isn't ours, or if
            there are no others to be had now.
        """
        state = self._state
        with self._locked():
            now = self._now()
            freshness = max(state.look(now), Freshness.MANDATORY)
            record = state.record
            if record is None:
                return None
            if access_key_id != record.credentials.access_key_id:
                return record if state.is_former(access_key_id) else None
            flight, leads = state.board_rejected(access_key_id, now)
            if flight is None:
                return None
            patience = state.patience(flight, now, freshness)
        self._travel(flight, leads, patience, freshness)
        return flight.record

    def held(self) -> Record:
        """
        Return what is held if it may be used, without asking anybody.

        Raises:
            RefreshError: If it may not.
        """
        with self._locked():
            now = self._now()
            self._state.look(now)
            return self._state.make_do(now)

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
        with self._locked():
            wait = self._state.backoff.wait(self.clock.monotonic())
        return utc(self.clock.wall() + wait) if wait else None

    def remaining(self, record: Record) -> float:
        """
        Seconds that *record* has left.
        """
        return record.remaining(self._now())

    def _now(self) -> Instant:
        return Instant(self.clock.wall(), self.clock.monotonic())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        finally:
            self._tell()

    def _tell(self) -> None:
        try:
            self._state.announcer.flush()
        except BaseException:  # Ctrl-C in a hook
            with self._lock:
                self._state.drop_boarded()
            raise

    def _travel(
        self, flight: Flight, leads: bool, patience: float, freshness: Freshness
    ) -> None:
        """
        Fetch, have it fetched, or wait until it is, for *patience* seconds.
        """
        if leads:
            flight.boarding = None
            usable = freshness is not Freshness.EXPIRED
            elsewhere = usable and self.policy.background and not self.asks()
            if not (elsewhere and self._launch(flight)):
                self._fly(flight)
                return
        elif flight.boards_here:  # a hook asks; it would wait for itself
            if freshness is Freshness.EXPIRED:
                raise recursion("hook", self.label)
            return
        if patience > 0:
            self.wait(flight.done, patience)

    def _launch(self, flight: Flight) -> bool:
        # Weak, so that a session that is dropped while its refresh waits for
        # a thread isn't kept alive by it.
        me = weakref.ref(self)

        def task() -> None:
            refresher = me()
            if refresher is not None:
                refresher._fly_unattended(flight)  # noqa: SLF001 - it's our own

        return self.run(task)

    def _fly_unattended(self, flight: Flight) -> None:
        announcer = self._state.announcer
        try:
            with in_background():
                self._fly(flight)
        except BaseException as e:  # noqa: BLE001 - nobody to raise it to
            announcer.note(None, log=f"refresh interrupted by {type(e).__name__}")
            announcer.flush()

    def _fly(self, flight: Flight) -> None:
        began = self._now()
        try:
            with leading(self):
                fetched = self.fetch()
            with self._locked():
                now = self._now()
                record = self._state.land(flight, fetched, fetched.began or began, now)
            if self.keep is not None:
                self.keep(record, now)
        except MemoryError:
            raise  # it says nothing about the source
        except KeyboardInterrupt:
            if self.asks():  # whoever was asked has answered, for all who wait
                with self._locked():
                    cancelled = _answers.cancelled(self.label)
                    self._state.fail(flight, cancelled, self._now())
            raise
        except Exception as e:  # noqa: BLE001 - told to all who wait
            error = _answers.as_refresh_error(e, self.label, self.source)
            kept = remembered(error)
            with self._locked():
                self._state.fail(flight, error, self._now(), kept=kept)
        finally:
            # Whatever happens, nobody waits for a flight without a leader.
            with self._lock:
                self._state.drop(flight)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._state.after_fork()
