"""The child processes of tests end, and have the usual dispositions of signals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

from concurrent.futures.process import BrokenProcessPool

import pytest

from . import children
from .children import child, in_a_fork, process_pool, run_child


pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals differ there")

INTERRUPTIBLE = """
import threading
try:
    print("begun", flush=True)
    threading.Event().wait()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture(name="_background")
def __background():
    """SIGINT is ignored, as in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(name="_impatient")
def __impatient(monkeypatch):
    """Children are taken to hang at once."""
    monkeypatch.setattr(children, "SOON", 0)


def handler_of_sigint():
    """Whether SIGINT raises KeyboardInterrupt."""
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("_background")
def test_a_child_can_be_interrupted():
    """It gets SIGINT also where the tests don't."""
    with child(
        [sys.executable, "-c", INTERRUPTIBLE], stdout=subprocess.PIPE, text=True
    ) as program:
        assert "begun\n" == program.stdout.readline()
        program.send_signal(signal.SIGINT)
        rest, _ = program.communicate(timeout=children.SOON)

    assert "interrupted\n" == rest
    assert signal.SIG_IGN is signal.getsignal(signal.SIGINT)


@pytest.mark.usefixtures("_background")
def test_all_kinds_of_children():
    """So do programs that are run to their end, forks, and pools."""
    code = (
        "import signal; "
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    )
    ran = run_child([sys.executable, "-c", code], capture_output=True, text=True)

    assert "True\n" == ran.stdout
    assert in_a_fork(handler_of_sigint)
    with process_pool(1) as pool:
        assert pool.submit(handler_of_sigint).result()


@pytest.mark.usefixtures("_impatient")
def test_a_child_that_hangs_is_killed():
    """Reading what it prints ends then."""
    with child(
        [sys.executable, "-c", INTERRUPTIBLE], stdout=subprocess.PIPE, text=True
    ) as program:
        program.communicate()

    assert -signal.SIGKILL == program.returncode


@pytest.mark.usefixtures("_impatient")
def test_a_fork_that_hangs_is_killed():
    """The test fails instead of waiting."""
    with pytest.raises(AssertionError, match="the child returned nothing"):
        in_a_fork(threading.Event().wait)


def test_a_pool_that_hangs_is_killed(monkeypatch):
    """What waits for a result gets an error."""
    kills = []

    @contextlib.contextmanager
    def at_last(kill):
        kills.append(kill)
        yield

    monkeypatch.setattr(children, "_at_last", at_last)

    with process_pool(1) as pool:
        result = pool.submit(signal.pause)
        kills[0]()

        with pytest.raises(BrokenProcessPool):
            result.result()
