from __future__ import annotations

import datetime as dt
import getpass
import io
import logging
import os
import pickle
import subprocess
import sys
import threading
import types

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from botocore.config import Config

import stsession

from stsession import FailureKind
from stsession._core.context import Fetching
from stsession._locks import OneTimeEvent
from stsession._sessions.mfa_session import MfaSession
from stsession._tokens import mfa as _mfa
from stsession._tokens import terminal as _terminal
from stsession._tokens.mfa import MfaCodeSupplier
from stsession._tokens.saml import SamlAssertionSupplier
from stsession.testing import FakeClock, Fault, StubSTS, use_runtime

from .wire import (
    HUB,
    READER,
    TARGET,
    failing,
    here,
    minutes,
    params_of,
    profile_session,
    rejection,
    source_of,
    told_by,
)


SERIAL = "arn:aws:iam::123456789012:mfa/ci"
SOON = 10.0
PROMPT = f"MFA code for {SERIAL}: "
WRONG = Fault.error(
    "AccessDenied",
    "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
    status=403,
)


class Terminal(io.StringIO):
    """
    A terminal to write to.
    """

    def isatty(self):
        """
        Return whether it is one.
        """
        return True


class Person:
    """
    Somebody with a device, who is asked for codes.
    """

    def __init__(self, clock):
        self.clock = clock
        self.asked = []
        self.at_once = self.most_at_once = 0
        self.meanwhile = lambda: None

    def __call__(self, serial):
        """
        Read the code that is shown.
        """
        self.asked.append(serial)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.meanwhile()
            return f"{int(self.clock.wall() // 30) % 10**6:06d}"
        finally:
            self.at_once -= 1


class Patience:
    """
    Waits for other threads, and has the clock pass the wait for the next code.
    """

    def __init__(self, clock):
        self.clock = clock
        self.steps = []

    def __call__(self, event, seconds):
        """
        Wait for *event*.
        """
        if not _mfa._prompter()._prompting._is_owned():  # a caller without credentials
            return event.wait(SOON)
        self.steps.append(seconds)
        self.clock.advance(dt.timedelta(seconds=seconds))
        return event.is_set()


class Background:
    """
    Another thread for each refresh, or none while it is held.
    """

    def __init__(self):
        self.tasks = []
        self.held = False

    def __call__(self, task):
        """
        Take a task.
        """
        self.tasks.append(task)
        if not self.held:
            thread = threading.Thread(target=task)
            thread.start()
            thread.join()
        return True


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


@pytest.fixture(name="patience")
def _patience(clock):
    return Patience(clock)


@pytest.fixture(name="background")
def _background():
    return Background()


def fetch_in_background(work):
    """
    Call *work* as a fetch does that no caller waits for.
    """
    return Fetching(None, OneTimeEvent(), in_background=True).run(work)


@pytest.fixture(name="_world", autouse=True)
def __world(clock, patience, background):
    with use_runtime(
        clock=clock, random=lambda: 0.5, submit=background, spawn=here, wait=patience
    ):
        yield


@pytest.fixture(name="person")
def _person(clock):
    return Person(clock)


@pytest.fixture(name="stub")
def _stub(clock):
    return StubSTS(clock=clock)


@pytest.fixture(name="source")
def _source(stub):
    return source_of(stub)


@pytest.fixture(name="assume")
def _assume(source, person):
    """
    Make a session whose device is the person's.
    """

    def assume(role_arn=READER, **kw):
        kw = {"source": source, "mfa_code": person, "mfa_serial": SERIAL, **kw}
        return stsession.assume(role_arn, **kw)

    return assume


def operations(stub):
    """
    What STS was asked, in order.
    """
    return [call.operation for call in stub.requests]


def codes_sent(stub):
    """
    The codes that STS was sent, in order.
    """
    return [c.params["TokenCode"] for c in stub.requests if "TokenCode" in c.params]


def at_once(number, do):
    """
    What *number* threads get that do it all at once, errors included.
    """
    barrier = threading.Barrier(number)

    def work(n):
        barrier.wait(SOON)
        try:
            return do(n)
        except BaseException as e:  # noqa: BLE001 - it's what is asked
            return e

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(work, range(number)))


def expire(session, clock, *, left=0.0):
    """
    Let time pass until so many seconds are left.
    """
    clock.advance(session.remaining - dt.timedelta(seconds=left))


@pytest.fixture(name="proof")
def _proof(source, person):
    """
    The user's own session, whose every refresh needs a code.
    """
    return stsession.session_token(
        source=source, mfa_serial=SERIAL, mfa_code=person, duration_seconds=3600
    )


class TestWhoIsAsked:
    """
    Codes come from where the user says.
    """

    def test_a_function(self, assume, stub, person):
        """
        It gets the serial number; its code goes with the request.
        """
        assume().credentials()

        assert [SERIAL] == person.asked
        assert ["GetSessionToken", "AssumeRole"] == operations(stub)
        assert SERIAL == params_of(stub, 0)["SerialNumber"]
        assert "TokenCode" not in params_of(stub, 1)

    def test_white_space_is_no_digit(self, assume, stub):
        """
        What a command or a person puts around a code is left out.
        """
        assume(mfa_code=lambda _: " 123456\n").credentials()

        assert ["123456"] == codes_sent(stub)

    def test_a_command(self, assume, stub):
        """
        The last six digits that it prints are the code.
        """
        argv = [sys.executable, "-c", "print('AWS:ci 12345678 000000 123456')"]

        assume(mfa_code=argv).credentials()

        assert ["123456"] == codes_sent(stub)

    def test_no_shell(self, assume, stub, tmp_path):
        """
        Arguments of a command mean nothing but themselves.
        """
        script = "import sys; print(len(sys.argv[1]), '123456')"
        argv = [sys.executable, "-c", script, f"; touch {tmp_path}/x $(id)"]

        assume(mfa_code=tuple(argv)).credentials()

        assert ["123456"] == codes_sent(stub)
        assert [] == list(tmp_path.iterdir())

    def test_a_command_reads_nothing(self, assume, stub):
        """
        What is typed for the program isn't taken for a command's.
        """
        script = "import sys; print(len(sys.stdin.read()) or '123456')"

        assume(mfa_code=[sys.executable, "-c", script]).credentials()

        assert ["123456"] == codes_sent(stub)

    def test_the_terminal(self, assume, stub, monkeypatch):
        """
        Nothing means whoever is at the terminal.
        """
        prompts = []
        monkeypatch.setattr(_terminal, "_has_terminal", lambda: True)
        monkeypatch.setattr(
            getpass, "getpass", lambda prompt: prompts.append(prompt) or "123456"
        )

        assume(mfa_code=None).credentials()

        assert [PROMPT] == prompts
        assert ["123456"] == codes_sent(stub)

    def test_a_string(self, assume, stub):
        """
        A single code is sent.
        """
        assume(mfa_code="123456").credentials()

        assert ["123456"] == codes_sent(stub)

    def test_may_have_a_session_with_mfa_itself(self, assume, stub):
        """
        Codes may come out of a vault that wants a code, too.
        """
        vault = assume(HUB, mfa_serial="GAHT12345678", mfa_code="111111")

        def code(_):
            return vault.credentials() and "222222"

        assume(mfa_code=code).credentials()

        assert ["111111", "222222"] == codes_sent(stub)


class TestWhatIsNoCode:
    """
    What can't be a code is never sent, nor shown.
    """

    @pytest.mark.parametrize(
        "code", ["27182", "2718281", "27a828", "", "٢٧١٨٢٨", None, 271828, b"271828"]
    )
    def test_of_a_function(self, assume, stub, code):
        """
        Whatever it returns.
        """
        error = failing(assume(mfa_code=lambda _: code))

        assert isinstance(error, stsession.MfaError)
        assert "Invalid code for" in str(error)
        assert not code or str(code) not in told_by(error)
        assert 0 == stub.attempts

    @pytest.mark.parametrize(
        "code", ["27182", "no code", "", 271828, [], [314], b"314", {}]
    )
    def test_of_an_argument(self, assume, code):
        """
        It is refused where it is passed.
        """
        with pytest.raises(stsession.InvalidRequestError) as caught:
            assume(mfa_code=code)

        assert "mfa_code" == caught.value.parameter
        assert not code or str(code) not in told_by(caught.value)

    @pytest.mark.parametrize("code", [lambda: "123456", lambda serial, other: "123456"])
    def test_a_function_without_a_serial(self, assume, code):
        """
        The error of a function that doesn't take the serial number describes it.
        """
        with pytest.raises(stsession.InvalidRequestError) as caught:
            assume(mfa_code=code)

        assert "mfa_code" == caught.value.parameter
        assert "can't be called with one argument." in str(caught.value)
        assert (
            "It receives the serial number of the device: def get_code(serial)."
        ) == caught.value.hint

    @pytest.mark.parametrize("code", [[], ()])
    def test_an_empty_command(self, assume, code):
        """
        It's said that there is nothing in it.
        """
        with pytest.raises(stsession.InvalidRequestError) as caught:
            assume(mfa_code=code)

        assert f"mfa_code is an empty {type(code).__name__}." in str(caught.value)
        assert "name of a command" in caught.value.hint

    @pytest.mark.parametrize("lasting", [None, False])
    @pytest.mark.parametrize("failure", [LookupError, OSError, TimeoutError])
    def test_an_exception(self, assume, stub, failure, lasting):
        """
        What a function raises is the cause, and isn't quoted.
        """

        def code(_):
            raise failure("the secret seed")

        error = failing(assume(mfa_code=code, mfa_session=lasting))

        assert isinstance(error, stsession.MfaError)
        assert f"MFA device {SERIAL}. The function " in str(error)
        assert f".code() raised {failure.__name__}." in str(error)
        assert "the secret seed" not in str(error)
        assert failure is type(error.__cause__)
        assert (SERIAL, False) == (error.hop, error.retryable)
        assert 0 == stub.attempts

    def test_an_error_of_ours(self, assume, stub):
        """
        What a session says that a function needs is said best already.
        """
        vault = assume(HUB, mfa_serial="GAHT12345678", mfa_code=["/no/such/ykman"])

        error = failing(assume(mfa_code=lambda _: str(vault.credentials())))

        assert "GAHT12345678" == error.hop
        assert "The command ykman can't be run" in str(error)
        assert 0 == stub.attempts

    @pytest.mark.parametrize("lasting", [None, False])
    def test_a_fleet_asks_once(self, source, stub, lasting):
        """
        An exception of the function is no outage of STS.
        """
        asked = []

        def code(serial):
            asked.append(serial)
            raise OSError("the secret seed")

        fleet = stsession.Fleet(
            [READER],
            source=source,
            mfa_serial=SERIAL,
            mfa_code=code,
            mfa_session=lasting,
        )
        (result,) = fleet.map(lambda session: session.credentials())

        assert isinstance(result.error, stsession.MfaError)
        assert [SERIAL] == asked


class TestCommands:
    """
    What can go wrong with a command.
    """

    def fails(self, assume, argv):
        """
        The error of a session whose codes come from *argv*.
        """
        error = failing(assume(mfa_code=argv))

        assert isinstance(error, stsession.MfaError)
        assert "by hand" in error.hint
        return error

    def test_status(self, assume, capfd):
        """
        Its status counts, and its stderr is none of our messages' business.
        """
        script = (
            "import sys; sys.stderr.write('mysterious'); print(271828); sys.exit(3)"
        )

        error = self.fails(assume, [sys.executable, "-c", script])

        assert "exited with status 3" in str(error)
        assert "mysterious" not in told_by(error)
        assert "271828" not in told_by(error)
        assert "mysterious" in capfd.readouterr().err

    @pytest.mark.parametrize("said", ["", "touch your key", "27182", "2718281"])
    def test_no_code(self, assume, said):
        """
        Nor is anything that isn't six digits.
        """
        error = self.fails(assume, [sys.executable, "-c", f"print({said!r})"])

        assert "didn't print a code" in str(error)
        assert not said or said not in told_by(error)

    def test_missing(self, assume):
        """
        Only the name is told, as arguments may be secret.
        """
        error = self.fails(assume, ["/no/such/ykman", "--password", "hunter2"])

        assert "The command ykman can't be run: No such file" in str(error)
        assert "hunter2" not in told_by(error)

    def test_takes_too_long(self, assume, monkeypatch):
        """
        It is ended, and what it has printed isn't told.
        """
        monkeypatch.setattr(_mfa, "COMMAND_TIMEOUT", 0.5)
        script = "import threading as t; print(654321, flush=True); t.Event().wait(60)"

        error = self.fails(assume, [sys.executable, "-c", script])

        assert "took more than" in str(error)
        assert "654321" not in told_by(error)


class TestTerminals:
    """
    The terminal is asked, or there is none.
    """

    @pytest.fixture(name="_no_terminal")
    def __no_terminal(self, monkeypatch):
        real = os.open

        def opens(path, *args, **kw):
            if path == "/dev/tty":
                raise OSError(6, "No such device or address")
            return real(path, *args, **kw)

        monkeypatch.setattr(os, "open", opens)

    @pytest.mark.usefixtures("_no_terminal")
    @pytest.mark.parametrize("lasting", [None, False])
    def test_none(self, assume, stub, lasting):
        """
        The error says so at once; nothing is sent.
        """
        error = failing(assume(mfa_code=None, mfa_session=lasting))

        assert isinstance(error, stsession.MfaError)
        assert "there is no terminal" in str(error)
        assert "function or a command" in error.hint
        assert 0 == stub.attempts

    def test_one(self, assume, monkeypatch, tmp_path):
        """
        If there is one, it is closed again before it is asked.
        """
        real, opened = os.open, []
        tty = tmp_path / "tty"
        tty.touch()

        def opens(path, *args, **kw):
            if path != "/dev/tty":
                return real(path, *args, **kw)
            opened.append(real(tty, os.O_RDWR))
            return opened[-1]

        def asks(_):
            with pytest.raises(OSError, match="Bad file"):
                os.fstat(opened[-1])
            raise EOFError

        monkeypatch.setattr(os, "open", opens)
        monkeypatch.setattr(getpass, "getpass", asks)

        error = failing(assume(mfa_code=None))

        assert isinstance(error, stsession.MfaError)
        assert "was typed" in str(error)
        assert "Use the session again to get another prompt." == error.hint
        assert "\n" == tty.read_text()  # Ctrl-D ends no line

    @pytest.mark.parametrize(
        ("stdin", "expected"),
        [
            (None, False),
            (types.SimpleNamespace(isatty=lambda: False), False),
            (types.SimpleNamespace(isatty=lambda: True), True),
        ],
    )
    def test_windows(self, monkeypatch, stdin, expected):
        """
        There, it is the console.
        """
        monkeypatch.setattr(_terminal, "os", types.SimpleNamespace(name="nt"))
        monkeypatch.setattr(sys, "stdin", stdin)

        assert expected is _terminal._has_terminal()


class Typist:
    """
    Somebody at a terminal, who types what is in a list.
    """

    def __init__(self, *typed):
        self.typed = list(typed)
        self.prompts = []

    def __call__(self, prompt):
        """
        Look at *prompt*, and type.
        """
        self.prompts.append(prompt)
        return self.typed.pop(0)


@pytest.fixture(name="typist")
def _typist(monkeypatch):
    """
    Have somebody at the terminal.
    """

    def typist(*typed):
        somebody = Typist(*typed)
        monkeypatch.setattr(_terminal, "_has_terminal", lambda: True)
        monkeypatch.setattr(getpass, "getpass", somebody)
        return somebody

    return typist


class TestTyping:
    """
    People at terminals are told what was wrong, and asked again.
    """

    @pytest.mark.parametrize("typed", ["123 456", " 123456 ", "12 34 56", "123\t456"])
    def test_spaces(self, assume, stub, typist, typed):
        """
        Apps show a gap in the middle; it isn't part of the code.
        """
        somebody = typist(typed)

        assume(mfa_code=None).credentials()

        assert [PROMPT] == somebody.prompts
        assert ["123456"] == codes_sent(stub)

    @pytest.mark.parametrize("typed", ["", "123", "1234567", "12345a", "٢٧١٨٢٨"])
    def test_not_six_digits(self, assume, stub, typist, typed):
        """
        They are asked again at once, and nothing of it is sent.
        """
        somebody = typist(typed, typed, "123456")

        assume(mfa_code=None).credentials()

        again = f"Invalid code: enter six digits.\n{PROMPT}"
        assert [PROMPT, again, again] == somebody.prompts
        assert ["123456"] == codes_sent(stub)

    def test_never_six_digits(self, assume, stub, typist):
        """
        After the third time it is an error, which tells people how to go on.
        """
        somebody = typist("", "2718", "2718", "123456")

        error = failing(assume(mfa_code=None))

        assert isinstance(error, stsession.MfaError)
        assert f"No code was typed for MFA device {SERIAL}." in str(error)
        assert "Use the session again to get another prompt." == error.hint
        assert "2718" not in told_by(error)
        assert ["123456"] == somebody.typed
        assert 0 == stub.attempts

    def test_refused(self, assume, stub, typist):
        """
        Who has mistyped is told so before being asked again.
        """
        stub.fail_next(fault=WRONG)
        somebody = typist("123456", "654321")

        assume(mfa_code=None).credentials()

        assert [
            PROMPT,
            f"{_terminal.CODE_REJECTED}\n{PROMPT}",
        ] == somebody.prompts
        assert ["123456", "654321"] == codes_sent(stub)

    def test_told_once(self, assume, stub, typist, clock):
        """
        The next day, that is forgotten.
        """
        stub.fail_next(fault=WRONG)
        somebody = typist("123456", "654321", "111111")
        session = assume(mfa_code=None, mfa_session=False)
        session.credentials()
        clock.advance(dt.timedelta(days=1))
        session.credentials()

        assert PROMPT == somebody.prompts[2]

    @pytest.mark.parametrize("lasting", [None, False])
    def test_the_same_again(self, assume, stub, typist, patience, lasting):
        """
        Nobody has to wonder why nothing happens: it is said, and asked at once.
        """
        stub.fail_next(fault=WRONG)
        somebody = typist("123456", "123456", "654321")

        assume(mfa_code=None, mfa_session=lasting).credentials()

        assert f"{_terminal.CODE_USED}\n{PROMPT}" == somebody.prompts[2]
        assert ["123456", "654321"] == codes_sent(stub)
        assert [] == patience.steps

    def test_the_same_once_more(self, assume, stub, typist):
        """
        Who types it yet again gets an error.
        """
        stub.fail_next(fault=WRONG)
        typist("123456", "123456", "123456")

        error = failing(assume(mfa_code=None))

        assert "has been used before" in str(error)
        assert ["123456"] == codes_sent(stub)


class TestOnce:
    """
    No code is used twice within its step, and few are asked for.
    """

    def test_waits_for_the_next(self, assume, stub, clock, patience):
        """
        Until the device shows another one, the second role waits.
        """
        clock.advance(dt.timedelta(seconds=3))
        for arn in (READER, HUB):
            assume(arn, mfa_session=False).credentials()

        first, second = codes_sent(stub)
        assert first != second
        assert [30] == patience.steps

    def test_announces_the_wait(self, assume, patience, caplog, monkeypatch):
        """
        The wait is logged, and written to standard error if that is a terminal.
        """
        caplog.set_level("INFO")
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        for arn in (READER, HUB):
            assume(arn, mfa_session=False).credentials()
        text = (
            f"The current code of MFA device {SERIAL} has been used; waiting 30 s "
            "for the next one."
        )

        assert [text] == [r.getMessage() for r in caplog.records if "waiting" in r.msg]
        assert f"{text}\n" == terminal.getvalue()

    def test_does_not_announce_to_a_file(self, assume, patience, monkeypatch):
        """
        Where standard error is no terminal, nothing is written.
        """
        monkeypatch.setattr(sys, "stderr", file := io.StringIO())
        for arn in (READER, HUB):
            assume(arn, mfa_session=False).credentials()

        assert [30] == patience.steps
        assert "" == file.getvalue()

    def test_a_wait_that_is_cut_short(self, assume, stub, patience):
        """
        If it is still the same then, it is an error.
        """
        patience.clock = FakeClock()
        assume(mfa_session=False, mfa_code=lambda _: "123456").credentials()

        error = failing(assume(HUB, mfa_session=False, mfa_code=lambda _: "123456"))

        assert isinstance(error, stsession.MfaError)
        assert "has been used before" in str(error)
        assert ["123456"] == codes_sent(stub)

    def test_one_string_for_two_roles(self, assume, stub, patience):
        """
        Waiting won't make another one of it.
        """
        assume(mfa_session=False, mfa_code="123456").credentials()

        error = failing(assume(HUB, mfa_session=False, mfa_code="123456"))

        assert "has been used before" in str(error)
        assert ["123456"] == codes_sent(stub)
        assert [] == patience.steps

    def test_devices_are_told_apart(self, assume, stub, patience):
        """
        Two may show the same.
        """
        for arn, serial in ((READER, SERIAL), (HUB, "GAHT12345678")):
            assume(
                arn, mfa_session=False, mfa_serial=serial, mfa_code="123456"
            ).credentials()

        assert ["123456"] * 2 == codes_sent(stub)
        assert [] == patience.steps

    @pytest.mark.parametrize("lasting", [None, False])
    def test_other_clocks_are_other_worlds(self, lasting):
        """
        A test doesn't wait because of the one before.
        """
        for _ in range(2):
            clock = FakeClock()
            with use_runtime(clock=clock):
                session = stsession.assume(
                    READER,
                    source=source_of(StubSTS(clock=clock)),
                    mfa_serial=SERIAL,
                    mfa_code="123456",
                    mfa_session=lasting,
                )

                assert session.credentials()

    def test_five_roles_and_ten_threads(self, assume, stub, person, patience):
        """
        One prompt at a time, and a code for each role.
        """
        sessions = [assume(f"{READER}{n}", mfa_session=False) for n in range(5)]

        results = at_once(10, lambda n: sessions[n % 5].credentials())

        assert 5 == len({r.access_key_id for r in results})
        assert 5 == len(set(codes_sent(stub))) == stub.attempts
        assert 1 == person.most_at_once
        assert [30.0] * 4 == patience.steps

    def test_two_devices_and_two_threads(self, clock, source):
        """
        One prompt at a time, whichever device it is about.
        """
        person = Person(clock)
        began = threading.Event()
        person.meanwhile = lambda: began.wait(0.05)
        sessions = [
            stsession.assume(
                READER, source=source, mfa_serial=f"GAHT1234567{n}", mfa_code=person
            )
            for n in range(4)
        ]

        at_once(4, lambda n: sessions[n].credentials())

        assert 4 == len(person.asked)
        assert 1 == person.most_at_once


class TestWrongCodes:
    """
    A wrong code is asked for once more.
    """

    @pytest.mark.parametrize("lasting", [None, False])
    def test_once(self, assume, stub, person, patience, lasting):
        """
        Everybody mistypes once; it is another one the second time.
        """
        stub.fail_next(fault=WRONG)

        assert assume(mfa_session=lasting).credentials()
        assert [SERIAL] * 2 == person.asked[:2]
        assert 2 == len(set(codes_sent(stub)))
        assert [30.0] == patience.steps

    def test_twice(self, assume, stub):
        """
        That is an error, with what STS said.
        """
        stub.goes_down(WRONG)
        session = assume()

        error = failing(session)

        assert isinstance(error, stsession.MfaError)
        assert "AccessDenied" == error.code
        assert "serial number" in error.hint
        assert not error.retryable
        assert ["GetSessionToken"] * 2 == operations(stub)
        for code in codes_sent(stub):
            assert code not in told_by(error)

    def test_a_string(self, assume, stub):
        """
        There is no other, so it is sent once.
        """
        stub.goes_down(WRONG)

        error = failing(assume(mfa_code="271828"))

        assert isinstance(error, stsession.MfaError)
        assert ["271828"] == codes_sent(stub)
        assert "271828" not in told_by(error)

    def test_another_refusal(self, assume, stub, person):
        """
        What has nothing to do with the code isn't the code's fault.
        """
        stub.goes_down(Fault.access_denied())

        assert isinstance(failing(assume()), stsession.AccessDeniedError)
        assert [SERIAL] == person.asked


class TestLostAnswers:
    """
    A code may have been used up though there was no answer, so it isn't sent again.
    """

    @pytest.mark.parametrize("fault", [Fault.status(500), Fault.hang(), Fault.reset()])
    @pytest.mark.parametrize("lasting", [None, False])
    def test_another_code(self, assume, stub, patience, fault, lasting):
        """
        It is tried once more with the next one.
        """
        stub.fail_next(fault=fault)

        assert assume(mfa_session=lasting).credentials()
        assert [30.0] == patience.steps
        assert 2 == len(codes_sent(stub)) == len(set(codes_sent(stub)))

    @pytest.mark.parametrize("lasting", [None, False])
    def test_a_string(self, assume, stub, lasting):
        """
        There is no other, so it is sent once; the error is that of STS.
        """
        stub.fail_next(fault=Fault.status(500))
        session = assume(mfa_code="271828", mfa_session=lasting)
        error = failing(session)

        assert isinstance(error, stsession.StsUnavailableError)
        assert ["271828"] == codes_sent(stub)

    @pytest.mark.parametrize("lasting", [None, False])
    def test_a_string_of_a_profile(self, stub, tmp_path, monkeypatch, lasting):
        """
        New keys of the source don't help: STS's error says what was wrong.
        """
        path = tmp_path / "credentials"
        path.write_text("[dev]\naws_access_key_id = A\naws_secret_access_key = S\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
        stub.fail_next(fault=Fault.error("InvalidClientTokenId", status=403))
        session = stsession.assume(
            READER,
            source=profile_session(stub, "dev"),
            sts_region="eu-west-1",
            mfa_serial=SERIAL,
            mfa_code="271828",
            mfa_session=lasting,
        )
        error = failing(session)

        assert "InvalidClientTokenId" == error.code
        assert ["271828"] == codes_sent(stub)

    def test_a_string_later(self, assume, stub, clock):
        """
        Whoever tries again is told where codes may come from.
        """
        stub.fail_next(fault=Fault.status(500))
        session = assume(mfa_code="271828")
        failing(session)
        clock.advance(minutes(1))
        error = failing(session)

        assert isinstance(error, stsession.MfaError)
        assert "the one passed as mfa_code has been used" in str(error)
        assert ["271828"] == codes_sent(stub)

    def test_down(self, assume, stub):
        """
        After two codes it is an error.
        """
        stub.goes_down(Fault.status(503))
        error = failing(assume())

        assert isinstance(error, stsession.StsUnavailableError)
        assert 2 == len(codes_sent(stub)) == len(set(codes_sent(stub)))

    @pytest.mark.parametrize("settings", [None, Config(retries={"max_attempts": 9})])
    def test_throttling(self, assume, stub, settings):
        """
        Nor is it sent again if STS has no time, whatever the client's settings.
        """
        stub.goes_down(Fault.throttled())
        error = failing(assume(sts_config=settings))

        assert isinstance(error, stsession.StsUnavailableError)
        assert 1 == len(codes_sent(stub))

    def test_another_region(self, assume, stub):
        """
        The next region is asked with the next code.
        """
        stub.fail_next(fault=Fault.status(500))
        session = assume(sts_regions=["eu-west-1", "eu-central-1"])
        session.credentials()
        hosts = [call.host for call in stub.requests if "TokenCode" in call.params]

        assert ["eu-west-1", "eu-central-1"] == [h.split(".")[1] for h in hosts]
        assert 2 == len(set(codes_sent(stub)))

    def test_a_region_that_is_off(self, assume, stub, person):
        """
        If there is no other, asking once more makes no sense.
        """
        stub.goes_down(Fault.error("RegionDisabledException", status=403))
        error = failing(assume())

        assert "Activate STS" in error.hint
        assert [SERIAL] == person.asked

    def test_the_longest_duration(self, assume, stub):
        """
        An hour is asked for with another code, too.
        """
        stub.fail_next(fault=Fault.error("ValidationError", "DurationSeconds"))
        arn = f"{READER}ForAnHour"  # it is remembered for the process
        session = assume(arn, mfa_session=False, duration_seconds="max")
        session.credentials()

        assert ["43200", "3600"] == [
            call.params["DurationSeconds"] for call in stub.requests
        ]
        assert 2 == len(set(codes_sent(stub)))

    def test_requests_without_a_code(self, assume, stub):
        """
        They are repeated by the client, as ever.
        """
        session = assume()
        session._hops[0].get()
        stub.fail_next(2, fault=Fault.status(500))
        session.credentials()

        assert ["GetSessionToken"] + ["AssumeRole"] * 3 == operations(stub)


class TestSingleCodes:
    """
    A string serves once.
    """

    def test_the_next_refresh_tells_the_alternatives(self, assume, stub, clock):
        """
        When the session token is over, there is no other code.
        """
        session = assume(mfa_code="123456", mfa_session=900)
        session.credentials()
        clock.advance(minutes(61))

        error = failing(session)

        assert "the one passed as mfa_code has been used" in str(error)
        assert "Pass a function or a command as mfa_code, or leave it out" in str(error)
        assert ["123456"] == codes_sent(stub)

    def test_another_one_for_another_session(self, assume, stub, clock):
        """
        A session that is made with a new code helps those that share with it.
        """
        old = assume(mfa_code="123456")
        old.credentials()
        expire(old, clock, left=-43_200)
        failing(old)
        clock.advance(minutes(1))

        new = assume(HUB, mfa_code="654321")

        assert new.credentials()
        assert old.credentials()
        assert ["123456", "654321"] == codes_sent(stub)

    def test_the_same_one_again(self, assume, stub):
        """
        Two roles with one string need it once.
        """
        for arn in (READER, HUB):
            assume(arn, mfa_code="123456").credentials()

        assert ["123456"] == codes_sent(stub)

    def test_after_a_wrong_one(self, assume, stub, clock):
        """
        Who mistyped makes the session again, though there is still the old one.
        """
        stub.fail_next(fault=WRONG)
        session = assume(mfa_code="111111")
        failing(session)
        clock.advance(minutes(1))

        assert assume(mfa_code="222222").credentials()
        assert session.credentials()

    def test_after_a_function(self, assume, stub, person, clock):
        """
        It goes first, once; then there is still the function.
        """
        session = assume()
        other = assume(mfa_code="999999")

        assert session.credentials()
        assert ["999999"] == codes_sent(stub)

        expire(session, clock, left=-43_200)

        assert other.credentials()
        assert [SERIAL] == person.asked


class TestSharing:
    """
    One device and one source are one proof.
    """

    def test_roles_and_sessions(self, assume, stub, person):
        """
        However many there are.
        """
        sessions = [assume(arn) for arn in (READER, HUB, TARGET, READER)]

        at_once(4, lambda n: sessions[n].credentials())

        assert [SERIAL] == person.asked
        assert 1 == operations(stub).count("GetSessionToken")
        assert 3 == operations(stub).count("AssumeRole")

    def test_with_the_users_own_session(self, assume, source, stub, person):
        """
        `session_token()` gives the same proof.
        """
        kw = {"source": source, "mfa_serial": SERIAL, "mfa_code": person}
        session = stsession.session_token(**kw)
        role = assume()

        role.credentials()
        session.credentials()

        assert [SERIAL] == person.asked
        assert ["GetSessionToken", "AssumeRole"] == operations(stub)

    @pytest.mark.parametrize("different", ["serial", "source", "length", "cache"])
    def test_what_sets_it_apart(self, assume, stub, different):
        """
        Another device, source or length is another proof, and *cache* rules.
        """
        kw = {
            "serial": {"mfa_serial": "GAHT12345678"},
            "source": {"source": source_of(stub, key="AKIAOTHER")},
            "length": {"mfa_session": 3600},
            "cache": {"cache": None},
        }[different]
        sessions = [assume(), assume(**kw)]

        for session in sessions:
            session.credentials()

        assert 2 == operations(stub).count("GetSessionToken")

    def test_a_better_command(self, assume, stub, clock):
        """
        Who fixes a command isn't asked to find the session with the old one.
        """
        session = assume(mfa_code=["/no/such/command"])
        failing(session)
        clock.advance(minutes(1))

        assert assume(mfa_code=lambda _: "123456").credentials()
        assert session.credentials()

    def test_other_proofs_have_no_codes(self, person):
        """
        Only a code's source takes the place of another.
        """
        codes = _mfa.MfaCodes(person)
        proof = MfaCodeSupplier(lambda: SERIAL, codes, key=SERIAL)

        proof.update(SamlAssertionSupplier("text"))

        assert SERIAL == proof.parameters()["SerialNumber"]

    def test_saying_nothing_changes_nothing(self, assume, person):
        """
        A session without *mfa_code* doesn't take a function away from others.
        """
        session = assume()
        assume(mfa_code=None)

        assert session.credentials()
        assert [SERIAL] == person.asked


class TestSource:
    """
    Whose keys they are decides where the code goes.
    """

    def test_temporary_keys(self, stub, person):
        """
        GetSessionToken wouldn't take them, so AssumeRole gets it.
        """
        source = boto3.Session("ASIATEMP", "secret", "token", region_name="eu-west-1")
        source.events.register("before-send.sts", stub)
        session = stsession.assume(
            READER, source=source, mfa_serial=SERIAL, mfa_code=person
        )

        session.credentials()

        assert ["AssumeRole"] == operations(stub)
        assert 1 == len(codes_sent(stub))
        session.close()

    def test_temporary_keys_later(self, stub, person, clock):
        """
        Each refresh needs another one then: near the end, and in the foreground.
        """
        source = boto3.Session("ASIATEMP", "secret", "token", region_name="eu-west-1")
        source.events.register("before-send.sts", stub)
        session = stsession.assume(
            READER, source=source, mfa_serial=SERIAL, mfa_code=person
        )
        session.credentials()

        expire(session, clock, left=61)
        session.credentials()
        assert 1 == len(person.asked)

        expire(session, clock, left=59)
        session.credentials()
        assert 2 == len(person.asked) == stub.attempts

    def test_a_session_of_ours(self, assume, source, stub, person):
        """
        Nor does it take a role's.
        """
        hub = stsession.assume(HUB, source=source)
        hub.events.register("before-send.sts", stub)

        assume(source=hub).credentials()

        assert ["AssumeRole"] * 2 == operations(stub)
        assert "TokenCode" not in params_of(stub, 0)
        assert SERIAL == params_of(stub, 1)["SerialNumber"]

    def test_a_chain(self, assume, stub, person):
        """
        It belongs to the first hop.
        """
        assume([HUB, TARGET]).credentials()

        assert ["GetSessionToken", "AssumeRole", "AssumeRole"] == operations(stub)
        assert [SERIAL] == person.asked

    def test_refused_keys(self, assume, stub, person, clock):
        """
        If STS refuses the session token, it is replaced, in the foreground.
        """
        session = assume()
        session.credentials()
        stub.fail_next(fault=Fault.error("InvalidClientTokenId", status=403))

        clock.advance(minutes(59.5))
        session.refresh()

        assert 2 == len(person.asked)

    @pytest.mark.parametrize("name", ["mfa_code", "mfa_session"])
    def test_without_serial(self, source, name):
        """
        Half of it is a mistake.
        """
        with pytest.raises(stsession.InvalidRequestError, match="without mfa_serial"):
            stsession.assume(READER, source=source, **{name: 900_000})

    def test_describes_the_user(self, assume, stub):
        """
        Errors of the role name who asks.
        """
        session = assume()
        stub.faults.add(
            Fault.error("InvalidClientTokenId", status=403), operation="AssumeRole"
        )

        assert "the given session" in str(failing(session))


class TestLength:
    """
    How long one code serves.
    """

    @pytest.mark.parametrize(
        ("lasting", "sent"),
        [
            (None, None),
            (True, None),
            (3600, "3600"),
            (dt.timedelta(hours=36), "129600"),
        ],
    )
    def test_is_sent(self, assume, stub, lasting, sent):
        """
        As seconds or a span.
        """
        assume(mfa_session=lasting).credentials()

        assert sent == params_of(stub, 0).get("DurationSeconds")

    @pytest.mark.parametrize("lasting", [0, 899, 129_601, "12h"])
    @pytest.mark.parametrize("ours", [False, True])
    def test_is_checked(self, assume, source, lasting, ours):
        """
        By the name of the argument, whoever the source is.
        """
        source = stsession.assume(HUB, source=source) if ours else source

        with pytest.raises(
            stsession.InvalidRequestError, match="mfa_session"
        ) as caught:
            assume(source=source, mfa_session=lasting)

        assert "mfa_session" == caught.value.parameter

    @pytest.mark.parametrize("lasting", [None, False])
    def test_serials_are_checked(self, assume, lasting):
        """
        As AWS would, or by their shape only where the server isn't AWS's.
        """
        kw = {"mfa_serial": "short", "mfa_session": lasting}

        with pytest.raises(stsession.InvalidRequestError, match="mfa_serial"):
            assume(**kw)
        assert assume(**kw, sts_endpoint_url="https://ceph.example").credentials()


class TestWhen:
    """
    People are asked when it's necessary, and not before.
    """

    def test_only_in_the_mandatory_window(self, proof, person, clock, background):
        """
        Until then the session works, and nobody is asked.
        """
        first = proof.credentials()

        for left in (900, 600, 300, 61):
            expire(proof, clock, left=left)
            assert first == proof.credentials()
        assert 1 == len(person.asked)

        expire(proof, clock, left=59)
        assert first != proof.credentials()
        assert 2 == len(person.asked)
        assert [] == background.tasks

    def test_roles_refresh_in_the_background(self, assume, person, clock, background):
        """
        With a proof at hand nobody is asked.
        """
        session = assume()
        first = session.credentials()
        expire(session, clock, left=600)

        assert first != session.credentials()
        assert 1 == len(background.tasks)
        assert 1 == len(person.asked)

    def test_roles_wait_for_a_proof(self, assume, person, clock, background):
        """
        If the proof is over, the role is used to its end, too, and then asks here.
        """
        session = assume(mfa_session=900)
        first = session.credentials()

        for left in (900, 600, 300, 61):
            expire(session, clock, left=left)
            assert first == session.credentials()
        assert [] == background.tasks

        expire(session, clock, left=59)
        assert first != session.credentials()
        assert 2 == len(person.asked)
        assert [] == background.tasks

    def test_proof_that_ends_under_way(self, assume, person, clock, background):
        """
        If it ends while a role waits for a thread, that one doesn't ask.
        """
        session = assume(mfa_session=3600)
        session.credentials()
        clock.advance(minutes(20))
        second = session.refresh()
        background.held = True
        clock.advance(minutes(38.5))
        session.credentials()

        [task] = background.tasks
        clock.advance(minutes(1))
        task()

        assert second != session.credentials()
        assert 1 == len(person.asked)
        assert [0, 0] == [hop.counters.failures for hop in session.status().hops]

    def test_proof_that_is_over(self, assume, stub, person, clock, background):
        """
        If nothing is left of it, the role is refreshed when it is used.
        """
        session = assume(mfa_session=3600)
        session.credentials()
        clock.advance(minutes(20))
        second = session.refresh()
        background.held = True
        clock.advance(minutes(38.5))
        session.credentials()

        [task] = background.tasks
        clock.advance(minutes(2))
        stub.goes_down(Fault.error("ExpiredToken", status=403))
        task()
        stub.comes_back()

        assert second == session.credentials()
        assert 1 == len(person.asked)

        expire(session, clock, left=59)
        assert second != session.credentials()
        assert 2 == len(person.asked)

    def test_refused_proof(self, assume, stub, person, clock, background):
        """
        Nor does a background thread ask because STS refuses the proof.
        """
        session = assume()
        first = session.credentials()
        stub.faults.add(
            Fault.error("InvalidClientTokenId", status=403), operation="AssumeRole"
        )
        expire(session, clock, left=600)

        assert first == session.credentials()
        assert 1 == len(background.tasks)
        assert 1 == len(person.asked)

    def test_background_threads_never_ask(self, person):
        """
        Whatever else goes wrong.
        """
        with pytest.raises(stsession.MfaError, match="background"):
            fetch_in_background(lambda: _mfa.MfaCodes(person).next(SERIAL))

        assert [] == person.asked

    def test_without_a_code_the_session_goes_on(self, proof, person, clock, stub):
        """
        In the last minute, who gives no code has what there is, and some peace.
        """
        first = proof.credentials()
        expire(proof, clock, left=59)

        def nobody_there():
            raise EOFError

        person.meanwhile = nobody_there
        for _ in range(5):
            assert first == proof.credentials()

        assert 2 == len(person.asked)
        assert 1 == stub.attempts

    def test_who_gives_no_code_is_asked_once(self, assume, person, clock):
        """
        The proof has a minute left, and a role that needs it can still be assumed.
        """
        assume(mfa_session=3600).credentials()
        clock.advance(minutes(59.5))

        def nobody_there():
            raise EOFError

        person.meanwhile = nobody_there

        assert assume(HUB, mfa_session=3600).credentials()
        assert 2 == len(person.asked)

    def test_others_do_not_wait_long(self, proof, person, clock):
        """
        While somebody is asked, the others use what there is.
        """
        proof.credentials()
        expire(proof, clock, left=30)
        waits = []
        proof._refresher.wait = lambda _, seconds: waits.append(seconds)
        asked, answer = threading.Event(), threading.Event()
        person.meanwhile = lambda: asked.set() or answer.wait(SOON)

        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(proof.credentials)
            assert asked.wait(SOON)
            old = proof.credentials()
            answer.set()

            assert old != asking.result(SOON)
        assert [5.0] == waits


class TestSlowPeople:
    """
    Somebody may be at lunch.
    """

    @pytest.fixture(name="prompt")
    def _prompt(self, person):
        """
        A prompt that nobody answers yet.
        """
        prompt = types.SimpleNamespace(
            opened=threading.Event(), answered=threading.Event()
        )
        person.meanwhile = lambda: (
            prompt.opened.set(),
            prompt.answered.wait(SOON),
        )
        return prompt

    @pytest.mark.parametrize("lasting", [None, False])
    @pytest.mark.parametrize("freeze", [False, True])
    def test_one_prompt(self, assume, person, prompt, clock, lasting, freeze):
        """
        However long it takes, and whoever wants the session: one prompt is enough.
        """
        session = assume(mfa_session=lasting)
        for hop in session._hops:
            hop.wait = lambda event, _: event.is_set()

        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(session.credentials)
            assert prompt.opened.wait(SOON)
            for _ in range(5):
                if freeze:
                    clock.freeze(minutes(10))
                else:
                    clock.advance(minutes(10))
                for do in (session.credentials, session.refresh):
                    with pytest.raises(stsession.RefreshError, match="in progress"):
                        do()
            prompt.answered.set()

            assert asking.result(SOON) == session.credentials()
        assert [SERIAL] == person.asked


class TestCancelled:
    """
    Ctrl-C at the prompt is for who pressed it.
    """

    @pytest.mark.parametrize("lasting", [None, False])
    def test_first_use(self, assume, person, clock, stub, lasting):
        """
        The others get an error, nobody is asked again at once, but later.
        """
        session = assume(mfa_session=lasting)
        together = threading.Barrier(10)
        waiting = threading.Semaphore(0)

        def ctrl_c():
            for _ in range(9):
                assert waiting.acquire(timeout=SOON)
            raise KeyboardInterrupt

        def wait(event, seconds):
            waiting.release()
            return event.wait(SOON)

        for hop in session._hops:
            hop.wait = wait
        person.meanwhile = ctrl_c

        def use(_):
            together.wait(SOON)
            try:
                return session.credentials()
            except BaseException as e:  # noqa: BLE001 - it's what is asked
                return e

        with ThreadPoolExecutor(10) as pool:
            results = list(pool.map(use, range(10)))

        interrupted = [r for r in results if isinstance(r, KeyboardInterrupt)]
        errors = [r for r in results if isinstance(r, stsession.MfaError)]
        assert (1, 9) == (len(interrupted), len(errors))
        assert all("cancelled" in str(e) for e in errors)

        assert "cancelled" in str(failing(session))
        assert 1 == len(person.asked)
        assert 0 == stub.attempts

        person.meanwhile = lambda: None
        clock.advance(dt.timedelta(seconds=6))
        assert session.credentials()

    def test_refresh(self, proof, person, clock):
        """
        What there is goes on being used.
        """
        first = proof.credentials()
        expire(proof, clock, left=59)

        def ctrl_c():
            raise KeyboardInterrupt

        person.meanwhile = ctrl_c
        with pytest.raises(KeyboardInterrupt):
            proof.credentials()

        assert [first] * 5 == [proof.credentials() for _ in range(5)]
        assert 2 == len(person.asked)

    def test_after_the_prompt(self, assume, stub, person):
        """
        While STS is asked, it is any other: whoever waits takes over.
        """

        def ctrl_c():
            stub.before_answer = None
            raise KeyboardInterrupt

        session = assume()
        session._hops[0].get()
        stub.before_answer = ctrl_c

        with pytest.raises(KeyboardInterrupt):
            session.credentials()

        assert session.credentials()
        assert [SERIAL] == person.asked


class TestSecrets:
    """
    Codes show nowhere.
    """

    def test_reprs(self, assume):
        """
        Neither in a repr nor in a status.
        """
        session = assume(mfa_code="271828", cache=None)
        things = [
            session,
            session.status(),
            session._hops,
            [hop.fetch for hop in session._hops],
            session._source,
            MfaSession(SERIAL, "271828"),
        ]
        session.credentials()

        for thing in things:
            assert "271828" not in repr(thing)

    def test_logs(self, assume, caplog):
        """
        Nor in our log; botocore's needs the filter.
        """
        caplog.set_level(logging.DEBUG, logger="stsession")

        assume(mfa_code="271828").credentials()

        assert "refreshed" in caplog.text
        assert "271828" not in caplog.text

    def test_botocore_logs(self, assume, caplog):
        """
        The filter knows codes, too.
        """
        stsession.redact_botocore_logs()
        caplog.set_level(logging.DEBUG)
        try:
            assume(mfa_code="271828").credentials()
        finally:
            for name in list(logging.Logger.manager.loggerDict):
                logger = logging.getLogger(name)
                for each in list(logger.filters):
                    if type(each).__module__.startswith("stsession."):
                        logger.removeFilter(each)

        assert "GetSessionToken" in caplog.text
        assert "271828" not in caplog.text

    @pytest.mark.parametrize(
        "fault", [WRONG, Fault.access_denied(), Fault.status(500), Fault.html()]
    )
    @pytest.mark.parametrize("lasting", [None, False])
    def test_errors(self, assume, stub, fault, lasting):
        """
        Nor in an error, or what is behind it.
        """
        stub.goes_down(fault)

        error = failing(assume(mfa_code="271828", mfa_session=lasting))

        assert "271828" not in told_by(error)
        assert b"271828" not in pickle.dumps(error)

    def test_pickles(self, stub):
        """
        A session with one isn't pickled, and says what to do.
        """
        kw = {"mfa_serial": SERIAL, "mfa_code": "271828"}
        for session in (
            stsession.assume(READER, sts_region="eu-west-1", **kw),
            stsession.session_token(sts_region="eu-west-1", **kw),
        ):
            with pytest.raises(pickle.PicklingError, match="mfa_code is a secret") as e:
                pickle.dumps(session)

            assert "271828" not in told_by(e.value)

    def test_pickles_of_others(self):
        """
        Commands and functions of a module travel.
        """
        for code in (["ykman", "oath"], getpass.getpass, None):
            session = stsession.assume(
                READER, sts_region="eu-west-1", mfa_serial=SERIAL, mfa_code=code
            )

            assert repr(session) == repr(pickle.loads(pickle.dumps(session)))

    def test_process_list(self, assume):
        """
        Nor is a code anybody's argument.
        """
        with pytest.raises(AssertionError), _no_process():
            subprocess.run([sys.executable, "-c", ""], check=True)
        with _no_process():
            assume(mfa_code="271828").credentials()


class _no_process:  # noqa: N801 - used as a function
    """
    Fails if a process is started.
    """

    def __enter__(self):
        self._real = subprocess.Popen.__init__

        def starts(*args, **kw):
            raise AssertionError

        subprocess.Popen.__init__ = starts

    def __exit__(self, *_):
        subprocess.Popen.__init__ = self._real


@pytest.mark.parametrize("needed", [True, False])
def test_supplier(needed):
    """
    It supplies the device and a code if the request needs one.
    """
    supplier = MfaCodeSupplier(
        lambda: SERIAL, _mfa.MfaCodes(lambda _: "123456"), key="auto"
    ).if_needed(lambda: needed)
    expected = {"SerialNumber": SERIAL, "TokenCode": "123456"} if needed else {}

    assert "auto" == supplier.key
    assert needed is supplier.single_use
    assert needed is supplier.needs_input()
    assert expected == supplier.parameters()


def test_rejected_codes():
    """
    STS rejects a code as AccessDenied; an MfaError of ours is no rejection.
    """
    supplier = MfaCodeSupplier(lambda: SERIAL, _mfa.MfaCodes(None), key=SERIAL)
    wrong = rejection("AccessDenied", FailureKind.MFA)

    assert wrong is supplier.rejected(wrong)
    assert supplier.rejected(rejection("AccessDenied", FailureKind.REQUEST)) is None
    assert supplier.rejected(stsession.MfaError("There is no terminal.")) is None


@pytest.mark.parametrize(("value", "expected"), [(None, True), ("123456", False)])
def test_other_codes(value, expected):
    """
    A single code can't be renewed.
    """
    supplier = MfaCodeSupplier(lambda: SERIAL, _mfa.MfaCodes(value), key=SERIAL)

    assert expected is supplier.can_renew()


def test_after_a_fork(person):
    """
    A child isn't kept from asking by a prompt of its parent's.
    """
    desk = _mfa.CodePrompter()
    desk._prompting.acquire()
    desk._after_fork()
    done = []

    thread = threading.Thread(
        target=lambda: done.append(
            desk.take(SERIAL, lambda: person(SERIAL), pytest.fail)
        )
    )
    thread.start()
    thread.join(SOON)

    assert 1 == len(done)
