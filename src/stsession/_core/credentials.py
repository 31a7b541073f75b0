"""
Credentials as immutable values.
"""

from __future__ import annotations

import datetime as dt
import math

from typing import Any, NoReturn

import attrs

from .policy import RefreshPlan


__all__ = ["Fetched", "Instant", "Record", "TemporaryCredentials"]


@attrs.frozen(kw_only=True)
class TemporaryCredentials:
    """
    Credentials as STS issues them; the secrets don't show in the `repr`.

    They can't be pickled: pickle the session, which fetches its own.

    .. versionadded:: 0.1.0
    """

    access_key_id: str
    """The access key ID; not a secret."""

    secret_access_key: str = attrs.field(repr=False)
    """The secret key."""

    session_token: str | None = attrs.field(default=None, repr=False)
    """The session token. `None` for a source's long-lived keys."""

    expires_at: dt.datetime | None = None
    """When they expire, as an aware UTC datetime. `None` if that isn't known."""

    account_id: str | None = None
    """The account that they act in."""

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = (
            "Credentials aren't pickled, because a pickle would carry the secrets. "
            "Pickle the session: it carries its recipe and fetches its own."
        )
        raise TypeError(msg)

    def __copy__(self) -> TemporaryCredentials:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TemporaryCredentials:
        return self


@attrs.frozen
class Instant:
    """
    What both clocks said at one moment, in seconds.
    """

    wall: float
    monotonic: float


@attrs.frozen(kw_only=True)
class Fetched:
    """
    What a fetch brings.
    """

    credentials: TemporaryCredentials

    server_time: float | None = None
    """The time of the server that answered, in seconds since 1970."""

    began: Instant | None = None
    """When the request was sent. `None` means when the fetch was called."""

    longest_lifetimes: tuple[float, ...] = ()
    """Upper bounds of their lifetime in seconds: the one to be expected, and then the
    one that is possible at all. Empty if there are none."""

    source_remaining: float | None = None
    """Seconds that the source had left at *began*."""

    source_resolved_again: bool = False
    """Whether the source's credentials were refused first, and looked up again."""


@attrs.frozen(kw_only=True, eq=False)
class Record:
    """
    A set of credentials and all that was decided about it when it came.
    """

    credentials: TemporaryCredentials
    generation: int
    began: Instant
    lifetime: float
    """Seconds from *began* to the expiration; infinite if undated."""

    source_remaining: float | None
    plan: RefreshPlan
    due_wall: float = attrs.field(init=False)
    due_monotonic: float = attrs.field(init=False)

    @due_wall.default
    def _due_wall(self) -> float:
        return self.began.wall + self.lifetime - self.plan.due

    @due_monotonic.default
    def _due_monotonic(self) -> float:
        return self.began.monotonic + self.lifetime - self.plan.due

    def remaining(self, now: Instant) -> float:
        """
        Seconds left by whichever clock says less.
        """
        if math.isinf(self.lifetime):
            return math.inf
        passed = max(now.wall - self.began.wall, now.monotonic - self.began.monotonic)
        return self.lifetime - passed
