"""The results of a run, and the summary of its failures."""

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
"""The number of calls that are kept of a traceback: the user's own calls come first."""

LENGTH = 4_000
"""The number of characters that are kept of a traceback."""


def traceback_of(error: BaseException, frames: TracebackType | None) -> str:
    """Return the traceback of *error* as text, shortened if it is long."""
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
"""Number of failures that a run keeps. Further ones are only counted."""

SHOWN = 10
"""Number of accounts that the summary names for each kind of failure."""

LONGEST = 300
"""Number of characters of an error's text in the summary."""

INDENT = " " * 8


def code_of(error: BaseException) -> str | None:
    """Return the AWS error code of an error. `None` if it has none."""
    try:
        response = getattr(error, "response", None)
    except Exception:  # noqa: BLE001 - any class may raise anything
        response = None
    if isinstance(response, Mapping):
        details = response.get("Error")
        code = details.get("Code") if isinstance(details, Mapping) else None
        return str(code) if code else None
    code = getattr(error, "code", None)
    return code if isinstance(code, str) and code else None


@attrs.frozen(kw_only=True)
class FleetResult(Generic[T]):
    """
    The result of one account and region in a run over a fleet.

    .. versionadded:: 0.1.0
    """

    target: FleetTarget = attrs.field(repr=False)
    """The account, role and region of the session."""

    account_id: str | None
    """The account ID. `None` on servers whose role ARNs have none."""

    account_name: str | None
    """The account's name in the organization. `None` if the accounts were passed."""

    role_arn: str
    """The ARN of the role."""

    region: str | None
    """The session's region."""

    value: T | None = None
    """The return value of the function. `None` if it raised an exception."""

    error: Exception | None = None
    """The exception that the function raised, or that prevented the session from
    getting credentials. It has no traceback, because frames keep all local variables in
    memory."""

    traceback: str | None = attrs.field(default=None, repr=False)
    """The error's traceback, as text of about 4,000 characters at most. Of a deep
    traceback, it has the first 4 calls and the last 8."""

    @classmethod
    def of(cls, target: FleetTarget, **outcome: Any) -> FleetResult[T]:
        """Return the result of *target*."""
        return cls(
            target=target,
            account_id=target.account_id,
            account_name=target.account_name,
            role_arn=target.role_arn,
            region=target.region,
            **outcome,
        )

    @property
    def ok(self) -> bool:
        """Whether the function returned a value."""
        return self.error is None

    @property
    def hop(self) -> str | None:
        """
        The role that couldn't be assumed. `None` if the failure was a different one.
        """
        hop = getattr(self.error, "hop", None)
        return hop if isinstance(self.error, StsessionError) else None

    @property
    def hint(self) -> str:
        """How to fix the error. Empty if that isn't known."""
        return self.error.hint if isinstance(self.error, StsessionError) else ""


@attrs.frozen(kw_only=True)
class FleetCounts:
    """
    The number of targets of a run, and of their results so far.

    .. versionadded:: 0.1.0
    """

    targets: int
    """The number of accounts times regions. 0 before the run has begun."""

    succeeded: int
    """The number of results taken that have a value."""

    failed: int
    """The number of results taken that have an error."""

    @property
    def done(self) -> int:
        """The number of results taken."""
        return self.succeeded + self.failed

    @property
    def left(self) -> int:
        """The number of targets whose results haven't been taken."""
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
    """The failures of a run: the first 1,000, and the number of each kind."""

    def __init__(self) -> None:
        self.kept: list[FleetResult[Any]] = []
        self.count = 0
        self._groups: collections.defaultdict[tuple[str, str], _Group]
        self._groups = collections.defaultdict(_Group)

    def add(self, result: FleetResult[Any]) -> None:
        """Count a failure."""
        self.count += 1
        if len(self.kept) < KEPT:
            self.kept.append(result)
        name = getattr(result.error, "type_name", None) or type(result.error).__name__
        code = code_of(result.error) if result.error is not None else None
        self._groups[name, code or ""].add(result)

    def table(self) -> list[str]:
        """
        Return the lines of a table of the kinds of failures, the most frequent first.
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
