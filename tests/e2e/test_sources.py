"""The source's own credentials: shared, rotated, dead."""

from __future__ import annotations

import pathlib
import threading

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

import stsession

from stsession.exceptions import SourceCredentialsError
from stsession.testing import LocalSTS

from . import OTHER_ROLE, ROLE
from .gate import GUARD
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime")

HUB = "arn:aws:iam::123456789012:role/Hub"
THREADS = 16


@pytest.fixture(name="directory")
def _directory(tmp_path, monkeypatch):
    """Where the profiles are."""
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
    """A server by the machine's clock, which botocore's own credentials live by."""
    with LocalSTS() as local:
        for arn in (ROLE, HUB):
            local.add_role(arn)
        local.add_bucket("bucket")
        yield local


def test_profile_role_shared_by_threads(honest, directory):
    """A profile with a role, first used by many threads at once, is assumed once."""
    honest.write_profile(directory, key=honest.add_user(), name="dev")
    add_role_profile(directory, honest)
    roles = [f"arn:aws:iam::123456789012:role/Role{n}" for n in range(THREADS)]
    for arn in roles:
        honest.add_role(arn)
    barrier = threading.Barrier(THREADS)

    def work(arn):
        session = stsession.assume(arn, source="hub")
        s3 = session.client("s3")
        barrier.wait(GUARD)
        return s3.list_objects_v2(Bucket="bucket")["KeyCount"]

    with ThreadPoolExecutor(THREADS) as pool:
        assert [0] * THREADS == list(pool.map(work, roles))

    assert 1 == honest.count("AssumeRole", role_arn=HUB)
    assert 1 + THREADS == honest.count("AssumeRole")


def test_given_session_with_a_profile_role(honest, directory):
    """So it is if the source is a boto3 session that hasn't been used yet."""
    honest.write_profile(directory, key=honest.add_user(), name="dev")
    add_role_profile(directory, honest)
    source = boto3.Session(profile_name="hub")
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


def test_bad_profile_in_the_environment(local, source, monkeypatch):
    """An explicit source works even if ``AWS_PROFILE`` names nothing."""
    monkeypatch.setenv("AWS_PROFILE", "missing")

    session = stsession.assume(ROLE, source=source)

    assert 5 == session.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"]


def test_missing_profile(directory, local, monkeypatch):
    """A profile that isn't there is told at once; no other credentials are used."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", local.add_user().access_key_id)
    local.write_profile(directory, key=local.add_user(), name="dev")

    with pytest.raises(stsession.InvalidRequestError, match=r'"devv".*dev'):
        stsession.assume(ROLE, source="devv")


def test_rotated_key(local, directory, clock):
    """The refresh after a rotation is signed by the new key."""
    first, second = local.add_user(), local.add_user()
    local.write_profile(directory, key=first, name="dev")
    s3 = stsession.assume(ROLE, source="dev").client("s3")
    s3.list_objects_v2(Bucket="bucket")
    local.write_profile(directory, key=second, name="dev")

    clock.advance(seconds(3_600))
    s3.list_objects_v2(Bucket="bucket")

    assert [first.access_key_id, second.access_key_id] == assumed_by(local)


def test_key_rotated_at_the_last_moment(local, directory, clock):
    """If STS refuses the source's key, the file is looked at once more."""
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


def test_dead_user(local, directory, clock):
    """A source whose key was deleted is named by the error."""
    key = local.add_user()
    local.write_profile(directory, key=key, name="dev")
    session = stsession.assume(ROLE, source="dev")
    local.reject_key(key.access_key_id)

    with pytest.raises(SourceCredentialsError, match='profile "dev"') as caught:
        session.credentials()

    assert "InvalidClientTokenId" == caught.value.code
    assert ROLE == caught.value.hop


def test_dead_session_as_source(local, source, clock):
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


def test_copied_temporary_keys_as_source(local, source, clock):
    """Copied temporary keys can't renew themselves: the error says so, and whose."""
    keys = source.client("sts").assume_role(
        RoleArn=ROLE, RoleSessionName="me", DurationSeconds=900
    )["Credentials"]
    local.add_role(OTHER_ROLE)
    copied = boto3.Session(
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
        keys["SessionToken"],
        region_name="us-east-1",
    )
    session = stsession.assume(
        OTHER_ROLE, source=copied, sts_endpoint_url=local.endpoint_url
    )
    clock.advance(seconds(900))

    with pytest.raises(SourceCredentialsError, match="the given session") as caught:
        session.credentials()

    assert "ExpiredToken" in str(caught.value)
    assert not caught.value.retryable


def test_source_that_dies_before_its_child(local, source, clock):
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
    s3 = session.client("s3", endpoint_url=local.endpoint_url)
    while clock.monotonic() < 1_800 + 3_000:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(30))

    assert {200} == {call.status for call in local.calls("ListObjectsV2")}


def test_chain(local, source, clock):
    """Each role of a chain refreshes by itself, and no dead key is ever used."""
    local.add_role(HUB)
    local.add_role(OTHER_ROLE, trusts=[HUB])
    session = stsession.assume([HUB, OTHER_ROLE], source=source, duration_seconds=900)
    s3 = session.client("s3")
    while clock.monotonic() < 3 * 3_600:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(60))

    assert {200} == {call.status for call in local.calls()}
    assert 3 * 3_600 // 900 <= local.count("AssumeRole", role_arn=OTHER_ROLE) <= 22
    assert local.count("AssumeRole", role_arn=HUB) <= 5


def test_chain_by_hand(local, source, clock):
    """The same with the roles assumed one by one."""
    local.add_role(HUB)
    local.add_role(OTHER_ROLE, trusts=[HUB], external_id="partner")
    session = stsession.assume(HUB, source=source).assume(
        OTHER_ROLE, external_id="partner"
    )
    s3 = session.client("s3")
    for _ in range(3):
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(3_600))

    assert {200} == {call.status for call in local.calls()}
    assert [HUB, OTHER_ROLE] == [hop.name for hop in session.status().hops]
