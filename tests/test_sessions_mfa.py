"""Sessions with an MFA device: which share a code, and when a person is prompted."""

from __future__ import annotations

import datetime as dt
import threading
import types

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

import stsession

from stsession._tokens.mfa import MfaCodes
from stsession.testing import Fault

from .mfa import (  # noqa: F401 - fixtures
    SERIAL,
    SOON,
    __runtime,
    _assume,
    _background,
    _person,
    _waits,
    at_once,
    codes_sent,
    each_session,
    expire,
    fetch_in_background,
    operations,
)
from .wire import HUB, READER, TARGET, failing, minutes, params_of, source_of


REJECTED_KEY = Fault.error("InvalidClientTokenId", status=403)


@pytest.fixture(name="user_session")
def _user_session(source, person):
    """A session token of an hour, each refresh of which needs a code."""
    return stsession.session_token(
        source=source, mfa_serial=SERIAL, mfa_code=person, duration_seconds=3600
    )


@pytest.fixture(name="temporary")
def _temporary(stub):
    source = boto3.Session("ASIATEMP", "secret", "token", region_name="eu-west-1")
    source.events.register("before-send.sts", stub)
    return source


def leave():
    """Type Ctrl-D."""
    raise EOFError


def interrupt():
    """Type Ctrl-C."""
    raise KeyboardInterrupt


# Which sessions share an MFA session


def test_roles_of_one_device(assume, stub, person):
    """Roles and sessions of one device and one source share an MFA session."""
    sessions = [assume(arn) for arn in (READER, HUB, TARGET, READER)]
    at_once(4, lambda n: sessions[n].credentials())

    assert [SERIAL] == person.prompts
    assert 1 == operations(stub).count("GetSessionToken")
    assert 3 == operations(stub).count("AssumeRole")


def test_chain(assume, stub, person):
    """The first role is assumed with the MFA session."""
    assume([HUB, TARGET]).credentials()

    assert ["GetSessionToken", "AssumeRole", "AssumeRole"] == operations(stub)
    assert [SERIAL] == person.prompts


def test_session_token(assume, source, stub, person):
    """session_token() shares it, too."""
    kw = {"source": source, "mfa_serial": SERIAL, "mfa_code": person}
    session = stsession.session_token(**kw)
    assume().credentials()
    session.credentials()

    assert [SERIAL] == person.prompts
    assert ["GetSessionToken", "AssumeRole"] == operations(stub)


@pytest.mark.parametrize("different", ["serial", "source", "duration", "cache"])
def test_differences(assume, stub, different):
    """Another device, source, duration or cache is another MFA session."""
    kw = {
        "serial": {"mfa_serial": "GAHT12345678"},
        "source": {"source": source_of(stub, key="AKIAOTHER")},
        "duration": {"mfa_session": 3600},
        "cache": {"cache": None},
    }[different]
    for session in (assume(), assume(**kw)):
        session.credentials()

    assert 2 == operations(stub).count("GetSessionToken")


# Where the code is sent


def test_temporary_keys(temporary, stub, person, clock):
    """
    GetSessionToken needs a user's keys; with others, each AssumeRole needs a code.
    """
    session = stsession.assume(
        READER, source=temporary, mfa_serial=SERIAL, mfa_code=person
    )
    session.credentials()

    assert ["AssumeRole"] == operations(stub)
    assert 1 == len(codes_sent(stub))

    expire(session, clock, left=61)
    session.credentials()
    assert 1 == len(person.prompts)

    expire(session, clock, left=59)
    session.credentials()
    assert 2 == len(person.prompts) == stub.attempts
    session.close()


def test_source_of_ours(assume, source, stub):
    """So it is with the keys of a role."""
    hub = stsession.assume(HUB, source=source)
    hub.events.register("before-send.sts", stub)
    assume(source=hub).credentials()

    assert ["AssumeRole"] * 2 == operations(stub)
    assert "TokenCode" not in params_of(stub, 0)
    assert SERIAL == params_of(stub, 1)["SerialNumber"]


def test_name_of_the_source(assume, stub):
    """Errors of the role name the user's source."""
    session = assume()
    stub.faults.add(REJECTED_KEY, operation="AssumeRole")

    assert "the given session" in str(failing(session))


# Arguments


@pytest.mark.parametrize("name", ["mfa_code", "mfa_session"])
def test_without_serial(source, name):
    """Both need a device."""
    with pytest.raises(stsession.InvalidRequestError, match="without mfa_serial"):
        stsession.assume(READER, source=source, **{name: 900_000})


@pytest.mark.parametrize(
    ("mfa_session", "sent"),
    [(None, None), (True, None), (3600, "3600"), (dt.timedelta(hours=36), "129600")],
)
def test_duration(assume, stub, mfa_session, sent):
    """The duration of the MFA session is seconds or a timedelta."""
    assume(mfa_session=mfa_session).credentials()

    assert sent == params_of(stub, 0).get("DurationSeconds")


@pytest.mark.parametrize("mfa_session", [0, 899, 129_601, "12h"])
@pytest.mark.parametrize("ours", [False, True])
def test_invalid_duration(assume, source, mfa_session, ours):
    """It is an error by the name of the argument, for every source."""
    source = stsession.assume(HUB, source=source) if ours else source

    with pytest.raises(stsession.InvalidRequestError, match="mfa_session") as caught:
        assume(source=source, mfa_session=mfa_session)

    assert "mfa_session" == caught.value.parameter


@each_session
def test_invalid_serial(assume, mfa_session):
    """AWS's limits apply, and elsewhere only the shape."""
    kw = {"mfa_serial": "short", "mfa_session": mfa_session}

    with pytest.raises(stsession.InvalidRequestError, match="mfa_serial"):
        assume(**kw)
    assert assume(**kw, sts_endpoint_url="https://ceph.example").credentials()


# When a person is prompted


def test_mandatory_window_of_an_mfa_session(user_session, person, clock, background):
    """Until the last minute there is no prompt."""
    first = user_session.credentials()

    for left in (900, 600, 300, 61):
        expire(user_session, clock, left=left)
        assert first == user_session.credentials()
    assert 1 == len(person.prompts)

    expire(user_session, clock, left=59)
    assert first != user_session.credentials()
    assert 2 == len(person.prompts)
    assert [] == background.tasks


def test_background_refresh_of_a_role(assume, person, clock, background):
    """
    With a valid MFA session, a role is refreshed in the background, without a prompt.
    """
    session = assume()
    first = session.credentials()
    expire(session, clock, left=600)

    assert first != session.credentials()
    assert 1 == len(background.tasks)
    assert 1 == len(person.prompts)


def test_expired_mfa_session_of_a_role(assume, person, clock, background):
    """Without one, the role is used until the last minute; then there is a prompt."""
    session = assume(mfa_session=900)
    first = session.credentials()

    for left in (900, 600, 300, 61):
        expire(session, clock, left=left)
        assert first == session.credentials()
    assert [] == background.tasks

    expire(session, clock, left=59)
    assert first != session.credentials()
    assert 2 == len(person.prompts)
    assert [] == background.tasks


@pytest.mark.parametrize("minutes_later", [1, 2])
def test_mfa_session_that_expires_meanwhile(
    assume, stub, person, clock, background, minutes_later
):
    """If it expires before a background refresh begins, that doesn't prompt."""
    session = assume(mfa_session=3600)
    session.credentials()
    clock.advance(minutes(20))
    second = session.refresh()
    background.held = True
    clock.advance(minutes(38.5))
    session.credentials()

    [task] = background.tasks
    clock.advance(minutes(minutes_later))
    if minutes_later == 2:  # it has expired
        stub.goes_down(Fault.error("ExpiredToken", status=403))
    task()
    stub.comes_back()

    if minutes_later == 1:
        assert second != session.credentials()
        assert [0, 0] == [hop.counters.failures for hop in session.status().hops]
    else:
        assert second == session.credentials()
        assert 1 == len(person.prompts)
        expire(session, clock, left=59)
        assert second != session.credentials()
    assert minutes_later == len(person.prompts)


def test_rejected_mfa_session(assume, stub, person, clock, background):
    """
    If STS rejects it, a background refresh doesn't prompt; one in the foreground does.
    """
    session = assume()
    first = session.credentials()
    stub.faults.add(REJECTED_KEY, operation="AssumeRole")
    expire(session, clock, left=600)

    assert first == session.credentials()
    assert 1 == len(background.tasks)
    assert 1 == len(person.prompts)

    stub.faults.clear()
    stub.fail_next(fault=REJECTED_KEY)
    clock.advance(minutes(9.5))
    session.refresh()

    assert 2 == len(person.prompts)


def test_background_threads_never_prompt(person):
    """It is an error."""
    with pytest.raises(stsession.MfaError, match="background"):
        fetch_in_background(lambda: MfaCodes(person).next(SERIAL))

    assert [] == person.prompts


@pytest.mark.parametrize(
    ("answer", "error"), [(leave, None), (interrupt, KeyboardInterrupt)]
)
def test_cancelled_refresh(user_session, person, clock, stub, answer, error):
    """The current credentials stay in use, and there is no other prompt for a while."""
    first = user_session.credentials()
    expire(user_session, clock, left=59)
    person.meanwhile = answer
    if error is not None:
        with pytest.raises(error):
            user_session.credentials()

    assert [first] * 5 == [user_session.credentials() for _ in range(5)]
    assert 2 == len(person.prompts)
    assert 1 == stub.attempts


def test_no_code_in_the_last_minute(assume, person, clock):
    """A role can still be assumed with the current MFA session."""
    assume(mfa_session=3600).credentials()
    clock.advance(minutes(59.5))
    person.meanwhile = leave

    assert assume(HUB, mfa_session=3600).credentials()
    assert 2 == len(person.prompts)


def test_other_threads_use_current_credentials(user_session, person, clock):
    """While a person is prompted, they wait for seconds only."""
    user_session.credentials()
    expire(user_session, clock, left=30)
    waits = []
    user_session._refresher.wait = lambda _, seconds: waits.append(seconds)
    prompted, answer = threading.Event(), threading.Event()
    person.meanwhile = lambda: prompted.set() or answer.wait(SOON)

    with ThreadPoolExecutor(1) as pool:
        refresh = pool.submit(user_session.credentials)
        assert prompted.wait(SOON)
        old = user_session.credentials()
        answer.set()

        assert old != refresh.result(SOON)
    assert [5.0] == waits


@each_session
@pytest.mark.parametrize("freeze", [False, True])
def test_slow_person(assume, person, clock, mfa_session, freeze):
    """However long it takes, there is one prompt."""
    prompt = types.SimpleNamespace(opened=threading.Event(), answered=threading.Event())
    person.meanwhile = lambda: prompt.opened.set() or prompt.answered.wait(SOON)
    session = assume(mfa_session=mfa_session)
    for hop in session._refreshers:
        hop.wait = lambda event, _: event.is_set()

    with ThreadPoolExecutor(1) as pool:
        first_use = pool.submit(session.credentials)
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

        assert first_use.result(SOON) == session.credentials()
    assert [SERIAL] == person.prompts


# Ctrl-C


@each_session
def test_cancelled_first_use(assume, person, clock, stub, mfa_session):
    """Other threads get an error; there is no other prompt at once, but later."""
    session = assume(mfa_session=mfa_session)
    waiting = threading.Semaphore(0)

    def ctrl_c():
        for _ in range(9):
            assert waiting.acquire(timeout=SOON)
        interrupt()

    def wait(event, seconds):
        waiting.release()
        return event.wait(SOON)

    for hop in session._refreshers:
        hop.wait = wait
    person.meanwhile = ctrl_c
    results = at_once(10, lambda _: session.credentials())

    interrupted = [r for r in results if isinstance(r, KeyboardInterrupt)]
    errors = [r for r in results if isinstance(r, stsession.MfaError)]
    assert (1, 9) == (len(interrupted), len(errors))
    assert all("canceled" in str(e) for e in errors)

    assert "canceled" in str(failing(session))
    assert 1 == len(person.prompts)
    assert 0 == stub.attempts

    person.meanwhile = lambda: None
    clock.advance(dt.timedelta(seconds=6))
    assert session.credentials()


def test_cancelled_after_the_prompt(assume, stub, person):
    """
    While STS is called, an interrupt isn't about the prompt: the next use goes on.
    """

    def ctrl_c():
        stub.before_answer = None
        interrupt()

    session = assume()
    session._refreshers[0].get()
    stub.before_answer = ctrl_c

    with pytest.raises(KeyboardInterrupt):
        session.credentials()

    assert session.credentials()
    assert [SERIAL] == person.prompts
