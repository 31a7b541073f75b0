"""
Tests of users replace classes of the SDK; sessions of ours are made all the same.
"""

from __future__ import annotations

import pickle
import subprocess
import sys

from unittest import mock

import boto3
import pytest

import stsession

from stsession.testing import LocalSTS, StubSTS


ROLE = "arn:aws:iam::123456789012:role/Reader"

TARGETS = [
    "boto3.Session",
    "boto3.session.Session",
    "botocore.session.Session",
    "botocore.session.get_session",
]


class Own(boto3.Session):
    """
    A session class of a user.
    """


KINDS = {"mock": {}, "autospec": {"autospec": True}, "subclass": {"new": Own}}

targets = pytest.mark.parametrize("target", TARGETS)
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(name="source")
def _source():
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")
    source.events.register("before-send.sts", StubSTS())
    return source


@targets
@kinds
@pytest.mark.parametrize("given", ["boto3", "botocore", "own"])
@pytest.mark.parametrize("share_models", [True, False])
def test_sessions_of_given_sessions(source, target, kind, given, share_models):
    """
    They are made and used while a class is replaced.
    """
    if given == "own":
        source = Own(botocore_session=source._session)
    elif given == "botocore":
        source = source._session
    with mock.patch(target, **KINDS[kind]):
        session = stsession.assume(ROLE, source=source, share_models=share_models)
        fleet = stsession.Fleet([ROLE], source=source).session(ROLE)
        regions = [
            each.client("sqs").meta.region_name
            for each in (session, fleet, session.assume(ROLE))
        ]
        session.credentials()

    assert ["us-east-1"] * 3 == regions
    assert isinstance(session, boto3.Session)


@targets
@kinds
def test_sessions_of_profiles(target, kind, tmp_path, monkeypatch):
    """
    They are found, and travel to other processes.
    """
    with LocalSTS() as local:
        local.add_role(ROLE)
        files = local.write_profile(tmp_path, key=local.add_user(), name="default")
        for name, value in files.environment.items():
            monkeypatch.setenv(name, value)
        with mock.patch(target, **KINDS[kind]):
            for source in (None, "default", local.session(local.add_user())):
                stsession.assume(ROLE, source=source).credentials()
            session = stsession.from_profile()
            session.credentials()
            again = pickle.loads(pickle.dumps(session))

        assert session.credentials() == again.credentials()
        assert 3 == local.count("AssumeRole")


FIRST = """
import sys
from unittest import mock
import boto3, botocore.session, stsession

class Own(boto3.Session): pass

kinds = {"mock": {}, "autospec": {"autospec": True}, "subclass": {"new": Own}}
source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")
with mock.patch(sys.argv[1], **kinds[sys.argv[2]]):
    session = stsession.assume(sys.argv[3], source=source)
    fleet = stsession.Fleet([sys.argv[3]], source=source).session(sys.argv[3])
    print(session.client("sqs").meta.region_name, fleet.client("sqs").meta.region_name)
print(isinstance(session, boto3.Session))
"""


@targets
@kinds
def test_first_session_of_a_process(target, kind):
    """
    The SDK's classes are those that were there when we were imported.
    """
    printed = subprocess.run(
        [sys.executable, "-c", FIRST, target, kind, ROLE],
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
        text=True,
    ).stdout

    assert ["us-east-1", "us-east-1", "True"] == printed.split()
