from __future__ import annotations

import contextlib
import multiprocessing
import operator
import pickle
import sys

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from botocore.exceptions import ClientError

import stsession

from stsession.exceptions import ExecutorError, InvalidRequestError
from stsession.fleet import _executors
from stsession.testing import LocalSTS, use_runtime

from . import fleet_functions as functions
from .children import process_pool


IDS = [f"{number:012}" for number in range(1, 7)]


@pytest.fixture(name="local", scope="module")
def _local():
    with LocalSTS() as local:
        for account in IDS:
            local.add_role(f"arn:aws:iam::{account}:role/Audit")
        yield local


@pytest.fixture(name="files", scope="module")
def _files(local, tmp_path_factory):
    directory = tmp_path_factory.mktemp("aws")
    return local.write_profile(directory, key=local.add_user(), name="org")


@pytest.fixture(name="fleet")
def _fleet(files, monkeypatch):
    """A fleet whose source is a profile, which other processes find as well."""
    monkeypatch.setenv("AWS_CONFIG_FILE", files.config_file)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", files.credentials_file)
    with stsession.Fleet(IDS, role_name="Audit", source="org") as fleet:
        yield fleet


@contextlib.contextmanager
def two_processes(method="fork"):
    with process_pool(2, mp_context=multiprocessing.get_context(method)) as pool:
        yield pool


@pytest.fixture(name="pool", scope="module")
def _pool():
    """A pool whose processes serve several tests."""
    with two_processes() as pool:
        yield pool


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes(fleet, method, local):
    """Each process assumes the roles for itself, and keeps them for the next run."""
    before = local.count("AssumeRole")
    with two_processes(method) as pool:
        first = [r.value for r in fleet.map(functions.where, executor=pool)]
        first_calls = local.count("AssumeRole") - before
        second = [r.value for r in fleet.map(functions.where, executor=pool)]
        again = local.count("AssumeRole") - before
        parts = [r.value for r in fleet.map(functions.shared_parts, executor=pool)]

        assert pool.submit(abs, -1).result() == 1  # it isn't shut down

    assert IDS == sorted(account for account, _, _ in first)
    assert len(IDS) == first_calls
    assert IDS == sorted(account for account, _, _ in second)
    assert again <= 2 * len(IDS)
    # In one process all sessions have one source, with its client, and one throttle.
    assert len(set(parts)) == len({process for process, *_ in parts})


def test_error_whose_class_is_made_as_it_runs(fleet, pool):
    """What doesn't survive pickling comes as its name, code and text."""
    results = list(fleet.map(functions.no_such_bucket, executor=pool))

    assert len(IDS) == len(results)
    assert {("NoSuchBucket", "NoSuchBucket")} == {
        (r.error.type_name, r.error.code) for r in results
    }
    assert {ExecutorError} == {type(r.error) for r in results}
    assert "It doesn't exist" in str(results[0].error)
    assert "no_such_bucket" in results[0].traceback


def test_error_that_survives(fleet, pool):
    """An error that can be pickled comes as it is."""
    results = list(fleet.map(functions.client_error, executor=pool))

    assert {ClientError} == {type(r.error) for r in results}
    assert "Slow" == results[0].error.response["Error"]["Code"]


def test_denied_role(fleet, pool, local):
    """Our own errors come with their hop and hint."""
    ids = [*IDS, "000000000099"]
    other = stsession.Fleet(ids, role_name="Audit", source="org")

    run = other.map(functions.where, executor=pool)
    (failure,) = [r for r in run if not r.ok]

    assert isinstance(failure.error, stsession.AccessDeniedError)
    assert "arn:aws:iam::000000000099:role/Audit" == failure.hop
    assert "trust policy" in failure.hint


def test_value_that_cannot_be_pickled(fleet, pool):
    """The result says that its value can't travel."""
    results = list(fleet.map(functions.unpicklable, executor=pool))

    assert len(IDS) == len(results)
    assert "of type function, which can't be pickled" in str(results[0].error)


def test_broken_pool(fleet):
    """The run ends with an error that says how far it got."""
    with two_processes() as pool:
        run = fleet.map(functions.die, executor=pool)

        with pytest.raises(ExecutorError, match="The executor stopped after 0 of 6"):
            list(run)

    assert [] == list(run)


def test_exit_in_a_worker(fleet, pool):
    """An error that isn't an `Exception` ends the run."""
    with pytest.raises(SystemExit):
        list(fleet.map(functions.leave, executor=pool))


def test_function_that_cannot_be_pickled(fleet, pool):
    """It's an error before anything is sent."""
    with pytest.raises(
        InvalidRequestError, match="function can't be pickled"
    ) as caught:
        fleet.map(lambda session: None, executor=pool)

    assert "function" == caught.value.parameter


def test_source_with_keys_of_its_own(pool):
    """A pickle must not contain keys: it's an error that says what to do."""
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "s3cr3t", region_name="eu-west-1")
    fleet = stsession.Fleet(IDS, role_name="Audit", source=source)

    with pytest.raises(InvalidRequestError, match="Make the source from a profile"):
        fleet.map(functions.where, executor=pool)


def test_recipe_has_no_secret(fleet, local):
    """What travels has no key in it, though the fleet has been used."""
    session = fleet.session(IDS[0])
    keys = session.credentials()

    recipe = pickle.dumps(fleet._factory)

    assert b"org" in recipe
    assert keys.secret_access_key.encode() not in recipe
    assert keys.session_token.encode() not in recipe
    assert keys.secret_access_key.encode() not in pickle.dumps(session)


def test_pool_of_threads(fleet, local):
    """With threads nothing is pickled, and the fleet's own sessions are used."""
    with ThreadPoolExecutor(2) as pool:
        values = {r.account_id: r.value for r in fleet.map(lambda s: s, executor=pool)}

    assert {i: fleet.session(i) for i in IDS} == values


def test_few_fleets_are_kept_in_a_worker(monkeypatch):
    """A worker forgets the sessions of fleets that are long gone."""
    fleets = _executors._Fleets()
    recipes = [
        pickle.dumps(
            stsession.Fleet(IDS, role_name=f"R{n}", external_id=f"e{n}")._factory
        )
        for n in range(_executors.FLEETS + 1)
    ]
    # A constant, because threads of other tests may take random numbers as well.
    with use_runtime(random=lambda: 0.999):
        kept = [fleets.of(recipe) for recipe in recipes]
        found = [fleets.of(recipe) for recipe in recipes]

    assert _executors.FLEETS == len(fleets._fleets)
    # One fleet too many replaces one place only, and not each just before its use.
    assert _executors.FLEETS - 1 == sum(map(operator.is_, kept, found))


class OddError(Exception):
    """An error that can't be made again from its arguments."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class SilentError(Exception):
    """An error that pickles, but loses its text."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def __str__(self):
        return " ".join(self.parts)

    def __reduce__(self):
        return SilentError, ()


@pytest.mark.parametrize("error", [OddError(1, 2), SilentError("a", "b")])
def test_error_that_does_not_survive(error):
    """It's replaced by one with its text."""
    portable = _executors.portable_error(error)

    assert isinstance(portable, ExecutorError)
    assert type(error).__name__ == portable.type_name
    assert str(error) in str(portable)
    assert portable.code is None


def test_pickles_by_value_where_it_can(monkeypatch):
    """With cloudpickle about, as in Dask's workers, it serves for what has no name."""
    calls = []

    class Cloudpickle:
        """Something like it."""

        @staticmethod
        def dumps(thing):
            """Pickle anything."""
            calls.append(thing)
            return b"data"

    monkeypatch.setitem(sys.modules, "cloudpickle", Cloudpickle)
    nameless = [lambda: None]

    assert b"data" == _executors.pickled(nameless)
    assert pickle.dumps(7, pickle.HIGHEST_PROTOCOL) == _executors.pickled(7)
    assert [nameless] == calls


def test_pickles_by_name_elsewhere(monkeypatch):
    """Without it, an object without a name is an error."""
    monkeypatch.delitem(sys.modules, "cloudpickle", raising=False)

    with pytest.raises((pickle.PicklingError, AttributeError)):
        _executors.pickled(lambda: None)
