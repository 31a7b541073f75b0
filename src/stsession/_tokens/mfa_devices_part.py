"""
Which MFA device somebody has: ``mfa_serial="auto"``.
"""

from __future__ import annotations

from typing import Any

import botocore.session

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .._botocore.errors import presentable
from ..exceptions import MfaError


__all__ = ["find_serial"]


HINT = "Pass the serial number or ARN of the device as mfa_serial."


def find_serial(session: botocore.session.Session, name: str) -> str:
    """
    Ask IAM for the only device of the user whose keys *session* has.

    Args:
        session: The source.

        name: The source's name, for messages.

    Raises:
        MfaError: If it says no, or knows none, or several.
    """
    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
    client: Any = session.create_client("iam", config=config)
    try:
        devices = client.list_mfa_devices()["MFADevices"]
    except (BotoCoreError, ClientError) as e:
        why = e.response["Error"]["Code"] if isinstance(e, ClientError) else str(e)
        raise MfaError(
            f"Could not find the MFA device of {name}. IAM returned {why}.", hint=HINT
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
            f"Could not tell the MFA device of {name}. IAM knows {known}.", hint=HINT
        )
    return str(serials[0])
