"""
Tracebacks to keep: as text, and not too much of it.
"""

from __future__ import annotations

import traceback

from collections.abc import Iterable
from types import TracebackType


__all__ = ["mark", "traceback_of"]


LENGTH = 4_000
"""Characters that are kept of a traceback."""

LONGEST = 500
"""Characters that are kept of a line, if it's too long altogether."""


def traceback_of(error: BaseException, frames: TracebackType | None) -> str:
    """
    The traceback of *error* as text.

    If it's too long, it keeps the calls that it begins with, which are the user's
    own, and those that it ends with; what it comes from is cut first.
    """
    whole = "".join(traceback.format_exception(type(error), error, frames))
    if len(whole) <= LENGTH:
        return whole
    last = "".join(traceback.format_exception(type(error), error, frames, chain=False))
    before, own = _lines(whole.removesuffix(last)), _lines(last)
    if _size(own) > LENGTH:
        head = _fitting(own, LENGTH // 2)
        tail = _fitting(reversed(own[len(head) :]), LENGTH // 2)[::-1]
        own = [*head, mark(len(own) - len(head) - len(tail)), *tail]
    causes = _fitting(reversed(before), LENGTH - _size(own))[::-1]
    if len(causes) < len(before):
        causes.insert(0, mark(len(before) - len(causes)))
    return "".join([*causes, *own])


def _lines(text: str) -> list[str]:
    return [
        line if len(line) <= LONGEST else f"{line[:LONGEST]} ...\n"
        for line in text.splitlines(keepends=True)
    ]


def _size(lines: Iterable[str]) -> int:
    return sum(map(len, lines))


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    """
    As many of *lines* as there is room for, from the first on.
    """
    taken: list[str] = []
    for line in lines:
        room -= len(line)
        if room < 0:
            break
        taken.append(line)
    return taken


def mark(count: int) -> str:
    """
    What stands for lines that were left out.
    """
    return f"  ... {count} {'line' if count == 1 else 'lines'} left out ...\n"
