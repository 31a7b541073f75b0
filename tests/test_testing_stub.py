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

from stsession.testing import FakeClock, Fault, LocalSTS, StubSTS


ROLE = "arn:aws:iam::123456789012:role/Reader"
CORP = "arn:aws:iam::123456789012:saml-provider/Corp"
SECRETS = {"SAMLAssertion", "TokenCode", "WebIdentityToken"}
KINDS = {
    "assume_role_with_saml": "role",
    "assume_role_with_web_identity": "role",
    "assume_root": "root",
    "get_federation_token": "federated",
    "get_session_token": "session",
}


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


@pytest.fixture(name="stub")
def _stub(clock):
    return StubSTS(clock=clock)


@pytest.fixture(name="sts")
def _sts(stub):
    return client_of(stub)


def client_of(stub, service="sts", **credentials):
    """
    A client whose requests go to *stub*.
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
    session.events.register("before-send.iam", stub)
    return session.client(service, config=Config(retries={"total_max_attempts": 1}))


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


@pytest.mark.parametrize(
    ("operation", "params", "seconds", "tells"),
    [
        (
            "assume_role_with_web_identity",
            {
                "RoleArn": ROLE,
                "RoleSessionName": "me",
                "WebIdentityToken": "not.a.token",
            },
            3600,
            {
                "AssumedRoleUser",
                "Audience",
                "Provider",
                "SubjectFromWebIdentityToken",
            },
        ),
        (
            "assume_role_with_saml",
            {"RoleArn": ROLE, "PrincipalArn": CORP, "SAMLAssertion": "PHg+PC94Pg=="},
            3600,
            {
                "AssumedRoleUser",
                "Audience",
                "Issuer",
                "NameQualifier",
                "Subject",
                "SubjectType",
            },
        ),
        ("get_session_token", {"TokenCode": "000000"}, 43_200, set()),
        (
            "get_federation_token",
            {"Name": "jane", "Policy": "{}"},
            43_200,
            {"FederatedUser", "PackedPolicySize"},
        ),
        (
            "assume_root",
            {
                "TargetPrincipal": "210987654321",
                "TaskPolicyArn": {"arn": f"arn:aws:iam::aws:policy/{'x' * 20}"},
            },
            900,
            set(),
        ),
    ],
)
def test_gives_whatever_is_asked(stub, sts, clock, operation, params, seconds, tells):
    """
    Each operation gives credentials for its usual time, and all else it tells.
    """
    got = getattr(sts, operation)(**params)

    [key] = stub.issued
    [call] = stub.requests
    life = dt.timedelta(seconds=seconds)
    assert {"Credentials", "ResponseMetadata"} | tells == set(got)
    assert key.access_key_id == got["Credentials"]["AccessKeyId"]
    assert clock.now() + life == got["Credentials"]["Expiration"] == key.expires_at
    assert key.kind == KINDS[operation]
    for name, value in params.items():
        if isinstance(value, str):
            assert value == call.params[name]
            assert (value in repr(call)) is (name not in SECRETS)


def test_reads_web_identity_tokens(stub, sts):
    """
    What a token says about itself is in the answer, unchecked.
    """
    with LocalSTS() as local_sts:
        token = local_sts.web_identity_token(
            subject="app", audience="vault", issuer="https://who.example/x"
        )

    got = sts.assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="me", WebIdentityToken=token
    )

    provider = "arn:aws:iam::123456789012:oidc-provider/who.example/x"
    assert "app" == got["SubjectFromWebIdentityToken"]
    assert ("vault", provider) == (got["Audience"], got["Provider"])


@pytest.mark.parametrize(
    "token", ["a.bnVsbA.c", "a.W10.c", "a.e30.c", "a.é.c", "rubbish"]
)
def test_takes_any_web_identity_token(sts, token):
    """
    What can't be read is made up.
    """
    got = sts.assume_role_with_web_identity(
        RoleArn=ROLE,
        RoleSessionName="me",
        WebIdentityToken=token,
        ProviderId="www.amazon.com",
    )

    assert "subject" == got["SubjectFromWebIdentityToken"]
    assert "www.amazon.com" == got["Provider"]


def test_session_tokens_are_the_callers(stub, sts):
    """
    GetSessionToken gives the identity that signed, with or without proof.
    """
    sts.get_session_token()
    sts.get_session_token(SerialNumber="GAHT12345678", TokenCode="000000")

    without, with_ = stub.issued
    assert sts.get_caller_identity()["Arn"] == without.arn == with_.arn
    assert (False, True) == (without.mfa, with_.mfa)


def test_hides_the_assertions_of_contexts(stub, sts):
    """
    A context assertion is a token, and not for a log.
    """
    context = {"ProviderArn": CORP, "ContextAssertion": "not-for-the-log"}
    assume(sts, ProvidedContexts=[context])

    [call] = stub.requests
    assert "not-for-the-log" in call.params.values()
    assert "not-for-the-log" not in repr(call)
    assert CORP in repr(call)


def test_lists_one_mfa_device(stub):
    """
    IAM's ListMFADevices works, can fail, and is the only one.
    """
    iam = client_of(stub, "iam")
    stub.faults.add(Fault.access_denied(), service="iam", times=1)

    with pytest.raises(ClientError, match="AccessDenied"):
        iam.list_mfa_devices()
    [device] = iam.list_mfa_devices()["MFADevices"]
    with pytest.raises(ClientError, match="InvalidAction"):
        iam.list_users()

    assert "arn:aws:iam::123456789012:mfa/source" == device["SerialNumber"]
    assert {"iam"} == {call.service for call in stub.requests}


@pytest.mark.parametrize("operation", ["GetSessionToken", "AssumeRole"])
def test_faults_strike_by_operation(stub, sts, operation):
    """
    One operation fails, the other doesn't.
    """
    stub.faults.add(Fault.throttled(), operation=operation)
    calls = {
        "AssumeRole": lambda: assume(sts),
        "GetSessionToken": sts.get_session_token,
    }
    failing = calls.pop(operation)
    [working] = calls.values()

    assert working()
    with pytest.raises(ClientError, match="Throttling"):
        failing()
