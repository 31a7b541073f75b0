"""
Errors, and what they come from.
"""

from __future__ import annotations

from collections.abc import Iterator


__all__ = ["causes", "chained"]


def causes(error: BaseException) -> Iterator[BaseException]:
    """
    The error, its cause, the cause of that, and so on; each of them once.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def chained(error: BaseException) -> Iterator[BaseException]:
    """
    The error and all exceptions that it keeps: causes and contexts, shown or not.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [link.__cause__, link.__context__]
