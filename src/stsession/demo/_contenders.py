"""
Two ways to the same session: ours, and the recipe that people copy.
"""

from __future__ import annotations

import datetime as dt
import json

from collections.abc import Callable
from typing import Any, Protocol

import boto3
import botocore.session

from botocore.config import Config
from botocore.credentials import RefreshableCredentials

import stsession

from stsession._core.policy import Tuning

from ._lapse import FastClock
from ._stage import EXTERNAL_ID, HUB, POLICY, PROFILE, TARGET


__all__ = ["Contender", "Ours", "Recipe"]

ONCE = Config(retries={"total_max_attempts": 1})
"""For the STS clients of both: the pauses of the SDK's retries are real seconds."""

PATIENT = stsession.RefreshPolicy(
    load_timeout=dt.timedelta(hours=1), _tuning=Tuning(clock_jump=3600.0)
)
"""The default windows and pauses. What the machine itself takes, for an answer or
between reading its two clocks, looks hundreds of times as long by the fast clock."""

ADVISORY = dt.timedelta(minutes=15)
"""botocore tries to refresh this long before the expiration."""


NEVER = dt.datetime.max.replace(tzinfo=dt.timezone.utc)


class Contender(Protocol):
    """
    Somebody who has a session for the target role.
    """

    name: str
    """Its role session name, by which the server tells who asks."""

    @property
    def session(self) -> boto3.Session:
        """
        A session of the target role.
        """

    def due_at(self) -> dt.datetime:
        """
        When its credentials will be refreshed next.
        """


class Ours:
    """
    `stsession.assume()`, as in the documentation.

    Args:
        duration_seconds: How long sessions are to live.

        on_event: Is told what happens to both roles.
    """

    name = "stsession"

    def __init__(
        self, *, duration_seconds: int, on_event: stsession.RefreshHook
    ) -> None:
        same: dict[str, Any] = {
            "role_session_name": self.name,
            "duration_seconds": duration_seconds,
            "sts_config": ONCE,
            "on_event": on_event,
            "refresh": PATIENT,
        }
        hub = stsession.assume(
            HUB, source=PROFILE, external_id=EXTERNAL_ID, policy=POLICY, **same
        )
        self.session = hub.assume(TARGET, **same)
        self.session.credentials()  # the recipe can't do without them either

    def due_at(self) -> dt.datetime:
        """
        When its credentials will be refreshed next.
        """
        return self.session.status().hop.due_at or NEVER


class Recipe:
    """
    botocore's refreshable credentials on a session's private attribute.

    Args:
        duration_seconds: How long sessions are to live.

        clock: What botocore is to take for the time.

        tell: Is told how refreshes went.
    """

    name = "recipe"

    def __init__(
        self,
        *,
        duration_seconds: int,
        clock: FastClock,
        tell: Callable[[str], None],
    ) -> None:
        self._details: dict[str, Any] = {
            "RoleSessionName": self.name,
            "DurationSeconds": duration_seconds,
        }
        self._tell = tell
        self._fails = False
        self._elapsed = clock.elapsed
        self._told_at = -1.0
        self._source = boto3.Session(profile_name=PROFILE)
        self._sts = self._source.client("sts", config=ONCE)

        first = self._assume_both()
        credentials = RefreshableCredentials(
            access_key=first["access_key"],
            secret_key=first["secret_key"],
            token=first["token"],
            expiry_time=dt.datetime.fromisoformat(first["expiry_time"]),
            refresh_using=self._refresh,
            method="sts-assume-role",
            time_fetcher=clock.now,  # create_from_metadata() has no such argument
        )
        session = botocore.session.get_session()
        session._credentials = credentials  # type: ignore[attr-defined] # noqa: SLF001
        self.session = boto3.Session(botocore_session=session)

    def due_at(self) -> dt.datetime:
        """
        When its credentials will be refreshed next.
        """
        return self._expires_at - ADVISORY

    def _refresh(self) -> dict[str, str]:
        try:
            metadata = self._assume_both()
        except Exception as e:
            if not self._fails:
                self._tell(
                    f"{self.name}: could not assume the roles ({type(e).__name__}); "
                    "next attempt in the next API call"
                )
            self._fails = True
            raise
        self._fails = False
        if self._elapsed() >= self._told_at + 1:  # it may be one at each call
            self._told_at = self._elapsed()
            self._tell(f"{self.name}: both roles assumed")
        return metadata

    def _assume_both(self) -> dict[str, str]:
        hub = self._sts.assume_role(
            RoleArn=HUB,
            **self._details,
            ExternalId=EXTERNAL_ID,
            Policy=json.dumps(POLICY),
        )["Credentials"]
        sts = self._source.client(
            "sts",
            aws_access_key_id=hub["AccessKeyId"],
            aws_secret_access_key=hub["SecretAccessKey"],
            aws_session_token=hub["SessionToken"],
            config=ONCE,
        )
        target = sts.assume_role(RoleArn=TARGET, **self._details)["Credentials"]
        sts.close()
        self._expires_at: dt.datetime = target["Expiration"]
        return {
            "access_key": target["AccessKeyId"],
            "secret_key": target["SecretAccessKey"],
            "token": target["SessionToken"],
            "expiry_time": target["Expiration"].isoformat(),
        }
