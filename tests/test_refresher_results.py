"""What a source returned or raised, and what becomes of it."""

from __future__ import annotations

import attrs
import pytest

from stsession._core import errors
from stsession._core.credentials import FetchResult, TemporaryCredentials
from stsession._core.policy import RefreshPolicy
from stsession._core.runtime import utc
from stsession.exceptions import (
    FailureKind,
    RefreshError,
    SourceCredentialsError,
    StsUnavailableError,
)

from .engine import engine, instant, seconds


FIRST = "ASIA0000000000000001"


def answers(it, key, left):
    """Have the source return this key, with so many seconds left."""
    it.refresher.fetch = lambda: FetchResult(
        credentials=TemporaryCredentials(
            access_key_id=key,
            secret_access_key="x",
            expires_at=None if left is None else utc(it.world.time + left),
        )
    )


@pytest.mark.parametrize(
    ("at", "key", "left"),
    [(315, "OTHER", 316), (315, "OTHER", None), (5, "OTHER", 1), (-1, "OTHER", 1)],
)
def test_progress(held, at, key, left):
    """
    Another key that expires later is used, or any other once the current one expired.
    """
    held.left(at)
    answers(held, key, left)

    assert key == held.refresher.get().credentials.access_key_id


@pytest.mark.parametrize(
    ("at", "key", "left", "text"),
    [
        (315, FIRST, 9_000, "the same key again"),
        (315, "OTHER", 315, "expire no later than the current ones"),
        (6, "OTHER", 5, "expire no later than the current ones"),
    ],
)
def test_no_progress(held, at, key, left, text):
    """It is a failed attempt, and the current record stays."""
    held.left(at)
    answers(held, key, left)
    first = held.refresher.record

    assert first is held.refresher.get() is held.refresher.get()

    error = held.refresher.last_error

    assert text in str(error)
    assert error.retryable
    assert held.refresher.name == error.hop


@pytest.mark.parametrize(("left", "accepted"), [(900, True), (899, False)])
def test_requested(held, left, accepted):
    """
    Credentials that a caller requests needn't expire later: STS counts in seconds.
    """
    answers(held, "OTHER", left)
    if accepted:
        assert 2 == held.refresher.refresh().generation
        return
    with pytest.raises(RefreshError, match="expire no later than"):
        held.refresher.refresh()

    assert 1 == held.refresher.get().generation


def test_earlier_expiration_than_an_expired_record(held):
    """With a clock that was set back, anything is better than an expired record."""
    held.world.sets_wall(3_600)
    held.source.lifetime = 300

    assert 2 == held.refresher.get().generation


def test_expired_on_arrival(held):
    """A failed refresh."""
    held.source.lifetime = -1
    held.due()

    assert 1 == held.refresher.get().generation
    assert "arrived 1 s after" in str(held.refresher.last_error)


def test_no_credentials(held):
    """A source that returns something else has failed."""
    held.refresher.fetch = lambda: None
    with pytest.raises(SourceCredentialsError, match="raised AttributeError"):
        held.refresher.refresh()


def test_foreign_error_is_not_quoted(held):
    """Its text may contain anything; it is the cause."""
    held.source.fault = RuntimeError("planted-secret")
    with pytest.raises(SourceCredentialsError) as excinfo:
        held.refresher.refresh()

    assert "Reader. Profile dev raised RuntimeError." in str(excinfo.value)
    assert "planted" not in str(excinfo.value)
    assert held.source.fault is excinfo.value.__cause__
    assert FailureKind.UNKNOWN is excinfo.value.kind


def test_window_that_does_not_fit(caplog):
    """One warning, not one for each refresh."""
    it = engine(RefreshPolicy(advisory=seconds(800)))
    for _ in range(3):
        it.refresher.get()
        it.due()

    assert 1 == caplog.text.count("don't fit a lifetime of 15 min")
    assert "the advisory window is 8 min now" in caplog.text


def test_lifetime_from_the_start_of_the_request():
    """The time that the request took is subtracted."""
    it = engine()
    it.source.on_fetch = lambda: it.world.passes(4)
    record = it.refresher.get()

    assert 896 == it.refresher.remaining(record)


def test_lifetime_from_where_the_fetch_says():
    """The fetch may know better when the request began."""
    it = engine()
    began = instant(it.world)
    it.refresher.fetch = lambda: FetchResult(
        credentials=it.source().credentials, began=began
    )
    it.world.passes(10)

    assert began is it.refresher.get().began


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            (errors.format_span(n), text)
            for n, text in [
                (0, "0 s"),
                (119, "119 s"),
                (-119, "119 s"),
                (120, "2 min"),
                (7_199, "120 min"),
                (7_200, "2.0 h"),
                (43_200, "12.0 h"),
                (float("inf"), "unlimited time"),
            ]
        ),
        (errors.validity(30), "credentials valid for another 30 s"),
        (errors.validity(-30), "credentials expired 30 s ago"),
        (errors.validity(0), "no credentials"),
        (errors.skew_text(1e6, 1e6 + 300), ""),
        (errors.skew_text(1e6, 1e6 - 300), ""),
        (
            errors.skew_text(1e6, 1e6 + 301),
            "The local clock is 5 min ahead of the server's.",
        ),
        (
            errors.skew_text(1e6, 1e6 - 7_200),
            "The local clock is 2.0 h behind the server's.",
        ),
    ],
)
def test_times_in_texts(text, expected):
    """In the largest unit that fits; a clock that is wrong by 5 minutes is right."""
    assert expected == text


def test_error_of_undated_credentials(held):
    """Its text has no date if there is none."""
    credentials = TemporaryCredentials(access_key_id="x", secret_access_key="x")
    error = errors.credentials_expired(
        attrs.evolve(held.refresher.record, credentials=credentials),
        3.0,
        StsUnavailableError("Failed."),
        now=instant(held.world).wall,
        attempts=2,
        wait=5.0,
        name="role",
        source="profile dev",
    )

    assert "role expire soon and could not be refreshed (2 failed" in str(error)
    assert error.expired_at is None
