"""
Codes of an MFA device without the device.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Callable

from .._core.remembered_part import hides_arguments
from .._core.seams_part import current
from ..exceptions import MfaError


__all__ = ["totp"]


class _Totp:
    """
    A function of a seed that doesn't show in its `repr`.
    """

    def __init__(self, secret: str) -> None:
        try:
            import pyotp  # noqa: PLC0415 - an extra
        except ImportError:
            msg = "stsession.totp() needs pyotp: pip install 'stsession[totp]'."
            raise ImportError(msg) from None
        seed = "".join(secret.split())
        try:
            self._totp = pyotp.TOTP(seed)
            self._totp.at(0)
        except ValueError:
            seed = ""
        # Out here, so that its context, which may quote the seed, is none of ours.
        if not seed:
            raise MfaError(
                "The seed of the MFA device can't be read.",
                hint="Pass the base32 text that AWS shows beside the QR code.",
            )

    def __repr__(self) -> str:
        return "<stsession.totp of a seed>"

    def __reduce__(self) -> str:
        msg = (
            "The seed of an MFA device isn't pickled. Pass a function that the other "
            "process can import, and that fetches the seed there."
        )
        raise TypeError(msg)

    def __call__(self, serial: str) -> str:
        now = dt.datetime.fromtimestamp(current().clock.wall(), dt.timezone.utc)
        return str(self._totp.at(now))


@hides_arguments
def totp(secret: str) -> Callable[[str], str]:
    """
    Return what *mfa_code* takes, for a virtual device whose seed is known.

    Whoever has the seed has the second factor. Where it is stored beside the
    access key, there is one factor left; so fetch it from somewhere that asks
    for something else, such as a secret store of your CI.

    Needs ``pip install 'stsession[totp]'``.

    Args:
        secret: The base32 seed that AWS shows when the device is made.

    Raises:
        MfaError: If it is no such seed.

        ImportError: If pyotp isn't installed.

    .. versionadded:: 0.1.0
    """
    return _Totp(secret)
