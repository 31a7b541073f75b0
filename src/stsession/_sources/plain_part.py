"""
Credentials that botocore refreshes, kept as ours are.
"""

from __future__ import annotations

import datetime as dt

import attrs

from .._core.clock_part import Clock, utc
from .._core.credentials import Fetched, TemporaryCredentials
from .._core.policy import RefreshPolicy
from .._core.refresher import Refresher
from .._core.remembered_part import without_frames
from .._core.seams_part import current
from .._sts.errors import Attempt, translate
from .sdk_source_part import SdkSource


__all__ = ["plain_refresher"]


# botocore refreshes what it has found in the last quarter of an hour, and when
# it is asked; asking earlier would bring the same again.
POLICY = RefreshPolicy(
    advisory=dt.timedelta(minutes=14), early=0.0, jitter=0.0, stale="never"
)

CHOICES = (
    "attempts_per_minute",
    "background",
    "load_timeout",
    "mandatory_wait",
    "permanent",
    "rejection_codes",
    "resend",
)
"""What the user's policy says about such credentials as well."""


class _Look:
    """
    Asks botocore for what it has.
    """

    def __init__(self, source: SdkSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._last: str | None = None

    def __call__(self) -> Fetched:
        """
        Look.

        Raises:
            RefreshError: If there are none.
        """
        try:
            return self._look()
        except MemoryError:
            raise  # it says nothing about the source
        except Exception as e:  # noqa: BLE001 - made into one of ours
            name = self._source.name
            attempt = Attempt(what=f"Could not load {name}", hop=name, source=name)
            error = translate(e, attempt, wall=self._clock.wall())
        # Out here, where no local variable holds the credentials.
        raise without_frames(error)

    def note_region(self, region: str) -> None:
        """
        Use a client's region for what botocore calls, if none is configured.
        """
        self._source.note_region(region)

    def _look(self) -> Fetched:
        remaining = self._source.prepare()
        keys = self._source.frozen()
        if keys.access_key == self._last and self._source.resolve_again():
            keys, remaining = self._source.frozen(), self._source.prepare()
        self._last = keys.access_key
        return Fetched(
            credentials=TemporaryCredentials(
                access_key_id=str(keys.access_key),
                secret_access_key=str(keys.secret_key),
                session_token=keys.token,
                expires_at=(
                    None if remaining is None else utc(self._clock.wall() + remaining)
                ),
                account_id=getattr(keys, "account_id", None),
            )
        )


def plain_refresher(source: SdkSource, policy: RefreshPolicy = POLICY) -> Refresher:
    """
    Return a refresher for credentials that aren't a role's of ours.

    Args:
        source: Where they come from.

        policy: The user's. When botocore has new credentials isn't ours to choose, so
            its windows don't count, nor what happens to expired ones.
    """
    clock, load_timeout = current().clock, policy.load_timeout
    chosen = {name: getattr(policy, name) for name in CHOICES}
    return Refresher(
        label=source.name,
        source=source.name,
        fetch=_Look(source, clock),
        policy=attrs.evolve(POLICY, **chosen),
        load_timeout=30.0 if load_timeout is None else load_timeout.total_seconds(),
        clock=clock,
    )
