"""The options that say which credentials a command uses, and the session for them."""

from __future__ import annotations

import datetime as dt
import math
import os
import shlex

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click


if TYPE_CHECKING:
    from .. import RefreshableSession

__all__ = [
    "LONGEST",
    "ORIGINAL_FILES",
    "arguments_of",
    "files_of",
    "identity_options",
    "is_given",
    "session_of",
    "use_original_files",
    "way_of",
]


F = TypeVar("F", bound=Callable[..., Any])

ORIGINAL_FILES = {
    "AWS_CONFIG_FILE": "STSESSION_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE": "STSESSION_CREDENTIALS_FILE",
}
"""Variables for the paths of the user's files inside of ``stsession exec``, where the
SDKs read others."""

LONGEST = 7 * 86_400
"""The largest number of seconds in an option; no credentials are valid for longer."""

WAYS = ("profile", "role_arn", "web_identity", "session_token")

FOR_ROLES = frozenset(
    {
        "external_id",
        "mfa_serial",
        "policy",
        "policy_arn",
        "role_session_name",
        "source",
        "source_identity",
        "tag",
        "transitive_tag",
    }
)
MEANINGFUL = {
    "profile": frozenset({"mfa_command", "mfa_session"}),
    "role_arn": FOR_ROLES | {"duration_seconds", "mfa_command", "mfa_session"},
    "web_identity": frozenset(
        {"role_arn", "role_session_name", "duration_seconds", "policy", "policy_arn"}
    ),
    "session_token": frozenset(
        {"source", "mfa_serial", "mfa_command", "duration_seconds"}
    ),
}
"""The options that each way to get credentials has, besides the common ones."""

COMMON = frozenset({"no_cache", "region", "sts_region", "sts_endpoint_url", "timeout"})


def _tag(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Any:
    for value in values:
        if "=" not in value:
            raise click.BadParameter(
                f"{value!r} isn't KEY=VALUE. Pass a key, =, and a value."
            )
    return dict(value.split("=", 1) for value in values) or None


POLICY_FILE = "stsession.policy_file"
"""The key for the path of the file with the policy, as it is passed, in the context of
a command."""


def _policy(ctx: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None or not value.startswith("@"):
        return value
    ctx.meta[POLICY_FILE] = value[1:]
    try:
        return Path(value[1:]).read_text("utf-8")
    except OSError as e:
        raise click.BadParameter(f"{value[1:]} can't be read: {e.strerror}.") from e
    except UnicodeDecodeError:
        raise click.BadParameter(f"{value[1:]} isn't a text in UTF-8.") from None


def _command(_: click.Context, __: click.Parameter, value: str | None) -> Any:
    try:
        return None if value is None else shlex.split(value)
    except ValueError as e:
        raise click.BadParameter(
            f"It can't be split into words: {e}. Check the quotes."
        ) from e


def _mfa_session(_: click.Context, __: click.Parameter, value: str | None) -> Any:
    if value is None or value == "off":
        return None if value is None else False
    if not (value.isascii() and value.isdigit()):
        raise click.BadParameter('Pass a number of seconds, or "off".')
    return int(value)


def _number(_: click.Context, __: click.Parameter, value: float) -> float:
    if math.isnan(value):  # which is in no range, and out of none
        raise click.BadParameter("Pass a number of seconds.")
    return value


OPTIONS = (
    click.option(
        "-p",
        "--profile",
        metavar="NAME",
        help="A profile of the AWS config file, with its roles. Default: AWS_PROFILE, "
        "then the default profile.",
    ),
    click.option(
        "--role-arn",
        multiple=True,
        metavar="ARN",
        help="A role to assume. Repeat it for a chain of roles.",
    ),
    click.option(
        "--source",
        metavar="PROFILE",
        help="The profile whose credentials assume the role. Default: the credentials "
        "that boto3 finds.",
    ),
    click.option(
        "--web-identity",
        metavar="TOKEN_FILE",
        is_flag=False,
        flag_value="",
        help="Assume the role with a web identity token. Without a file, it is that "
        "of AWS_WEB_IDENTITY_TOKEN_FILE.",
    ),
    click.option(
        "--session-token",
        is_flag=True,
        help="Get a session token of the source, an IAM user.",
    ),
    click.option("--external-id", metavar="TEXT", help="The external ID."),
    click.option("--role-session-name", metavar="TEXT", help="The name in CloudTrail."),
    click.option(
        "--duration-seconds", type=int, metavar="N", help="The session duration."
    ),
    click.option(
        "--mfa-serial",
        metavar="ARN",
        help='The MFA device, or "auto". Its code is read from the terminal.',
    ),
    click.option(
        "--mfa-command",
        metavar="COMMAND",
        callback=_command,
        help="A command that prints the MFA code.",
    ),
    click.option(
        "--mfa-session",
        metavar="SECONDS|off",
        callback=_mfa_session,
        help='How long one MFA code is sufficient; "off" uses it for the role.',
    ),
    click.option(
        "--policy",
        metavar="JSON|@PATH",
        callback=_policy,
        help="A session policy, or @ and the path of a file.",
    ),
    click.option(
        "--policy-arn", multiple=True, metavar="ARN", help="A managed session policy."
    ),
    click.option(
        "--tag",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_tag,
        help="A session tag.",
    ),
    click.option(
        "--transitive-tag", multiple=True, metavar="KEY", help="A transitive tag."
    ),
    click.option("--source-identity", metavar="TEXT", help="The source identity."),
    click.option("--region", metavar="REGION", help="The region of the session."),
    click.option("--sts-region", metavar="REGION", help="The region of STS."),
    click.option("--sts-endpoint-url", metavar="URL", help="The endpoint of STS."),
    click.option(
        "--no-cache",
        is_flag=True,
        help="Neither read nor write the cache of this user.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True, max=LONGEST),
        callback=_number,
        default=45.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for credentials.",
    ),
)


def identity_options(command: F) -> F:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def session_of(**options: Any) -> RefreshableSession:
    """
    Return the session for the options of a command line.

    Raises:
        click.UsageError: If they contradict each other.

        StsessionError: If a value is invalid.
    """
    given = _given(options)
    way = way_of(options)
    extra = sorted(given - COMMON - MEANINGFUL[way] - {way})
    if extra:
        names = ", ".join(map(_flag, extra))
        raise click.UsageError(
            f"{names} can't be used with {_flag(way)}. Leave it out, or pass the "
            "option that it belongs to, such as --role-arn."
        )
    if given & {"profile", "source"}:
        use_original_files()
    return _make(way, options)


def _given(options: Mapping[str, Any]) -> set[str]:
    given = {name for name, value in options.items() if value not in (None, (), False)}
    return given | ({"mfa_session"} if options["mfa_session"] is False else set())


def is_given(options: Mapping[str, Any]) -> bool:
    """Return whether any option says which credentials are meant."""
    return bool(_given(options) - {"timeout", "no_cache"})


def files_of(options: Mapping[str, Any]) -> list[str]:
    """
    Return the paths of the files that the options name, as they are passed.

    Relative ones are other files in another directory.
    """
    policy = click.get_current_context().meta.get(POLICY_FILE)
    return [path for path in (policy, options["web_identity"]) if path]


def way_of(options: Mapping[str, Any]) -> str:
    """
    Return which option says where the credentials come from.

    Raises:
        click.UsageError: If there is more than one.
    """
    given = _given(options)
    ways = [way for way in WAYS if way in given]
    if "web_identity" in ways and "role_arn" in ways:
        ways.remove("role_arn")
    if len(ways) > 1:
        raise click.UsageError(f"Pass only one of {', '.join(map(_flag, ways))}.")
    return ways[0] if ways else "profile"


def arguments_of(options: Mapping[str, Any]) -> list[str]:
    """Return the arguments that make these options, with absolute paths."""
    meta = click.get_current_context().meta
    absolute = os.path.abspath  # keeps symbolic links
    special: dict[str, Callable[[Any], Iterable[str]]] = {
        "mfa_command": lambda words: [shlex.join(words)],
        "mfa_session": lambda seconds: [str(seconds or "off")],
        "policy": lambda text: [
            f"@{absolute(meta[POLICY_FILE])}" if POLICY_FILE in meta else text
        ],
        "tag": lambda tags: [f"{key}={value}" for key, value in tags.items()],
        "web_identity": lambda file: [absolute(file)],
    }
    arguments = []
    for option in click.get_current_context().command.params:
        name = option.name or ""
        value = options.get(name)
        if name not in _given(options) or value == option.default:
            continue
        if value is True or value == "":
            arguments.append(_flag(name))
            continue
        if name in special:
            values = special[name](value)
        else:
            values = value if isinstance(value, tuple) else (str(value),)
        for one in values:
            arguments += [_flag(name), one]
    return arguments


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def use_original_files() -> None:
    """Find profiles in the user's files, inside of ``stsession exec`` as well."""
    for name, original in ORIGINAL_FILES.items():
        path = os.environ.pop(original, None)
        if path:
            os.environ[name] = path
        elif path is not None:
            os.environ.pop(name, None)


def _common_arguments(o: dict[str, Any]) -> dict[str, Any]:
    from .. import FileCache, RefreshPolicy  # noqa: PLC0415 - `--help` needs no SDK

    return {
        "region": o["region"],
        "sts_region": o["sts_region"],
        "sts_endpoint_url": o["sts_endpoint_url"],
        "cache": None if o["no_cache"] else FileCache(),
        "refresh": RefreshPolicy(
            load_timeout=dt.timedelta(seconds=o["timeout"]), when_expired="raise"
        ),
    }


def _make(way: str, o: dict[str, Any]) -> RefreshableSession:
    from .. import from_profile, session_token  # noqa: PLC0415 - as above

    common = _common_arguments(o)
    if way == "profile":
        return from_profile(
            o["profile"],
            mfa_code=o["mfa_command"],
            mfa_session=o["mfa_session"],
            **common,
        )
    if way == "session_token":
        return session_token(
            source=o["source"],
            mfa_serial=o["mfa_serial"],
            mfa_code=o["mfa_command"],
            duration_seconds=o["duration_seconds"],
            **common,
        )
    common |= {
        "role_session_name": o["role_session_name"],
        "duration_seconds": o["duration_seconds"],
        "policy": o["policy"],
        "policy_arns": o["policy_arn"] or None,
    }
    return (_web_identity if way == "web_identity" else _assume)(o, common)


def _web_identity(o: dict[str, Any], common: dict[str, Any]) -> RefreshableSession:
    from .. import web_identity  # noqa: PLC0415 - as above

    if len(o["role_arn"]) > 1:
        raise click.UsageError("Pass one --role-arn with --web-identity.")
    role_arn = next(iter(o["role_arn"]), None)
    return web_identity(role_arn, token=o["web_identity"] or None, **common)


def _assume(o: dict[str, Any], common: dict[str, Any]) -> RefreshableSession:
    from .. import assume  # noqa: PLC0415 - as above

    return assume(
        list(o["role_arn"]),
        source=o["source"],
        external_id=o["external_id"],
        mfa_serial=o["mfa_serial"],
        mfa_code=o["mfa_command"],
        mfa_session=o["mfa_session"],
        tags=o["tag"],
        transitive_tag_keys=o["transitive_tag"] or None,
        source_identity=o["source_identity"],
        **common,
    )
