"""
The operations that give credentials to whoever signed the request.
"""

from __future__ import annotations

from collections.abc import Mapping

from ._answers import Answer, Refused
from ._iam import Role, session_identity
from ._keys import AccessKey
from ._refusals import not_authorized
from ._sts_answers import federated_identity, root_identity
from ._sts_checks import DURATIONS, role_duration, text_of
from ._world import World


__all__ = [
    "assume_role",
    "assume_root",
    "get_federation_token",
    "get_session_token",
]


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
