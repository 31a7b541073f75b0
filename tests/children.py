"""
Child processes that don't outlive a test, whatever they or the test do.

A child begins with the usual dispositions of signals: those of the process that runs
the tests may be others, as SIGINT is ignored in the background of a shell.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any


SOON = 60
"""Seconds after which a child is taken to hang; each takes a fraction of it."""

USUAL = {
    name: handler
    for name, handler in {
        "SIGINT": signal.default_int_handler,
        "SIGTERM": signal.SIG_DFL,
        "SIGHUP": signal.SIG_DFL,
        "SIGQUIT": signal.SIG_DFL,
        "SIGCHLD": signal.SIG_DFL,
    }.items()
    if hasattr(signal, name)
}
"""Handlers as Python sets them when it starts in the foreground of a shell."""


@contextlib.contextmanager
def usual_signals() -> Iterator[None]:
    """
    Let the children that are started here begin with the usual dispositions.

    A signal with a handler has the default one in a new program; one that is
    ignored stays ignored.
    """
    before = {
        name: signal.signal(getattr(signal, name), handler)
        for name, handler in USUAL.items()
    }
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextlib.contextmanager
def child(args: Any, **kw: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a program; kill it at the end, or if it takes too long."""
    with usual_signals():
        process = subprocess.Popen(args, **kw)
    with process, _at_last(process.kill):
        try:
            yield process
        finally:
            process.kill()


def run_child(args: Any, *, timeout: float = SOON, **kw: Any) -> Any:
    """Run a program to its end. It is killed if that takes too long."""
    with usual_signals():
        return subprocess.run(args, timeout=timeout, check=False, **kw)


def status_of_fork(run: Callable[[], int]) -> int:
    """
    Call *run* in a forked child, which ends with the status that it returns.

    The child is killed if it takes too long. It may replace itself by another program.
    Returns its exit status, or minus the number of the signal that ended it.
    """
    forked = os.fork()
    if forked == 0:
        status = 1
        gc.disable()  # as in in_a_fork()
        try:
            for name, handler in USUAL.items():
                signal.signal(getattr(signal, name), handler)
            status = run()
        except BaseException:  # noqa: BLE001 - shown, and the status is another one
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    with _at_last(lambda: os.kill(forked, signal.SIGKILL)):
        _, status = os.waitpid(forked, 0)
    return os.waitstatus_to_exitcode(status)


def in_a_fork(do: Callable[[], Any]) -> Any:
    """
    Call *do* in a forked child; return what it returned.

    The child is killed if it takes too long.
    """
    reader, writer = os.pipe()
    forked = os.fork()
    if forked == 0:
        code = 1
        gc.disable()  # what other tests left behind may wait for their threads
        try:
            for name, handler in USUAL.items():
                signal.signal(getattr(signal, name), handler)
            os.write(writer, json.dumps([do()]).encode())
            code = 0
        except BaseException as e:  # noqa: BLE001 - shown, and the parent fails
            text = "".join([*traceback.format_exception(e), *_other_threads()])
            os.write(writer, json.dumps({"raised": text}).encode())
        finally:
            os._exit(code)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], SOON)
    if not ready:
        os.kill(forked, signal.SIGKILL)
    os.waitpid(forked, 0)
    with os.fdopen(reader, "rb") as pipe:
        result = pipe.read()

    assert result, f"the child returned nothing within {SOON} s"
    returned = json.loads(result)
    assert isinstance(returned, list), returned["raised"]
    return returned[0]


def _other_threads() -> Iterator[str]:
    for thread, frame in sys._current_frames().items():
        if thread != threading.get_ident():
            yield "".join(["Another thread:\n", *traceback.format_stack(frame)])


@contextlib.contextmanager
def process_pool(*args: Any, **kw: Any) -> Iterator[ProcessPoolExecutor]:
    """
    Start a pool of processes. They are killed if the test fails or takes too long.
    """
    with usual_signals(), ProcessPoolExecutor(*args, **kw) as pool:

        def kill() -> None:
            for process in list((pool._processes or {}).values()):
                process.kill()

        with _at_last(kill):
            try:
                yield pool
            except BaseException:
                kill()
                raise


@contextlib.contextmanager
def _at_last(kill: Callable[[], None]) -> Iterator[None]:
    """Call *kill* if the block takes too long."""
    timer = threading.Timer(SOON, kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
