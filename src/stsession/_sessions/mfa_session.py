"""MFA sessions: one MFA code for all roles that are assumed from a source."""

from __future__ import annotations

import datetime as dt
import functools

from collections.abc import Callable
from typing import Any

import attrs
import botocore.session

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .._botocore.errors import presentable
from .._requests.checks import checked_seconds, checked_serial_number
from .._requests.limits import TOKEN_DURATION
from .._requests.models import StsRequest
from .._sources.sources import Source
from .._tokens.mfa import CodeLike, MfaCodes, MfaCodeSupplier
from ..exceptions import MfaError


__all__ = ["MfaSession"]


DURATION = TOKEN_DURATION._replace(parameter="mfa_session")


@attrs.frozen
class MfaSession:
    """
    The MFA arguments of `assume()`, and the request for an MFA session.

    Args:
        serial: The MFA device; ``"auto"`` looks it up in IAM.

        code: See *mfa_code* of `assume()`.

        duration:
            How long one code is sufficient. `True` and `None` mean STS's default;
            `False` sends a code with each AssumeRole request.
    """

    serial: str
    code: CodeLike = attrs.field(default=None, repr=False)
    duration: bool | int | dt.timedelta | None = None

    def request(self, *, custom_endpoint: bool) -> StsRequest:
        """
        Return the request for the MFA session.

        Raises:
            InvalidRequestError: If STS would reject it.
        """
        seconds = None if isinstance(self.duration, bool) else self.duration
        return StsRequest.checked(
            "get_session_token",
            mfa_serial=None if self.serial == "auto" else self.serial,
            duration_seconds=checked_seconds(
                DURATION, seconds, strict=not custom_endpoint
            ),
            custom_endpoint=custom_endpoint,
        )

    def codes_for(self, source: Source, *, strict: bool = False) -> MfaCodeSupplier:
        """
        Return the supplier of the MFA codes for requests of a source.

        If *strict*, the serial number is checked against AWS's pattern.
        """
        return MfaCodeSupplier(
            self._serial_of(source, strict=strict),
            MfaCodes(self.code),
            key=self.serial,
        )

    def _serial_of(self, source: Source, *, strict: bool) -> Callable[[], str]:
        if self.serial == "auto":
            device_of = functools.lru_cache(maxsize=1)(
                lambda _: find_serial(source.settings, source.name)
            )
            return lambda: device_of(source.key)  # another user has another device
        serial = checked_serial_number(self.serial, strict=strict)
        return lambda: serial


def find_serial(session: botocore.session.Session, name: str) -> str:
    """
    Return the serial number of the source user's only MFA device. Calls IAM.

    Raises:
        MfaError:
            If IAM denies the request, or the user has no MFA device or more than one.
    """
    hint = "Pass the serial number or ARN of the device as mfa_serial."
    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
    client: Any = session.create_client("iam", config=config)
    try:
        devices = client.list_mfa_devices()["MFADevices"]
    except (BotoCoreError, ClientError) as e:
        reason = e.response["Error"]["Code"] if isinstance(e, ClientError) else str(e)
        raise MfaError(
            f"Could not find the MFA device of {name}. IAM returned {reason}.",
            hint=hint,
        ) from presentable(e)
    finally:
        client.close()
    # Security keys and passkeys show no codes.
    serials = [
        device["SerialNumber"]
        for device in devices
        if ":u2f/" not in device["SerialNumber"]
    ]
    if len(serials) != 1:
        known = ", ".join(serials) or "none"
        raise MfaError(
            f"Could not choose the MFA device of {name}. Devices in IAM: {known}.",
            hint=hint,
        )
    return str(serials[0])
