"""
Credentials that are there when asked for: what the source may give.
"""

from __future__ import annotations

import pytest

from stsession._core.credentials import FetchResult
from stsession._core.policy import RefreshPolicy
from stsession.exceptions import (
    FailureKind,
    RefreshError,
    SourceCredentialsError,
)

from .engine import Engine, engine, instant, seconds


@pytest.fixture(name="held")
def _held() -> Engine:
    """
    One that holds fresh credentials.
    """
    held = engine()
    held.refresher.get()
    return held


class TestAnswers:
    """
    Not everything that comes is welcome.
    """

    def test_same_key_again(self, held):
        """
        No progress: a failed attempt, and the old record stays.
        """
        held.source.repeats = True
        held.due()
        first = held.refresher.record

        assert first is held.refresher.get() is held.refresher.get()
        assert 2 == held.attempts
        assert "the same key again" in str(held.refresher.last_error)

    def test_earlier_expiration(self, held):
        """
        The later record is kept.
        """
        held.source.lifetime = 300
        held.left(316)
        with pytest.raises(RefreshError, match="expire no later than"):
            held.refresher.refresh()

        assert 1 == held.refresher.get().generation

    def test_earlier_expiration_than_a_dead_record(self):
        """
        With a clock that was set back, anything is better than a dead one.
        """
        it = engine()
        it.refresher.get()
        it.world.sets_wall(3_600)
        it.source.lifetime = 300

        assert 2 == it.refresher.get().generation

    def test_dead_on_arrival(self, held):
        """
        A failed refresh.
        """
        held.source.lifetime = -1
        held.due()

        assert 1 == held.refresher.get().generation
        assert "arrived 1 s after" in str(held.refresher.last_error)

    def test_nonsense(self, held):
        """
        A source that returns something else has failed.
        """
        held.refresher.fetch = lambda: None
        with pytest.raises(SourceCredentialsError, match="raised AttributeError"):
            held.refresher.refresh()

    def test_foreign_error_is_not_quoted(self, held):
        """
        Its text may hold anything; it is the cause.
        """
        held.source.fault = RuntimeError("planted-secret")
        with pytest.raises(SourceCredentialsError) as excinfo:
            held.refresher.refresh()

        assert "planted" not in str(excinfo.value)
        assert held.source.fault is excinfo.value.__cause__
        assert FailureKind.UNKNOWN is excinfo.value.kind

    def test_window_that_does_not_fit(self, caplog):
        """
        One warning, not one for each refresh.
        """
        it = engine(RefreshPolicy(advisory=seconds(800)))
        for _ in range(3):
            it.refresher.get()
            it.due()

        assert 1 == caplog.text.count("don't fit a lifetime of 15 min")
        assert "the advisory one is 8 min now" in caplog.text

    def test_anchored_at_the_start_of_the_request(self):
        """
        The time under way counts against us.
        """
        it = engine()
        it.source.on_fetch = lambda: it.world.passes(4)
        record = it.refresher.get()

        assert 896 == it.refresher.remaining(record)

    def test_anchored_where_the_fetch_says(self):
        """
        The layer below may know better when the request began.
        """
        it = engine()
        began = instant(it.world)
        it.refresher.fetch = lambda: FetchResult(
            credentials=it.source().credentials, began=began
        )
        it.world.passes(10)
        record = it.refresher.get()

        assert began is record.began
