from __future__ import annotations

import os

import pytest

import stsession

from .. import fleet_functions as functions
from .conftest import IDS


distributed = pytest.importorskip("distributed")

# Dask's own threads and loops warn at shutdown; that's its affair.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(name="client", scope="module")
def _client(places):
    """A cluster of two processes."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=True,
            dashboard_address=None,
            env=places,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_all_accounts(client, fleet, local):
    """Both processes work, each assumes the roles for itself, and keeps them."""
    executor = client.get_executor()
    before = local.count("AssumeRole")

    first = [r.value for r in fleet.map(functions.where, executor=executor)]
    second = [r.value for r in fleet.map(functions.where, executor=executor)]
    calls = local.count("AssumeRole") - before

    assert IDS == sorted(account for account, _, _ in first)
    assert IDS == sorted(account for account, _, _ in second)
    assert len(IDS) <= calls <= 2 * len(IDS)
    assert os.getpid() not in {process for _, process, _ in first}
    assert 2 == len({process for _, process, _ in first})


def test_sessions_in_a_process_share(client, fleet):
    """
    In one process all sessions have one source, with its client, and one throttle.
    """
    executor = client.get_executor()

    values = [r.value for r in fleet.map(functions.shared_parts, executor=executor)]

    assert len(set(values)) == len({process for process, *_ in values})


def test_function_without_a_name(client, fleet):
    """Dask carries functions by value, and what they return."""
    executor = client.get_executor()

    run = fleet.map(lambda s: lambda: s.region_name, executor=executor, ordered=True)
    regions = [r.value() for r in run]

    assert ["us-east-1"] * len(IDS) == regions


def test_errors(client, fleet):
    """A failure is the result of its account, here too."""
    executor = client.get_executor()

    run = fleet.map(functions.no_such_bucket, executor=executor)

    assert {"NoSuchBucket"} == {r.error.type_name for r in run}


def test_denied_role(client, fleet):
    """Our own errors come with their hop and hint."""
    ids = [*IDS, "000000000099"]
    other = stsession.Fleet(ids, role_name="Audit", source="org")

    run = other.map(functions.where, executor=client.get_executor())
    (failure,) = [r for r in run if not r.ok]

    assert isinstance(failure.error, stsession.AccessDeniedError)
    assert "arn:aws:iam::000000000099:role/Audit" == failure.hop
    assert "trust policy" in failure.hint
