"""
Telling how far a run is: by a bar on a terminal, elsewhere by lines in the log.
"""

from __future__ import annotations

import logging
import sys

from typing import Any, Protocol

from ._seams import current


__all__ = ["Progress", "Silence", "progress_of"]

logger = logging.getLogger("stsession")

STEP = 10
"""Percent between two lines."""

INTERVAL = 30.0
"""Seconds between two lines, if that's sooner."""


class Progress(Protocol):
    """
    Who is told of each result.
    """

    def advance(self, *, ok: bool) -> None:
        """
        There is one more.
        """

    def wait(self) -> None:
        """
        There is none for the moment.
        """

    def close(self) -> None:
        """
        There won't be any more.
        """


class Silence:
    """
    Tells nobody.
    """

    def advance(self, *, ok: bool) -> None:
        """
        Say nothing.
        """

    def wait(self) -> None:
        """
        Say nothing.
        """

    def close(self) -> None:
        """
        Say nothing.
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
    Lines in the log, for each tenth and at least every half minute.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._failed = self._told = 0
        self._monotonic = current().clock.monotonic
        self._told_at = self._monotonic()

    def advance(self, *, ok: bool) -> None:
        """
        Write a line if it's time to.
        """
        self._done += 1
        self._failed += not ok
        if (self._done - self._told) * 100 >= STEP * self._total:
            self._tell()
        self.wait()

    def wait(self) -> None:
        """
        Write one if none has been written for long.
        """
        if self._monotonic() >= self._told_at + INTERVAL:
            self._tell()

    def _tell(self) -> None:
        self._told, self._told_at = self._done, self._monotonic()
        logger.info(
            "fleet: %s of %s done, %s failed", self._done, self._total, self._failed
        )

    def close(self) -> None:
        """
        Write a last line, unless it has been written.
        """
        if self._told < self._done:
            self._tell()


def progress_of(total: int) -> Progress:
    """
    Return what suits where standard error leads to.
    """
    if not _is_terminal(sys.stderr):
        return Lines(total)
    try:
        from tqdm import tqdm  # noqa: PLC0415 - it comes with an extra
    except ImportError:
        # Seen also where nobody has set up logging.
        logger.warning("fleet: for a progress bar, pip install stsession[progress]")
        return Lines(total)
    return Bar(tqdm(total=total, unit="session", file=sys.stderr))


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False
