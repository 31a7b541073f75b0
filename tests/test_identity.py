from __future__ import annotations

from pathlib import Path

import boto3

import stsession

from stsession.testing import FakeClock, LocalSTS, use_runtime

from .wire import READER


def key_of(session):
    """The access key ID that its source signs with."""
    return session._source.signer.credentials.get_frozen_credentials().access_key


def stubbed(stub, **kwargs):
    session = boto3.Session(region_name="eu-south-1", **kwargs)
    session.events.register("before-send.sts", stub)
    return session


def test_environment_that_changes(tmp_path, monkeypatch):
    """A session keeps the identity with which it was made."""
    clock = FakeClock()
    with LocalSTS(clock=clock) as sts, use_runtime(clock=clock):
        keys = {name: sts.add_user(name=name) for name in ("prod", "dev")}
        sts.add_role(READER)
        for name, key in keys.items():
            files = sts.write_profile(tmp_path, key=key, name=name)
        for name, value in files.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_PROFILE", "prod")
        given = boto3.Session()
        sessions = [
            stsession.assume(READER),
            stsession.assume(READER, source=given),
            stsession.assume(READER, cache=None),
        ]
        sessions[0].credentials()
        monkeypatch.setenv("AWS_PROFILE", "dev")
        for session in sessions:
            session.refresh()

        assert {keys["prod"].access_key_id} == {
            call.access_key_id for call in sts.calls("AssumeRole")
        }

        stsession.assume(READER).credentials()

        assert keys["dev"].access_key_id == sts.calls("AssumeRole")[-1].access_key_id


def test_keys_in_the_environment_that_change(monkeypatch, stub):
    """The same for keys."""
    for number in "12":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIA000000000000000{number}")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        if number == "1":
            first = stsession.assume(READER)

    assert "AKIA0000000000000001" == key_of(first)


def test_home_that_changes(monkeypatch, tmp_path):
    """Files in another place are other files."""
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name / ".aws"
        folder.mkdir(parents=True)
        (folder / "credentials").write_text(
            f"[default]\naws_access_key_id = AKIA{name}\naws_secret_access_key = s\n"
        )
        monkeypatch.setenv("HOME", str(tmp_path / name))
        session = stsession.assume(READER, region="eu-south-1")
        found.append(key_of(session))

    assert ["AKIAone", "AKIAtwo"] == found
    config = session._source.settings.get_config_variable("config_file")
    assert Path(config).is_absolute()


def test_client_alone(stub):
    """A hook is called as long as there is a client."""
    events = []
    given = stubbed(stub, aws_access_key_id="AKIAONE", aws_secret_access_key="s")
    client = stsession.assume(
        READER, source=given, on_event=events.append, cache=None
    ).client("s3", region_name="eu-south-1")
    client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})

    assert ["started", "succeeded"] == [event.name for event in events]
