"""
Progress of a run, on standard error: a bar, or a line every few seconds.
"""

from __future__ import annotations

import contextlib
import sys

from typing import Any, Protocol

from .._core.seams_part import current


__all__ = ["Progress", "Silence", "progress_of"]


INTERVAL = 5.0
"""Seconds from one line to the next."""


class Progress(Protocol):
    """
    Shows how many results there are.
    """

    def advance(self, *, ok: bool) -> None:
        """
        There is one more.
        """

    def wait(self) -> None:
        """
        There is no further one yet.
        """

    def close(self) -> None:
        """
        There won't be any more.
        """


class Silence:
    """
    Shows nothing.
    """

    def advance(self, *, ok: bool) -> None:
        """
        Show nothing.
        """

    def wait(self) -> None:
        """
        Show nothing.
        """

    def close(self) -> None:
        """
        Show nothing.
        """


class Bar:
    """
    A bar of tqdm.
    """

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._failed = 0

    def advance(self, *, ok: bool) -> None:
        """
        Draw it anew, unless that has just been done.
        """
        if not ok:
            self._failed += 1
            self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update()

    def wait(self) -> None:
        """
        Let its clock go on.
        """
        self._bar.refresh()

    def close(self) -> None:
        """
        Leave the cursor on a line of its own.
        """
        self._bar.close()


class Lines:
    """
    Lines of plain text, one every few seconds, and one at the end.

    Args:
        total: How many results there will be.

        stream: Where the lines are written.
    """

    def __init__(self, total: int, stream: Any) -> None:
        self._total = total
        self._stream = stream
        self._done = self._failed = self._written = 0
        self._monotonic = current().clock.monotonic
        self._written_at = self._monotonic()

    def advance(self, *, ok: bool) -> None:
        """
        Write a line if it's time to.
        """
        self._done += 1
        self._failed += not ok
        self.wait()

    def wait(self) -> None:
        """
        Write a line if it's time to.
        """
        if self._monotonic() >= self._written_at + INTERVAL:
            self._write()

    def _write(self) -> None:
        self._written, self._written_at = self._done, self._monotonic()
        line = f"fleet: {self._done} of {self._total} done, {self._failed} failed"
        _write_line(self._stream, line)

    def close(self) -> None:
        """
        Write a last line, unless it has been written.
        """
        if self._written < self._done:
            self._write()


def progress_of(total: int) -> Progress:
    """
    Return what suits standard error: nothing if there is none.
    """
    stream: Any = sys.stderr
    if stream is None or getattr(stream, "closed", False):
        return Silence()
    if not _is_terminal(stream):
        return Lines(total, stream)
    try:
        from tqdm import tqdm  # noqa: PLC0415 - it comes with an extra
    except ImportError:
        hint = "fleet: for a progress bar, pip install stsession[progress]"
        _write_line(stream, hint)
        return Lines(total, stream)
    return Bar(tqdm(total=total, unit="session", file=stream))


def _is_terminal(stream: Any) -> bool:
    isatty = getattr(stream, "isatty", None)
    return isatty is not None and bool(isatty())


def _write_line(stream: Any, line: str) -> None:
    # A run goes on if its progress can't be shown any longer.
    with contextlib.suppress(Exception):
        stream.write(f"{line}\n")
        stream.flush()
