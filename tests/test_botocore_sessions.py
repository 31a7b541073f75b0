from __future__ import annotations

import boto3
import botocore.handlers
import botocore.loaders
import botocore.session
import pytest

from botocore.config import Config
from botocore.credentials import Credentials

from stsession._botocore.loader import loader_for
from stsession._botocore.sessions import (
    builtin_handlers,
    copy_settings,
    derive_session,
    usable_profile,
)


@pytest.fixture(name="config_file")
def _config_file(tmp_path, monkeypatch):
    path = tmp_path / "config"
    path.write_text("[profile dev]\nregion = eu-south-1\n[profile prod]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


KEYS = Credentials("AKIA1", "secret")


def loader_of(session):
    return loader_for(session.get_config_variable("data_path"))


def test_search_path_doesn_t_grow():
    """However many sessions boto3 wraps."""
    lengths = set()
    for _ in range(3):
        session = derive_session(
            botocore.session.Session(), credentials=KEYS, handlers=False
        )
        boto3.Session(botocore_session=session)
        lengths.add(len(loader_of(session).search_paths))

    assert 1 == len(lengths)


def test_search_path_of_the_user(tmp_path, monkeypatch):
    """A session that looks elsewhere for models has a loader that does."""
    monkeypatch.setenv("AWS_DATA_PATH", f"{tmp_path}:~/models")
    session = derive_session(
        botocore.session.Session(), credentials=KEYS, handlers=False
    )
    loader = session.get_component("data_loader")
    monkeypatch.delenv("AWS_DATA_PATH")

    assert str(tmp_path) in loader.search_paths
    assert not any(path.startswith("~") for path in loader.search_paths)
    assert loader is not loader_of(botocore.session.Session())


def test_handlers_that_come_later(monkeypatch):
    """moto adds its own when it is imported; sessions made later have them."""
    seen = []
    builtin_handlers()
    later = ("stsession-test", lambda **_: seen.append(1))
    monkeypatch.setattr(
        botocore.handlers,
        "BUILTIN_HANDLERS",
        [*botocore.handlers.BUILTIN_HANDLERS, later],
    )
    builtin_handlers().emit("stsession-test")

    assert [1] == seen


@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_derived_session(config_file, region):
    """Variables, configuration and user agent are copied; the region may be another."""
    source = botocore.session.Session(profile="dev")
    source.set_config_variable("max_attempts", 9)
    source.set_default_client_config(Config(read_timeout=7))
    source.user_agent_name, source.user_agent_version = "app", "1"
    source.user_agent_extra = "extra"
    session = derive_session(source, credentials=KEYS, region=region)

    assert ("dev", region or "eu-south-1", 9) == (
        session.profile,
        session.get_config_variable("region"),
        session.get_config_variable("max_attempts"),
    )
    assert 7 == session.get_default_client_config().read_timeout
    assert ("app", "1", "extra") == (
        session.user_agent_name,
        session.user_agent_version,
        session.user_agent_extra,
    )
    assert KEYS is session.get_credentials()
    assert "eu-south-1" == source.get_config_variable("region")


@pytest.mark.parametrize(("handlers", "expected"), [(True, [1]), (False, [])])
def test_handlers(handlers, expected):
    """It has the other's, or just botocore's; never does it give the other any."""
    source, seen, ours = botocore.session.Session(), [], []
    source.register("stsession-test", lambda **_: seen.append(1))
    session = derive_session(source, credentials=KEYS, handlers=handlers)
    session.register("stsession-ours", lambda **_: ours.append(1))
    session.get_component("event_emitter").emit("stsession-test")
    source.get_component("event_emitter").emit("stsession-ours")

    assert expected == seen
    assert [] == ours


def test_unknown_profile_of_the_environment(monkeypatch):
    """A session with keys of its own doesn't mind it."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    source = botocore.session.Session()

    assert usable_profile(source) is None
    session = derive_session(source, credentials=KEYS, region="eu-west-1")
    assert session.profile is None
    assert session.create_client("sqs")
    assert copy_settings(botocore.session.Session(profile="nobody")).profile is None


def test_configured_like_finds_credentials_alike(config_file, monkeypatch):
    """The other's files, profile and all, and not its credentials."""
    credentials = config_file.with_name("credentials")
    credentials.write_text(
        "[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = secret\n"
    )
    source = botocore.session.Session(profile="dev")
    source.set_config_variable("credentials_file", str(credentials))
    source.set_credentials("AKIAOTHER", "secret")

    assert "AKIADEV" == copy_settings(source).get_credentials().access_key


def emitted(session, event="stsession-test"):
    """What the handlers of a session answer."""
    return [answer for _, answer in session.get_component("event_emitter").emit(event)]


@pytest.mark.parametrize("share_models", [True, False])
@pytest.mark.parametrize("handlers", [True, False])
def test_what_is_registered_stays(share_models, handlers):
    """Handlers, components and variables of one session are seen by no other."""
    source = botocore.session.Session()

    def make():
        return derive_session(
            source, credentials=KEYS, handlers=handlers, share_models=share_models
        )

    before, one, after = make(), make(), None
    one.register("stsession-test", lambda **_: "mine")
    one.register_component("response_parser_factory", "mine")
    one.set_config_variable("region", "eu-south-2")
    one.full_config["profiles"]["mine"] = {}
    after = make()

    assert ["mine"] == emitted(one)
    for other in (source, before, after):
        assert [] == emitted(other)
        assert "mine" != other.get_component("response_parser_factory")
        assert other.get_config_variable("region") is None
        assert "mine" not in other.full_config["profiles"]


def test_builtin_handlers_where_nothing_is_shared():
    """They are registered by botocore itself, and are the same."""
    event = "before-parameter-build.s3.PutObject"
    shared, own = (
        copy_settings(botocore.session.Session(), share_models=share_models)
        .get_component("event_emitter")
        ._emitter
        for share_models in (True, False)
    )

    assert [
        handler.__qualname__ for handler in shared._handlers.prefix_search(event)
    ] == [handler.__qualname__ for handler in own._handlers.prefix_search(event)]
