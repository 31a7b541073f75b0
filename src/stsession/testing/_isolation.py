"""
A fresh process state, for tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._core.runtime import DaemonPool, Runtime, current_runtime, use_runtime
from .._util import fresh_process_state


__all__ = ["isolated_process"]


@contextmanager
def isolated_process() -> Iterator[None]:
    """
    Use the state of a process that has just started, for the length of the block.

    Sessions that are made inside share nothing with those made before: no
    credentials, sources, connections, threads or request rate. MFA codes count as
    unused, the duration of ``"max"`` is found again for each role, and models and
    config files are read again. Sessions made before continue to work. It applies to
    all threads.

    With pytest, the plugin does this for each test, except that models and config
    files aren't read again and the threads of background refreshes remain.

    .. versionadded:: 0.1.0
    """
    # Keeps the function of a test that submits refreshes itself.
    replaced = current_runtime().submit != Runtime().submit
    submit = None if replaced else DaemonPool().submit
    with fresh_process_state(), use_runtime(submit=submit):
        yield
