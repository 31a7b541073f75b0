from __future__ import annotations

import copy
import multiprocessing
import os
import pickle

from pathlib import Path

import boto3
import botocore.session
import pytest

import stsession

from stsession.testing import FakeClock, LocalSTS, StubSTS, use_runtime

from .children import process_pool
from .wire import HUB, READER, TARGET, minutes, source_of


@pytest.fixture(name="local")
def _local(tmp_path, monkeypatch):
    with LocalSTS() as local:
        for arn in (READER, HUB, TARGET):
            local.add_role(arn)
        files = local.write_profile(tmp_path, key=local.add_user(), name="dev")
        monkeypatch.setenv("AWS_CONFIG_FILE", files.config_file)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", files.credentials_file)
        yield local


def identity(session):
    """
    Whom STS takes the session for, in another process.
    """
    return session.caller_identity().arn, session.status().hop.generation


def vault():
    """
    A source that another process can import.
    """
    return {"AccessKeyId": "AKIAVAULT", "SecretAccessKey": "secret"}


SOURCES = {
    "profile": lambda: "dev",
    "boto3 session": lambda: boto3.Session(profile_name="dev"),
    "botocore session": lambda: botocore.session.Session(profile="dev"),
    "session of ours": lambda: stsession.assume(HUB, source="dev"),
}


def pickled(session):
    """
    The pickle, and the session that comes of it.
    """
    data = pickle.dumps(session)
    return data, pickle.loads(data)


@pytest.mark.parametrize("what", SOURCES)
def test_pickle(local, what):
    """
    It carries the recipe and no secret; what comes of it works.
    """
    session = stsession.assume(
        READER,
        source=SOURCES[what](),
        role_session_name="me",
        tags={"Team": "data"},
        refresh=stsession.RefreshPolicy(advisory=minutes(2)),
        cache=stsession.MemoryCache(),
    )
    session.credentials()
    data, other = pickled(session)

    assert identity(session)[0] == identity(other)[0]
    assert session._recipe.arguments["refresh"] == other._recipe.arguments["refresh"]
    assert "Team" in local.calls("AssumeRole")[-1].params["Tags.member.1.Key"]
    secrets = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).read_text().split()
    for key in local.issued():
        secrets += [key.access_key_id, key.secret_access_key, key.session_token]
    for secret in secrets:
        if len(secret) >= 20:
            assert secret.encode() not in data


@pytest.mark.parametrize(
    ("method", "chain"), [("spawn", [HUB, TARGET]), ("forkserver", READER)]
)
def test_another_process(local, method, chain):
    """
    A pool works with it; the child fetches its own credentials.
    """
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not here")
    # Not by the environment: that of the fork server is as old as itself.
    source = local.session(local.add_user())
    session = stsession.assume(chain, source=source, role_session_name="me")
    session.credentials()
    context = multiprocessing.get_context(method)
    with process_pool(1, mp_context=context) as pool:
        arn, generation = pool.submit(identity, session).result(timeout=60)

    assert arn.endswith("/me")
    assert 1 == generation


def test_session_with_files_of_its_own(local):
    """
    Where it looks for its profile travels, too.
    """
    source = local.session(local.add_user())
    _, other = pickled(stsession.assume(READER, source=source))

    assert identity(other)


def test_function(local):
    """
    It travels as functions do: by name.
    """
    _, other = pickled(stsession.assume(READER, source=vault, region="eu-west-1"))

    assert "vault()" in other.status().hop.source


def test_default_chain():
    """
    No source is no source there, either.
    """
    _, other = pickled(stsession.assume(READER))

    assert "the default credentials" == other.status().hop.source
    _, other = pickled(stsession.assume(READER, source=boto3.Session()))
    assert "the given session" == other.status().hop.source


def test_keys_in_code():
    """
    A pickle must not carry them, and what to do is said.
    """
    session = stsession.assume(READER, source=source_of(StubSTS()))
    with pytest.raises(pickle.PicklingError, match="from a profile or from the env"):
        pickle.dumps(session)


def test_credentials():
    """
    They refuse: both kinds.
    """
    clock = FakeClock()
    with use_runtime(clock=clock):
        session = stsession.assume(READER, source=source_of(StubSTS(clock=clock)))
    for credentials in (session.credentials(), session.get_credentials()):
        with pytest.raises(TypeError, match=r"Pickle the session|pickle or copy the"):
            pickle.dumps(credentials)


def test_deepcopy():
    """
    A copy shares the source, and with it the credentials.
    """
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
    """
    A user's own kind of session.
    """


def test_subclass(local):
    """
    It stays one.
    """
    _, other = pickled(Sub(READER, source="dev"))

    assert isinstance(other, Sub)
    assert isinstance(copy.deepcopy(other), Sub)
