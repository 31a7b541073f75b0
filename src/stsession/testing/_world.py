"""
What the operations of STS have to do with: the tables, and the pen.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Mapping

import attrs

from ._answers import Answer, Tree
from ._iam import Iam
from ._providers import IdentityProviders
from ._sts_answers import announced, credentials_answer


__all__ = ["World"]


@attrs.frozen(kw_only=True)
class World:
    """
    Everybody, and the one way to give somebody credentials.
    """

    iam: Iam
    providers: IdentityProviders
    lifetime_scale: float

    def issue(
        self,
        operation: str,
        params: Mapping[str, str],
        *,
        identity: tuple[str, str],
        seconds: int,
        role_arn: str | None = None,
        mfa: bool = False,
        more: Mapping[str, Tree] | None = None,
    ) -> Answer:
        """
        Make a key, and write the answer that gives it away.

        Args:
            operation: Which one.

            params: What was asked.

            identity: Whose key: ARN and unique ID.

            seconds: How long it lives, before that is scaled.

            role_arn: The role it is for, or `None`.

            mfa: Whether it was given for a code, and proves that.

            more: What this operation tells beside what others do, too.
        """
        arn, user_id = identity
        lifetime = dt.timedelta(seconds=seconds * self.lifetime_scale)
        now = self.iam.now()
        key = self.iam.issue(
            arn=arn, user_id=user_id, role_arn=role_arn, mfa=mfa, lifetime=lifetime
        )
        return credentials_answer(
            operation,
            key,
            params,
            expiration=announced(now, lifetime),
            more=more,
        )
