from __future__ import annotations

import os

import botocore.session
import pytest

from botocore import configloader
from botocore.exceptions import ConfigParseError

from stsession._botocore import config_files as _config_files
from stsession._botocore import sessions
from stsession._botocore.config_files import (
    SETTLED,
    present_versions_of,
    versions_of,
)
from stsession._botocore.sessions import MAX_PARSED, Session, _Parsed
from stsession._sources import files as _files_module


@pytest.fixture(name="files")
def _files(tmp_path, monkeypatch):
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(
        "[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n"
        "[profile dev]\nrole_arn = arn\n[sso-session a]\nsso_region = x\n"
        "[other]\nb = c\n"
    )
    credentials.write_text("[dev]\naws_access_key_id = AKIA1\n[keys]\nd = e\n")
    for path in (config, credentials):
        age(path, 3_600)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    parsed = _Parsed()
    monkeypatch.setattr(sessions, "_parsed", lambda: parsed)
    return config, credentials


@pytest.fixture(name="parsed")
def _parsed(monkeypatch):
    names, real = [], configloader.raw_config_parse

    def parse(name, *args, **kwargs):
        names.append(os.path.basename(name))  # noqa: PTH119
        return real(name, *args, **kwargs)

    monkeypatch.setattr(configloader, "raw_config_parse", parse)
    return names


@pytest.fixture(name="_later", autouse=True)
def __later(monkeypatch):
    """The files' last change, which can't be set by hand, is long ago."""

    class Later:
        def wall(self):
            return real.wall() + 60

    real = _config_files.SystemClock()
    for module in (_config_files, _files_module):
        monkeypatch.setattr(module, "SystemClock", Later)


def age(path, seconds):
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def read():
    return Session().full_config


def test_same_as_botocore_s(files):
    """Profiles, nested sections, and the merging of both files, once and again."""
    expected = botocore.session.Session().full_config

    assert expected == Session().full_config
    assert expected == Session().full_config
    assert {"dev", "default", "keys"} == set(Session().available_profiles)
    assert "eu-west-1" == Session().get_config_variable("region")


def test_parsed_once(files, parsed):
    """However many sessions there are; each has one and the same object for ever."""
    sessions = [Session() for _ in range(5)]

    assert all(s.full_config is s.full_config for s in sessions)
    assert ["config", "credentials"] == parsed


def test_copies(files):
    """A change in one session isn't seen in another."""
    one = Session()
    one.full_config["profiles"]["dev"]["role_arn"] = "mine"
    one.full_config["profiles"]["default"]["s3"]["addressing_style"] = "mine"
    other, third = Session(), Session()
    other.full_config["profiles"].clear()

    assert "arn" == third.full_config["profiles"]["dev"]["role_arn"]
    assert "path" == third.full_config["profiles"]["default"]["s3"]["addressing_style"]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("way", ["written", "replaced"])
def test_changed_file(files, number, way):
    """
    A session that is made after a change sees it, also with the same size and date.
    """
    read()
    path = files[number]
    other = path.with_name("other") if way == "replaced" else path
    stat = path.stat()
    other.write_text(path.read_text().replace("dev", "new"))
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)
    expected = botocore.session.Session().full_config

    assert "new" in expected["profiles"]
    assert expected == Session().full_config


def test_files_come_and_go(files):
    """Both may be missing, and be there later."""
    for path in files:
        path.rename(path.with_suffix(".bak"))

    assert {"profiles": {}} == Session().full_config

    for path in files:
        path.with_suffix(".bak").rename(path)

    assert botocore.session.Session().full_config == Session().full_config


def test_other_files(files, tmp_path, monkeypatch):
    """Each session reads the files that it is configured with."""
    read()
    other = tmp_path / "other"
    other.write_text("[profile other]\n")
    monkeypatch.setenv("OTHER", str(other))
    monkeypatch.setenv("AWS_CONFIG_FILE", "$OTHER")

    assert {"other", "dev", "keys"} == set(Session().available_profiles)

    session = Session()
    session.set_config_variable("credentials_file", str(tmp_path / "none"))

    assert ["other"] == session.available_profiles


def test_fresh_files_aren_t_trusted(files, parsed, monkeypatch):
    """A file may change twice without its date showing it, so it has to settle."""
    now = max(path.stat().st_ctime for path in files)

    class Now:
        def wall(self):
            return now + SETTLED - 0.5

    monkeypatch.setattr(_config_files, "SystemClock", Now)

    assert versions_of(Session()) is None

    read()
    read()

    assert ["config", "credentials"] * 2 == parsed


@pytest.mark.parametrize("number", [0, 1])
def test_unreadable_file(files, number):
    """Each session raises what botocore raises, each time as botocore does."""
    path = files[number]
    good = path.read_text()
    path.write_text("[a\n")
    for _ in range(2):
        theirs, ours = botocore.session.Session(), Session()
        for _ in range(2):
            assert outcome(theirs) == outcome(ours)
    path.write_text(good)

    assert botocore.session.Session().full_config == Session().full_config


def test_name_that_no_file_can_have(files):
    """There is no such file, as for botocore."""
    session = Session()
    session.set_config_variable("config_file", "a\0b")

    assert None in dict(present_versions_of(session)).values()
    assert "default" not in session.full_config["profiles"]


def outcome(session):
    try:
        return session.full_config
    except ConfigParseError as e:
        return str(e)


def test_file_that_appears(files, monkeypatch):
    """The contents of a file that appears meanwhile aren't kept for its absence."""
    config, _ = files
    text, parse = config.read_text(), configloader.raw_config_parse
    config.unlink()

    def parse_late(name, *args, **kwargs):
        config.write_text(text)
        return parse(name, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(configloader, "raw_config_parse", parse_late)

        assert "default" in read()["profiles"]

    config.unlink()

    assert "default" not in read()["profiles"]


def test_few_versions_are_kept(files):
    """They hold secrets."""
    config, _ = files
    for number in range(MAX_PARSED + 3):
        config.write_text(f"[profile p{number}]\n")
        read()

    assert MAX_PARSED == len(sessions._parsed()._entries)
    assert "AKIA1" not in repr(sessions._parsed())
