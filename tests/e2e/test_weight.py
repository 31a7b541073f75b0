"""What sessions cost when nothing happens."""

from __future__ import annotations

import builtins
import contextlib
import gc
import io
import json
import os
import pathlib
import socket
import sys
import threading
import tracemalloc
import weakref

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import boto3
import botocore.loaders
import pytest

from botocore.config import Config

import stsession

from stsession._botocore.loader import ModelLoader
from stsession.testing import Fault, StubSTS

from ..children import run_child
from ..wire import busy_threads
from . import OTHER_ROLE, ROLE
from .timeline import seconds


CHAIN = [ROLE, OTHER_ROLE]


class Watch:
    """Notes sockets, threads, files and models from now on."""

    def __init__(self, monkeypatch):
        self.sockets = 0
        self.threads = 0
        self.files = []
        self.models = []
        self._watch(monkeypatch, socket.socket, "__init__", self._on_socket)
        self._watch(monkeypatch, threading.Thread, "start", self._on_thread)
        self._watch(monkeypatch, builtins, "open", self._on_open)
        self._watch(monkeypatch, io, "open", self._on_open)
        self._watch(monkeypatch, ModelLoader, "load_service_model", self._on_model)
        self._watch(
            monkeypatch, botocore.loaders.JSONFileLoader, "load_file", self._on_open
        )

    def _watch(self, monkeypatch, owner, name, note):
        real = getattr(owner, name)

        def watched(*args, **kwargs):
            note(*args)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    def _on_socket(self, *_):
        self.sockets += 1

    def _on_thread(self, *_):
        self.threads += 1

    def _on_open(self, *args):
        self.files += [str(arg) for arg in args if isinstance(arg, (str, os.PathLike))]

    def _on_model(self, _, service, *__):
        self.models.append(service)


def test_construction(stubbed, monkeypatch):
    """Making a session opens no socket, starts no thread, and reads no model."""
    watch = Watch(monkeypatch)

    session = stsession.assume(CHAIN, source=stubbed)
    session.assume("arn:aws:iam::123456789012:role/Third", external_id="partner")

    assert 0 == watch.sockets
    assert 0 == watch.threads
    assert [] == watch.models

    session.client("s3")

    assert {"s3"} == set(watch.models)  # it does see them


def test_construction_reads_no_more_than_boto3(monkeypatch):
    """Nor does it read files that `boto3.Session` doesn't read."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    stsession.assume(ROLE)  # what is read once per process
    watch = Watch(monkeypatch)
    boto3.Session()
    by_boto3 = set(watch.files)

    stsession.assume(ROLE)
    stsession.assume(OTHER_ROLE)

    assert set() == set(watch.files) - by_boto3


def modules_after(statement):
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    ran = run_child(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return set(json.loads(ran.stdout))


def test_import():
    """It imports boto3, attrs, and the package's own modules, and not all of these."""
    more = modules_after("import stsession") - modules_after("import boto3, attrs")
    own = {name for name in more if name.partition(".")[0] == "stsession"}

    assert set() == {name.partition(".")[0] for name in more - own} - STANDARD
    assert not any(name.startswith("stsession.testing") for name in own)


STANDARD = set(sys.stdlib_module_names)


class Forbidden:
    """A lock that must not be taken."""

    def __enter__(self):
        pytest.fail("A lock was taken.")

    acquire = __enter__

    def __exit__(self, *_):
        """Never reached."""


@pytest.mark.usefixtures("_runtime")
def test_fresh_credentials_take_no_lock(stubbed, clock):
    """While credentials are fresh, signing takes no lock."""
    session = stsession.assume(ROLE, source=stubbed)
    credentials = session.get_credentials()
    before = credentials.get_frozen_credentials()
    refresher = session._refresher
    lock, refresher._lock = refresher._lock, Forbidden()
    for _ in range(30):
        assert before is credentials.get_frozen_credentials()
        assert before.access_key == credentials.access_key
        clock.advance(seconds(60))
    refresher._lock = lock
    clock.advance(seconds(3_600))

    assert before is not credentials.get_frozen_credentials()


def use(numbers, **kwargs):
    """Make, use and drop sessions for a chain to a role of each number."""
    for n in numbers:
        chain = [ROLE, f"arn:aws:iam::123456789012:role/Role{n:06}"]
        stsession.assume(chain, **kwargs).credentials()


def settled():
    """Bytes in use once all garbage is gone."""
    for _ in range(3):
        gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.usefixtures("_runtime")
def test_many_sessions(stubbed):
    """Sessions that are dropped leave no thread and no descriptor."""
    use(range(10), source=stubbed)
    gc.collect()  # what other tests have left
    before = busy_threads(), descriptors()

    use(range(10, 110), source=stubbed)
    gc.collect()

    assert before == (busy_threads(), descriptors())


@pytest.mark.usefixtures("_runtime")
def test_memory(clock):
    """Each of them leaves less than a kilobyte."""
    cache = stsession.MemoryCache(max_entries=8)  # it fills up soon
    source = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-central-1")
    source.events.register(
        "before-send.sts",
        # A new one each time: it keeps its requests.
        lambda request, **_: StubSTS(clock=clock)(request),
    )
    tracemalloc.start()
    try:
        sizes = []
        for numbers in (range(20), range(20, 60)):
            use(numbers, source=source, cache=cache)
            sizes.append(settled())
    finally:
        tracemalloc.stop()

    assert sizes[1] - sizes[0] < 40 * 1_024


def descriptors():
    """How many are open, if the platform has a list."""
    directory = pathlib.Path("/proc/self/fd")
    return len(list(directory.iterdir())) if directory.exists() else 0


def connections_to(url):
    """How many connections this process has to a server on this machine."""
    port, inodes = f"{urlsplit(url).port:04X}", set()
    for entry in pathlib.Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself is closed
            inodes.add(str(entry.readlink()))
    lines = pathlib.Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(
        remote.endswith(f":{port}") and f"socket:[{inode}]" in inodes
        for _, _, remote, *_, inode in (line[:10] for line in fields)
    )


BRIEF_FAULTS = [
    Fault.reset(),
    Fault.cut_off(),
    Fault.status(500),
    Fault.html(),
    Fault.throttled(),
    Fault.access_denied(),
]


def use_through_faults(local, source, clients, numbers):
    """
    Refresh one new session for each of *numbers*, through a fault, and call a client.
    """
    for number in numbers:
        session = stsession.assume(
            ROLE,
            source=source,
            cache=None,
            sts_config=Config(read_timeout=7, retries={"mode": "standard"}),
        )
        local.faults.add(
            BRIEF_FAULTS[number % len(BRIEF_FAULTS)], operation="AssumeRole", times=1
        )
        with contextlib.suppress(stsession.RefreshError):
            session.refresh()
        clients[number % len(clients)].get_caller_identity()


@pytest.mark.skipif(
    not pathlib.Path("/proc/self/net/tcp").exists(), reason="There's no list of them."
)
@pytest.mark.usefixtures("_runtime")
def test_connections_have_a_bound(source, local):
    """
    There is one for each client and each thread that used it, whatever has failed.

    The clients are those that the program holds, and one of STS for each value of
    *sts_config*.
    """
    sessions = [
        stsession.assume(ROLE, source=source, role_session_name=f"caller-{number}")
        for number in range(4)
    ]
    clients = [session.client("sts") for session in sessions]
    use_through_faults(local, source, clients, range(12))
    gc.collect()
    by_one = connections_to(local.endpoint_url)
    with ThreadPoolExecutor(4) as threads:
        uses = [
            threads.submit(
                use_through_faults, local, source, clients, range(start, 24, 4)
            )
            for start in range(4)
        ]
    for use in uses:
        use.result()
    gc.collect()
    by_four = connections_to(local.endpoint_url)

    assert 4 <= by_one <= 4 + 2
    assert by_one <= by_four <= 4 * (4 + 2)


@pytest.mark.usefixtures("_runtime")
def test_a_dropped_session_is_freed(source, local):
    """Nothing of ours keeps a session or its credentials alive."""
    session = stsession.assume(CHAIN[0], source=source)
    session.client("s3").list_objects_v2(Bucket="bucket")
    gone = [weakref.ref(session), weakref.ref(session._refresher)]
    del session

    gc.collect()

    assert [None, None] == [reference() for reference in gone]


def test_close(session, local):
    """A closed session goes on working; closing it twice is no mistake."""
    s3 = session.client("s3")
    with session:
        s3.list_objects_v2(Bucket="bucket")
    session.close()
    session.refresh()

    assert 5 == s3.list_objects_v2(Bucket="bucket")["KeyCount"]
    session.close()
