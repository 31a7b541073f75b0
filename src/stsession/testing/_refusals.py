"""
How AWS says no: to somebody who may not, and to a value that can't be.
"""

from __future__ import annotations

from ._answers import Refused
from ._keys import AccessKey


__all__ = ["denied", "invalid_member", "not_authorized"]


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
