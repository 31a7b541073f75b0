"""
Errors, and what they come from.
"""

from __future__ import annotations

from collections.abc import Iterator


__all__ = ["causes"]


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
