"""
The STS operations of `LocalSTS`.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Callable, Mapping

from ._answers import (
    Answer,
    Refused,
    announced,
    caller_identity_answer,
    credentials_answer,
)
from ._http import HttpRequest
from ._iam import Iam, Role, session_identity
from ._keys import AccessKey


__all__ = ["StsService", "read_sts_request", "unknown_operation"]


_CHAINED_MAXIMUM = 3600  # whatever MaxSessionDuration says


def read_sts_request(request: HttpRequest) -> tuple[str, dict[str, str]]:
    """
    The operation and its parameters.
    """
    params = request.form() if request.body else request.query_params()
    params.pop("Version", None)
    params = {k: v for k, v in params.items() if not k.startswith("X-Amz-")}
    return params.pop("Action", ""), params


def unknown_operation(operation: str) -> Refused:
    """
    What STS says to an operation that isn't there.
    """
    message = f"Could not find operation {operation} for version 2011-06-15"
    return Refused("InvalidAction", message, status=400)


class StsService:
    """
    STS over the tables of *iam*.
    """

    def __init__(self, iam: Iam, *, lifetime_scale: float) -> None:
        self._iam = iam
        self._lifetime_scale = lifetime_scale
        self._operations: Mapping[
            str, Callable[[AccessKey, Mapping[str, str]], Answer]
        ] = {
            "AssumeRole": self._assume_role,
            "GetCallerIdentity": lambda caller, _: caller_identity_answer(caller),
        }

    def read(self, request: HttpRequest) -> tuple[str, dict[str, str]]:
        """
        The operation and its parameters.
        """
        return read_sts_request(request)

    def answer(
        self, operation: str, params: Mapping[str, str], request: HttpRequest
    ) -> Answer:
        """
        Do what is asked.

        Raises:
            Refused: If the caller may not, or a parameter is wrong.
        """
        if operation not in self._operations:
            raise unknown_operation(operation)
        caller = self._iam.authenticate(request, service="sts")
        return self._operations[operation](caller, params)

    def _assume_role(self, caller: AccessKey, params: Mapping[str, str]) -> Answer:
        role = self._trusting_role(caller, params)
        seconds = _duration_seconds(role, caller, params)
        arn, user_id = session_identity(role.arn, _session_name(params))
        lifetime = dt.timedelta(seconds=seconds * self._lifetime_scale)
        now = self._iam.now()
        key = self._iam.issue(
            arn=arn, user_id=user_id, role_arn=role.arn, lifetime=lifetime
        )
        return credentials_answer(
            "AssumeRole", key, params, expiration=announced(now, lifetime)
        )

    def _trusting_role(self, caller: AccessKey, params: Mapping[str, str]) -> Role:
        arn = params.get("RoleArn", "")
        role = self._iam.role(arn)
        if (
            role is None
            or not role.trusts_caller(caller)
            or role.external_id not in (None, params.get("ExternalId"))
        ):
            raise Refused(
                "AccessDenied",
                f"User: {caller.arn} is not authorized to perform:"
                f" sts:AssumeRole on resource: {arn}",
                status=403,
            )
        return role


def _session_name(params: Mapping[str, str]) -> str:
    name = params.get("RoleSessionName", "")
    if len(name) < 2:
        raise _invalid(name, "roleSessionName", "have length", "2")
    return name


def _duration_seconds(role: Role, caller: AccessKey, params: Mapping[str, str]) -> int:
    given = params.get("DurationSeconds")
    if given is None:
        return min(3600, role.max_session_duration)
    seconds = int(given)
    if seconds < role.min_session_duration:
        minimum = str(role.min_session_duration)
        raise _invalid(given, "durationSeconds", "have value", minimum)
    if caller.role_arn is not None and seconds > _CHAINED_MAXIMUM:
        raise _too_long("1 hour session limit for roles assumed by role chaining.")
    if seconds > role.max_session_duration:
        raise _too_long("MaxSessionDuration set for this role.")
    return seconds


def _invalid(value: str, name: str, what: str, minimum: str) -> Refused:
    return Refused(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{name}' failed to"
        f" satisfy constraint: Member must {what} greater than or equal to {minimum}",
        status=400,
    )


def _too_long(limit: str) -> Refused:
    message = f"The requested DurationSeconds exceeds the {limit}"
    return Refused("ValidationError", message, status=400)
