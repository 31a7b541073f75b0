"""
Values that are made when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload


__all__ = ["lazy"]


T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - used as a decorator
    """
    Like :class:`functools.cached_property`, but without its lock.

    Before Python 3.12 that has one lock for all instances: they wait for one another,
    and a child that is forked while it is held waits for ever. If two threads make a
    value here, the first one's counts.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> lazy[T] | T:
        if instance is None:
            return self
        value = self._make(instance)
        kept: T = vars(instance).setdefault(self._name, value)
        return kept
