"""
Sessions as the call that made them: their `repr`, pickles and copies.

Libraries compare arguments by their `repr`; fsspec caches file systems by it.
"""

from __future__ import annotations

import base64
import copy
import datetime as dt
import inspect
import itertools
import json
import os
import pickle
import re
import subprocess
import sys

from functools import partial
from pathlib import Path

import boto3
import botocore.session
import pytest

import stsession

from stsession.testing import FakeClock, LocalSTS, StubSTS, use_runtime

from .children import run_child
from .wire import HUB, READER, TARGET, collect_garbage, minutes, source_of


ROLE = "arn:aws:iam::123456789012:role/Reader"
OTHER = "arn:aws:iam::123456789012:role/Other"
POLICY = {"Version": "2012-10-17", "Statement": []}
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture(name="profiles", autouse=True)
def _profiles(tmp_path, monkeypatch):
    path = tmp_path / "credentials"
    path.write_text(
        "".join(
            f"[{name}]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
            for name in ("default", "a", "b")
        )
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def assume(**kw):
    return stsession.assume(ROLE, **kw)


def token():
    return "a.b.c"


def other_token():
    return "a.b.d"


DIFFERENT = {
    "plain": assume,
    "role": lambda: stsession.assume(OTHER),
    "chain": lambda: stsession.assume([OTHER, ROLE]),
    "chained": lambda: stsession.assume(OTHER).assume(ROLE),
    "profile a": lambda: assume(source="a"),
    "profile b": lambda: assume(source="b"),
    "boto3 a": lambda: assume(source=boto3.Session(profile_name="a")),
    "keys": lambda: assume(source=boto3.Session(KEY, SECRET)),
    "other keys": lambda: assume(source=boto3.Session("AKIA2", SECRET)),
    "function": lambda: assume(source=token),
    "other function": lambda: assume(source=other_token),
    "name": lambda: assume(role_session_name="ci"),
    "external ID": lambda: assume(external_id="b3d9"),
    "policy": lambda: assume(policy=POLICY),
    "other policy": lambda: assume(policy={**POLICY, "Version": "2008-10-17"}),
    "policy ARN": lambda: assume(policy_arns=["arn:aws:iam::aws:policy/A"]),
    "tag": lambda: assume(tags={"tenant": "a"}),
    "other tag": lambda: assume(tags={"tenant": "b"}),
    "transitive": lambda: assume(tags={"tenant": "a"}, transitive_tag_keys=["tenant"]),
    "identity": lambda: assume(source_identity="alice"),
    "duration": lambda: assume(duration_seconds=900),
    "MFA": lambda: assume(mfa_serial="arn:aws:iam::123456789012:mfa/me"),
    "region": lambda: assume(region="eu-west-1"),
    "STS": lambda: assume(sts_region="eu-west-1"),
    "refresh": lambda: assume(refresh=stsession.RefreshPolicy.sdk()),
    "fleet": lambda: stsession.Fleet([ROLE], policy=POLICY).session(ROLE),
    "other fleet": lambda: stsession.Fleet([ROLE]).session(ROLE),
    "web identity": lambda: stsession.web_identity(ROLE, token="t"),
    "token by function": lambda: stsession.web_identity(ROLE, token=token),
    "profile": lambda: stsession.from_profile("a"),
    "other profile": lambda: stsession.from_profile("b"),
    "session token": stsession.session_token,
    "federation token": lambda: stsession.federation_token("me", policy=POLICY),
    "from function": lambda: stsession.from_function(token),
    "from other function": lambda: stsession.from_function(other_token),
    "name of a function": lambda: stsession.from_function(token, name="the broker"),
    "federation tag": lambda: stsession.federation_token("me", tags={"a": "b"}),
}


def test_different_recipes():
    """No two of them have one `repr`."""
    texts = {name: repr(make()) for name, make in DIFFERENT.items()}

    assert [] == [
        pair
        for pair in itertools.combinations(texts, 2)
        if len({*map(texts.get, pair)}) < 2
    ]


def test_fleets():
    """The same goes for fleets."""
    fleets = [
        stsession.Fleet([ROLE]),
        stsession.Fleet([ROLE], policy=POLICY),
        stsession.Fleet([ROLE], source="a"),
        stsession.Fleet({ROLE: {"external_id": "b3d9"}}),
        stsession.Fleet([ROLE], regions=["eu-west-1"]),
    ]

    assert len(fleets) == len({*map(repr, fleets)})
    assert repr(stsession.Fleet([ROLE])) == repr(fleets[0])


def test_credentials():
    """The same goes for the credentials of two sessions."""
    sessions = [assume(), assume(policy=POLICY)]
    first, second = (repr(session.get_credentials()) for session in sessions)

    assert first != second


@pytest.mark.parametrize(
    "makes",
    [
        (lambda: assume(policy=POLICY), lambda: assume(policy=json.dumps(POLICY))),
        (
            lambda: assume(duration_seconds=900),
            lambda: assume(duration_seconds=dt.timedelta(minutes=15)),
        ),
        (
            lambda: assume(tags={"a": "1", "b": "2"}),
            lambda: assume(tags={"b": "2", "a": "1"}),
        ),
        (lambda: assume(cache=None), lambda: assume(share_models=False)),
        (
            lambda: assume(refresh=stsession.RefreshPolicy()),
            lambda: assume(on_event=print),
        ),
        (
            lambda: stsession.web_identity(ROLE, token="t"),
            lambda: stsession.web_identity(ROLE, token=Path("t")),
        ),
        (
            lambda: assume(source=boto3.Session(profile_name="a")),
            lambda: assume(source=botocore.session.Session(profile="a")),
        ),
    ],
    ids=["policy", "duration", "tags", "cache", "refresh", "token", "source"],
)
def test_equal_recipes(makes):
    """Equal arguments have one `repr`, however they are written."""
    assert 1 == len({repr(make()) for make in (*makes, *makes)})


PORTABLE = sorted(
    DIFFERENT.keys()
    - {
        "keys",
        "other keys",
        "function",
        "other function",
        "token by function",
        "from function",
        "from other function",
        "name of a function",
    }
)


SAML_PROVIDER = "arn:aws:iam::123456789012:saml-provider/Idp"
TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"

FUNCTIONS = {
    "assume": (ROLE,),
    "web_identity": (ROLE,),
    "saml": (ROLE, SAML_PROVIDER),
    "session_token": (),
    "federation_token": ("me",),
    "assume_root": ("123456789012", TASK),
    "from_profile": ("a",),
    "from_function": (token,),
}
NEEDED = {"web_identity": {"token": token}, "saml": {"assertion": token}}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_arguments(name):
    """A recipe has all parameters of the function, so that a copy loses none."""
    function = getattr(stsession, name)
    session = function(*FUNCTIONS[name], **NEEDED.get(name, {}), region="eu-west-1")
    _, (_, arguments) = session.__reduce__()

    parameters = inspect.signature(function).parameters.keys() - {"options"}
    assert parameters | {"region"} == arguments.keys()


def test_arguments_that_change_later():
    """A session is pickled and copied as it was made."""
    tags, role_arns = {"Tenant": "one"}, [HUB, READER]
    stub = StubSTS()
    source = source_of(stub)
    session = stsession.assume(role_arns, source=source, tags=tags)
    same = stsession.assume([HUB, READER], source=source, tags={"Tenant": "one"})
    tags["Tenant"] = "two"
    role_arns.append(TARGET)
    copy.deepcopy(session).credentials()

    assert READER == stub.requests[-1].params["RoleArn"]
    assert "one" == stub.requests[-1].params["Tags.member.1.Value"]
    assert repr(same) == repr(session)
    assert repr(session) != repr(stsession.assume(READER, source=source, tags=tags))


def test_copies():
    """They stay the same, in other processes as well."""
    sessions = [DIFFERENT[name]() for name in PORTABLE]
    expected = [*map(repr, sessions)]
    code = "import pickle, sys; print(*pickle.load(sys.stdin.buffer), sep='\\n')"
    printed = run_child(
        [sys.executable, "-c", code],
        input=pickle.dumps(sessions),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    ).stdout.decode()

    assert expected == [*map(repr, copy.deepcopy(sessions))]
    assert expected == printed.splitlines()


@pytest.mark.parametrize("core", [False, True])
def test_keys_that_are_set_later(core):
    """A session keeps its `repr`; one with the other keys has another."""
    source = boto3.Session(KEY, SECRET)
    make = partial(assume, source=source._session if core else source)
    session, late = make(), make()
    text = repr(session)
    source._session.set_credentials("AKIA2", SECRET)
    source._session.set_config_variable("region", "eu-west-2")

    assert text == repr(session) == repr(late)
    assert text != repr(make())


def test_environment(monkeypatch):
    """Without a source, the environment selects one."""
    texts = [repr(assume())]
    for name, value in (("AWS_PROFILE", "a"), ("AWS_ACCESS_KEY_ID", KEY)):
        session = assume()
        monkeypatch.setenv(name, value)

        assert texts[-1] == repr(session)

        texts.append(repr(assume()))

    assert 3 == len({*texts})


def test_functions_without_a_name():
    """Each is another one; none has the number of one that is gone."""

    def make():
        def source():
            return {}

        return repr(assume(source=source))

    first = make()
    collect_garbage()

    assert first != make()


def test_no_secret():
    """It is a digest, and codes aren't in it."""
    serial = "arn:aws:iam::123456789012:mfa/me"
    texts = {
        repr(assume(mfa_serial=serial, mfa_code=code)) for code in ("123456", "654321")
    }
    text = repr(assume(policy=POLICY, external_id="b3d9", tags={"tenant": "acme"}))

    assert 1 == len(texts)
    assert re.fullmatch(
        rf"<RefreshableAssumeRoleSession of {ROLE} by the default credentials "
        r"\([0-9a-f]{16}\)>",
        text,
    )


def jwt(subject):
    claims = {"iss": "https://oidc.example", "sub": subject, "jti": os.urandom(4).hex()}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return f"a.{payload.rstrip('=')}.b"


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    """A folder with a token that the environment names."""
    path = tmp_path / "token"
    path.write_text(jwt("alice"))
    config = tmp_path / "config"
    config.write_text(
        f"[profile w]\nrole_arn = {ROLE}\nweb_identity_token_file = {path}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.chdir(tmp_path)
    return tmp_path


OF_PROFILES = {
    "profile": lambda: assume(source="a"),
    "from_profile": lambda: stsession.from_profile("a"),
    "boto3": lambda: assume(source=boto3.Session(profile_name="a")),
    "chained": lambda: assume(source="a").assume(OTHER),
    "fleet": lambda: stsession.Fleet([ROLE], source="a").session(ROLE),
    "whole fleet": lambda: stsession.Fleet([ROLE], source="a"),
}


@pytest.mark.parametrize("make", OF_PROFILES.values(), ids=OF_PROFILES)
def test_rewritten_profile(make):
    """It is another user's; a new secret, another profile or another region is not."""
    path = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    session, text = make(), path.read_text()
    same = text.replace(SECRET, SECRET[::-1]) + "[c]\n"
    path.write_text(same.replace("[a]", "[a]\nregion = eu-west-1"))

    assert repr(session) == repr(make())

    path.write_text(text.replace(KEY, "AKIAI44QH8DHBEXAMPLE"))

    assert repr(session) != repr(make())

    path.write_text(text)

    assert repr(session) == repr(make())


@pytest.mark.parametrize("make", [*OF_PROFILES.values(), assume])
def test_other_files(monkeypatch, tmp_path, make):
    """A profile in another file is another one."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    path = tmp_path / "other"
    path.write_text(Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).read_text())
    texts = [repr(make())]
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        with monkeypatch.context() as patched:
            patched.setenv(name, str(path))
            texts.append(repr(make()))

    assert 3 == len({*texts})


@pytest.mark.parametrize(
    "make",
    [
        lambda: stsession.web_identity(ROLE, token="token"),
        lambda: stsession.from_profile("w"),
        lambda: assume(source="w"),
        assume,
    ],
    ids=["web_identity", "from_profile", "profile", "environment"],
)
def test_owner_of_a_token(folder, monkeypatch, make):
    """A token of another owner is another identity, another token isn't."""
    if make is assume:
        monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "token"))
    text = repr(make())
    (folder / "token").write_text(jwt("alice"))

    assert text == repr(make())

    (folder / "token").write_text(jwt("mallory"))

    assert text != repr(make())


def with_assertion(text):
    return stsession.saml(
        ROLE, "arn:aws:iam::123456789012:saml-provider/Idp", assertion=text
    )


def with_context(text):
    provider = "arn:aws:iam::aws:contextProvider/IdentityCenter"
    return assume(provided_contexts={provider: text})


def test_secret_arguments():
    """Their digest can't be computed elsewhere, so it doesn't help to guess them."""
    text = "c2VjcmV0" * 4
    code = (
        "from tests.test_sessions_recipes import with_assertion, with_context\n"
        f"print(with_assertion({text!r}), with_context({text!r}), sep='\\n')"
    )
    printed = run_child(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ).stdout.splitlines()

    for make, elsewhere in zip([with_assertion, with_context], printed, strict=True):
        here = repr(make(text))
        assert here == repr(make(text))
        assert here != repr(make(text[::-1]))
        assert here.partition("(")[0] == elsewhere.partition("(")[0]
        assert here != elsewhere


@pytest.fixture(name="local")
def _local(tmp_path, monkeypatch):
    with LocalSTS() as local:
        for arn in (READER, HUB, TARGET):
            local.add_role(arn)
        files = local.write_profile(tmp_path, key=local.add_user(), name="dev")
        monkeypatch.setenv("AWS_CONFIG_FILE", files.config_file)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", files.credentials_file)
        yield local


def vault():
    """A source that another process can import."""
    return {"AccessKeyId": "AKIAVAULT", "SecretAccessKey": "secret"}


SOURCES = {
    "profile": lambda: "dev",
    "boto3 session": lambda: boto3.Session(profile_name="dev"),
    "botocore session": lambda: botocore.session.Session(profile="dev"),
    "session of ours": lambda: stsession.assume(HUB, source="dev"),
}


def pickled(session):
    return pickle.loads(pickle.dumps(session))


@pytest.mark.parametrize("what", SOURCES)
def test_pickle(local, what):
    """It carries the recipe and no secret; what comes of it works."""
    session = stsession.assume(
        READER,
        source=SOURCES[what](),
        role_session_name="me",
        tags={"Team": "data"},
        refresh=stsession.RefreshPolicy(advisory=minutes(2)),
        cache=stsession.MemoryCache(),
    )
    session.credentials()
    data = pickle.dumps(session)
    other = pickle.loads(data)

    assert session.caller_identity() == other.caller_identity()
    assert session._recipe.arguments["refresh"] == other._recipe.arguments["refresh"]
    assert "Team" in local.calls("AssumeRole")[-1].params["Tags.member.1.Key"]
    secrets = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).read_text().split()
    for key in local.issued():
        secrets += [key.access_key_id, key.secret_access_key, key.session_token]
    for secret in secrets:
        if len(secret) >= 20:
            assert secret.encode() not in data


@pytest.mark.parametrize("what", [*SOURCES, "none"])
def test_copies_share(local, what, monkeypatch):
    """Ten copies call STS once, until the source has other credentials."""
    monkeypatch.setenv("AWS_PROFILE", "dev")
    source = None if what == "none" else SOURCES[what]()
    data = pickle.dumps(stsession.assume(TARGET, source=source))
    copies = [pickle.loads(data) for _ in range(10)]
    first = {copy.credentials().access_key_id for copy in copies}
    path = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    local.write_profile(path.parent, key=local.add_user(name="other"), name="dev")
    second = pickle.loads(data).credentials().access_key_id

    assert 1 == len(first)
    assert second not in first
    assert 2 == len(local.issued(role_arn=TARGET))


def test_session_with_files_of_its_own(local):
    """The paths of its files are in the pickle, too."""
    source = local.session(local.add_user())
    other = pickled(stsession.assume(READER, source=source))

    assert other.caller_identity()


def test_other_sources():
    """A function is pickled by its name, and no source as no source."""
    for source, name in (
        (vault, "vault()"),
        (None, "the default credentials"),
        (boto3.Session(), "the given session"),
    ):
        other = pickled(stsession.assume(READER, source=source, region="eu-west-1"))

        assert name in other.status().hop.source


def test_keys_in_code():
    """A pickle must not contain them; the error has a hint."""
    session = stsession.assume(READER, source=source_of(StubSTS()))
    with pytest.raises(pickle.PicklingError, match="from a profile or from the env"):
        pickle.dumps(session)


def test_credentials_cannot_be_pickled():
    """Neither ours nor botocore's."""
    clock = FakeClock()
    with use_runtime(clock=clock):
        session = stsession.assume(READER, source=source_of(StubSTS(clock=clock)))
    for credentials in (session.credentials(), session.get_credentials()):
        with pytest.raises(TypeError, match=r"Pickle the session|pickle or copy the"):
            pickle.dumps(credentials)


def test_deepcopy():
    """A copy shares the source, and with it the credentials."""
    clock = FakeClock()
    stub = StubSTS(clock=clock)
    with use_runtime(clock=clock):
        session = stsession.assume(READER, source=source_of(stub))
        session.credentials()
        other = copy.deepcopy({"session": session})["session"]

    assert other is not session
    assert session.credentials() is other.credentials()
    assert 1 == stub.attempts


class Sub(stsession.RefreshableAssumeRoleSession):
    """A user's own kind of session."""


def test_subclass(local):
    """It stays one."""
    other = pickled(Sub(READER, source="dev"))

    assert isinstance(other, Sub)
    assert isinstance(copy.deepcopy(other), Sub)
