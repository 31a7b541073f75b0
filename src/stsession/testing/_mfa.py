"""MFA devices with a new code every thirty seconds, and the check of codes."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import secrets
import threading

from collections.abc import Mapping

import attrs

from .._core.runtime import Clock, utc
from ._answers import denied
from ._keys import AccessKey


__all__ = ["MfaDevice", "MfaDevices"]


_STEP = 30  # seconds that a code is shown

_FAILED = "MultiFactorAuthentication failed"


@attrs.frozen(kw_only=True)
class MfaDevice:
    """
    MFA device of a user, made by :meth:`LocalSTS.add_mfa_device`.

    .. seealso:: `RFC 6238 <https://www.rfc-editor.org/rfc/rfc6238>`_.

    .. versionadded:: 0.1.0
    """

    serial: str
    """Value for ``SerialNumber``: an ARN, or the serial number of a hardware device."""

    user_arn: str
    """ARN of the user."""

    secret: str = attrs.field(repr=False)
    """The seed of the codes, in Base32."""

    enabled_at: dt.datetime
    """Time when the device was added, as an aware UTC datetime."""

    _clock: Clock = attrs.field(repr=False, eq=False, alias="clock")

    @property
    def user_name(self) -> str:
        """Name of the user, without a path."""
        return self.user_arn.rpartition("/")[2]

    @property
    def account(self) -> str:
        """ID of the user's account."""
        return self.user_arn.split(":")[4]

    def code(self, at: Clock | None = None) -> str:
        """
        Return the current code, six digits.

        The server accepts it once, until its clock reaches the next step of 30
        seconds.

        Args:
            at: Clock that determines the code. `None` means the server's clock.
        """
        return self.code_of_step(_step(self._clock if at is None else at))

    def next_code(self) -> str:
        """Return the code of the next step, which the server does not accept yet."""
        return self.code_of_step(_step(self._clock) + 1)

    def code_of_step(self, step: int) -> str:
        """Return the code of one step of 30 seconds, counted from 1970."""
        digest = hmac.digest(_seed(self.secret), step.to_bytes(8, "big"), "sha1")
        offset = digest[-1] & 0xF
        number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
        return f"{number % 10**6:06d}"


class MfaDevices:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # guards the tables below
        self._devices: dict[str, MfaDevice] = {}
        self._used: dict[str, int] = {}  # the last step, by serial

    def add(
        self, user_arn: str, *, serial: str | None, secret: str | None
    ) -> MfaDevice:
        """Add a device of a user. Replaces a device with the same serial number."""
        if secret is None:
            secret = base64.b32encode(secrets.token_bytes(40)).decode()
        _seed(secret)
        with self._lock:
            device = MfaDevice(
                serial=self._free_serial(user_arn) if serial is None else serial,
                user_arn=user_arn,
                secret=secret,
                enabled_at=utc(self._clock.wall()).replace(microsecond=0),
                clock=self._clock,
            )
            self._devices[device.serial] = device
            self._used.pop(device.serial, None)
        return device

    def of_user(self, account: str, name: str) -> tuple[MfaDevice, ...]:
        with self._lock:
            devices = tuple(self._devices.values())
        return tuple(d for d in devices if (d.account, d.user_name) == (account, name))

    def check(self, caller: AccessKey, params: Mapping[str, str]) -> bool:
        """
        Return whether the request has a code, and mark the code as used.

        Raises:
            ServiceError: If the code is wrong or used, or the device belongs to
                another user.
        """
        serial, code = params.get("SerialNumber"), params.get("TokenCode")
        if serial is None and code is None:
            return False
        if serial is None or code is None:
            raise denied(
                f"{_FAILED}, must provide both MFA serial number and one time pass"
                " code."
            )
        if not self._is_owner(caller, serial):
            raise denied(
                f"{_FAILED}, unable to validate MFA code.  Please verify your MFA"
                " serial number is valid and associated with this user."
            )
        if not self._use(serial, code):
            raise denied(f"{_FAILED} with invalid MFA one time pass code. ")
        return True

    def _is_owner(self, caller: AccessKey, serial: str) -> bool:
        with self._lock:
            device = self._devices.get(serial)
        return (
            device is not None
            and caller.kind == "user"
            and device.user_arn == caller.arn
        )

    def _use(self, serial: str, code: str) -> bool:
        step = _step(self._clock)
        with self._lock:
            right = self._devices[serial].code_of_step(step)
            if self._used.get(serial, -1) >= step:
                return False
            if not hmac.compare_digest(right.encode(), code.encode()):
                return False
            self._used[serial] = step
        return True

    def _free_serial(self, user_arn: str) -> str:
        serial = first = user_arn.replace(":user/", ":mfa/")
        number = 2
        while serial in self._devices:
            serial = f"{first}-{number}"
            number += 1
        return serial


def _step(clock: Clock) -> int:
    return int(clock.wall() // _STEP)


def _seed(secret: str) -> bytes:
    text = secret.replace(" ", "").rstrip("=")
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8), casefold=True)
    except ValueError:
        raise ValueError("secret has to be Base32.") from None
