"""
The STS operations of `LocalSTS`.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from ._answers import Answer, Refused, Tree
from ._authentication import authenticate
from ._federation import SamlAssertion, WebIdentity, saml_result, web_identity_result
from ._http import HttpRequest, read_query, unknown_operation
from ._iam import Iam, IdentityProviders, Role, session_identity
from ._keys import AccessKey, KeyKind
from ._sts_answers import (
    announced,
    caller_identity_answer,
    credentials_answer,
    denied,
    federated_identity,
    invalid_member,
    not_authorized,
    root_identity,
)


__all__ = [
    "DURATIONS",
    "Duration",
    "StsService",
    "World",
    "assume_role",
    "assume_role_with_saml",
    "assume_role_with_web_identity",
    "assume_root",
    "get_federation_token",
    "get_session_token",
    "role_duration",
    "text_of",
]


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


_CHAINED_MAXIMUM = 3600  # whatever MaxSessionDuration says


@attrs.frozen(kw_only=True)
class Duration:
    """
    What ``DurationSeconds`` may be, and what it is if it isn't given.
    """

    minimum: int
    maximum: int
    default: int

    def of(self, params: Mapping[str, str]) -> int:
        """
        The seconds that are asked for.

        Raises:
            Refused: If they are too few or too many.
        """
        given = params.get("DurationSeconds")
        if given is None:
            return self.default
        _check_range(
            "value",
            int(given),
            shown=("durationSeconds", given),
            minimum=self.minimum,
            maximum=self.maximum,
        )
        return int(given)


DURATIONS: Mapping[str, Duration] = {
    "AssumeRoot": Duration(minimum=0, maximum=900, default=900),
    "GetFederationToken": Duration(minimum=900, maximum=129_600, default=43_200),
    "GetSessionToken": Duration(minimum=900, maximum=129_600, default=43_200),
}
"""Where no role has a say."""


def role_duration(
    role: Role, params: Mapping[str, str], *, caller: AccessKey | None = None
) -> int:
    """
    The seconds that are asked for; a *caller* that is a role may have an hour.

    Raises:
        Refused: If they are too few or too many.
    """
    limits = Duration(
        minimum=role.min_session_duration,
        maximum=max(43_200, role.max_session_duration),
        default=min(3600, role.max_session_duration),
    )
    seconds = limits.of(params)
    if caller is not None and caller.kind == "role" and seconds > _CHAINED_MAXIMUM:
        raise _too_long("1 hour session limit for roles assumed by role chaining.")
    if seconds > role.max_session_duration:
        raise _too_long("MaxSessionDuration set for this role.")
    return seconds


def text_of(params: Mapping[str, str], name: str, *, minimum: int, maximum: int) -> str:
    """
    A parameter that has to be there.

    Raises:
        Refused: If it is too short or too long.
    """
    value = params.get(name, "")
    _check_range(
        "length",
        len(value),
        shown=(name[:1].lower() + name[1:], value),
        minimum=minimum,
        maximum=maximum,
    )
    return value


def _check_range(
    what: str, number: int, *, shown: tuple[str, str], minimum: int, maximum: int
) -> None:
    name, value = shown
    if number < minimum:
        constraint = f"have {what} greater than or equal to {minimum}"
        raise invalid_member(value, name, constraint)
    if number > maximum:
        constraint = f"have {what} less than or equal to {maximum}"
        raise invalid_member(value, name, constraint)


def _too_long(limit: str) -> Refused:
    message = f"The requested DurationSeconds exceeds the {limit}"
    return Refused("ValidationError", message, status=400)


_TASK_POLICIES = "arn:aws:iam::aws:policy/root-task/"


def assume_role(world: World, caller: AccessKey, params: Mapping[str, str]) -> Answer:
    """
    ``AssumeRole``.
    """
    name = text_of(params, "RoleSessionName", minimum=2, maximum=64)
    has_mfa = world.iam.mfa.check(caller, params) or caller.mfa
    role = _trusting_role(world, caller, params, has_mfa=has_mfa)
    return world.issue(
        "AssumeRole",
        params,
        identity=session_identity(role.arn, name),
        role_arn=role.arn,
        seconds=role_duration(role, params, caller=caller),
    )


def assume_root(world: World, caller: AccessKey, params: Mapping[str, str]) -> Answer:
    """
    ``AssumeRoot``.
    """
    arn, account = root_identity(params.get("TargetPrincipal", ""))
    if not world.iam.manages(caller, account):
        raise not_authorized(caller, "sts:AssumeRoot", arn)
    if not params.get("TaskPolicyArn.arn", "").startswith(_TASK_POLICIES):
        message = "The task policy ARN is not one of AWS's root task policies."
        raise Refused("ValidationError", message, status=400)
    return world.issue(
        "AssumeRoot",
        params,
        identity=(arn, account),
        seconds=DURATIONS["AssumeRoot"].of(params),
    )


def get_session_token(
    world: World, caller: AccessKey, params: Mapping[str, str]
) -> Answer:
    """
    ``GetSessionToken``.
    """
    seconds = DURATIONS["GetSessionToken"].of(params)
    return world.issue(
        "GetSessionToken",
        params,
        identity=(caller.arn, caller.user_id),
        seconds=seconds,
        mfa=world.iam.mfa.check(caller, params),
    )


def get_federation_token(
    world: World, caller: AccessKey, params: Mapping[str, str]
) -> Answer:
    """
    ``GetFederationToken``.
    """
    name = text_of(params, "Name", minimum=2, maximum=32)
    return world.issue(
        "GetFederationToken",
        params,
        identity=federated_identity(caller.account, name),
        seconds=DURATIONS["GetFederationToken"].of(params),
    )


def _trusting_role(
    world: World, caller: AccessKey, params: Mapping[str, str], *, has_mfa: bool
) -> Role:
    arn = params.get("RoleArn", "")
    role = world.iam.role(arn)
    if (
        role is None
        or not role.trusts_caller(caller)
        or role.external_id not in (None, params.get("ExternalId"))
        or (role.requires_mfa and not has_mfa)
    ):
        raise not_authorized(caller, "sts:AssumeRole", arn)
    return role


_SAML_LIFE = dt.timedelta(minutes=5)  # at most, whatever the assertion says


def assume_role_with_web_identity(world: World, params: Mapping[str, str]) -> Answer:
    """
    ``AssumeRoleWithWebIdentity``.
    """
    identity = world.providers.identity(params.get("WebIdentityToken", ""))
    if identity is None:
        raise _invalid(
            "The ID Token provided is not a valid JWT."
            " (You may see this error if you sent an Access Token)"
        )
    _check_time(identity, now=world.iam.now().timestamp())
    role = _role_for_token(world, identity, params)
    name = text_of(params, "RoleSessionName", minimum=2, maximum=64)
    return world.issue(
        "AssumeRoleWithWebIdentity",
        params,
        identity=session_identity(role.arn, name),
        role_arn=role.arn,
        seconds=role_duration(role, params),
        more=web_identity_result(identity, params),
    )


def assume_role_with_saml(world: World, params: Mapping[str, str]) -> Answer:
    """
    ``AssumeRoleWithSAML``.
    """
    document = params.get("SAMLAssertion", "")
    assertion = world.providers.assertion(document)
    if assertion is None:
        raise _invalid("Response signature invalid")
    _check_age(assertion, now=world.iam.now())
    role = _role_for_assertion(world, assertion, params)
    seconds = role_duration(role, params)
    if not world.providers.use(document):
        raise _invalid("Response has already been used")
    return world.issue(
        "AssumeRoleWithSAML",
        params,
        identity=session_identity(role.arn, assertion.name),
        role_arn=role.arn,
        seconds=seconds,
        more=saml_result(assertion.name, params),
    )


def _check_time(identity: WebIdentity, *, now: float) -> None:
    if now >= identity.expires_at:
        # The missing space is AWS's.
        raise _expired(
            f"Token expired: current date/time {int(now)} must be before the"
            f" expiration date/time{identity.expires_at}"
        )


def _check_age(assertion: SamlAssertion, *, now: dt.datetime) -> None:
    if now >= assertion.issued_at + _SAML_LIFE:
        raise _expired("Token must be redeemed within 5 minutes of issuance")
    if now >= assertion.expires_at:
        raise _expired("Response has expired")


def _role_for_token(
    world: World, identity: WebIdentity, params: Mapping[str, str]
) -> Role:
    arn = params.get("RoleArn", "")
    role = world.iam.role(arn)
    account = "" if role is None else role.account
    known = [
        role
        for role in world.iam.roles()
        if role.account == account and identity.issuer in role.web_identity_providers
    ]
    if role is not None and not known:
        raise _invalid(
            f"No OpenIDConnect provider found in your account for {identity.issuer}"
        )
    if known and identity.audience not in {role.audience for role in known}:
        raise _invalid("Incorrect token audience")
    if role not in known or role.audience != identity.audience:
        raise denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
    return role


def _role_for_assertion(
    world: World, assertion: SamlAssertion, params: Mapping[str, str]
) -> Role:
    pair = (params.get("RoleArn", ""), params.get("PrincipalArn", ""))
    role = world.iam.role(pair[0])
    if (
        role is None
        or pair[1] not in role.saml_providers
        or pair not in assertion.pairs
    ):
        raise denied("Not authorized to perform sts:AssumeRoleWithSAML")
    return role


def _invalid(message: str) -> Refused:
    return Refused("InvalidIdentityToken", message, status=400)


def _expired(message: str) -> Refused:
    return Refused("ExpiredTokenException", message, status=400)


_Signed: TypeAlias = Callable[[World, AccessKey, Mapping[str, str]], Answer]
_Unsigned: TypeAlias = Callable[[World, Mapping[str, str]], Answer]

_SIGNED: Mapping[str, _Signed] = {
    "AssumeRole": assume_role,
    "AssumeRoot": assume_root,
    "GetCallerIdentity": lambda world, caller, params: caller_identity_answer(caller),
    "GetFederationToken": get_federation_token,
    "GetSessionToken": get_session_token,
}
_UNSIGNED: Mapping[str, _Unsigned] = {
    "AssumeRoleWithSAML": assume_role_with_saml,
    "AssumeRoleWithWebIdentity": assume_role_with_web_identity,
}

# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
_ALLOWED: Mapping[KeyKind, frozenset[str]] = {
    "federated": frozenset({"GetCallerIdentity"}),
    "role": frozenset({"AssumeRole", "AssumeRoot", "GetCallerIdentity"}),
    "root": frozenset({"GetCallerIdentity"}),
    "session": frozenset({"AssumeRole", "GetCallerIdentity"}),
    "user": frozenset(_SIGNED),
}
_USERS_ONLY = frozenset({"GetFederationToken", "GetSessionToken"})


class StsService:
    """
    STS over the tables of a world.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self, request: HttpRequest) -> tuple[str, dict[str, str]]:
        """
        The operation and its parameters.
        """
        return read_query(request)

    def answer(
        self, operation: str, params: Mapping[str, str], request: HttpRequest
    ) -> Answer:
        """
        Do what is asked.

        Raises:
            Refused: If the caller may not, or a parameter is wrong.
        """
        if operation in _UNSIGNED:
            return _UNSIGNED[operation](self._world, params)
        if operation not in _SIGNED:
            raise unknown_operation(operation)
        caller = authenticate(self._world.iam, request, service="sts")
        if operation not in _ALLOWED[caller.kind]:
            raise _refused(caller, operation, params)
        return _SIGNED[operation](self._world, caller, params)


def _refused(caller: AccessKey, operation: str, params: Mapping[str, str]) -> Refused:
    if operation in _USERS_ONLY:
        return denied(f"Cannot call {operation} with session credentials")
    if caller.kind == "root" and operation == "AssumeRole":
        return denied("Roles may not be assumed by root accounts.")
    target = params.get("RoleArn", params.get("TargetPrincipal", "*"))
    return not_authorized(caller, f"sts:{operation}", target)
