"""
Telling objects apart, whatever they say of being equal.
"""

from __future__ import annotations

import itertools
import weakref

from typing import Any


__all__ = ["number_of"]

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
