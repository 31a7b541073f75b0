"""No caller waits longer than the policy says, whatever the fetch does."""

from __future__ import annotations

import datetime as dt
import os
import sys
import threading

from collections.abc import Callable

import pytest

import stsession

from stsession import RefreshPolicy
from stsession.testing import FakeClock, StubSTS, use_runtime

from .engine import SOON
from .wire import READER, minutes, source_of


class Hang:
    """A call that doesn't return before the test says so."""

    def __init__(self) -> None:
        self.calls = 0
        self.hangs = True
        self.began, self.ends = threading.Event(), threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        """Hang."""
        self.calls += 1
        self.began.set()
        if self.hangs:
            self.ends.wait(SOON)


class Waits:
    """Lets the time pass that the test's own thread waits for something that hangs."""

    def __init__(self, clock: FakeClock, hang: Hang) -> None:
        self.clock = clock
        self.hang = hang
        self.seconds: list[float] = []

    def __call__(self, event: object, seconds: float) -> bool:
        """Wait."""
        here = threading.current_thread() is threading.main_thread()
        if not (here and self.hang.hangs):
            return event.wait(SOON)
        self.hang.began.wait(SOON)
        self.seconds.append(seconds)
        self.clock.advance(dt.timedelta(seconds=seconds))
        return event.is_set()


@pytest.fixture(name="waits")
def _waits(clock, hang):
    return Waits(clock, hang)


@pytest.fixture(name="hang")
def _hang():
    hang = Hang()
    yield hang
    hang.ends.set()


@pytest.fixture(name="_runtime", autouse=True)
def __runtime(clock, waits):
    with use_runtime(clock=clock, random=lambda: 0.5, wait=waits):
        yield


def session_with(hang, clock, what, **options):
    """A session of which a part hangs."""
    stub = StubSTS(clock=clock, before_answer=hang if what == "STS" else lambda **_: 0)
    source = source_of(stub)
    if what == "function":

        def source():
            hang()
            return {"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "secret"}

        options["region"] = "eu-west-1"
    return stsession.assume(READER, source=source, cache=None, **options)


@pytest.mark.parametrize("what", ["STS", "function"])
@pytest.mark.parametrize("in_lambda", [False, True])
def test_without_credentials(hang, clock, waits, what, in_lambda, monkeypatch):
    """The caller that fetches gets an error after *load_timeout*, as all others do."""
    if in_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    policy = RefreshPolicy(load_timeout=dt.timedelta(seconds=4))
    session = session_with(hang, clock, what, refresh=policy)
    with pytest.raises(stsession.StsUnavailableError, match="respond within 4 s"):
        session.credentials()

    assert [4] == waits.seconds
    assert 1 == hang.calls


@pytest.mark.parametrize("name", ["credentials", "refresh", "ensure"])
def test_each_call(hang, clock, waits, name):
    """By whichever method it calls."""
    session = session_with(hang, clock, "STS")
    arguments = [minutes(5)] if name == "ensure" else []
    with pytest.raises(stsession.StsUnavailableError, match="respond within 30 s"):
        getattr(session, name)(*arguments)

    assert [30] == waits.seconds


@pytest.mark.parametrize("in_lambda", [False, True])
@pytest.mark.parametrize("passed", [45.5, 59.5])
def test_with_usable_credentials(hang, clock, waits, passed, in_lambda, monkeypatch):
    """It gets the current ones after *mandatory_wait* at the latest."""
    if in_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    hang.hangs = False
    session = session_with(hang, clock, "STS")
    before = session.credentials()
    hang.hangs = True
    clock.advance(minutes(passed))

    assert before == session.credentials()
    assert sum(waits.seconds) <= 5
    assert bool(waits.seconds) == (in_lambda or passed > 59)


def test_late_answer(hang, clock, waits):
    """It is used when it comes."""
    session = session_with(hang, clock, "STS")
    with pytest.raises(stsession.StsUnavailableError):
        session.credentials()
    threads = [t for t in threading.enumerate() if t.name == "stsession-fetch"]
    hang.ends.set()
    for thread in threads:
        if thread.is_alive():
            thread.join(SOON)

    assert session.credentials()
    assert 1 == hang.calls


def test_threads_of_a_source_that_hangs(hang, clock, waits):
    """
    It costs two threads; a further one only after twice as many deadlines each time.
    """
    started = []

    def spawn(task: Callable[[], None]) -> bool:
        started.append(task)
        threading.Thread(target=task, daemon=True).start()
        return True

    with use_runtime(spawn=spawn):
        session = session_with(hang, clock, "STS")

    def use(times: int) -> int:
        for _ in range(times):
            with pytest.raises(stsession.StsUnavailableError):
                session.credentials()
            clock.advance(dt.timedelta(seconds=5))
        return len(started)

    assert 2 == use(10)
    assert 7 >= use(1_000)


def test_pool_whose_threads_hang(hang, clock):
    """Four sessions whose refreshes hang in the background don't delay a fifth one."""
    hang.hangs = False
    slow = [session_with(hang, clock, "STS", role_session_name=f"s{n}") for n in "1234"]
    good = session_with(Hang(), clock, "none")
    for session in [*slow, good]:
        session.credentials()
    hang.hangs = True
    clock.advance(minutes(46))
    for session in [*slow, good]:
        session.credentials()
    clock.advance(minutes(13.5))
    hang.hangs = False

    assert 2 == generation_now(good)


def generation_now(session):
    """The generation of the credentials that a caller gets now."""
    session.credentials()
    return session.status().hop.generation


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
@pytest.mark.parametrize("way", ["assume", "from_profile"])
def test_process_that_hangs(hang, waits, monkeypatch, tmp_path, way):
    """A *credential_process* that doesn't end holds no caller longer than that."""
    pipe, script = tmp_path / "pipe", tmp_path / "hang.py"
    os.mkfifo(pipe)
    script.write_text(
        f"import signal; signal.alarm({SOON:.0f}); open({str(pipe)!r}).read()"
    )
    config = tmp_path / "config"
    config.write_text(
        "[profile p]\nregion = eu-west-1\n"
        f"credential_process = {sys.executable} {script}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    hang.began.set()
    policy = RefreshPolicy(load_timeout=dt.timedelta(seconds=4))
    if way == "assume":
        session = stsession.assume(READER, source="p", refresh=policy, cache=None)
    else:
        session = stsession.from_profile("p", refresh=policy, cache=None)
    with pytest.raises(stsession.StsUnavailableError, match="respond within 4 s"):
        session.credentials()

    assert [4] == waits.seconds

    pipe.open("w").close()
