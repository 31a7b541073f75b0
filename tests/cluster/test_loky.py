from __future__ import annotations

import os

import pytest

from .. import fleet_functions as functions
from .conftest import IDS


loky = pytest.importorskip("loky")


@pytest.fixture(name="executor")
def _executor(places):
    executor = loky.get_reusable_executor(max_workers=2, env=places)
    yield executor
    executor.shutdown()


def test_all_accounts(executor, fleet, local):
    """Each process assumes the roles for itself, and keeps them."""
    before = local.count("AssumeRole")

    first = [r.value for r in fleet.map(functions.where, executor=executor)]
    second = [r.value for r in fleet.map(functions.where, executor=executor)]
    calls = local.count("AssumeRole") - before

    assert IDS == sorted(account for account, _, _ in first)
    assert IDS == sorted(account for account, _, _ in second)
    assert len(IDS) <= calls <= 2 * len(IDS)
    assert os.getpid() not in {process for _, process, _ in first}


def test_errors(executor, fleet):
    """A failure is the result of its account, here too."""
    run = fleet.map(functions.no_such_bucket, executor=executor)

    assert {"NoSuchBucket"} == {r.error.type_name for r in run}
