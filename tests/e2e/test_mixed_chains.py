"""
Chains whose hops get their credentials in different ways, and live differently long.
"""

from __future__ import annotations

import collections
import os

import pytest

import stsession

from stsession.exceptions import CredentialsExpiredError
from stsession.testing import use_runtime

from ..wire import failing, no_thread
from .timeline import seconds


HOUR = 3_600
HOURS = 6

WEB = "arn:aws:iam::123456789012:role/Web"
LOGIN = "arn:aws:iam::123456789012:role/Login"
HUB = "arn:aws:iam::111111111111:role/Hub"
TARGET = "arn:aws:iam::222222222222:role/Target"

ISSUER = "https://oidc.example"
PROVIDER = "arn:aws:iam::123456789012:saml-provider/Corp"

STEP = 15
"""Seconds; a refresh that is due in between would be late."""

TOKEN_LIFE = 900
TOKEN_ROTATION = 720
"""Seconds; kubelet replaces a token at four fifths of its lifetime."""


@pytest.fixture(name="later")
def _later():
    """What is to be done in the background."""
    return collections.deque()


@pytest.fixture(name="_runtime", params=["at once", "later"], autouse=True)
def _installed(request, clock, later):
    """Background refreshes are done at once, or when the caller has continued."""

    def run(task):
        if request.param == "at once":
            task()
        else:
            later.append(task)
        return True

    def wait(event, n):
        while later:
            later.popleft()()

    with use_runtime(
        clock=clock, random=lambda: 0.5, submit=run, spawn=no_thread, wait=wait
    ):
        yield


@pytest.fixture(name="_roles", autouse=True)
def __roles(local, _ambient):
    local.add_role(WEB, web_identity_providers=[ISSUER], trusts=[])
    local.add_role(LOGIN, saml_providers=[PROVIDER], trusts=[])
    local.add_role(HUB, trusts=["123456789012"])
    local.add_role(TARGET, trusts=[HUB])


@pytest.fixture(name="rotate")
def _rotate(local, clock, tmp_path):
    """Replaces the token of a pod when that is due."""
    path = tmp_path / "token"

    def rotate():
        if clock.monotonic() % TOKEN_ROTATION == 0:
            token = local.web_identity_token(lifetime=seconds(TOKEN_LIFE))
            path.write_text(token, encoding="utf-8")
            os.utime(path, (clock.wall(), clock.wall()))
        return path

    rotate()
    return rotate


@pytest.fixture(name="run_for")
def _run_for(local, clock, later, rotate):
    """Use a session for hours; the credentials are read every fifteen seconds."""

    def run_for(session, hours=HOURS):
        s3 = session.client("s3")
        credentials = session.get_credentials()
        end = clock.monotonic() + hours * HOUR
        while clock.monotonic() < end:
            rotate()
            credentials.get_frozen_credentials()
            assert session.remaining > seconds(0)
            if clock.monotonic() % 600 == 0:
                s3.list_objects_v2(Bucket="bucket")
            while later:
                later.popleft()()
            clock.advance(seconds(STEP))

        assert {200} == {call.status for call in local.calls()}
        assert hours * 6 == local.count("ListObjectsV2")

    return run_for


def fetches(session):
    """How often each hop was refreshed; none has failed."""
    counters = [hop.counters for hop in session.status().hops]
    assert [0] * len(counters) == [each.failures for each in counters]
    return [each.successes for each in counters]


def times(life, *, due=None):
    """How often a hop refreshes in six hours, if due *due* seconds before its end."""
    due = (max(life / 4, min(300, life / 3)) * 1.15) if due is None else due
    return -(-HOURS * HOUR // (life - min(due, life / 2)))


def test_web_identity(local, rotate, run_for):
    """15 minutes → 60 → 60: the last role decides when the others are refreshed."""
    session = stsession.web_identity(WEB, token=rotate(), duration_seconds=900).assume(
        [HUB, TARGET]
    )
    run_for(session)

    assert [times(HOUR)] * 3 == fetches(session)


def test_web_identity_alone(rotate, run_for):
    """A role by a token of 15 minutes: due before the token's end."""
    session = stsession.web_identity(WEB, token=rotate())
    run_for(session)
    (web,) = fetches(session)

    assert times(TOKEN_ROTATION, due=0) <= web <= times(TOKEN_LIFE - 120, due=0) + 3


def test_mfa_session(local, clock, run_for):
    """480 minutes → 60 → 60, by one code."""
    device = local.add_mfa_device("user")
    codes = []

    def code(serial):
        codes.append(serial)
        return device.code()

    session = stsession.session_token(
        source=local.session(local.add_user()),
        mfa_serial=device.serial,
        mfa_code=code,
        duration_seconds=480 * 60,
    ).assume([HUB, TARGET])
    run_for(session)

    assert [device.serial] == codes
    assert [1, times(HOUR), times(HOUR)] == fetches(session)


def test_session_token(local, run_for):
    """480 minutes → 15 → 60: a role in the middle isn't kept alive for its own sake."""
    session = (
        stsession.session_token(
            source=local.session(local.add_user()), duration_seconds=480 * 60
        )
        .assume(HUB, duration_seconds=900)
        .assume(TARGET)
    )
    run_for(session)

    # The session's advisory window, 138 minutes, begins within the six hours.
    assert [2, times(HOUR), times(HOUR)] == fetches(session)


def test_saml(local, run_for):
    """15 minutes by SAML → 15 → 15, with an assertion for each refresh."""
    session = (
        stsession.saml(
            LOGIN, PROVIDER, assertion=local.saml_assertion, duration_seconds=900
        )
        .assume(HUB, duration_seconds=900)
        .assume(TARGET, duration_seconds=900)
    )
    run_for(session)

    assert [times(900)] * 3 == fetches(session)


def test_function(local, run_for):
    """Keys of 15 minutes from a function → 60 → 60."""
    user = local.session(local.add_user()).client("sts")
    local.add_role(WEB, min_session_duration=900)

    def vault():
        return user.assume_role(
            RoleArn=WEB, RoleSessionName="vault", DurationSeconds=900
        )["Credentials"]

    session = stsession.assume([HUB, TARGET], source=vault)
    run_for(session)

    assert [times(HOUR)] * 2 == fetches(session)


def test_hop_that_fails(local, clock, rotate, later):
    """The error names the hop that failed."""
    session = stsession.web_identity(WEB, token=rotate()).assume([HUB, TARGET])
    local.add_role(HUB, trusts=["nobody"])
    error = failing(session)

    assert HUB == error.hop
    assert f"Could not assume {HUB}" in str(error)
    assert WEB.rpartition("/")[2] in error.hint

    local.add_role(HUB, trusts=["123456789012"])
    local.add_role(TARGET, trusts=["nobody"])
    clock.advance(seconds(60))
    error = failing(session)

    assert TARGET == error.hop
    assert f"Could not assume {TARGET}" in str(error)


def test_first_hop_that_fails(rotate):
    """The error names a token file that is missing."""
    path = rotate()
    path.unlink()
    session = stsession.web_identity(WEB, token=path).assume([HUB, TARGET])
    error = failing(session)

    assert f"the file {path}" == error.hop
    assert [0, 0, 0] == [hop.generation for hop in session.status().hops]
    assert str(path) in session.status().hops[0].last_error


def test_source_that_never_comes_back(local, clock, rotate, later):
    """The last hop is used until it expires; the error names the one that failed."""
    path = rotate()
    session = stsession.web_identity(WEB, token=path).assume([HUB, TARGET])
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")
    path.write_text("nothing good", encoding="utf-8")
    credentials = session.get_credentials()
    while clock.now() < session.expires_at:
        credentials.get_frozen_credentials()
        while later:
            later.popleft()()
        clock.advance(seconds(60))
    with pytest.raises(CredentialsExpiredError) as caught:
        s3.list_objects_v2(Bucket="bucket")

    assert clock.monotonic() >= HOUR
    assert f"Could not assume {WEB}" in str(caught.value)
    assert f"the file {path}" in str(caught.value)
