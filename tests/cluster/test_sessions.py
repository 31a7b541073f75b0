"""Sessions in tasks of Dask, Ray and Spark."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys

from pathlib import Path

import pytest

import stsession

from stsession.testing import LocalSTS

from .conftest import IDS


# The clusters' own threads and processes warn when they end.
pytestmark = pytest.mark.filterwarnings("default")

ROLE = f"arn:aws:iam::{IDS[0]}:role/Audit"

SECONDS = 2
"""The duration of the sessions of the profile "short"."""

SESSIONS = 3
"""The number of sessions that a client uses, one after the other."""


@contextlib.contextmanager
def dask():
    """
    A cluster of Dask.

    Yields two functions: one calls a function for each item in the cluster, the other
    one pickles as Dask does.
    """
    distributed = pytest.importorskip("distributed")
    from distributed.protocol.pickle import dumps

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield lambda f, items: client.gather(client.map(f, items, pure=False)), dumps


@contextlib.contextmanager
def ray():
    """The same for Ray."""
    ray = pytest.importorskip("ray")
    from ray.cloudpickle import dumps

    def run(function, items):
        task = ray.remote(function)
        return ray.get([task.remote(item) for item in items])

    ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1")
    try:
        yield run, dumps
    finally:
        ray.shutdown()


@contextlib.contextmanager
def spark():
    """The same for Spark, with a partition for each item."""
    sql = pytest.importorskip("pyspark.sql")
    from pyspark.cloudpickle import dumps

    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java")

    builder = sql.SparkSession.builder.master("local[2]")
    with builder.config("spark.ui.enabled", "false").getOrCreate() as spark:

        def run(function, items):
            partitions = spark.sparkContext.parallelize(range(len(items)), len(items))
            return partitions.mapPartitions(
                lambda numbers: [function(items[number]) for number in numbers]
            ).collect()

        yield run, dumps


@pytest.fixture(name="short", scope="module")
def _short():
    """An STS whose sessions are short."""
    with LocalSTS(lifetime_scale=SECONDS / 3600) as short:
        short.add_role(ROLE)
        yield short


@pytest.fixture(name="environment", scope="module")
def _environment(places, short):
    """Environment variables for this process and the workers."""
    directory = Path(places["AWS_CONFIG_FILE"]).parent
    short.write_profile(directory, key=short.add_user(), name="short")
    return {
        **places,
        "PYSPARK_PYTHON": sys.executable,
        "RAY_AUTH_TOKEN": secrets.token_hex(),  # otherwise in a file of the user
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


@pytest.fixture(name="cluster", scope="module", params=[dask, ray, spark])
def _cluster(request, environment):
    """A cluster of two processes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with request.param() as cluster:
            yield cluster


@pytest.fixture(name="run")
def _run(cluster, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return cluster[0]


def test_tasks_of_a_process_share(run, local):
    """Each process assumes the role itself, once for all of its tasks."""
    session = stsession.assume(ROLE, source="org")
    own = session.credentials().access_key_id
    before = local.count("AssumeRole")

    def use(session):
        session.client("s3").list_buckets()
        return os.getpid(), session.credentials().access_key_id

    results = [*run(use, [session] * 20), *run(use, [session] * 20)]
    processes = {process for process, _ in results}

    assert os.getpid() not in processes
    assert own not in {key for _, key in results}
    assert len(processes) == len(set(results))
    assert len(processes) == local.count("AssumeRole") - before


def test_no_secrets_are_sent(cluster, run):
    """A pickled task contains no secrets of the role."""
    session = stsession.assume(ROLE, source="org")
    credentials = session.credentials()

    sent = cluster[1](lambda: session.client("s3"))

    assert b"org" in sent
    for value in (credentials.secret_access_key, credentials.session_token):
        assert value.encode() not in sent


def test_worker_renews_credentials(run, short):
    """A client in a task works across several sessions."""
    session = stsession.assume(ROLE, source="short")

    def use_some_keys(session):
        s3 = session.client("s3")
        keys = set()
        while len(keys) < SESSIONS:
            keys.add(session.credentials().access_key_id)
            s3.list_buckets()

    before = short.count()
    run(use_some_keys, [session])
    calls = [call for call in short.calls()[before:] if call.service == "s3"]

    assert SESSIONS <= len({call.access_key_id for call in calls})
    assert {200} == {call.status for call in calls}


def test_sessions_of_a_fleet(run, fleet):
    """Each task can have the session of another account."""

    def account(session):
        return session.client("sts").get_caller_identity()["Account"]

    assert IDS == run(account, [fleet.session(number) for number in IDS])
