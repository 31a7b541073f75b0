"""MFA codes: from functions, commands, strings and the terminal, each sent once."""

from __future__ import annotations

import getpass
import io
import logging
import os
import pickle
import subprocess
import sys
import threading
import types

import pytest

from botocore.config import Config

import stsession

from stsession._sessions.mfa_session import MfaSession
from stsession._tokens import mfa as _mfa
from stsession._tokens import terminal as _terminal
from stsession.testing import FakeClock, Fault, StubSTS, use_runtime

from .mfa import (  # noqa: F401 - fixtures
    PROMPT,
    SERIAL,
    SOON,
    WRONG,
    Person,
    __runtime,
    _assume,
    _background,
    _person,
    _typist,
    _waits,
    at_once,
    codes_sent,
    each_session,
    expire,
    operations,
)
from .wire import (
    HUB,
    READER,
    failing,
    full_text,
    minutes,
    params_of,
    profile_session,
    source_of,
)


PYTHON = (sys.executable, "-c")


# Sources of codes


def test_function(assume, stub, person):
    """It receives the serial number; its code is sent with the request."""
    assume().credentials()

    assert [SERIAL] == person.prompts
    assert ["GetSessionToken", "AssumeRole"] == operations(stub)
    assert SERIAL == params_of(stub, 0)["SerialNumber"]
    assert "TokenCode" not in params_of(stub, 1)


CODES = {
    "string": "123456",
    "function": lambda _: "123456",
    "whitespace": lambda _: " 123456\n",
    "last of several": [*PYTHON, "print('AWS:ci 12345678 000000 123456')"],
    "no shell": (*PYTHON, "import sys; print(sys.argv[1] == '$(id)', 123456)", "$(id)"),
    "no stdin": [*PYTHON, "import sys; print(len(sys.stdin.read()) or '123456')"],
}


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_codes(assume, stub, code):
    """Text may surround a code, and a command has no shell and no stdin."""
    assume(mfa_code=code).credentials()

    assert ["123456"] == codes_sent(stub)


# Invalid codes


@pytest.mark.parametrize(
    ("code", "got"),
    [
        ("27182", "5 characters"),
        ("2718281", "7 characters"),
        ("1", "1 character"),
        ("", "0 characters"),
        ("27a828", "other characters"),
        ("٢٧١٨٢٨", "other characters"),
        (None, "a value of type NoneType"),
        (271828, "a value of type int"),
        (b"271828", "a value of type bytes"),
    ],
)
def test_function_without_a_code(assume, stub, code, got):
    """What can't be a code is neither sent nor quoted."""
    error = failing(assume(mfa_code=lambda _: code))

    assert isinstance(error, stsession.MfaError)
    assert f"Invalid code for MFA device {SERIAL}: expected six digits, got {got}." in (
        str(error)
    )
    assert not code or len(str(code)) == 1 or str(code) not in full_text(error)
    assert 0 == stub.attempts


@pytest.mark.parametrize(
    ("code", "text", "hint"),
    [
        *(
            (code, "", "")
            for code in ("27182", "no code", "", 271828, [314], b"314", {})
        ),
        ([], "mfa_code is an empty list.", "name of a command"),
        ((), "mfa_code is an empty tuple.", "name of a command"),
        *(
            (code, "can't be called with one argument.", "def get_code(serial).")
            for code in (lambda: "123456", lambda serial, other: "123456")
        ),
    ],
)
def test_invalid_argument(assume, code, text, hint):
    """An invalid argument is an error when it is passed."""
    with pytest.raises(stsession.InvalidRequestError) as caught:
        assume(mfa_code=code)

    assert "mfa_code" == caught.value.parameter
    assert text in str(caught.value)
    assert hint in caught.value.hint
    assert not code or callable(code) or str(code) not in full_text(caught.value)


def test_function_without_a_signature(assume):
    """Some functions written in C have none; it shows when they are called."""
    assert "expected six digits" in str(failing(assume(mfa_code=str)))


@each_session
@pytest.mark.parametrize("failure", [LookupError, OSError, TimeoutError])
def test_function_that_fails(source, stub, failure, mfa_session):
    """Its exception is the cause, and isn't quoted. A fleet doesn't call it again."""
    prompts = []

    def code(serial):
        prompts.append(serial)
        raise failure("the secret seed")

    kw = {"mfa_serial": SERIAL, "mfa_code": code, "mfa_session": mfa_session}
    with stsession.Fleet([READER], source=source, **kw) as fleet:
        (result,) = fleet.map(lambda session: session.credentials())
    error = failing(stsession.assume(READER, source=source, cache=None, **kw))

    assert isinstance(result.error, stsession.MfaError)
    assert [SERIAL] * 2 == prompts
    assert isinstance(error, stsession.MfaError)
    assert f"MFA device {SERIAL}. The function " in str(error)
    assert f".code() raised {failure.__name__}." in str(error)
    assert "the secret seed" not in str(error)
    assert failure is type(error.__cause__)
    assert (SERIAL, False) == (error.hop, error.retryable)
    assert 0 == stub.attempts


def test_function_that_raises_an_error_of_ours(assume, stub):
    """It passes unchanged."""
    vault = assume(HUB, mfa_serial="GAHT12345678", mfa_code=["/no/such/ykman"])

    error = failing(assume(mfa_code=lambda _: str(vault.credentials())))

    assert "GAHT12345678" == error.hop
    assert "The command ykman can't be run" in str(error)
    assert 0 == stub.attempts


# Commands


FAILING = {
    "status": (
        [
            *PYTHON,
            "import sys; sys.stderr.write('planted'); print(271828); sys.exit(3)",
        ],
        "exited with status 3",
    ),
    "missing": (["/no/such/ykman", "--password", "planted"], "ykman can't be run: No"),
    "timeout": (
        [
            *PYTHON,
            "import threading as t; print(271828, flush=True); t.Event().wait(60)",
        ],
        "took more than",
    ),
    **{
        text: ([*PYTHON, f"print({text!r})"], "didn't print a code")
        for text in ("", "planted", "27182", "2718281")
    },
}


@pytest.mark.parametrize("case", FAILING)
def test_command_that_fails(assume, monkeypatch, capfd, case):
    """The error has its name and the reason, not its arguments or what it printed."""
    argv, reason = FAILING[case]
    if case == "timeout":
        monkeypatch.setattr(_mfa, "COMMAND_TIMEOUT", 0.5)

    error = failing(assume(mfa_code=argv))

    assert isinstance(error, stsession.MfaError)
    assert reason in str(error)
    assert "Run the command" in error.hint
    assert "planted" not in full_text(error)
    assert "27182" not in full_text(error)
    assert ("planted" in capfd.readouterr().err) is (case == "status")


# The terminal


@pytest.mark.parametrize("typed", ["123456", " 12 34 56 ", "123\t456"])
def test_typed_code(assume, stub, typist, typed):
    """Without *mfa_code*, there is a prompt. Apps show codes with a gap."""
    person = typist(typed)
    assume(mfa_code=None).credentials()

    assert [PROMPT] == person.prompts
    assert ["123456"] == codes_sent(stub)


@pytest.mark.parametrize("typed", ["", "123", "1234567", "12345a", "٢٧١٨٢٨"])
def test_mistyped_code(assume, stub, typist, typed):
    """There is another prompt at once, and nothing is sent."""
    person = typist(typed, typed, "123456")
    assume(mfa_code=None).credentials()

    again = f"Invalid code: enter six digits.\n{PROMPT}"
    assert [PROMPT, again, again] == person.prompts
    assert ["123456"] == codes_sent(stub)


def test_no_code_typed(assume, stub, typist):
    """After the third time it is an error."""
    person = typist("", "2718", "2718", "123456")
    error = failing(assume(mfa_code=None))

    assert isinstance(error, stsession.MfaError)
    assert f"No code was typed for MFA device {SERIAL}." in str(error)
    assert "Use the session again to get another prompt." == error.hint
    assert "2718" not in full_text(error)
    assert ["123456"] == person.typed
    assert 0 == stub.attempts


def test_rejected_typed_code(assume, stub, typist, clock):
    """The next prompt has a notice, and only the next."""
    stub.fail_next(fault=WRONG)
    person = typist("123456", "654321", "111111")
    session = assume(mfa_code=None, mfa_session=False)
    session.credentials()
    clock.advance(minutes(24 * 60))
    session.credentials()

    notice = _terminal.CODE_REJECTED
    assert [PROMPT, f"{notice}\n{PROMPT}", PROMPT] == person.prompts
    assert ["123456", "654321", "111111"] == codes_sent(stub)


@each_session
def test_same_code_typed_again(assume, stub, typist, waits, mfa_session):
    """The person is prompted at once, with a notice; there is no wait."""
    stub.fail_next(fault=WRONG)
    person = typist("123456", "123456", "654321")
    assume(mfa_code=None, mfa_session=mfa_session).credentials()

    assert f"{_terminal.CODE_USED}\n{PROMPT}" == person.prompts[2]
    assert ["123456", "654321"] == codes_sent(stub)
    assert [] == waits.steps


@each_session
def test_no_terminal(assume, stub, monkeypatch, mfa_session):
    """It is an error at once, and nothing is sent."""
    real = os.open

    def opens(path, *args, **kw):
        if path == "/dev/tty":
            raise OSError(6, "No such device or address")
        return real(path, *args, **kw)

    monkeypatch.setattr(os, "open", opens)
    error = failing(assume(mfa_code=None, mfa_session=mfa_session))

    assert isinstance(error, stsession.MfaError)
    assert "there is no terminal" in str(error)
    assert "function or a command" in error.hint
    assert 0 == stub.attempts


def test_terminal_is_closed(assume, monkeypatch, tmp_path):
    """It is closed before the prompt; after Ctrl-D the line is ended."""
    real, opened = os.open, []
    tty = tmp_path / "tty"
    tty.touch()

    def opens(path, *args, **kw):
        if path != "/dev/tty":
            return real(path, *args, **kw)
        opened.append(real(tty, os.O_RDWR))
        return opened[-1]

    def prompts(_):
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(opened[-1])
        raise EOFError

    monkeypatch.setattr(os, "open", opens)
    monkeypatch.setattr(getpass, "getpass", prompts)

    assert "No code was typed" in str(failing(assume(mfa_code=None)))
    assert "\n" == tty.read_text()


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (None, False),
        (types.SimpleNamespace(isatty=lambda: False), False),
        (types.SimpleNamespace(isatty=lambda: True), True),
    ],
)
def test_terminal_on_windows(monkeypatch, stdin, expected):
    """There, it is the console."""
    monkeypatch.setattr(_terminal, "os", types.SimpleNamespace(name="nt"))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert expected is _terminal._has_terminal()


# Each code is used once


@pytest.mark.parametrize("stderr", ["terminal", "file"])
def test_wait_for_the_next_code(
    assume, stub, clock, waits, caplog, monkeypatch, stderr
):
    """The second role waits; the wait is logged, and shown at a terminal."""
    caplog.set_level("INFO")
    monkeypatch.setattr(sys, "stderr", screen := io.StringIO())
    screen.isatty = lambda: stderr == "terminal"
    clock.advance(minutes(0.05))
    for arn in (READER, HUB):
        assume(arn, mfa_session=False).credentials()
    first, second = codes_sent(stub)
    text = (
        f"The current code of MFA device {SERIAL} has been used; waiting 30 s for the "
        "next one."
    )

    assert first != second
    assert [30] == waits.steps
    assert [text] == [r.getMessage() for r in caplog.records if "waiting" in r.msg]
    assert (f"{text}\n" if stderr == "terminal" else "") == screen.getvalue()


@pytest.mark.parametrize("code", [lambda _: "123456", "123456"])
def test_same_code_again(assume, stub, waits, code):
    """Without another code after the wait it is an error; a string has no other."""
    waits.clock = FakeClock()
    assume(mfa_session=False, mfa_code=code).credentials()
    error = failing(assume(HUB, mfa_session=False, mfa_code=code))

    assert isinstance(error, stsession.MfaError)
    assert "has been used before" in str(error)
    assert ["123456"] == codes_sent(stub)
    assert callable(code) is bool(waits.steps)


def test_same_code_of_another_device(assume, stub, waits):
    """Two devices may show the same code."""
    for arn, serial in ((READER, SERIAL), (HUB, "GAHT12345678")):
        kw = {"mfa_session": False, "mfa_serial": serial, "mfa_code": "123456"}
        assume(arn, **kw).credentials()

    assert ["123456"] * 2 == codes_sent(stub)
    assert [] == waits.steps


@each_session
def test_same_code_with_another_clock(mfa_session):
    """A test doesn't wait because of the one before."""
    for _ in range(2):
        clock = FakeClock()
        with use_runtime(clock=clock):
            session = stsession.assume(
                READER,
                source=source_of(StubSTS(clock=clock)),
                mfa_serial=SERIAL,
                mfa_code="123456",
                mfa_session=mfa_session,
            )

            assert session.credentials()


def test_one_prompt_at_a_time(assume, stub, person, waits):
    """Ten threads use five roles, and each role needs a code."""
    sessions = [assume(f"{READER}{n}", mfa_session=False) for n in range(5)]
    results = at_once(10, lambda n: sessions[n % 5].credentials())

    assert 5 == len({r.access_key_id for r in results})
    assert 5 == len(set(codes_sent(stub))) == stub.attempts
    assert 1 == person.most_at_once
    assert [30.0] * 4 == waits.steps


def test_one_prompt_at_a_time_for_all_devices(clock, source):
    """There is one person."""
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

    assert 4 == len(person.prompts)
    assert 1 == person.most_at_once


def test_prompt_after_a_fork(assume, stub):
    """A prompt of the parent process doesn't block the child's."""
    _mfa._prompter().prompting.acquire()
    _mfa._prompter()._after_fork()
    thread = threading.Thread(target=assume().credentials, daemon=True)
    thread.start()
    thread.join(SOON)

    assert 1 == len(codes_sent(stub))


# Rejected codes


@each_session
def test_rejected_once(assume, stub, person, waits, mfa_session):
    """The request is sent again with the next code."""
    stub.fail_next(fault=WRONG)

    assert assume(mfa_session=mfa_session).credentials()
    assert [SERIAL] * 2 == person.prompts[:2]
    assert 2 == len(set(codes_sent(stub)))
    assert [30.0] == waits.steps


def test_rejected_twice(assume, stub):
    """That is an error, with STS's text."""
    stub.goes_down(WRONG)
    error = failing(assume())

    assert isinstance(error, stsession.MfaError)
    assert "AccessDenied" == error.code
    assert "serial number" in error.hint
    assert not error.retryable
    assert ["GetSessionToken"] * 2 == operations(stub)
    for code in codes_sent(stub):
        assert code not in full_text(error)


def test_denied_request(assume, stub, person):
    """An error that isn't about the code doesn't cost another code."""
    stub.goes_down(Fault.access_denied())

    assert isinstance(failing(assume()), stsession.AccessDeniedError)
    assert [SERIAL] == person.prompts


# Lost responses: the code may have been accepted, so it isn't sent again


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.hang(), Fault.reset()])
@each_session
def test_lost_response(assume, stub, waits, fault, mfa_session):
    """The request is sent again with the next code."""
    stub.fail_next(fault=fault)

    assert assume(mfa_session=mfa_session).credentials()
    assert [30.0] == waits.steps
    assert 2 == len(codes_sent(stub)) == len(set(codes_sent(stub)))


@pytest.mark.parametrize(
    ("fault", "kw", "number"),
    [
        (Fault.status(503), {}, 2),
        (Fault.throttled(), {}, 1),
        (Fault.throttled(), {"sts_config": Config(retries={"max_attempts": 9})}, 1),
    ],
)
def test_outage(assume, stub, fault, kw, number):
    """After two codes it is an error; while STS throttles, after one."""
    stub.goes_down(fault)

    assert isinstance(failing(assume(**kw)), stsession.StsUnavailableError)
    assert number == len(codes_sent(stub)) == len(set(codes_sent(stub)))


def test_lost_response_of_a_region(assume, stub):
    """The next region is called with the next code."""
    stub.fail_next(fault=Fault.status(500))
    session = assume(sts_regions=["eu-west-1", "eu-central-1"])
    session.credentials()
    hosts = [call.host for call in stub.requests if "TokenCode" in call.params]

    assert ["eu-west-1", "eu-central-1"] == [h.split(".")[1] for h in hosts]
    assert 2 == len(set(codes_sent(stub)))


def test_disabled_region(assume, stub, person):
    """If there is no other region, the request isn't sent again."""
    stub.goes_down(Fault.error("RegionDisabledException", status=403))
    error = failing(assume())

    assert "Activate STS" in error.hint
    assert [SERIAL] == person.prompts


def test_longest_duration(assume, stub):
    """An hour is requested with another code, too."""
    stub.fail_next(fault=Fault.error("ValidationError", "DurationSeconds"))
    arn = f"{READER}ForAnHour"  # it is remembered for the process
    assume(arn, mfa_session=False, duration_seconds="max").credentials()

    assert ["43200", "3600"] == [
        call.params["DurationSeconds"] for call in stub.requests
    ]
    assert 2 == len(set(codes_sent(stub)))


def test_requests_without_a_code(assume, stub):
    """The client retries them."""
    session = assume()
    session._refreshers[0].get()
    stub.fail_next(2, fault=Fault.status(500))
    session.credentials()

    assert ["GetSessionToken"] + ["AssumeRole"] * 3 == operations(stub)


# Single codes


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        (WRONG, stsession.MfaError),
        (Fault.access_denied(), stsession.AccessDeniedError),
        (Fault.status(500), stsession.StsUnavailableError),
        (Fault.html(), stsession.StsUnavailableError),
    ],
)
@each_session
def test_single_code_is_sent_once(assume, stub, fault, error_class, mfa_session):
    """The error is that of STS, and neither it nor its pickle contains the code."""
    stub.goes_down(fault)
    error = failing(assume(mfa_code="271828", mfa_session=mfa_session))

    assert isinstance(error, error_class)
    assert ["271828"] == codes_sent(stub)
    assert "271828" not in full_text(error)
    assert b"271828" not in pickle.dumps(error)


@each_session
def test_single_code_of_a_profile(stub, tmp_path, monkeypatch, mfa_session):
    """New keys of the source don't help, so STS's error is raised."""
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
        mfa_session=mfa_session,
    )

    assert "InvalidClientTokenId" == failing(session).code
    assert ["271828"] == codes_sent(stub)


@pytest.mark.parametrize("fault", [Fault.status(500), None])
def test_refresh_after_a_single_code(assume, stub, clock, fault):
    """The error says how to pass codes for each refresh."""
    session = assume(mfa_code="123456", mfa_session=900)
    if fault is None:
        session.credentials()
    else:
        stub.fail_next(fault=fault)
        failing(session)
    clock.advance(minutes(61))
    error = failing(session)

    assert "the one passed as mfa_code has been used" in str(error)
    assert "Pass a function or a command as mfa_code, or leave it out" in str(error)
    assert ["123456"] == codes_sent(stub)


@pytest.mark.parametrize("first", ["expired", "rejected"])
def test_single_code_of_another_session(assume, stub, clock, first):
    """A session made with a new code helps those that share credentials with it."""
    old = assume(mfa_code="111111")
    if first == "expired":
        old.credentials()
        expire(old, clock, left=-43_200)
    else:
        stub.fail_next(fault=WRONG)
    failing(old)
    clock.advance(minutes(1))

    assert assume(HUB, mfa_code="222222").credentials()
    assert old.credentials()
    assert ["111111", "222222"] == codes_sent(stub)


def test_single_code_after_a_function(assume, stub, person, clock):
    """It is used first, once; then the function is called again."""
    session = assume()
    other = assume(mfa_code="999999")

    assert session.credentials()
    assert ["999999"] == codes_sent(stub)

    expire(session, clock, left=-43_200)

    assert other.credentials()
    assert [SERIAL] == person.prompts


def test_better_command_of_another_session(assume, clock):
    """A session with a working command helps those that share credentials with it."""
    session = assume(mfa_code=["/no/such/command"])
    failing(session)
    clock.advance(minutes(1))

    assert assume(mfa_code=lambda _: "123456").credentials()
    assert session.credentials()


def test_nothing_of_another_session(assume, person):
    """A session without *mfa_code* doesn't replace a function."""
    session = assume()
    assume(mfa_code=None)

    assert session.credentials()
    assert [SERIAL] == person.prompts


# Secrets


def test_reprs_and_logs(assume, caplog):
    """A code is neither in a repr nor in our log."""
    caplog.set_level(logging.DEBUG, logger="stsession")
    session = assume(mfa_code="271828", cache=None)
    things = [
        session,
        session.status(),
        session._refreshers,
        [hop.fetch for hop in session._refreshers],
        session._source,
        MfaSession(SERIAL, "271828"),
    ]
    session.credentials()

    for thing in things:
        assert "271828" not in repr(thing)
    assert "refreshed" in caplog.text
    assert "271828" not in caplog.text


@pytest.mark.usefixtures("_redacted")
def test_botocore_logs(assume, caplog):
    """The filter removes codes from botocore's logs."""
    caplog.set_level(logging.DEBUG)
    assume(mfa_code="271828").credentials()

    assert "GetSessionToken" in caplog.text
    assert "271828" not in caplog.text


@pytest.mark.parametrize(
    "make",
    [lambda **kw: stsession.assume(READER, **kw), stsession.session_token],
    ids=["assume", "session_token"],
)
def test_pickles(make):
    """A single code isn't pickled; commands and functions of a module are."""
    kw = {"sts_region": "eu-west-1", "mfa_serial": SERIAL}
    session = make(**kw, mfa_code="271828")
    with pytest.raises(pickle.PicklingError, match="mfa_code is a secret") as caught:
        pickle.dumps(session)

    assert "271828" not in full_text(caught.value)
    for code in (["ykman", "oath"], getpass.getpass, None):
        session = make(**kw, mfa_code=code)
        assert repr(session) == repr(pickle.loads(pickle.dumps(session)))


def test_process_list(assume, monkeypatch):
    """A code is no argument of another process."""
    monkeypatch.setattr(
        subprocess.Popen,
        "__init__",
        lambda *_, **__: pytest.fail("A process was started."),
    )

    assert assume(mfa_code="271828").credentials()
