from __future__ import annotations

import datetime as dt
import logging
import os
import sys
import threading
import time

from functools import partial
from pathlib import Path

import boto3
import botocore.session
import pytest

from botocore.config import Config
from botocore.exceptions import ConfigParseError

import stsession

from stsession import FailureKind, SourceCredentialsError, TemporaryCredentials
from stsession._sources.find import find_source
from stsession.testing import Fault, LocalSTS

from .children import in_a_fork, run_child
from .wire import (
    HUB,
    READER,
    REGION,
    TARGET,
    collect_garbage,
    core_of,
    failing,
    full_text,
    minutes,
    profile_session,
    source_of,
)


@pytest.fixture(name="files")
def _files(tmp_path, monkeypatch):
    """AWS's two files; what is written into them."""
    paths = tmp_path / "config", tmp_path / "credentials"
    for name, path in zip(
        ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"], paths, strict=True
    ):
        path.touch()
        monkeypatch.setenv(name, str(path))
    return paths


def keys(name, key, *more):
    """A profile of the credentials file."""
    return "\n".join(
        [
            f"[{name}]",
            f"aws_access_key_id = {key}",
            "aws_secret_access_key = secret",
            *more,
            "",
        ]
    )


def signers(stub):
    return [call.access_key_id for call in stub.requests]


def stub_client(session, stub):
    """Send the requests of a session that was made without *stub* there."""
    client = session._source.client(REGION, session._refreshers[0].fetch.endpoint)
    client.meta.events.register("before-send.sts", stub)


# -- What a source is -----------------------------------------------------------------


@pytest.mark.parametrize("core", [False, True], ids=["boto3", "botocore"])
def test_session_of_the_sdk(stub, core):
    """Its credentials sign."""
    source = source_of(stub)
    stsession.assume(READER, source=core_of(source) if core else source).credentials()

    assert ["AKIASOURCE"] == signers(stub)


@pytest.mark.parametrize("core", [False, True], ids=["aioboto3", "aiobotocore"])
def test_async_session(core):
    """It can't sign the requests of a client that isn't async."""

    class AioSession(botocore.session.Session):
        async def get_credentials(self):
            pytest.fail("it isn't called")

    session = AioSession()
    source = session if core else boto3.Session(botocore_session=session)
    with pytest.raises(stsession.InvalidRequestError) as caught:
        stsession.assume(READER, source=source)

    assert "source is of type AioSession, which is async." in str(caught.value)
    assert "Pass a boto3 session" in caught.value.hint


def test_profile_name(files):
    """The source is the profile, with its region."""
    files[0].write_text(f"[profile dev]\nregion = {REGION}\n")
    session = stsession.assume(READER, source="dev")

    assert REGION == session.region_name
    assert 'profile "dev"' == session.status().hop.source


@pytest.mark.parametrize(("profiles", "names"), [((), "none"), ("ba", "a, b")])
@pytest.mark.parametrize("way", ["source", "name"])
def test_unknown_profile(files, way, profiles, names):
    """The error names those that exist."""
    files[1].write_text("".join(keys(name, "AKIADEV") for name in profiles))
    ways = {
        "name": stsession.from_profile,
        "source": lambda profile: stsession.assume(READER, source=profile),
    }
    matching = f"contain: {names}"
    with pytest.raises(stsession.InvalidRequestError, match=matching) as caught:
        ways[way]("prod")

    assert 'There is no profile "prod".' in str(caught.value)
    assert way == caught.value.parameter


def test_unknown_profile_in_the_environment(monkeypatch):
    """The same if the environment names it."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(stsession.InvalidRequestError, match='no profile "nobody"'):
        stsession.assume(READER)


@pytest.mark.parametrize("way", ["profile", "boto3", "keys", "function"])
def test_bad_profile_in_the_environment(stub, files, monkeypatch, way):
    """It doesn't matter beside an explicit source."""
    files[1].write_text(keys("dev", "AKIADEV"))
    source = {
        "profile": lambda: "dev",
        "boto3": lambda: profile_session(stub, "dev"),
        "keys": lambda: source_of(stub),
        "function": lambda: (
            lambda: {"AccessKeyId": "AKIADEV", "SecretAccessKey": "secret"}
        ),
    }[way]()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    session = stsession.assume(READER, source=source, sts_region=REGION)
    if way in {"profile", "function"}:
        stub_client(session, stub)
    session.credentials()

    assert ["AKIASOURCE" if way == "keys" else "AKIADEV"] == signers(stub)
    assert session.client("s3", region_name=REGION)


@pytest.mark.parametrize("way", ["profile", "session"])
def test_no_falling_back(stub, files, monkeypatch, way):
    """For a profile without credentials, no others are used."""
    files[0].write_text("[profile empty]\nregion = eu-south-1\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    source = "empty" if way == "profile" else profile_session(stub, "empty")
    error = failing(stsession.assume(READER, source=source))

    assert isinstance(error, SourceCredentialsError)
    assert 'profile "empty"' in str(error)
    assert 0 == stub.attempts


def given():
    """A source that is a function."""


UNREADABLE = {
    "profile": (lambda: stsession.assume(READER, source="dev"), "source"),
    "default": (lambda: stsession.assume(READER), "source"),
    "session": (
        lambda: stsession.assume(READER, source=botocore.session.Session()),
        "source",
    ),
    "function": (lambda: stsession.assume(READER, source=given), None),
    "from_profile": (lambda: stsession.from_profile("dev"), "name"),
    "web_identity": (lambda: stsession.web_identity(READER, token=given), None),
    "saml": (
        lambda: stsession.saml(
            READER, "arn:aws:iam::123456789012:saml-provider/Idp", assertion=given
        ),
        None,
    ),
    "session_token": (stsession.session_token, "source"),
    "federation_token": (lambda: stsession.federation_token("jane"), "source"),
    "fleet": (lambda: stsession.Fleet([READER]), "source"),
    "fleet of a function": (lambda: stsession.Fleet([READER], source=given), None),
}


@pytest.mark.parametrize("way", UNREADABLE)
def test_file_that_cannot_be_read(tmp_path, monkeypatch, way):
    """The error is ours, and names the file, whichever function reads it."""
    path = tmp_path / "config"
    path.write_text("[profile dev]\n[profile dev]\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    make, parameter = UNREADABLE[way]
    with pytest.raises(stsession.InvalidRequestError) as caught:
        make()

    assert parameter == caught.value.parameter
    assert str(path) in str(caught.value)
    assert isinstance(caught.value.__cause__, ConfigParseError)


UNPARSABLE = {
    "no bracket": ("[default\nregion = planted", "Check line 1: each line"),
    "no bracket later": ("[default]\n[profile planted\n", "Check line 2: each line"),
    "no key": ("[default]\nregion = x\nplanted\n", "Check line 3: each line"),
    "section twice": ("[planted]\n\n[planted]\n", "Check line 3: each line"),
    "key twice": ("[a]\nplanted = 1\nplanted = 2\n", "Check line 3: each line"),
    "below a key": ("[default]\ns3 =\n  planted\n", "Check the lines: each line"),
    "no text": ("[default]\nregion = planted\udcff\n", "Save it as UTF-8."),
}


@pytest.mark.parametrize("what", UNPARSABLE)
@pytest.mark.parametrize("later", [False, True])
def test_line_that_cannot_be_read(files, what, later):
    """
    The hint has its number; its contents, which may be a key, are nowhere.

    The file may also become unreadable before the source is used.
    """
    text, hint = UNPARSABLE[what]
    files[1].write_text(keys("dev", "AKIADEV"))
    make = partial(stsession.assume, READER, source="dev", sts_region=REGION)
    session = make() if later else None
    files[0].write_text(text, encoding="utf-8", errors="surrogateescape")
    if session is None:
        with pytest.raises(stsession.InvalidRequestError) as caught:
            make()
        error = caught.value
    else:
        error = failing(session)
        assert isinstance(error, SourceCredentialsError)
        assert str(files[0]) in str(error)

    assert error.hint.startswith(hint)
    assert "planted" not in full_text(error)


@pytest.mark.parametrize(
    ("process", "said"),
    [
        ("/nonexistent/tool", "FileNotFoundError: [Errno 2] No such file"),
        ("NOT_EXECUTABLE", "PermissionError: [Errno 13] Permission denied"),
        ("echo planted", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)."),
        ("echo '[]'", "AttributeError was raised."),
    ],
)
def test_credential_process_that_cannot_work(files, process, said):
    """The error names the profile and what to check, and quotes no output."""
    command = process.replace("NOT_EXECUTABLE", str(files[1]))
    files[0].write_text(f"[profile ci]\ncredential_process = {command}\n")
    error = failing(stsession.assume(READER, source="ci", sts_region=REGION))

    assert isinstance(error, SourceCredentialsError)
    assert f'Could not get credentials from profile "ci". {said}' in str(error)
    assert "credential_process" in error.hint
    assert not error.retryable
    assert "planted" not in full_text(error)


@pytest.mark.parametrize(
    ("role", "options"),
    [
        (READER, {"share_models": False}),
        (READER, {"mfa_serial": "arn:aws:iam::123456789012:mfa/ci"}),
        ([READER, TARGET], {}),
    ],
)
def test_file_that_can_no_longer_be_read_by_another(files, role, options):
    """A further session may be without what others share."""
    files[0].write_text("[profile dev]\nregion = eu-west-1\n")
    first = stsession.assume(READER, source="dev")
    files[0].write_text("[profile dev]\n[profile dev]\n")
    with pytest.raises(stsession.InvalidRequestError, match="may occur twice"):
        stsession.assume(role, source="dev", **options)

    assert "eu-west-1" == first.region_name


def test_no_credentials_anywhere(stub):
    """There are no credentials anywhere."""
    error = failing(stsession.assume(READER, source=profile_session(stub), region="x"))

    assert isinstance(error, SourceCredentialsError)
    assert not error.retryable
    assert "aws configure" in error.hint


# -- What carries over ----------------------------------------------------------------


def test_configuration_carries_over(stub, files, tmp_path):
    """Retries, FIPS, endpoints, CA bundle and proxies, to STS and to the clients."""
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    files[0].write_text(
        f"""[profile dev]
region = us-east-2
retry_mode = adaptive
max_attempts = 7
use_fips_endpoint = true
ca_bundle = {bundle}
s3 =
  addressing_style = path
"""
    )
    files[1].write_text(keys("dev", "AKIADEV"))
    source = profile_session(stub, "dev")
    core_of(source).set_default_client_config(
        Config(proxies={"https": "http://proxy:3128"}, user_agent_extra="app/1")
    )
    session = stsession.assume(READER, source=source, cache=None)
    session.credentials()
    s3 = session.client("s3")
    sts = session._source.client("us-east-2", session._refreshers[0].fetch.endpoint)

    assert "sts-fips.us-east-2.amazonaws.com" == stub.requests[0].host
    assert "us-east-2" == session.region_name
    assert "https://s3-fips.us-east-2.amazonaws.com" == s3.meta.endpoint_url
    assert ("adaptive", 7) == (
        s3.meta.config.retries["mode"],
        s3.meta.config.retries["total_max_attempts"],
    )
    assert "path" == s3.meta.config.s3["addressing_style"]
    for client in (s3, sts):
        assert {"https": "http://proxy:3128"} == client.meta.config.proxies
        assert "app/1" in client.meta.config.user_agent
        assert str(bundle) == client._endpoint.http_session._verify


def test_endpoint_url_carries_over(files):
    """A profile for an emulator does for STS and for the session's clients."""
    files[0].write_text("[profile dev]\nendpoint_url = http://localhost:4566\n")
    files[1].write_text(keys("dev", "AKIADEV"))
    session = stsession.assume("arn:aws:iam:::role/x", source="dev", region="eu-west-1")
    client = session._source.client("eu-west-1", session._refreshers[0].fetch.endpoint)

    assert "http://localhost:4566" == client.meta.endpoint_url
    assert "http://localhost:4566" == session.client("sqs").meta.endpoint_url


def test_the_users_session_isn_t_touched(stub):
    """Neither its handlers nor its variables change."""
    source = source_of(stub)
    core = core_of(source)
    core.set_config_variable("profile", None)

    def handlers():
        """What would be called at some events."""
        emitter = core.get_component("event_emitter")._emitter
        return {
            event: len(emitter._handlers.prefix_search(event))
            for event in [
                "before-send.sts.AssumeRole",
                "request-created.s3.GetObject",
                "needs-retry.s3.GetObject",
                "needs-retry.sts.AssumeRole",
                "creating-client-class.s3",
            ]
        }

    before = handlers(), core.instance_variables(), core.get_component("data_loader")
    session = stsession.assume(READER, source=source, region="us-west-2")
    session.credentials()
    session.client("s3")

    assert before == (
        handlers(),
        core.instance_variables(),
        core.get_component("data_loader"),
    )
    assert "AKIASOURCE" == source.get_credentials().access_key


def test_the_users_handlers(stub):
    """They are called for STS, not for the new session's clients."""
    source, seen = source_of(stub), []
    source.events.register("before-sign", lambda **kw: seen.append(kw["signing_name"]))
    session = stsession.assume(READER, source=source)
    session.credentials()
    s3 = session.client("s3")
    s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})

    assert ["sts"] == seen


# -- Resolved once --------------------------------------------------------------------


def test_profile_role_is_a_role(files):
    """What botocore assumed is known to be a role, so the most is an hour."""
    with LocalSTS() as sts:
        sts.add_role(HUB)
        sts.add_role(READER)
        sts.write_profile(files[0].parent, key=sts.add_user(), name="user")
        with files[0].open("a") as config:
            config.write(
                f"[profile hub]\nrole_arn = {HUB}\nsource_profile = user\n"
                f"region = us-east-1\nendpoint_url = {sts.endpoint_url}\n"
            )
        session = stsession.assume(READER, source="hub", duration_seconds="max")
        session.credentials()
        [call] = sts.calls("AssumeRole", role_arn=READER)

        assert "3600" == call.params["DurationSeconds"]
        left = session._source.prepare()
        assert left == pytest.approx(3600, abs=20)
        assert "its credentials expire at" in session._source.describe(0)


def test_file_that_is_broken_for_a_while(stub, files, caplog):
    """What has been read before serves, with a warning."""
    files[1].write_text(keys("dev", "AKIAOLD"))
    session = stsession.assume(READER, source=profile_session(stub, "dev"))
    session.credentials()
    files[1].write_text("")
    session.refresh()

    assert ["AKIAOLD", "AKIAOLD"] == signers(stub)
    assert "could not reload the credentials" in caplog.text


REJECTED = {
    "profile": (keys("dev", "AKIADEV"), FailureKind.SOURCE_EXPIRED, 2),
    "copied temporary keys": (
        keys("dev", "ASIADEV", "aws_session_token = token"),
        FailureKind.SOURCE,
        2,
    ),
    "keys in code": (None, FailureKind.SOURCE, 1),
}


@pytest.mark.parametrize("what", REJECTED)
def test_rejected_source(stub, files, what):
    """
    Its credentials are looked up again once, and the request is sent once more.

    Keys in code can't be looked up, and copied temporary keys are never renewed.
    """
    text, kind, attempts = REJECTED[what]
    source = source_of(stub)
    if text is not None:
        files[1].write_text(text)
        source = profile_session(stub, "dev")
    session = stsession.assume(READER, source=source, sts_region=REGION)
    stub.goes_down(Fault.error("ExpiredToken", status=403))
    error = failing(session)

    assert (kind, attempts) == (error.kind, stub.attempts)
    assert (kind is FailureKind.SOURCE_EXPIRED) is error.retryable
    if what == "profile":
        assert 'Renew the credentials of a session of profile "dev"' in error.hint


def test_event_of_a_rejected_source(stub, files):
    """A source that had to be looked up again is an event."""
    files[1].write_text(keys("dev", "AKIADEV"))
    names = []
    session = stsession.assume(
        READER,
        source=profile_session(stub, "dev"),
        on_event=lambda event: names.append(event.name),
    )
    stub.fail_next(1, Fault.error("ExpiredToken", status=403))
    session.credentials()

    assert ["started", "succeeded", "source_resolved_again"] == names


def test_rejected_hop(stub, clock):
    """The role in the middle is refreshed once, and the last request sent again."""
    session = stsession.assume([HUB, TARGET], source=source_of(stub))
    session.credentials()
    first_hub = stub.issued[0].access_key_id
    clock.advance(minutes(30))
    stub.fail_next(1, Fault.error("ExpiredToken", status=403))
    session.refresh()

    assert [HUB, TARGET, TARGET, HUB, TARGET] == [
        call.params["RoleArn"] for call in stub.requests
    ]
    assert first_hub == stub.requests[2].access_key_id
    assert stub.issued[2].access_key_id == stub.requests[4].access_key_id


def test_expiration_of_a_hop(stub, clock):
    """It is in messages, but concerns the next role only if there may be no others."""
    session = stsession.assume([HUB, TARGET], source=source_of(stub))

    assert session._source.invalidate()  # without effect, as there is nothing yet
    assert HUB == session._source.describe(0)
    session.credentials()
    assert (
        f"{HUB} (its credentials expire at 2026-01-01 01:00:00 UTC)"
    ) == session._source.describe(clock.wall())
    assert session._source.prepare() is None
    stub.goes_down()
    with pytest.raises(stsession.StsUnavailableError):
        session._refreshers[0].refresh()
    assert 3600 == session._source.prepare()


# -- Functions ------------------------------------------------------------------------


SOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone.utc)

GIVEN = {
    "STS's words": {
        "AccessKeyId": "ASIAGIVEN",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": "2026-01-01T12:00:00Z",
        "AccountId": "123456789012",
    },
    "botocore's words": {
        "access_key": "ASIAGIVEN",
        "secret_key": "secret",
        "token": "token",
        "expiry_time": SOON.isoformat(),
        "account_id": "123456789012",
    },
    "ours": TemporaryCredentials(
        access_key_id="ASIAGIVEN",
        secret_access_key="secret",
        session_token="token",
        expires_at=SOON,
        account_id="123456789012",
    ),
}
GIVEN["with another zone"] = {
    **GIVEN["STS's words"],
    "Expiration": SOON.astimezone(dt.timezone(dt.timedelta(hours=2))),
}
GIVEN["without a zone"] = {
    **GIVEN["STS's words"],
    "Expiration": "2026-01-01T12:00:00",
}


@pytest.fixture(name="_far_east")
def __far_east(monkeypatch):
    if not hasattr(time, "tzset"):
        yield
        return
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("words", GIVEN)
@pytest.mark.usefixtures("clock", "_far_east")
def test_function(words):
    """It may return our credentials, or a dict with the keys of STS or of botocore."""
    source = find_source(lambda: GIVEN[words])
    source.prepare()
    ours = GIVEN["ours"]

    assert (
        ours.access_key_id,
        ours.secret_access_key,
        ours.session_token,
        ours.account_id,
    ) == source.signer.credentials.get_frozen_credentials()
    assert SOON.timestamp() == source.signer.expiration(0)


def test_function_signs(stub, clock):
    """It is called again shortly before its credentials expire."""
    asked = []

    def vault():
        asked.append(clock.now())
        return {
            "AccessKeyId": f"ASIAVAULT{len(asked)}",
            "SecretAccessKey": "secret",
            "SessionToken": "token",
            "Expiration": clock.now() + minutes(60),
        }

    session = stsession.assume(READER, source=vault, region=REGION)
    stub_client(session, stub)
    session.credentials()
    clock.advance(minutes(59.5))
    session.refresh()

    assert ["ASIAVAULT1", "ASIAVAULT2"] == signers(stub)
    assert "the function" in session.status().hop.source
    assert "vault()" in session.status().hop.source


def test_undated_credentials_of_a_function():
    """Long-lived keys have no end."""
    source = find_source(lambda: {"AccessKeyId": "AKIA1", "SecretAccessKey": "s"})

    assert source.prepare() is None
    assert "expire" not in source.describe(0)


KEY = {"AccessKeyId": "AKIA1", "SecretAccessKey": "secret-of-the-vault"}


@pytest.mark.parametrize(
    "rubbish",
    [
        None,
        5,
        "AKIA:secret-of-the-vault",
        {},
        {"AccessKeyId": "AKIA1"},
        {"SecretAccessKey": "secret-of-the-vault"},
        {**KEY, "AccessKeyId": 5},
        {**KEY, "SecretAccessKey": b"secret-of-the-vault"},
        {**KEY, "SessionToken": 5},
        {**KEY, "Expiration": "soon"},
        {**KEY, "Expiration": ["soon"]},
    ],
    ids=repr,
)
def test_function_that_returns_rubbish(rubbish):
    """The error has the type and no value; the hint says what to return."""
    session = stsession.assume(READER, source=lambda: rubbish, region=REGION)
    error = failing(session)

    assert isinstance(error, SourceCredentialsError)
    assert type(rubbish).__name__ in str(error)
    assert "secret-of-the-vault" not in str(error)
    assert "AccessKeyId" in error.hint


def test_function_that_raises():
    """What it raised is the cause, and its text isn't quoted."""

    def vault():
        raise LookupError("secret-of-the-vault")

    error = failing(stsession.assume(READER, source=vault, region=REGION))

    assert isinstance(error, SourceCredentialsError)
    assert isinstance(error.__cause__, LookupError)
    assert "raised LookupError" in str(error)
    assert "secret-of-the-vault" not in str(error)


def expiring(at):
    return {"AccessKeyId": "AKIA1", "SecretAccessKey": "secret", "Expiration": at}


def test_function_that_returns_expired_credentials_once(stub, clock):
    """It is called once more at once: its cache may refresh only then."""
    ages = [minutes(-5), minutes(60)]
    source = find_source(lambda: expiring(clock.now() + ages.pop(0)))

    assert 3_600 == source.prepare()
    assert [] == ages


def test_function_that_returns_expired_credentials(clock):
    """The error is about the function and not about the clock."""
    calls = []

    def vault():
        calls.append(clock.now())
        return expiring(clock.now() - minutes(5))

    error = failing(stsession.assume(READER, source=vault, region=REGION))

    assert SourceCredentialsError is type(error)
    assert FailureKind.SOURCE_EXPIRED is error.kind
    assert "vault() returned credentials that expired 5 min ago." in str(error)
    assert [clock.now()] * 2 == calls


# -- Shared ---------------------------------------------------------------------------


def test_one_source_for_a_session(stub):
    """Sessions with one source share its client."""
    source = source_of(stub)
    first = stsession.assume(READER, source=source)
    second = stsession.assume(TARGET, source=source)

    assert first._source is second._source


def test_same_profile_in_another_environment(files, monkeypatch):
    """The environment may lead to other files, or contain other secrets."""
    files[1].write_text(keys("dev", "AKIADEV"))
    first = find_source("dev")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    second = find_source("dev")

    assert first is not second
    assert first.key != second.key
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "rotated")
    third = find_source("dev")
    assert second.key != third.key
    assert "rotated" not in repr(third.key)


def test_dropped_source(stub):
    """Nobody keeps it."""
    import weakref

    source = source_of(stub)
    session = stsession.assume(READER, source=source)
    session.credentials()
    kept = weakref.ref(session._source)
    del session, source
    collect_garbage()

    assert kept() is None


def test_object_without_weak_references():
    """It isn't shared."""

    class Vault:
        __slots__ = ()

        def __call__(self):
            return GIVEN["ours"]

    vault = Vault()

    assert find_source(vault).key != find_source(vault).key


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork(stub):
    """The child has an STS client of its own, and it works."""
    session = stsession.assume(READER, source=source_of(stub))
    session.credentials()
    endpoint = session._refreshers[0].fetch.endpoint
    parents = session._source.client(REGION, endpoint)

    def use():
        child = session._source.client(REGION, endpoint)
        session.refresh()
        return [child is parents, stub.attempts]

    assert [False, 2] == in_a_fork(use)
    assert parents is session._source.client(REGION, endpoint)


def test_source_is_a_botocore_session_of_a_profile(stub, files):
    """It is found again by its profile when the file changes."""
    files[1].write_text(keys("dev", "AKIAOLD"))
    core = botocore.session.Session(profile="dev")
    core.register("before-send.sts", stub)
    session = stsession.assume(READER, source=core, region=REGION)
    session.credentials()
    files[1].write_text(keys("dev", "AKIANEW"))
    session.refresh()

    assert ["AKIAOLD", "AKIANEW"] == signers(stub)


class SessionMaker(logging.Handler):
    """A handler that waits for another thread, which makes a session."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[threading.Thread] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not self.threads:
            keys = boto3.Session("AKIAOTHER", "secret", region_name="eu-west-1")
            make = partial(stsession.assume, HUB, source=keys)
            self.threads.append(threading.Thread(target=make, daemon=True))
            self.threads[0].start()
            self.threads[0].join(10)


def test_handler_that_waits_for_another_session(monkeypatch, caplog):
    """botocore logs when it finds credentials; no lock of ours is held meanwhile."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    handler, logger = SessionMaker(), logging.getLogger("botocore.credentials")
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(handler)
    try:
        stsession.assume(READER, region="eu-west-1")
    finally:
        logger.removeHandler(handler)

    assert [False] == [thread.is_alive() for thread in handler.threads]


FORK = """
import datetime as dt, itertools
import boto3, stsession
from botocore.credentials import DeferredRefreshableCredentials
from stsession.testing import Fault, StubSTS
from tests.children import in_a_fork
from tests.wire import READER, core_of

def refresh():
    end = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1)
    keys = {"access_key": "ASIACODE", "secret_key": "secret", "token": "token"}
    return {**keys, "expiry_time": end.isoformat()}

def use():
    session.refresh()
    return stub.requests[-1].access_key_id

methods = "assume-role", "sts-assume-role"
for method, rejected in itertools.product(methods, [False, True]):
    stub, given = StubSTS(), boto3.Session(region_name="eu-west-1")
    given.events.register("before-send.sts", stub)
    core = core_of(given)
    core._credentials = DeferredRefreshableCredentials(refresh, method)
    session = stsession.assume(READER, source=given, cache=None)
    session.credentials()
    if rejected:  # others are looked for in vain
        stub.faults.add(Fault.error("InvalidClientTokenId", status=403), times=1)
        try:
            session.refresh()
        except stsession.RefreshError:
            pass
    core._credentials._refresh_lock.acquire()
    print(in_a_fork(use))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_with_keys_set_in_code(monkeypatch):
    """
    A child signs with those, even if the environment has others.

    And if a thread of the parent held their lock. The parent is a process of its own,
    as threads of other tests could hold locks of the interpreter or of OpenSSL.
    """
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    done = run_child(
        [sys.executable, "-c", FORK],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )

    assert ["ASIACODE"] * 4 == done.stdout.split(), done.stderr
