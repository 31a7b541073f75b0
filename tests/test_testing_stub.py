from __future__ import annotations

import datetime as dt
import threading

import boto3
import pytest

from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)

from stsession.testing import FakeClock, Fault, StubSTS


ROLE = "arn:aws:iam::123456789012:role/Reader"


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


@pytest.fixture(name="stub")
def _stub(clock):
    return StubSTS(clock=clock)


@pytest.fixture(name="sts")
def _sts(stub):
    return client_of(stub)


def client_of(stub, **credentials):
    """
    An STS client whose requests go to *stub*.
    """
    session = boto3.Session(
        **{
            "aws_access_key_id": "AKIAEXAMPLE",
            "aws_secret_access_key": "secret",
            "region_name": "eu-south-1",
            **credentials,
        }
    )
    session.events.register("before-send.sts", stub)
    return session.client("sts", config=Config(retries={"total_max_attempts": 1}))


def assume(sts, **params):
    """
    Assume the role, as "me".
    """
    return sts.assume_role(RoleArn=ROLE, RoleSessionName="me", **params)


def test_answers_a_real_client(stub, sts, clock):
    """
    The client gets credentials that live as long as it asked for.
    """
    got = assume(sts, DurationSeconds=900)

    [key] = stub.issued
    assert key.access_key_id == got["Credentials"]["AccessKeyId"]
    assert clock.now() + dt.timedelta(seconds=900) == got["Credentials"]["Expiration"]
    assert (
        "Thu, 01 Jan 2026 00:00:00 GMT"
        == got["ResponseMetadata"]["HTTPHeaders"]["date"]
    )


def test_lifetime_overrides_the_duration(stub, sts, clock):
    """
    *lifetime* rules, whatever was asked for.
    """
    stub.lifetime = dt.timedelta(seconds=5)

    got = assume(sts, DurationSeconds=900)

    assert clock.now() + stub.lifetime == got["Credentials"]["Expiration"]


def test_uses_the_real_time_without_a_clock():
    """
    Without a clock an hour from now is an hour from now.
    """
    got = assume(client_of(StubSTS()))

    remaining = got["Credentials"]["Expiration"] - dt.datetime.now(dt.timezone.utc)
    assert dt.timedelta(minutes=59) < remaining <= dt.timedelta(hours=1)


def test_records_requests(stub, sts):
    """
    Each request is there with its parameters and its signer.
    """
    assume(sts, ExternalId="not-for-the-log")

    [call] = stub.requests
    assert 1 == stub.attempts
    assert "AssumeRole" == call.operation
    assert "not-for-the-log" == call.params["ExternalId"]
    assert "not-for-the-log" not in repr(call)
    assert "AKIAEXAMPLE" == call.access_key_id
    assert "eu-south-1" == call.region
    assert "sts.eu-south-1.amazonaws.com" == call.host


def test_tells_who_the_caller_is(stub, sts):
    """
    A key it gave out is known; any other one is a user.
    """
    assume(sts)
    [key] = stub.issued
    session = client_of(
        stub,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        aws_session_token=key.session_token,
    )

    assert key.arn == session.get_caller_identity()["Arn"]
    assert sts.get_caller_identity()["Arn"].endswith(":user/source")


def test_goes_down_and_comes_back(stub, sts):
    """
    It fails until it is told otherwise.
    """
    stub.goes_down()
    for _ in range(3):
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            assume(sts)
    stub.comes_back()

    assert assume(sts)
    assert 4 == stub.attempts


def test_fails_so_many_times(stub, sts):
    """
    After that it answers again.
    """
    stub.fail_next(2, Fault.throttled())
    for _ in range(2):
        with pytest.raises(ClientError, match="Throttling"):
            assume(sts)

    assert assume(sts)


def test_fails_once_by_default(stub, sts):
    """
    `fail_next()` alone is one outage.
    """
    stub.fail_next()
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        assume(sts)

    assert assume(sts)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.hang(), ReadTimeoutError),
        (Fault.reset(), ConnectionClosedError),
        (Fault.cut_off(), ConnectionClosedError),
    ],
)
def test_fails_as_the_http_layer_would(stub, sts, fault, error):
    """
    A hang is a read time-out at once, a reset a closed connection.
    """
    stub.goes_down(fault)

    with pytest.raises(error, match=r"sts\.eu-south-1\.amazonaws\.com"):
        assume(sts)


def test_can_spoil_an_answer(stub, sts, clock):
    """
    Faults that spoil a good answer do so here, too.
    """
    stub.goes_down(Fault.expired_answer(ago=dt.timedelta(hours=1)))

    got = assume(sts)

    expected = clock.now() - dt.timedelta(hours=1)
    assert expected == got["Credentials"]["Expiration"]


def test_can_hold_a_request(stub, sts):
    """
    *before_answer* may wait; the request is recorded by then.
    """
    arrived, go_on = threading.Event(), threading.Event()

    def hold():
        arrived.set()
        assert go_on.wait(10)

    stub.before_answer = hold
    thread = threading.Thread(target=assume, args=[sts])
    thread.start()
    assert arrived.wait(10)

    assert 1 == stub.attempts
    assert () == stub.issued

    go_on.set()
    thread.join()

    assert 1 == len(stub.issued)


def test_does_not_know_all_operations(stub, sts):
    """
    An operation that isn't there is STS's own error, and faults don't mind.
    """
    stub.goes_down(Fault.half_body())

    with pytest.raises(ClientError, match="InvalidAction"):
        sts.get_access_key_info(AccessKeyId="AKIAEXAMPLEEXAMPLE12")
