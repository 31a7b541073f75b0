"""A server whose sessions end after a few seconds."""

from __future__ import annotations

import datetime as dt

import pytest

import stsession

from stsession.testing import LocalSTS


ROLE = "arn:aws:iam::123456789012:role/Reader"
DURATION = dt.timedelta(seconds=3)


@pytest.fixture(name="local")
def _local():
    """Sessions of *DURATION*, and a bucket."""
    with LocalSTS(lifetime_scale=DURATION / dt.timedelta(hours=1)) as local:
        local.add_role(ROLE)
        local.add_bucket("bucket", objects={"key": b"value"})
        yield local


@pytest.fixture(name="session")
def _session(local):
    return stsession.assume(ROLE, source=local.session(local.add_user()))


@pytest.fixture(name="still_expires")
def _still_expires(local):
    """
    Whether an object has not yet been used for three session durations.

    These begin with the first credentials, except those that *others* have got before.
    """

    def is_before_end(others=0):
        issued = local.issued(role_arn=ROLE)[others:]
        now = dt.datetime.now(dt.timezone.utc)
        return not issued or now < issued[0].expires_at + 2 * DURATION

    return is_before_end
