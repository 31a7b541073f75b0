"""The command ``credential-process``."""

from __future__ import annotations

import datetime as dt
import sys

from typing import Any

import click

from _stsession_start import LONG_ENOUGH, PART_OF_LIFETIME

from .alias import Alias
from .errors import NEEDS_PERSON, CommandError, reporting_errors
from .formats import process_line
from .freshness import fresh_credentials
from .identity import LONGEST, files_of, identity_options, session_of
from .recursion import check_callers


__all__ = ["credential_process"]


@click.command("credential-process")
@identity_options
@click.option(
    "--min-validity",
    type=click.IntRange(min=0, max=LONGEST),
    metavar="SECONDS",
    help="How long the credentials have to be valid. Default: 16 minutes, or a third "
    "of the session duration if that is less.",
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
    arguments = sys.argv[1:]
    check_callers(arguments)
    alias = None if identity["no_cache"] else Alias(arguments)
    with reporting_errors():
        session = session_of(**identity)
        refresher = session._refresher  # noqa: SLF001 - one of ours
        may_prompt = prompt or identity["mfa_command"] is not None
        if not may_prompt and refresher.would_prompt():
            raise CommandError(
                "An MFA code is needed. Use the same options with `stsession whoami` "
                "first, or pass --prompt.",
                NEEDS_PERSON,
            )
        if min_validity is None:
            credentials = fresh_credentials(
                session, PART_OF_LIFETIME, at_most=LONG_ENOUGH, may_prompt=may_prompt
            )
        else:
            credentials = session.ensure(dt.timedelta(seconds=min_validity))
    click.echo(process_line(credentials))
    if alias is not None:
        alias.write(
            session,
            credentials.access_key_id,
            min_validity=min_validity,
            files=files_of(identity),
        )
