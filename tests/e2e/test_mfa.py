"""MFA devices: one code for a working day, and prompts at terminals."""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing
import os
import pty
import select
import signal
import sys
import termios
import threading
import time

from concurrent.futures import ThreadPoolExecutor

import pytest

import stsession

from stsession.testing import FakeClock, StubSTS, use_runtime

from ..children import USUAL
from ..mfa import codes_sent
from ..wire import no_thread, source_of
from . import ROLE
from .timeline import seconds


GUARD = 20.0
SERIAL = "arn:aws:iam::210987654321:mfa/ci"
PROMPT = f"MFA code for {SERIAL}: "
ROLES = [f"arn:aws:iam::123456789012:role/team/Role{n}" for n in range(5)]
DAY = dt.timedelta(hours=11)


@pytest.fixture(name="device")
def _device(local):
    """The MFA device of a user; all roles require MFA."""
    for arn in ROLES:
        local.add_role(arn, requires_mfa=True)
    return local.add_mfa_device("user")


class Reader:
    """A function for *mfa_code* that reads codes off a device."""

    def __init__(self, device):
        self.device = device
        self.codes = []

    def __call__(self, serial):
        """Return the current code."""
        assert self.device.serial == serial
        self.codes.append(self.device.code())
        return self.codes[-1]


@pytest.fixture(name="reader")
def _reader(device):
    return Reader(device)


@pytest.fixture(name="sessions")
def _sessions(source, device, reader, _runtime):
    return [
        stsession.assume(arn, source=source, mfa_serial=device.serial, mfa_code=reader)
        for arn in ROLES
    ]


def test_one_code_for_five_roles_and_ten_threads(sessions, local, clock, reader):
    """Refreshes of eleven hours need one code."""
    step, number = dt.timedelta(minutes=5), 10

    def works(_):
        keys = [session.credentials() for session in sessions]
        return min(key.expires_at for key in keys)

    with ThreadPoolExecutor(number) as pool:
        for _ in range(DAY // step):
            assert clock.now() < min(pool.map(works, range(number)))
            clock.advance(step)

    assert 1 == len(reader.codes) == local.count("GetSessionToken")
    assert {200} == {call.status for call in local.calls()}
    for arn in ROLES:
        assert 11 <= local.count("AssumeRole", role_arn=arn) <= 16


def test_a_code_per_request(source, local, clock, device, reader):
    """Without an MFA session each AssumeRole needs a code, and none is sent twice."""

    def wait(_, seconds):
        clock.advance(dt.timedelta(seconds=seconds))

    with use_runtime(clock=clock, random=lambda: 0.5, spawn=no_thread, wait=wait):
        sessions = [
            stsession.assume(
                arn,
                source=source,
                mfa_serial=device.serial,
                mfa_code=reader,
                mfa_session=False,
            )
            for arn in ROLES
        ]
        end = clock.now() + DAY
        while clock.now() < end:
            for session in sessions:
                session.credentials()

                assert session.remaining > dt.timedelta(0)
            clock.advance(dt.timedelta(seconds=30))

    calls = local.calls("AssumeRole")
    assert {200} == {call.status for call in local.calls()}
    assert 0 == local.count("GetSessionToken")
    for arn in ROLES:
        assert 11 <= local.count("AssumeRole", role_arn=arn) <= 13
    steps = [(c.params["TokenCode"], c.monotonic // 30) for c in calls]
    assert len(steps) == len(set(steps)) == len({at for _, at in steps})


@pytest.mark.usefixtures("_runtime")
def test_a_seed_for_a_day(source, local, clock, device):
    """With the seed, a program needs no person."""
    session = stsession.assume(
        ROLES[0],
        source=source,
        mfa_serial="auto",
        mfa_code=stsession.totp(device.secret),
        mfa_session=900,
    )
    for _ in range(24):
        s3 = session.client("s3")
        assert s3.list_objects_v2(Bucket="bucket")["KeyCount"]
        clock.advance(dt.timedelta(hours=1))

    assert 24 == local.count("GetSessionToken")
    assert 1 == local.count("ListMFADevices")


def outcome(use):
    """Return the name of the error that a session raises, or "fine"."""
    try:
        use()
    except BaseException as e:  # noqa: BLE001 - reported to the test
        return type(e).__name__
    return "fine"


def take(terminal):
    """Make *terminal*, if any, that of this process."""
    for name, handler in USUAL.items():
        signal.signal(getattr(signal, name), handler)
    os.setsid()
    if terminal is not None:
        os.open(terminal, os.O_RDWR)  # the first that a session leader opens is its own


PROMPTS_IN_A_LOOP = f"""
import asyncio, boto3, stsession
from stsession import aio

source = boto3.Session("AKIA", "secret", region_name="eu-central-1")
session = stsession.assume({ROLE!r}, source=source, mfa_serial={SERIAL!r}, cache=None)
asyncio.run(aio.credentials(session))
"""


def use_in_a_loop(terminal, report):
    """Wait for a code in an event loop; another thread reads it."""
    take(terminal)
    os.execv(sys.executable, [sys.executable, "-c", PROMPTS_IN_A_LOOP])


def use_at_terminal(terminal, report):
    """
    Use a session from two threads, and then twice at once and once later.

    It runs in a process of its own, which has a terminal unless *terminal* is `None`.
    """
    take(terminal)
    clock = FakeClock()
    stub = StubSTS(clock=clock)
    with use_runtime(clock=clock, random=lambda: 0.0):  # errors are kept for a second
        session = stsession.assume(
            ROLE, source=source_of(stub), mfa_serial=SERIAL, cache=None
        )

    def follow():
        while session.status().hop.counters.attempts == 0:
            threading.Event().wait(0.01)
        found["other"] = outcome(session.credentials)

    found = {}
    other = threading.Thread(target=follow, daemon=True)
    other.start()
    found["main"] = outcome(session.credentials)
    other.join(GUARD)
    found["at once"] = [outcome(session.credentials) for _ in range(2)]
    clock.advance(seconds(2))
    found["later"] = outcome(session.credentials)
    found["codes"] = codes_sent(stub)
    report.send(found)


class Terminal:
    """A pseudo-terminal, and a process that prompts there."""

    def __init__(self, *, is_there=True, use=use_at_terminal):
        self.shown, self._prompts = "", 0
        self._screen, self._inside = pty.openpty()
        self._reports, report = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.get_context("fork").Process(
            target=use,
            args=(os.ttyname(self._inside) if is_there else None, report),
        )
        self._process.start()

    def waits_for(self, text, times=1):
        """Read until *text* is on the screen so many *times*."""
        end = time.monotonic() + GUARD
        while self.shown.count(text) < times:
            ready, _, _ = select.select([self._screen], [], [], end - time.monotonic())

            assert ready, self.shown
            self.shown += os.read(self._screen, 1024).decode()

    def types(self, text):
        """Press keys at a prompt; each call answers the next one."""
        self._prompts += 1
        self.waits_for(PROMPT, self._prompts)
        os.write(self._screen, text.encode())

    def report(self):
        """Return what the process found."""
        assert self._reports.poll(GUARD), self.shown
        found = self._reports.recv()
        self._process.join(GUARD)
        return found

    @property
    def echoes(self):
        """Whether it shows what is typed."""
        return bool(termios.tcgetattr(self._inside)[3] & termios.ECHO)

    def exits(self):
        """Wait until the process has ended."""
        self._process.join(GUARD)

        assert self._process.exitcode is not None

    def close(self):
        """End the process, if it hasn't ended."""
        self._process.kill()
        self._process.join()
        self._process.close()
        for fd in (self._screen, self._inside):
            os.close(fd)


@pytest.fixture(name="terminal")
def _terminal():
    with contextlib.closing(Terminal()) as terminal:
        yield terminal


def test_no_terminal():
    """Without a terminal it is an error at once, and nothing is sent."""
    with contextlib.closing(Terminal(is_there=False)) as terminal:
        found = terminal.report()

    assert "MfaError" == found["main"] == found["later"]
    assert [] == found["codes"]


def test_prompt(terminal):
    """
    The prompt is at the terminal, and what is typed is hidden.

    After a mistake there is another prompt; a code may have a gap. The code is for
    all threads.
    """
    terminal.types("27182\n")
    terminal.types("271 828\n")
    found = terminal.report()

    assert {
        "main": "fine",
        "other": "fine",
        "at once": ["fine"] * 2,
        "later": "fine",
        "codes": ["271828"],
    } == found
    assert (
        f"{PROMPT}\r\nInvalid code: enter six digits.\r\n{PROMPT}"
        == terminal.shown.rstrip("\r\n")
    )


def test_ctrl_d(terminal):
    """The line at the prompt ends, and the next use has another prompt."""
    terminal.types("\x04")
    terminal.types("314159\n")
    found = terminal.report()

    assert terminal.shown.startswith(f"{PROMPT}\r\n{PROMPT}")
    assert ("MfaError", "fine") == (found["main"], found["later"])


def test_ctrl_c(terminal):
    """Other threads get an error, there is no prompt at once, and later it works."""
    terminal.types("\x03")
    terminal.types("314159\n")

    assert {
        "main": "KeyboardInterrupt",
        "other": "MfaError",
        "at once": ["MfaError"] * 2,
        "later": "fine",
        "codes": ["314159"],
    } == terminal.report()


def test_ctrl_c_in_a_loop():
    """The program ends, and the terminal shows again what is typed."""
    with contextlib.closing(Terminal(use=use_in_a_loop)) as terminal:
        terminal.types("\x03")
        terminal.exits()

        assert terminal.echoes
