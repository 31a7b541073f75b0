"""
Keys for objects: which one it is, or what it contains.
"""

from __future__ import annotations

import itertools
import weakref

from collections.abc import Hashable
from typing import Any


__all__ = ["number_of", "value_of"]


_next = itertools.count()
_numbers: dict[int, tuple[weakref.ref[Any], int]] = {}


def number_of(thing: Any) -> int:
    """
    A number that no other object ever has; an address may be used again.

    What takes no weak reference gets another one each time.
    """
    address = id(thing)
    reference, number = _numbers.get(address, (None, 0))
    if reference is not None and reference() is thing:
        return number
    number = next(_next)
    try:
        reference = weakref.ref(thing, lambda _: _numbers.pop(address, None))
    except TypeError:
        return number
    # Two threads may come here with one thing; the first number counts.
    return _numbers.setdefault(address, (reference, number))[1]


def value_of(thing: Any) -> Hashable:
    """
    A key that is equal for plain values that are equal and of the same type.

    So 1 isn't `True`, unlike for Python.

    Raises:
        TypeError: If there is something in it that can't be a key.
    """
    kind = type(thing)
    if isinstance(thing, dict):
        return kind, frozenset((name, value_of(item)) for name, item in thing.items())
    if isinstance(thing, (list, tuple)):
        return kind, tuple(map(value_of, thing))
    hash(thing)
    return kind, thing
