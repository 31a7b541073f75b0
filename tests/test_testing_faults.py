"""
Each fault as a real client sees it, over a real connection.
"""

from __future__ import annotations

import datetime as dt

import boto3
import pytest

from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from stsession.testing import FakeClock, Fault, LocalSTS, StubSTS
from stsession.testing._keys import AccessKey
from stsession.testing._sts import denial


ROLE = "arn:aws:iam::123456789012:role/Reader"
ROOT = "arn:aws:iam::111122223333:root"
USER = "arn:aws:iam::123456789012:user"
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


@pytest.fixture(name="local_sts")
def _local_sts(clock):
    with LocalSTS(clock=clock) as local_sts:
        local_sts.add_role(ROLE)
        yield local_sts


@pytest.fixture(name="sts")
def _sts(local_sts):
    session = local_sts.session(local_sts.add_user())
    config = Config(retries={"total_max_attempts": 1}, read_timeout=2)
    return session.client("sts", config=config)


def assume(sts):
    """
    Assume the role, as "me".
    """
    return sts.assume_role(RoleArn=ROLE, RoleSessionName="me")


def error_of(sts):
    """
    The response that comes as a `ClientError`.
    """
    with pytest.raises(ClientError) as caught:
        assume(sts)
    return caught.value.response


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault.throttled(), "Throttling", 400),
        (Fault.status(500), "InternalFailure", 500),
        (Fault.status(503), "ServiceUnavailable", 503),
        (Fault.error("PackedPolicyTooLarge"), "PackedPolicyTooLarge", 400),
        (Fault.access_denied(), "AccessDenied", 403),
        (Fault.html(), "502", 502),
    ],
)
def test_answers_with_an_error(local_sts, sts, fault, code, status):
    """
    The client raises the code and the status of the fault.
    """
    local_sts.faults.add(fault)

    got = error_of(sts)

    assert code == got["Error"]["Code"]
    assert status == got["ResponseMetadata"]["HTTPStatusCode"]
    assert status == local_sts.calls()[-1].status


def test_denies_as_sts_does(local_sts, sts):
    """
    The message tells who isn't allowed what, and on which role.
    """
    arn = sts.get_caller_identity()["Arn"]
    local_sts.faults.add(Fault.access_denied())

    assert (
        f"User: {arn} is not authorized to perform: sts:AssumeRole"
        f" on resource: {ROLE}" == error_of(sts)["Error"]["Message"]
    )
    assert "access_denied" == Fault.access_denied().name


KEY = AccessKey(
    access_key_id="AKIA", secret_access_key="", user_id="AIDA", arn=f"{USER}/jane"
)


@pytest.mark.parametrize(
    ("operation", "params", "resource"),
    [
        ("AssumeRole", {"RoleArn": ROLE}, ROLE),
        ("AssumeRoot", {"TargetPrincipal": "111122223333"}, ROOT),
        ("AssumeRoot", {"TargetPrincipal": ROOT}, ROOT),
        (
            "GetFederationToken",
            {"Name": "bob"},
            "arn:aws:sts::123456789012:federated-user/bob",
        ),
        ("GetSessionToken", {}, "*"),
    ],
)
def test_denies_each_operation(operation, params, resource):
    """
    What it is about is said in the words of each.
    """
    assert (
        f"User: {USER}/jane is not authorized to perform: sts:{operation}"
        f" on resource: {resource}" == denial("sts", operation, params, KEY)
    )


def test_denies_elsewhere():
    """
    IAM names a user, S3 nobody; nor does STS where nobody signed.
    """
    role = "AssumeRoleWithSAML"

    assert "Access Denied" == denial("s3", "GetObject", {}, KEY)
    assert denial("iam", "ListMFADevices", {}, KEY).endswith("resource: user jane")
    assert denial("iam", "ListMFADevices", {"UserName": "bob"}, KEY).endswith("bob")
    assert f"Not authorized to perform sts:{role}" == denial("sts", role, {}, None)


@pytest.mark.parametrize("signed", [True, False])
def test_a_stub_denies_alike(signed):
    """
    Whoever signed is the stub's user, or who a key was given to.
    """
    stub = StubSTS()
    source = boto3.Session("AKIA", "secret", region_name="eu-west-1")
    source.events.register("before-send.sts", stub)
    client = source.client("sts")
    stub.goes_down(Fault.access_denied())
    expected = (
        "User: arn:aws:iam::123456789012:user/source is not authorized to perform:"
        f" sts:AssumeRole on resource: {ROLE}"
        if signed
        else "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    )
    ask, more = (
        (client.assume_role, {})
        if signed
        else (client.assume_role_with_web_identity, {"WebIdentityToken": "token"})
    )
    with pytest.raises(ClientError) as caught:
        ask(RoleArn=ROLE, RoleSessionName="me", **more)

    assert expected == caught.value.response["Error"]["Message"]


def test_throttles_with_a_wait(local_sts, sts):
    """
    `Retry-After` is a header of full seconds, and absent by default.
    """
    local_sts.faults.add(Fault.throttled(), times=1)
    local_sts.faults.add(Fault.throttled(retry_after=dt.timedelta(seconds=7)))

    without, with_ = (error_of(sts)["ResponseMetadata"] for _ in range(2))

    assert "retry-after" not in without["HTTPHeaders"]
    assert "7" == with_["HTTPHeaders"]["retry-after"]


def test_bare_errors_lack_what_the_client_looks_for(local_sts, sts):
    """
    Without `<ErrorResponse>` botocore doesn't find the code.
    """
    local_sts.faults.add(Fault.bare_error("MalformedPolicyDocument", status=400))

    got = error_of(sts)

    assert "MalformedPolicyDocument" == got["Code"]
    assert "Code" not in got.get("Error", {})


def test_a_hang_ends_in_a_time_out(local_sts, sts):
    """
    The client waits as long as it is willing to, and the log has the call.
    """
    local_sts.faults.add(Fault.hang())

    with pytest.raises(ReadTimeoutError):
        assume(sts)

    [call] = local_sts.calls()
    assert (None, "hang") == (call.status, call.code)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.reset(), ConnectionClosedError),
        (Fault.cut_off(), (ConnectionClosedError, ResponseParserError)),
    ],
)
def test_connections_can_break(local_sts, sts, fault, error):
    """
    Before an answer, or in the middle of it.
    """
    local_sts.faults.add(fault, times=1)

    with pytest.raises(error):
        assume(sts)

    assert assume(sts)


@pytest.mark.parametrize("fault", [Fault.half_body(), Fault.html(status=200)])
def test_documents_can_be_unreadable(local_sts, sts, fault):
    """
    Half a document, or one for people, with status 200, can't be used.
    """
    local_sts.faults.add(fault)

    with pytest.raises((ResponseParserError, KeyError)):
        print(assume(sts)["Credentials"])  # noqa: T201


def test_dates_can_be_wrong(local_sts, sts):
    """
    Only the header is off; the expiration is right.
    """
    local_sts.faults.add(Fault.wrong_date(51 * MINUTE))

    got = assume(sts)

    date = got["ResponseMetadata"]["HTTPHeaders"]["date"]
    assert "Thu, 01 Jan 2026 00:51:00 GMT" == date
    assert local_sts.issued()[0].expires_at == got["Credentials"]["Expiration"]


def test_credentials_can_arrive_expired(local_sts, sts, clock):
    """
    The expiration in the answer lies in the past.
    """
    local_sts.faults.add(Fault.expired_answer())

    assert clock.now() - MINUTE == assume(sts)["Credentials"]["Expiration"]


def test_fields_can_be_empty_or_missing(local_sts, sts):
    """
    The secret and the token by default, or those that are named.
    """
    local_sts.faults.add(Fault.empty_fields(), times=1)
    local_sts.faults.add(Fault.missing_fields(), times=1)
    local_sts.faults.add(Fault.missing_fields("Expiration"), times=1)

    empty, missing, undated = (assume(sts)["Credentials"] for _ in range(3))

    assert "" == empty["SecretAccessKey"] == empty["SessionToken"]
    assert {"AccessKeyId", "Expiration"} == set(missing)
    assert {"AccessKeyId", "SecretAccessKey", "SessionToken"} == set(undated)


def test_strikes_what_it_was_meant_for(local_sts, sts):
    """
    A fault of one operation or of S3 leaves the others alone.
    """
    s3 = local_sts.session(local_sts.add_user()).client("s3")
    local_sts.add_bucket("data")
    local_sts.faults.add(Fault.access_denied(), operation="ListObjectsV2", times=1)
    local_sts.faults.add(Fault.access_denied(), operation="AssumeRole")

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket="data")
    assert s3.list_objects_v2(Bucket="data")
    assert sts.get_caller_identity()
    assert "AccessDenied" == error_of(sts)["Error"]["Code"]

    local_sts.faults.clear()
    local_sts.faults.add(Fault.access_denied(), service=None)

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket="data")
    assert "AccessDenied" == error_of(sts)["Error"]["Code"]


def test_begins_and_ends_on_time(local_sts, sts, clock):
    """
    An outage can be planned: from when, and for how long.
    """
    local_sts.faults.add(Fault.status(500), after=MINUTE, for_=MINUTE)

    assert assume(sts)
    clock.advance(MINUTE)
    error_of(sts)
    clock.advance(MINUTE)
    assert assume(sts)


def test_closing_releases_what_hangs():
    """
    `close()` ends a hanging request, however patient the client is.
    """
    import threading

    local_sts = LocalSTS().start()
    user = local_sts.add_user()
    config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=local_sts.endpoint_url,
        aws_access_key_id=user.access_key_id,
        aws_secret_access_key=user.secret_access_key,
        config=config,
    )
    local_sts.faults.add(Fault.hang())
    failures = []

    def call():
        try:
            sts.get_caller_identity()
        except ConnectionClosedError as e:
            failures.append(e)

    thread = threading.Thread(target=call)
    thread.start()
    deadline = threading.Event()
    while local_sts.count() == 0:
        deadline.wait(0.01)
    local_sts.close()
    thread.join(10)

    assert not thread.is_alive()
    assert 1 == len(failures)


def test_faults_are_values():
    """
    Equal ones are equal, and they name themselves.
    """
    assert Fault.hang() == Fault.hang()
    assert Fault.status(500) != Fault.status(503)
    assert "Fault(name='throttled', code='Throttling')" == repr(Fault.throttled())
