"""The command ``configure``."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

from pathlib import Path
from typing import Any

import click

from _stsession_start import path_of

from .config_section import header_of, keys_of, replace_file, with_section
from .errors import USAGE, CommandError, reporting_errors
from .identity import (
    arguments_of,
    identity_options,
    session_of,
    use_original_files,
    way_of,
)


__all__ = ["configure"]


@click.command()
@identity_options
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False),
    help="The config file. Default: AWS_CONFIG_FILE, or ~/.aws/config.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace the credentials of a profile that exists, or leave out --source.",
)
@click.option(
    "--print", "only_print", is_flag=True, help="Print the profile; change nothing."
)
@click.argument("name")
def configure(
    name: str, *, path: str | None, force: bool, only_print: bool, **identity: Any
) -> None:
    r"""
    Add a profile to the AWS config file that gets its credentials from stsession.

    \b
    stsession configure reader --source ci \
        --role-arn arn:aws:iam::123456789012:role/Reader
    aws s3 ls --profile reader

    Only the section of this profile is changed. Its setting credential_process runs
    `stsession credential-process` with the same options.
    """
    header = header_of(name)
    use_original_files()
    file = Path(path or path_of("AWS_CONFIG_FILE"))
    with reporting_errors():
        identity = _with_source(name, identity, force=force)
        settings = {"credential_process": _command_line(arguments_of(identity))}
        region = session_of(**identity).region_name
    if region:
        settings["region"] = region
    if only_print:
        lines = [f"{key} = {value}" for key, value in settings.items()]
        click.echo("\n".join([f"[{header}]", *lines]))
        return
    _check_credentials_file(name)
    try:
        if file.exists() and not file.is_file():  # /dev/null, for example
            raise CommandError(f"{file} isn't a regular file.", USAGE)
        content = file.read_bytes() if file.exists() else b""
        replace_file(file, with_section(content, name, settings, force=force))
    except OSError as e:
        message = f"{file} can't be changed: {e.strerror}. Pass another one as --file."
        raise CommandError(message, USAGE) from None


def _with_source(name: str, identity: dict[str, Any], *, force: bool) -> dict[str, Any]:
    """
    Return the options with the profile that the credentials come from.

    Without it, the process would use the default credentials of the program that runs
    it, which are those of the new profile.
    """
    way = way_of(identity)
    if way == "web_identity":
        return identity
    option = "profile" if way == "profile" else "source"
    source = identity[option] or os.environ.get("AWS_PROFILE") or _default_profile()
    if source == name:
        raise CommandError(
            f'The credentials of profile "{name}" would depend on themselves. Pass '
            f"another profile as --{option}.",
            USAGE,
        )
    if source is None and not force:
        raise CommandError(
            f"Pass --{option}. Without it, the command would use the credentials of "
            f"the program that runs it.",
            USAGE,
        )
    return {**identity, option: source}


def _default_profile() -> str | None:
    import botocore.session  # noqa: PLC0415 - `--help` needs no SDK

    profiles = botocore.session.Session().available_profiles
    return "default" if "default" in profiles else None


def _check_credentials_file(name: str) -> None:
    file = Path(path_of("AWS_SHARED_CREDENTIALS_FILE"))
    try:
        found = keys_of(file.read_bytes(), name)
    except OSError:
        return
    if found:
        raise CommandError(
            f'Profile "{name}" has {", ".join(found)} in {file}, which would be used '
            f"instead. Choose another name, or remove them.",
            USAGE,
        )


def _command_line(arguments: list[str]) -> str:
    """
    Return the value of the setting ``credential_process``.

    Raises:
        CommandError: If a config file can't contain the arguments.
    """
    command = [*_program(), "credential-process", *arguments]
    if not all(word.isprintable() for word in command):
        message = (
            "A profile can't contain a line break or a control character. Remove it "
            "from the options, or pass a policy as a file (--policy @PATH)."
        )
        raise CommandError(message, USAGE)
    if os.name == "nt":
        return subprocess.list2cmdline(command)
    # Some SDKs take a space and one of these for the start of a comment.
    return " ".join(re.sub(r" (?=[#;])", " ''", shlex.quote(w)) for w in command)


def _program() -> list[str]:
    """Return the command that runs stsession, with absolute paths."""
    suffix = ".exe" if os.name == "nt" else ""
    started = Path(sys.argv[0])
    for path in (started, Path(sys.executable).with_name(f"stsession{suffix}")):
        if path.stem == "stsession" and path.is_file():
            return [os.path.abspath(path)]  # noqa: PTH100 - keeps symbolic links
    return [sys.executable, "-m", "stsession"]
