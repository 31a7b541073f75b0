"""The status of a session and its roles."""

from __future__ import annotations

import datetime as dt

import attrs

from .._core.events import RefreshCounters
from .._core.refresher import Refresher
from .._core.runtime import utc


__all__ = ["CallerIdentity", "HopStatus", "SessionStatus"]


@attrs.frozen(kw_only=True)
class HopStatus:
    """
    The state of one role's credentials.

    .. versionadded:: 0.1.0
    """

    name: str
    """The role's ARN; for credentials that aren't a role's, a description."""

    source: str
    """The source that signs the request."""

    generation: int
    """The number of sets of credentials so far; 0 before the first use."""

    refreshed_at: dt.datetime | None
    """When the current credentials were requested. `None` before the first use."""

    due_at: dt.datetime | None
    """When their refresh is due. `None` before the first use, or if it never is."""

    expires_at: dt.datetime | None
    """When they expire. `None` before the first use, or if they don't."""

    last_error: str | None
    """The message of the last error. `None` if the last attempt succeeded."""

    next_attempt_at: dt.datetime | None
    """The end of the back-off after a failure. `None` if there is no back-off."""

    counters: RefreshCounters
    """Counts of refreshes, failures and other events; a copy."""

    @classmethod
    def of(cls, refresher: Refresher) -> HopStatus:
        """Return the status of a refresher."""
        record = refresher.record
        dated = record is not None and record.credentials.expires_at is not None
        error = refresher.last_error
        return cls(
            name=refresher.name,
            source=refresher.source,
            generation=0 if record is None else record.generation,
            refreshed_at=None if record is None else utc(record.began.wall),
            due_at=utc(record.due_wall) if record is not None and dated else None,
            expires_at=None if record is None else record.credentials.expires_at,
            last_error=None if error is None else str(error),
            next_attempt_at=refresher.next_attempt_at,
            counters=attrs.evolve(refresher.events.counters),
        )


@attrs.frozen(kw_only=True)
class SessionStatus:
    """
    The state of a session: what `RefreshableSession.status` returns.

    .. versionadded:: 0.1.0
    """

    hops: tuple[HopStatus, ...]
    """The roles from the first to the session's own."""

    @property
    def hop(self) -> HopStatus:
        """The status of the session's own role."""
        return self.hops[-1]

    def __str__(self) -> str:
        """Return a table with a line for each role, and one for each last error."""
        rows = [HEADINGS, *map(_row, self.hops)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row, hop in zip(rows, (None, *self.hops), strict=True):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells).rstrip())
            if hop is not None and hop.last_error is not None:
                lines.append(f"  {_failure(hop)}")
        return "\n".join(lines)


HEADINGS = ("role", "source", "generation", "refresh due (UTC)", "expires (UTC)")


def _row(hop: HopStatus) -> tuple[str, ...]:
    return (
        hop.name,
        hop.source,
        str(hop.generation),
        _time(hop.due_at),
        _time(hop.expires_at),
    )


def _failure(hop: HopStatus) -> str:
    text = f"last error: {hop.last_error}"
    if hop.next_attempt_at is None:
        return text
    return f"{text} Next attempt: {_time(hop.next_attempt_at)} UTC."


def _time(instant: dt.datetime | None) -> str:
    return "-" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S}"


@attrs.frozen(kw_only=True)
class CallerIdentity:
    """
    The identity of a session: what GetCallerIdentity returns.

    .. versionadded:: 0.1.0
    """

    account_id: str
    """The ID of the account."""

    arn: str
    """The ARN of the assumed role, with the role session name."""

    user_id: str
    """The unique ID of the role, with the role session name."""
