"""
What an answer is worth, in words.
"""

from __future__ import annotations

import attrs
import pytest

from stsession._core import errors
from stsession._core.credentials import FetchResult, TemporaryCredentials
from stsession._core.runtime import utc
from stsession.exceptions import RefreshError, StsUnavailableError

from .engine import engine, instant


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (-119, "119 s"),
        (120, "2 min"),
        (7_199, "120 min"),
        (7_200, "2.0 h"),
        (43_200, "12.0 h"),
        (float("inf"), "unlimited time"),
    ],
)
def test_span(seconds, text):
    """
    As people say it.
    """
    assert text == errors.format_span(seconds)


@pytest.mark.parametrize(
    ("remaining", "text"),
    [
        (30, "credentials valid for another 30 s"),
        (-30, "credentials expired 30 s ago"),
        (0, "no credentials"),
    ],
)
def test_validity(remaining, text):
    """
    What a log line says.
    """
    assert text == errors.validity(remaining)


@pytest.mark.parametrize(
    ("off", "text"),
    [
        (300, ""),
        (-300, ""),
        (301, "The local clock is 5 min ahead of the server's."),
        (-7_200, "The local clock is 2.0 h behind the server's."),
    ],
)
def test_skew(off, text):
    """
    Five minutes are nobody's fault.
    """
    assert text == errors.skew_text(1_000_000, 1_000_000 + off)


class TestProgress:
    """
    Whether new credentials are any better.
    """

    def check(self, came: str, expires_at: float | None, **flags: bool) -> None:
        """
        Whatever is handed out is one whole record, never older than before.
        """
        it = engine()
        current = it.refresher.get()
        new = FetchResult(
            credentials=TemporaryCredentials(
                access_key_id=came,
                secret_access_key="x",
                expires_at=None
                if expires_at is None
                else utc(it.world.time + expires_at),
            )
        )
        flags = {"replaceable": False, "requested": False, **flags}
        now = instant(it.world)
        lifetime = errors.lifetime_of(new, now, "role")
        errors.check_progress(new, lifetime, current, now, name="role", **flags)

    @pytest.mark.parametrize(
        ("expires_at", "flags"),
        [
            (901, {}),
            (None, {}),
            (1, {"replaceable": True}),
            (900, {"requested": True}),
        ],
    )
    def test_made(self, expires_at, flags):
        """
        Another key that lives longer.

        Or that will do as well, if the current one is dead or others were asked for.
        """
        self.check("ASIAOTHER", expires_at, **flags)

    @pytest.mark.parametrize(
        ("key", "expires_at", "flags"),
        [
            ("ASIA0000000000000001", 9_000, {"replaceable": True, "requested": True}),
            ("ASIAOTHER", 900, {}),
            ("ASIAOTHER", 899, {"requested": True}),
        ],
    )
    def test_not_made(self, key, expires_at, flags):
        """
        The same key, or less.
        """
        with pytest.raises(RefreshError, match="The source returned") as excinfo:
            self.check(key, expires_at, **flags)

        assert excinfo.value.retryable
        assert "role" == excinfo.value.hop


def test_ours_stays_ours():
    """
    What the layer below has named is passed on.
    """
    error = StsUnavailableError("Failed.")

    assert error is errors.as_refresh_error(error, "role", "profile dev")


def test_others_are_wrapped():
    """
    With the class, the label and the source.
    """
    error = errors.as_refresh_error(KeyError("x"), "role", "profile dev")

    assert "credentials for role. Profile dev raised KeyError." in str(error)
    assert isinstance(error.__cause__, KeyError)


def test_undated_record_can_be_expired_only_by_its_users():
    """
    The error doesn't need a date.
    """
    it = engine()
    record = it.refresher.get()
    credentials = TemporaryCredentials(access_key_id="x", secret_access_key="x")
    error = errors.credentials_expired(
        attrs.evolve(record, credentials=credentials),
        3.0,
        StsUnavailableError("Failed."),
        now=instant(it.world).wall,
        attempts=2,
        wait=5.0,
        name="role",
        source="profile dev",
    )

    assert "role expire soon and could not be refreshed (2 failed" in str(error)
    assert error.expired_at is None
