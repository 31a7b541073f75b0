"""The commands ``cache ls``, ``cache clear`` and ``cache path``."""

from __future__ import annotations

import datetime as dt
import json
import time

from typing import TYPE_CHECKING, Any

import click

from .._delivery.records import RecordStore, StoredRecord
from .alias import key_of
from .errors import reporting_errors
from .formats import timestamp
from .identity import identity_options, is_given, session_of


if TYPE_CHECKING:
    from .. import RefreshableSession

__all__ = ["cache", "cached_record", "expiration_of"]


@click.group()
def cache() -> None:
    """
    Show or remove the credentials that commands share.

    They are in files that only you can read.
    """


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(*, as_json: bool) -> None:
    """List what the credentials are for, and until when they are valid."""
    now = time.time()
    entries = sorted(RecordStore().entries(), key=lambda entry: entry[1].expires)
    if as_json:
        rows = [
            {**record.description, "key": key, "expiration": expiration_of(record)}
            for key, record in entries
        ]
        click.echo(json.dumps(rows))
        return
    for key, record in entries:
        state = "until" if record.expires > now else "expired"
        name = record.description.get("name", "unknown")
        click.echo(f"{key[:8]}  {state} {expiration_of(record)}  {name}")


def cached_record(session: RefreshableSession) -> StoredRecord | None:
    """Return the record of a session's credentials. `None` if they have expired."""
    key, store = key_of(session), RecordStore()
    record = None if key is None else store.read(key)
    return None if record is None or record.expires <= time.time() else record


def expiration_of(record: StoredRecord) -> str | None:
    """Return when the credentials of a record expire."""
    return timestamp(dt.datetime.fromtimestamp(record.expires, dt.timezone.utc))


@cache.command()
@identity_options
@click.option("--expired", is_flag=True, help="Remove those that have expired.")
@click.option("--all", "everything", is_flag=True, help="Remove all.")
def clear(*, expired: bool, everything: bool, **identity: Any) -> None:
    r"""
    Remove credentials from the cache.

    \b
    stsession cache clear -p reader
    stsession cache clear --expired

    They stay valid, and programs that have them go on using them.
    """
    chosen = is_given(identity)
    if [expired, everything, chosen].count(True) != 1:
        raise click.UsageError(
            "Pass one of --all, --expired, and the options of the credentials."
        )
    if identity["no_cache"]:
        raise click.UsageError("--no-cache can't be used here. Leave it out.")
    store = RecordStore()
    if everything:
        removed = store.clear()
    elif expired:
        now = time.time()
        removed = store.clear(lambda record: record.expires <= now)
    else:
        with reporting_errors():
            session = session_of(**identity)
            hops = range(len(session._refreshers))  # noqa: SLF001 - one of ours
            keys = {key_of(session, hop) for hop in hops}
        found = {key for key, _ in store.entries()} & keys
        for key in found:
            store.remove(key)
        removed = len(found)
    click.echo(f"stsession: removed {removed}", err=True)


@cache.command()
def path() -> None:
    """Print the path of the folder with the credentials."""
    click.echo(RecordStore().path)
