from __future__ import annotations

import pytest

from stsession._core.policy import Freshness, RefreshPolicy

from .engine import seconds


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
