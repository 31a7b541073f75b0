"""
Requests of STS's other operations as checked values.
"""

from __future__ import annotations

import datetime as dt
import os

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Literal

import attrs

from ..exceptions import InvalidRequestError
from .arns import (
    checked_principal_arn,
    checked_role_arn,
    checked_target_principal,
    checked_task_policy_arn,
)
from .assume_role import params_of
from .checks import (
    checked_duration,
    checked_policy,
    checked_policy_arns,
    checked_seconds,
    checked_serial_number,
    checked_tags,
    default_role_session_name,
    only_keys,
)
from .limits import (
    ASSERTION,
    FEDERATED_DURATION,
    FEDERATED_USER,
    PROVIDER_ID,
    ROLE_DURATION,
    ROLE_SESSION_NAME,
    ROOT_DURATION,
    TOKEN_DURATION,
    WEB_IDENTITY_TOKEN,
)


__all__ = [
    "AssumeRootRequest",
    "FederationTokenRequest",
    "SamlRequest",
    "SessionTokenRequest",
    "WebIdentityRequest",
    "checked_assertion",
    "checked_web_identity_token",
    "web_identity_environment",
]


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


VARIABLES = {
    "role_arn": "AWS_ROLE_ARN",
    "role_session_name": "AWS_ROLE_SESSION_NAME",
    "web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
}
"""The environment variables for a role with a web identity, by keys of a profile."""


@attrs.frozen(kw_only=True)
class WebIdentityRequest:
    """
    One call of AssumeRoleWithWebIdentity, as a value.

    .. seealso:: `AssumeRoleWithWebIdentity
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>`_
       for what the fields mean.
    """

    operation: ClassVar[str] = "assume_role_with_web_identity"

    role_arn: str
    role_session_name: str
    duration_seconds: int | Literal["max"] | None = None
    provider_id: str | None = None
    policy: str | None = attrs.field(default=None, repr=False)
    policy_arns: tuple[str, ...] = ()

    @classmethod
    def checked(
        cls,
        role_arn: str,
        *,
        role_session_name: str | None = None,
        duration_seconds: int | dt.timedelta | Literal["max"] | None = None,
        provider_id: str | None = None,
        policy: Mapping[str, Any] | str | None = None,
        policy_arns: Collection[str] | None = None,
        custom_endpoint: bool = False,
    ) -> WebIdentityRequest:
        """
        Convert and check the arguments of a user.

        If the server isn't AWS's, pass *custom_endpoint*: the role's ARN only
        has to look like one then, and of the limits only the maximums count.

        Raises:
            InvalidRequestError: If STS would refuse it.
        """
        strict = not custom_endpoint
        if role_session_name is None:
            role_session_name = default_role_session_name()
        return cls(
            role_arn=checked_role_arn(role_arn, strict=strict),
            role_session_name=ROLE_SESSION_NAME.text(role_session_name, strict=strict),
            duration_seconds=checked_duration(
                ROLE_DURATION, duration_seconds, strict=strict
            ),
            provider_id=None
            if provider_id is None
            else PROVIDER_ID.text(provider_id, strict=strict),
            policy=None
            if policy is None
            else checked_policy(policy, strict=strict, page=WEB_IDENTITY_TOKEN.source),
            policy_arns=checked_policy_arns(
                policy_arns, strict=strict, page=WEB_IDENTITY_TOKEN.source
            ),
        )

    @property
    def label(self) -> str:
        """
        What messages call it.
        """
        return self.role_arn

    @property
    def what(self) -> str:
        """
        What couldn't be done, if it fails; a sentence without its full stop.
        """
        return (
            f'Could not assume {self.role_arn} as "{self.role_session_name}" '
            "with a web identity"
        )

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Return the parameters of the call but the token; what isn't given is left out.

        Args:
            duration_seconds:
                What to ask for now: what ``"max"`` means is found by trying.
                `None` leaves it to STS.
        """
        return params_of(
            RoleArn=self.role_arn,
            RoleSessionName=self.role_session_name,
            DurationSeconds=duration_seconds,
            ProviderId=self.provider_id,
            policy=self.policy,
            policy_arns=self.policy_arns,
        )


@attrs.frozen(kw_only=True)
class SamlRequest:
    """
    One call of AssumeRoleWithSAML, as a value.

    The assertion names the session, so that there is no role session name.

    .. seealso:: `AssumeRoleWithSAML
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>`_
       for what the fields mean.
    """

    operation: ClassVar[str] = "assume_role_with_saml"

    role_arn: str
    principal_arn: str
    duration_seconds: int | Literal["max"] | None = None
    policy: str | None = attrs.field(default=None, repr=False)
    policy_arns: tuple[str, ...] = ()

    @classmethod
    def checked(
        cls,
        role_arn: str,
        principal_arn: str,
        *,
        duration_seconds: int | dt.timedelta | Literal["max"] | None = None,
        policy: Mapping[str, Any] | str | None = None,
        policy_arns: Collection[str] | None = None,
        custom_endpoint: bool = False,
    ) -> SamlRequest:
        """
        Convert and check the arguments of a user.

        If the server isn't AWS's, pass *custom_endpoint*: the ARNs only have to
        look like some then, and of the limits only the maximums count.

        Raises:
            InvalidRequestError: If STS would refuse it.
        """
        strict = not custom_endpoint
        return cls(
            role_arn=checked_role_arn(role_arn, strict=strict),
            principal_arn=checked_principal_arn(principal_arn, strict=strict),
            duration_seconds=checked_duration(
                ROLE_DURATION, duration_seconds, strict=strict
            ),
            policy=None
            if policy is None
            else checked_policy(policy, strict=strict, page=ASSERTION.source),
            policy_arns=checked_policy_arns(
                policy_arns, strict=strict, page=ASSERTION.source
            ),
        )

    @property
    def label(self) -> str:
        """
        What messages call it.
        """
        return self.role_arn

    @property
    def what(self) -> str:
        """
        What couldn't be done, if it fails; a sentence without its full stop.
        """
        return f"Could not assume {self.role_arn} with a SAML assertion"

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Return the parameters but the assertion; what isn't given is left out.

        Args:
            duration_seconds:
                What to ask for now: what ``"max"`` means is found by trying.
                `None` leaves it to STS.
        """
        return params_of(
            RoleArn=self.role_arn,
            PrincipalArn=self.principal_arn,
            DurationSeconds=duration_seconds,
            policy=self.policy,
            policy_arns=self.policy_arns,
        )


def web_identity_environment() -> dict[str, str]:
    """
    Return the values of the environment for a role with a web identity.

    The names are those of a profile's keys; there are only those that are set.
    """
    values = {key: os.environ.get(name) for key, name in VARIABLES.items()}
    return {key: value for key, value in values.items() if value}


def checked_web_identity_token(value: object) -> str:
    """
    Return the token if it may be one. Messages don't quote it.
    """
    return WEB_IDENTITY_TOKEN.text(value)


def checked_assertion(value: object) -> str:
    """
    Return the assertion if it may be one. Messages don't quote it.
    """
    assertion = ASSERTION.text(value)
    if assertion.lstrip().startswith("<"):
        raise InvalidRequestError(
            "assertion is XML; STS takes it in base64 only.",
            parameter=ASSERTION.parameter,
            hint=f"{ASSERTION.hint} That is in base64 already.",
        )
    return assertion
