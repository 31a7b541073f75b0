"""Calls from within a refresh; events, counters, and log lines."""

from __future__ import annotations

import contextvars
import logging
import os

import pytest

from stsession._core.credentials import Record
from stsession.exceptions import (
    FailureKind,
    RefreshError,
    SourceCredentialsError,
)

from .engine import LABEL, engine, seconds


class TestRecursion:
    """Calls that would wait for their own thread."""

    def test_source_uses_itself(self):
        """A clear error instead of waiting for oneself."""
        it = engine()
        it.source.on_fetch = it.refresher.get
        with pytest.raises(
            SourceCredentialsError, match=r"^Circular dependency: .*Reader needs"
        ):
            it.refresher.get()

        assert [] == it.patience.waits

    def test_source_refreshes_itself(self, held):
        """It can't be refreshed by what is being refreshed."""
        held.left(5)
        held.source.on_fetch = held.refresher.refresh
        with pytest.raises(SourceCredentialsError):
            held.refresher.refresh()
        held.source.on_fetch = lambda: None

        assert 2 == held.refresher.refresh().generation

    def test_finalizer_in_a_fetch(self, held):
        """Code that interrupts the thread of a fetch gets the current credentials."""
        generations = []
        held.left(20)
        held.source.on_fetch = lambda: generations.append(
            held.refresher.get().generation
        )

        assert 2 == held.refresher.get().generation
        assert [1] == generations

    @pytest.mark.parametrize("forked", [False, True])
    def test_what_a_fetch_starts(self, held, forked, monkeypatch):
        """It may inherit the context of the fetch, and go on after it or in a child."""
        contexts = []
        held.left(-10)
        held.source.on_fetch = lambda: contexts.append(contextvars.copy_context())
        held.refresher.get()
        held.left(-10)
        if forked:
            monkeypatch.setattr(os, "getpid", lambda: 0)
            held.refresher._after_fork()

        assert 3 == contexts[0].run(held.refresher.get).generation

    def test_chain(self):
        """A source may use another session: that is a chain."""
        hub, child = engine(), engine()
        child.source.on_fetch = hub.refresher.get

        assert 1 == child.refresher.get().generation
        assert 1 == hub.attempts

    @pytest.mark.parametrize("name", ["get", "refresh"])
    def test_hook_before_the_first_credentials(self, name):
        """It would wait for its own thread; it gets a clear error instead."""
        it = engine()
        errors = []

        def hook(event: object) -> None:
            if event.name == "started":
                with pytest.raises(RefreshError, match="on_event hook") as e:
                    getattr(it.refresher, name)()
                errors.append(e.value)

        it.refresher.events.subscribe(lambda: hook)

        assert 1 == it.refresher.get().generation
        assert 1 == len(errors)
        assert [] == it.patience.waits

    @pytest.mark.parametrize("left", [300, 60])
    def test_hook_while_usable(self, held, left):
        """It gets what there is, at once."""
        seen = []
        held.left(left)
        held.refresher.events.subscribe(
            lambda: (
                lambda event: seen.append((event.name, held.refresher.get().generation))
            )
        )

        assert 2 == held.refresher.get().generation
        assert [("started", 1), ("succeeded", 2)] == seen
        assert [] == held.patience.waits


class TestWatching:
    """Events, counters, and the log."""

    def test_events(self, held):
        """They have numbers and no secrets."""
        held.due()
        held.source.goes_down()
        held.refresher.get()
        held.source.comes_back()
        held.world.passes(3)
        held.refresher.get()
        first, second, third, failed, _, last = held.events.seen

        assert [
            "started",
            "succeeded",
            "started",
            "failed",
            "started",
            "succeeded",
        ] == (held.events.names)
        assert ("first", 0, None, None) == (
            first.reason,
            first.generation,
            first.remaining,
            first.duration,
        )
        assert (1, seconds(900), seconds(0), "ASIA…0001") == (
            second.generation,
            second.remaining,
            second.duration,
            second.access_key_id,
        )
        assert ("advisory", seconds(315)) == (third.reason, third.remaining)
        assert ("StsUnavailableError", seconds(2.5)) == (
            failed.error,
            failed.next_attempt_in,
        )
        assert LABEL == failed.hop
        assert 2 == last.generation
        assert "secret" not in repr(held.events.seen)
        assert "token" not in repr(held.events.seen)

    @pytest.mark.parametrize(
        ("left", "reason"), [(61, "advisory"), (60, "mandatory"), (5, "expired")]
    )
    def test_reasons(self, held, left, reason):
        """Why a refresh began."""
        held.left(left)
        held.refresher.get()

        assert reason == held.events.seen[-1].reason

    def test_requested(self, held):
        """One that a caller requested."""
        held.refresher.refresh()

        assert "requested" == held.events.seen[-1].reason

    def test_source_resolved_again(self, held):
        """The layer below says so with what it brings."""
        held.refresher.fetch = lambda: held.source()._replace(
            source_resolved_again=True
        )
        held.refresher.refresh()

        assert "source_resolved_again" in held.events.names

    def test_kept_elsewhere(self):
        """Each record is offered to a cache."""
        it = engine()
        kept: list[Record] = []
        it.refresher.keep = lambda record, now: kept.append(record)
        it.refresher.get()
        it.refresher.refresh()

        assert [1, 2] == [record.generation for record in kept]

    def test_counters(self, held):
        """They can be read at any time."""
        held.due()
        held.source.goes_down()
        held.refresher.get()
        counters = held.refresher.events.counters

        assert (2, 1, 1, 0, 0) == (
            counters.attempts,
            counters.successes,
            counters.failures,
            counters.rejections,
            counters.clock_jumps,
        )

    def test_one_warning_a_minute(self, held, caplog):
        """With hop, error, what is left and the pause; no traceback."""
        held.source.goes_down()
        held.due()
        for _ in range(59):
            held.refresher.get()
            held.world.passes(1)
        (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]

        assert record.exc_info is None
        assert record.getMessage() == (
            f"{LABEL}: refresh failed, credentials valid for another 5 min, "
            "next attempt in 2 s: Failed."
        )

    def test_permanent_error_is_logged_once(self, held, caplog):
        """Also if an outage went before it."""
        held.due()
        for kind in (
            FailureKind.OUTAGE,
            FailureKind.REQUEST,
            FailureKind.REQUEST,
        ):
            held.source.goes_down(kind)
            held.refresher.get()
            held.world.passes(31)

        assert 4 == held.attempts
        assert [logging.WARNING, logging.ERROR] == [
            r.levelno for r in caplog.records if r.levelno >= logging.WARNING
        ][:2]
        assert 1 == sum(r.levelno == logging.ERROR for r in caplog.records)

        held.source.comes_back()
        held.refresher.refresh()
        held.source.goes_down(FailureKind.REQUEST)
        held.due()
        held.refresher.get()

        assert 2 == sum(r.levelno == logging.ERROR for r in caplog.records)

    def test_next_attempt_at(self, held):
        """The end of the pause."""
        held.source.goes_down()
        held.due()
        held.refresher.get()

        assert held.world.clock.now() + seconds(2.5) == (held.refresher.next_attempt_at)
