"""What properties are checked with."""

from __future__ import annotations

from hypothesis import strategies as st

from stsession._core.policy import RefreshPolicy
from stsession.exceptions import FailureKind

from ..engine import seconds


def spans(low: float, high: float) -> st.SearchStrategy:
    """Spans of so many seconds."""
    return st.floats(low, high).map(seconds)


DRAWS = st.one_of(st.sampled_from([0.0, 0.5, 0.999]), st.floats(0.0, 1.0))

LIFETIMES = st.one_of(
    st.sampled_from([5.0, 900.0, 1_200.0, 1_800.0, 3_600.0, 43_200.0]),
    st.floats(1.0, 130_000.0),
)

KINDS = st.sampled_from(FailureKind)

SLIPS = st.sampled_from([-10.0, -1.0, -0.001, 0.0, 0.001, 1.0, 10.0])

# From a blink to more than a session.
PASSING = st.one_of(
    st.sampled_from([0.5, 1.0, 5.0, 10.0, 30.0, 60.0]), st.floats(0.001, 1_000.0)
)

JUMPS = st.sampled_from(
    [-18_000.0, -3_060.0, -60.0, -5.5, -4.0, 4.0, 5.5, 60.0, 1_200.0, 7_200.0]
)

EDGES = st.sampled_from(["due", "mandatory", "floor", "end"])

WINDOWS = st.one_of(st.none(), spans(0.0, 10_000.0))

SCALED_POLICIES = st.just(RefreshPolicy())

CONFIGURED_POLICIES = st.tuples(WINDOWS, WINDOWS).map(
    lambda pair: RefreshPolicy(
        advisory=None if pair[0] is None else max(pair[0], pair[1] or seconds(0)),
        mandatory=pair[1],
    )
)

POLICIES = st.one_of(SCALED_POLICIES, CONFIGURED_POLICIES)
