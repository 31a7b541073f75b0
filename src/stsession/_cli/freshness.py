"""Credentials that are valid for long enough for a program that can't renew them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from .. import RefreshableSession, TemporaryCredentials

__all__ = ["fresh_credentials"]


LAST_RESORT = 60.0
"""Seconds of validity that are enough while there are no new credentials."""


def fresh_credentials(
    session: RefreshableSession,
    part: float,
    *,
    at_most: float = float("inf"),
    may_prompt: bool = True,
) -> TemporaryCredentials:
    """
    Return credentials of which a part of the lifetime is left, or as much as possible.

    Args:
        session: The session.

        part: The part of the lifetime.

        at_most: Seconds that are always enough.

        may_prompt: Whether a person may be prompted for new ones.

    Raises:
        RefreshError: If there are none that are valid for a minute.
    """
    from .. import RefreshError  # noqa: PLC0415 - `--help` needs no SDK

    refresher = session._refresher  # noqa: SLF001 - one of ours
    record = refresher.get()
    remaining = refresher.remaining(record)
    if remaining >= min(at_most, record.lifetime * part):
        return record.credentials
    if remaining > LAST_RESORT and not may_prompt and refresher.needs_input():
        return record.credentials
    try:
        return refresher.refresh().credentials
    except RefreshError as e:
        if remaining <= LAST_RESORT:
            raise
        click.echo(f"stsession: {e}", err=True)
        return record.credentials
