"""
What STS answers: the shapes that `LocalSTS` and `StubSTS` share.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Mapping

from ._answers import Answer, Tree, iso
from ._keys import AccessKey
from ._query import query_answer


__all__ = [
    "announced",
    "caller_identity_answer",
    "credentials_answer",
    "federated_identity",
    "root_identity",
]


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
