from __future__ import annotations

import datetime as dt

import boto3

from stsession.testing import FakeClock, LocalSTS, StubSTS


def test_fixtures_share_one_clock(stsession_clock, stsession_stub, stsession_local_sts):
    """Stub and server go by the clock that the test moves."""
    assert isinstance(stsession_clock, FakeClock)
    assert isinstance(stsession_stub, StubSTS)
    assert isinstance(stsession_local_sts, LocalSTS)

    role_arn = "arn:aws:iam::123456789012:role/Reader"
    stsession_local_sts.add_role(role_arn)
    user = stsession_local_sts.add_user()
    stsession_clock.advance(dt.timedelta(minutes=5))
    session = stsession_local_sts.session(user)
    assert isinstance(session, boto3.Session)

    sts = session.client("sts")
    got = sts.assume_role(RoleArn=role_arn, RoleSessionName="me")
    expected = stsession_clock.now() + dt.timedelta(hours=1)
    assert expected == got["Credentials"]["Expiration"]

    sts.meta.events.register("before-send.sts", stsession_stub)
    got = sts.assume_role(RoleArn=role_arn, RoleSessionName="me")
    assert expected == got["Credentials"]["Expiration"]
    assert 1 == stsession_stub.attempts
