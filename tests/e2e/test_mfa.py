"""MFA devices: one code for a working day, and prompts at terminals."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import pty
import re
import select
import subprocess
import sys
import time

from concurrent.futures import ThreadPoolExecutor

import pytest

import stsession

from stsession.testing import use_runtime

from ..children import run_child, usual_signals
from ..wire import no_thread
from .prompting import SERIAL


GUARD = 20.0
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


def test_no_terminal():
    """Without a terminal it is an error at once, and nothing is sent."""
    done = run_child(
        [sys.executable, "-m", "tests.e2e.prompting"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        timeout=GUARD,
        text=True,
    )

    assert "main MfaError" in done.stdout
    assert ["", ""] == sent(done.stdout)


class Terminal:
    """A pseudo-terminal, and a program that prompts there."""

    def __init__(self):
        self.shown = ""
        self._screen, self._inside = pty.openpty()
        with usual_signals():
            self.program = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.prompting", os.ttyname(self._inside)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,
                text=True,
            )

    def waits_for(self, text, times=1):
        """Read until *text* is on the screen so many *times*."""
        end = time.monotonic() + GUARD
        while self.shown.count(text) < times:
            ready, _, _ = select.select([self._screen], [], [], end - time.monotonic())

            assert ready, self.shown
            self.shown += os.read(self._screen, 1024).decode()

    def types(self, text):
        """Press keys."""
        os.write(self._screen, text.encode())

    def close(self):
        """End the program, if it hasn't ended."""
        self.program.kill()
        self.program.communicate()
        for fd in (self._screen, self._inside):
            os.close(fd)


@pytest.fixture(name="terminal")
def _terminal():
    with contextlib.closing(Terminal()) as terminal:
        yield terminal


def sent(out):
    """The codes that the program says it has sent, at each time."""
    return [s.strip() for s in re.findall("^sent(.*)$", out, re.MULTILINE)]


PROMPT = f"MFA code for {SERIAL}: "


def test_prompt(terminal):
    """The prompt is at the terminal, not at stdin; what is typed is hidden."""
    terminal.waits_for(PROMPT)
    terminal.types("271828\n")
    out, _ = terminal.program.communicate(timeout=GUARD)

    assert "main fine" in out
    assert "other fine" in out
    assert ["271828 -"] * 2 == sent(out)
    assert "271828" not in terminal.shown
    assert 1 == terminal.shown.count("MFA code")


def test_mistyped(terminal):
    """There is another prompt; a code may have a gap."""
    terminal.waits_for(PROMPT)
    terminal.types("27182\n")
    terminal.waits_for(PROMPT, times=2)
    terminal.types("271 828\n")
    out, _ = terminal.program.communicate(timeout=GUARD)

    assert "Invalid code: enter six digits.\r\n" in terminal.shown
    assert ["271828 -"] * 2 == sent(out)
    assert "271" not in terminal.shown


def test_ctrl_d(terminal):
    """The line at the prompt ends, and the next use has another prompt."""
    terminal.waits_for(PROMPT)
    terminal.types("\x04")
    terminal.waits_for(PROMPT, times=2)
    terminal.types("314159\n")
    out, _ = terminal.program.communicate(timeout=GUARD)

    assert terminal.shown.startswith(f"{PROMPT}\r\n{PROMPT}")
    assert "main MfaError" in out
    assert "later fine" in out


def test_ctrl_c(terminal):
    """Other threads get an error, there is no prompt at once, and later it works."""
    terminal.waits_for(PROMPT)
    terminal.types("\x03")
    terminal.waits_for(PROMPT, times=2)
    terminal.types("314159\n")
    out, _ = terminal.program.communicate(timeout=GUARD)

    assert "main KeyboardInterrupt" in out
    assert "other MfaError" in out
    assert 2 == out.count("at once MfaError")
    assert "later fine" in out
    assert ["", "314159 -"] == sent(out)
