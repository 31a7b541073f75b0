"""Fetches credentials from a function of the user."""

from __future__ import annotations

import datetime as dt
import inspect

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from botocore.utils import parse_timestamp

from .._core.credentials import FetchResult, Instant, TemporaryCredentials
from .._core.errors import capitalized, format_span, without_frames
from .._core.policy import RefreshPolicy
from .._core.refresher import Refresher
from .._core.runtime import Clock, current_runtime
from .._tokens.base import function_name
from ..exceptions import FailureKind, InvalidRequestError, SourceCredentialsError


__all__ = ["function_refresher"]


KEYS = {
    "access_key_id": ("AccessKeyId", "access_key", "accessKeyId"),
    "secret_access_key": ("SecretAccessKey", "secret_key", "secretAccessKey"),
    "session_token": ("SessionToken", "token", "sessionToken", "Token"),
    "account_id": ("AccountId", "account_id"),
}
"""The fields of our credentials, and the keys for them of STS, botocore, the IoT
credential provider, and the endpoints of containers and instances."""

EXPIRATION = ("Expiration", "expiry_time", "expiration")

TEMPORARY = "ASIA"
"""The beginning of the access key IDs that are invalid without a session token."""

COROUTINE_HINT = (
    "Pass a plain function, which may call asyncio.run(): it is called in a thread "
    "of its own."
)


def function_refresher(
    function: Callable[[], object],
    policy: RefreshPolicy,
    *,
    name: str | None = None,
    parameter: str,
) -> Refresher:
    """
    Return a refresher for the credentials that a function returns.

    Args:
        function: The function.

        policy: The refresh policy.

        name: The name of the credentials for messages. `None` means the function's.

        parameter: The parameter that the function was passed as.

    Raises:
        InvalidRequestError: If it isn't a function, or can't be called.
    """
    _check_function(function, parameter)
    label = function_name(function)
    clock = current_runtime().clock
    return Refresher(
        name=name or label,
        source=label,
        fetch=FunctionFetcher(function, clock, hop=name or label),
        policy=policy,
        clock=clock,
    )


def _check_function(function: object, parameter: str) -> None:
    if not callable(function):
        raise InvalidRequestError(
            f"{parameter} is of type {type(function).__name__}.",
            parameter=parameter,
            hint="Pass a function that returns credentials, and not its result.",
        )
    label = function_name(function)
    if inspect.iscoroutinefunction(function):
        raise InvalidRequestError(
            f"{parameter} is {label}, which is a coroutine function.",
            parameter=parameter,
            hint=COROUTINE_HINT,
        )
    try:
        inspect.signature(function).bind()
    except TypeError:
        raise InvalidRequestError(
            f"{parameter} is {label}, which can't be called without arguments.",
            parameter=parameter,
            hint="Pass functools.partial(function, argument), for example.",
        ) from None
    except ValueError:  # some functions written in C have no signature
        pass


@attrs.frozen(eq=False)
class FunctionFetcher:
    """
    Fetches credentials from a function of the user.

    Args:
        function: Returns `TemporaryCredentials`, or a mapping with the keys in `KEYS`.

        clock: The clock that expirations are compared with.

        hop: The name of the credentials in errors.
    """

    function: Callable[[], object]
    clock: Clock
    hop: str = attrs.field(kw_only=True)

    def __call__(self) -> FetchResult:
        """
        Call the function, and once more if it returns expired credentials. May block.

        Raises:
            SourceCredentialsError: If it doesn't return usable credentials.
        """
        try:
            credentials = self._unexpired()
        except BaseException as e:  # noqa: BLE001 - raised again below
            error = e
        else:
            # Their lifetime begins now, and not before the call: the function may have
            # waited for a person.
            now = Instant(self.clock.wall(), self.clock.monotonic())
            return FetchResult(credentials=credentials, began=now)
        # Raised here, where no local variable refers to what the function returned.
        raise without_frames(error)

    def _unexpired(self) -> TemporaryCredentials:
        label = function_name(self.function)
        for _ in range(2):  # a cache in the function may expire only now
            credentials = _parse(self.function(), label, self.hop)
            if credentials.expires_at is None:
                return credentials
            remaining = credentials.expires_at.timestamp() - self.clock.wall()
            if remaining > 0:
                return credentials
        raise SourceCredentialsError(
            f"{capitalized(label)} returned credentials that expired "
            f"{format_span(remaining)} ago.",
            kind=FailureKind.SOURCE_EXPIRED,
            hop=self.hop,
            hint="Return credentials that are still valid. If they are, set the "
            "machine's clock (NTP).",
        )


def _parse(value: object, label: str, hop: str) -> TemporaryCredentials:
    """
    Return the credentials that the function *label* returned.

    Raises:
        SourceCredentialsError:
            If *value* has no credentials. The error quotes no value.
    """
    read = _read(value)
    if isinstance(read, TemporaryCredentials):
        return read
    hint = (
        "Return TemporaryCredentials, or a dict with AccessKeyId, SecretAccessKey, "
        "SessionToken, and Expiration."
    )
    if inspect.isawaitable(value):
        hint = COROUTINE_HINT
    if isinstance(value, Mapping) and any(
        isinstance(part, Mapping) for part in value.values()
    ):
        hint = 'Return the part of the response with the keys: response["Credentials"].'
    if inspect.iscoroutine(value):
        value.close()  # Python would warn that it was never awaited
    text = f"Could not use the value that {label} returned, a {type(value).__name__}."
    raise SourceCredentialsError(f"{text} {read}".rstrip(), hop=hop, hint=hint)


def _read(value: object) -> TemporaryCredentials | str:
    """Return the credentials in *value*, or what is wrong with it."""
    if isinstance(value, TemporaryCredentials):
        fields = {ours: getattr(value, ours) for ours in KEYS}
        expiration: object = value.expires_at
    elif isinstance(value, Mapping):
        fields = {ours: _first(value, names) for ours, names in KEYS.items()}
        expiration = _first(value, EXPIRATION)
    else:
        return ""
    for ours, field in fields.items():
        name = KEYS[ours][0]
        if field is None and name in {"AccessKeyId", "SecretAccessKey"}:
            return f"It has no {name}."
        if not isinstance(field, (str, type(None))):
            return f"Its {name} is of type {type(field).__name__}."
    if fields["access_key_id"].startswith(TEMPORARY) and not fields["session_token"]:
        return "It has no SessionToken, which temporary credentials need."
    try:
        expires_at = _instant(expiration)
    except (TypeError, ValueError, RuntimeError, OverflowError, OSError):
        return "Its Expiration isn't a datetime, an ISO 8601 string, or a Unix time."
    return TemporaryCredentials(expires_at=expires_at, **fields)


def _first(mapping: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    values = (mapping.get(name) for name in names)
    return next((value for value in values if value not in (None, "")), None)


def _instant(value: object) -> dt.datetime | None:
    if value is None:
        return None
    if isinstance(value, (int, float)):
        return dt.datetime.fromtimestamp(value, dt.timezone.utc)
    if isinstance(value, str):
        value = parse_timestamp(value)
    if not isinstance(value, dt.datetime):
        raise TypeError
    if value.tzinfo is None:  # AWS uses UTC
        value = value.replace(tzinfo=dt.timezone.utc)
    return value.astimezone(dt.timezone.utc)
