"""Tests of users replace classes of the SDK; sessions of ours are made all the same."""

from __future__ import annotations

import json
import os
import pickle
import sys

from pathlib import Path
from unittest import mock

import boto3
import pytest

import stsession

from stsession.testing import LocalSTS, StubSTS

from .children import run_child


ROLE = "arn:aws:iam::123456789012:role/Reader"

TARGETS = [
    "boto3.Session",
    "boto3.session.Session",
    "botocore.session.Session",
    "botocore.session.get_session",
]


class Own(boto3.Session):
    """A session class of a user."""


KINDS = {"mock": {}, "autospec": {"autospec": True}, "subclass": {"new": Own}}

targets = pytest.mark.parametrize("target", TARGETS)
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(name="source")
def _source():
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")
    source.events.register("before-send.sts", StubSTS())
    return source


GIVEN = {
    "boto3": (lambda source: source, True),
    "botocore": (lambda source: source._session, False),
    "own": (lambda source: Own(botocore_session=source._session), True),
}


@targets
@pytest.mark.parametrize(
    ("kind", "given"),
    [*((kind, "boto3") for kind in KINDS), ("mock", "botocore"), ("mock", "own")],
)
def test_sessions_of_given_sessions(source, target, kind, given):
    """They are made and used while a class is replaced."""
    make_source, share_models = GIVEN[given]
    source = make_source(source)
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


@pytest.fixture(name="local", scope="module")
def _local():
    with LocalSTS() as local:
        local.add_role(ROLE)
        yield local


@targets
@kinds
def test_sessions_of_profiles(local, target, kind, tmp_path, monkeypatch):
    """They are found, pickled and loaded while a class is replaced."""
    key = local.add_user()
    files = local.write_profile(tmp_path, key=key, name="default")
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)
    with mock.patch(target, **KINDS[kind]):
        for source in (None, "default", local.session(key)):
            stsession.assume(ROLE, source=source).credentials()
        session = stsession.from_profile()
        session.credentials()
        again = pickle.loads(pickle.dumps(session))

    assert session.credentials() == again.credentials()
    signers = [call.access_key_id for call in local.calls("AssumeRole")]
    assert 3 == signers.count(key.access_key_id)


FIRST = """
import json, sys
from unittest import mock
import boto3, botocore.session, stsession
from tests.children import in_a_fork

class Own(boto3.Session): pass

kinds = {"mock": {}, "autospec": {"autospec": True}, "subclass": {"new": Own}}
role, *targets = sys.argv[1:]
source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")

def make():
    with mock.patch(target, **kinds[kind]):
        session = stsession.assume(role, source=source)
        fleet = stsession.Fleet([role], source=source).session(role)
        regions = [each.client("sqs").meta.region_name for each in (session, fleet)]
    return [*regions, isinstance(session, boto3.Session)]

for target in targets:
    for kind in kinds:
        print(json.dumps([target, kind, *in_a_fork(make)]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_first_session_of_a_process():
    """
    The SDK's classes are those that were there when we were imported.

    Each session is the first one in a process of its own.
    """
    printed = run_child(
        [sys.executable, "-c", FIRST, ROLE, *TARGETS],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )

    assert [
        [target, kind, "us-east-1", "us-east-1", True]
        for target in TARGETS
        for kind in KINDS
    ] == [*map(json.loads, printed.stdout.splitlines())], printed.stderr
