"""
A process that nothing has happened in yet, for tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._core.runtime import BackgroundPool, Runtime, current_runtime, use_runtime
from .._util import fresh_process_state


__all__ = ["isolated_process"]


@contextmanager
def isolated_process() -> Iterator[None]:
    """
    Begin with the state of a process that has just started, and end it afterwards.

    Sessions that are made inside share nothing with those made before: no
    credentials, sources, connections or threads, and no request rate. MFA codes
    count as unused, what ``"max"`` means for a role as unknown, and models and config
    files are read again. Sessions made before go on working. It holds for all
    threads.

    In tests run by pytest, each test has such a process by itself, in which models
    and config files aren't read again and the threads of background refreshes are
    those of earlier tests.

    .. versionadded:: 0.1.0
    """
    # A test that runs refreshes itself goes on doing so.
    replaced = current_runtime().submit != Runtime().submit
    submit = None if replaced else BackgroundPool().submit
    with fresh_process_state(), use_runtime(submit=submit):
        yield
