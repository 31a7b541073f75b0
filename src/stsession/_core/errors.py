"""
Errors that the engine raises, and copies of errors that are kept.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
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
from .credentials import Fetched, Instant, Record
from .runtime import utc


__all__ = [
    "as_refresh_error",
    "bare",
    "cancelled",
    "check_progress",
    "copied",
    "credentials_expired",
    "hides_arguments",
    "lifetime_of",
    "no_answer",
    "nothing_yet",
    "recursion",
    "reentered",
    "remembered",
    "too_many_attempts",
    "too_short",
    "without_frames",
]


NOTICEABLE_SKEW = 300.0
"""Seconds that a local clock may be off without being blamed; AWS accepts
signatures that are five minutes old."""


def span(seconds: float) -> str:
    """
    Seconds as people say them.
    """
    seconds = abs(seconds)
    if math.isinf(seconds):
        return "no end"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def left(remaining: float) -> str:
    """
    What is left of some credentials, in words.
    """
    if remaining > 0:
        return f"{span(remaining)} left"
    return f"expired {span(remaining)} ago" if remaining else "there are none"


def begun(text: str) -> str:
    """
    The beginning of a sentence.
    """
    return text if text.startswith("arn:") else text[:1].upper() + text[1:]


def skew_text(server: float, local: float) -> str:
    """
    How wrong the local clock is, as a sentence; empty if it isn't.
    """
    off = local - server
    if abs(off) <= NOTICEABLE_SKEW:
        return ""
    direction = "ahead of" if off > 0 else "behind"
    return f"The local clock is {span(off)} {direction} the server's."


def lifetime_of(fetched: Fetched, arrived: Instant, label: str) -> float:
    """
    Return the lifetime of the credentials in seconds.

    It is their expiration less the time at which they were issued. The server's time
    is used if it leads to a possible lifetime, and the local time otherwise.

    Raises:
        RefreshError: If neither does.
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
    raise _impossible(fetched, lifetimes[0], arrived, label)


def _impossible(
    fetched: Fetched, lifetime: float, arrived: Instant, label: str
) -> RefreshError:
    served_at = fetched.server_time
    skew = "" if served_at is None else skew_text(served_at, arrived.wall)
    wrong = f"They arrived {span(lifetime)} after their expiration."
    if lifetime > 0:
        wrong = f"They would be valid for {span(lifetime)}, longer than is possible."
    msg = f"Could not use the credentials for {label}. {wrong} {skew}".rstrip()
    if skew or served_at is None:
        return ClockError(msg, hop=label, hint="Set the machine's clock (NTP).")
    return StsUnavailableError(
        msg,
        hop=label,
        hint="The service that issued them is faulty. The session calls it again when "
        "it is used.",
    )


def check_progress(
    new: Fetched,
    lifetime: float,
    current: Record | None,
    now: Instant,
    *,
    replaceable: bool,
    requested: bool,
    label: str,
) -> None:
    """
    Reject credentials that are no better than the current ones.

    What they have left is compared, and not when they expire: the clock that both
    expirations were computed with may have been set back in between.

    Args:
        new: The new ones.

        lifetime: What the new ones have left, in seconds.

        current: What is held.

        now: The time.

        replaceable:
            Whether the current ones are expired or rejected, so that others are
            accepted even if they have less left.

        requested:
            Whether others were requested, so that they needn't expire later.
            STS counts in whole seconds, and the current ones may be that young.

        label: The label of the credentials, for the message.

    Raises:
        RefreshError: If they aren't.
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
    msg = f"Could not refresh the credentials for {label}. The source returned {what}."
    raise RefreshError(
        msg, hop=label, hint="If it caches credentials, have it refresh them earlier."
    )


def as_refresh_error(error: BaseException, label: str, source: str) -> RefreshError:
    """
    Make an error of ours of whatever a source raised.
    """
    if isinstance(error, RefreshError):
        return error
    # Its text may hold anything, so only its class is quoted.
    name = type(error).__name__
    msg = f"Could not get credentials for {label}. {begun(source)} raised {name}."
    ours = SourceCredentialsError(
        msg,
        kind=FailureKind.UNKNOWN,
        hop=label,
        hint="The cause of this error says more.",
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
    label: str,
    source: str,
) -> CredentialsExpiredError:
    """
    The error that tells since when, how often, and why.
    """
    expired_at = record.credentials.expires_at
    state = (
        f"expired {span(remaining)} ago" if remaining <= 0 else "are about to expire"
    )
    since = f" (at {expired_at:%Y-%m-%d %H:%M:%S} UTC)" if expired_at else ""
    refreshes = "1 refresh" if attempts == 1 else f"{attempts} refreshes in a row"
    msg = (
        f"The credentials for {label} {state}{since}, and {refreshes} from {source} "
        f"failed. The last one: {error}"
    )
    expired = CredentialsExpiredError(
        msg,
        hint=f"The next attempt is possible in {wait:.0f} s.",
        kind=error.kind,
        code=error.code,
        http_status=error.http_status,
        retry_after=error.retry_after,
        hop=label,
        expired_at=expired_at,
        attempts=attempts,
        next_attempt_at=utc(now + wait),
        source=source,
    )
    expired.__cause__ = error.__cause__ or error
    return expired


def no_answer(label: str, source: str, seconds: float) -> StsUnavailableError:
    """
    The flight took too long.
    """
    return StsUnavailableError(
        f"Could not get credentials for {label}. {begun(source)} gave no answer "
        f"within {seconds:.3g} s.",
        hop=label,
        hint="Check the network and the end point; load_timeout of RefreshPolicy "
        "sets how long to wait.",
    )


def nothing_yet(label: str) -> StsUnavailableError:
    """
    Nothing to use is held, and nothing has failed.
    """
    return StsUnavailableError(
        f"There are no usable credentials for {label} yet.",
        hop=label,
        hint="A refresh is due or under way; ask again.",
    )


def recursion(label: str) -> SourceCredentialsError:
    """
    The source needs what it is the source of.
    """
    return SourceCredentialsError(
        f"The source of {label} requests credentials from {label} itself, so neither "
        "can get any.",
        hop=label,
        hint="Give the source credentials of its own.",
    )


def reentered(label: str) -> RefreshError:
    """
    A hook, a finalizer or a signal handler interrupted the refresh that it needs.
    """
    return RefreshError(
        f"There are no usable credentials for {label} yet, and this call interrupts "
        "the refresh in its own thread.",
        hop=label,
        hint="It was made by an on_event hook, a finalizer (__del__) or a signal "
        "handler: give that credentials of its own, or use the session afterwards.",
    )


def cancelled(label: str) -> MfaError:
    """
    Whoever was asked for a code pressed Ctrl-C.
    """
    return MfaError(
        f"Could not get credentials for {label}. The prompt for a code was cancelled.",
        hop=label,
        hint="Use the session again to be asked again.",
    )


def too_many_attempts(label: str, limit: int) -> StsUnavailableError:
    """
    The last minute was full.
    """
    return StsUnavailableError(
        f"Could not refresh the credentials for {label}. There were {limit} attempts "
        "in the last minute.",
        hop=label,
        kind=FailureKind.THROTTLED,
        retry_after=dt.timedelta(minutes=1),
        hint="Try again in a minute.",
    )


def too_short(label: str, lifetime: float, wanted: float) -> RefreshError:
    """
    No credentials of this kind live as long as somebody wants.
    """
    return RefreshError(
        f"Could not get credentials for {label} that are valid for {span(wanted)}. "
        f"Fresh ones live {span(lifetime)}.",
        kind=FailureKind.REQUEST,
        hop=label,
        hint="Ask for less, or for a longer session with duration_seconds.",
    )


OURS = "stsession"
SDK = frozenset({"boto3", "botocore", "s3transfer", "urllib3"})
"""Packages whose frames hold requests, answers, and credentials."""

LIBRARY = frozenset(sys.stdlib_module_names) - {"__main__"}
"""Modules that are called with them: ``json`` with a policy, say."""

HIDDEN = {OURS, *SDK, *LIBRARY}

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
T = TypeVar("T")

GROUPS = getattr(builtins, "BaseExceptionGroup", ())
"""They hold errors where they can't be taken out; before Python 3.11 there are none."""

PLAIN = (str, bytes, int, float, dt.date, dt.timedelta, enum.Enum, type(None))


def copied(error: RefreshError) -> RefreshError:
    """
    A copy without a traceback and causes.

    Sources may raise errors of ours with classes of their own; neither their
    initializers nor what they do when they are copied or pickled is relied on.
    """
    return _like(error)


def _like(error: E) -> E:
    cls = type(error)
    mine = cls.__new__(cls, *error.args)
    mine.args = error.args  # if it's an OSError, too, it waits for its initializer
    vars(mine).update(vars(error))
    return mine


def remembered(error: RefreshError) -> RefreshError:
    """
    A copy for as long as the session lives, with a copy of its cause.

    A traceback holds the frames of all who called, and whatever these have at
    hand: requests with their tokens, and the user's own data.
    """
    mine = copied(error)
    if error.__cause__ is not None:
        mine.__cause__ = bare(error.__cause__)
    return mine


def without_frames(error: E) -> E:
    """
    Remove the frames of this library and of the SDK from *error*, and return it.

    Raise it where the local variables hold no secret: the frames from there on
    are added again. Frames of the user's own functions stay, up to their first
    call of the SDK; so do those of exceptions that it is chained to.
    """
    if isinstance(error, StsessionError):
        error.__context__ = error.__cause__
    for link in chained(error):
        link.__traceback__ = _users(link.__traceback__)
    return error


def _users(traceback: TracebackType | None) -> TracebackType | None:
    """
    The part of a traceback that belongs to a function of the user.
    """
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
    Make a function raise its errors without the frames that hold its arguments.
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


def bare(cause: BaseException) -> BaseException:
    """
    A copy of *cause* without frames and causes, or an error with its text.
    """
    with contextlib.suppress(Exception):  # whatever its class does
        mine = copy.copy(cause)
        if type(mine) is not type(cause):  # as for an error of a service's model
            mine = _like(cause)
        same = type(mine) is type(cause) and mine is not cause
        if same and not isinstance(mine, GROUPS):
            mine.args = _plain(mine.args)
            vars(mine).update(_plain(vars(mine)))
            return mine
    name = type(cause).__name__
    with contextlib.suppress(Exception):
        return StsessionError(f"{name}: {cause}")
    return StsessionError(name)


def _plain(value: Any) -> Any:
    """
    The same without objects that may hold anything, such as another error.
    """
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    if isinstance(value, PLAIN):
        return value
    text = str(value) if isinstance(value, BaseException) else ""
    return text or type(value).__name__
