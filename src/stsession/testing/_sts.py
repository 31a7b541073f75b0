"""The STS operations of `LocalSTS` and `StubSTS`."""

from __future__ import annotations

import datetime as dt

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from ._answers import (
    Answer,
    Service,
    ServiceError,
    Tree,
    denied,
    iso,
    not_authorized,
)
from ._authentication import authenticate
from ._federation import (
    SamlAssertion,
    WebIdentity,
    saml_result,
    web_identity_result,
)
from ._http import HttpRequest, query_answer, unknown_operation
from ._iam import Iam, Role, session_identity
from ._keys import AccessKey, KeyKind


__all__ = ["StsService", "denial"]


_CHAINED_MAXIMUM = 3600  # seconds, regardless of MaxSessionDuration
_SAML_LIFETIME = dt.timedelta(minutes=5)  # at most, regardless of the assertion
_TASK_POLICIES = "arn:aws:iam::aws:policy/root-task/"
_STUB_SUBJECT = "jane@example.com"

# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
_ALLOWED: Mapping[KeyKind, frozenset[str] | None] = {
    "federated": frozenset({"GetCallerIdentity"}),
    "role": frozenset({"AssumeRole", "AssumeRoot", "GetCallerIdentity"}),
    "root": frozenset({"GetCallerIdentity"}),
    "session": frozenset({"AssumeRole", "GetCallerIdentity"}),
    "user": None,  # all
}
_USERS_ONLY = frozenset({"GetFederationToken", "GetSessionToken"})


_Params: TypeAlias = Mapping[str, str]


@attrs.frozen(kw_only=True)
class _Grant:
    arn: str
    user_id: str
    seconds: int  # from DurationSeconds
    role_arn: str | None = None
    mfa: bool = False
    details: Mapping[str, Tree] = attrs.field(factory=dict)  # in the response


@attrs.frozen(kw_only=True)
class _Duration:
    """The limits of ``DurationSeconds``, and its default."""

    minimum: int
    maximum: int
    default: int

    def of(self, params: _Params) -> int:
        return int(params.get("DurationSeconds", self.default))

    def check(self, params: _Params) -> None:
        seconds = params.get("DurationSeconds")
        if seconds is not None:
            _check_range(
                "value",
                int(seconds),
                parameter=("durationSeconds", seconds),
                minimum=self.minimum,
                maximum=self.maximum,
            )


_DURATIONS: Mapping[str, _Duration] = {
    "AssumeRoot": _Duration(minimum=0, maximum=900, default=900),
    "GetFederationToken": _Duration(minimum=900, maximum=129_600, default=43_200),
    "GetSessionToken": _Duration(minimum=900, maximum=129_600, default=43_200),
}
"""Durations of the operations without a role."""


class StsService:
    """
    The STS service, with the data of IAM tables.

    Args:
        iam: The tables. If they have a default user, nothing is checked and each
            request succeeds.

        lifetime: A function that returns the lifetime of credentials for a number
            of ``DurationSeconds``.
    """

    def __init__(self, iam: Iam, *, lifetime: Callable[[int], dt.timedelta]) -> None:
        self._iam = iam
        self._checks = iam.default_user is None
        self._lifetime = lifetime

    def answer(self, operation: str, params: _Params, request: HttpRequest) -> Answer:
        if operation in _UNSIGNED:
            check, grant = _UNSIGNED[operation]
            if self._checks:
                check(self._iam, params)
            return self._issue(operation, params, grant(self._iam, params))
        if operation not in _SIGNED and operation != "GetCallerIdentity":
            raise unknown_operation(operation)
        caller = authenticate(self._iam, request, service="sts")
        if self._checks:
            _check_caller(caller, operation, params)
        if operation == "GetCallerIdentity":
            identity = {"Arn": caller.arn, "UserId": caller.user_id}
            return query_answer(
                "sts", operation, {**identity, "Account": caller.account}
            )
        check_signed, grant_signed = _SIGNED[operation]
        if self._checks:
            check_signed(self._iam, caller, params)
        return self._issue(operation, params, grant_signed(self._iam, caller, params))

    def _issue(self, operation: str, params: _Params, grant: _Grant) -> Answer:
        lifetime = self._lifetime(grant.seconds)
        now = self._iam.now()
        key = self._iam.issue(
            arn=grant.arn,
            user_id=grant.user_id,
            role_arn=grant.role_arn,
            mfa=grant.mfa,
            expires_at=now + lifetime,
        )
        # Computed from the full second, as in the Date header: the difference is exact.
        expiration = iso(now.replace(microsecond=0) + lifetime)
        result = _credentials(key, params, expiration)
        return query_answer("sts", operation, {**result, **grant.details})


# Signed operations: a check and a grant for each.


def _check_assume_role(iam: Iam, caller: AccessKey, params: _Params) -> None:
    _check_length(params, "RoleSessionName", minimum=2, maximum=64)
    has_mfa = iam.mfa.check(caller, params) or caller.mfa
    arn = params.get("RoleArn", "")
    role = iam.role(arn)
    if (
        role is None
        or not role.trusts_caller(caller)
        or role.external_id not in (None, params.get("ExternalId"))
        or (role.requires_mfa and not has_mfa)
    ):
        raise not_authorized(caller, "sts:AssumeRole", arn)
    _check_role_duration(role, params, chained=caller.kind == "role")


def _assume_role(iam: Iam, caller: AccessKey, params: _Params) -> _Grant:
    return _role_grant(iam, params, params.get("RoleSessionName", ""))


def _check_assume_root(iam: Iam, caller: AccessKey, params: _Params) -> None:
    arn, account = _root_identity(params.get("TargetPrincipal", ""))
    if not iam.manages(caller, account):
        raise not_authorized(caller, "sts:AssumeRoot", arn)
    if not params.get("TaskPolicyArn.arn", "").startswith(_TASK_POLICIES):
        message = "The task policy ARN is not one of AWS's root task policies."
        raise ServiceError("ValidationError", message, status=400)
    _DURATIONS["AssumeRoot"].check(params)


def _assume_root(iam: Iam, caller: AccessKey, params: _Params) -> _Grant:
    arn, user_id = _root_identity(params["TargetPrincipal"])
    seconds = _DURATIONS["AssumeRoot"].of(params)
    return _Grant(arn=arn, user_id=user_id, seconds=seconds)


def _check_get_session_token(iam: Iam, caller: AccessKey, params: _Params) -> None:
    _DURATIONS["GetSessionToken"].check(params)
    iam.mfa.check(caller, params)


def _get_session_token(iam: Iam, caller: AccessKey, params: _Params) -> _Grant:
    return _Grant(
        arn=caller.arn,
        user_id=caller.user_id,
        seconds=_DURATIONS["GetSessionToken"].of(params),
        mfa="TokenCode" in params,
    )


def _check_get_federation_token(iam: Iam, caller: AccessKey, params: _Params) -> None:
    _check_length(params, "Name", minimum=2, maximum=32)
    _DURATIONS["GetFederationToken"].check(params)


def _get_federation_token(iam: Iam, caller: AccessKey, params: _Params) -> _Grant:
    arn, user_id = _federated_identity(caller.account, params["Name"])
    seconds = _DURATIONS["GetFederationToken"].of(params)
    return _Grant(arn=arn, user_id=user_id, seconds=seconds)


# Unsigned operations.


def _check_web_identity(iam: Iam, params: _Params) -> None:
    identity = iam.web_identity(params.get("WebIdentityToken", ""))
    if identity is None:
        raise _invalid_token(
            "The ID Token provided is not a valid JWT."
            " (You may see this error if you sent an Access Token)"
        )
    now = int(iam.now().timestamp())
    if now >= identity.expires_at:
        # The missing space is AWS's.
        raise _expired_token(
            f"Token expired: current date/time {now} must be before the"
            f" expiration date/time{identity.expires_at}"
        )
    role = _role_for_token(iam, identity, params)
    _check_length(params, "RoleSessionName", minimum=2, maximum=64)
    _check_role_duration(role, params)


def _assume_role_with_web_identity(iam: Iam, params: _Params) -> _Grant:
    token = params.get("WebIdentityToken", "")
    identity = iam.web_identity(token) or WebIdentity.read(token)
    return _role_grant(
        iam,
        params,
        params.get("RoleSessionName", ""),
        details=web_identity_result(identity, params),
    )


def _check_saml(iam: Iam, params: _Params) -> None:
    document = params.get("SAMLAssertion", "")
    assertion = iam.saml_assertion(document)
    if assertion is None:
        raise _invalid_token("Response signature invalid")
    now = iam.now()
    if now >= assertion.issued_at + _SAML_LIFETIME:
        raise _expired_token("Token must be redeemed within 5 minutes of issuance")
    if now >= assertion.expires_at:
        raise _expired_token("Response has expired")
    _check_role_duration(_role_for_assertion(iam, assertion, params), params)
    if not iam.use_saml_assertion(document):
        raise _invalid_token("Response has already been used")


def _assume_role_with_saml(iam: Iam, params: _Params) -> _Grant:
    assertion = iam.saml_assertion(params.get("SAMLAssertion", ""))
    name = _STUB_SUBJECT if assertion is None else assertion.name
    return _role_grant(iam, params, name, details=saml_result(name, params))


_SignedCheck: TypeAlias = Callable[[Iam, AccessKey, _Params], None]
_SignedGrant: TypeAlias = Callable[[Iam, AccessKey, _Params], _Grant]
_UnsignedCheck: TypeAlias = Callable[[Iam, _Params], None]
_UnsignedGrant: TypeAlias = Callable[[Iam, _Params], _Grant]

_SIGNED: Mapping[str, tuple[_SignedCheck, _SignedGrant]] = {
    "AssumeRole": (_check_assume_role, _assume_role),
    "AssumeRoot": (_check_assume_root, _assume_root),
    "GetFederationToken": (_check_get_federation_token, _get_federation_token),
    "GetSessionToken": (_check_get_session_token, _get_session_token),
}
_UNSIGNED: Mapping[str, tuple[_UnsignedCheck, _UnsignedGrant]] = {
    "AssumeRoleWithSAML": (_check_saml, _assume_role_with_saml),
    "AssumeRoleWithWebIdentity": (_check_web_identity, _assume_role_with_web_identity),
}


def _role_grant(
    iam: Iam,
    params: _Params,
    session_name: str,
    details: Mapping[str, Tree] | None = None,
) -> _Grant:
    role_arn = params["RoleArn"]
    role = iam.role(role_arn)
    maximum = 3600 if role is None else role.max_session_duration
    arn, user_id = session_identity(role_arn, session_name)
    return _Grant(
        arn=arn,
        user_id=user_id,
        seconds=int(params.get("DurationSeconds", min(3600, maximum))),
        role_arn=role_arn,
        details=details or {},
    )


def _role_for_token(iam: Iam, identity: WebIdentity, params: _Params) -> Role:
    role = iam.role(params.get("RoleArn", ""))
    account = "" if role is None else role.account
    trusting = [
        role
        for role in iam.roles()
        if role.account == account and identity.issuer in role.web_identity_providers
    ]
    if role is not None and not trusting:
        raise _invalid_token(
            f"No OpenIDConnect provider found in your account for {identity.issuer}"
        )
    if trusting and identity.audience not in {role.audience for role in trusting}:
        raise _invalid_token("Incorrect token audience")
    if role not in trusting or role.audience != identity.audience:
        raise denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
    return role


def _role_for_assertion(iam: Iam, assertion: SamlAssertion, params: _Params) -> Role:
    pair = (params.get("RoleArn", ""), params.get("PrincipalArn", ""))
    role = iam.role(pair[0])
    if (
        role is None
        or pair[1] not in role.saml_providers
        or pair not in assertion.pairs
    ):
        raise denied("Not authorized to perform sts:AssumeRoleWithSAML")
    return role


def _check_caller(caller: AccessKey, operation: str, params: _Params) -> None:
    allowed = _ALLOWED[caller.kind]
    if allowed is None or operation in allowed:
        return
    if operation in _USERS_ONLY:
        raise denied(f"Cannot call {operation} with session credentials")
    if caller.kind == "root" and operation == "AssumeRole":
        raise denied("Roles may not be assumed by root accounts.")
    target = params.get("RoleArn", params.get("TargetPrincipal", "*"))
    raise not_authorized(caller, f"sts:{operation}", target)


def _check_role_duration(role: Role, params: _Params, *, chained: bool = False) -> None:
    limits = _Duration(
        minimum=role.min_session_duration,
        maximum=max(43_200, role.max_session_duration),
        default=min(3600, role.max_session_duration),
    )
    limits.check(params)
    seconds = limits.of(params)
    if chained and seconds > _CHAINED_MAXIMUM:
        raise _too_long("1 hour session limit for roles assumed by role chaining.")
    if seconds > role.max_session_duration:
        raise _too_long("MaxSessionDuration set for this role.")


def _check_length(params: _Params, name: str, *, minimum: int, maximum: int) -> None:
    value = params.get(name, "")
    _check_range(
        "length",
        len(value),
        parameter=(name[:1].lower() + name[1:], value),
        minimum=minimum,
        maximum=maximum,
    )


def _check_range(
    what: str, number: int, *, parameter: tuple[str, str], minimum: int, maximum: int
) -> None:
    if minimum <= number <= maximum:
        return
    name, value = parameter
    limit = f"greater than or equal to {minimum}"
    if number > maximum:
        limit = f"less than or equal to {maximum}"
    message = (
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy"
        f" constraint: Member must have {what} {limit}"
    )
    raise ServiceError("ValidationError", message, status=400)


def _too_long(limit: str) -> ServiceError:
    message = f"The requested DurationSeconds exceeds the {limit}"
    return ServiceError("ValidationError", message, status=400)


def _invalid_token(message: str) -> ServiceError:
    return ServiceError("InvalidIdentityToken", message, status=400)


def _expired_token(message: str) -> ServiceError:
    return ServiceError("ExpiredTokenException", message, status=400)


def _credentials(key: AccessKey, params: _Params, expiration: str) -> dict[str, Tree]:
    result: dict[str, Tree] = {
        "Credentials": {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "SessionToken": key.session_token or "",
            "Expiration": expiration,
        },
    }
    if key.kind == "role":
        result["AssumedRoleUser"] = {"AssumedRoleId": key.user_id, "Arn": key.arn}
    if key.kind == "federated":
        result["FederatedUser"] = {"FederatedUserId": key.user_id, "Arn": key.arn}
    if "SourceIdentity" in params:
        result["SourceIdentity"] = params["SourceIdentity"]
    if "Policy" in params or "PolicyArns.member.1.arn" in params:
        result["PackedPolicySize"] = 1 + len(params.get("Policy", "")) * 100 // 4096
    return result


def _federated_identity(account: str, name: str) -> tuple[str, str]:
    return f"arn:aws:sts::{account}:federated-user/{name}", f"{account}:{name}"


def _root_identity(target_principal: str) -> tuple[str, str]:
    account = target_principal
    if target_principal.startswith("arn:"):
        account = target_principal.split(":")[4]
    return f"arn:aws:iam::{account}:root", account


def denial(
    service: Service, operation: str, params: _Params, caller: AccessKey | None
) -> str:
    """
    Return the message of an ``AccessDenied`` error.

    Args:
        service: The service that denies the request.

        operation: The operation, for example ``"AssumeRole"``.

        params: The parameters of the request.

        caller: The key that signed the request, or `None` if it is unsigned or
            the key is unknown.
    """
    if service == "s3":
        return "Access Denied"
    action = f"{service}:{operation}"
    if caller is None:
        return f"Not authorized to perform {action}"
    return not_authorized(caller, action, _resource(operation, params, caller)).message


def _resource(operation: str, params: _Params, caller: AccessKey) -> str:
    if operation == "AssumeRole":
        return params.get("RoleArn", "")
    if operation == "AssumeRoot":
        return _root_identity(params.get("TargetPrincipal", ""))[0]
    if operation == "GetFederationToken":
        return _federated_identity(caller.account, params.get("Name", ""))[0]
    if operation == "ListMFADevices":
        return f"user {params.get('UserName', caller.arn.rpartition('/')[2])}"
    return "*"
