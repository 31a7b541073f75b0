"""
The command ``credential-process``.
"""

from __future__ import annotations

import datetime as dt
import sys

from typing import TYPE_CHECKING, Any

import click

from _stsession_start import LONG_ENOUGH, PART_OF_LIFETIME

from .errors import NEEDS_PERSON, CommandError, reporting_errors
from .formats import process_line
from .identity import identity_options, session_of
from .recursion import check_callers


if TYPE_CHECKING:
    from .. import RefreshableSession, TemporaryCredentials

__all__ = ["credential_process"]


LAST_RESORT = 60.0
"""Seconds of validity that are enough while there are no new credentials."""


@click.command("credential-process")
@identity_options
@click.option(
    "--min-validity",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    help="How long the credentials have to be valid.",
)
@click.option("--prompt", is_flag=True, help="Prompt for MFA codes on the terminal.")
def credential_process(
    *, min_validity: int | None, prompt: bool, **identity: Any
) -> None:
    r"""
    Print credentials for the setting credential_process of a profile.

    \b
    [profile reader]
    credential_process = stsession credential-process --source ci \
        --role-arn arn:aws:iam::123456789012:role/Reader

    The SDKs of AWS run it again before the credentials expire. `stsession configure`
    writes such a profile.
    """
    check_callers(sys.argv[1:])
    with reporting_errors():
        session = session_of(**identity)
        refresher = session._refresher  # noqa: SLF001 - one of ours
        asks = not prompt and identity["mfa_command"] is None
        if asks and refresher.would_prompt():
            raise CommandError(
                "An MFA code is needed. Use the same options with `stsession whoami` "
                "first, or pass --prompt.",
                NEEDS_PERSON,
            )
        if min_validity is None:
            credentials = _fresh_credentials(session, may_prompt=not asks)
        else:
            credentials = session.ensure(dt.timedelta(seconds=min_validity))
    click.echo(process_line(credentials))


def _fresh_credentials(
    session: RefreshableSession, *, may_prompt: bool
) -> TemporaryCredentials:
    """
    Return credentials that are valid for long enough, or as long as possible.
    """
    from .. import RefreshError  # noqa: PLC0415 - `--help` needs no SDK

    refresher = session._refresher  # noqa: SLF001 - one of ours
    record = refresher.get()
    remaining = refresher.remaining(record)
    if remaining >= min(LONG_ENOUGH, record.lifetime * PART_OF_LIFETIME):
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
