"""A server whose sessions end after a few seconds."""

from __future__ import annotations

import pytest

import stsession

from stsession.testing import LocalSTS


ROLE = "arn:aws:iam::123456789012:role/Reader"


@pytest.fixture(name="local")
def _local():
    """Sessions that last for three seconds, and a bucket."""
    with LocalSTS(lifetime_scale=1 / 1200) as local:
        local.add_role(ROLE)
        local.add_bucket("bucket", objects={"key": b"value"})
        yield local


@pytest.fixture(name="session")
def _session(local):
    return stsession.assume(ROLE, source=local.session(local.add_user()))


@pytest.fixture(name="still_expires")
def _still_expires(local):
    """Whether an object has not yet been used for three session durations."""
    return lambda: len(local.issued(role_arn=ROLE)) <= 3
