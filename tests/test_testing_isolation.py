"""Isolated processes share nothing."""

from __future__ import annotations

import datetime as dt
import gc
import threading

import boto3
import pytest

from moto import mock_aws

import stsession

from stsession.testing import (
    FakeClock,
    LocalSTS,
    StubSTS,
    isolated_process,
    use_runtime,
)


pytest_plugins = ["pytester"]

ROLE = "arn:aws:iam::111122223333:role/Reader"
SERIAL = "arn:aws:iam::123456789012:mfa/me"


@pytest.fixture(name="keys")
def _keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def assumed():
    return stsession.assume(ROLE, role_session_name="me")


def of_a_fleet():
    return stsession.Fleet([ROLE], role_session_name="me").session(ROLE)


def chained():
    return stsession.assume([ROLE, ROLE], role_session_name="me")


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("make", "gone"),
    [(assumed, True), (assumed, False), (of_a_fleet, False), (chained, False)],
)
def test_two_mocks_of_moto(make, gone):
    """A session of the second one acts as the role, and not as what is left of it."""
    arns, sessions = [], []
    for _ in range(2):
        with mock_aws():
            session = make()
            arns.append(session.client("sts").get_caller_identity()["Arn"])
            if not gone:
                sessions.append(session)
            del session
            gc.collect()

    assert ["arn:aws:sts::111122223333:assumed-role/Reader/me"] * 2 == arns


@pytest.mark.usefixtures("keys")
def test_one_mock_of_moto():
    """Sessions inside of one share their credentials, also of nested ones."""
    with mock_aws():
        first = assumed().credentials()
        with mock_aws():
            second = assumed().credentials()

    assert first is second


def source_of(stub):
    """A session with the stub as its STS."""
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")
    source.events.register("before-send.sts", stub)
    return source


def with_code(source):
    """A session that needs a code."""
    return stsession.assume(
        ROLE, source=source, mfa_serial=SERIAL, mfa_code=lambda _: "123456", cache=None
    )


def test_isolated_process_shares_no_credentials():
    """Neither way, whether the other sessions still exist or not."""
    stub = StubSTS()
    source = source_of(stub)
    before = stsession.assume(ROLE, source=source, role_session_name="me")
    outside = before.credentials()
    with isolated_process():
        session = stsession.assume(ROLE, source=source, role_session_name="me")
        inside = session.credentials()
        before.refresh()
        again = stsession.assume(ROLE, source=source, role_session_name="me")

        assert inside is again.credentials()

    after = stsession.assume(ROLE, source=source, role_session_name="me")

    assert outside.access_key_id != inside.access_key_id
    assert before.credentials() is after.credentials()
    assert 3 == stub.attempts


def test_used_codes():
    """In another process a code hasn't been used."""
    waits = []
    with use_runtime(clock=FakeClock(), wait=lambda _, seconds: waits.append(seconds)):
        source = source_of(StubSTS())
        with_code(source).credentials()
        with isolated_process():
            with_code(source).credentials()

        assert [] == waits


def test_longest_duration_is_found_again():
    """What ``"max"`` means for a role is forgotten."""
    clock = FakeClock()
    with use_runtime(clock=clock), LocalSTS(clock=clock) as local:
        local.add_role(ROLE)
        source = local.session(local.add_user())

        def durations():
            number = local.count("AssumeRole")
            stsession.assume(
                ROLE, source=source, duration_seconds="max", cache=None
            ).credentials()
            calls = local.calls("AssumeRole")[number:]
            return [call.params["DurationSeconds"] for call in calls]

        first = durations()
        with isolated_process():
            inside = durations()

        assert ["43200", "3600"] == first == inside
        assert ["3600"] == durations()


def test_threads_of_an_isolated_process():
    """Its refreshes don't wait for those of the process around it."""
    clock, blocked, done = FakeClock(), threading.Event(), threading.Event()
    with use_runtime(clock=clock):
        busy = StubSTS(clock=clock, before_answer=blocked.wait)
        blocked.set()
        around = [
            stsession.assume(ROLE, source=source_of(busy), cache=None) for _ in range(4)
        ]
        for session in around:
            session.credentials()
        blocked.clear()
        clock.advance(dt.timedelta(minutes=50))
        for session in around:
            session.credentials()
        try:
            with isolated_process():
                stub = StubSTS(clock=clock)
                session = stsession.assume(ROLE, source=source_of(stub), cache=None)
                session.credentials()
                clock.advance(dt.timedelta(minutes=50))
                stub.before_answer = done.set
                session.credentials()

                assert done.wait(30)
        finally:
            blocked.set()


def test_own_way_to_run_refreshes_stays():
    """What `use_runtime()` has set holds in an isolated process as well."""
    clock, tasks = FakeClock(), []
    run = use_runtime(clock=clock, submit=lambda task: not tasks.append(task))
    with run, isolated_process():
        session = stsession.assume(ROLE, source=source_of(StubSTS(clock=clock)))
        session.credentials()
        clock.advance(dt.timedelta(minutes=50))
        session.credentials()

    assert 1 == len(tasks)


TESTS = f"""
import boto3, pytest, stsession
from stsession.testing import StubSTS

stub = StubSTS()
source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")
source.events.register("before-send.sts", stub)

@pytest.mark.parametrize("number", [1, 2])
def test_counts(number):
    stsession.assume({ROLE!r}, source=source, role_session_name="me").credentials()
    stsession.assume({ROLE!r}, source=source, role_session_name="me").credentials()

    assert number == stub.attempts
"""


def test_each_test_has_a_process_of_its_own(pytester):
    """By the plugin alone."""
    pytester.makepyfile(TESTS)
    # A process: the plugin of this one would do, too.
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=60)
    result.assert_outcomes(passed=2)
