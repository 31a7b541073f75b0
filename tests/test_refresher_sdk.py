"""Refreshing as the AWS SDKs do: `RefreshPolicy.sdk()`."""

from __future__ import annotations

import threading

import pytest

from stsession._core.policy import RefreshPolicy
from stsession.exceptions import (
    AccessDeniedError,
    FailureKind,
    StsUnavailableError,
)

from .engine import Engine, attempts_after, engine, get_often


REQUEST = FailureKind.REQUEST


class TestSdk:
    """Parity with the SDKs."""

    @pytest.fixture(name="it")
    def _it(self) -> Engine:
        it = engine(RefreshPolicy.sdk())
        it.refresher.get()
        it.due()
        return it

    def test_inline(self, it):
        """The one advisory caller refreshes; no thread."""
        it.background.mode = "never"

        assert 2 == it.refresher.get().generation

    def test_others_go_on(self, it):
        """They get what there is."""
        others = []
        it.background.mode = "never"

        def other() -> None:
            thread = threading.Thread(
                target=lambda: others.append(it.refresher.get().generation)
            )
            thread.start()
            thread.join()

        it.source.on_fetch = other

        assert 2 == it.refresher.get().generation
        assert [1] == others

    def test_served_long_past_expiration(self, it):
        """
        The source is left alone for five minutes after each failure, in any window.
        """
        it.source.goes_down()
        get_often(it, 1_499)

        assert [300, 600, 900, 1_200] == attempts_after(it)

    def test_also_after_an_invalidation(self, it):
        """The pause holds."""
        it.source.goes_down()
        it.refresher.get()
        it.source.comes_back()
        it.world.passes(299)

        assert it.refresher.replace_rejected(it.key()) is None
        assert 1 == it.refresher.get().generation

        it.world.passes(1)

        assert 2 == it.refresher.get().generation

    def test_no_pause_after_a_failed_first_fetch(self):
        """Each caller tries."""
        it = engine(RefreshPolicy.sdk())
        it.source.goes_down()
        for _ in range(20):
            with pytest.raises(StsUnavailableError):
                it.refresher.get()

        assert 20 == it.attempts

    def test_refusal(self, it):
        """Raised at once from any window, and kept for a second."""
        it.source.goes_down(REQUEST)
        for _ in range(5):
            with pytest.raises(AccessDeniedError):
                it.refresher.get()

        assert 2 == it.attempts

        it.world.passes(1)
        with pytest.raises(AccessDeniedError):
            it.refresher.get()

        assert 3 == it.attempts

        it.source.comes_back()
        it.world.passes(1)

        assert 2 == it.refresher.get().generation

    def test_dead_on_arrival_is_a_failure(self, it):
        """Like any other."""
        it.source.lifetime = -1
        get_often(it, 299)

        assert 2 == it.attempts

    def test_answer_that_expires_sooner(self, it):
        """It replaces the current credentials."""
        it.source.lifetime = 100

        assert 2 == it.refresher.refresh().generation
        assert 100 == it.refresher.record.lifetime

    def test_late_answer_that_expires_sooner(self):
        """It doesn't replace what came meanwhile."""
        it = engine(RefreshPolicy.sdk(), background="slow", lifetime=3_600)
        it.refresher.get()
        it.background.has_usable = lambda: True
        it.left(500)
        it.refresher.get()
        it.world.passes(300)
        it.background.mode = "no thread"
        newer = it.refresher.refresh()
        it.source.lifetime = 900
        it.background.works()

        assert newer is it.refresher.record

    def test_rejection(self, it):
        """The key is marked as due, and the next call replaces it."""
        it.refresher.get()
        before = it.attempts

        assert it.refresher.replace_rejected(it.key()) is None
        assert before == it.attempts
        assert 3 == it.refresher.get().generation

    def test_rejection_of_a_former_key(self, it):
        """The current one isn't due because of it."""
        former = it.refresher.record.credentials.access_key_id
        it.refresher.get()
        it.refresher.replace_rejected(former)

        assert 2 == it.refresher.get().generation

    def test_window_survives_a_failure(self, it):
        """It is chosen when a set is stored."""
        plan = it.refresher.record.plan
        it.source.goes_down()
        it.refresher.get()

        assert plan is it.refresher.record.plan
