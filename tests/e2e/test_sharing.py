"""Which sessions share credentials, and which never do."""

from __future__ import annotations

import boto3
import pytest

import stsession

from stsession.testing import StubSTS

from . import ROLE
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime")


def test_one_for_all(source, local, clock):
    """Eight sessions for one role cost one AssumeRole for each lifetime."""
    sessions = [stsession.assume(ROLE, source=source) for _ in range(8)]
    clients = [session.client("s3") for session in sessions]

    for _ in range(2):
        for s3 in clients:
            s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(3_600))

    assert 2 == local.count("AssumeRole")
    assert 2 == len({call.access_key_id for call in local.calls("ListObjectsV2")})


def test_two_sources(clock):
    """
    Two sources for one role never see each other's credentials.

    Not even if the second is at the address of the first, which is gone.
    """
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
    """Nor if both have one name, but are in different files."""
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
def test_requests_that_differ(stubbed, stub, difference):
    """Sessions with different requests share nothing."""
    plain = stsession.assume(ROLE, source=stubbed).credentials()
    other = stsession.assume(ROLE, source=stubbed, **difference).credentials()

    assert plain.access_key_id != other.access_key_id
    assert 2 == stub.attempts


def test_regions(stubbed, stub):
    """The region makes no difference: credentials are valid in all of them."""
    stsession.assume(ROLE, source=stubbed, sts_region="eu-west-1").credentials()
    session = stsession.assume(
        ROLE, source=stubbed, sts_region="eu-west-1", region="ap-south-1"
    )
    session.credentials()

    assert "ap-south-1" == session.region_name
    assert 1 == stub.attempts
