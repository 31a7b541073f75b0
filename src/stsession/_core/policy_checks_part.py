"""
The fields of a policy, and what they refuse.
"""

from __future__ import annotations

import datetime as dt
import math

from typing import Any

import attrs


__all__ = [
    "check_codes",
    "check_flag",
    "check_number",
    "check_pair",
    "check_tiers",
    "one_of",
    "share",
    "span",
]


def _not_negative(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and value < type(value)(0):
        msg = f"{attribute.name} is {value}; it can't be negative."
        raise ValueError(msg)


def span(default: dt.timedelta | None) -> Any:
    """
    A span that isn't negative; `None` if that is the default.
    """

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is None and attribute.default is None:
            return
        if not isinstance(value, dt.timedelta):
            msg = f"{attribute.name} is {value!r}; give a datetime.timedelta."
            raise TypeError(msg)
        _not_negative(instance, attribute, value)

    return attrs.field(default=default, validator=check)


def check_pair(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    Two spans in order; `None` if that is the default.
    """
    if value is None and attribute.default is None:
        return
    spans = value if isinstance(value, tuple) else ()
    if len(spans) != 2 or not all(isinstance(span, dt.timedelta) for span in spans):
        msg = f"{attribute.name} is {value!r}; give a pair of datetime.timedelta."
        raise TypeError(msg)
    if not dt.timedelta(0) <= value[0] <= value[1]:
        msg = f"{attribute.name} is {value}; the second can't be less than the first."
        raise ValueError(msg)


def check_tiers(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    Pairs of spans in order.
    """
    if not isinstance(value, tuple):  # a list couldn't be hashed
        msg = f"{attribute.name} is {value!r}; give a tuple of pairs."
        raise TypeError(msg)
    for tier in value:
        spans = tier if isinstance(tier, tuple) else ()
        if len(spans) != 2 or not all(isinstance(span, dt.timedelta) for span in spans):
            msg = f"{attribute.name} has {tier!r}; give pairs of datetime.timedelta."
            raise TypeError(msg)
        if min(spans) < dt.timedelta(0):
            msg = f"{attribute.name} has {tier!r}; a span can't be negative."
            raise ValueError(msg)
    if sorted(value) != list(value):
        msg = f"{attribute.name} isn't in ascending order."
        raise ValueError(msg)


def _fraction(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{attribute.name} is {value!r}; give a plain number."
        raise TypeError(msg)
    unbounded = value == math.inf and attribute.name == "advisory_maximum_fraction"
    if not (math.isfinite(value) or unbounded):
        msg = f"{attribute.name} is {value}; give a finite number."
        raise ValueError(msg)
    _not_negative(instance, attribute, value)


def share(default: float) -> Any:
    """
    A fraction: a plain number that isn't negative.
    """
    return attrs.field(default=default, validator=_fraction)


def check_codes(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    A frozenset of str; `None` if that is the default.
    """
    if value is None and attribute.default is None:
        return
    codes = value if isinstance(value, frozenset) else [None]
    if not all(isinstance(code, str) for code in codes):
        msg = f"{attribute.name} is {value!r}; give a frozenset of str."
        raise TypeError(msg)


def check_flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    `True` or `False`.
    """
    if not isinstance(value, bool):
        msg = f"{attribute.name} is {value!r}; give True or False."
        raise TypeError(msg)


def check_number(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    An int, 1 at least.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{attribute.name} is {value!r}; give an int."
        raise TypeError(msg)
    if value < 1:
        msg = f"{attribute.name} is {value}; it has to be 1 at least."
        raise ValueError(msg)


def one_of(*choices: object) -> Any:
    """
    One of *choices*, by default the first.
    """

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in choices:
            names = ", ".join(map(repr, choices))
            msg = f"{attribute.name} is {value!r}; give one of {names}."
            raise ValueError(msg)

    return attrs.field(default=choices[0], validator=check)
