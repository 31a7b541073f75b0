"""Profiles with a credential process."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time

import boto3
import pytest

import stsession

from stsession.testing import LocalSTS

from .wire import collect_garbage


ROLE = "arn:aws:iam::123456789012:role/Reader"
FOREVER = "2100-01-01T00:00:00"


@pytest.fixture(name="local")
def _local():
    with LocalSTS() as local:
        local.add_role(ROLE)
        yield local


@pytest.fixture(name="prints")
def _prints(local, tmp_path, monkeypatch):
    """Has the process of profile ``p`` print keys of a user, and other things."""
    key = local.add_user()
    config, script = tmp_path / "config", tmp_path / "process.py"
    where = f"region = us-east-1\nendpoint_url = {local.endpoint_url}\n"
    config.write_text(
        f"[profile p]\n{where}credential_process = {sys.executable} {script}\n"
        f"[profile r]\n{where}role_arn = {ROLE}\nsource_profile = p\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    def prints(expiration, **more):
        answer = {
            "Version": 1,
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "Expiration": expiration,
            **more,
        }
        script.write_text(f"print({json.dumps(answer)!r})")

    return prints


WAYS = {
    "profile": lambda: stsession.assume(ROLE, source="p", cache=None),
    "plain": lambda: stsession.from_profile("p"),
    "role": lambda: stsession.from_profile("r", cache=None),
}


@pytest.mark.parametrize(
    ("way", "zone"), [(way, "") for way in WAYS] + [("profile", "Z")]
)
def test_expiration_without_a_zone(prints, way, zone):
    """It is UTC."""
    prints(f"{FOREVER}{zone}")

    assert WAYS[way]().credentials()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="no time zones here")
@pytest.mark.parametrize("place", ["Asia/Tokyo", "Pacific/Honolulu"])
def test_meaning_of_an_expiration_without_a_zone(prints, monkeypatch, place):
    """It is UTC wherever the machine is."""
    today = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
    tomorrow = today + dt.timedelta(days=1)
    prints(tomorrow.replace(tzinfo=None).isoformat())
    with monkeypatch.context() as patch:
        patch.setenv("TZ", place)
        time.tzset()
        session = stsession.from_profile("p")
        session.credentials()
    time.tzset()

    assert abs(session.expires_at - tomorrow) < dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("way", "expiration"),
    [(way, "tomorrow") for way in WAYS] + [("profile", it) for it in (5, [], "")],
)
def test_expiration_that_is_none(prints, way, expiration):
    """The error is one of the source, and names the profile."""
    prints(expiration)
    with pytest.raises(stsession.SourceCredentialsError, match='profile "p"') as caught:
        WAYS[way]().credentials()

    assert "Could not get credentials from" in str(caught.value)


def test_session_of_the_user(prints):
    """botocore fails with it; the error names the source."""
    prints(FOREVER)
    source = boto3.Session(profile_name="p")
    with pytest.raises(stsession.SourceCredentialsError, match="TypeError") as caught:
        stsession.assume(ROLE, source=source).credentials()

    assert "Could not get credentials from a session of profile" in str(caught.value)
    assert "credential_process" in caught.value.hint


def test_credentials_of_sessions_that_are_gone(local, prints):
    """The process may print another user's keys by now, so they aren't used again."""
    prints(FOREVER)
    former = stsession.assume(ROLE, source="p").credentials().access_key_id
    collect_garbage()
    other = local.add_user(name="other")
    prints(
        FOREVER,
        AccessKeyId=other.access_key_id,
        SecretAccessKey=other.secret_access_key,
    )

    assert former != stsession.assume(ROLE, source="p").credentials().access_key_id
    assert other.access_key_id == local.calls("AssumeRole")[-1].access_key_id
