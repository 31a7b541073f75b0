"""
When: windows, jitter, pauses.
"""

from __future__ import annotations

import math

import pytest

from stsession._core.policy import Freshness, RefreshPolicy
from stsession.exceptions import FailureKind

from .engine import seconds


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
            (100, 3_550),
            (0, 3_600),
        ],
    )
    def test_due_before_the_source_dies(self, source_remaining, due):
        """
        Two minutes before the source's expiration, if that comes first.

        Not before half of what the source has left is over.
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
