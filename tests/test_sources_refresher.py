from __future__ import annotations

import datetime as dt
import sys
import textwrap
import threading

from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions as sdk
import pytest

import stsession

from stsession import FailureKind, SourceCredentialsError
from stsession._sources.find import find_source
from stsession._sources.sdk import sdk_refresher
from stsession.testing import FakeClock, use_runtime

from .wire import at_once, full_text, minutes


# Each run gives the key of the next number; what it does stands in a file.
PROCESS = """
import datetime, json, pathlib, sys

here = pathlib.Path(sys.argv[0]).parent
number = len(here.joinpath("runs").read_text()) + 1
here.joinpath("runs").write_text("x" * number)
life = here.joinpath("life").read_text()
if life == "fail":
    sys.exit("no keys today")
key = {
    "AccessKeyId": f"AKIARUN{number}",
    "SecretAccessKey": "ProcessSecret",
    "SessionToken": "token",
    "AccountId": "123456789012",
}
if life != "none":
    ends_at = datetime.datetime.now(datetime.timezone.utc)
    ends_at += datetime.timedelta(minutes=float(life))
    key["Expiration"] = ends_at.isoformat()
print(json.dumps({"Version": 1, **key}))
"""


@pytest.fixture(name="clock")
def _clock():
    """It starts now, since botocore has a clock of its own."""
    clock = FakeClock(dt.datetime.now(dt.timezone.utc))
    with use_runtime(clock=clock, random=lambda: 0.5, submit=at_once):
        yield clock


class Files:
    """A profile "me", and the process that it may name."""

    def __init__(self, path):
        self.path = path
        self.process = f"{sys.executable} {path / 'process.py'}"
        self.path.joinpath("process.py").write_text(PROCESS)
        self.path.joinpath("runs").touch()
        self.lives(60)

    def say(self, *lines):
        text = "\n".join(["[profile me]", *lines, ""])
        self.path.joinpath("config").write_text(textwrap.dedent(text))

    def has_key(self, key, *lines):
        self.say(f"aws_access_key_id = {key}", "aws_secret_access_key = x", *lines)

    def lives(self, life):
        """Have the process give keys that live for so many minutes."""
        self.path.joinpath("life").write_text(str(life))

    @property
    def runs(self):
        return len(self.path.joinpath("runs").read_text())


@pytest.fixture(name="files")
def _files(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return Files(tmp_path)


@pytest.fixture(name="refresher")
def _refresher(clock, files):
    def make():
        return sdk_refresher(find_source("me"))

    return make


def key_of(refresher):
    return refresher.get().credentials.access_key_id


@pytest.mark.parametrize("token", [None, "token"])
def test_keys(files, refresher, token):
    """Keys in a file have no known expiration."""
    files.has_key("AKIAONE", *([f"aws_session_token = {token}"] if token else []))
    mine = refresher()
    credentials = mine.get().credentials

    assert ("AKIAONE", "x", token) == (
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
    )
    assert credentials.expires_at is None
    assert 'profile "me"' == mine.name == mine.source


def test_rejected_keys(files, refresher, clock):
    """
    The file is read again if a service rejects the key, as with botocore.

    Not because time passes. If there are no others, the same stay in use.
    """
    files.has_key("AKIAONE")
    mine = refresher()
    mine.get()
    files.has_key("AKIATWO")
    clock.advance(minutes(60 * 24 * 365))

    assert "AKIAONE" == key_of(mine)
    assert "AKIATWO" == mine.replace_rejected("AKIAONE").credentials.access_key_id
    assert mine.replace_rejected("AKIATWO") is None
    assert "AKIATWO" == key_of(mine)


def test_process(files, refresher, clock):
    """Key, account and expiration of a process are passed on."""
    files.say(f"credential_process = {files.process}")
    credentials = refresher().get().credentials

    assert "AKIARUN1" == credentials.access_key_id
    assert "123456789012" == credentials.account_id
    left = credentials.expires_at - clock.now()
    assert minutes(59) < left < minutes(60.1)


def test_process_that_rotates(files, refresher, clock):
    """In the last quarter of an hour the process is run again, and not before."""
    files.say(f"credential_process = {files.process}")
    mine = refresher()
    mine.get()
    clock.advance(minutes(44))
    before = key_of(mine)
    clock.advance(minutes(3))
    mine.get()

    assert ("AKIARUN1", "AKIARUN2") == (before, key_of(mine))
    assert 2 == files.runs


def test_botocore_refreshes(files, refresher, clock):
    """Where botocore runs the process again by itself, what that gives is taken."""
    files.lives(14.5)
    files.say(f"credential_process = {files.process}")
    mine = refresher()
    first = key_of(mine)
    clock.advance(minutes(10))
    second = key_of(mine)

    assert first != second
    assert f"AKIARUN{files.runs}" == second


def test_process_without_an_end(files, refresher, clock):
    """Keys without an expiration are kept until a service rejects them."""
    files.lives("none")
    files.say(f"credential_process = {files.process}")
    mine = refresher()
    mine.get()
    clock.advance(minutes(600))
    mine.get()
    before = files.runs
    mine.replace_rejected("AKIARUN1")

    assert 1 == before
    assert "AKIARUN2" == key_of(mine)


def test_process_that_fails_later(files, refresher, clock):
    """The current keys are used until they expire; then the error has the reason."""
    files.say(f"credential_process = {files.process}")
    mine = refresher()
    mine.get()
    files.lives("fail")
    clock.advance(minutes(50))
    during = key_of(mine)
    clock.advance(minutes(11))
    with pytest.raises(stsession.RefreshError) as caught:
        mine.get()

    assert "AKIARUN1" == during
    assert "custom-process" in str(caught.value)
    assert 'profile "me"' in str(caught.value)
    assert "ProcessSecret" not in full_text(caught.value)


def test_process_and_threads(files, refresher):
    """Sixteen threads that begin at once run the process once."""
    files.say(f"credential_process = {files.process}")
    mine = refresher()
    barrier = threading.Barrier(16)

    def work(_):
        barrier.wait(60)
        return key_of(mine)

    with ThreadPoolExecutor(16) as pool:
        assert {"AKIARUN1"} == set(pool.map(work, range(16)))

    assert 1 == files.runs


class Broken:
    name = 'profile "me"'

    def __init__(self, error):
        self._error = error

    def prepare(self):
        raise self._error


ERRORS = {
    "SSOTokenLoadError": ({"error_msg": "x"}, FailureKind.SOURCE_EXPIRED, "sso login"),
    "LoginTokenLoadError": (
        {"error_msg": "x"},
        FailureKind.SOURCE_EXPIRED,
        "aws login",
    ),
    "MissingDependencyException": (
        {"msg": "x"},
        FailureKind.SOURCE,
        "Install the package",
    ),
    "InvalidConfigError": ({"error_msg": "x"}, FailureKind.SOURCE, "config file"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_botocore(clock, name):
    """The hint fits the error, which may be permanent."""
    fields, kind, hint = ERRORS[name]
    if not hasattr(sdk, name):
        pytest.skip("This botocore doesn't know it.")

    with pytest.raises(SourceCredentialsError, match='profile "me"') as caught:
        sdk_refresher(Broken(getattr(sdk, name)(**fields))).get()

    assert kind is caught.value.kind
    assert hint in caught.value.hint


def test_error_of_botocore(files, refresher):
    """What botocore raises is the cause, and its class decides what it means."""
    files.lives("fail")
    files.say(f"credential_process = {files.process}")

    with pytest.raises(SourceCredentialsError) as caught:
        refresher().get()

    error = caught.value
    causes = [error.__cause__, error.__cause__.__cause__]
    assert any(isinstance(cause, sdk.CredentialRetrievalError) for cause in causes)
    assert FailureKind.UNKNOWN is error.kind
    assert 'profile "me"' == error.hop
    assert "no keys today" in str(error)


def test_half_a_key(files, refresher):
    """Mistakes in the file are permanent, and the key is named."""
    files.say("aws_access_key_id = AKIAONE")

    with pytest.raises(SourceCredentialsError, match="aws_secret_access_key") as e:
        refresher().get()

    assert FailureKind.SOURCE is e.value.kind


def test_clock_of_the_refresher(files, refresher, clock):
    """Expirations are computed with the clock that the refresher was made with."""
    clock.advance(minutes(60 * 24))
    files.say(f"credential_process = {files.process}")
    mine = refresher()
    with use_runtime(clock=FakeClock()):
        expires_at = mine.get().credentials.expires_at

    assert expires_at > clock.now()
