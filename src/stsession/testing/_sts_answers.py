"""
Responses and errors that `LocalSTS` and `StubSTS` share.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Mapping

from ._answers import Answer, Refused, Service, Tree, iso
from ._http import query_answer
from ._keys import AccessKey


__all__ = [
    "announced",
    "caller_identity_answer",
    "credentials_answer",
    "denial",
    "denied",
    "federated_identity",
    "invalid_member",
    "not_authorized",
    "root_identity",
]


def denied(message: str) -> Refused:
    """
    The caller may not.
    """
    return Refused("AccessDenied", message, status=403)


def not_authorized(
    caller: AccessKey, operation: str, resource: str, why: str = ""
) -> Refused:
    """
    The caller's policies, or those of the resource, don't allow it.

    Args:
        caller: Who.

        operation: What, with its service: ``"sts:AssumeRole"``.

        resource: On what.

        why: The end of the message, if the service tells.
    """
    return denied(
        f"User: {caller.arn} is not authorized to perform: {operation}"
        f" on resource: {resource}{why}"
    )


def invalid_member(value: str, name: str, constraint: str) -> Refused:
    """
    A parameter breaks a rule, e.g. ``"have length less than or equal to 64"``.
    """
    return Refused(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{name}' failed to"
        f" satisfy constraint: Member must {constraint}",
        status=400,
    )


def credentials_answer(
    operation: str,
    key: AccessKey,
    params: Mapping[str, str],
    *,
    expiration: str,
    more: Mapping[str, Tree] | None = None,
) -> Answer:
    """
    The answer of an operation that gives credentials.

    Args:
        operation: Which one.

        key: What it gives.

        params: What was asked.

        expiration: As it's written into the answer.

        more: What this operation tells beside what others do, too.
    """
    result: dict[str, Tree] = {
        "Credentials": {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "SessionToken": key.session_token or "",
            "Expiration": expiration,
        },
    }
    if key.kind == "role":
        result["AssumedRoleUser"] = {"AssumedRoleId": key.user_id, "Arn": key.arn}
    if key.kind == "federated":
        result["FederatedUser"] = {"FederatedUserId": key.user_id, "Arn": key.arn}
    if "SourceIdentity" in params:
        result["SourceIdentity"] = params["SourceIdentity"]
    if "Policy" in params or "PolicyArns.member.1.arn" in params:
        result["PackedPolicySize"] = 1 + len(params.get("Policy", "")) * 100 // 4096
    return query_answer("sts", operation, {**result, **(more or {})})


def caller_identity_answer(key: AccessKey) -> Answer:
    """
    The answer of ``GetCallerIdentity``.
    """
    return query_answer(
        "sts",
        "GetCallerIdentity",
        {"Arn": key.arn, "UserId": key.user_id, "Account": key.account},
    )


def federated_identity(account: str, name: str) -> tuple[str, str]:
    """
    The ARN and the unique ID of a federated user.
    """
    return f"arn:aws:sts::{account}:federated-user/{name}", f"{account}:{name}"


def root_identity(target_principal: str) -> tuple[str, str]:
    """
    The ARN and the unique ID of the root user of an account, given as either.
    """
    account = target_principal
    if target_principal.startswith("arn:"):
        account = target_principal.split(":")[4]
    return f"arn:aws:iam::{account}:root", account


def announced(now: dt.datetime, lifetime: dt.timedelta) -> str:
    """
    The ``Expiration`` of a session that begins *now*.

    Counted from the full second, as the ``Date`` header is: the difference of
    the two is the lifetime exactly.
    """
    return iso(now.replace(microsecond=0) + lifetime)


def denial(
    service: Service,
    operation: str,
    params: Mapping[str, str],
    caller: AccessKey | None,
) -> str:
    """
    The message of an ``AccessDenied``.

    Args:
        service: Who says it.

        operation: What was asked.

        params: On what.

        caller: Who asked. `None` means nobody we know.
    """
    if service == "s3":
        return "Access Denied"
    action = f"{service}:{operation}"
    if caller is None:
        return f"Not authorized to perform {action}"
    return not_authorized(caller, action, _resource(operation, params, caller)).message


def _resource(operation: str, params: Mapping[str, str], caller: AccessKey) -> str:
    if operation == "AssumeRole":
        return params.get("RoleArn", "")
    if operation == "AssumeRoot":
        return root_identity(params.get("TargetPrincipal", ""))[0]
    if operation == "GetFederationToken":
        return federated_identity(caller.account, params.get("Name", ""))[0]
    if operation == "ListMFADevices":
        return f"user {params.get('UserName', caller.arn.rpartition('/')[2])}"
    return "*"
