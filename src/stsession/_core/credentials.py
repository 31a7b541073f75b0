"""Temporary credentials as immutable values."""

from __future__ import annotations

import datetime as dt
import math

from typing import Any, NamedTuple, NoReturn

import attrs

from .policy import RefreshPlan


__all__ = ["FetchResult", "Instant", "Record", "TemporaryCredentials"]


@attrs.frozen(kw_only=True)
class TemporaryCredentials:
    """
    Credentials as STS issues them; their `repr` has no secrets.

    They can't be pickled. Pickle the session instead: its copy fetches credentials of
    its own.

    .. versionadded:: 0.1.0
    """

    access_key_id: str
    """The access key ID, which isn't secret."""

    secret_access_key: str = attrs.field(repr=False)
    """The secret access key."""

    session_token: str | None = attrs.field(default=None, repr=False)
    """The session token. `None` for a long-term access key."""

    expires_at: dt.datetime | None = None
    """When the credentials expire, as an aware UTC datetime. `None` if unknown."""

    account_id: str | None = None
    """The ID of the account that the credentials belong to. `None` if unknown."""

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = (
            "Credentials aren't pickled, because a pickle would carry the secrets. "
            "Pickle the session instead: its copy fetches credentials of its own."
        )
        raise TypeError(msg)

    def __copy__(self) -> TemporaryCredentials:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TemporaryCredentials:
        return self


class Instant(NamedTuple):
    """A point in time on both clocks, in seconds."""

    wall: float
    """Seconds since 1970-01-01 UTC."""

    monotonic: float
    """Seconds since some instant; never goes back."""


class FetchResult(NamedTuple):
    """Credentials that a fetch returned, and how they were issued."""

    credentials: TemporaryCredentials

    server_time: float | None = None
    """The time of the server that issued them, in seconds since 1970. `None` if
    unknown."""

    began: Instant | None = None
    """When the request was sent. `None` means when the fetch began."""

    longest_lifetimes: tuple[float, ...] = ()
    """Upper bounds of the lifetime in seconds: the expected one, then the possible one.
    Empty if there are none."""

    source_remaining: float | None = None
    """Seconds from *began* to the expiration of the source's credentials. `None` if
    unknown, or if they will be refreshed before."""

    source_resolved_again: bool = False
    """Whether the source's credentials were rejected, and resolved again."""


@attrs.frozen(kw_only=True, eq=False)
class Record:
    """One set of credentials, and when it is refreshed."""

    credentials: TemporaryCredentials
    generation: int
    """Sequence number of the credentials, from 1."""

    began: Instant
    """When the credentials were requested."""

    lifetime: float
    """Seconds from *began* to the expiration; infinite if there is none."""

    source_remaining: float | None
    """As in `FetchResult`."""

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
        Return the seconds until the expiration, by the clock that leaves less time.
        """
        if math.isinf(self.lifetime):
            return math.inf
        passed = max(now.wall - self.began.wall, now.monotonic - self.began.monotonic)
        return self.lifetime - passed
