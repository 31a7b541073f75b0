"""
Dicts of bounded size.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from .seams_part import current


__all__ = ["RandomEviction"]


K = TypeVar("K")
V = TypeVar("V")


class RandomEviction(dict[K, V], Generic[K, V]):
    """
    A dict that drops a random item when it has too many.

    A program that uses one item more than fit, in a cycle, finds most of them here.
    If the oldest were dropped, each would be dropped just before it is used again.

    Items are added by ``self[key] = value``, one at a time.

    Args:
        max_items: How many items it has at most.
    """

    def __init__(self, max_items: int) -> None:
        super().__init__()
        self._max_items = max_items

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self and len(self) >= self._max_items:
            keys = list(self)
            place = int(current().draw() * len(keys)) % len(keys)
            self.pop(keys[place], None)  # another thread may have cleared it
        super().__setitem__(key, value)
