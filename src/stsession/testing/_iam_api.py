"""The IAM operation that lists MFA devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ._answers import Answer, ServiceError, iso, not_authorized
from ._authentication import authenticate
from ._http import HttpRequest, query_answer, unknown_operation
from ._iam import Iam
from ._keys import AccessKey
from ._mfa import MfaDevice


__all__ = ["IamService"]


class IamService:
    """
    The IAM service, with the data of its tables.

    Args:
        iam:
            The tables. If they have a default user, the response to each request lists
            that user's devices.
    """

    def __init__(self, iam: Iam) -> None:
        self._iam = iam

    def answer(
        self, operation: str, params: Mapping[str, str], request: HttpRequest
    ) -> Answer:
        if operation != "ListMFADevices":
            raise unknown_operation(operation, service="iam")
        user = self._iam.default_user
        if user is not None:
            return _devices_answer(
                self._iam.mfa.of_user(user.account, _name_of(user)),
            )
        caller = authenticate(self._iam, request, service="iam")
        name = self._user_name(caller, params)
        return _devices_answer(self._iam.mfa.of_user(caller.account, name))

    def _user_name(self, caller: AccessKey, params: Mapping[str, str]) -> str:
        if caller.kind == "federated" or (caller.kind == "session" and not caller.mfa):
            message = "The security token included in the request is invalid"
            raise ServiceError("InvalidClientTokenId", message, status=403)
        name = params.get("UserName")
        if name is None:
            if caller.kind in ("role", "root"):
                message = "Must specify userName when calling with non-User credentials"
                raise ServiceError("ValidationError", message, status=400)
            name = _name_of(caller)
        if not self._iam.may_call_iam(caller):
            raise not_authorized(
                caller,
                "iam:ListMFADevices",
                f"user {name}",
                " because no identity-based policy allows the"
                " iam:ListMFADevices action",
            )
        return name


def _name_of(user: AccessKey) -> str:
    return user.arn.rpartition("/")[2]


def _devices_answer(devices: Iterable[MfaDevice]) -> Answer:
    members = [
        {
            "UserName": device.user_name,
            "SerialNumber": device.serial,
            "EnableDate": iso(device.enabled_at),
        }
        for device in devices
    ]
    return query_answer(
        "iam",
        "ListMFADevices",
        {"MFADevices": {"member": members}, "IsTruncated": "false"},
    )
