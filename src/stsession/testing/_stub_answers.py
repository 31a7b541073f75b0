"""
The operations of `StubSTS`: whatever is asked is given.
"""

from __future__ import annotations

import datetime as dt
import threading

from collections.abc import Mapping

from .._core.runtime import Clock, utc
from ._answers import Answer, Tree
from ._denials import denial
from ._iam import session_identity
from ._iam_api import mfa_devices_answer
from ._keys import AccessKey, KeyMaker
from ._log import Call
from ._mfa import MfaDevices
from ._query import unknown_operation
from ._saml import saml_result
from ._sts_answers import (
    announced,
    caller_identity_answer,
    credentials_answer,
    federated_identity,
    root_identity,
)
from ._sts_checks import DURATIONS
from ._web_identity import WebIdentity, web_identity_result


__all__ = ["StubOperations"]


_SOURCE_NAME = "source"
_SOURCE = AccessKey(
    access_key_id="AKIASTUBSTUBSTUBSTUB",
    secret_access_key="",
    arn=f"arn:aws:iam::123456789012:user/{_SOURCE_NAME}",
    user_id="AIDASTUBSTUBSTUBSTUB",
)
_SUBJECT = "jane@example.com"


class StubOperations:
    """
    Operations that check nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._maker = KeyMaker()
        self._lock = threading.Lock()  # makes a key and its place in the list one
        self.issued: list[AccessKey] = []
        self._mfa_devices = MfaDevices(clock)
        self._mfa_devices.add(_SOURCE.arn, serial=None, secret=None)

    def answer(self, call: Call, *, lifetime: dt.timedelta | None) -> Answer:
        """
        Answer *call*.

        Args:
            call: What is asked.

            lifetime: How long credentials live. `None` means as it's asked.

        Raises:
            Refused: If there is no such operation.
        """
        if call.service == "iam":
            return self._mfa_devices_answer(call.operation)
        caller = self._caller(call.access_key_id)
        if call.operation == "GetCallerIdentity":
            return caller_identity_answer(caller)
        if lifetime is None:
            lifetime = dt.timedelta(seconds=_seconds(call.operation, call.params))
        now = utc(self._clock.wall())
        return credentials_answer(
            call.operation,
            self._issue(call, caller, expires_at=now + lifetime),
            call.params,
            expiration=announced(now, lifetime),
            more=_more(call.operation, call.params),
        )

    def denial(self, call: Call) -> str:
        """
        How it's said that whoever asks *call* may not.
        """
        signed = call.access_key_id is not None
        caller = self._caller(call.access_key_id) if signed else None
        return denial(call.service, call.operation, call.params, caller)

    def _issue(
        self, call: Call, caller: AccessKey, *, expires_at: dt.datetime
    ) -> AccessKey:
        arn, user_id = _identity(call.operation, call.params, caller)
        with self._lock:
            key = self._maker.temporary(
                arn=arn,
                user_id=user_id,
                role_arn=call.params.get("RoleArn"),
                mfa=call.operation == "GetSessionToken" and "TokenCode" in call.params,
                expires_at=expires_at,
            )
            self.issued.append(key)
        return key

    def _mfa_devices_answer(self, operation: str) -> Answer:
        if operation != "ListMFADevices":
            raise unknown_operation(operation, service="iam")
        devices = self._mfa_devices.of_user(_SOURCE.account, _SOURCE_NAME)
        return mfa_devices_answer(devices)

    def _caller(self, access_key_id: str | None) -> AccessKey:
        for key in tuple(self.issued):
            if key.access_key_id == access_key_id:
                return key
        return _SOURCE


def _identity(
    operation: str, params: Mapping[str, str], caller: AccessKey
) -> tuple[str, str]:
    if operation in ("AssumeRole", "AssumeRoleWithWebIdentity"):
        return session_identity(params["RoleArn"], params.get("RoleSessionName", ""))
    if operation == "AssumeRoleWithSAML":
        return session_identity(params["RoleArn"], _SUBJECT)
    if operation == "AssumeRoot":
        return root_identity(params["TargetPrincipal"])
    if operation == "GetFederationToken":
        return federated_identity(caller.account, params["Name"])
    if operation == "GetSessionToken":
        return caller.arn, caller.user_id
    raise unknown_operation(operation)


def _seconds(operation: str, params: Mapping[str, str]) -> int:
    default = DURATIONS[operation].default if operation in DURATIONS else 3600
    return int(params.get("DurationSeconds", default))


def _more(operation: str, params: Mapping[str, str]) -> Mapping[str, Tree]:
    if operation == "AssumeRoleWithWebIdentity":
        identity = WebIdentity.read(params.get("WebIdentityToken", ""))
        return web_identity_result(identity, params)
    if operation == "AssumeRoleWithSAML":
        return saml_result(_SUBJECT, params)
    return {}
