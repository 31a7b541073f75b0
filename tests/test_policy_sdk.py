"""
When, as the AWS SDKs have it.
"""

from __future__ import annotations

import datetime as dt

import pytest

from stsession._core.policy import REJECTION_CODES, RefreshPolicy
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


class TestSdk:
    """
    Parity with the SDKs.
    """

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
    @pytest.mark.parametrize("draw", [0.0, 1.0])
    def test_tiers(self, lifetime, minutes, draw):
        """
        5, 15 or 60 minutes by lifetime, a minute, and no jitter.
        """
        plan = RefreshPolicy.sdk().plan(lifetime, draw)

        assert (minutes * 60, 60, 0, 0) == (
            plan.due,
            plan.mandatory,
            plan.floor,
            plan.settle,
        )
        assert not plan.clamped

    def test_configured_window_replaces_the_tier(self):
        """
        It isn't clamped.
        """
        plan = RefreshPolicy.sdk(advisory=dt.timedelta(minutes=14)).plan(900, 0.0)

        assert (840, 840, False) == (plan.due, plan.advisory, plan.clamped)

    def test_configured_window_is_a_minute_at_least(self):
        """
        It may not be shorter than the mandatory one.
        """
        with pytest.raises(ValueError, match="smaller than mandatory"):
            RefreshPolicy.sdk(advisory=seconds(59))

        assert 60 == RefreshPolicy.sdk(advisory=seconds(60)).plan(900, 0.0).due

    def test_tiers_imply_a_mandatory_minute(self):
        """
        With tiers the mandatory window doesn't scale, so it is compared with.
        """
        policy = RefreshPolicy.sdk()
        with pytest.raises(ValueError, match="smaller than mandatory"):
            RefreshPolicy(advisory=seconds(59), advisory_tiers=policy.advisory_tiers)

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
        """
        Whatever happened.
        """
        policy = RefreshPolicy.sdk()

        assert 300 == pause(policy, **changes, draw=0.0)
        assert 600 == pause(policy, **changes, draw=1.0)

    @pytest.mark.parametrize(
        ("code", "raised"),
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
    def test_refusals_go_by_code(self, code, raised):
        """
        These six, whatever their kind.
        """
        assert raised is RefreshPolicy.sdk().raises(FailureKind.REQUEST, code)

    def test_rejections(self):
        """
        Two codes for the SDKs, six for us.
        """
        assert {"ExpiredToken", "InvalidToken"} == RefreshPolicy.sdk().rejection_codes
        assert REJECTION_CODES == RefreshPolicy().rejection_codes
        assert not {"AccessDenied", "SignatureDoesNotMatch"} & REJECTION_CODES
