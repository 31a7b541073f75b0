"""Where secrets must not show."""

from __future__ import annotations

import contextlib
import copy
import logging
import pickle
import traceback

import boto3
import pytest

from botocore.exceptions import BotoCoreError, ClientError

import stsession

from stsession.testing import Fault

from ..wire import full_text
from . import OTHER_ROLE, ROLE
from .test_frames import (  # noqa: F401 - a fixture
    OPERATIONS,
    World,
    _runtime,
    root,
    token_of_a_file,
)
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime")

EXTERNAL_ID = "the-external-id-of-a-partner"


@pytest.fixture(name="user")
def _user(local):
    return local.add_user()


@pytest.fixture(name="events")
def _events():
    return []


@pytest.fixture(name="session")
def _session(local, user, events):
    """A chain of two, so that session tokens sign requests to STS, too."""
    local.add_role(OTHER_ROLE, external_id=EXTERNAL_ID)
    return stsession.assume(
        [ROLE, OTHER_ROLE],
        source=local.session(user),
        external_id=EXTERNAL_ID,
        on_event=events.append,
    )


@pytest.fixture(name="assert_clean")
def _assert_clean(local, user):
    """A check that none of the secrets is in a text."""

    def assert_clean(text, *, but=()):
        secrets = {user.secret_access_key, EXTERNAL_ID} - set(but)
        for key in local.issued():
            # A token may be cut off, but not after so little.
            secrets |= {key.secret_access_key, key.session_token[16:40]}
        found = [secret for secret in secrets if secret in text]

        assert [] == found, text

    return assert_clean


FAULTS = {
    "denied": Fault.access_denied(),
    "throttled": Fault.throttled(),
    "500": Fault.status(500),
    "html": Fault.html(),
    "half a body": Fault.half_body(),
    "bare": Fault.bare_error(),
    "expired": Fault.expired_answer(),
    "no secret": Fault.missing_fields("SecretAccessKey"),
    "no token": Fault.missing_fields("SessionToken"),
    "no expiration": Fault.missing_fields("Expiration"),
    "empty key": Fault.empty_fields("AccessKeyId"),
    "source refused": Fault.error("InvalidClientTokenId", status=403),
    "reset": Fault.reset(),
}


def test_repr(session, events, assert_clean):
    """No object of ours shows one."""
    credentials = session.credentials()
    things = [
        session,
        session.get_credentials(),
        credentials,
        session.status(),
        session.resource("s3").meta.client,
        session._refreshers,
        session._refresher.record,
        session._refresher._state.backoff,
        session._source,
        *events,
    ]

    assert events
    for thing in things:
        assert_clean(repr(thing))
        assert_clean(str(thing))
        assert_clean(f"{thing}")


def test_pickle(session, events, assert_clean):
    """Nor does a pickle carry any, of sessions or of what tells about them."""
    session = stsession.assume(ROLE, source=None)
    session = stsession.assume(OTHER_ROLE, source=session)
    things = [session, events]

    for thing in things:
        assert_clean(pickle.dumps(thing).decode("latin-1"))


def test_pickle_after_use(local, user, assert_clean, monkeypatch, tmp_path):
    """Not even when there are credentials."""
    files = local.write_profile(tmp_path, key=user, name="dev")
    monkeypatch.setenv("AWS_CONFIG_FILE", files.config_file)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", files.credentials_file)
    session = stsession.assume([ROLE, ROLE], source=boto3.Session(profile_name="dev"))
    session.client("s3").list_objects_v2(Bucket="bucket")

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert_clean(pickle.dumps(session, protocol).decode("latin-1"))


def test_source_with_keys_of_its_own_is_not_pickled(assert_clean):
    """A session whose source holds keys refuses, without showing them."""
    source = boto3.Session("AKIAEXAMPLE", "the secret", region_name="eu-west-1")
    session = stsession.assume(ROLE, source=source)

    with pytest.raises(pickle.PicklingError, match="set by code") as caught:
        pickle.dumps(session)

    assert "the secret" not in str(caught.value)


@pytest.mark.parametrize("do", [pickle.dumps, copy.copy])
def test_credentials_are_not_pickled(do, session):
    """botocore's face of the credentials refuses, too."""
    with pytest.raises(TypeError, match="session"):
        do(session.get_credentials())


def test_signature_that_does_not_match(session, local, assert_clean):
    """STS quotes the request then, with the session token in it; we don't."""
    session.credentials()
    token = local.issued()[0].session_token
    message = (
        "The request signature we calculated does not match the signature you "
        "provided.\n\nThe Canonical String for this request should have been\n"
        f"'POST\n/\n\nx-amz-security-token:{token}\n'"
    )
    local.faults.add(Fault.error("SignatureDoesNotMatch", message, status=403))

    with pytest.raises(stsession.SourceCredentialsError) as caught:
        session.refresh()

    assert_clean("".join(traceback.format_exception(caught.value)))


def use_it_up(session, local, clock):
    """All that can happen to a session."""
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")
    session.caller_identity()
    clock.advance(seconds(3_000))
    s3.put_object(Bucket="bucket", Key="new", Body=b"content")
    clock.advance(seconds(60))
    local.reject_current()
    s3.list_objects_v2(Bucket="bucket")
    for fault in FAULTS.values():
        local.faults.add(fault, operation="AssumeRole", times=1)
        clock.advance(seconds(3_600))
        with contextlib.suppress(BotoCoreError, ClientError):
            s3.list_objects_v2(Bucket="bucket")
        local.faults.clear()
    clock.step_wall(seconds(10_000))
    s3.list_objects_v2(Bucket="bucket")


def text_of(caplog):
    """All that was logged, with tracebacks."""
    formatter = logging.Formatter("%(name)s %(message)s")
    return "\n".join(map(formatter.format, caplog.records))


def test_our_log(session, local, clock, caplog, assert_clean):
    """Our loggers tell none, at any level."""
    caplog.set_level(logging.DEBUG, logger="stsession")

    use_it_up(session, local, clock)

    assert "refreshed" in caplog.text
    assert "refresh failed" in caplog.text
    assert_clean(text_of(caplog))


@pytest.mark.usefixtures("_redacted")
def test_botocore_log(session, local, clock, caplog, assert_clean):
    """With the filter, nor does botocore."""
    caplog.set_level(logging.DEBUG)

    use_it_up(session, local, clock)

    assert "AssumeRole" in caplog.text
    assert_clean(text_of(caplog))


def test_botocore_log_without_the_filter(session, local, caplog):
    """It would otherwise, which is what the filter is for."""
    caplog.set_level(logging.DEBUG)

    session.credentials()

    assert local.issued()[-1].secret_access_key in caplog.text


def test_events(session, local, clock, events, assert_clean):
    """Events carry shortened key IDs and no secret."""
    use_it_up(session, local, clock)

    assert {"started", "succeeded", "failed", "invalidated", "clock_jumped"} <= {
        event.name for event in events
    }
    assert_clean(repr(events))
    for key in local.issued():
        assert key.access_key_id not in repr(events)


PICKLED = (root, token_of_a_file)
"""Operations whose arguments can be pickled, and have no secret."""


@pytest.mark.usefixtures("_redacted")
@pytest.mark.parametrize("make", OPERATIONS, ids=lambda make: make.__name__)
def test_operations(make, local, tmp_path, caplog):
    """No log, repr, event or error of any operation has a secret, nor has a pickle."""
    caplog.set_level(logging.DEBUG)
    world = World(local, tmp_path)
    session = make(world)
    events = []
    session._refresher.events.subscribe(lambda: events.append)
    with contextlib.suppress(stsession.MfaError):  # the code of the command is wrong
        session.credentials()
    texts = list(map(repr, [session, session.status(), session.get_credentials()]))
    local.faults.add(Fault.error("ValidationError", "No."))
    with pytest.raises(stsession.RefreshError) as caught:
        session.refresh()
    for key in local.issued():
        world.secret(key.secret_access_key)
        world.secret(key.session_token)
    texts += [
        text_of(caplog),
        repr(events),
        full_text(caught.value),
        pickle.dumps(caught.value).decode("latin-1"),
    ]
    if make in PICKLED:
        texts.append(pickle.dumps(session).decode("latin-1"))

    assert "refresh failed" in text_of(caplog)
    assert [] == [s for s in world.secrets for text in texts if s in text]
