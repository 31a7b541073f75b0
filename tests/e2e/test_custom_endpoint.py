"""A server that isn't AWS's, such as Ceph."""

from __future__ import annotations

import boto3
import pytest

import stsession

from stsession.testing import Fault

from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime")

FULL = "arn:aws:iam:::role/full"


@pytest.fixture(name="ceph")
def _ceph(local):
    """Roles without an account, and sessions of seconds."""
    local.add_role(FULL, min_session_duration=1)
    return local


@pytest.fixture(name="user")
def _user(ceph):
    """A source that names no endpoint of its own."""
    key = ceph.add_user()
    return boto3.Session(
        key.access_key_id, key.secret_access_key, region_name="default"
    )


@pytest.fixture(name="session")
def _session(ceph, user):
    return stsession.assume(
        FULL, source=user, duration_seconds=5, sts_endpoint_url=ceph.endpoint_url
    )


def test_role_without_an_account(session, ceph):
    """Its ARNs are taken as they are, and so are the credentials."""
    s3 = session.client("s3", endpoint_url=ceph.s3_endpoint_url)

    assert 5 == s3.list_objects_v2(Bucket="bucket")["KeyCount"]
    assert [FULL] == [call.params["RoleArn"] for call in ceph.calls("AssumeRole")]
    assert ["5"] == [
        call.params["DurationSeconds"] for call in ceph.calls("AssumeRole")
    ]
    assert session.get_credentials().account_id is None


def test_sessions_of_five_seconds(session, ceph, clock):
    """Credentials of five seconds are refreshed in time, after half of that."""
    s3 = session.client("s3", endpoint_url=ceph.s3_endpoint_url)
    while clock.monotonic() < 20:
        s3.list_objects_v2(Bucket="bucket", MaxKeys=1)
        clock.advance(seconds(0.25))

    assert {200} == {call.status for call in ceph.calls()}
    assert 20 // 5 <= ceph.count("AssumeRole") <= 20 // 2.5 + 1


def test_short_outage(session, ceph, clock):
    """Even these work during a short outage."""
    s3 = session.client("s3", endpoint_url=ceph.s3_endpoint_url)
    s3.list_objects_v2(Bucket="bucket")
    clock.advance(seconds(3.5))
    ceph.faults.add(Fault.reset(), operation="AssumeRole", times=3)
    while clock.monotonic() < 20:
        s3.list_objects_v2(Bucket="bucket", MaxKeys=1)
        clock.advance(seconds(0.25))

    assert {200} == {call.status for call in ceph.calls("ListObjectsV2")}


def test_bare_error(session, ceph):
    """Errors without ``<ErrorResponse>`` are understood."""
    ceph.faults.add(Fault.bare_error("AccessDenied"))

    with pytest.raises(stsession.AccessDeniedError, match=FULL) as caught:
        session.credentials()

    assert "AccessDenied" == caught.value.code


def test_bare_throttling(session, ceph, clock):
    """Also those that pass."""
    ceph.faults.add(Fault.bare_error("SlowDown", status=503), times=3)

    with pytest.raises(stsession.StsUnavailableError):
        session.credentials()

    clock.advance(seconds(30))

    assert session.credentials().session_token


@pytest.mark.parametrize(
    "fault", [Fault.html(), Fault.half_body(), Fault.empty_fields()], ids=str
)
def test_rubbish(fault, session, ceph, clock):
    """What isn't an answer of STS is an outage."""
    ceph.faults.add(fault, times=3)

    with pytest.raises(stsession.StsUnavailableError):
        session.credentials()

    ceph.faults.clear()
    clock.advance(seconds(30))

    assert session.credentials().session_token


def test_endpoint_of_the_profile(ceph, monkeypatch, tmp_path):
    """An endpoint in the config file will do, for STS and for the clients."""
    files = ceph.write_profile(tmp_path, key=ceph.add_user(), name="ceph")
    monkeypatch.setenv("AWS_CONFIG_FILE", files.config_file)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", files.credentials_file)

    session = stsession.assume(FULL, source="ceph", duration_seconds=5)

    assert 5 == session.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"]


def test_amazon_does_not_take_it(user):
    """AWS's own STS would reject such an ARN, so it isn't called."""
    with pytest.raises(stsession.InvalidRequestError, match="role_arn"):
        stsession.assume(FULL, source=user)


@pytest.mark.parametrize("kind", ["function", "session"])
def test_source_that_expires_as_soon(ceph, user, clock, kind):
    """A source whose credentials expire soon causes no storm and no failures."""
    options = {"duration_seconds": 3, "sts_endpoint_url": ceph.endpoint_url}
    hub = stsession.assume(FULL, source=user, **options)

    def read():
        credentials = hub.credentials()
        return {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": credentials.expires_at,
        }

    session = stsession.assume(
        FULL,
        source=read if kind == "function" else hub,
        role_session_name="second",
        region="default",
        **options,
    )
    s3 = session.client("s3", endpoint_url=ceph.s3_endpoint_url)
    while clock.monotonic() < 20:
        s3.list_objects_v2(Bucket="bucket", MaxKeys=1)
        clock.advance(seconds(0.25))

    assert {200} == {call.status for call in ceph.calls()}
    assert ceph.count("AssumeRole") <= 2 * (20 / 1.25 + 1)
    assert session.status().hop.counters.failures == 0
