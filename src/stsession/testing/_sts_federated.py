"""
The operations that give credentials to whom an identity provider vouches for.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Mapping

from ._answers import Answer, Refused
from ._iam import Role, session_identity
from ._refusals import denied
from ._saml import SamlAssertion, saml_result
from ._sts_checks import role_duration, text_of
from ._web_identity import WebIdentity, web_identity_result
from ._world import World


__all__ = ["assume_role_with_saml", "assume_role_with_web_identity"]


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
