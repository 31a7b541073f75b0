"""
What is asked of STS, to assume the root of an account: checked values.
"""

from __future__ import annotations

import datetime as dt

from typing import Any, ClassVar

import attrs

from .arns_part import checked_target_principal, checked_task_policy_arn
from .checks import checked_seconds
from .limits import ROOT_DURATION
from .params_part import params_of


__all__ = ["AssumeRootRequest"]


@attrs.frozen(kw_only=True)
class AssumeRootRequest:
    """
    One call of AssumeRoot, as a value.

    .. seealso:: `AssumeRoot
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html>`_
       for what the fields mean.
    """

    operation: ClassVar[str] = "assume_root"

    target_principal: str
    task_policy_arn: str
    duration_seconds: int | None = None

    @classmethod
    def checked(
        cls,
        target_principal: str,
        task_policy_arn: str,
        *,
        duration_seconds: int | dt.timedelta | None = None,
        custom_endpoint: bool = False,
    ) -> AssumeRootRequest:
        """
        Convert and check the arguments of a user.

        Args:
            target_principal: The account, by its ID or by the ARN of its root.

            task_policy_arn: The task, by the ARN of AWS's managed policy for it.

            duration_seconds: At most 15 minutes. `None` means all of them.

            custom_endpoint: Whether the server isn't AWS's.

        Raises:
            InvalidRequestError: If STS would refuse it.
        """
        strict = not custom_endpoint
        return cls(
            target_principal=checked_target_principal(target_principal, strict=strict),
            task_policy_arn=checked_task_policy_arn(task_policy_arn, strict=strict),
            duration_seconds=checked_seconds(
                ROOT_DURATION, duration_seconds, strict=strict
            ),
        )

    @property
    def label(self) -> str:
        """
        What messages call it.
        """
        return f"root of {self._account}"

    @property
    def account_id(self) -> str | None:
        """
        The account whose root it is; STS's answer doesn't tell.

        `None` if it isn't one of AWS's.
        """
        return self._account if self._account.isdecimal() else None

    @property
    def _account(self) -> str:
        parts = self.target_principal.split(":")
        return parts[4] if len(parts) > 5 else self.target_principal

    @property
    def what(self) -> str:
        """
        What couldn't be done, if it fails; a sentence without its full stop.
        """
        return f"Could not assume {self.label}"

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Return the parameters of AssumeRoot; what isn't given is left out.
        """
        return params_of(
            TargetPrincipal=self.target_principal,
            TaskPolicyArn={"arn": self.task_policy_arn},
            DurationSeconds=duration_seconds,
        )
