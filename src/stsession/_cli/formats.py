"""Environment variables as commands of a shell, and in other formats."""

from __future__ import annotations

import datetime as dt
import shlex

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple


if TYPE_CHECKING:
    from .. import TemporaryCredentials

__all__ = ["ALIASES", "SHELLS", "Shell", "process_line", "timestamp"]


def _fish(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _powershell(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


class Shell(NamedTuple):
    """How variables are set and removed, a line for each."""

    set_variable: Callable[[str, str], str]
    unset_variable: Callable[[str], str] | None = None
    """`None` if variables can't be removed."""

    def text(self, variables: Mapping[str, str], removed: Iterable[str] = ()) -> str:
        """Return the text that removes some variables and sets others."""
        lines = [self.set_variable(name, value) for name, value in variables.items()]
        if self.unset_variable is not None:
            lines = [*map(self.unset_variable, removed), *lines]
        return "".join(f"{line}\n" for line in lines)


SHELLS = {
    "sh": Shell(
        lambda name, value: f"export {name}={shlex.quote(value)}",
        lambda name: f"unset {name}",
    ),
    "fish": Shell(
        lambda name, value: f"set -gx {name} {_fish(value)}",
        lambda name: f"set -e {name}",
    ),
    "powershell": Shell(
        lambda name, value: f"$Env:{name} = {_powershell(value)}",
        lambda name: f"Remove-Item Env:{name} -ErrorAction SilentlyContinue",
    ),
    "cmd": Shell(
        lambda name, value: f'set "{name}={value}"', lambda name: f'set "{name}="'
    ),
    "dotenv": Shell(lambda name, value: f"{name}={value}"),  # as docker reads it
}

ALIASES = {
    "env": "sh",
    "env-no-export": "dotenv",
    "process": "json",
    "windows-cmd": "cmd",
}
"""The AWS CLI's names of formats."""


def process_line(credentials: TemporaryCredentials) -> str:
    """Return the output of a credential process: a line of JSON."""
    from .._delivery.file_cache import (  # noqa: PLC0415 - `--help` needs no SDK
        process_output,
    )

    return process_output(credentials)


def timestamp(instant: dt.datetime | None) -> str | None:
    """Return an instant in whole seconds, rounded down."""
    return None if instant is None else f"{instant:%Y-%m-%dT%H:%M:%SZ}"
