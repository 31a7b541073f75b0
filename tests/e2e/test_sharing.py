"""Which sessions share credentials, and which never do."""

from __future__ import annotations

import boto3
import pytest

import stsession

from stsession.testing import StubSTS

from . import ROLE
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime")


def signed_by(local):
    """The keys that S3 was asked with."""
    return {call.access_key_id for call in local.calls("ListObjectsV2")}


def test_one_for_all(source, local, clock):
    """Thirty-two sessions for one role cost one AssumeRole per life."""
    sessions = [stsession.assume(ROLE, source=source) for _ in range(32)]
    clients = [session.client("s3") for session in sessions]

    for _ in range(2):
        for s3 in clients:
            s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(3_600))

    assert 2 == local.count("AssumeRole")
    assert 2 == len(signed_by(local))


def test_sessions_that_follow_one_another(source, local):
    """A session made after another one was dropped needs no AssumeRole."""
    for _ in range(5):
        stsession.assume(ROLE, source=source).client("s3").list_objects_v2(
            Bucket="bucket"
        )

    assert 1 == local.count("AssumeRole")


def test_profile_and_profile(local, tmp_path, monkeypatch):
    """Sessions whose source is the same profile share."""
    files = local.write_profile(tmp_path, key=local.add_user(), name="dev")
    monkeypatch.setenv("AWS_CONFIG_FILE", files.config_file)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", files.credentials_file)

    for _ in range(3):
        stsession.assume(ROLE, source="dev").credentials()

    assert 1 == local.count("AssumeRole")


def test_two_sources(local):
    """Two sources for one role never see each other's credentials."""
    users = [local.add_user(name="one"), local.add_user(name="two")]
    sessions = [stsession.assume(ROLE, source=local.session(key)) for key in users]

    first, second = (session.credentials().access_key_id for session in sessions)

    assert first != second
    assert [key.access_key_id for key in users] == [
        call.access_key_id for call in local.calls("AssumeRole")
    ]


def test_two_sources_at_one_address(clock):
    """Not even if the second is at the address of the first, which is gone."""
    stub = StubSTS(clock=clock)
    signed = []
    for n in range(5):
        source = boto3.Session(f"AKIASOURCE{n:010}", "secret", region_name="eu-west-1")
        source.events.register("before-send.sts", stub)
        signed.append(stsession.assume(ROLE, source=source).credentials())
        del source

    assert 5 == len({credentials.access_key_id for credentials in signed})
    assert [f"AKIASOURCE{n:010}" for n in range(5)] == [
        call.access_key_id for call in stub.requests
    ]


def test_two_profiles_of_one_name(local, tmp_path, monkeypatch):
    """Nor if both are called alike, but stand in different files."""
    keys = []
    for user in ("one", "two"):
        directory = tmp_path / user
        directory.mkdir()
        key = local.add_user(name=user)
        keys.append(key.access_key_id)
        files = local.write_profile(directory, key=key, name="dev")
        monkeypatch.setenv("AWS_CONFIG_FILE", files.config_file)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", files.credentials_file)
        stsession.assume(ROLE, source="dev").credentials()

    assert keys == [call.access_key_id for call in local.calls("AssumeRole")]


def test_environment_that_changes(local, monkeypatch):
    """Nor if the source is the environment, and another key is put into it."""
    keys = []
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for user in ("one", "two"):
        key = local.add_user(name=user)
        keys.append(key.access_key_id)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
        stsession.assume(ROLE).credentials()

    assert keys == [call.access_key_id for call in local.calls("AssumeRole")]


@pytest.mark.parametrize(
    "difference",
    [
        {"external_id": "partner"},
        {"role_session_name": "other"},
        {"duration_seconds": 1_800},
        {"policy": {"Version": "2012-10-17", "Statement": []}},
        {"policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]},
        {"tags": {"team": "blue"}},
        {"source_identity": "alice"},
        {"cache": None},
        {"cache": stsession.MemoryCache()},
        {"refresh": stsession.RefreshPolicy(when_expired="raise")},
    ],
    ids=lambda given: next(iter(given)),
)
def test_requests_that_differ(source, local, difference):
    """Sessions that ask for different things share nothing."""
    plain = stsession.assume(ROLE, source=source).credentials()
    other = stsession.assume(ROLE, source=source, **difference).credentials()

    assert plain.access_key_id != other.access_key_id
    assert 2 == local.count("AssumeRole")


def test_regions(source, local):
    """The region makes no difference: credentials are good in all of them."""
    stsession.assume(ROLE, source=source, sts_region="eu-west-1").credentials()
    session = stsession.assume(
        ROLE, source=source, sts_region="eu-west-1", region="ap-south-1"
    )
    session.credentials()

    assert "ap-south-1" == session.region_name
    assert 1 == local.count("AssumeRole")
