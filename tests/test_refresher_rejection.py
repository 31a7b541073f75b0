"""Refreshing after a service rejected the key."""

from __future__ import annotations

import logging

import pytest

from stsession.exceptions import CredentialsExpiredError, FailureKind

from .engine import Engine, engine


@pytest.fixture(name="it")
def _it() -> Engine:
    it = engine()
    it.refresher.get()
    it.world.passes(300)
    return it


def rejected(it: Engine) -> int | None:
    """A service rejects the current key; the generation of what replaces it."""
    record = it.refresher.replace_rejected(
        it.refresher.record.credentials.access_key_id
    )
    return None if record is None else record.generation


def test_current_key(it):
    """One refresh, and other credentials."""
    assert 2 == rejected(it)
    assert 2 == it.attempts
    assert 2 == it.refresher.get().generation


def test_told(it, caplog):
    """An event, a counter and a log line, without the whole key."""
    caplog.set_level(logging.INFO, "stsession")
    rejected(it)

    assert ["invalidated", "started", "succeeded"] == it.events.names[2:]
    assert "ASIA…0001" == it.events.seen[2].access_key_id
    assert "rejected" == it.events.seen[3].reason
    assert "a service rejected the current key ASIA…0001" in caplog.text
    assert 1 == it.refresher.events.counters.rejections


def test_former_key(it):
    """A late rejection: what has replaced the key is returned, without a fetch."""
    former = it.key()
    it.refresher.refresh()

    assert it.refresher.record is it.refresher.replace_rejected(former)
    assert 2 == it.attempts
    assert 0 == it.refresher.events.counters.rejections


@pytest.mark.parametrize("used", [True, False])
def test_foreign_key(it, used):
    """It isn't ours to replace, before the first use as well."""
    it = it if used else engine()

    assert it.refresher.replace_rejected("AKIAFOREIGN") is None
    assert used == it.attempts
    assert 1 == it.refresher.get().generation


def test_waits_as_in_the_mandatory_window(it):
    """Five seconds; then the request fails as it did."""
    it.background.mode = "never"

    assert rejected(it) is None
    assert [5] == it.patience.waits
    assert 1 == it.refresher.get().generation


def test_expiration_is_untouched(it):
    """The mark makes them due, not expired: the same record stays in use."""
    it.source.goes_down()
    first = it.refresher.record

    assert rejected(it) is None
    assert first is it.refresher.record is it.refresher.get()
    assert 600 == it.refresher.remaining(first)


@pytest.mark.parametrize("just_refreshed", [True, False])
def test_mark_is_kept_until_there_is_a_new_key(it, just_refreshed):
    """A failure doesn't lift it, and right after a refresh it isn't ignored."""
    if just_refreshed:
        it.refresher.refresh()
    before = it.refresher.record.generation
    it.source.goes_down()
    rejected(it)
    it.source.comes_back()
    it.world.passes(30)

    assert before + 1 == it.refresher.get().generation


def test_mark_survives_the_same_key(it):
    """A source that has cached the rejected key has failed."""
    it.source.repeats = True

    assert rejected(it) is None

    it.source.repeats = False
    it.world.passes(30)

    assert 2 == it.refresher.get().generation


def test_mark_set_during_a_flight(it):
    """It is lifted by the new key that the flight brings."""
    it.background.mode = "by hand"
    it.due()
    it.refresher.get()
    it.patience.meanwhile = it.background.works

    assert 2 == rejected(it)

    it.world.passes(60)
    it.refresher.get()

    assert 2 == it.attempts


def test_joins_a_flight(it):
    """There is one fetch."""
    it.background.mode = "by hand"

    def second() -> None:
        it.patience.meanwhile = it.background.works

        assert 2 == rejected(it)

    it.patience.meanwhile = second

    assert 2 == rejected(it)
    assert 2 == it.attempts


def test_does_not_join_one_that_is_too_old(it):
    """It is replaced."""
    it.background.mode = "slow"
    it.due()
    it.refresher.get()
    it.world.passes(30)
    it.background.mode = "at once"

    assert 2 == rejected(it)
    assert [] == it.patience.waits


@pytest.mark.parametrize(("passed", "generation"), [(9.999, None), (10, 2)])
def test_passes_the_gate(it, passed, generation):
    """If the last attempt began ten seconds ago."""
    it.source.goes_down(FailureKind.REQUEST)
    it.due()
    it.refresher.get()
    it.source.comes_back()
    it.world.passes(passed)

    assert generation == rejected(it)


def test_service_that_rejects_everything(it):
    """One refresh per half a minute: no loop."""
    before = it.attempts
    for _ in range(300):
        rejected(it)
        it.refresher.get()
        it.world.passes(1)

    assert 10 == it.attempts - before
    assert 300 == it.refresher.events.counters.rejections


def test_service_that_rejects_everything_while_sts_fails(it):
    """Half a minute for the rejections, and the pauses for the rest."""
    it.source.goes_down()
    for _ in range(300):
        rejected(it)
        it.refresher.get()
        it.world.passes(1)

    assert it.source.busiest_minute() <= 7


def test_shorter_lived_ones_will_do(it):
    """A rejected key is worth nothing, whatever its expiration is."""
    it.source.lifetime = 400

    assert 2 == rejected(it)


def test_expired_and_refused(it):
    """Then there is nothing to use, even if the rejection was one of several."""
    rejected(it)
    rejected(it)
    it.source.goes_down()
    it.left(-1)
    with pytest.raises(CredentialsExpiredError):
        it.refresher.get()


def test_several_former_keys(it):
    """The last eight are known."""
    keys = [it.key()]
    for _ in range(8):
        it.world.passes(30)
        it.refresher.refresh()
        keys.append(it.key())

    assert all(it.refresher.replace_rejected(key) for key in keys[:-1])

    it.world.passes(30)
    it.refresher.refresh()

    assert it.refresher.replace_rejected(keys[0]) is None
