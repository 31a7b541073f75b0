"""One immutable record."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle

import attrs
import pytest

from stsession._core.credentials import Instant, Record, TemporaryCredentials
from stsession._core.policy import RefreshPolicy
from stsession._core.runtime import utc


@pytest.fixture(name="credentials")
def _credentials() -> TemporaryCredentials:
    return TemporaryCredentials(
        access_key_id="ASIAEXAMPLE",
        secret_access_key="planted-secret",
        session_token="planted-token",
        expires_at=utc(1_900.0),
        account_id="123456789012",
    )


def record(credentials: TemporaryCredentials, lifetime: float = 900.0) -> Record:
    """A record of *credentials*."""
    return Record(
        credentials=credentials,
        generation=1,
        began=Instant(1_000.0, 50.0),
        lifetime=lifetime,
        source_remaining=None,
        plan=RefreshPolicy().plan(lifetime, 0.0),
    )


def test_repr_has_no_secrets(credentials):
    """Neither on their own nor within a record."""
    for text in (repr(credentials), str(credentials), repr(record(credentials))):
        assert "ASIAEXAMPLE" in text
        assert "planted" not in text


def test_frozen(credentials):
    """A reader never sees a part of it replaced."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        credentials.access_key_id = "x"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record(credentials).generation = 2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle(credentials, protocol):
    """A pickle would carry the secrets; the error says what to pickle instead."""
    with pytest.raises(TypeError, match="Pickle the session"):
        pickle.dumps(credentials, protocol)
    with pytest.raises(TypeError, match="Pickle the session"):
        pickle.dumps(record(credentials), protocol)


def test_copies_are_the_same(credentials):
    """What can't change needs no copy."""
    assert credentials is copy.copy(credentials)
    assert credentials is copy.deepcopy(credentials)
    assert not dataclasses.is_dataclass(credentials)


@pytest.mark.parametrize(
    ("wall", "monotonic", "remaining"),
    [
        (1_000.0, 50.0, 900.0),
        (1_100.0, 150.0, 800.0),
        (1_100.0, 50.0, 800.0),
        (1_000.0, 150.0, 800.0),
        (-9_000.0, 150.0, 800.0),
        (9_000.0, 150.0, -7_100.0),
    ],
)
def test_remaining_by_whichever_clock_says_less(
    credentials, wall, monotonic, remaining
):
    """A clock that was set back or stood still doesn't prolong anything."""
    assert remaining == record(credentials).remaining(Instant(wall, monotonic))


def test_due_on_both_clocks(credentials):
    """Each clock has its own due point, so that an access compares and no more."""
    held = record(credentials)

    assert (1_000 + 900 - 315, 50 + 900 - 315) == (held.due_wall, held.due_monotonic)


def test_undated_never_ends(credentials):
    """It is due at no time."""
    held = record(credentials, math.inf)

    assert math.inf == held.remaining(Instant(1e12, 1e12))
    assert math.inf == held.due_wall == held.due_monotonic
