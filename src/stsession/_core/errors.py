"""Errors that the engine raises, and copies of errors that are kept."""

from __future__ import annotations

import builtins
import contextlib
import datetime as dt
import enum
import functools
import math
import sys

from collections.abc import Callable
from pickle import PicklingError
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from .._util import chained
from ..exceptions import (
    ClockError,
    CredentialsExpiredError,
    FailureKind,
    MfaError,
    RefreshError,
    SourceCredentialsError,
    StsessionError,
    StsUnavailableError,
)
from .credentials import FetchResult, Instant, Record
from .runtime import utc


__all__ = [
    "as_refresh_error",
    "check_progress",
    "circular_source",
    "copy_error",
    "copy_to_keep",
    "copy_to_raise",
    "credentials_expired",
    "frameless_copy",
    "hides_arguments",
    "lifetime_of",
    "no_credentials_yet",
    "no_response",
    "prompt_canceled",
    "reentrant_call",
    "too_many_attempts",
    "too_short",
    "without_frames",
]


NOTICEABLE_SKEW = 300.0
"""Seconds by which the local clock may be wrong before an error mentions it. AWS
accepts signatures that are five minutes old."""


def format_span(seconds: float) -> str:
    """Return seconds in the largest unit that fits."""
    seconds = abs(seconds)
    if math.isinf(seconds):
        return "unlimited time"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def validity(remaining: float) -> str:
    """Return for how long credentials are valid, for a log line."""
    if remaining > 0:
        return f"credentials valid for another {format_span(remaining)}"
    if remaining == 0:
        return "no credentials"
    return f"credentials expired {format_span(remaining)} ago"


def capitalized(text: str) -> str:
    """Return *text* as the beginning of a sentence."""
    return text if text.startswith("arn:") else text[:1].upper() + text[1:]


def skew_text(server: float, local: float) -> str:
    """Return a sentence that says how wrong the local clock is; empty if it isn't."""
    off = local - server
    if abs(off) <= NOTICEABLE_SKEW:
        return ""
    direction = "ahead of" if off > 0 else "behind"
    return f"The local clock is {format_span(off)} {direction} the server's."


def lifetime_of(fetched: FetchResult, arrived: Instant, name: str) -> float:
    """
    Return the lifetime of credentials in seconds; infinite without an expiration.

    It is their expiration less the time at which they were issued: the server's time
    if that leads to a possible lifetime, and the local time otherwise.

    Raises:
        RefreshError: If neither leads to a possible lifetime.
    """
    expires_at = fetched.credentials.expires_at
    if expires_at is None:
        return math.inf
    local = expires_at.timestamp() - arrived.wall
    lifetimes = [local]
    if fetched.server_time is not None:
        lifetimes.insert(0, expires_at.timestamp() - fetched.server_time)
    for longest in fetched.longest_lifetimes or (math.inf,):
        for lifetime in lifetimes:
            if 0 < lifetime <= longest:
                return lifetime
    raise _impossible(fetched, lifetimes[0], arrived, name)


def _impossible(
    fetched: FetchResult, lifetime: float, arrived: Instant, name: str
) -> RefreshError:
    served_at = fetched.server_time
    skew = "" if served_at is None else skew_text(served_at, arrived.wall)
    wrong = f"They arrived {format_span(lifetime)} after their expiration."
    if lifetime > 0:
        wrong = (
            f"They would be valid for {format_span(lifetime)}, longer than is possible."
        )
    msg = f"Could not use the credentials for {name}. {wrong} {skew}".rstrip()
    if skew or served_at is None:
        return ClockError(msg, hop=name, hint="Set the machine's clock (NTP).")
    return StsUnavailableError(
        msg,
        hop=name,
        hint="The service that issued them is faulty. The session calls it again when "
        "it is used.",
    )


def check_progress(
    new: FetchResult,
    lifetime: float,
    current: Record | None,
    now: Instant,
    *,
    replaceable: bool,
    requested: bool,
    name: str,
) -> None:
    """
    Reject credentials that are no better than the current ones.

    The remaining times are compared and not the expirations: the clock that both
    expirations were computed with may have been set back in between.

    Args:
        new: The new credentials.

        lifetime: Seconds until the new credentials expire.

        current: The current credentials. `None` if there are none.

        now: The current time.

        replaceable:
            Whether the current credentials have expired or were rejected, so that
            others are accepted even if they expire sooner.

        requested:
            Whether a caller requested new credentials. They may expire at the same time
            as the current ones, because STS returns whole seconds.

        name: The name of the credentials in the message.

    Raises:
        RefreshError: If the new credentials are no better.
    """
    if current is None:
        return
    old, came = current.credentials, new.credentials
    what = "the same key again"
    if old.access_key_id != came.access_key_id:
        if replaceable or old.expires_at is None or came.expires_at is None:
            return
        slack = 1.0 if requested else 0.0
        same = came.expires_at == old.expires_at and not requested
        if not same and lifetime > current.remaining(now) - slack:
            return
        what = "credentials that expire no later than the current ones"
    msg = f"Could not refresh the credentials for {name}. The source returned {what}."
    raise RefreshError(
        msg, hop=name, hint="If the source caches credentials, refresh them earlier."
    )


def as_refresh_error(error: BaseException, name: str, source: str) -> RefreshError:
    """Return *error*, or a `SourceCredentialsError` caused by it."""
    if isinstance(error, RefreshError):
        return error
    # Its text may contain secrets, so only its class is quoted.
    msg = (
        f"Could not get credentials for {name}. {capitalized(source)} raised "
        f"{type(error).__name__}."
    )
    ours = SourceCredentialsError(
        msg,
        kind=FailureKind.UNKNOWN,
        hop=name,
        hint="See the cause of this error for details.",
    )
    ours.__cause__ = error
    return ours


def credentials_expired(
    record: Record,
    remaining: float,
    error: RefreshError,
    *,
    now: float,
    attempts: int,
    wait: float,
    name: str,
    source: str,
) -> CredentialsExpiredError:
    """Return the error for credentials that expired; *now* is on the wall clock."""
    expired_at = record.credentials.expires_at
    state = f"expired {format_span(remaining)} ago" if remaining <= 0 else "expire soon"
    when = f" (at {expired_at:%Y-%m-%d %H:%M:%S} UTC)" if expired_at else ""
    failed = "1 failed attempt" if attempts == 1 else f"{attempts} failed attempts"
    msg = (
        f"The credentials for {name} {state}{when} and could not be refreshed "
        f"({failed} using {source}). Last error: {error}"
    )
    expired = CredentialsExpiredError(
        msg,
        hint=f"Next attempt in {wait:.0f} s.",
        kind=error.kind,
        code=error.code,
        http_status=error.http_status,
        retry_after=error.retry_after,
        hop=name,
        expired_at=expired_at,
        attempts=attempts,
        next_attempt_at=utc(now + wait),
        source=source,
    )
    expired.__cause__ = error.__cause__ or error
    return expired


def no_response(name: str, source: str, seconds: float) -> StsUnavailableError:
    return StsUnavailableError(
        f"Could not get credentials for {name}. {capitalized(source)} did not respond "
        f"within {seconds:.3g} s.",
        hop=name,
        hint="Check the network and the endpoint. load_timeout of RefreshPolicy sets "
        "how long to wait.",
    )


def no_credentials_yet(name: str) -> StsUnavailableError:
    return StsUnavailableError(
        f"There are no valid credentials for {name} yet.",
        hop=name,
        hint="A refresh is due or in progress. Try again.",
    )


def circular_source(name: str) -> SourceCredentialsError:
    return SourceCredentialsError(
        f"Circular dependency: the source of {name} needs credentials from {name}.",
        hop=name,
        hint="Give the source credentials of its own.",
    )


def reentrant_call(name: str) -> RefreshError:
    """Return the error of a call that interrupts the refresh that it would wait for."""
    return RefreshError(
        f"There are no valid credentials for {name} yet, and this call interrupts "
        "their refresh in the same thread.",
        hop=name,
        hint="The call comes from an on_event hook, a finalizer (__del__) or a signal "
        "handler. Use other credentials there, or use the session afterwards.",
    )


def prompt_canceled(name: str) -> MfaError:
    """Return the error for the callers that wait for a prompt that was canceled."""
    return MfaError(
        f"Could not get credentials for {name}. The prompt for an MFA code was "
        "canceled.",
        hop=name,
        hint="Use the session again for a new prompt.",
    )


def too_many_attempts(name: str, limit: int) -> StsUnavailableError:
    return StsUnavailableError(
        f"Could not refresh the credentials for {name}. {limit} attempts failed within "
        "the last minute.",
        hop=name,
        kind=FailureKind.THROTTLED,
        retry_after=dt.timedelta(minutes=1),
        hint="Try again in a minute.",
    )


def too_short(name: str, lifetime: float, min_validity: float) -> RefreshError:
    return RefreshError(
        f"Could not get credentials for {name} that are valid for "
        f"{format_span(min_validity)}. New ones are valid for {format_span(lifetime)}.",
        kind=FailureKind.REQUEST,
        hop=name,
        hint="Lower min_validity, or raise the duration of the credentials "
        "(duration_seconds).",
    )


OURS = "stsession"
SDK = frozenset({"boto3", "botocore", "s3transfer", "urllib3"})
"""Packages with local variables that hold requests, responses, or credentials."""

LIBRARY = frozenset(sys.stdlib_module_names) - {"__main__"}
"""Modules that are called with such arguments, for example ``json`` with a policy."""

HIDDEN = {OURS, *SDK, *LIBRARY}

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
T = TypeVar("T")

GROUPS = getattr(builtins, "BaseExceptionGroup", ())
"""Exception groups, which Python 3.10 doesn't have. Their errors can't be replaced."""

PLAIN = (str, bytes, int, float, dt.date, dt.timedelta, enum.Enum, type(None))


def copy_error(error: E) -> E:
    """
    Return a copy of the same class, without traceback and causes.

    A source may raise errors of its own classes; neither their initializers nor their
    methods for copies and pickles are called.
    """
    cls = type(error)
    mine = cls.__new__(cls, *error.args)
    mine.args = error.args  # not yet set if the class has an initializer
    vars(mine).update(vars(error))
    return mine


def copy_to_raise(error: RefreshError) -> RefreshError:
    """
    Return a copy with the same cause, for one thread to raise.

    A shared error would collect the tracebacks of all threads.
    """
    mine = copy_error(error)
    mine.__cause__ = error.__cause__
    return mine


def copy_to_keep(error: RefreshError) -> RefreshError:
    """
    Return a copy with a copy of the cause, both without frames.

    Frames hold the local variables of all callers: requests with tokens, and data of
    the program.
    """
    mine = copy_error(error)
    if error.__cause__ is not None:
        mine.__cause__ = frameless_copy(error.__cause__)
    return mine


def frameless_copy(error: BaseException) -> BaseException:
    """
    Return a copy with the same class, fields and text, but no frames and causes.

    If the error can't be copied, a `StsessionError` with its text is returned.
    """
    name = type(error).__name__
    with contextlib.suppress(Exception):  # its class may raise anything
        text = str(error)
        if not isinstance(error, GROUPS):
            mine = copy_error(error)
            mine.args = _plain(mine.args)
            vars(mine).update(_plain(vars(mine)))
            if str(mine) == text:
                return mine
        return StsessionError(f"{name}: {text}")
    return StsessionError(name)


def _plain(value: Any) -> Any:
    """
    Return *value* without objects that may refer to others, such as another error.
    """
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    if isinstance(value, PLAIN):
        return value
    text = str(value) if isinstance(value, BaseException) else ""
    return text or type(value).__name__


def without_frames(error: E) -> E:
    """
    Remove the frames of this library and of the SDK from *error*, and return it.

    Raise it where the local variables hold no secrets, because the frames from there
    on are added again. Frames of the program's own functions stay, up to their first
    call of the SDK. The same is done with the exceptions in its chain.
    """
    if isinstance(error, StsessionError):
        error.__context__ = error.__cause__
    for link in chained(error):
        link.__traceback__ = _users(link.__traceback__)
    return error


def _users(traceback: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that belongs to a function of the program."""
    while traceback is not None and _package(traceback) == OURS:
        traceback = traceback.tb_next
    frames = []
    while traceback is not None and _package(traceback) not in HIDDEN:
        frames.append(traceback)
        traceback = traceback.tb_next
    kept = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def _package(traceback: TracebackType) -> str:
    name = traceback.tb_frame.f_globals.get("__name__")
    return str(name).partition(".")[0]


def hides_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """
    Decorate a function to raise its errors without the frames that hold its arguments.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (StsessionError, TypeError, PicklingError) as e:
            error = e
        del args, kwargs
        raise without_frames(error)

    return call
