"""
What is asked of STS with the keys of a user: checked values that never change.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import attrs

from .checks import (
    checked_policy_arns,
    checked_seconds,
    checked_serial_number,
    checked_tags,
    only_keys,
)
from .limits import FEDERATED_DURATION, FEDERATED_USER, TOKEN_DURATION
from .params_part import params_of
from .session_policies_part import checked_policy


__all__ = ["FederationTokenRequest", "SessionTokenRequest"]


@attrs.frozen(kw_only=True)
class SessionTokenRequest:
    """
    One call of GetSessionToken, as a value.

    .. seealso:: `GetSessionToken
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>`_
       for what the fields mean.
    """

    operation: ClassVar[str] = "get_session_token"

    duration_seconds: int | None = None
    serial_number: str | None = None

    @classmethod
    def checked(
        cls,
        *,
        mfa_serial: str | None = None,
        duration_seconds: int | dt.timedelta | None = None,
        custom_endpoint: bool = False,
    ) -> SessionTokenRequest:
        """
        Convert and check the arguments of a user.

        Args:
            mfa_serial: The device whose code goes with it. `None`: no code does.

            duration_seconds: 15 minutes to 36 hours. `None` means 12 hours.

            custom_endpoint: Whether the server isn't AWS's.

        Raises:
            InvalidRequestError: If STS would refuse it.
        """
        strict = not custom_endpoint
        return cls(
            duration_seconds=checked_seconds(
                TOKEN_DURATION, duration_seconds, strict=strict
            ),
            serial_number=None
            if mfa_serial is None
            else checked_serial_number(mfa_serial, strict=strict),
        )

    @property
    def label(self) -> str:
        """
        What messages call it.
        """
        return f"the session token of {self.serial_number or 'the source'}"

    @property
    def what(self) -> str:
        """
        What couldn't be done, if it fails; a sentence without its full stop.
        """
        device = "" if self.serial_number is None else f" with {self.serial_number}"
        return f"Could not get a session token{device}"

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Return the parameters of GetSessionToken; what isn't given is left out.
        """
        return params_of(
            DurationSeconds=duration_seconds, SerialNumber=self.serial_number
        )


@attrs.frozen(kw_only=True)
class FederationTokenRequest:
    """
    One call of GetFederationToken, as a value.

    .. seealso:: `GetFederationToken
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>`_
       for what the fields mean.
    """

    operation: ClassVar[str] = "get_federation_token"

    name: str
    duration_seconds: int | None = None
    policy: str | None = attrs.field(default=None, repr=False)
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=only_keys)

    @classmethod
    def checked(
        cls,
        name: str,
        *,
        policy: Mapping[str, Any] | str | None = None,
        policy_arns: Collection[str] | None = None,
        duration_seconds: int | dt.timedelta | None = None,
        tags: Mapping[str, str] | None = None,
        custom_endpoint: bool = False,
    ) -> FederationTokenRequest:
        """
        Convert and check the arguments of a user.

        Without a policy the federated user may do nothing but what policies of
        resources allow by name.

        Args:
            name: What the federated user is called.

            policy: A session policy, as a mapping or JSON text.

            policy_arns: Managed policies.

            duration_seconds: 15 minutes to 36 hours. `None` means 12 hours.

            tags: Session tags.

            custom_endpoint: Whether the server isn't AWS's.

        Raises:
            InvalidRequestError: If STS would refuse it.
        """
        strict = not custom_endpoint
        return cls(
            name=FEDERATED_USER.text(name, strict=strict),
            duration_seconds=checked_seconds(
                FEDERATED_DURATION, duration_seconds, strict=strict
            ),
            policy=None
            if policy is None
            else checked_policy(policy, strict=strict, page=FEDERATED_USER.source),
            policy_arns=checked_policy_arns(
                policy_arns, strict=strict, page=FEDERATED_USER.source
            ),
            tags=checked_tags(tags, strict=strict),
        )

    @property
    def label(self) -> str:
        """
        What messages call it.
        """
        return f'the federated user "{self.name}"'

    @property
    def what(self) -> str:
        """
        What couldn't be done, if it fails; a sentence without its full stop.
        """
        return f"Could not get a token for {self.label}"

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Return the parameters of GetFederationToken; what isn't given is left out.
        """
        return params_of(
            Name=self.name,
            DurationSeconds=duration_seconds,
            policy=self.policy,
            policy_arns=self.policy_arns,
            tags=self.tags,
        )
