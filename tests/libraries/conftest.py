"""Services that reject expired keys, and sessions for them."""

from __future__ import annotations

import pytest

from moto.server import DomainDispatcherApplication, create_backend_app

import stsession

from stsession.testing import FakeClock, LocalSTS, expiring, use_runtime

from ..local import serving


ROLE = "arn:aws:iam::123456789012:role/Reader"

SERVICES = ("DYNAMODB", "S3", "SAGEMAKER", "SQS", "SSM")


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock):
        yield clock


@pytest.fixture(name="local")
def _local(clock):
    with LocalSTS(clock=clock) as local:
        local.add_role(ROLE)
        yield local


@pytest.fixture(name="source")
def _source(local, tmp_path, monkeypatch):
    """The name of a profile; clients send requests to moto's server."""
    files = local.write_profile(tmp_path, key=local.add_user(), name="ci")
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)

    app = expiring(DomainDispatcherApplication(create_backend_app), sts=local)
    with serving(app) as url:
        for service in SERVICES:
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        yield files.name


@pytest.fixture(name="session")
def _session(source):
    return stsession.assume(ROLE, source=source)


@pytest.fixture(name="bucket")
def _bucket(session, request):
    """The name of a bucket for one test, because moto keeps its data."""
    name = request.function.__name__.replace("_", "-")
    session.client("s3").create_bucket(Bucket=name)
    return name
