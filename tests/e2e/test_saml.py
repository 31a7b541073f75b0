"""SAML assertions, which are valid for five minutes and work once."""

from __future__ import annotations

import pickle

import pytest

import stsession

from stsession.exceptions import CredentialsExpiredError, SourceCredentialsError
from stsession.testing import Fault

from ..wire import failing, full_text
from . import OTHER_ROLE, ROLE
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime", "_ambient")

PROVIDER = "arn:aws:iam::123456789012:saml-provider/Corp"
OPERATION = "AssumeRoleWithSAML"
HOUR = 3_600


@pytest.fixture(name="_role", autouse=True)
def __role(local):
    local.add_role(ROLE, saml_providers=[PROVIDER], trusts=[])
    local.add_role(OTHER_ROLE, trusts=[ROLE])


@pytest.fixture(name="session")
def _session(local):
    """A session whose assertions come from a function."""
    return stsession.saml(ROLE, PROVIDER, assertion=local.saml_assertion)


def sent(local):
    """Return the assertions that were sent."""
    return [call.params["SAMLAssertion"] for call in local.calls(OPERATION)]


def test_session(session, local, clock):
    """Each refresh sends an assertion of its own."""
    s3 = session.client("s3")
    while clock.monotonic() < 3 * HOUR:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(120))

    assert {200} == {call.status for call in local.calls()}
    assert 5 == local.count(OPERATION) == len(set(sent(local)))
    assert session.caller_identity().arn.endswith(
        ":assumed-role/Reader/jane@example.com"
    )
    assert [None] * 5 == [call.access_key_id for call in local.calls(OPERATION)]
    assert "an unsigned request" == session.status().hop.source


def test_choice(local):
    """A role can be chosen from those that an assertion lists."""
    local.add_role(OTHER_ROLE, saml_providers=[PROVIDER])
    assertion = local.saml_assertion()
    roles = {role.role_arn: role for role in stsession.saml_roles(assertion)}
    chosen = roles[OTHER_ROLE]
    session = stsession.saml(chosen.role_arn, chosen.principal_arn, assertion=assertion)

    assert {ROLE, OTHER_ROLE} == set(roles)
    assert ":assumed-role/Writer/" in session.caller_identity().arn


def test_string(local, clock):
    """One assertion is enough for one session duration; then the error has a hint."""
    session = stsession.saml(ROLE, PROVIDER, assertion=local.saml_assertion())
    s3 = session.client("s3")
    while clock.monotonic() < HOUR:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(60))
    with pytest.raises(CredentialsExpiredError, match="has been used") as caught:
        s3.list_objects_v2(Bucket="bucket")

    assert "Pass a function that gets one" in str(caught.value)
    assert 1 == local.count(OPERATION)
    assert 60 == sum(call.status == 200 for call in local.calls("ListObjectsV2"))
    assert sent(local)[0] not in full_text(caught.value)


def test_string_and_an_outage(local, clock):
    """An assertion that STS didn't accept is sent again."""
    session = stsession.saml(ROLE, PROVIDER, assertion=local.saml_assertion())
    local.faults.add(Fault.status(503))
    error = failing(session)
    local.faults.clear()
    clock.advance(seconds(30))

    assert isinstance(error, stsession.StsUnavailableError)
    assert session.credentials()


def test_expired_string(local, clock):
    """An expired assertion is a permanent error."""
    session = stsession.saml(ROLE, PROVIDER, assertion=local.saml_assertion())
    clock.advance(seconds(300))
    error = failing(session)

    assert isinstance(error, SourceCredentialsError)
    assert "must be redeemed within 5 minutes" in str(error)
    assert "Pass a function" in error.hint
    assert not error.retryable
    assert 1 == local.count(OPERATION)


def test_expired_assertion(local, clock):
    """A function that returned an expired assertion is called once more."""
    old = local.saml_assertion()
    clock.advance(seconds(300))
    assertions = iter([old, local.saml_assertion()])
    session = stsession.saml(ROLE, PROVIDER, assertion=lambda: next(assertions))
    session.credentials()

    assert 2 == local.count(OPERATION)


def test_function_with_old_ones(local, clock):
    """It isn't called a third time."""
    old = local.saml_assertion()
    clock.advance(seconds(300))
    error = failing(stsession.saml(ROLE, PROVIDER, assertion=lambda: old))

    assert "ExpiredTokenException" == error.code
    assert error.retryable
    assert ROLE == error.hop
    assert "unsigned" not in str(error)
    assert 2 == local.count(OPERATION)


def test_used_assertion(local):
    """STS rejects an assertion that was used."""
    used = local.saml_assertion()
    stsession.saml(ROLE, PROVIDER, assertion=used).credentials()
    error = failing(stsession.saml(ROLE, PROVIDER, assertion=lambda: used))

    assert "has already been used" in str(error)
    assert not error.retryable


def test_role_that_is_not_in_it(local):
    """The hint is about the provider."""
    error = failing(
        stsession.saml(OTHER_ROLE, PROVIDER, assertion=local.saml_assertion)
    )

    assert isinstance(error, stsession.AccessDeniedError)
    assert "names the identity provider" in error.hint


def test_function_that_fails(local, clock):
    """While there are credentials, requests don't fail."""
    answers = [local.saml_assertion]

    def login():
        return answers[-1]()

    session = stsession.saml(ROLE, PROVIDER, assertion=login)
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")
    answers.append(lambda: 1 / 0)
    clock.advance(seconds(3_000))
    s3.list_objects_v2(Bucket="bucket")

    assert "ZeroDivisionError" in session.status().hop.last_error

    answers.pop()
    clock.advance(seconds(300))
    s3.list_objects_v2(Bucket="bucket")

    assert session.status().hop.last_error is None
    assert 2 == local.count(OPERATION)


def test_chain(session, local, clock):
    """The role assumes another one."""
    s3 = session.assume(OTHER_ROLE).client("s3")
    while clock.monotonic() < 4 * HOUR:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(300))

    assert {200} == {call.status for call in local.calls()}


def test_string_is_not_pickled(local):
    """The error says what can be pickled."""
    assertion = local.saml_assertion()
    session = stsession.saml(ROLE, PROVIDER, assertion=assertion)
    with pytest.raises(pickle.PicklingError, match="assertion is a secret") as caught:
        pickle.dumps(session)

    assert "Pass a function that the other process can import" in str(caught.value)
    assert assertion not in full_text(caught.value)


def test_function_that_cannot_be_pickled():
    """The error names the function."""
    session = stsession.saml(ROLE, PROVIDER, assertion=lambda: "assertion")
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(session)
