"""
As much of IAM's interface as it takes to find an MFA device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ._answers import Answer, Refused, iso
from ._authentication import authenticate
from ._http import HttpRequest, query_answer, read_query, unknown_operation
from ._iam import Iam
from ._keys import AccessKey
from ._mfa import MfaDevice
from ._sts_answers import not_authorized


__all__ = ["IamService", "mfa_devices_answer"]


class IamService:
    """
    IAM over its tables.
    """

    def __init__(self, iam: Iam) -> None:
        self._iam = iam

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
        if operation != "ListMFADevices":
            raise unknown_operation(operation, service="iam")
        caller = authenticate(self._iam, request, service="iam")
        if caller.kind == "federated" or (caller.kind == "session" and not caller.mfa):
            # AWS's words for session keys that IAM doesn't take.
            message = "The security token included in the request is invalid"
            raise Refused("InvalidClientTokenId", message, status=403)
        name = self._user_name(caller, params)
        return mfa_devices_answer(self._iam.mfa.of_user(caller.account, name))

    def _user_name(self, caller: AccessKey, params: Mapping[str, str]) -> str:
        name = params.get("UserName")
        if name is None:
            if caller.kind in ("role", "root"):
                message = "Must specify userName when calling with non-User credentials"
                raise Refused("ValidationError", message, status=400)
            name = caller.arn.rpartition("/")[2]
        if not self._iam.may_call_iam(caller):
            raise not_authorized(
                caller,
                "iam:ListMFADevices",
                f"user {name}",
                " because no identity-based policy allows the"
                " iam:ListMFADevices action",
            )
        return name


def mfa_devices_answer(devices: Iterable[MfaDevice]) -> Answer:
    """
    The answer of ``ListMFADevices``.
    """
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
