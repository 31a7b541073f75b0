"""Checks of ARNs."""

from __future__ import annotations

import re

from ..exceptions import InvalidRequestError
from .limits import (
    PRINCIPAL_ARN,
    PROVIDER_NAME,
    ROLE_ARN,
    ROLE_NAME,
    ROLE_PATH,
    TARGET_PRINCIPAL,
    TASK_POLICY_ARN,
    Limit,
    sdk_partitions,
)


__all__ = [
    "PARTITIONS",
    "account_of",
    "check_partition",
    "checked_principal_arn",
    "checked_role_arn",
    "checked_role_name",
    "checked_target_principal",
    "checked_task_policy_arn",
]


PARTITIONS = (
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-eusc",
)

_ROLE = (
    r"arn:(?P<partition>[^:]+):iam::[0-9]{12}:role"
    r"(?P<path>/|/[!-\x7f]+/)(?P<name>[^/]+)"
)
# Servers other than AWS have no account IDs, or have names instead of IDs.
_FOREIGN_ROLE = r"arn:\S*:role/\S+"

_SHAPE = "A role's ARN looks like arn:aws:iam::123456789012:role/Reader."

_PATH = ROLE_PATH._replace(parameter="role_name", characters="[!-~]")
_NAME = ROLE_NAME._replace(parameter="role_name")

# Common mistakes, and their hints. The first match is used.
_MISTAKES = (
    (r"\s.*|.*\s", "Remove the whitespace around it."),
    (
        r"arn:([^:]*):sts::([0-9]{12}):assumed-role/([^/]+).*",
        (
            "That is the ARN of a role session. The role's ARN is "
            "arn:{0}:iam::{1}:role/{2}, with the path before the name if it has one."
        ),
    ),
    (
        r"arn:[^:]*:iam::[^:]*:instance-profile/.*",
        "That is the ARN of an instance profile. Pass its role, which may have another "
        "name.",
    ),
    (
        r"arn:[^:]*:iam::[^:]*:(?!role[/:]|role$)([^:/]+)(?:/.*)?",
        "That is an ARN of type {0}; only roles can be assumed.",
    ),
    (
        r"arn:[^:]*:((?!iam:)[^:]*):.*",
        "The service in a role's ARN is iam, not {0}.",
    ),
    (
        r"arn:[^:]*:iam:([^:]+):[^:]*:.*",
        "IAM has no regions: remove {0}, but keep both colons.",
    ),
    (
        r"arn:[^:]*:iam:(?:|:|::)role/.*",
        "The account ID is missing: 12 digits before :role/.",
    ),
    (
        r"arn:[^:]*:iam::(?![0-9]{12}:)[^:]*:role/.*",
        "The account ID has 12 digits, including leading zeros.",
    ),
    (r"arn:[^:]*:iam::[0-9]{12}:role/?(?:.*/)?", "The role name is missing."),
    (r"[0-9]{12}", "That is only an account ID."),
    (
        r"(?:role)?/?([\w+=,.@/-]+)",
        (
            "Pass the full ARN, including the account ID: "
            "arn:aws:iam::<account ID>:role/{0}."
        ),
    ),
)


def account_of(arn: str) -> str | None:
    """Return the account in an ARN. `None` on servers that have no accounts."""
    parts = arn.split(":")
    return parts[4] or None if len(parts) > 5 else None


def checked_role_arn(value: object, *, strict: bool = True) -> str:
    """
    Return *value* if it is the ARN of a role.

    Args:
        value: The argument.

        strict:
            Whether the server is AWS's. Otherwise only the format is checked: on Ceph,
            a role's ARN is ``arn:aws:iam:::role/Reader``, for example.
    """
    try:
        return _checked(value, strict=strict, hint=_SHAPE)
    except InvalidRequestError:
        if not isinstance(value, str):
            raise
    return _checked(value, strict=strict, hint=_hint_for(value))


def checked_role_name(value: object, *, strict: bool = True) -> str:
    """
    Return the name of a role, with its path if it has one, as in its ARN.

    Args:
        value: The argument.

        strict: Whether the server is AWS's.
    """
    hint = 'Pass the name only, with its path if it has one: "team/Audit".'
    if not isinstance(value, str) or value.startswith(("arn:", "role/")):
        raise _error(f"role_name is {value!r}.", hint, parameter="role_name")
    path, slash, name = value.removeprefix("/").rpartition("/")
    if strict:
        if slash:
            _PATH.text(f"/{path}/", what="the path in role_name")
        _NAME.text(name, what="the name in role_name" if slash else "role_name")
    elif not re.fullmatch(r"\S+", value):
        raise _error(f"role_name is {value!r}.", hint, parameter="role_name")
    return f"{path}{slash}{name}"


def check_partition(
    partition: str, arn: str, *, parameter: str, hint: str = ""
) -> None:
    """
    Check that AWS has the partition of *arn*.

    Raises:
        InvalidRequestError: If neither this library nor the SDK's models contain it.
    """
    if partition in PARTITIONS:
        return
    newer = sdk_partitions()
    if partition not in newer:
        known = dict.fromkeys((*PARTITIONS, *newer))
        raise _error(
            f"{parameter} is {arn!r}, but AWS has no partition {partition!r}.",
            f"The partitions are {', '.join(known)}. {hint}".rstrip(),
            parameter=parameter,
        )


def _checked(value: object, *, strict: bool, hint: str) -> str:
    arn = ROLE_ARN.text(value, strict=strict, hint=hint)
    match = re.fullmatch(_ROLE if strict else _FOREIGN_ROLE, arn)
    if match is None:
        raise _error(f"role_arn is {arn!r}, which isn't the ARN of a role.", hint)
    if strict:
        check_partition(match["partition"], arn, parameter="role_arn")
        ROLE_PATH.text(match["path"], what="the path in role_arn")
        ROLE_NAME.text(match["name"], what="the role name in role_arn")
    return arn


def _error(
    message: str, hint: str, *, parameter: str = "role_arn"
) -> InvalidRequestError:
    return InvalidRequestError(message, parameter=parameter, hint=hint)


def _hint_for(text: str) -> str:
    if len(text) > ROLE_ARN.maximum:
        return _SHAPE
    if re.fullmatch(_ROLE, text) and not text[-1].isspace():
        return _SHAPE  # no common mistake, so the patterns needn't be compiled
    for pattern, hint in _MISTAKES:
        match = re.fullmatch(pattern, text, re.ASCII | re.DOTALL)
        if match is not None:
            return f"{hint.format(*match.groups())} {_SHAPE}"
    return _SHAPE


_PARTITION = "(?P<partition>[^:]+)"

_SAML_PROVIDER = rf"arn:{_PARTITION}:iam::[0-9]{{12}}:saml-provider/[^/]+"
_FOREIGN_SAML_PROVIDER = r"arn:\S*:saml-provider/\S+"
_PAIR = r"arn:[^,]*,\s*arn:.*"

_ACCOUNT_OR_ROOT = rf"[0-9]{{12}}|arn:{_PARTITION}:iam::[0-9]{{12}}:root"

_TASK_POLICY = rf"arn:{_PARTITION}:iam::aws:policy/root-task/[\w+=,.@-]+"
_TASK_POLICY_NAME = r"(?:root-task/)?([\w+=,.@-]{1,128})"


def checked_principal_arn(value: object, *, strict: bool = True) -> str:
    """Return *value* if it is the ARN of a SAML provider in IAM."""
    hint = (
        "A SAML provider's ARN looks like arn:aws:iam::123456789012:saml-provider/Okta."
    )
    if isinstance(value, str) and re.fullmatch(_PAIR, value):
        hint = f"That is a role and its provider; pass them separately. {hint}"
    elif isinstance(value, str) and ":role/" in value:
        hint = f"That is the ARN of a role; pass it as role_arn. {hint}"
    arn = _checked_arn(
        PRINCIPAL_ARN,
        value,
        _SAML_PROVIDER if strict else _FOREIGN_SAML_PROVIDER,
        "the ARN of a SAML provider",
        hint=hint,
        strict=strict,
    )
    if strict:
        name = arn.rpartition("/")[2]
        PROVIDER_NAME.text(name, what="the provider's name in principal_arn")
    return arn


def checked_target_principal(value: object, *, strict: bool = True) -> str:
    """Return *value* if it is an account ID, or the ARN of an account's root."""
    return _checked_arn(
        TARGET_PRINCIPAL,
        value,
        _ACCOUNT_OR_ROOT if strict else r"\S+",
        "an account ID or the ARN of its root",
        hint="Pass the 12 digits as a str, including leading zeros, "
        "or arn:aws:iam::123456789012:root.",
        strict=strict,
    )


def checked_task_policy_arn(value: object, *, strict: bool = True) -> str:
    """
    Return *value* if it is the ARN of a managed policy for a root task.

    The name of the task isn't checked.
    """
    name = "IAMAuditRootUserCredentials"
    match = re.fullmatch(_TASK_POLICY_NAME, value) if isinstance(value, str) else None
    if match is not None:
        name = match[1]
    return _checked_arn(
        TASK_POLICY_ARN,
        value,
        _TASK_POLICY if strict else r"arn:\S*",
        "the ARN of a policy for a root task",
        hint=f"Such an ARN looks like arn:aws:iam::aws:policy/root-task/{name}.",
        strict=strict,
    )


def _checked_arn(
    limit: Limit, value: object, pattern: str, kind: str, *, hint: str, strict: bool
) -> str:
    text = limit.text(value, strict=strict, hint=hint)
    match = re.fullmatch(pattern, text, re.ASCII)
    if match is None:
        raise InvalidRequestError(
            f"{limit.parameter} is {text!r}, which isn't {kind}.",
            parameter=limit.parameter,
            hint=hint,
        )
    partition = match.groupdict().get("partition")
    if partition is not None:
        check_partition(partition, text, parameter=limit.parameter, hint=hint)
    return text
