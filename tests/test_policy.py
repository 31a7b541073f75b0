"""RefreshPolicy: its arguments, windows, jitter, and pauses; ours and the AWS SDKs'."""

from __future__ import annotations

import copy
import math
import pickle

import attrs
import pytest

from stsession._core.policy import REJECTION_CODES, Freshness, RefreshPolicy
from stsession.exceptions import FailureKind

from .engine import ExactPolicy, seconds


DEFAULT, SDK = RefreshPolicy(), RefreshPolicy.sdk()


def pause(policy: RefreshPolicy = DEFAULT, **changes: object) -> float:
    """The longest first pause of a 900-second session, or what *changes* make of it."""
    arguments: dict[str, object] = {
        "kind": FailureKind.OUTAGE,
        "failures": 1,
        "advisory": 300.0,
        "remaining": 300.0,
        "retry_after": None,
        "random": 1.0,
    }
    return policy.pause(**{**arguments, **changes})


class TestArguments:
    """The ten choices, and mistakes in them."""

    def test_ten_choices(self):
        """All other numbers are private."""
        names = [it.name for it in attrs.fields(RefreshPolicy)]

        assert [
            "advisory",
            "mandatory",
            "when_expired",
            "when_denied",
            "background",
            "resend",
            "load_timeout",
            "mandatory_wait",
            "attempts_per_minute",
            "rejection_codes",
        ] == names

    @pytest.mark.parametrize("name", ["jitter", "stale", "permanent", "tuning", "x"])
    def test_there_are_no_others(self, name):
        """As with any function."""
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            RefreshPolicy(**{name: 1})

    @pytest.mark.parametrize(
        ("name", "value", "text"),
        [
            *(
                (name, 300, "300; pass a datetime.timedelta.")
                for name in ("advisory", "mandatory", "load_timeout", "mandatory_wait")
            ),
            ("mandatory_wait", None, "None; pass a datetime.timedelta."),
            ("background", "no", "'no'; pass True or False."),
            ("background", 0, "0; pass True or False."),
            ("resend", None, "None; pass True or False."),
            ("attempts_per_minute", "7", "'7'; pass an int."),
            ("attempts_per_minute", 7.5, "7.5; pass an int."),
            ("attempts_per_minute", True, "True; pass an int."),
            ("rejection_codes", "ExpiredToken", "'ExpiredToken'; pass a frozenset of "),
            ("rejection_codes", {"X"}, "{'X'}; pass a frozenset of str."),
            ("rejection_codes", frozenset({5}), "frozenset({5}); pass a frozenset of "),
            ("rejection_codes", None, "None; pass a frozenset of str."),
        ],
    )
    def test_types(self, name, value, text):
        """A bare number would leave its unit open, and a text counts as true."""
        with pytest.raises(TypeError) as caught:
            RefreshPolicy(**{name: value})

        assert str(caught.value).startswith(f"{name} is {text}")

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"advisory": seconds(-1)}, "advisory is -1 day, .* it can't be negative"),
            ({"mandatory": seconds(-1)}, "mandatory is .* it can't be negative"),
            ({"load_timeout": seconds(-1)}, "load_timeout is .* it can't be negative"),
            ({"mandatory_wait": seconds(-1)}, "mandatory_wait is .* can't be negative"),
            ({"attempts_per_minute": 0}, "attempts_per_minute is 0; it has to be at"),
            (
                {"advisory": seconds(59), "mandatory": seconds(60)},
                r"advisory \(0:00:59\) is smaller than mandatory \(0:01:00\)",
            ),
            *(
                ({name: value}, f"^{name} is .*; pass one of {choices}.$")
                for name, choices in (
                    ("when_expired", "'use_until_rejected', 'raise', 'use'"),
                    ("when_denied", "'use', 'raise'"),
                )
                for value in ("sometimes", None, ["raise"])
            ),
        ],
    )
    def test_values(self, arguments, text):
        """
        Waiting before trying makes no sense, and with no attempt there is nothing.
        """
        with pytest.raises(ValueError, match=text):
            RefreshPolicy(**arguments)

    def test_none_is_for_what_is_derived(self):
        """It is the default of three spans; there may be no codes at all."""
        none = RefreshPolicy(advisory=None, mandatory=None, load_timeout=None)

        assert none == DEFAULT
        assert frozenset() == RefreshPolicy(rejection_codes=frozenset()).rejection_codes

    def test_repr(self):
        """It has what differs from the default."""
        policy = RefreshPolicy(advisory=seconds(60), when_denied="raise")

        assert "RefreshPolicy()" == repr(DEFAULT)
        assert (
            "RefreshPolicy(advisory=datetime.timedelta(seconds=60), "
            "when_denied='raise')" == repr(policy)
        )
        assert "RefreshPolicy.sdk()" == repr(SDK)
        assert "RefreshPolicy.sdk(resend=True)" == repr(attrs.evolve(SDK, resend=True))

    def test_private_numbers_are_a_part(self):
        """They count in comparisons, and are kept by copies and pickles."""
        policies = [DEFAULT, ExactPolicy(), SDK, attrs.evolve(SDK, resend=True)]

        assert len(policies) == len(set(policies)) == len(set(map(repr, policies)))
        assert policies == copy.deepcopy(policies)
        assert policies == pickle.loads(pickle.dumps(policies))
        assert SDK == attrs.evolve(policies[3], resend=False)


class TestWindows:
    """Advisory, mandatory, and what is derived from them."""

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
        plan = DEFAULT.plan(lifetime, 0.0)

        assert pytest.approx(advisory) == plan.advisory
        assert pytest.approx(mandatory) == plan.mandatory
        assert not plan.clamped

    @pytest.mark.parametrize(
        ("lifetime", "random", "due"),
        [
            (900, 0.0, 315),
            (900, 0.5, 345),
            (900, 1.0, 375),
            (3_600, 0.0, 945),
            (3_600, 1.0, 1_125),
        ],
    )
    def test_jitter_is_early(self, lifetime, random, due):
        """A refresh is due 5 to 25 % of the window before it, never in it."""
        assert pytest.approx(due) == DEFAULT.plan(lifetime, random).due

    def test_never_due_in_the_first_half(self):
        """Jitter doesn't go beyond half the lifetime."""
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
        """The advisory window lies between the mandatory one and half the lifetime."""
        policy = RefreshPolicy(
            advisory=None if advisory is None else seconds(advisory),
            mandatory=None if mandatory is None else seconds(mandatory),
        )
        plan = policy.plan(900, 0.0)

        assert expected == (plan.advisory, plan.mandatory, plan.clamped)

    @pytest.mark.parametrize(
        ("lifetime", "floor", "settle"),
        [(3, 0.1, 0.3), (30, 1, 3), (150, 5, 15), (900, 5, 60), (43_200, 5, 60)],
    )
    def test_unusable_and_settled(self, lifetime, floor, settle):
        """Five seconds and a minute, or a thirtieth and a tenth of a short lifetime."""
        plan = DEFAULT.plan(lifetime, 0.0)

        assert pytest.approx((floor, settle)) == (plan.floor, plan.settle)

    @pytest.mark.parametrize(
        ("lifetime", "source_remaining", "due"),
        [
            (3_600, 3_600, 945),
            (3_600, 2_775, 945),
            (3_600, 2_774, 946),
            (3_600, 1_000, 2_720),
            (3_600, 100, 3_550),
            (3_600, 0, 3_600),
            (43_200, 10_000, 43_200 - 10_000 + 1_080),
        ],
    )
    def test_due_before_the_source_expires(self, lifetime, source_remaining, due):
        """
        Two minutes before the source's expiration, or a tenth of the window.

        Not before half of what the source has left is over.
        """
        plan = DEFAULT.plan(lifetime, 0.0, source_remaining=source_remaining)

        assert pytest.approx(due) == plan.due

    @pytest.mark.parametrize(
        ("mandatory", "remaining", "freshness"),
        [
            (60, 315.001, Freshness.FRESH),
            (60, 315, Freshness.ADVISORY),
            (60, 60.001, Freshness.ADVISORY),
            (60, 60, Freshness.MANDATORY),
            (60, 5.001, Freshness.MANDATORY),
            (60, 5, Freshness.EXPIRED),
            (60, -1, Freshness.EXPIRED),
            (0, 5.001, Freshness.ADVISORY),
            (0, 5, Freshness.EXPIRED),
        ],
    )
    def test_edges(self, mandatory, remaining, freshness):
        """An edge belongs to the more urgent side."""
        plan = RefreshPolicy(mandatory=seconds(mandatory)).plan(900, 0.0)

        assert freshness is plan.freshness(remaining)


class TestPause:
    """After a failure."""

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, 5),
            ({"random": 0.0}, 2.5),
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
        """From a sixtieth of the window, doubling, to a quarter of what is left."""
        assert pytest.approx(expected) == pause(**changes)

    @pytest.mark.parametrize(("random", "expected"), [(0.0, 1), (1.0, 5)])
    def test_errors_are_cached_shortly(self, random, expected):
        """One to five seconds."""
        assert expected == DEFAULT.cached_error_seconds(failures=1, random=random)

    @pytest.mark.parametrize("kind", FailureKind)
    def test_permanent_errors(self, kind):
        """Everything else passes by itself, whatever its code."""
        expected = kind in (FailureKind.REQUEST, FailureKind.SOURCE, FailureKind.MFA)

        assert expected is DEFAULT.is_permanent(kind, "AccessDenied")


class TestSdk:
    """Parity with the AWS SDKs."""

    @pytest.mark.parametrize(
        ("lifetime", "minutes"),
        [
            (300, 5),
            (900, 5),
            (1_200, 5),
            (1_201, 15),
            (5_399, 15),
            (5_400, 60),
            (43_200, 60),
        ],
    )
    @pytest.mark.parametrize("random", [0.0, 1.0])
    def test_tiers(self, lifetime, minutes, random):
        """5, 15 or 60 minutes by lifetime, a minute, and no jitter."""
        plan = SDK.plan(lifetime, random)

        assert (minutes * 60, 60, 0, 0, False) == (
            plan.due,
            plan.mandatory,
            plan.floor,
            plan.settle,
            plan.clamped,
        )

    def test_configured_window_replaces_the_tier(self):
        """It isn't clamped; it may not be shorter than the mandatory one, a minute."""
        plan = RefreshPolicy.sdk(advisory=seconds(840)).plan(900, 0.0)

        assert (840, 840, False) == (plan.due, plan.advisory, plan.clamped)
        assert 60 == RefreshPolicy.sdk(advisory=seconds(60)).plan(900, 0.0).due
        with pytest.raises(ValueError, match="smaller than mandatory"):
            RefreshPolicy.sdk(advisory=seconds(59))

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"failures": 7},
            {"kind": FailureKind.THROTTLED},
            {"remaining": -100.0},
            {"retry_after": 100.0},
        ],
    )
    def test_pauses_five_to_ten_minutes(self, changes):
        """Whatever happened."""
        assert 300 == pause(SDK, **changes, random=0.0)
        assert 600 == pause(SDK, **changes, random=1.0)

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("AccessDenied", True),
            ("IDPRejectedClaim", True),
            ("InvalidIdentityToken", True),
            ("MalformedPolicyDocument", True),
            ("PackedPolicyTooLarge", True),
            ("RegionDisabledException", True),
            ("ValidationError", False),
            ("ExpiredToken", False),
            (None, False),
        ],
    )
    def test_permanent_errors_go_by_code(self, code, expected):
        """These six, whatever their kind."""
        assert expected is SDK.is_permanent(FailureKind.REQUEST, code)

    def test_rejections(self):
        """Two codes for the SDKs, six for us."""
        assert {"ExpiredToken", "InvalidToken"} == SDK.rejection_codes
        assert REJECTION_CODES == DEFAULT.rejection_codes
        assert not {"AccessDenied", "SignatureDoesNotMatch"} & REJECTION_CODES
