"""Credentials for libraries that keep them until a time that the provider returns."""

from __future__ import annotations

import math

from .._core.credentials import TemporaryCredentials
from .._sessions.session import RefreshableSession, refresher_of


__all__ = ["credentials_until"]


EARLY_SECONDS = 5.0
"""How long before the expiration a library has to stop using credentials."""

EARLY_FRACTION = 0.1
"""The same as a fraction of the lifetime, for short-lived credentials."""


def credentials_until(
    session: RefreshableSession,
) -> tuple[TemporaryCredentials, float | None]:
    """
    Return current credentials, and until when a library may use them.

    The time is of the local clock, in seconds since 1970, because the library compares
    it with that clock, which may be wrong. It is never in the past: libraries reject
    that, or don't use the credentials although the session's policy allows it. `None`
    means that the credentials don't expire.

    Raises:
        RefreshError: If there are no usable credentials.
    """
    refresher = refresher_of(session)
    record = refresher.get()
    remaining = refresher.remaining(record)
    if math.isinf(remaining):
        return record.credentials, None
    early = min(EARLY_SECONDS, record.lifetime * EARLY_FRACTION)
    return record.credentials, refresher.clock.wall() + max(0.0, remaining - early)
