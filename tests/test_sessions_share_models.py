from __future__ import annotations

import copy
import pickle

import boto3
import botocore.handlers
import botocore.session
import pytest

from botocore.loaders import create_loader

import stsession

from stsession._botocore.loader import loader_for
from stsession.testing import LocalSTS

from .wire import HUB, READER, REGION, core_of, params_of, source_of


TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
PROVIDER = "arn:aws:iam::123456789012:saml-provider/Corp"


def assertion():
    return "PHNhbWw+PC9zYW1sPg=="


MADE = {
    "assume": lambda **kw: stsession.assume(READER, source="dev", **kw),
    "RefreshableAssumeRoleSession": lambda **kw: stsession.RefreshableAssumeRoleSession(
        READER, source="dev", **kw
    ),
    "web_identity": lambda **kw: stsession.web_identity(READER, token="/token", **kw),
    "saml": lambda **kw: stsession.saml(READER, PROVIDER, assertion=assertion, **kw),
    "session_token": lambda **kw: stsession.session_token(source="dev", **kw),
    "federation_token": lambda **kw: stsession.federation_token(
        "alice", source="dev", **kw
    ),
    "assume_root": lambda **kw: stsession.assume_root(
        "123456789012", TASK, source="dev", **kw
    ),
    "from_profile": lambda **kw: stsession.from_profile("dev", **kw),
    "from_profile of a role": lambda **kw: stsession.from_profile("reader", **kw),
}


@pytest.fixture(autouse=True)
def _profiles(tmp_path, monkeypatch):
    path = tmp_path / "config"
    path.write_text(
        f"[profile dev]\nregion = {REGION}\n"
        "aws_access_key_id = AKIADEV\naws_secret_access_key = DevSecret\n"
        f"[profile reader]\nregion = {REGION}\n"
        f"source_profile = dev\nrole_arn = {READER}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))


@pytest.fixture(autouse=True)
def _loaders(monkeypatch):
    # Tests share one loader, whoever makes the session; not these.
    monkeypatch.setattr(botocore.session, "create_loader", create_loader)


def loader_of(session):
    return core_of(session).get_component("data_loader")


def shares(session):
    return loader_of(session) is loader_for(
        core_of(session).get_config_variable("data_path")
    )


@pytest.mark.parametrize("name", MADE)
def test_shared(name):
    """All sessions have one loader unless they have their own; so do their copies."""
    shared, alone, other = (MADE[name](share_models=it) for it in (True, False, False))

    assert all(map(shares, [MADE[name](), shared, copy.deepcopy(shared)]))
    assert not any(map(shares, [alone, copy.deepcopy(alone)]))
    assert loader_of(alone) is not loader_of(other)
    assert [False, True] == [
        shares(pickle.loads(pickle.dumps(session))) for session in (alone, shared)
    ]


def test_changed_model():
    """What a program does to the models of one session is seen in no other."""
    alone = MADE["assume"](share_models=False)
    model = loader_of(alone).load_service_model("sqs", "service-2")
    model["operations"]["Conjure"] = model["operations"]["ListQueues"]

    assert hasattr(alone.client("sqs"), "conjure")
    for other in (
        MADE["assume"](),
        MADE["assume"](share_models=False),
        boto3.Session(),
    ):
        assert not hasattr(other.client("sqs", region_name=REGION), "conjure")


def test_handler_taken_away():
    """One of botocore's handlers may be taken from one session; others keep it."""
    event = "before-parameter-build.s3.PutObject"
    alone, *others = (
        MADE["assume"](share_models=False),
        MADE["assume"](share_models=False),
        MADE["assume"](),
    )
    gone = botocore.handlers.validate_bucket_name
    before = [gone in handlers_of(session, event) for session in (alone, *others)]
    alone.events.unregister("before-parameter-build.s3", gone)
    after = [gone in handlers_of(session, event) for session in (alone, *others)]

    assert [True, True, True] == before
    assert [False, True, True] == after


def handlers_of(session, event):
    emitter = core_of(session).get_component("event_emitter")._emitter
    return list(emitter._handlers.prefix_search(event))


def test_further_roles(stub):
    """Sessions that such a session assumes share again, unless they get the option."""
    alone = stsession.assume(HUB, source=source_of(stub), share_models=False)

    assert shares(alone.assume(READER))
    assert not shares(alone.assume(READER, share_models=False))


def test_credentials_are_shared(stub):
    """They are a matter of the cache; the request is the same."""
    source = source_of(stub)
    one = stsession.assume(READER, source=source)
    alone = stsession.assume(READER, source=source, share_models=False)

    assert one.credentials() is alone.credentials()
    alone.refresh()
    assert params_of(stub, 0) == params_of(stub, 1)


def test_signs():
    """A client of such a session works, from signing to the answer."""
    with LocalSTS() as local:
        local.add_role(READER)
        session = stsession.assume(
            READER,
            source=local.session(local.add_user()),
            role_session_name="me",
            share_models=False,
        )
        bucket = session.client("s3", endpoint_url=local.endpoint_url)
        bucket.create_bucket(
            Bucket="things", CreateBucketConfiguration={"LocationConstraint": REGION}
        )

        assert session.caller_identity().arn.endswith(":assumed-role/Reader/me")
