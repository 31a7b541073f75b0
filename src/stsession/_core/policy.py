"""
The refresh policy: when credentials are refreshed, and what happens if that fails.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import sys

from typing import Any, Literal

import attrs

from ..exceptions import FailureKind


__all__ = [
    "Freshness",
    "RefreshPlan",
    "RefreshPolicy",
    "check_codes",
    "check_flag",
    "check_number",
    "check_pair",
    "check_tiers",
    "one_of",
    "share",
    "span",
]


class Freshness(enum.IntEnum):
    """
    How much a refresh matters now.
    """

    FRESH = 0
    ADVISORY = 1
    MANDATORY = 2
    EXPIRED = 3


@attrs.frozen(kw_only=True)
class RefreshPlan:
    """
    What one set of credentials goes through, in seconds before its expiration.
    """

    due: float
    """A refresh is tried from here on: the advisory window, with jitter."""

    mandatory: float
    """Callers wait for the refresh from here on."""

    floor: float
    """Too little left to sign with."""

    settle: float
    """Seconds after the fetch in which no advisory refresh starts."""

    advisory: float
    """The advisory window without jitter; the retries scale with it."""

    clamped: bool = False
    """Whether a configured window didn't fit the lifetime."""

    def freshness(self, remaining: float) -> Freshness:
        """
        Tell how fresh credentials with *remaining* seconds left are.
        """
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


def _not_negative(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and value < type(value)(0):
        msg = f"{attribute.name} is {value}; it can't be negative."
        raise ValueError(msg)


def span(default: dt.timedelta | None) -> Any:
    """
    A span that isn't negative; `None` if that is the default.
    """

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is None and attribute.default is None:
            return
        if not isinstance(value, dt.timedelta):
            msg = f"{attribute.name} is {value!r}; give a datetime.timedelta."
            raise TypeError(msg)
        _not_negative(instance, attribute, value)

    return attrs.field(default=default, validator=check)


def check_pair(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    Two spans in order; `None` if that is the default.
    """
    if value is None and attribute.default is None:
        return
    spans = value if isinstance(value, tuple) else ()
    if len(spans) != 2 or not all(isinstance(span, dt.timedelta) for span in spans):
        msg = f"{attribute.name} is {value!r}; give a pair of datetime.timedelta."
        raise TypeError(msg)
    if not dt.timedelta(0) <= value[0] <= value[1]:
        msg = f"{attribute.name} is {value}; the second can't be less than the first."
        raise ValueError(msg)


def check_tiers(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    Pairs of spans in order.
    """
    if not isinstance(value, tuple):  # a list couldn't be hashed
        msg = f"{attribute.name} is {value!r}; give a tuple of pairs."
        raise TypeError(msg)
    for tier in value:
        spans = tier if isinstance(tier, tuple) else ()
        if len(spans) != 2 or not all(isinstance(span, dt.timedelta) for span in spans):
            msg = f"{attribute.name} has {tier!r}; give pairs of datetime.timedelta."
            raise TypeError(msg)
        if min(spans) < dt.timedelta(0):
            msg = f"{attribute.name} has {tier!r}; a span can't be negative."
            raise ValueError(msg)
    if sorted(value) != list(value):
        msg = f"{attribute.name} isn't in ascending order."
        raise ValueError(msg)


def _fraction(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{attribute.name} is {value!r}; give a plain number."
        raise TypeError(msg)
    unbounded = value == math.inf and attribute.name == "advisory_maximum_fraction"
    if not (math.isfinite(value) or unbounded):
        msg = f"{attribute.name} is {value}; give a finite number."
        raise ValueError(msg)
    _not_negative(instance, attribute, value)


def share(default: float) -> Any:
    """
    A fraction: a plain number that isn't negative.
    """
    return attrs.field(default=default, validator=_fraction)


def check_codes(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    A frozenset of str; `None` if that is the default.
    """
    if value is None and attribute.default is None:
        return
    codes = value if isinstance(value, frozenset) else [None]
    if not all(isinstance(code, str) for code in codes):
        msg = f"{attribute.name} is {value!r}; give a frozenset of str."
        raise TypeError(msg)


def check_flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    `True` or `False`.
    """
    if not isinstance(value, bool):
        msg = f"{attribute.name} is {value!r}; give True or False."
        raise TypeError(msg)


def check_number(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    An int, 1 at least.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{attribute.name} is {value!r}; give an int."
        raise TypeError(msg)
    if value < 1:
        msg = f"{attribute.name} is {value}; it has to be 1 at least."
        raise ValueError(msg)


def one_of(*choices: object) -> Any:
    """
    One of *choices*, by default the first.
    """

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in choices:
            names = ", ".join(map(repr, choices))
            msg = f"{attribute.name} is {value!r}; give one of {names}."
            raise ValueError(msg)

    return attrs.field(default=choices[0], validator=check)


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

# What the AWS SDKs raise from any window.
SDK_RAISED_CODES = frozenset(
    {
        "AccessDenied",
        "IDPRejectedClaim",
        "InvalidIdentityToken",
        "MalformedPolicyDocument",
        "PackedPolicyTooLarge",
        "RegionDisabledException",
    }
)


def _seconds(span: dt.timedelta) -> float:
    return span.total_seconds()


def _between(spans: tuple[dt.timedelta, dt.timedelta], draw: float) -> float:
    low, high = map(_seconds, spans)
    return low + (high - low) * draw


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))


def _doubled(first: float, failures: int) -> float:
    # 2**n overflows a float long after any cap has been reached.
    return first * 2.0 ** min(failures - 1, 30)


def _minutes(n: float) -> dt.timedelta:
    return dt.timedelta(minutes=n)


@attrs.frozen(kw_only=True, repr=False)
class RefreshPolicy:
    """
    When credentials are refreshed, counted back from their expiration.

    The defaults suit everybody we know of; most programs never name this
    class. The windows shrink with short-lived credentials, so that a
    15-minute session isn't refreshed before every request.

    All spans are :class:`datetime.timedelta`; what is called *fraction* is a
    plain number.

    Args:
        advisory:
            How long before the expiration a refresh is *tried*. If it fails,
            the current credentials go on being used. `None` scales it with
            the lifetime: a quarter, or five minutes if that is more, or a
            third if five minutes is more than that. A window that doesn't fit
            the lifetime is clamped between *mandatory* and half the lifetime,
            with one warning.

        mandatory:
            How long before the expiration callers *wait* for a refresh. `None`
            means a fifth of the advisory window, a minute at most.

        stale:
            What happens to credentials that expired while refreshes failed.
            ``"until_rejected"`` goes on using them until a service refuses
            them, because the local clock may be wrong; ``"never"`` raises
            :class:`~stsession.CredentialsExpiredError` as soon as they expire;
            ``"always"`` never raises.

        permanent:
            What happens if STS refuses in a way that won't pass by itself
            while the current credentials are usable. ``"serve"`` goes on using
            them, because ``AccessDenied`` is often a passing state after a
            change in IAM; ``"raise"`` raises.

        background:
            Whether a refresh may run in the background while the current
            credentials are usable. If not, the caller that finds it due waits for
            it, up to *mandatory_wait*.

        resend:
            Whether a request whose key a service refused as expired is sent
            once more, with new credentials. If *refresh_rejected* is false, only
            a request whose key has been replaced in the meantime is sent again.

        load_timeout:
            How long a caller waits when there are no usable credentials, whatever
            the fetch does. `None` derives it from the timeouts of the STS client:
            30 s. A prompt for a code of an MFA device is the exception: it takes as
            long as the person does.

        mandatory_wait:
            How long after the start of a refresh in the mandatory window a
            caller goes on with what it has.

        advisory_fraction: Advisory window as a fraction of the lifetime.

        advisory_minimum: The advisory window isn't smaller than this, ...

        advisory_minimum_fraction: ... or than this fraction of the lifetime.

        advisory_maximum_fraction:
            A refresh isn't due before this fraction of the lifetime is left;
            with infinity, that's no bound.

        advisory_tiers:
            Pairs of (lifetimes below this, advisory window) that replace the
            scaling, in ascending order.

        mandatory_fraction: Mandatory window as a fraction of the advisory one.

        mandatory_maximum: The mandatory window isn't larger than this.

        early:
            A refresh is due this fraction of the advisory window before it, so
            that an outage as long as the window still leaves time for the
            slowest retry.

        jitter:
            Up to this further fraction earlier, by chance, so that processes
            started together don't refresh together.

        usable_minimum: Credentials with less than this left aren't used, ...

        usable_minimum_fraction: ... or less than this fraction of a lifetime.

        settle: After a refresh, no advisory one for this long, ...

        settle_fraction: ... or for this fraction of the lifetime.

        source_margin:
            A refresh is due this long before the source's own expiration, ...

        source_margin_fraction:
            ... or this fraction of the advisory window, but never before half of the
            source's remaining time is over.

        source_minimum: What the source must have left to be used.

        retry_base_fraction:
            The first pause after a failure as a fraction of the advisory
            window, ...

        retry_base_minimum:
            ... and not less than this, or than half the window if that is less, ...

        retry_base_maximum: ... nor more than this. It doubles each time.

        retry_maximum_fraction:
            The longest pause as a fraction of the time left, ...

        retry_maximum_lower: ... and not less than this, ...

        retry_maximum: ... nor more than this.

        retry_maximum_expired: The longest pause once nothing is left.

        retry_spread: Pauses are drawn from this fraction of them to all of it.

        retry_throttled_factor: The first pause is this much longer if throttled.

        retry_gap:
            Entering the mandatory window and being rejected by a service cut a
            pause short if the last attempt is at least this long ago, or half the
            advisory window if that is shorter.

        retry_pause:
            A pair of spans; pauses are drawn between them and nothing cuts
            them short. `None` computes them as above.

        retry_permanent: Pauses aren't shorter than this if STS refused.

        attempts_per_minute:
            No attempt begins if this many that began in the last 60 s have failed
            or were interrupted.

        error_kept:
            A pair; how long a raised refusal answers further callers. It
            doubles each time, up to *retry_maximum_expired*, unless there is a
            *retry_pause*.

        raised_codes:
            The STS error codes that count as a refusal. `None` means all that
            won't pass by themselves.

        rejection_codes:
            The error codes of services that mean: this key is dead.

        rejection_interval:
            At most one refresh per this for such an answer, or per half a lifetime
            if that is shorter.

        refresh_rejected:
            Whether a rejected key is replaced within the call that was rejected. If
            not, the next call does it.

        require_progress:
            Whether new credentials have to have more time left than the current ones.

        clock_jump:
            The two clocks of the machine may move apart by this much between
            two looks; more is a jump (suspended, frozen, or set).

    Raises:
        ValueError:
            If a span or fraction is negative, a fraction isn't finite, a choice
            doesn't exist, or *advisory* is smaller than *mandatory*.

        TypeError:
            If a span isn't a :class:`datetime.timedelta`, a fraction no plain
            number, codes no frozenset of str, or another field not of its type.

    .. seealso:: `AssumeRole: DurationSeconds
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>`_
       for the lifetimes that STS allows (900 s to 12 h).

    .. versionadded:: 0.1.0
    """

    advisory: dt.timedelta | None = span(None)
    mandatory: dt.timedelta | None = span(None)
    stale: Literal["until_rejected", "never", "always"] = one_of(
        "until_rejected", "never", "always"
    )
    permanent: Literal["serve", "raise"] = one_of("serve", "raise")
    background: bool = attrs.field(default=True, validator=check_flag)
    resend: bool = attrs.field(default=True, validator=check_flag)
    load_timeout: dt.timedelta | None = span(None)
    mandatory_wait: dt.timedelta = span(dt.timedelta(seconds=5))

    advisory_fraction: float = share(1 / 4)
    advisory_minimum: dt.timedelta = span(_minutes(5))
    advisory_minimum_fraction: float = share(1 / 3)
    advisory_maximum_fraction: float = share(1 / 2)
    advisory_tiers: tuple[tuple[dt.timedelta, dt.timedelta], ...] = attrs.field(
        default=(), validator=check_tiers
    )
    mandatory_fraction: float = share(1 / 5)
    mandatory_maximum: dt.timedelta = span(_minutes(1))
    early: float = share(0.05)
    jitter: float = share(0.2)
    usable_minimum: dt.timedelta = span(dt.timedelta(seconds=5))
    usable_minimum_fraction: float = share(1 / 30)
    settle: dt.timedelta = span(_minutes(1))
    settle_fraction: float = share(1 / 10)
    source_margin: dt.timedelta = span(_minutes(2))
    source_margin_fraction: float = share(1 / 10)
    source_minimum: dt.timedelta = span(_minutes(1))

    retry_base_fraction: float = share(1 / 60)
    retry_base_minimum: dt.timedelta = span(dt.timedelta(seconds=2))
    retry_base_maximum: dt.timedelta = span(dt.timedelta(seconds=15))
    retry_maximum_fraction: float = share(1 / 4)
    retry_maximum_lower: dt.timedelta = span(dt.timedelta(seconds=15))
    retry_maximum: dt.timedelta = span(_minutes(5))
    retry_maximum_expired: dt.timedelta = span(dt.timedelta(seconds=30))
    retry_spread: float = share(0.5)
    retry_throttled_factor: float = share(2.0)
    retry_gap: dt.timedelta = span(dt.timedelta(seconds=10))
    retry_pause: tuple[dt.timedelta, dt.timedelta] | None = attrs.field(
        default=None, validator=check_pair
    )
    retry_permanent: dt.timedelta = span(dt.timedelta(seconds=30))
    attempts_per_minute: int = attrs.field(default=7, validator=check_number)
    error_kept: tuple[dt.timedelta, dt.timedelta] = attrs.field(
        default=(dt.timedelta(seconds=1), dt.timedelta(seconds=5)), validator=check_pair
    )
    raised_codes: frozenset[str] | None = attrs.field(
        default=None, validator=check_codes
    )
    rejection_codes: frozenset[str] = attrs.field(
        default=REJECTION_CODES, validator=check_codes
    )
    rejection_interval: dt.timedelta = span(dt.timedelta(seconds=30))
    refresh_rejected: bool = attrs.field(default=True, validator=check_flag)
    require_progress: bool = attrs.field(default=True, validator=check_flag)
    clock_jump: dt.timedelta = span(dt.timedelta(seconds=5))

    def __repr__(self) -> str:
        changed = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in attrs.fields(type(self))
            if getattr(self, field.name) != field.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def __attrs_post_init__(self) -> None:
        if self.advisory is None:
            return
        mandatory = self.mandatory
        if mandatory is None and self.advisory_tiers:
            mandatory = self.mandatory_maximum
        if mandatory is not None and self.advisory < mandatory:
            msg = f"advisory ({self.advisory}) is smaller than mandatory ({mandatory})."
            raise ValueError(msg)

    @classmethod
    def sdk(cls, *, advisory: dt.timedelta | None = None) -> RefreshPolicy:
        """
        The behavior that the AWS SDKs are adopting, for parity with them.

        It differs from ours where it matters most to short sessions: after one
        failure it doesn't try again for five to ten minutes, and it serves
        credentials long after their expiration.

        Args:
            advisory:
                How long before the expiration a refresh is tried. `None`
                means 5, 15, or 60 minutes by lifetime.

        Raises:
            ValueError: If *advisory* is shorter than a minute.

        .. versionadded:: 0.1.0
        """
        return cls(
            advisory=advisory,
            mandatory=_minutes(1),
            advisory_tiers=(
                (_minutes(20) + dt.timedelta.resolution, _minutes(5)),
                (_minutes(90), _minutes(15)),
                (dt.timedelta.max, _minutes(60)),
            ),
            advisory_maximum_fraction=math.inf,
            early=0.0,
            jitter=0.0,
            usable_minimum=dt.timedelta(0),
            settle=dt.timedelta(0),
            stale="always",
            permanent="raise",
            raised_codes=SDK_RAISED_CODES,
            background=False,
            resend=False,
            rejection_codes=frozenset({"ExpiredToken", "InvalidToken"}),
            rejection_interval=dt.timedelta(0),
            refresh_rejected=False,
            require_progress=False,
            mandatory_wait=dt.timedelta(seconds=30),
            retry_pause=(_minutes(5), _minutes(10)),
            attempts_per_minute=sys.maxsize,
        )

    def plan(
        self, lifetime: float, draw: float, *, source_remaining: float | None = None
    ) -> RefreshPlan:
        """
        Decide, once, when credentials of *lifetime* seconds are refreshed.

        Args:
            lifetime: Seconds from the fetch to the expiration.

            draw: A number from 0 to 1, for the jitter.

            source_remaining:
                Seconds from the fetch to the source's expiration. `None` if
                it is unknown.
        """
        if math.isinf(lifetime):
            return UNDATED
        floor = min(
            _seconds(self.usable_minimum), lifetime * self.usable_minimum_fraction
        )
        advisory, mandatory, clamped = self._windows(lifetime)
        due = min(
            lifetime * self.advisory_maximum_fraction,
            advisory * (1 + self.early + self.jitter * draw),
        )
        if source_remaining is not None:
            margin = max(
                _seconds(self.source_margin), advisory * self.source_margin_fraction
            )
            margin = min(margin, max(source_remaining, 0.0) / 2)
            due = max(due, lifetime - source_remaining + margin)
        return RefreshPlan(
            due=due,
            mandatory=mandatory,
            floor=floor,
            settle=min(_seconds(self.settle), lifetime * self.settle_fraction),
            advisory=advisory,
            clamped=clamped,
        )

    def _windows(self, lifetime: float) -> tuple[float, float, bool]:
        """
        The advisory and the mandatory window, and whether they were cut.
        """
        if self.advisory is not None:
            wanted = _seconds(self.advisory)
        else:
            wanted = self._scaled_advisory(lifetime)
        if self.mandatory is not None:
            mandatory = _seconds(self.mandatory)
        else:
            mandatory = min(
                _seconds(self.mandatory_maximum), wanted * self.mandatory_fraction
            )
        if self.advisory_tiers:
            return wanted, mandatory, False
        widest = lifetime * self.advisory_maximum_fraction
        advisory = min(max(wanted, mandatory), widest)
        cut = self.advisory is not None and advisory != wanted
        return advisory, min(mandatory, advisory), cut or mandatory > advisory

    def _scaled_advisory(self, lifetime: float) -> float:
        for below, window in self.advisory_tiers:
            if lifetime < _seconds(below):
                return _seconds(window)
        return max(
            lifetime * self.advisory_fraction,
            min(
                _seconds(self.advisory_minimum),
                lifetime * self.advisory_minimum_fraction,
            ),
        )

    def raises(self, kind: FailureKind, code: str | None) -> bool:
        """
        Whether a failure won't pass by itself.
        """
        if self.raised_codes is None:
            return kind.permanent
        return code is not None and code in self.raised_codes

    def kept(self, *, failures: int, draw: float) -> float:
        """
        Seconds for which a refusal answers further callers.
        """
        kept = _between(self.error_kept, draw)
        if self.retry_pause is not None:
            return kept
        # Else the attempts of a whole minute would be spent within seconds,
        # and a role that is repaired then would go unnoticed for the rest.
        longest = max(kept, _seconds(self.retry_maximum_expired))
        return min(longest, _doubled(kept, failures))

    def pause(
        self,
        kind: FailureKind,
        *,
        failures: int,
        advisory: float,
        remaining: float,
        retry_after: float | None,
        draw: float,
    ) -> float:
        """
        Seconds from a failure to the next attempt.

        Args:
            kind: Why it failed.

            failures: How many failed in a row, this one included.

            advisory: The advisory window of the credentials at hand.

            remaining: Seconds they have left; 0 or less if they are dead.

            retry_after: Seconds that STS asked to wait.

            draw: A number from 0 to 1.
        """
        if self.retry_pause is not None:
            return _between(self.retry_pause, draw)
        base = _clamp(
            advisory * self.retry_base_fraction,
            min(_seconds(self.retry_base_minimum), advisory / 2),
            _seconds(self.retry_base_maximum),
        )
        if kind is FailureKind.THROTTLED:
            base *= self.retry_throttled_factor
        longest = _seconds(self.retry_maximum_expired)
        if remaining > 0:
            longest = _clamp(
                remaining * self.retry_maximum_fraction,
                _seconds(self.retry_maximum_lower),
                _seconds(self.retry_maximum),
            )
        pause = min(longest, _doubled(base, failures))
        pause *= self.retry_spread + (1 - self.retry_spread) * draw
        patience = remaining / 2
        if remaining <= 0:
            patience = _seconds(self.retry_maximum_expired)
        if retry_after is not None and retry_after <= patience:
            pause = max(pause, retry_after)
        if kind.permanent:
            pause = max(pause, _seconds(self.retry_permanent))
        return pause
