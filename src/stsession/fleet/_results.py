"""
Results of a run over a fleet.
"""

from __future__ import annotations

import collections
import textwrap
import traceback

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Generic, TypeVar

import attrs

from ..exceptions import StsessionError
from ._accounts import FleetTarget


__all__ = [
    "Failures",
    "FleetCounts",
    "FleetResult",
    "code_of",
    "traceback_of",
]


FIRST, LAST = 4, 8
"""Calls that are kept of a traceback: the user's own come first."""

LENGTH = 4_000
"""Characters that are kept of a traceback."""


def traceback_of(error: BaseException, frames: TracebackType | None) -> str:
    """
    Return the traceback of *error* as text, shortened if it is long.
    """
    report = traceback.TracebackException(type(error), error, frames)
    link: traceback.TracebackException | None = report
    while link is not None:
        del link.stack[FIRST:-LAST]
        link = link.__cause__ or link.__context__
    text = "".join(report.format())
    if len(text) > LENGTH:
        text = f"{text[: LENGTH // 2]}\n  ...\n{text[-LENGTH // 2 :]}"
    return text


T = TypeVar("T")

KEPT = 1_000
"""Failures that a run keeps; more are only counted."""

SHOWN = 10
"""Accounts that the summary names for each kind of failure."""

LONGEST = 300
"""Characters that it has of an error's text."""

INDENT = " " * 8


def code_of(error: BaseException) -> str | None:
    """
    The error code in an error of AWS, or in one of ours that has one.
    """
    try:
        response = getattr(error, "response", None)
    except Exception:  # noqa: BLE001 - it's anybody's
        response = None
    if isinstance(response, Mapping):
        told = response.get("Error")
        return (
            str(told.get("Code") or "") or None if isinstance(told, Mapping) else None
        )
    code = getattr(error, "code", None)
    return code if isinstance(code, str) and code else None


@attrs.frozen(kw_only=True)
class FleetResult(Generic[T]):
    """
    What came of one account and region.

    .. versionadded:: 0.1.0
    """

    target: FleetTarget = attrs.field(repr=False)
    """Which session it was."""

    account_id: str | None
    """The account. `None` on servers whose roles have none."""

    account_name: str | None
    """What the organization calls it. `None` if it wasn't asked."""

    role_arn: str
    """The role."""

    region: str | None
    """The session's region."""

    value: T | None = None
    """What the function returned. `None` if it raised something."""

    error: Exception | None = None
    """What it raised, or what kept the session from credentials. It has no traceback,
    which would keep everything that the function had at hand."""

    traceback: str | None = attrs.field(default=None, repr=False)
    """The error's traceback, as text of about 4,000 characters at most. Of a deep
    traceback, it has the first 4 calls and the last 8."""

    @classmethod
    def of(cls, target: FleetTarget, **what: Any) -> FleetResult[T]:
        """
        Make the result of *target*.
        """
        return cls(
            target=target,
            account_id=target.account_id,
            account_name=target.account_name,
            role_arn=target.role_arn,
            region=target.region,
            **what,
        )

    @property
    def ok(self) -> bool:
        """
        Whether the function returned.
        """
        return self.error is None

    @property
    def hop(self) -> str | None:
        """
        The role that couldn't be assumed. `None` if the failure was another.
        """
        hop = getattr(self.error, "hop", None)
        return hop if isinstance(self.error, StsessionError) else None

    @property
    def hint(self) -> str:
        """
        What to do about the error; empty if nothing sensible is known.
        """
        return self.error.hint if isinstance(self.error, StsessionError) else ""


@attrs.frozen(kw_only=True)
class FleetCounts:
    """
    How far a run is.

    .. versionadded:: 0.1.0
    """

    targets: int
    """Accounts times regions; 0 before the run has begun."""

    succeeded: int
    """Results that were handed over and have a value."""

    failed: int
    """Results that were handed over and have an error."""

    @property
    def done(self) -> int:
        """
        Results that were handed over.
        """
        return self.succeeded + self.failed

    @property
    def left(self) -> int:
        """
        Targets without a result.
        """
        return self.targets - self.done


@attrs.define
class _Group:
    count: int = 0
    text: str = ""
    hint: str = ""
    names: list[str] = attrs.field(factory=list)

    def add(self, result: FleetResult[Any]) -> None:
        self.count += 1
        if self.count == 1:
            self.hint = result.hint
            text = str(result.error).removesuffix(result.hint)
            self.text = textwrap.shorten(text, LONGEST, placeholder=" …")
        elif self.hint != result.hint:
            self.hint = ""
        if len(self.names) < SHOWN:
            words = (result.account_id or result.role_arn, result.account_name)
            self.names.append(" ".join(filter(None, (*words, result.region))))


class Failures:
    """
    The failures of a run: the first of them, and all of them counted by kind.
    """

    def __init__(self) -> None:
        self.kept: list[FleetResult[Any]] = []
        self.count = 0
        self._groups: collections.defaultdict[tuple[str, str], _Group]
        self._groups = collections.defaultdict(_Group)

    def add(self, result: FleetResult[Any]) -> None:
        """
        Take note of one.
        """
        self.count += 1
        if len(self.kept) < KEPT:
            self.kept.append(result)
        name = getattr(result.error, "type_name", None) or type(result.error).__name__
        code = code_of(result.error) if result.error is not None else None
        self._groups[name, code or ""].add(result)

    def table(self) -> list[str]:
        """
        The lines of a table: how many, what, and where; the most frequent first.
        """
        ranked = sorted(self._groups.items(), key=lambda item: -item[1].count)
        lines = []
        for key, group in ranked:
            lines.append(
                f"{group.count:>6}  {' '.join(filter(None, dict.fromkeys(key)))}"
            )
            more = group.count - len(group.names)
            names = [*sorted(group.names), *([f"and {more} more"] if more else ())]
            first = f"First: {group.text}" if group.count > 1 else group.text
            for text in (", ".join(names), first, group.hint):
                lines += textwrap.wrap(
                    text, 88, initial_indent=INDENT, subsequent_indent=INDENT
                )
        return lines
