"""
What is asked of STS with a token of somebody else, and without a signature.

Checked values that never change. Tokens and assertions aren't part of them:
each fetch gets its own.
"""

from __future__ import annotations

import datetime as dt
import os

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Literal

import attrs

from ..exceptions import InvalidRequestError
from .arns import checked_role_arn
from .arns_part import checked_principal_arn
from .checks import checked_duration, checked_policy_arns
from .limits import (
    ASSERTION,
    PROVIDER_ID,
    ROLE_DURATION,
    ROLE_SESSION_NAME,
    WEB_IDENTITY_TOKEN,
)
from .params_part import params_of
from .session_names_part import default_role_session_name
from .session_policies_part import checked_policy


__all__ = [
    "SamlRequest",
    "WebIdentityRequest",
    "checked_assertion",
    "checked_web_identity_token",
    "web_identity_environment",
]


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
