from __future__ import annotations

import datetime as dt
import math

import attrs
import pytest

from stsession._core.policy import RefreshPolicy

from .engine import seconds


FRACTIONS = [
    field.name for field in attrs.fields(RefreshPolicy) if field.type == "float"
]


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

    @pytest.mark.parametrize(
        ("name", "choices"),
        [
            ("stale", "'until_rejected', 'never', 'always'"),
            ("permanent", "'serve', 'raise'"),
        ],
    )
    @pytest.mark.parametrize("value", ["sometimes", None, ["never"]])
    def test_choices(self, name, choices, value):
        """
        A choice that doesn't exist is refused by those that do.
        """
        with pytest.raises(ValueError, match=f"^{name} is ") as caught:
            RefreshPolicy(**{name: value})

        assert f"{name} is {value!r}; give one of {choices}." == str(caught.value)

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
        ("advisory_tiers", ((dt.timedelta(1),) * 3,), TypeError),
        ("advisory_tiers", ((dt.timedelta(1), dt.timedelta(-1)),), ValueError),
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
