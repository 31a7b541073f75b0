"""The clients of a fleet against moto, whichever of them comes first."""

from __future__ import annotations

import botocore.handlers
import moto
import moto.core
import pytest

from ..fleet_sessions import fleet_session
from . import OTHER_ROLE, ROLE


@pytest.fixture(name="ambient")
def _ambient(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("ambient")
def test_moto_after_the_template():
    """moto answers clients whose template was there before it."""
    keep = fleet_session(ROLE)
    keep.client("s3")
    with moto.mock_aws():
        s3 = fleet_session(OTHER_ROLE).client("s3")
        s3.create_bucket(Bucket="bucket")

        assert ["bucket"] == [each["Name"] for each in s3.list_buckets()["Buckets"]]


@pytest.mark.usefixtures("ambient")
@moto.mock_aws
def test_moto_as_a_decorator():
    """moto answers clients whose template is made with it."""
    assert [] == fleet_session(ROLE).client("s3").list_buckets()["Buckets"]


@pytest.mark.usefixtures("ambient")
def test_moto_imported_later(monkeypatch):
    """moto answers the clients of sessions made after it has come."""
    handlers = botocore.handlers.BUILTIN_HANDLERS
    without = [each for each in handlers if "moto" not in type(each[1]).__module__]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", without)
    before = fleet_session(ROLE)
    before.client("s3")
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)

    assert len(without) < len(handlers)
    with moto.mock_aws():
        assert [] == fleet_session(ROLE).client("s3").list_buckets()["Buckets"]


def test_moto_patches_a_client(stubbed):
    """A client that moto patches is answered by it."""
    s3 = fleet_session(ROLE, source=stubbed).client("s3")
    with moto.mock_aws():
        moto.core.patch_client(s3)

        assert [] == s3.list_buckets()["Buckets"]
