"""Fixtures of all tests: an environment without AWS, and no network."""

from __future__ import annotations

import gc
import ipaddress
import itertools
import logging
import os
import socket

from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest

from hypothesis import settings

import stsession

from stsession._botocore.loader import InstalledModels, loader_for
from stsession._requests.limits import use_sdk_models
from stsession.testing import FakeClock, StubSTS, use_runtime

from .wire import source_of


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .engine import Engine


# Threads and a busy machine make the time of one example meaningless.
settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if "CI" in os.environ else "default")


@pytest.fixture(name="_models", autouse=True, scope="session")
def __models() -> Iterator[None]:
    """
    Each service's model is parsed once, also by the SDK's own sessions.

    It's the slowest part of a client, and isn't what is tested.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", loader_for)
        yield


@pytest.fixture(name="_frozen", autouse=True, scope="module")
def __frozen() -> None:
    """
    What is there before the tests of a file isn't looked at by the garbage collector.

    Many tests collect garbage, which takes a quarter of a second for all modules and
    models.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(name="_own_limits", autouse=True, scope="session")
def __own_limits() -> Iterator[None]:
    """Our own limits are final, whatever the botocore that is installed allows."""
    use_sdk_models()
    yield
    use_sdk_models(InstalledModels())


_numbers = itertools.count()


@pytest.fixture(name="_environment", autouse=True)
def __environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No credentials, config files or proxies of the user."""
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)

    # mktemp() would look at the folders of all tests before.
    home = tmp_path_factory.getbasetemp() / f"home{next(_numbers)}"
    home.mkdir()
    monkeypatch.delenv("BOTO_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(name="_redacted")
def __redacted() -> Iterator[None]:
    """Remove secrets from botocore's logs."""
    stsession.redact_botocore_logs()
    yield
    for logger in list(logging.Logger.manager.loggerDict.values()):
        for each in list(getattr(logger, "filters", ())):
            if type(each).__module__.startswith("stsession."):
                logger.removeFilter(each)


@pytest.fixture(name="_no_network", autouse=True, scope="session")
def __no_network() -> Iterator[None]:
    """A connection to another machine fails the test."""
    real_getaddrinfo = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kw: Any) -> Any:
        _check_host(host)
        return real_getaddrinfo(host, *args, **kw)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            connect = getattr(socket.socket, name)
            patch.setattr(socket.socket, name, _loopback_only(connect))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


def _loopback_only(
    connect: Callable[[socket.socket, Any], Any],
) -> Callable[[socket.socket, Any], Any]:
    """Let *connect* reach this machine only."""

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check_host(address[0])
        return connect(self, address)

    return guarded


def _check_host(host: str | bytes | None) -> None:
    """Fail the test if *host* isn't this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return

    try:
        is_loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        is_loopback = False

    if not is_loopback:
        # Not an OSError: the SDK would try again, and then hide it.
        pytest.fail(f"A test tried to reach {name}.")


@pytest.fixture(name="held")
def _held() -> Engine:
    """A refresher that holds fresh credentials, and its environment."""
    from .engine import engine

    held = engine()
    held.refresher.get()
    return held


@pytest.fixture(name="due")
def _due(held: Engine) -> Engine:
    """The same, with credentials that are due, and a source that fails."""
    held.due()
    held.source.goes_down()
    return held


@pytest.fixture(name="clock")
def _clock() -> Iterator[FakeClock]:
    """A clock that the test moves; sessions made during the test use it."""
    clock = FakeClock()
    with use_runtime(clock=clock):
        yield clock


@pytest.fixture(name="stub")
def _stub(clock: FakeClock) -> StubSTS:
    """STS without a socket."""
    return StubSTS(clock=clock)


@pytest.fixture(name="source")
def _source(stub: StubSTS) -> boto3.Session:
    """A session of a user with the stub as its STS."""
    return source_of(stub)
