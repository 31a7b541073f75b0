from __future__ import annotations

import gc
import gzip
import json
import os
import threading

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import botocore.loaders
import pytest

from botocore.exceptions import DataNotFoundError, UnknownServiceError

import stsession

from stsession._botocore import loader as _loader
from stsession._botocore.loader import (
    LARGE,
    ModelLoader,
    Models,
    _GarbageCollector,
    loader_for,
    without_collection,
)
from stsession.testing import isolated_process


@pytest.fixture(name="reference", scope="module")
def _reference():
    return botocore.loaders.Loader()


@pytest.fixture(name="loader", scope="module")
def _loader_of_ours():
    return ModelLoader()


class CountingModels(Models):
    def __init__(self):
        self.read = []

    def load_file(self, file_path):
        found = super().load_file(file_path)
        if found is not None:
            self.read.append(Path(file_path).name)
        return found


@pytest.fixture(name="counting")
def _counting(monkeypatch):
    models = CountingModels()
    monkeypatch.setattr(_loader, "Models", lambda: models)
    return models


def same(ours, theirs):
    """Whether two models are equal, in the same order."""
    return json.dumps(ours) == json.dumps(theirs)


@pytest.mark.parametrize("service", ["cloudwatch", "dynamodb", "iam", "s3", "sts"])
def test_same_as_botocore_s(loader, reference, service):
    """Models, paginators, waiters and endpoint rules are equal to botocore's."""
    for kind in ("service-2", "paginators-1", "endpoint-rule-set-1"):
        assert same(
            loader.load_service_model(service, kind),
            reference.load_service_model(service, kind),
        )
    if service in reference.list_available_services("waiters-2"):
        assert same(
            loader.load_service_model(service, "waiters-2"),
            reference.load_service_model(service, "waiters-2"),
        )


@pytest.mark.parametrize(
    "name", ["_retry", "endpoints", "partitions", "sdk-default-configuration"]
)
def test_other_data_is_the_same(loader, reference, name):
    """So is what isn't about a single service, and where it was found."""
    assert same(loader.load_data(name), reference.load_data(name))
    assert reference.load_data_with_path(name)[1] == loader.load_data_with_path(name)[1]


def test_extras_are_applied(tmp_path):
    """What the SDKs add to a model is in it."""
    write_model(tmp_path, "mine", "2020-01-01", {"a": {"b": 1}}, compressed=True)
    extras = tmp_path / "mine" / "2020-01-01" / "service-2.sdk-extras.json"
    extras.write_text('{"merge": {"a": {"c": 2}}}')
    expected = botocore.loaders.Loader(extra_search_paths=[str(tmp_path)])
    loader = ModelLoader([str(tmp_path)])

    assert {"a": {"b": 1, "c": 2}} == loader.load_service_model("mine", "service-2")
    assert expected.load_service_model("mine", "service-2") == loader.load_data(
        "mine/2020-01-01/service-2"
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "service-2") for name in ("nosuch", "", ".", "../data/s3", 7)),
        ("s3/2006-03-01", "service-2"),
        ("sts", "waiters-2"),
    ],
)
def test_unknown_service(loader, reference, name, kind):
    """The error is botocore's, with its list of services."""
    with pytest.raises(UnknownServiceError) as expected:
        reference.load_service_model(name, kind)
    with pytest.raises(UnknownServiceError) as raised:
        loader.load_service_model(name, kind)

    assert str(expected.value) == str(raised.value)


def test_version(loader, reference):
    """One may be requested, whichever is the latest."""
    version = "2012-11-05"
    model = loader.load_service_model("sqs", "service-2", api_version=version)

    assert reference.load_service_model("sqs", "service-2", version) == model
    assert loader.load_service_model("sqs", "service-2") is model


def test_unknown_version(loader):
    """The error is botocore's."""
    with pytest.raises(DataNotFoundError, match="1999-01-01"):
        loader.load_service_model("sqs", "service-2", "1999-01-01")


def test_folders_aren_t_listed(loader, monkeypatch):
    """To find one service, those of the others are let alone."""
    listed = []
    real = os.listdir
    monkeypatch.setattr(
        os, "listdir", lambda path: [listed.append(path), real(path)][1]
    )
    ModelLoader().load_service_model("sqs", "service-2")
    roots = {os.path.normpath(path) for path in loader.search_paths}
    services = {
        Path(path).name for path in listed if os.path.normpath(path) not in roots
    }

    assert {"sqs"} == services


@pytest.mark.parametrize("compressed", [False, True])
def test_models_of_the_user(tmp_path, monkeypatch, compressed):
    """Those in ``data_path`` come first, then ``~/.aws/models``, then botocore's."""
    home, data = tmp_path / "home", tmp_path / "data"
    monkeypatch.setattr(botocore.loaders.Loader, "CUSTOMER_DATA_PATH", str(home))
    write_model(home, "sqs", "2012-11-05", {"from": "home"}, compressed=compressed)
    write_model(home, "mine", "2020-01-01", {"from": "home"}, compressed=compressed)
    write_model(data, "mine", "2020-01-01", {"from": "data"}, compressed=compressed)
    write_model(data, "mine", "2019-01-01", {"from": "old"}, compressed=compressed)
    loader = ModelLoader([str(data)])
    reference = botocore.loaders.Loader(extra_search_paths=[str(data)])
    for service, expected in (("sqs", "home"), ("mine", "data")):
        found = loader.load_service_model(service, "service-2")

        assert {"from": expected} == found
        assert reference.load_service_model(service, "service-2") == found


def write_model(root, service, version, model, *, compressed):
    folder = root / service / version
    folder.mkdir(parents=True)
    data = json.dumps(model).encode()
    name = "service-2.json.gz" if compressed else "service-2.json"
    (folder / name).write_bytes(gzip.compress(data) if compressed else data)


def test_service_that_comes_later(tmp_path):
    """A model that was written after an attempt to load it is found."""
    loader = ModelLoader([str(tmp_path)])
    with pytest.raises(UnknownServiceError):
        loader.load_service_model("mine", "service-2")
    write_model(tmp_path, "mine", "2020-01-01", {"a": 1}, compressed=False)

    assert {"a": 1} == loader.load_service_model("mine", "service-2")


def test_unreadable_model(tmp_path):
    """The error is json's, as with botocore, and the collector is on again."""
    folder = tmp_path / "mine" / "2020-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text("[" * 10 + " " * LARGE)
    with pytest.raises(json.JSONDecodeError):
        ModelLoader([str(tmp_path)]).load_service_model("mine", "service-2")

    assert gc.isenabled()


def test_threads_parse_once(counting):
    """A model that many threads need at once is parsed by one."""
    loader, start = ModelLoader(), threading.Barrier(8)

    def load(_):
        start.wait()
        return loader.load_service_model("sqs", "service-2")

    with ThreadPoolExecutor(8) as threads:
        models = list(threads.map(load, range(8)))

    assert all(model is models[0] for model in models)
    assert 1 == counting.read.count("service-2")


def test_loader_after_a_fork(counting):
    """A lock that another thread held isn't there anymore."""
    loader, held = ModelLoader(), threading.Event()
    done = threading.Event()

    def hold():
        with loader._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    loader._after_fork()

    assert loader.load_data("_retry")

    done.set()
    thread.join()


def test_collector_is_paused_for_large_models_only(monkeypatch):
    """While they are parsed, and no longer."""
    seen, real = [], json.loads
    monkeypatch.setattr(
        json, "loads", lambda text: [seen.append(gc.isenabled()), real(text)][1]
    )
    loader = ModelLoader()
    loader.load_data("_retry")
    loader.load_data("endpoints")

    assert [True, False] == seen
    assert gc.isenabled()


def test_search_path_of_the_user(tmp_path, monkeypatch):
    """Variables and ~ are expanded as botocore does, and it's one loader for each."""
    monkeypatch.setenv("MODELS", "~/models")
    given = f"{tmp_path}{os.pathsep}$MODELS"
    loader = loader_for(given)
    reference = botocore.loaders.create_loader(given)

    assert reference.search_paths == list(loader.search_paths)
    assert loader is loader_for(given)
    assert loader is not loader_for(None)


def test_one_loader_for_all_threads():
    """Also if they need it at once."""
    with isolated_process(), ThreadPoolExecutor(8) as threads:
        loaders = list(threads.map(loader_for, [None] * 8))

    assert [loaders[0]] * 8 == loaders


# -- The garbage collector ---------------------------------------------------------


ROLE = "arn:aws:iam::123456789012:role/Reader"


def test_collector_stays_off():
    """If the program has switched it off before."""
    gc.disable()
    try:
        without_collection(gc.isenabled)

        assert not gc.isenabled()
    finally:
        gc.enable()


def test_collector_waits_for_the_last():
    """Of two calls that overlap, the last to end switches it on; after errors, too."""
    collector, seen = _GarbageCollector(), []

    def outer():
        seen.append(collector.paused(gc.isenabled))
        seen.append(gc.isenabled())
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        collector.paused(outer)

    assert [False, False] == seen
    assert gc.isenabled()


def test_collector_with_many_threads():
    """It is on in the end."""
    collector = _GarbageCollector()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(collector.paused, [gc.isenabled] * 200))

    assert gc.isenabled()


def test_collector_after_a_fork():
    """A child that was forked while another thread had it paused has it on."""
    collector = _GarbageCollector()

    def fork():
        collector._after_fork()
        return gc.isenabled()

    assert collector.paused(fork)
    assert not collector.paused(gc.isenabled)
    assert gc.isenabled()


@pytest.mark.parametrize(("share_models", "expected"), [(True, False), (False, True)])
def test_collector_while_a_client_is_made(share_models, expected):
    """
    It is off then, and on again before the client is used; unless nothing is shared.
    """
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-west-1")
    session, seen = stsession.assume(ROLE, source=source, share_models=share_models), []
    session.events.register(
        "creating-client-class.sqs", lambda **_: seen.append(gc.isenabled())
    )
    session.client("sqs")

    assert [expected] == seen
    assert gc.isenabled()
