"""
How AWS says that somebody may not, whatever was asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from ._answers import Service
from ._keys import AccessKey
from ._refusals import not_authorized
from ._sts_answers import federated_identity, root_identity


__all__ = ["denial"]


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
