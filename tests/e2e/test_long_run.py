"""How often STS is asked when nothing goes wrong."""

from __future__ import annotations

import datetime as dt

import pytest

import stsession

from . import ROLE


SECOND = dt.timedelta(seconds=1)
DAY = 86_400
ROOM = 170
"""AssumeRole calls that a day may take; a life is 900 s, and 96 are a day."""


@pytest.mark.usefixtures("_runtime")
def test_a_day_of_short_lives(stub, stubbed, clock):
    """STS is asked now and then, and every request is signed with a live key."""
    session = stsession.assume(ROLE, source=stubbed, duration_seconds=900)
    credentials = session.get_credentials()
    dead = 0
    for _ in range(DAY // 5):
        key = credentials.get_frozen_credentials().access_key
        if key == stub.issued[-1].access_key_id:
            dead += clock.now() >= stub.issued[-1].expires_at
        else:
            dead += 1
        clock.advance(5 * SECOND)

    assert 0 == dead
    assert 96 <= stub.attempts <= ROOM
    assert stub.attempts == session.status().hop.counters.successes


def test_a_day_of_real_requests(session, local, clock):
    """So it is for an S3 client that is used every few minutes."""
    s3 = session.client("s3")

    for _ in range(DAY // 400):
        s3.list_objects_v2(Bucket="bucket", MaxKeys=1)
        clock.advance(400 * SECOND)

    assert {200} == {call.status for call in local.calls()}
    assert 96 <= local.count("AssumeRole") <= ROOM


def test_a_quick_start(session, local):
    """Twenty requests in the first second cost one AssumeRole."""
    s3 = session.client("s3")

    for _ in range(20):
        s3.list_objects_v2(Bucket="bucket")

    assert 1 == local.count("AssumeRole")
    assert 20 == local.count("ListObjectsV2")
