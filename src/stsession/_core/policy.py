"""
The refresh policy: when credentials are refreshed, and what happens if that fails.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import sys

from typing import Any, ClassVar, Literal, NamedTuple

import attrs

from ..exceptions import FailureKind


__all__ = ["Freshness", "RefreshPlan", "RefreshPolicy", "Tuning"]


class Freshness(enum.IntEnum):
    """How urgent a refresh is."""

    FRESH = 0
    ADVISORY = 1
    MANDATORY = 2
    EXPIRED = 3


class RefreshPlan(NamedTuple):
    """When one set of credentials is refreshed, as seconds left until expiration."""

    due: float
    """The advisory window with jitter: with less left, a refresh is attempted."""

    mandatory: float
    """The mandatory window: with less left, callers wait for the refresh."""

    floor: float
    """With less left, credentials aren't used, because a request takes time to
    arrive."""

    settle: float
    """Seconds after the fetch in which no advisory refresh starts."""

    advisory: float
    """The advisory window without jitter; pauses between attempts scale with it."""

    clamped: bool = False
    """Whether a configured window didn't fit the lifetime."""

    def freshness(self, remaining: float) -> Freshness:
        """Return how urgent a refresh is with *remaining* seconds left."""
        if remaining > self.due:
            return Freshness.FRESH
        if remaining > self.mandatory and remaining > self.floor:
            return Freshness.ADVISORY
        if remaining > self.floor:
            return Freshness.MANDATORY
        return Freshness.EXPIRED


UNDATED = RefreshPlan(
    due=-math.inf, mandatory=-math.inf, floor=-math.inf, settle=0.0, advisory=300.0
)
"""For credentials without an expiration: they are never due."""

_MINUTE = 60.0

REJECTION_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidToken",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)


class Tuning(NamedTuple):
    """
    The constants of a refresh policy, which programs have no reason to change.

    The defaults are this library's, `SDK_TUNING` has the values of the AWS SDKs. Times
    are in seconds; a *fraction* is a plain number.
    """

    advisory_fraction: float = 1 / 4
    """The advisory window as a fraction of the lifetime."""

    advisory_minimum: float = 5 * _MINUTE
    """The advisory window is at least this long, if `advisory_minimum_fraction` of the
    lifetime isn't less."""

    advisory_minimum_fraction: float = 1 / 3
    """Limits `advisory_minimum` to this fraction of the lifetime."""

    advisory_maximum_fraction: float = 1 / 2
    """A refresh isn't due before this fraction of the lifetime is left; with infinity
    there is no such bound."""

    advisory_tiers: tuple[tuple[float, float], ...] = ()
    """Pairs of (lifetimes below this, advisory window), ascending. They replace the
    scaling with the lifetime."""

    mandatory_fraction: float = 1 / 5
    """The mandatory window as a fraction of the advisory one."""

    mandatory_maximum: float = _MINUTE
    """The mandatory window is at most this long, if the user doesn't choose it."""

    lead_fraction: float = 0.05
    """A refresh is due this fraction of the advisory window before that begins, so that
    an outage as long as the window leaves time for the slowest retry."""

    jitter_fraction: float = 0.2
    """A refresh is due earlier by up to this fraction of the advisory window, at
    random, so that processes started together don't refresh together."""

    usable_minimum: float = 5.0
    """Credentials with less than this left aren't used, if `usable_minimum_fraction` of
    their lifetime isn't less."""

    usable_minimum_fraction: float = 1 / 30
    """Limits `usable_minimum` to this fraction of the lifetime."""

    settle: float = _MINUTE
    """No advisory refresh starts for this long after a refresh, if `settle_fraction` of
    the lifetime isn't less."""

    settle_fraction: float = 1 / 10
    """Limits `settle` to this fraction of the lifetime."""

    source_margin: float = 2 * _MINUTE
    """A refresh is due this long before the source's credentials expire, but not before
    half of their remaining time is over."""

    source_margin_fraction: float = 1 / 10
    """`source_margin` is at least this fraction of the advisory window."""

    source_minimum: float = _MINUTE
    """Source credentials with less than this left are refreshed before use."""

    retry_first_fraction: float = 1 / 60
    """The first pause after a failure as a fraction of the advisory window. Pauses
    double with each failure in a row."""

    retry_first_minimum: float = 2.0
    """The first pause is at least this long, if half the advisory window isn't less."""

    retry_first_maximum: float = 15.0
    """The first pause is at most this long."""

    retry_longest_fraction: float = 1 / 4
    """The longest pause as a fraction of the time left."""

    retry_longest_minimum: float = 15.0
    """The lower bound of the longest pause."""

    retry_longest_maximum: float = 5 * _MINUTE
    """The upper bound of the longest pause."""

    retry_longest_expired: float = 30.0
    """The longest pause once the credentials have expired."""

    retry_spread: float = 0.5
    """A pause is random, between this fraction of it and all of it."""

    retry_throttled_factor: float = 2.0
    """The first pause is this much longer if STS throttled the request."""

    retry_gap: float = 10.0
    """The beginning of the mandatory window or a rejected key ends a pause early if the
    last attempt is at least this long ago, or half the advisory window."""

    retry_pause: tuple[float, float] | None = None
    """Lower and upper bound of a random pause that nothing shortens. `None` computes
    pauses from the numbers above."""

    retry_permanent: float = 30.0
    """The shortest pause after a permanent error, for which no retry is expected to
    help."""

    cached_error: tuple[float, float] = (1.0, 5.0)
    """Lower and upper bound of the random time for which a raised error is cached for
    other callers. The time doubles with each failure in a row, up to
    `retry_longest_expired`, unless there is a `retry_pause`."""

    permanent_codes: frozenset[str] | None = None
    """The error codes of STS that are permanent. `None` decides by the kind of
    failure."""

    rejection_interval: float = 30.0
    """Rejected keys cause at most one refresh in this time, or in half a lifetime if
    that is shorter."""

    refresh_rejected: bool = True
    """Whether a rejected key is replaced within the call that was rejected, and not
    only by the next one."""

    require_progress: bool = True
    """Whether new credentials must have more time left than the current ones."""

    clock_jump: float = 5.0
    """If the wall clock and the monotonic clock diverge by more than this between two
    readings, the machine was suspended or its clock was set."""


SDK_TUNING = Tuning(
    advisory_tiers=(
        (20 * _MINUTE + 1e-6, 5 * _MINUTE),
        (90 * _MINUTE, 15 * _MINUTE),
        (math.inf, 60 * _MINUTE),
    ),
    advisory_maximum_fraction=math.inf,
    lead_fraction=0.0,
    jitter_fraction=0.0,
    usable_minimum=0.0,
    settle=0.0,
    retry_pause=(5 * _MINUTE, 10 * _MINUTE),
    permanent_codes=frozenset(
        {
            "AccessDenied",
            "IDPRejectedClaim",
            "InvalidIdentityToken",
            "MalformedPolicyDocument",
            "PackedPolicyTooLarge",
            "RegionDisabledException",
        }
    ),
    rejection_interval=0.0,
    refresh_rejected=False,
    require_progress=False,
)


def _span(default: dt.timedelta | None) -> Any:
    """Declare a span that isn't negative; `None` is allowed if it is the default."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is None and default is None:
            return
        if not isinstance(value, dt.timedelta):
            msg = f"{attribute.name} is {value!r}; pass a datetime.timedelta."
            raise TypeError(msg)
        if value < dt.timedelta(0):
            msg = f"{attribute.name} is {value}; it can't be negative."
            raise ValueError(msg)

    return attrs.field(default=default, validator=check)


def _one_of(*choices: object) -> Any:
    """Declare one of *choices*, by default the first."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in choices:
            names = ", ".join(map(repr, choices))
            msg = f"{attribute.name} is {value!r}; pass one of {names}."
            raise ValueError(msg)

    return attrs.field(default=choices[0], validator=check)


def _check_flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        msg = f"{attribute.name} is {value!r}; pass True or False."
        raise TypeError(msg)


def _check_number(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{attribute.name} is {value!r}; pass an int."
        raise TypeError(msg)
    if value < 1:
        msg = f"{attribute.name} is {value}; it has to be at least 1."
        raise ValueError(msg)


def _check_codes(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    # In a str, any part of it would count as a code; a set has no hash.
    codes = value if isinstance(value, frozenset) else [None]
    if not all(isinstance(code, str) for code in codes):
        msg = f"{attribute.name} is {value!r}; pass a frozenset of str."
        raise TypeError(msg)


@attrs.frozen(kw_only=True, repr=False)
class RefreshPolicy:
    """
    When credentials are refreshed, and what happens if that fails.

    The defaults suit nearly every program. All spans are
    :class:`datetime.timedelta`, counted back from the expiration. The windows shrink
    with short-lived credentials, so that a 15-minute session isn't refreshed before
    every request.

    Args:
        advisory:
            How long before the expiration a refresh is *attempted*. If it fails, the
            current credentials stay in use. `None` scales it with the lifetime: a
            quarter, or five minutes if that is more, but at most a third. A window
            that doesn't fit the lifetime is clamped between *mandatory* and half the
            lifetime, and a warning is logged once.

        mandatory:
            How long before the expiration callers *wait* for a refresh. `None` means
            a fifth of the advisory window, and at most a minute.

        when_expired:
            What happens to credentials that expired while refreshes failed.
            ``"use_until_rejected"`` uses them until a service rejects them, because
            the local clock may be wrong; ``"raise"`` raises
            :class:`~stsession.CredentialsExpiredError` as soon as they expire;
            ``"use"`` uses them without limit.

        when_denied:
            What happens if STS returns a permanent error, such as ``AccessDenied``,
            while the current credentials are usable. ``"use"`` uses them, because after
            changes in IAM such an error is often temporary; ``"raise"`` raises the
            error.

        background:
            Whether a refresh may run in the background while the current credentials
            are usable. If not, the caller that starts it waits for it, at most
            *mandatory_wait*.

        resend:
            Whether a request that a service rejected because its key has expired is
            sent once more, signed with new credentials.

        load_timeout:
            How long a caller waits if there are no usable credentials. `None` derives
            it from the timeouts of the STS client: 30 s. A prompt for an MFA code has
            no limit.

        mandatory_wait:
            How long after the start of a refresh callers wait in the mandatory window
            before they use the current credentials.

        attempts_per_minute:
            How many attempts may fail or be interrupted within 60 s. After that, no
            attempt starts until the first of them is a minute old.

        rejection_codes:
            The error codes with which services reject an expired or revoked key.

    Raises:
        ValueError:
            If a span is negative, a choice doesn't exist, *attempts_per_minute* is
            less than 1, or *advisory* is smaller than *mandatory*.

        TypeError:
            If an argument has the wrong type.

    .. seealso:: `AssumeRole: DurationSeconds
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>`_
       for the lifetimes that STS allows (900 s to 12 h).

    .. versionadded:: 0.1.0
    """

    advisory: dt.timedelta | None = _span(None)
    mandatory: dt.timedelta | None = _span(None)
    when_expired: Literal["use_until_rejected", "raise", "use"] = _one_of(
        "use_until_rejected", "raise", "use"
    )
    when_denied: Literal["use", "raise"] = _one_of("use", "raise")
    background: bool = attrs.field(default=True, validator=_check_flag)
    resend: bool = attrs.field(default=True, validator=_check_flag)
    load_timeout: dt.timedelta | None = _span(None)
    mandatory_wait: dt.timedelta = _span(dt.timedelta(seconds=5))
    attempts_per_minute: int = attrs.field(default=7, validator=_check_number)
    rejection_codes: frozenset[str] = attrs.field(
        default=REJECTION_CODES, validator=_check_codes
    )
    _tuning: ClassVar[Tuning] = Tuning()

    def __repr__(self) -> str:
        default, name = RefreshPolicy(), type(self).__name__
        if isinstance(self, _SdkPolicy):
            default, name = self.sdk(), "RefreshPolicy.sdk"
        changed = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in attrs.fields(RefreshPolicy)
            if getattr(self, field.name) != getattr(default, field.name)
        )
        return f"{name}({', '.join(changed)})"

    def __attrs_post_init__(self) -> None:
        advisory, mandatory = self.advisory, self.mandatory
        if advisory is not None and mandatory is not None and advisory < mandatory:
            msg = f"advisory ({advisory}) is smaller than mandatory ({mandatory})."
            raise ValueError(msg)

    @staticmethod
    def sdk(*, advisory: dt.timedelta | None = None) -> RefreshPolicy:
        """
        Return the policy that the AWS SDKs are adopting, for parity with them.

        It differs from the default most for short sessions: after a failure there is
        no further attempt for five to ten minutes, and expired credentials are used
        without limit. A rejected key is replaced by the next call.

        Args:
            advisory:
                How long before the expiration a refresh is attempted. `None`
                means 5, 15, or 60 minutes, by lifetime.

        Raises:
            ValueError: If *advisory* is shorter than a minute.

        .. versionadded:: 0.1.0
        """
        return _SdkPolicy(
            advisory=advisory,
            mandatory=dt.timedelta(minutes=1),
            when_expired="use",
            when_denied="raise",
            background=False,
            resend=False,
            mandatory_wait=dt.timedelta(seconds=30),
            attempts_per_minute=sys.maxsize,
            rejection_codes=frozenset({"ExpiredToken", "InvalidToken"}),
        )

    @property
    def tuning(self) -> Tuning:
        """The constants of the policy, which aren't arguments."""
        return self._tuning

    def plan(
        self, lifetime: float, random: float, *, source_remaining: float | None = None
    ) -> RefreshPlan:
        """
        Return when credentials of *lifetime* seconds are refreshed.

        Args:
            lifetime: Seconds from the fetch to the expiration.

            random: A number from 0 to 1, for the jitter.

            source_remaining:
                Seconds from the fetch to the expiration of the source's credentials.
                `None` if that is unknown.
        """
        if math.isinf(lifetime):
            return UNDATED
        tuning = self._tuning
        advisory, mandatory, clamped = self._windows(lifetime)
        due = min(
            lifetime * tuning.advisory_maximum_fraction,
            advisory * (1 + tuning.lead_fraction + tuning.jitter_fraction * random),
        )
        if source_remaining is not None:
            margin = max(tuning.source_margin, advisory * tuning.source_margin_fraction)
            margin = min(margin, max(source_remaining, 0.0) / 2)
            due = max(due, lifetime - source_remaining + margin)
        return RefreshPlan(
            due=due,
            mandatory=mandatory,
            floor=min(tuning.usable_minimum, lifetime * tuning.usable_minimum_fraction),
            settle=min(tuning.settle, lifetime * tuning.settle_fraction),
            advisory=advisory,
            clamped=clamped,
        )

    def _windows(self, lifetime: float) -> tuple[float, float, bool]:
        """
        Return the advisory and the mandatory window, and whether they were clamped.
        """
        tuning = self._tuning
        if self.advisory is None:
            configured = self._scaled_advisory(lifetime)
        else:
            configured = self.advisory.total_seconds()
        if self.mandatory is None:
            mandatory = min(
                tuning.mandatory_maximum, configured * tuning.mandatory_fraction
            )
        else:
            mandatory = self.mandatory.total_seconds()
        if tuning.advisory_tiers:
            return configured, mandatory, False
        widest = lifetime * tuning.advisory_maximum_fraction
        advisory = min(max(configured, mandatory), widest)
        clamped = self.advisory is not None and advisory != configured
        return advisory, min(mandatory, advisory), clamped or mandatory > advisory

    def _scaled_advisory(self, lifetime: float) -> float:
        tuning = self._tuning
        for below, window in tuning.advisory_tiers:
            if lifetime < below:
                return window
        return max(
            lifetime * tuning.advisory_fraction,
            min(tuning.advisory_minimum, lifetime * tuning.advisory_minimum_fraction),
        )

    def is_permanent(self, kind: FailureKind, code: str | None) -> bool:
        if self._tuning.permanent_codes is None:
            return kind.permanent
        return code is not None and code in self._tuning.permanent_codes

    def cached_error_seconds(self, *, failures: int, random: float) -> float:
        """
        Return for how many seconds a raised error is cached for other callers.

        Args:
            failures: How many attempts failed in a row, this one included.

            random: A number from 0 to 1.
        """
        tuning = self._tuning
        seconds = _between(tuning.cached_error, random)
        if tuning.retry_pause is not None:
            return seconds
        # Otherwise all attempts of a minute could fail within seconds, and a role that
        # is fixed in the meantime could not be used for the rest of it.
        longest = max(seconds, tuning.retry_longest_expired)
        return min(longest, _doubled(seconds, failures))

    def pause(
        self,
        kind: FailureKind,
        *,
        failures: int,
        advisory: float,
        remaining: float,
        retry_after: float | None,
        random: float,
    ) -> float:
        """
        Return the seconds from a failure to the next attempt.

        Args:
            kind: Why the attempt failed.

            failures: How many attempts failed in a row, this one included.

            advisory: The advisory window of the current credentials, in seconds.

            remaining: Seconds until they expire; 0 or less if they have expired.

            retry_after: The `Retry-After` of STS in seconds. `None` if there is none.

            random: A number from 0 to 1.
        """
        tuning = self._tuning
        if tuning.retry_pause is not None:
            return _between(tuning.retry_pause, random)
        first = _clamp(
            advisory * tuning.retry_first_fraction,
            min(tuning.retry_first_minimum, advisory / 2),
            tuning.retry_first_maximum,
        )
        if kind is FailureKind.THROTTLED:
            first *= tuning.retry_throttled_factor
        longest = longest_retry_after = tuning.retry_longest_expired
        if remaining > 0:
            longest = _clamp(
                remaining * tuning.retry_longest_fraction,
                tuning.retry_longest_minimum,
                tuning.retry_longest_maximum,
            )
            longest_retry_after = remaining / 2
        pause = min(longest, _doubled(first, failures))
        pause *= tuning.retry_spread + (1 - tuning.retry_spread) * random
        if retry_after is not None and retry_after <= longest_retry_after:
            pause = max(pause, retry_after)
        if kind.permanent:
            pause = max(pause, tuning.retry_permanent)
        return pause


class _SdkPolicy(RefreshPolicy):
    _tuning = SDK_TUNING


def _between(bounds: tuple[float, float], random: float) -> float:
    low, high = bounds
    return low + (high - low) * random


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))


def _doubled(first: float, failures: int) -> float:
    # 2**n overflows a float long after any cap has been reached.
    return first * 2.0 ** min(failures - 1, 30)
