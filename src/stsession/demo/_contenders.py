"""Two ways to make the same session, and the environment to compare them in."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import tempfile

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import boto3
import botocore.session

from botocore.config import Config
from botocore.credentials import RefreshableCredentials

import stsession

from stsession._core.policy import Tuning

from .._core.runtime import SystemClock, utc
from ..testing import AccessKey, LocalSTS, use_runtime


__all__ = [
    "BUCKET",
    "EXTERNAL_ID",
    "HUB",
    "POLICY",
    "PROFILE",
    "TARGET",
    "Contender",
    "FastClock",
    "Ours",
    "Recipe",
    "demo_environment",
]


class FastClock:
    """
    Clock that starts at the current time and runs *factor* times as fast.

    Args:
        factor: Seconds of this clock in one second of the system's.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        system = SystemClock()
        self._real = system.monotonic
        self._began = system.monotonic()
        self._wall = system.wall()

    def elapsed(self) -> float:
        """Return the seconds since the start, by the system's clock."""
        return self._real() - self._began

    def wall(self) -> float:
        """Return the seconds since 1970-01-01 UTC, by this clock."""
        return self._wall + self.monotonic()

    def monotonic(self) -> float:
        """Return the seconds since the start, by this clock."""
        return self.elapsed() * self.factor

    def now(self) -> dt.datetime:
        """Return the wall clock's time as an aware datetime."""
        return utc(self.wall())


PROFILE = "demo"
HUB = "arn:aws:iam::111111111111:role/Hub"
TARGET = "arn:aws:iam::222222222222:role/Reader"
EXTERNAL_ID = "demo-1234"
BUCKET = "demo-bucket"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:List*", "sts:AssumeRole"], "Resource": "*"}
    ],
}


@contextlib.contextmanager
def demo_environment(clock: FastClock) -> Iterator[LocalSTS]:
    """
    Run a server with the roles and the bucket, and set up a profile for it.

    At the end the environment is restored.
    """
    with (
        LocalSTS(clock=clock) as local,
        tempfile.TemporaryDirectory(prefix="stsession-demo-") as directory,
        use_runtime(clock=clock),
    ):
        user = local.add_user(name="demo", account_id="111111111111")
        local.add_role(HUB, trusts=[user.arn], external_id=EXTERNAL_ID)
        local.add_role(TARGET, trusts=[HUB])
        local.add_bucket(BUCKET, objects={"hello.txt": b"hello"})
        with _environment(local, user, directory):
            yield local


@contextlib.contextmanager
def _environment(local: LocalSTS, user: AccessKey, directory: str) -> Iterator[None]:
    """
    Set the variables of the demo's profile, and unset those of AWS and of proxies.
    """
    files = local.write_profile(directory, key=user, name=PROFILE)
    before = dict(os.environ)
    try:
        for name in before:
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                del os.environ[name]
        os.environ.update(files.environment, AWS_EC2_METADATA_DISABLED="true")
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


ONCE = Config(retries={"total_max_attempts": 1})
"""Config of all STS clients: the SDK would wait for real seconds between attempts."""


class _PatientPolicy(stsession.RefreshPolicy):
    _tuning = Tuning(clock_jump=3600.0)


PATIENT = _PatientPolicy(load_timeout=dt.timedelta(hours=1))
"""The default windows, with tolerance for real delays: by the fast clock, the time for
a response or between two readings of the clock is hundreds of times as long."""

ADVISORY = dt.timedelta(minutes=15)
"""botocore starts to refresh this long before the expiration."""

NEVER = dt.datetime.max.replace(tzinfo=dt.timezone.utc)


class Contender(Protocol):
    """A way to get a session of the target role."""

    name: str
    """Role session name; the calls in the server's log are counted by it."""

    @property
    def session(self) -> boto3.Session:
        """The session of the target role."""

    def due_at(self) -> dt.datetime:
        """Return when the credentials are refreshed next."""


class Ours:
    """
    `stsession.assume()`, used as in the documentation.

    Args:
        duration_seconds: Session duration to request.

        on_event: Callback for the events of both roles.
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
        self.session.credentials()  # the recipe gets its own here, too

    def due_at(self) -> dt.datetime:
        """Return when the credentials are refreshed next."""
        return self.session.status().hop.due_at or NEVER


class Recipe:
    """
    botocore's refreshable credentials on a session's private attribute.

    Args:
        duration_seconds: Session duration to request.

        clock: Clock that botocore uses.

        output: Function that is called with a line about refreshes.
    """

    name = "recipe"

    def __init__(
        self,
        *,
        duration_seconds: int,
        clock: FastClock,
        output: Callable[[str], None],
    ) -> None:
        self._details: dict[str, Any] = {
            "RoleSessionName": self.name,
            "DurationSeconds": duration_seconds,
        }
        self._output = output
        self._is_failing = False
        self._elapsed = clock.elapsed
        self._printed_at = -1.0
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
        """Return when the credentials are refreshed next."""
        return self._expires_at - ADVISORY

    def _refresh(self) -> dict[str, str]:
        try:
            metadata = self._assume_both()
        except Exception as e:
            if not self._is_failing:
                self._output(
                    f"{self.name}: could not assume the roles ({type(e).__name__}); "
                    "next attempt in the next API call"
                )
            self._is_failing = True
            raise
        self._is_failing = False
        if self._elapsed() >= self._printed_at + 1:  # it may refresh in each call
            self._printed_at = self._elapsed()
            self._output(f"{self.name}: both roles assumed")
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
