"""Web identity tokens, in files that are replaced in time, late or never."""

from __future__ import annotations

import os
import pickle

import pytest

import stsession

from stsession.exceptions import CredentialsExpiredError, SourceCredentialsError
from stsession.testing import FakeClock, Fault, LocalSTS

from ..wire import failing, full_text
from . import OTHER_ROLE, ROLE
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime", "_ambient")

ISSUER = "https://oidc.example"
OPERATION = "AssumeRoleWithWebIdentity"
HOUR = 3_600


@pytest.fixture(name="_role", autouse=True)
def __role(local):
    """A role that trusts the provider, and one that trusts the role."""
    local.add_role(ROLE, web_identity_providers=[ISSUER], trusts=[])
    local.add_role(OTHER_ROLE, trusts=[ROLE])


@pytest.fixture(name="replace")
def _replace(local, clock, tmp_path):
    """Put a new token into the file, and return it."""
    path = tmp_path / "token"

    def replace(lifetime=HOUR, **kw):
        token = local.web_identity_token(lifetime=seconds(lifetime), **kw)
        path.write_text(token, encoding="utf-8")
        os.utime(path, (clock.wall(), clock.wall()))
        return token

    return replace


@pytest.fixture(name="path")
def _path(tmp_path, replace):
    replace()
    return tmp_path / "token"


@pytest.fixture(name="session")
def _session(path):
    return stsession.web_identity(ROLE, token=path, role_session_name="pod")


def tokens(local):
    """Return the tokens that were sent."""
    return [call.params["WebIdentityToken"] for call in local.calls(OPERATION)]


def use(session, clock, until, every=150):
    """List a bucket every so many seconds."""
    s3 = session.client("s3")
    while clock.monotonic() < until:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(every))


def served(local):
    """Return whether S3 accepted all requests."""
    return {200} == {call.status for call in local.calls("ListObjectsV2")}


def test_session(session, local):
    """It works without credentials that sign the request."""
    assert 5 == session.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"]
    assert session.caller_identity().arn.endswith(":assumed-role/Reader/pod")
    assert [None] == [call.access_key_id for call in local.calls(OPERATION)]
    assert "an unsigned request" == session.status().hop.source
    assert "123456789012" == session.credentials().account_id


def test_replaced_file(session, replace, path, local, clock):
    """Each refresh sends the current token."""
    sent = [path.read_text(encoding="utf-8")]
    for _ in range(3):
        use(session, clock, clock.monotonic() + HOUR, every=HOUR)
        sent.append(replace())
    use(session, clock, clock.monotonic() + 60)

    assert sent == tokens(local)
    assert served(local)


def test_token_rotated_in_time(session, replace, local, clock):
    """A pod's token is replaced after four fifths of its lifetime: one call an hour."""
    for _ in range(3):
        replace(24 * HOUR)
        for _ in range(int(19.2 * HOUR / 60)):
            session.credentials()
            clock.advance(seconds(60))

    assert 0 == session.status().hop.counters.failures
    # Due after 2,565 s with this jitter, used each minute.
    assert 57.6 * HOUR // 2_580 + 1 == local.count(OPERATION)


def test_expiration_of_the_token(session, replace, clock):
    """A refresh is due two minutes before the token's end, if that's earlier."""
    replace(1_200)
    session.credentials()

    assert clock.now() + seconds(1_200 - 120) == session.status().hop.due_at
    assert clock.now() + seconds(HOUR) == session.expires_at


def test_replaced_when_it_was_over(session, replace, local, clock):
    """A token that is replaced late is used; requests don't fail."""
    use(session, clock, 5_000)
    failures = session.status().hop.counters.failures
    token = replace()
    use(session, clock, 8_000)

    assert failures
    assert token == tokens(local)[-1]
    assert session.status().hop.last_error is None
    assert served(local)


def test_replaced_when_all_was_over(session, path, replace, clock):
    """If the credentials have expired, there are new ones half a minute later."""
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")
    clock.advance(seconds(2 * HOUR))
    with pytest.raises(CredentialsExpiredError, match=str(path)):
        s3.list_objects_v2(Bucket="bucket")
    replace()
    clock.advance(seconds(30))

    assert 5 == s3.list_objects_v2(Bucket="bucket")["KeyCount"]


def test_never_replaced(session, path, local, clock):
    """The credentials are used until they expire; then the error has the reason."""
    use(session, clock, HOUR)
    s3, expires_at = session.client("s3"), session.expires_at
    while clock.now() < expires_at:
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(30))
    with pytest.raises(CredentialsExpiredError) as caught:
        s3.list_objects_v2(Bucket="bucket")
    text = str(caught.value)

    assert expires_at > clock.now() - seconds(31)
    assert f"The token comes from the file {path}, written 105 min ago." in text
    assert (
        "Its claims: exp 2026-01-01 01:00:00 UTC, aud sts.amazonaws.com, "
        "iss https://oidc.example." in text
    )
    assert f"Could not assume {ROLE}" in text
    assert "ExpiredTokenException" == caught.value.code
    assert {200, 400} == {call.status for call in local.calls("ListObjectsV2")}
    for token in tokens(local):
        assert token not in full_text(caught.value)


def test_replaced_at_the_last_moment(session, replace, local, clock):
    """If STS rejects the token as expired, the file is read again."""
    session.credentials()
    clock.advance(seconds(HOUR))
    client = session._source.client("eu-central-1", session._endpoint)
    client.meta.events.register_first(
        "before-send.sts", lambda **_: replace() and None, unique_id="rotation"
    )
    events = []
    session._refresher.events.subscribe(lambda: events.append)
    session.credentials()

    first, second, third = tokens(local)

    assert first == second != third
    assert "source_resolved_again" in [event.name for event in events]


def test_expired_and_unchanged(session, local, clock):
    """The same token isn't sent twice in one attempt."""
    clock.advance(seconds(HOUR))
    error = failing(session)

    assert isinstance(error, SourceCredentialsError)
    assert 1 == local.count(OPERATION)
    assert error.retryable
    assert "unsigned" not in str(error)


def test_function(local, clock):
    """A function is called for each refresh."""
    issued = []

    def issue():
        issued.append(local.web_identity_token())
        return issued[-1]

    session = stsession.web_identity(ROLE, token=issue)
    use(session, clock, 3 * HOUR, every=HOUR)

    assert 3 == len(issued)
    assert issued == tokens(local)


def test_wrong_audience(session, replace, local):
    """The error has the token's audience, and a hint."""
    replace(audience="another.audience")
    error = failing(session)

    assert "Incorrect token audience" in str(error)
    assert "aud another.audience, iss https://oidc.example." in str(error)
    assert "identity provider in IAM" in error.hint
    assert not error.retryable
    assert 1 == local.count(OPERATION)


def test_wrong_issuer(session, replace):
    """The error has the issuer."""
    replace(issuer="https://else.example")

    assert "iss https://else.example" in str(failing(session))


def test_role_that_does_not_trust_the_provider(path, local):
    """The hint is about the trust policy."""
    local.add_role(OTHER_ROLE)
    local.add_role(
        "arn:aws:iam::210987654321:role/Else", web_identity_providers=[ISSUER]
    )
    error = failing(stsession.web_identity(OTHER_ROLE, token=path))

    assert isinstance(error, stsession.AccessDeniedError)
    assert "names the identity provider" in error.hint
    assert "external ID" not in error.hint


def test_file_that_comes_later(session, path, replace, local, clock):
    """A missing file is an error that may pass."""
    path.unlink()
    error = failing(session)
    replace()
    clock.advance(seconds(30))

    assert str(path) in str(error)
    assert error.retryable
    assert session.credentials()
    assert 1 == local.count(OPERATION)


def test_file_that_goes(session, path, local, clock):
    """While there are credentials, requests don't fail."""
    use(session, clock, 60)
    path.unlink()
    use(session, clock, HOUR)

    assert served(local)
    assert f"file {path}. No such file" in session.status().hop.last_error


def test_identity_provider_down_for_a_while(session, replace, local, clock):
    """Requests don't fail during an outage of the provider."""
    session.credentials()
    local.faults.add(Fault.error("IDPCommunicationError"), operation=OPERATION)
    use(session, clock, 3_000)
    local.faults.clear()
    replace()
    use(session, clock, 4_000)

    assert served(local)
    assert session.status().hop.counters.failures
    assert session.status().hop.last_error is None


@pytest.mark.parametrize("ahead", [-7_200, 7_200])
def test_clock_that_is_wrong(ahead, tmp_path, monkeypatch, clock):
    """The token expires by the server's clock."""
    right = FakeClock(clock.now() + seconds(ahead))
    with LocalSTS(clock=right) as local:
        monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
        local.add_role(ROLE, web_identity_providers=[ISSUER])
        path = tmp_path / "other"
        path.write_text(local.web_identity_token(), encoding="utf-8")
        session = stsession.web_identity(ROLE, token=path)
        for _ in range(600):
            session.credentials()
            for each in (clock, right):
                each.advance(seconds(2))

        assert 1 == local.count(OPERATION)


def test_chain(session, replace, local, clock):
    """The role assumes another one, with keys that are always valid."""
    target = session.assume(OTHER_ROLE)
    for _ in range(12):
        use(target, clock, clock.monotonic() + 1_800, every=300)
        replace()

    assert {200} == {call.status for call in local.calls()}
    assert [ROLE, OTHER_ROLE] == [hop.name for hop in target.status().hops]


def test_token_in_place_of_its_file(local):
    """The error doesn't quote the token."""
    token = local.web_identity_token()
    with pytest.raises(stsession.InvalidRequestError) as caught:
        stsession.web_identity(ROLE, token=token)

    assert token[:40] not in full_text(caught.value)
    assert "function that returns it" in caught.value.hint


def test_function_that_cannot_be_pickled(path):
    """The error names the function."""
    session = stsession.web_identity(ROLE, token=lambda: "token")
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(session)
