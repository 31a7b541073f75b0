"""
Locks and events that survive interrupts, finalizers and signal handlers.

CPython may run a signal handler or a finalizer, or deliver an exception such as
`KeyboardInterrupt`, after each call and at the start of each function. So a lock
is held in a ``with`` statement on the lock itself, and never across a `yield`.
"""

from __future__ import annotations

import _thread
import functools
import os
import threading

from collections.abc import Callable
from typing import TypeVar


__all__ = [
    "OneTimeEvent",
    "guarded",
    "in_critical_section",
    "interruptible",
    "start_thread",
]


T = TypeVar("T")


class _Thread(threading.local):
    inside = False


_this_thread = _Thread()
_starting: set[threading.Thread] = set()

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_starting.clear)


def in_critical_section() -> bool:
    """
    Return whether this thread is inside `guarded`, or starts or ends a thread.

    Then the caller is a finalizer or a signal handler that interrupted it, and
    waiting for another thread could mean waiting for this one.
    """
    if _this_thread.inside:
        return True
    return any(it.ident == threading.get_ident() for it in tuple(_starting))


def start_thread(work: Callable[[], None], name: str) -> bool:
    """
    Start a daemon thread; return whether that was possible.

    Code of *work* outside of `interruptible` counts as a critical section.
    """

    def run() -> None:
        _this_thread.inside = True  # until the thread has ended
        _starting.discard(thread)
        work()

    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        _starting.add(thread)
        thread.start()
    except BaseException as e:
        if thread.ident is None:
            _starting.discard(thread)
        if not isinstance(e, RuntimeError):
            raise
        return False  # no more threads, or the interpreter is shutting down
    return True


def interruptible(work: Callable[[], T]) -> T:
    """Return what *work* returns, called as if outside of any critical section."""
    before = _this_thread.inside
    try:
        _this_thread.inside = False
        return work()
    finally:
        _this_thread.inside = before


def guarded(lock: threading.RLock, work: Callable[[], T]) -> T:
    """
    Return what *work* returns, called while *lock* is held.

    The lock is reentrant, so that a finalizer that runs meanwhile in this thread
    doesn't wait for it forever.
    """
    before = _this_thread.inside
    try:
        _this_thread.inside = True
        with lock:
            return work()
    except BaseException:
        # Since CPython 3.14 an exception can be delivered between the acquisition
        # of a lock and the body of its `with` statement.
        if not before:
            _release(lock)
        raise
    finally:
        _this_thread.inside = before


def _release(lock: threading.RLock | _thread.LockType) -> None:
    try:  # noqa: SIM105 - an interrupt can come at fewer points than with suppress()
        lock.release()
    except RuntimeError:  # this thread doesn't hold it, or it is released already
        pass


class OneTimeEvent:
    """
    An event that is set once.

    :class:`threading.Event` has a lock that isn't reentrant: a signal handler hangs if
    it uses an event for which its own thread is just about to wait.
    """

    __slots__ = ("_callbacks", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        # A dict, because ten thousand tasks that wait may be canceled in any order.
        self._callbacks: dict[Callable[[], object], None] = {}

    def is_set(self) -> bool:
        """Return whether the event is set."""
        return self._is_set

    def set(self) -> None:
        """
        Set the event, and call all callbacks.

        May be called again after an interrupt.
        """
        self._is_set = True
        # list() allocates nothing while it iterates, so that no finalizer runs then.
        for callback in list(self._callbacks):
            callback()
            self.remove_callback(callback)

    def add_callback(self, callback: Callable[[], object]) -> None:
        """
        Call *callback* when the event is set, or now if it is set.

        It is called on any thread, while locks are held, and after an interrupt more
        than once. So it must not block or raise an exception; it should only wake a
        waiting thread or task.
        """
        self._callbacks[callback] = None  # before looking, so that no `set` is missed
        if self._is_set:
            callback()

    def remove_callback(self, callback: Callable[[], object]) -> None:
        """Undo `add_callback`."""
        self._callbacks.pop(callback, None)

    def wait(self, timeout: float) -> bool:
        """Wait up to *timeout* seconds; return whether the event is set."""
        waiter = _thread.allocate_lock()
        waiter.acquire()
        wake = functools.partial(_release, waiter)
        try:
            self.add_callback(wake)
            if not self._is_set and timeout > 0:
                waiter.acquire(timeout=min(timeout, threading.TIMEOUT_MAX))
        finally:
            self.remove_callback(wake)
        return self._is_set
