"""Helpers: state of the process, forks, lazy values, keys, bounded dicts, errors."""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import weakref

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from random import SystemRandom
from typing import Any, Generic, Protocol, TypeVar, overload


__all__ = [
    "RandomEviction",
    "causes",
    "chained",
    "copy_containers",
    "digest_of",
    "forget_after_fork",
    "fresh_process_state",
    "isolation_key",
    "lazy",
    "number_of",
    "per_process",
    "value_of",
]


class _HasForkHook(Protocol):
    def _after_fork(self) -> None: ...


_reset_after_fork: weakref.WeakSet[_HasForkHook] = weakref.WeakSet()


def forget_after_fork(thing: _HasForkHook) -> None:
    """
    Call ``thing._after_fork()`` in each forked child, as long as *thing* exists.

    In the child, a lock that another thread holds is never released, and other threads
    don't exist. Objects that use either have to be reset.
    """
    _reset_after_fork.add(thing)


def _after_fork() -> None:
    errors = []
    for thing in list(_reset_after_fork):
        try:
            thing._after_fork()  # noqa: SLF001 - it's what they register for
        except Exception as e:  # noqa: BLE001, PERF203 - first the locks of the others
            errors.append(e)
    if errors:
        raise errors[0]


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


_next = itertools.count()
_numbers: dict[int, tuple[weakref.ref[Any], int]] = {}


def number_of(thing: Any) -> int:
    """
    Return a number that no other object ever has, unlike its address.

    An object without weak references has another number at each call.
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
    # If two threads do this with one object, the first number is used.
    return _numbers.setdefault(address, (reference, number))[1]


def value_of(thing: Any) -> Hashable:
    """
    Return a key that is equal for plain values that are equal and of the same type.

    For example, 1 and `True` have different keys.

    Raises:
        TypeError: If a part of the value has no hash.
    """
    kind = type(thing)
    if isinstance(thing, dict):
        return kind, frozenset((name, value_of(item)) for name, item in thing.items())
    if isinstance(thing, (list, tuple)):
        return kind, tuple(map(value_of, thing))
    hash(thing)
    return kind, thing


def copy_containers(value: Any) -> Any:
    """
    Return the value with copies of its dicts, lists and sets, at all levels.

    The program may change those afterwards.
    """
    kind = type(value)
    if kind is dict:
        return {name: copy_containers(item) for name, item in value.items()}
    if kind in (list, set, tuple):
        return kind(map(copy_containers, value))
    return value


T = TypeVar("T")


class per_process(Generic[T]):  # noqa: N801 - declares a variable
    """
    State of the process, such as a cache: made when it is first used.

    Call the object to get the value. Inside `fresh_process_state` it returns another
    value. A forked child uses the value of its parent; a value that must be reset there
    passes itself to `forget_after_fork`. If two threads make a value, the first one is
    used.

    Args:
        make: Makes the value.

        of_files: Whether it contains nothing but what was read from files.
    """

    def __init__(self, make: Callable[[], T], *, of_files: bool = False) -> None:
        self._make = make
        self._made: dict[str, T] = {}  # empty, or with the only item "value"
        self.of_files = of_files
        _declared.append(self)

    def __call__(self) -> T:
        made = self._made
        value = made.get("value")
        return made.setdefault("value", self._make()) if value is None else value

    def replaced(self, made: dict[str, T]) -> dict[str, T]:
        """
        Return the current value's dict, and use *made* instead, which may be empty.
        """
        former, self._made = self._made, made
        return former


_declared: list[per_process[Any]] = []


@contextmanager
def fresh_process_state(*, of_files: bool = True) -> Iterator[None]:
    """
    Use new values of all `per_process` variables, and restore the old ones afterwards.

    Args:
        of_files: Whether that includes values that were read from files.
    """
    former = [(it, it.replaced({})) for it in _declared if of_files or not it.of_files]
    number = len(_declared)
    try:
        yield
    finally:
        for it in _declared[number:]:  # imported meanwhile
            it.replaced({})
        for it, made in former:
            it.replaced(made)


_isolation = per_process(itertools.count().__next__)


def isolation_key() -> Hashable:
    """
    Return a key that differs inside each `fresh_process_state` and ``mock_aws()``.

    moto replaces the function by which *requests* sends; botocore doesn't use it.
    """
    adapters = sys.modules.get("requests.adapters")
    # Not by attribute: a wrapper may return another object each time.
    send = vars(getattr(adapters, "HTTPAdapter", object)).get("send")
    return _isolation(), None if send is None else number_of(send)


class lazy(Generic[T]):  # noqa: N801 - used as a decorator
    """
    A :class:`functools.cached_property` without a lock.

    Before Python 3.12, `cached_property` has one lock for all instances: they wait for
    one another, and a child that is forked while the lock is held waits forever. If two
    threads make a value here, the first one is used.
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


K = TypeVar("K")
V = TypeVar("V")

_system_random = SystemRandom().random


class RandomEviction(dict[K, V], Generic[K, V]):
    """
    A dict of limited size that removes a random item when it is full.

    If a program cycles through one item more than the limit, most lookups still
    succeed. If the oldest item were removed, each would be removed just before it is
    used again.

    Items are added by ``self[key] = value``, one at a time.

    Args:
        max_items: The largest number of items.

        random: Returns a number from 0 to 1.
    """

    def __init__(
        self, max_items: int, *, random: Callable[[], float] = _system_random
    ) -> None:
        super().__init__()
        self._max_items = max_items
        self._random = random

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self and len(self) >= self._max_items:
            keys = list(self)
            place = int(self._random() * len(keys)) % len(keys)
            self.pop(keys[place], None)  # another thread may have cleared it
        super().__setitem__(key, value)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Return the error and its chain of causes, each of them once."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def chained(error: BaseException) -> Iterator[BaseException]:
    """
    Return the error and all exceptions in its chain: causes, and even hidden contexts.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [link.__cause__, link.__context__]


_DIGEST_KEY = os.urandom(16)
"""A random key of this process: digests can't be compared with those of guesses."""


def digest_of(content: bytes) -> bytes:
    """Return a digest that differs from process to process."""
    return hashlib.blake2b(content, digest_size=16, key=_DIGEST_KEY).digest()
