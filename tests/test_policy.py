"""
When: windows, jitter, pauses.
"""

from __future__ import annotations

import datetime as dt
import math

import attrs
import pytest

from stsession._policy import Freshness, RefreshPolicy
from stsession.exceptions import FailureKind

from .engine import seconds


FRACTIONS = [
    field.name for field in attrs.fields(RefreshPolicy) if field.type == "float"
]


def pause(policy: RefreshPolicy | None = None, **changes: object) -> float:
    """
    The longest first pause of a 900-second session, or what *changes* make of it.
    """
    arguments: dict[str, object] = {
        "kind": FailureKind.OUTAGE,
        "failures": 1,
        "advisory": 300.0,
        "remaining": 300.0,
        "retry_after": None,
        "draw": 1.0,
    }
    return (policy or RefreshPolicy()).pause(**{**arguments, **changes})


class TestWindows:
    """
    Advisory, mandatory, and what is derived from them.
    """

    @pytest.mark.parametrize(
        ("lifetime", "advisory", "mandatory"),
        [
            (5, 5 / 3, 1 / 3),
            (90, 30, 6),
            (900, 300, 60),
            (1_200, 300, 60),
            (1_800, 450, 60),
            (3_600, 900, 60),
            (43_200, 10_800, 60),
        ],
    )
    def test_scale_with_the_lifetime(self, lifetime, advisory, mandatory):
        """
        A quarter, but five minutes if that is more, but a third at most.

        The mandatory window is a fifth of that, a minute at most.
        """
        plan = RefreshPolicy().plan(lifetime, 0.0)

        assert pytest.approx(advisory) == plan.advisory
        assert pytest.approx(mandatory) == plan.mandatory
        assert not plan.clamped

    @pytest.mark.parametrize(
        ("lifetime", "draw", "due"),
        [
            (900, 0.0, 315),
            (900, 0.5, 345),
            (900, 1.0, 375),
            (3_600, 0.0, 945),
            (3_600, 1.0, 1_125),
        ],
    )
    def test_jitter_is_early(self, lifetime, draw, due):
        """
        A refresh is due 5 to 25 % of the window before it, never in it.
        """
        plan = RefreshPolicy().plan(lifetime, draw)

        assert pytest.approx(due) == plan.due

    def test_never_due_in_the_first_half(self):
        """
        Jitter doesn't go beyond half the lifetime.
        """
        policy = RefreshPolicy(advisory=seconds(440))

        assert 450 == policy.plan(900, 1.0).due

    @pytest.mark.parametrize(
        ("advisory", "mandatory", "expected"),
        [
            (600, None, (450, 60, True)),
            (450, None, (450, 60, False)),
            (300, 60, (300, 60, False)),
            (100, None, (100, 20, False)),
            (600, 500, (450, 450, True)),
            (None, 400, (400, 400, False)),
            (None, 500, (450, 450, True)),
        ],
    )
    def test_configured_ones_are_clamped(self, advisory, mandatory, expected):
        """
        The advisory window lies between the mandatory one and half the lifetime.
        """
        policy = RefreshPolicy(
            advisory=None if advisory is None else seconds(advisory),
            mandatory=None if mandatory is None else seconds(mandatory),
        )
        plan = policy.plan(900, 0.0)

        assert expected == (plan.advisory, plan.mandatory, plan.clamped)

    @pytest.mark.parametrize(
        ("lifetime", "floor"), [(3, 0.1), (30, 1), (150, 5), (900, 5), (43_200, 5)]
    )
    def test_floor(self, lifetime, floor):
        """
        Five seconds, or a thirtieth of a short lifetime.
        """
        assert pytest.approx(floor) == RefreshPolicy().plan(lifetime, 0.0).floor

    @pytest.mark.parametrize(
        ("lifetime", "settle"), [(5, 0.5), (600, 60), (900, 60), (43_200, 60)]
    )
    def test_settle(self, lifetime, settle):
        """
        A minute, or a tenth of a short lifetime.
        """
        assert pytest.approx(settle) == RefreshPolicy().plan(lifetime, 0.0).settle

    @pytest.mark.parametrize(
        ("source_remaining", "due"),
        [
            (3_600, 945),
            (2_775, 945),
            (2_774, 946),
            (1_000, 2_720),
            (0, 3_720),
        ],
    )
    def test_due_before_the_source_dies(self, source_remaining, due):
        """
        Two minutes before the source's expiration, if that comes first.
        """
        plan = RefreshPolicy().plan(3_600, 0.0, source_remaining=source_remaining)

        assert pytest.approx(due) == plan.due

    def test_margin_to_the_source_scales(self):
        """
        It is a tenth of the window where that is more than two minutes.
        """
        plan = RefreshPolicy().plan(43_200, 0.0, source_remaining=10_000)

        assert pytest.approx(43_200 - 10_000 + 1_080) == plan.due

    def test_undated_is_never_due(self):
        """
        What has no expiration is fresh for ever.
        """
        plan = RefreshPolicy().plan(math.inf, 0.5, source_remaining=5.0)

        assert Freshness.FRESH is plan.freshness(math.inf)


class TestFreshness:
    """
    Where one window ends and the next begins.
    """

    @pytest.mark.parametrize(
        ("remaining", "freshness"),
        [
            (315.001, Freshness.FRESH),
            (315, Freshness.ADVISORY),
            (60.001, Freshness.ADVISORY),
            (60, Freshness.MANDATORY),
            (5.001, Freshness.MANDATORY),
            (5, Freshness.EXPIRED),
            (-1, Freshness.EXPIRED),
        ],
    )
    def test_edges(self, remaining, freshness):
        """
        An edge belongs to the more urgent side.
        """
        plan = RefreshPolicy().plan(900, 0.0)

        assert freshness is plan.freshness(remaining)

    def test_floor_above_the_mandatory_window(self):
        """
        Credentials below the floor are expired even if no window says so.
        """
        plan = RefreshPolicy(mandatory=seconds(0)).plan(900, 0.0)

        assert Freshness.ADVISORY is plan.freshness(5.001)
        assert Freshness.EXPIRED is plan.freshness(5)


class TestPause:
    """
    After a failure.
    """

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, 5),
            ({"draw": 0.0}, 2.5),
            ({"failures": 2}, 10),
            ({"failures": 5}, 75),
            ({"failures": 5, "remaining": 200}, 50),
            ({"failures": 9, "remaining": 20}, 15),
            ({"failures": 9, "remaining": 9_000}, 300),
            ({"failures": 10_000, "remaining": 9_000}, 300),
            ({"failures": 9, "remaining": 0}, 30),
            ({"failures": 9, "remaining": -5}, 30),
            ({"failures": 9, "remaining": math.inf}, 300),
            ({"advisory": 60}, 2),
            ({"advisory": 1_800}, 15),
            ({"kind": FailureKind.THROTTLED}, 10),
            ({"kind": FailureKind.THROTTLED, "advisory": 60}, 4),
            ({"retry_after": 40.0}, 40),
            ({"retry_after": 3.0}, 5),
            ({"retry_after": 150.0}, 150),
            ({"retry_after": 151.0}, 5),
            ({"retry_after": 30.0, "remaining": -5}, 30),
            ({"retry_after": 31.0, "remaining": -5}, 5),
            ({"kind": FailureKind.REQUEST}, 30),
            ({"kind": FailureKind.SOURCE, "failures": 4}, 40),
        ],
    )
    def test_doubles_between_bounds(self, changes, expected):
        """
        From a sixtieth of the window, doubling, to a quarter of what is left.
        """
        assert pytest.approx(expected) == pause(**changes)

    def test_refusals_are_kept_shortly(self):
        """
        One to five seconds.
        """
        policy = RefreshPolicy()

        assert (1, 5) == (
            policy.kept(failures=1, draw=0.0),
            policy.kept(failures=1, draw=1.0),
        )

    @pytest.mark.parametrize("kind", FailureKind)
    def test_refusals(self, kind):
        """
        Everything else passes by itself, whatever its code.
        """
        expected = kind in (FailureKind.REQUEST, FailureKind.SOURCE, FailureKind.MFA)

        assert expected is RefreshPolicy().raises(kind, "AccessDenied")


class TestChecks:
    """
    What a policy refuses.
    """

    @pytest.mark.parametrize(
        "name",
        [
            "advisory",
            "mandatory",
            "load_timeout",
            "mandatory_wait",
            "advisory_minimum",
            "mandatory_maximum",
            "usable_minimum",
            "settle",
            "source_margin",
            "source_minimum",
            "retry_base_minimum",
            "retry_base_maximum",
            "retry_maximum_lower",
            "retry_maximum",
            "retry_maximum_expired",
            "retry_gap",
            "retry_permanent",
            "rejection_interval",
            "clock_jump",
        ],
    )
    def test_spans_are_timedeltas(self, name):
        """
        A bare number would leave the unit open, and time has one direction.
        """
        with pytest.raises(TypeError, match=rf"^{name} is 300; give a datetime"):
            RefreshPolicy(**{name: 300})
        with pytest.raises(ValueError, match=rf"^{name} is .* can't be negative"):
            RefreshPolicy(**{name: seconds(-1)})

    def test_none_is_for_what_is_derived(self):
        """
        A span without a derivation can't be `None`.
        """
        with pytest.raises(TypeError, match=r"^settle is None; give a"):
            RefreshPolicy(settle=None)

        assert RefreshPolicy() == RefreshPolicy(
            advisory=None, mandatory=None, load_timeout=None
        )

    def test_fractions_are_not_negative(self):
        """
        Like spans.
        """
        with pytest.raises(ValueError, match=r"^jitter is -0.1; it can't be"):
            RefreshPolicy(jitter=-0.1)

    @pytest.mark.parametrize("name", FRACTIONS)
    def test_fractions_are_plain_numbers(self, name):
        """
        What compares with nothing would switch refreshing off, or break it later.
        """
        for value in ("0.1", None, True, seconds(60)):
            with pytest.raises(TypeError, match=rf"^{name} is .*; give a plain number"):
                RefreshPolicy(**{name: value})
        bound = name == "advisory_maximum_fraction"
        for value in (math.nan, -math.inf, *([] if bound else [math.inf])):
            with pytest.raises(ValueError, match=rf"^{name} is .*; give a finite"):
                RefreshPolicy(**{name: value})

        assert 0 == getattr(RefreshPolicy(**{name: 0}), name)

    def test_no_bound(self):
        """
        Infinity bounds nothing, so a refresh may be due at once.
        """
        bounded, unbounded = (
            RefreshPolicy(
                advisory=seconds(1740), early=9, advisory_maximum_fraction=most
            )
            for most in (0.5, math.inf)
        )

        assert 1800 == bounded.plan(3600, 0.0).due
        assert 17_400 == unbounded.plan(3600, 0.0).due

    @pytest.mark.parametrize("name", ["rejection_codes", "raised_codes"])
    @pytest.mark.parametrize(
        "value", ["ExpiredToken", {"ExpiredToken"}, ["ExpiredToken"], frozenset({5})]
    )
    def test_codes_are_a_frozenset(self, name, value):
        """
        In a str, any part of it would count as a code; sets can't be compared.
        """
        with pytest.raises(TypeError, match=rf"^{name} is .*; give a frozenset of str"):
            RefreshPolicy(**{name: value})

    def test_codes(self):
        """
        There may be none; `None` is for what can be derived.
        """
        policy = RefreshPolicy(rejection_codes=frozenset(), raised_codes=None)

        assert frozenset() == policy.rejection_codes
        with pytest.raises(TypeError, match="rejection_codes is None"):
            RefreshPolicy(rejection_codes=None)

    def test_advisory_below_mandatory(self):
        """
        Waiting before trying makes no sense.
        """
        with pytest.raises(ValueError, match="smaller than mandatory"):
            RefreshPolicy(advisory=seconds(59), mandatory=seconds(60))

    @pytest.mark.parametrize("name", ["stale", "permanent"])
    def test_choices(self, name):
        """
        A choice that doesn't exist is refused.
        """
        with pytest.raises(ValueError, match=name):
            RefreshPolicy(**{name: "sometimes"})

    def test_at_least_one_attempt_a_minute(self):
        """
        With none there would never be credentials.
        """
        with pytest.raises(ValueError, match="attempts_per_minute is 0; it has to be"):
            RefreshPolicy(attempts_per_minute=0)

    @pytest.mark.parametrize("value", ["7", 7.5, None, True])
    def test_attempts_are_counted_in_whole_numbers(self, value):
        """
        Nothing else can be.
        """
        with pytest.raises(TypeError, match=r"attempts_per_minute is .*; give an int"):
            RefreshPolicy(attempts_per_minute=value)

    @pytest.mark.parametrize("name", ["background", "resend"])
    @pytest.mark.parametrize("value", ["no", 0, None, seconds(1)])
    def test_flags(self, name, value):
        """
        A text from a configuration file, "no" too, would count as `True`.
        """
        with pytest.raises(TypeError, match=rf"^{name} is .*; give True or False"):
            RefreshPolicy(**{name: value})

    def test_every_field_is_checked(self):
        """
        None takes what fits no field at all.
        """
        for field in attrs.fields(RefreshPolicy):
            with pytest.raises((TypeError, ValueError), match=field.name):
                RefreshPolicy(**{field.name: object()})


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("retry_pause", 5, TypeError),
        ("retry_pause", (dt.timedelta(1),), TypeError),
        ("retry_pause", (dt.timedelta(2), dt.timedelta(1)), ValueError),
        ("error_kept", (1, 5), TypeError),
        ("error_kept", (dt.timedelta(-1), dt.timedelta(1)), ValueError),
        ("advisory_tiers", ((900, 300),), TypeError),
        ("advisory_tiers", (900, 300), TypeError),
        ("advisory_tiers", [(dt.timedelta(2), dt.timedelta(1))], TypeError),
        (
            "advisory_tiers",
            (
                (dt.timedelta(2), dt.timedelta(1)),
                (dt.timedelta(1), dt.timedelta(1)),
            ),
            ValueError,
        ),
    ],
)
def test_pairs_are_checked(name, value, error):
    """
    Spans that come in pairs are told apart from numbers, and are in order.
    """
    with pytest.raises(error, match=name):
        RefreshPolicy(**{name: value})
