"""Session tokens, federation tokens and root sessions."""

from __future__ import annotations

import multiprocessing
import pickle

import boto3
import pytest

from botocore.exceptions import ClientError

import stsession

from stsession.exceptions import SourceCredentialsError
from stsession.testing import LocalSTS

from ..children import process_pool
from ..wire import failing
from . import OTHER_ROLE, ROLE
from .timeline import seconds
from .workers import arn_of, read_assertion, read_token


pytestmark = pytest.mark.usefixtures("_runtime")

HOUR = 3_600
MEMBER = "210987654321"
ISSUER = "https://oidc.example"
SAML_PROVIDER = "arn:aws:iam::123456789012:saml-provider/Corp"
TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"

MAKERS = {
    "session": lambda source, **kw: stsession.session_token(source=source, **kw),
    "federation": lambda source, **kw: stsession.federation_token(
        "alice", source=source, policy={"Statement": []}, **kw
    ),
    "root": lambda source, **kw: stsession.assume_root(
        MEMBER, TASK, source=source, **kw
    ),
}
IDENTITIES = {
    "session": "arn:aws:iam::123456789012:user/user",
    "federation": "arn:aws:sts::123456789012:federated-user/alice",
    "root": f"arn:aws:iam::{MEMBER}:root",
}
OPERATIONS = {
    "session": "GetSessionToken",
    "federation": "GetFederationToken",
    "root": "AssumeRoot",
}

each = pytest.mark.parametrize("what", MAKERS)


@pytest.fixture(name="user")
def _user(local):
    local.add_member_account(MEMBER)
    return local.add_user()


@pytest.fixture(name="source")
def _source(local, user):
    return local.session(user)


@each
def test_session(source, user, local, what):
    """It works, and its identity is the expected one."""
    session = MAKERS[what](source)

    assert 5 == session.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"]
    assert IDENTITIES[what] == session.caller_identity().arn
    assert [user.access_key_id] == [
        call.access_key_id for call in local.calls(OPERATIONS[what])
    ]


@each
def test_refreshes(source, local, clock, what):
    """It is refreshed as rarely as its duration allows."""
    session = MAKERS[what](source, duration_seconds=900)
    s3 = session.client("s3")
    while clock.monotonic() < HOUR:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(60))

    assert {200} == {call.status for call in local.calls()}
    assert 6 == local.count(OPERATIONS[what])


@each
@pytest.mark.parametrize("expected", [{"session": 43_200, "federation": 43_200}])
def test_default_duration(source, clock, what, expected):
    """Twelve hours, or a quarter of an hour for root."""
    session = MAKERS[what](source)
    session.credentials()

    assert clock.now() + seconds(expected.get(what, 900)) == session.expires_at


def test_account(source):
    """The account is known if STS returns it."""
    assert "123456789012" == MAKERS["federation"](source).credentials().account_id
    assert MAKERS["session"](source).credentials().account_id is None


@pytest.mark.parametrize("what", ["session", "federation"])
def test_of_a_role(source, local, what):
    """They require a user's keys; the error says so."""
    error = failing(MAKERS[what](stsession.assume(ROLE, source=source)))

    assert isinstance(error, SourceCredentialsError)
    assert "with session credentials" in str(error)
    assert "require an IAM user's long-term access key" in error.hint
    assert not error.retryable


def test_session_with_a_code(source, local, user, clock):
    """One code is enough for roles that require MFA."""
    device = local.add_mfa_device("user")
    local.add_role(OTHER_ROLE, requires_mfa=True)
    codes = []

    def code(serial):
        codes.append(serial)
        return device.code()

    session = stsession.session_token(
        source=source, mfa_serial=device.serial, mfa_code=code
    )
    s3 = session.assume(OTHER_ROLE).client("s3")
    while clock.monotonic() < 8 * HOUR:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(900))

    assert [device.serial] == codes
    assert {200} == {call.status for call in local.calls()}


def test_session_without_a_code(source, local):
    """Without a code they deny the request."""
    local.add_role(OTHER_ROLE, requires_mfa=True)
    error = failing(stsession.session_token(source=source).assume(OTHER_ROLE))

    assert isinstance(error, stsession.AccessDeniedError)
    assert OTHER_ROLE == error.hop


@pytest.mark.parametrize("way", ["assume", "session_token", "federation_token"])
def test_federated_user_may_not_call_sts(source, way):
    """The hint says that no federated user can."""
    federated = stsession.federation_token("alice", source=source)
    session = {
        "assume": lambda: federated.assume(ROLE),
        "session_token": lambda: stsession.session_token(source=federated),
        "federation_token": lambda: stsession.federation_token("bob", source=federated),
    }[way]()
    error = failing(session)

    assert isinstance(error, SourceCredentialsError)
    assert "AccessDenied" == error.code
    assert not error.retryable
    if way == "assume":
        assert "A federated user cannot call IAM or STS" in error.hint
        assert ROLE == error.hop
    else:
        assert "require an IAM user's long-term access key" in error.hint


def test_federated_user_may_not_call_iam(source, local):
    """IAM rejects the key; the request is sent again with another one, once."""
    iam = stsession.federation_token("alice", source=source).client("iam")
    for _ in range(3):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            iam.list_mfa_devices(UserName="user")

    assert 2 == local.count("GetFederationToken")


def test_root_of_another_organization(source, local):
    """The account has to be a member of the organization."""
    error = failing(stsession.assume_root("999999999999", TASK, source=source))

    assert isinstance(error, stsession.AccessDeniedError)
    assert "Could not assume root of 999999999999" in str(error)
    assert "root of 999999999999" == error.hop


def test_root_by_a_role(source, local, clock):
    """The source can be a role of the management account; both are refreshed."""
    session = stsession.assume_root(
        MEMBER, TASK, source=stsession.assume(ROLE, source=source)
    )
    s3 = session.client("s3")
    while clock.monotonic() < 2 * HOUR:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(60))

    assert {200} == {call.status for call in local.calls()}
    assert [ROLE, f"root of {MEMBER}"] == [h.name for h in session.status().hops]


@each
def test_keys_in_code_are_not_pickled(what):
    """A source with keys that were passed in code can't be pickled."""
    source = boto3.Session("AKIAEXAMPLE", "the secret", region_name="eu-west-1")
    with pytest.raises(pickle.PicklingError, match="set by code"):
        pickle.dumps(MAKERS[what](source))


def test_another_process(tmp_path, monkeypatch):
    """
    A session in another process gets credentials of its own.

    The path of a token, or the function that returns it, is pickled, not the token.
    """
    token = tmp_path / "token"
    with LocalSTS() as honest:
        honest.add_member_account(MEMBER)
        honest.add_role(
            ROLE, web_identity_providers=[ISSUER], saml_providers=[SAML_PROVIDER]
        )
        token.write_text(honest.web_identity_token(), encoding="utf-8")
        assertion = tmp_path / "assertion"
        assertion.write_text(honest.saml_assertion(), encoding="utf-8")
        monkeypatch.setenv("AWS_ENDPOINT_URL", honest.endpoint_url)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        monkeypatch.setenv("ASSERTION_PATH", str(assertion))
        source = honest.session(honest.add_user())
        sessions = [make(source) for make in MAKERS.values()]
        sessions += [
            stsession.web_identity(
                ROLE, token=given, role_session_name="pod", cache=None
            )
            for given in (str(token), read_token, None)
        ]
        sessions.append(stsession.saml(ROLE, SAML_PROVIDER, assertion=read_assertion))
        context = multiprocessing.get_context("spawn")
        with process_pool(1, mp_context=context) as pool:
            found = [pool.submit(arn_of, each).result(60) for each in sessions]

        role = "arn:aws:sts::123456789012:assumed-role/Reader"
        assert [
            *IDENTITIES.values(),
            *[f"{role}/pod"] * 3,
            f"{role}/jane@example.com",
        ] == found
        assert 3 == honest.count("AssumeRoleWithWebIdentity")
