"""
What the other ARNs in requests look like, and what people pass instead.
"""

from __future__ import annotations

import re

from ..exceptions import InvalidRequestError
from .arns import check_partition
from .bounds_part import Limit
from .limits import PRINCIPAL_ARN, PROVIDER_NAME, TARGET_PRINCIPAL, TASK_POLICY_ARN


__all__ = [
    "checked_principal_arn",
    "checked_target_principal",
    "checked_task_policy_arn",
]


_PARTITION = "(?P<partition>[^:]+)"

_SAML_PROVIDER = rf"arn:{_PARTITION}:iam::[0-9]{{12}}:saml-provider/[^/]+"
_FOREIGN_SAML_PROVIDER = r"arn:\S*:saml-provider/\S+"
_PAIR = r"arn:[^,]*,\s*arn:.*"

_ACCOUNT_OR_ROOT = rf"[0-9]{{12}}|arn:{_PARTITION}:iam::[0-9]{{12}}:root"

_TASK_POLICY = rf"arn:{_PARTITION}:iam::aws:policy/root-task/[\w+=,.@-]+"
_TASK_POLICY_NAME = r"(?:root-task/)?([\w+=,.@-]{1,128})"


def checked_principal_arn(value: object, *, strict: bool = True) -> str:
    """
    Return *value* if it is the ARN of a SAML provider in IAM.
    """
    hint = (
        "A SAML provider's ARN looks like arn:aws:iam::123456789012:saml-provider/Okta."
    )
    if isinstance(value, str) and re.fullmatch(_PAIR, value):
        hint = f"That is a role with its provider; pass them one by one. {hint}"
    elif isinstance(value, str) and ":role/" in value:
        hint = f"That is a role; it belongs into role_arn. {hint}"
    arn = _checked(
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
    """
    Return *value* if it is an account ID, or the ARN of an account's root.
    """
    return _checked(
        TARGET_PRINCIPAL,
        value,
        _ACCOUNT_OR_ROOT if strict else r"\S+",
        "an account ID or the ARN of its root",
        hint="Pass the 12 digits as a str, zeros at their start included, "
        "or arn:aws:iam::123456789012:root.",
        strict=strict,
    )


def checked_task_policy_arn(value: object, *, strict: bool = True) -> str:
    """
    Return *value* if it is the ARN of a managed policy for a task of root.

    Which tasks there are is left to AWS.
    """
    name = "IAMAuditRootUserCredentials"
    match = re.fullmatch(_TASK_POLICY_NAME, value) if isinstance(value, str) else None
    if match is not None:
        name = match[1]
    return _checked(
        TASK_POLICY_ARN,
        value,
        _TASK_POLICY if strict else r"arn:\S*",
        "the ARN of a policy for a task of root",
        hint=f"Such an ARN looks like arn:aws:iam::aws:policy/root-task/{name}.",
        strict=strict,
    )


def _checked(
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
