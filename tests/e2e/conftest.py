"""A local AWS, a source session, and a role to assume, all in one time."""

from __future__ import annotations

import types

import boto3
import botocore.endpoint
import pytest

import stsession

from stsession.testing import FakeClock, LocalSTS, use_runtime

from ..wire import at_once
from . import ROLE


@pytest.fixture(name="_no_pauses", autouse=True)
def __no_pauses(monkeypatch):
    """The pauses that the SDK makes between retries are over at once."""
    time = types.SimpleNamespace(sleep=lambda _: None)
    monkeypatch.setattr(botocore.endpoint, "time", time)


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


@pytest.fixture(name="_runtime")
def _installed(clock):
    """Sessions use the clock, and refresh at once when they are due."""
    with use_runtime(clock=clock, random=lambda: 0.5, submit=at_once):
        yield


@pytest.fixture(name="local")
def _local(clock):
    """STS and S3 on loopback, with a role and a bucket."""
    with LocalSTS(clock=clock) as local:
        local.add_role(ROLE)
        local.add_bucket("bucket", objects={f"{n}.txt": b"hello" for n in range(5)})
        yield local


@pytest.fixture(name="_ambient")
def __ambient(local, monkeypatch):
    """Clients without an endpoint or a region use the local AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


@pytest.fixture(name="source")
def _source(local):
    return local.session(local.add_user())


@pytest.fixture(name="session")
def _session(source, _runtime):
    """A session of 900 s."""
    return stsession.assume(ROLE, source=source, duration_seconds=900)


@pytest.fixture(name="stubbed")
def _stubbed(stub):
    """A source with the stub as its STS."""
    source = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-central-1")
    source.events.register("before-send.sts", stub)
    return source
