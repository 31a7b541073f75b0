"""A person with an MFA device, and threads that wait for a code."""

from __future__ import annotations

import datetime as dt
import getpass
import threading

from concurrent.futures import ThreadPoolExecutor

import pytest

import stsession

from stsession._core.context import Fetching
from stsession._locks import OneTimeEvent
from stsession._tokens import mfa as _mfa
from stsession._tokens import terminal as _terminal
from stsession.testing import Fault, use_runtime

from .wire import READER, no_thread


SERIAL = "arn:aws:iam::123456789012:mfa/ci"
SOON = 10.0
PROMPT = f"MFA code for {SERIAL}: "
WRONG = Fault.error(
    "AccessDenied",
    "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
    status=403,
)


class Person:
    """A function for *mfa_code*: a person reads codes off a device."""

    def __init__(self, clock):
        self.clock = clock
        self.prompts = []
        self.at_once = self.most_at_once = 0
        self.meanwhile = lambda: None

    def __call__(self, serial):
        """Return the current code."""
        self.prompts.append(serial)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.meanwhile()
            return f"{int(self.clock.wall() // 30) % 10**6:06d}"
        finally:
            self.at_once -= 1


class Typist:
    """A replacement of `getpass`: a person types what is in a list."""

    def __init__(self, *typed):
        self.typed = list(typed)
        self.prompts = []

    def __call__(self, prompt):
        """Return the next line."""
        self.prompts.append(prompt)
        return self.typed.pop(0)


class Waits:
    """
    Waits for other threads; at a wait for the next code, time passes by the clock.
    """

    def __init__(self, clock):
        self.clock = clock
        self.steps = []

    def __call__(self, event, seconds):
        """Wait for *event*."""
        if not _mfa._prompter().prompting._is_owned():  # a caller without credentials
            return event.wait(SOON)
        self.steps.append(seconds)
        self.clock.advance(dt.timedelta(seconds=seconds))
        return event.is_set()


class Background:
    """Another thread for each refresh, or none while it is held."""

    def __init__(self):
        self.tasks = []
        self.held = False

    def __call__(self, task):
        """Run a task."""
        self.tasks.append(task)
        if not self.held:
            thread = threading.Thread(target=task)
            thread.start()
            thread.join()
        return True


@pytest.fixture(name="waits")
def _waits(clock):
    return Waits(clock)


@pytest.fixture(name="background")
def _background():
    return Background()


@pytest.fixture(name="_runtime", autouse=True)
def __runtime(clock, waits, background):
    with use_runtime(
        clock=clock, random=lambda: 0.5, submit=background, spawn=no_thread, wait=waits
    ):
        yield


@pytest.fixture(name="person")
def _person(clock):
    return Person(clock)


@pytest.fixture(name="typist")
def _typist(monkeypatch):
    """Put a person at the terminal."""

    def typist(*typed):
        person = Typist(*typed)
        monkeypatch.setattr(_terminal, "_has_terminal", lambda: True)
        monkeypatch.setattr(getpass, "getpass", person)
        return person

    return typist


@pytest.fixture(name="assume")
def _assume(source, person):
    """Make a session with the device of the person."""

    def assume(role_arn=READER, **kw):
        kw = {"source": source, "mfa_code": person, "mfa_serial": SERIAL, **kw}
        return stsession.assume(role_arn, **kw)

    return assume


each_session = pytest.mark.parametrize("mfa_session", [None, False])
"""With an MFA session for all roles, and with a code for each AssumeRole request."""


def fetch_in_background(work):
    """Call *work* as a fetch does that no caller waits for."""
    return Fetching(None, OneTimeEvent(), in_background=True).run(work)


def operations(stub):
    """Return the operations that STS was sent, in order."""
    return [call.operation for call in stub.requests]


def codes_sent(stub):
    """Return the codes that STS was sent, in order."""
    return [c.params["TokenCode"] for c in stub.requests if "TokenCode" in c.params]


def at_once(number, do):
    """Return what *number* threads get that call *do* at once, errors included."""
    barrier = threading.Barrier(number)

    def work(n):
        barrier.wait(SOON)
        try:
            return do(n)
        except BaseException as e:  # noqa: BLE001 - it is the result
            return e

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(work, range(number)))


def expire(session, clock, *, left=0.0):
    """Let time pass until so many seconds are left."""
    clock.advance(session.remaining - dt.timedelta(seconds=left))
