"""
Checked values as the parameters of a request.
"""

from __future__ import annotations

from typing import Any


__all__ = ["params_of"]


def params_of(
    *,
    policy: str | None = None,
    policy_arns: tuple[str, ...] = (),
    tags: tuple[tuple[str, str], ...] = (),
    **others: Any,
) -> dict[str, Any]:
    """
    Return the parameters in STS's shape; what isn't given is left out.

    Args:
        policy: The session policy.

        policy_arns: Managed policies.

        tags: Session tags.

        **others: What goes as it is, by STS's names.
    """
    params = {
        **others,
        "Policy": policy,
        "PolicyArns": [{"arn": arn} for arn in policy_arns],
        "Tags": [{"Key": key, "Value": value} for key, value in tags],
    }
    return {name: value for name, value in params.items() if value not in (None, [])}
