"""The commands ``exec``, ``env``, ``whoami`` and ``serve``, and the group of all."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import signal
import stat
import sys
import threading

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from .._delivery.environment import child_environ, static_environ
from .cache import cache, cached_record, expiration_of
from .configure import configure
from .credential_process import credential_process
from .errors import (
    NO_CREDENTIALS,
    NOT_STARTED,
    OTHER_IDENTITY,
    CommandError,
    reporting_errors,
)
from .formats import ALIASES, SHELLS, process_line, timestamp
from .freshness import fresh_credentials
from .identity import LONGEST, ORIGINAL_FILES, identity_options, session_of
from .process import end_like, replace_process, run_program


if TYPE_CHECKING:
    from .. import CredentialsEndpoint, RefreshableSession

__all__ = ["run"]


EXPIRATION = "STSESSION_EXPIRATION"

SET_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)

OTHER_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN")
"""Variables by which a program might find other credentials."""

HALF = 0.5
"""The part of the session duration that is left at least, if the credentials aren't
renewed."""

LOG_FORMAT = "stsession: %(message)s"

CHECK_INTERVAL = 1.0
"""Seconds between two looks whether a process is running."""


def run() -> int:
    """Run the command line. Return its exit status."""
    # Errors are printed once, and not logged as well.
    logging.getLogger("stsession").addHandler(logging.NullHandler())
    with _cache_warnings():
        return _run()


@contextlib.contextmanager
def _cache_warnings() -> Iterator[None]:
    """Print why the cache isn't used: each command calls STS then."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    log = logging.getLogger("stsession.cache")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def _run() -> int:
    try:
        status = commands(standalone_mode=False)
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except CommandError as e:
        click.echo(f"stsession: {e}", err=True)
        return e.status
    except OSError as e:  # the output can't be written
        sys.stdout = None  # Python would write it once more
        click.echo(f"stsession: {e}", err=True)
        return NO_CREDENTIALS
    except click.Abort:
        return 128 + signal.SIGINT
    return status if isinstance(status, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stsession")
def commands() -> None:
    """
    AWS credentials of an assumed role for any program.

    They are renewed for as long as the program runs.
    """


@commands.command("exec", context_settings={"allow_interspersed_args": False})
@identity_options
@click.option(
    "--static",
    is_flag=True,
    help="Pass the credentials themselves, which aren't renewed.",
)
@click.option(
    "--keep-profiles",
    is_flag=True,
    help="Let the program read the AWS config and credentials files.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(
    command: tuple[str, ...], *, static: bool, keep_profiles: bool, **identity: Any
) -> int:
    r"""
    Run a program with credentials that are renewed while it runs.

    \b
    stsession exec --role-arn arn:aws:iam::123456789012:role/Admin -- terraform apply
    stsession exec -p production -- aws s3 ls

    The program finds the credentials at an endpoint on this machine, and no other
    credentials: not the profiles in ~/.aws, nor variables that are already set. The
    exit status is that of the program, or 125 if there are no credentials, 126 if it
    can't be executed, and 127 if it isn't found.
    """
    if static and keep_profiles:
        raise click.UsageError("Pass one of --static and --keep-profiles.")
    files = _user_files()
    with reporting_errors(NOT_STARTED):
        session = session_of(**identity)
        if static:
            credentials = fresh_credentials(session, HALF)
            variables = child_environ(os.environ) | static_environ(
                credentials, session.region_name
            )
            return replace_process(command, variables)
        if keep_profiles:
            _check_default_profile(files)
        endpoint = session.serve()
    with _serving(endpoint):
        variables = endpoint.child_environ()
        if keep_profiles:
            variables = _with_files(variables, files)
        variables |= {ORIGINAL_FILES[name]: path for name, path in files.items()}
        status = run_program(command, variables)
    return end_like(status)


@contextlib.contextmanager
def _serving(endpoint: CredentialsEndpoint) -> Iterator[None]:
    """Log what goes wrong from now on, and close the endpoint at the end."""
    logging.basicConfig(format=LOG_FORMAT, level=logging.WARNING)
    with endpoint:
        yield


def _user_files() -> dict[str, str]:
    """Return the values of the variables for the user's AWS files; empty if not set."""
    return {
        name: os.environ.get(original, os.environ.get(name, ""))
        for name, original in ORIGINAL_FILES.items()
    }


def _with_files(variables: dict[str, str], files: dict[str, str]) -> dict[str, str]:
    without = {k: v for k, v in variables.items() if k not in files}
    return without | {name: path for name, path in files.items() if path}


def _check_default_profile(files: dict[str, str]) -> None:
    """
    Check that the default profile has no credentials, which would have precedence.

    Args:
        files: The files that the program will read, see `_user_files`.
    """
    from .._botocore.sessions import (  # noqa: PLC0415 - `--help` needs no SDK
        other_settings,
    )

    keys = other_settings("default", files)
    if keys:
        raise click.UsageError(
            f"The program would use the default profile, which has "
            f"{', '.join(sorted(keys))}. Leave out --keep-profiles."
        )


@commands.command()
@identity_options
@click.option(
    "--format",
    "form",
    type=click.Choice([*SHELLS, "json", *ALIASES]),
    default="sh",
    show_default=True,
    help="The shell, or the format of the output.",
)
@click.option("--unset", is_flag=True, help="Print how to remove the variables.")
@click.option("--force", is_flag=True, help="Print secrets on a terminal.")
@click.option(
    "--min-validity",
    type=click.IntRange(min=0, max=LONGEST),
    metavar="SECONDS",
    help="How long the credentials have to be valid. Default: half of the session "
    "duration.",
)
def env(
    *, form: str, unset: bool, force: bool, min_validity: int | None, **identity: Any
) -> None:
    r"""
    Print environment variables with credentials, which aren't renewed.

    \b
    eval "$(stsession env --role-arn arn:aws:iam::123456789012:role/Reader)"
    stsession env -p reader --format powershell | Invoke-Expression
    docker run --env-file <(stsession env -p reader --format dotenv) IMAGE

    Programs that run for longer than an hour are better started by
    `stsession exec`.
    """
    form = ALIASES.get(form, form)
    if unset:
        _print_unset(form)
        return
    if sys.stdout is not None and sys.stdout.isatty() and not force:
        raise click.UsageError(
            "The output has secrets, which would stay on this terminal. Use the "
            "output in a command, or pass --force."
        )
    with reporting_errors():
        session = session_of(**identity)
        if min_validity is None:
            credentials = fresh_credentials(session, HALF)
        else:
            credentials = session.ensure(dt.timedelta(seconds=min_validity))
        variables = static_environ(credentials, session.region_name)
    expiration = timestamp(credentials.expires_at)
    if form == "json":
        click.echo(process_line(credentials))
        return
    variables[EXPIRATION] = expiration or ""
    click.echo(SHELLS[form].text(variables, OTHER_VARIABLES), nl=False)


def _print_unset(form: str) -> None:
    unset_variable = SHELLS[form].unset_variable if form in SHELLS else None
    if unset_variable is None:
        raise click.UsageError(
            f"--unset can't be used with --format {form}. Choose the format of a shell."
        )
    for name in (*SET_VARIABLES, EXPIRATION):
        click.echo(unset_variable(name))


@commands.command()
@identity_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--expect",
    metavar="ARN|ACCOUNT",
    help="Fail with exit status 4 if the identity is another one.",
)
@click.option(
    "--offline", is_flag=True, help="Only read the cache; the ARN is the role's."
)
def whoami(*, as_json: bool, expect: str | None, offline: bool, **identity: Any) -> int:
    r"""
    Print the identity of the credentials, and when they expire.

    \b
    stsession whoami -p reader
    stsession whoami --role-arn arn:aws:iam::123456789012:role/Deploy \
        --expect 123456789012 && make deploy
    """
    if offline and identity["no_cache"]:
        raise click.UsageError("Pass one of --offline and --no-cache.")
    with reporting_errors():
        session = session_of(**identity)
        if offline:
            known = _cached_identity(session)
        else:
            is_cached = not identity["no_cache"] and cached_record(session) is not None
            known = {**_identity(session), "cache": "hit" if is_cached else "miss"}
    if as_json:
        click.echo(json.dumps(known))
    else:
        click.echo(f"{known['arn']}\naccount {known['account_id']}")
        for hop in known["hops"]:
            until = f" until {hop['expiration']}" if hop["expiration"] else ""
            click.echo(f"{hop['name']}{until}")
        click.echo(f"cache {known['cache']}")
    if expect is None or _is_expected(expect, known["account_id"], known["arn"]):
        return 0
    raise CommandError(
        f"Expected {expect}, got {known['arn']}. Choose another profile or role.",
        OTHER_IDENTITY,
    )


def _identity(session: RefreshableSession) -> dict[str, Any]:
    caller = session.caller_identity()
    hops = [
        {"name": hop.name, "expiration": timestamp(hop.expires_at)}
        for hop in session.status().hops
    ]
    return {
        "account_id": caller.account_id,
        "arn": caller.arn,
        "user_id": caller.user_id,
        "hops": hops,
    }


def _cached_identity(session: RefreshableSession) -> dict[str, Any]:
    record = cached_record(session)
    name = session.status().hops[-1].name
    if record is None:
        raise CommandError(
            f"The cache has no valid credentials of {name}. Leave out --offline to "
            "request them.",
            NO_CREDENTIALS,
        )
    return {
        "account_id": json.loads(record.output).get("AccountId"),
        "arn": name,
        "user_id": None,
        "hops": [{"name": name, "expiration": expiration_of(record)}],
        "cache": "hit",
    }


def _is_expected(expected: str, account_id: str, arn: str) -> bool:
    """
    Return whether an identity is in the account, or has the ARN, or is the role's.
    """
    partition, _, rest = arn.partition(":sts::")
    role = rest.rpartition("/")[0].replace(":assumed-role/", ":role/")
    # An ARN of STS has the role's name without its path.
    head, _, name = expected.rpartition("/")
    without_path = f"{head.partition('/')[0]}/{name}"
    return expected in (account_id, arn) or without_path == f"{partition}:iam::{role}"


@commands.command()
@identity_options
@click.option(
    "--format",
    "form",
    type=click.Choice([*SHELLS, "json"]),
    default="sh",
    show_default=True,
    help="The shell, or the format of the output.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="The port of the endpoint. By default, it is a free one.",
)
@click.option(
    "--parent-pid",
    type=int,
    metavar="PID",
    help="Stop when this process has ended.",
)
def serve(*, form: str, port: int, parent_pid: int | None, **identity: Any) -> None:
    r"""
    Serve credentials to programs on this machine until it is interrupted.

    \b
    (umask 077; stsession serve -p reader > reader.sh)

    Prints the variables for those programs when it is ready, to be read in another
    terminal; in JSON, null is for those that have to be removed. It also stops at the
    end of its input, if that is a pipe.
    """
    if parent_pid is not None and os.name == "nt":
        raise click.UsageError("--parent-pid can't be used on Windows.")
    stop = threading.Event()
    with reporting_errors():
        session = session_of(**identity)
        session.credentials()
        try:
            endpoint = session.serve(port=port)
        except OSError as e:
            if port == 0:
                raise
            raise click.UsageError(
                f"Port {port} can't be used: {e.strerror}. Pass another, or leave out "
                "--port."
            ) from None
    with _serving(endpoint):
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: stop.set())
        variables = endpoint.child_environ()
        changed = {k: v for k, v in variables.items() if os.environ.get(k) != v}
        removed = sorted(set(os.environ) - set(variables))
        if form == "json":
            click.echo(json.dumps({**dict.fromkeys(removed), **changed}))
        else:
            click.echo(SHELLS[form].text(changed, removed), nl=False)
        _wait(stop, parent_pid)


def _wait(stop: threading.Event, parent_pid: int | None) -> None:
    if _has_piped_input():
        threading.Thread(target=_read_to_end, args=(stop,), daemon=True).start()
    while not stop.wait(CHECK_INTERVAL):
        if parent_pid is not None and not _is_running(parent_pid):
            return


def _has_piped_input() -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(0).st_mode)
    except OSError:  # it is closed
        return False


def _read_to_end(stop: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    stop.set()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


for _command in (credential_process, configure, cache):
    commands.add_command(_command)
for _command in [*commands.commands.values(), *cache.commands.values()]:
    # Docstrings with a backslash are raw, so they can't have click's mark itself.
    _command.help = (_command.help or "").replace("\\b\n", "\b\n")
