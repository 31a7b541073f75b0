from __future__ import annotations

import json

import botocore.session
import pytest

from botocore import configloader
from botocore.credentials import Credentials
from botocore.exceptions import (
    ConnectTimeoutError,
    MetadataRetrievalError,
)

from stsession._botocore.sessions import profile_session
from stsession._sources.sdk import SdkCredentials
from stsession.exceptions import SourceCredentialsError

from .wire import full_text


class Dated(Credentials):
    """Credentials that botocore would refresh."""

    def __init__(self, left=600.0):
        super().__init__("ASIA1", "secret", "token", method="assume-role")
        self.left = left

    def refresh_needed(self, refresh_in=None):
        return self.left < refresh_in


class Place:
    """Somewhere to look for credentials."""

    def __init__(self, *found, profile=None):
        self.found = list(found)
        self.profile = profile
        self.looked = 0

    def __call__(self):
        self.looked += 1
        session = botocore.session.Session(profile=self.profile)
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]

        def look():
            if isinstance(found, Exception):
                raise found
            return found

        session.get_credentials = look
        return session


def keys(key="AKIA1", method="shared-credentials-file", token=None):
    return Credentials(key, "secret", token, method=method)


def source_keys(place, name):
    """The credentials found there, in surroundings that stay the same."""
    return SdkCredentials(place, name, fingerprint=lambda: None, expected=None)


class Broken(Credentials):
    def __init__(self, error):
        super().__init__("ASIA1", "secret", "token", method="custom-process")
        self.error = error

    def get_frozen_credentials(self):
        raise self.error


FAULTS = [
    (FileNotFoundError(2, "No such file", "/tool"), "FileNotFoundError: [Errno 2] No"),
    (PermissionError(13, "Permission denied"), "PermissionError: [Errno 13] Perm"),
    (
        json.JSONDecodeError("Expecting value", "planted: planted", 0),
        "JSONDecodeError: Expecting value: line 1 column 1",
    ),
    (
        UnicodeDecodeError("utf-8", b"planted", 0, 1, "invalid start byte"),
        "UnicodeDecodeError was raised.",
    ),
    (KeyError("planted"), "KeyError was raised."),
]


@pytest.mark.parametrize(("error", "said"), FAULTS)
def test_broken_provider(error, said):
    """The source is at fault, and neither the error nor its causes quote a secret."""
    with pytest.raises(SourceCredentialsError) as caught:
        source_keys(Place(Broken(error)), 'profile "ci"').get_frozen_credentials()

    assert f'Could not get credentials from profile "ci". {said}' in str(caught.value)
    assert "credential_process" in caught.value.hint
    assert 'profile "ci"' == caught.value.hop
    assert not caught.value.retryable
    assert type(error).__name__ in repr(caught.value.__cause__)
    if not isinstance(error, KeyError):
        assert "planted" not in full_text(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://portal.sso.example"),
        MetadataRetrievalError(error_msg="no answer"),
        ConnectionResetError("reset"),
        TimeoutError("too late"),
    ],
)
def test_network_on_the_way_to_the_source(error):
    """It isn't the source's fault, and stays what it is."""
    with pytest.raises(type(error)) as caught:
        source_keys(Place(Broken(error)), "dev").get_frozen_credentials()

    assert error is caught.value


@pytest.mark.parametrize(
    ("method", "looked"),
    [
        ("assume-role", 2),
        ("config-file", 2),
        ("custom-process", 2),
        ("env", 1),
        ("explicit", 1),
        ("iam-role", 1),
        ("shared-credentials-file", 2),
        ("sso", 2),
    ],
)
def test_read_again(files, method, looked):
    """Credentials of a profile are resolved again if the profile has changed."""
    place = Place(keys("AKIA1", method), keys("AKIA2", method))
    source = source_keys(place, "dev")
    source.resolve()
    write_key(files, "AKIA22")
    source.prepare()

    assert looked == place.looked
    assert f"AKIA{looked}" == source.get_frozen_credentials().access_key


@pytest.mark.parametrize(
    ("found", "renewable"),
    [(keys(), True), (keys(token="token"), False), (Dated(), True)],
    ids=["long-lived", "copied", "refreshing"],
)
def test_renewable(found, renewable):
    """All but copied temporary keys are."""
    source = source_keys(Place(found), "dev")
    source.resolve()

    assert renewable is source.renewable


def test_account():
    """If botocore knows it."""
    mine = Credentials("AKIA1", "secret", account_id="123456789012")

    assert "123456789012" == source_keys(Place(mine), "dev").account_id
    assert source_keys(Place(keys()), "dev").account_id is None


@pytest.mark.parametrize("left", [1.5, 600, 43_200, 7 * 86_400])
def test_remaining(left):
    """It is exact to the second."""
    assert 0 <= left - source_keys(Place(Dated(left)), "dev").prepare() <= 1


@pytest.mark.parametrize("found", [Dated(-5), Dated(9 * 86_400), keys()])
def test_remaining_that_is_unknown(found):
    """They have expired, or are valid for longer than any temporary credentials."""
    place = Place(found)
    source = source_keys(place, "dev")

    assert source.remaining() is None
    assert 0 == place.looked
    assert source.prepare() is None


@pytest.mark.parametrize(
    ("methods", "expected"),
    [(("sso", "sso"), True), (("sso", "env"), False), (("explicit", "sso"), False)],
)
def test_invalidate(methods, expected):
    """Others are looked up, and used if they come from the same place."""
    found = [keys(f"AKIA{n}", method) for n, method in enumerate(methods, 1)]
    source = source_keys(Place(*found), "dev")

    assert expected is source.invalidate()
    assert f"AKIA{1 + expected}" == source.get_frozen_credentials().access_key


def test_unchanged_files_aren_t_read_again(files, monkeypatch):
    """They are looked at when the source is used again, and parsed if they changed."""
    write_key(files, "AKIA1")
    source = source_keys(lambda: profile_session(None), "default")
    parsed, real = [], configloader.raw_config_parse

    def parse(name, *args, **kwargs):
        parsed.append(name)
        return real(name, *args, **kwargs)

    found = [source.get_frozen_credentials().access_key]
    monkeypatch.setattr(configloader, "raw_config_parse", parse)
    for _ in range(5):
        source.prepare()
    found.append(source.get_frozen_credentials().access_key)

    assert [] == parsed

    write_key(files, "AKIA22")
    source.prepare()
    found.append(source.get_frozen_credentials().access_key)

    assert ["AKIA1", "AKIA1", "AKIA22"] == found
    assert str(files) in parsed


@pytest.fixture(name="files")
def _files(tmp_path, monkeypatch):
    files = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(files))
    return files


def write_key(path, key):
    path.write_text(
        f"[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n"
    )
