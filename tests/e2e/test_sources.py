"""The source's own credentials: shared, rotated, expired."""

from __future__ import annotations

import pathlib
import threading

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

import stsession

from stsession.testing import LocalSTS

from . import OTHER_ROLE, ROLE
from .gate import GUARD
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime")

HUB = "arn:aws:iam::123456789012:role/Hub"
THREADS = 16


@pytest.fixture(name="directory")
def _directory(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def add_role_profile(directory, local, *, name="hub", source="dev"):
    """Write a profile whose role botocore assumes."""
    with pathlib.Path(directory, "config").open("a", encoding="utf-8") as config:
        config.write(
            f"[profile {name}]\nrole_arn = {HUB}\nsource_profile = {source}\n"
            f"region = us-east-1\nendpoint_url = {local.endpoint_url}\n"
        )


def assumed_by(local, role_arn=ROLE):
    """The keys that have assumed the role, one after another."""
    return [call.access_key_id for call in local.calls("AssumeRole", role_arn=role_arn)]


@pytest.fixture(name="honest")
def _honest():
    """A server with the machine's clock, which botocore uses for its credentials."""
    with LocalSTS() as local:
        for arn in (ROLE, HUB):
            local.add_role(arn)
        local.add_bucket("bucket")
        yield local


@pytest.mark.parametrize(
    "source", [lambda: "hub", lambda: boto3.Session(profile_name="hub")]
)
def test_profile_role_shared_by_threads(honest, directory, source):
    """A profile with a role, first used by many threads at once, is assumed once."""
    honest.write_profile(directory, key=honest.add_user(), name="dev")
    add_role_profile(directory, honest)
    source = source()
    sessions = [
        stsession.assume(ROLE, source=source, cache=None) for _ in range(THREADS)
    ]
    barrier = threading.Barrier(THREADS)

    def work(session):
        barrier.wait(GUARD)
        return session.credentials().access_key_id

    with ThreadPoolExecutor(THREADS) as pool:
        assert THREADS == len(set(pool.map(work, sessions)))

    assert 1 == honest.count("AssumeRole", role_arn=HUB)


def test_key_rotated_at_the_last_moment(local, directory, clock):
    """If STS rejects the source's key, the file is read once more."""
    first, second = local.add_user(), local.add_user()
    local.write_profile(directory, key=first, name="dev")
    session = stsession.assume(ROLE, source="dev")
    session.credentials()
    local.reject_key(first.access_key_id)
    source_is_read = []

    def rotate(**_):
        if not source_is_read:
            source_is_read.append(True)
            local.write_profile(directory, key=second, name="dev")

    session._source.client(
        "us-east-1", session._refresher.fetch.endpoint
    ).meta.events.register("before-send.sts", rotate)
    clock.advance(seconds(3_600))
    session.credentials()

    assert [first.access_key_id, first.access_key_id, second.access_key_id] == (
        assumed_by(local)
    )


def test_expired_function_as_source(local, source, clock):
    """So is one whose session is over, and when it ended."""
    keys = source.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="me")
    given = keys["Credentials"]
    expires_at = given["Expiration"]
    local.add_role(OTHER_ROLE)
    session = stsession.assume(
        OTHER_ROLE,
        source=lambda: given,
        region="us-east-1",
        sts_endpoint_url=local.endpoint_url,
    )
    session.credentials()
    clock.advance(seconds(3_600))

    with pytest.raises(stsession.RefreshError) as caught:
        session.client("s3", endpoint_url=local.endpoint_url).list_buckets()

    assert "<lambda>" in str(caught.value)
    assert f"{expires_at:%Y-%m-%d %H:%M:%S} UTC" in str(caught.value)


def test_source_that_expires_before_its_role(local, source, clock):
    """A refresh is brought forward if the source won't be there when it is due."""
    keys = source.client("sts").assume_role(
        RoleArn=ROLE, RoleSessionName="me", DurationSeconds=1_800
    )["Credentials"]
    local.add_role(OTHER_ROLE)
    session = stsession.assume(
        OTHER_ROLE,
        source=lambda: keys,
        region="us-east-1",
        sts_endpoint_url=local.endpoint_url,
    )
    while clock.monotonic() < 1_800 + 3_000:
        session.credentials()
        assert session.remaining > seconds(0)
        clock.advance(seconds(30))

    assert {200} == {call.status for call in local.calls("AssumeRole")}


def test_chain(local, source, clock):
    """Each role of a chain refreshes by itself, and no expired key is ever used."""
    local.add_role(HUB)
    local.add_role(OTHER_ROLE, trusts=[HUB])
    session = stsession.assume([HUB, OTHER_ROLE], source=source, duration_seconds=900)
    s3 = session.client("s3")
    while clock.monotonic() < 3 * 3_600:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(120))

    assert {200} == {call.status for call in local.calls()}
    assert 3 * 3_600 // 900 <= local.count("AssumeRole", role_arn=OTHER_ROLE) <= 22
    assert local.count("AssumeRole", role_arn=HUB) <= 5
