"""Fetches credentials from a function that is passed as source=."""

from __future__ import annotations

import datetime as dt

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from botocore.utils import parse_timestamp

from .._core.credentials import FetchResult, TemporaryCredentials
from .._core.errors import capitalized, format_span, without_frames
from .._core.runtime import Clock
from .._tokens.base import function_name
from ..exceptions import FailureKind, SourceCredentialsError


__all__ = ["FunctionFetcher", "parse_credentials"]


KEYS = {
    "access_key_id": ("AccessKeyId", "access_key"),
    "secret_access_key": ("SecretAccessKey", "secret_key"),
    "session_token": ("SessionToken", "token"),
    "account_id": ("AccountId", "account_id"),
}
"""The fields of our credentials, and the keys of STS and of botocore for them."""

EXPIRATION = ("Expiration", "expiry_time")


@attrs.frozen(eq=False)
class FunctionFetcher:
    """
    Fetches credentials from a function of the user.

    Args:
        function: Returns `TemporaryCredentials`, or a mapping with the keys of STS or
            of botocore.

        clock: The clock that expirations are compared with.
    """

    function: Callable[[], object]
    clock: Clock

    def __call__(self) -> FetchResult:
        """
        Call the function, and once more if it returns expired credentials. May block.

        Raises:
            SourceCredentialsError: If it doesn't return usable credentials.
        """
        try:
            return FetchResult(credentials=self._unexpired())
        except Exception as e:  # noqa: BLE001 - raised again below
            error = e
        # Out here, where no local variable holds what the function returned.
        raise without_frames(error)

    def _unexpired(self) -> TemporaryCredentials:
        label = function_name(self.function)
        for _ in range(2):  # a cache in it may notice the expiration only now
            credentials = parse_credentials(self.function(), label)
            if credentials.expires_at is None:
                return credentials
            remaining = credentials.expires_at.timestamp() - self.clock.wall()
            if remaining > 0:
                return credentials
        raise SourceCredentialsError(
            f"{capitalized(label)} returned credentials that expired "
            f"{format_span(remaining)} ago.",
            kind=FailureKind.SOURCE_EXPIRED,
            hop=label,
            hint="Return credentials that are still valid. If they are, set the "
            "machine's clock (NTP).",
        )


def parse_credentials(value: object, label: str) -> TemporaryCredentials:
    """
    Return the credentials that the function *label* returned.

    Raises:
        SourceCredentialsError:
            If *value* has no credentials. The error quotes no value.
    """
    if isinstance(value, TemporaryCredentials):
        return value
    credentials = _read(value) if isinstance(value, Mapping) else None
    if credentials is None:
        raise SourceCredentialsError(
            f"Could not use the value that {label} returned, a {type(value).__name__}.",
            hop=label,
            hint="Return TemporaryCredentials, or a dict with AccessKeyId, "
            "SecretAccessKey, SessionToken, and Expiration.",
        )
    return credentials


def _read(mapping: Mapping[str, Any]) -> TemporaryCredentials | None:
    texts = {ours: _first(mapping, names) for ours, names in KEYS.items()}
    if texts["access_key_id"] is None or texts["secret_access_key"] is None:
        return None
    if not all(isinstance(text, str) for text in texts.values() if text is not None):
        return None
    try:
        expires_at = _instant(_first(mapping, EXPIRATION))
    except (TypeError, ValueError, RuntimeError):
        return None
    return TemporaryCredentials(expires_at=expires_at, **texts)


def _first(mapping: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((mapping[name] for name in names if mapping.get(name)), None)


def _instant(value: object) -> dt.datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = parse_timestamp(value)
    if not isinstance(value, dt.datetime):
        raise TypeError
    if value.tzinfo is None:  # AWS uses UTC
        value = value.replace(tzinfo=dt.timezone.utc)
    return value.astimezone(dt.timezone.utc)
