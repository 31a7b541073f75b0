"""
The STS operations of `LocalSTS`: who may call which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ._answers import Answer, Refused
from ._authentication import authenticate
from ._http import HttpRequest
from ._keys import AccessKey, KeyKind
from ._query import read_query, unknown_operation
from ._refusals import denied, not_authorized
from ._sts_answers import caller_identity_answer
from ._sts_federated import assume_role_with_saml, assume_role_with_web_identity
from ._sts_signed import (
    assume_role,
    assume_root,
    get_federation_token,
    get_session_token,
)
from ._world import World


__all__ = ["StsService"]


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
