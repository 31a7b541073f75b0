"""A fresh process state, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._util import fresh_process_state


__all__ = ["isolated_process"]


@contextmanager
def isolated_process() -> Iterator[None]:
    """
    Use the state of a process that has just started, for the length of the block.

    Sessions that are made inside share nothing with those made before: no
    credentials, sources, connections, threads or request rate. MFA codes count as
    unused, the duration of ``"max"`` is found again for each role, and models and
    config files are read again. Sessions made before continue to work. The isolation
    applies to all threads.

    With pytest, the plugin does this for each test, except that models and config
    files aren't read again.

    .. versionadded:: 0.1.0
    """
    with fresh_process_state():
        yield
