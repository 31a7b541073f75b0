"""Sessions share credentials only while their source is the same identity."""

from __future__ import annotations

import datetime as dt
import os
import sys

from functools import partial
from pathlib import Path

import boto3
import pytest

from botocore.credentials import Credentials

import stsession

from stsession.testing import FakeClock, LocalSTS, use_runtime

from .wire import collect_garbage


READER = "arn:aws:iam::123456789012:role/Reader"
TARGET = "arn:aws:iam::123456789012:role/Target"


@pytest.fixture(name="local")
def _local():
    with LocalSTS() as local:
        local.add_role(READER)
        local.add_role(TARGET)
        yield local


USERS = ("alice", "bob", "carol")


class Profile:
    """A profile ``p`` that is rewritten from one user to another."""

    def __init__(self, local, folder, monkeypatch):
        self._local, self._folder = local, folder
        self.users = {name: local.add_user(name=name) for name in USERS}
        files = self.belongs_to("alice")
        for name, value in files.environment.items():
            monkeypatch.setenv(name, value)
        with Path(files.config_file).open("a") as config:
            config.write(f"[profile r]\nrole_arn = {READER}\nsource_profile = p\n")
            config.write("role_session_name = me\nregion = us-east-1\n")
            config.write(f"endpoint_url = {local.endpoint_url}\n")
        self.belongs_to("alice")  # which formats the files

    def belongs_to(self, name):
        return self._local.write_profile(
            self._folder, key=self.users[name], name="p", region="us-east-1"
        )

    def signers(self, operation="AssumeRole"):
        names = {key.access_key_id: name for name, key in self.users.items()}
        return [names.get(c.access_key_id) for c in self._local.calls(operation)]


@pytest.fixture(name="profile")
def _profile(local, tmp_path, monkeypatch):
    return Profile(local, tmp_path, monkeypatch)


def key_of(session):
    return session.credentials().access_key_id


WAYS = {
    "profile": lambda: stsession.assume(READER, source="p", role_session_name="me"),
    "ambient": lambda: stsession.assume(READER, role_session_name="me"),
    "from_profile": lambda: stsession.from_profile("r"),
    "of another session": lambda: stsession.from_profile("p").assume(
        READER, role_session_name="me"
    ),
    "by botocore's role": lambda: stsession.assume(
        TARGET, source="r", role_session_name="me"
    ),
    "chain": lambda: stsession.assume(
        [READER, TARGET], source="p", role_session_name="me"
    ),
    "boto3 session": lambda: stsession.assume(
        READER, source=boto3.Session(profile_name="p"), role_session_name="me"
    ),
    "fleet": lambda: stsession.Fleet(
        [READER], source="p", role_session_name="me"
    ).session(READER),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_new_session_of_a_rewritten_profile(profile, way):
    """It gets credentials of its own, whether or not the former session is gone."""
    keys = [key_of(way())]
    collect_garbage()
    profile.belongs_to("bob")
    session = way()
    keys.append(key_of(session))
    profile.belongs_to("carol")
    keys.append(key_of(way()))

    assert 3 == len({*keys})
    assert ["alice", "bob", "carol"] == list(
        dict.fromkeys(name for name in profile.signers() if name)
    )


@pytest.mark.parametrize(
    "name", [name for name in WAYS if name not in ("chain", "of another session")]
)
def test_profile_of_the_former_user_again(profile, name):
    """What a session got while the profile was another user's isn't kept for it."""
    way = WAYS[name]
    session = way()
    session.credentials()
    profile.belongs_to("bob")
    by_bob = session.refresh().access_key_id
    profile.belongs_to("alice")
    live = key_of(way())
    del session
    collect_garbage()

    assert by_bob not in {live, key_of(way())}


def test_chain_of_the_former_user_again(tmp_path, monkeypatch):
    """The same goes for the last role of a chain whose first one has been refreshed."""
    clock = FakeClock()
    with use_runtime(clock=clock), LocalSTS(clock=clock) as local:
        local.add_role(READER)
        local.add_role(TARGET)
        profile = Profile(local, tmp_path, monkeypatch)
        session = WAYS["chain"]()
        session.credentials()
        profile.belongs_to("bob")
        clock.advance(dt.timedelta(minutes=59, seconds=30))
        by_bob = session.refresh().access_key_id
        profile.belongs_to("alice")
        live = key_of(WAYS["chain"]())
        del session
        collect_garbage()
        again = key_of(WAYS["chain"]())

    assert "bob" in profile.signers()
    assert by_bob not in {live, again}


def test_first_used_by_another_user(profile):
    """A session that is made for one user and first used for another shares nothing."""
    session = WAYS["profile"]()
    profile.belongs_to("bob")
    by_bob = key_of(session)
    profile.belongs_to("alice")
    live = key_of(WAYS["profile"]())
    del session
    collect_garbage()

    assert by_bob not in {live, key_of(WAYS["profile"]())}


@pytest.mark.parametrize("cache", [None, stsession.MemoryCache()])
def test_existing_session_refreshes_with_the_present_key(profile, cache):
    """Also if the files have changed a moment ago."""
    session = stsession.assume(READER, source="p", cache=cache)
    session.credentials()
    session.refresh()
    for name in ("bob", "alice", "bob"):
        profile.belongs_to(name)
        session.refresh()

    assert ["alice", "alice", "bob", "alice", "bob"] == profile.signers()


@pytest.mark.parametrize("lasting", [None, False])
def test_device_of_the_present_user(profile, local, lasting):
    """
    Another user has another MFA device, and no use for the session of the former one.
    """
    devices = {
        device.serial: device for device in map(local.add_mfa_device, ("alice", "bob"))
    }
    session, other = (
        stsession.assume(
            READER,
            source="p",
            mfa_serial="auto",
            mfa_session=lasting,
            mfa_code=lambda serial: devices[serial].code(),
            tags={"number": number},
        )
        for number in "12"
    )
    session.credentials()
    profile.belongs_to("bob")
    session.refresh()
    if lasting is None:
        other.credentials()
    operation = "AssumeRole" if lasting is False else "GetSessionToken"

    assert ["alice", "bob"] == profile.signers(operation)
    assert list(devices) == [
        call.params["SerialNumber"] for call in local.calls(operation)
    ]


def test_same_size_and_time(profile):
    """A file is known by its content."""
    path = os.environ["AWS_SHARED_CREDENTIALS_FILE"]
    old = Path(path).stat()
    former = key_of(WAYS["profile"]())
    alice, bob = (profile.users[name] for name in ("alice", "bob"))
    with Path(path).open("r+") as file:
        text = file.read()
        text = text.replace(alice.access_key_id, bob.access_key_id)
        text = text.replace(alice.secret_access_key, bob.secret_access_key)
        file.seek(0)
        file.write(text)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    new = Path(path).stat()

    assert (old.st_size, old.st_mtime_ns) == (new.st_size, new.st_mtime_ns)
    assert former != key_of(WAYS["profile"]())


def test_same_content(profile):
    """A profile that is written again as it was is the same source."""
    profile.belongs_to("bob")
    profile.belongs_to("alice")
    session = WAYS["profile"]()
    former = key_of(session)
    profile.belongs_to("bob")
    profile.belongs_to("alice")

    assert former == key_of(WAYS["profile"]())
    assert ["alice"] == profile.signers()


def test_environment_of_another_user(local, monkeypatch):
    """A new secret, session token or key is another source."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    keys = set()
    user = local.add_user(name="alice")
    for _ in range(2):
        temporary = stsession.session_token(
            source=local.session(user), cache=None
        ).credentials()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", temporary.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", temporary.secret_access_key)
        monkeypatch.setenv("AWS_SESSION_TOKEN", temporary.session_token)
        keys.add(key_of(stsession.assume(READER, role_session_name="me")))

    assert 2 == len(keys)


def set_credentials(core, key):
    core.set_credentials(key.access_key_id, key.secret_access_key)


def set_attributes(core, key):
    keys = core.get_credentials()
    keys.access_key, keys.secret_key = key.access_key_id, key.secret_access_key


def set_object(core, key):
    core._credentials = Credentials(
        key.access_key_id, key.secret_access_key, method="mine"
    )


@pytest.mark.parametrize("change", [set_credentials, set_attributes, set_object])
def test_keys_of_a_given_session(local, change):
    """A session whose keys have been changed in code is another source."""
    alice, bob = local.add_user(name="alice"), local.add_user(name="bob")
    source = local.session(alice)
    set_credentials(source._session, alice)
    make = partial(stsession.assume, READER, source=source, role_session_name="me")
    former = key_of(make())
    change(source._session, bob)

    assert former != key_of(make())
    assert [alice.access_key_id, bob.access_key_id] == [
        call.access_key_id for call in local.calls("AssumeRole")
    ]


def test_keys_that_are_changed_while_a_session_exists(local):
    """What it gets with the new keys isn't there for a session with the former ones."""
    alice, bob = local.add_user(name="alice"), local.add_user(name="bob")
    source = local.session(alice)
    set_credentials(source._session, alice)
    session = stsession.assume(READER, source=source, role_session_name="me")
    session.credentials()
    set_attributes(source._session, bob)
    by_bob = session.refresh().access_key_id
    set_attributes(source._session, alice)
    again = stsession.assume(READER, source=source, role_session_name="me")

    assert by_bob != key_of(again)


def process_profile(profile, name, runs, key):
    """Write a profile with a credential process that notes its runs."""
    printed = {
        "Version": 1,
        "AccessKeyId": key.access_key_id,
        "SecretAccessKey": key.secret_access_key,
    }
    script = runs.with_suffix(f".{name}.py")
    script.write_text(
        f"import json\nopen({str(runs)!r}, 'a').write({name!r})\n"
        f"print(json.dumps({printed!r}))\n"
    )
    path = os.environ["AWS_SHARED_CREDENTIALS_FILE"]
    with Path(path).open() as file:
        text = file.read().partition("[c]")[0]
    with Path(path).open("w") as file:
        file.write(f"{text}[c]\ncredential_process = {sys.executable} {script}\n")


def test_rewritten_credential_process(profile, tmp_path, monkeypatch, local):
    """
    It is run as soon as the profile names it, and not for other profiles' changes.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
    runs = tmp_path / "runs"
    process_profile(profile, "alice", runs, profile.users["alice"])
    session = stsession.assume(READER, source="c", region="us-east-1")
    session.credentials()
    profile.belongs_to("bob")
    session.refresh()

    assert ["alice", "alice"] == profile.signers()
    assert "alice" == runs.read_text()

    process_profile(profile, "bob", runs, profile.users["bob"])
    session.refresh()

    assert ["alice", "alice", "bob"] == profile.signers()
    assert "alicebob" == runs.read_text()


def test_profile_with_another_kind_of_credentials(
    profile, tmp_path, monkeypatch, local
):
    """
    A profile's keys may give way to a process; the process's surroundings may not.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
    path = os.environ["AWS_SHARED_CREDENTIALS_FILE"]
    session = stsession.assume(READER, source="p", region="us-east-1")
    session.credentials()
    process_profile(profile, "bob", tmp_path / "runs", profile.users["bob"])
    with Path(path).open() as file:
        text = file.read()
    with Path(path).open("w") as file:
        file.write(text[text.index("[c]") :].replace("[c]", "[p]"))
    session.refresh()

    assert ["alice", "bob"] == profile.signers()

    with Path(path).open("w") as file:
        file.write("[p]\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", profile.users["alice"].access_key_id)
    monkeypatch.setenv(
        "AWS_SECRET_ACCESS_KEY", profile.users["alice"].secret_access_key
    )
    session.refresh()

    assert ["alice", "bob", "bob"] == profile.signers()


def test_environment_of_a_profiles_credential_source(profile, monkeypatch):
    """The keys that were there when the session was made sign its requests."""
    with Path(os.environ["AWS_CONFIG_FILE"]).open("a") as config:
        config.write(f"[profile e]\nrole_arn = {READER}\nregion = us-east-1\n")
        config.write("credential_source = Environment\nrole_session_name = me\n")
        config.write(f"endpoint_url = {profile._local.endpoint_url}\n")
    sessions = []
    for name in ("alice", "bob"):
        key = profile.users[name]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
        sessions.append(stsession.from_profile("e"))

    assert 2 == len({key_of(session) for session in sessions})
    assert ["alice", "bob"] == profile.signers()


@pytest.fixture(name="token_file")
def _token_file(local, tmp_path, monkeypatch):
    """A file with tokens, which a profile and the environment name."""
    path = tmp_path / "token"
    config = tmp_path / "config"
    config.write_text(
        f"[default]\nregion = us-east-1\nendpoint_url = {local.endpoint_url}\n"
        f"[profile w]\nrole_arn = {READER}\nregion = us-east-1\n"
        f"endpoint_url = {local.endpoint_url}\nrole_session_name = me\n"
        f"web_identity_token_file = {path}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    local.add_role(READER, web_identity_providers=["https://oidc.example"])
    return path


def by_environment(path, monkeypatch):
    """Assume a role with a web identity of the environment, as botocore finds it."""
    monkeypatch.setenv("AWS_ROLE_ARN", READER)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
    return stsession.assume(TARGET, role_session_name="me")


TOKEN_WAYS = {
    "web_identity": lambda path, _: stsession.web_identity(
        READER, token=path, role_session_name="me"
    ),
    "from_profile": lambda *_: stsession.from_profile("w"),
    "botocore's web identity": by_environment,
    "botocore's web identity in a profile": lambda *_: stsession.assume(
        TARGET, source="w", role_session_name="me"
    ),
}


@pytest.mark.parametrize("way", TOKEN_WAYS.values(), ids=TOKEN_WAYS)
def test_token_of_another_owner(local, token_file, monkeypatch, way):
    """Tokens of one owner are one source, and those of another are another."""

    def make():
        return way(token_file, monkeypatch)

    def write(subject, hours=1):
        lifetime = dt.timedelta(hours=hours)
        token = local.web_identity_token(subject=subject, lifetime=lifetime)
        token_file.write_text(token)

    write("alice")
    session = make()
    by_alice = key_of(session)
    write("alice", hours=2)

    assert by_alice == key_of(make())

    write("bob")

    assert by_alice != key_of(make())

    by_bob = session.refresh().access_key_id
    write("alice")
    live = key_of(make())
    del session
    collect_garbage()

    assert by_bob not in {live, key_of(make())}


@pytest.mark.parametrize("way", ["environment", "profile"])
def test_existing_session_uses_the_present_token(local, token_file, monkeypatch, way):
    """botocore requests credentials again only if the token has another owner."""
    name = "botocore's web identity" + (" in a profile" if way == "profile" else "")
    session = TOKEN_WAYS[name](token_file, monkeypatch)
    for hours, subject in enumerate(["alice", "alice", "mallory", "alice"], 1):
        lifetime = dt.timedelta(hours=hours)
        token = local.web_identity_token(subject=subject, lifetime=lifetime)
        token_file.write_text(token)
        session.refresh()

    assert 3 == local.count("AssumeRoleWithWebIdentity")
    assert 4 == local.count("AssumeRole")


def test_path_with_a_variable(profile, tmp_path, monkeypatch):
    """A file is found where botocore finds it."""
    path = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    monkeypatch.setenv("FOLDER", str(path.parent))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"$FOLDER/{path.name}")
    former = key_of(WAYS["profile"]())
    profile.belongs_to("bob")

    assert former != key_of(WAYS["profile"]())
