from __future__ import annotations

import datetime as dt
import logging
import weakref

import boto3
import pytest

import stsession

from stsession.testing import Fault

from .wire import READER, REGION, TARGET, collect_garbage, full_text, minutes, source_of


@pytest.fixture(name="session")
def _session(source):
    return stsession.assume(READER, source=source)


def test_a_boto3_session(session):
    """Whatever takes one takes ours."""
    assert isinstance(session, boto3.Session)
    assert isinstance(session, stsession.RefreshableSession)
    assert REGION == session.region_name
    assert session.resource("s3").meta.client.meta.region_name == REGION
    assert "s3" in session.get_available_services()


def test_credentials(session, stub, clock):
    """A record of what STS issued."""
    credentials = session.credentials()
    [key] = stub.issued

    assert (
        key.access_key_id,
        key.secret_access_key,
        key.session_token,
        clock.now() + minutes(60),
        "123456789012",
    ) == (
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        credentials.expires_at,
        credentials.account_id,
    )
    assert credentials is session.credentials()


def test_time_left(session, clock):
    """
    `None` before the first use; then an instant, and a span by a clock of its own.
    """
    assert (None, None) == (session.expires_at, session.remaining)

    session.credentials()
    end = clock.now() + minutes(60)
    clock.advance(minutes(20))

    assert (end, minutes(40)) == (session.expires_at, session.remaining)

    clock.step_wall(dt.timedelta(hours=-5))
    clock.advance(minutes(41))

    assert minutes(-1) == session.remaining


def test_ensure(session, stub, clock):
    """Asks STS if there's less, and clients have that, too."""
    first = session.ensure(minutes(30))
    clock.advance(minutes(20))

    assert first is session.ensure(minutes(30))
    second = session.ensure(minutes(50))
    assert second is not first
    assert second is session.credentials()
    assert 2 == stub.attempts


def test_ensure_too_much(session):
    """What is never valid for that long is an error, as is a number without a unit."""
    with pytest.raises(stsession.RefreshError, match="New ones are valid for"):
        session.ensure(minutes(61))
    with pytest.raises(stsession.InvalidRequestError, match="timedelta") as caught:
        session.ensure(60)

    assert "min_validity" == caught.value.parameter


def test_refresh(session, stub):
    """The credentials are replaced even if they are fresh."""
    assert session.refresh() != session.refresh()
    assert 2 == stub.attempts


def test_refresh_in_vain(session, stub):
    """The current credentials stay in use."""
    before = session.credentials()
    stub.goes_down()
    with pytest.raises(stsession.StsUnavailableError):
        session.refresh()

    assert before is session.credentials()


@pytest.mark.parametrize(
    ("kw", "host", "region"),
    [
        ({"sts_endpoint_url": "http://rgw.example"}, "rgw.example", REGION),
        ({"sts_region": "us-west-2"}, "sts.us-west-2.amazonaws.com", "us-west-2"),
        ({}, "sts.amazonaws.com", "us-east-1"),
    ],
)
def test_caller_identity(stub, kw, host, region):
    """It is returned by the STS that issued the credentials."""
    source = source_of(stub, region=REGION if kw else None)
    session = stsession.assume(READER, source=source, **kw)
    session.events.register("before-send.sts", stub)
    identity = session.caller_identity()

    assert "123456789012" == identity.account_id
    assert identity.arn.startswith("arn:aws:sts::123456789012:assumed-role/Reader/")
    assert identity.user_id

    assert [(host, region)] * 2 == [(call.host, call.region) for call in stub.requests]


def test_dropped_session(session):
    """It isn't kept alive, not even by its hook."""
    seen = []
    source = session._source
    other = stsession.assume(TARGET, source=session, on_event=seen.append, region="x")
    kept = weakref.ref(other)
    refresher = other._refreshers[-1]
    del other
    collect_garbage()

    assert kept() is None
    assert source is session._source
    refresher.events.drain()
    assert [] == seen


def test_hook_of_a_dropped_session(source):
    """It isn't called any longer, also if the credentials are shared."""
    mine, yours = [], []
    one = stsession.assume(READER, source=source, on_event=mine.append)
    other = stsession.assume(READER, source=source, on_event=yours.append)
    one.credentials()
    seen = len(mine)
    del one
    collect_garbage()
    other.refresh()

    assert seen == len(mine)
    assert seen < len(yours)


def test_nothing_shows_secrets(session, stub, caplog):
    """Neither `repr` nor log nor error."""
    caplog.set_level(logging.DEBUG, "stsession")
    credentials = session.credentials()
    stub.goes_down(Fault.half_body())
    with pytest.raises(stsession.RefreshError) as caught:
        session.refresh()
    text = "\n".join(
        [
            repr(session),
            repr(credentials),
            repr(session.get_credentials()),
            repr(session.status()),
            caplog.text,
            full_text(caught.value),
        ]
    )

    for key in stub.issued:
        assert key.secret_access_key not in text
        assert key.session_token not in text


def test_is_made_by_functions():
    """The class isn't called by users."""
    with pytest.raises(TypeError, match="required positional arguments"):
        stsession.RefreshableSession()


def test_whose(source):
    """A session has the ARN and account of its role; of a chain, those of the last."""
    hub, target = (f"arn:aws:iam::{n:012}:role/Reader" for n in (1, 2))
    session = stsession.assume([hub, target], source=source)

    assert target == session.role_arn
    assert "000000000002" == session.account_id
