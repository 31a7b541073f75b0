"""
State that lives for the whole process, and that tests begin without.
"""

from __future__ import annotations

import itertools
import sys

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ._identity import number_of


__all__ = ["fresh_process_state", "per_process", "world"]


T = TypeVar("T")

_state: list[tuple[Any, bool]] = []


def per_process(thing: T, *, of_files: bool = False) -> T:
    """
    Declare that *thing* holds state of the process; returns it.

    Its initializer takes no arguments. If a fork matters to it, it passes itself to
    `forget_after_fork` as well.

    Args:
        thing: An object that is never replaced, as others refer to it.

        of_files: Whether it remembers nothing but what files contain.
    """
    _state.append((thing, of_files))
    return thing


@contextmanager
def fresh_process_state(*, of_files: bool = True) -> Iterator[None]:
    """
    Initialize the state of the process anew, and restore it afterwards.

    Args:
        of_files: Whether that includes what is remembered of files.
    """
    former = [(it, dict(vars(it))) for it, is_file in _state if of_files or not is_file]
    number = len(_state)
    for thing, _ in former:
        thing.__init__()  # no attribute is missing meanwhile, for other threads
    try:
        yield
    finally:
        for thing, _ in _state[number:]:  # imported meanwhile
            thing.__init__()
        for thing, values in former:
            vars(thing).update(values)


class _World:
    """
    A number for each time that the state of the process was fresh.
    """

    def __init__(self) -> None:
        self.number = next(_numbers)


_numbers = itertools.count()
_world = per_process(_World())


def world() -> Hashable:
    """
    Return a key for what tests replace as a whole.

    moto replaces the function by which *requests* sends, by another one for each
    ``mock_aws()``; botocore doesn't use it.
    """
    adapters = sys.modules.get("requests.adapters")
    # Not by attribute: a wrapper may return another object each time.
    send = vars(getattr(adapters, "HTTPAdapter", object)).get("send")
    return _world.number, None if send is None else number_of(send)
