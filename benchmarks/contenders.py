"""
Who is compared. Add a class, and its name to those of a benchmark.

A process runs one contender only, so each imports what it needs when it is made.
Each is used as its own documentation says, in the way that costs it least: all
have one source session, and those that let a client of STS be shared share it.
"""

from __future__ import annotations

import datetime as dt
import functools
import os

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import boto3
import botocore.credentials

from .clock import MovableClock
from .server import PROFILES, role_arn


__all__ = ["CONTENDERS", "Contender"]


class Contender(Protocol):
    """
    A way to sessions for roles. It is made once in a process.
    """

    def __init__(
        self,
        *,
        numbers: Sequence[int] = range(1),
        clock: MovableClock | None = None,
        seconds: int | None = None,
    ) -> None:
        """
        Make one.

        Args:
            numbers: For which roles it will make sessions.

            clock: What its sessions live by. `None` means the machine's.

            seconds: For how long a role is assumed. `None` means an hour.
        """

    def session(self, number: int) -> boto3.Session:
        """
        Make a session for the role of this number.
        """

    def fan_out(self, work: Callable[[boto3.Session], Any]) -> list[Any]:
        """
        Do *work* for each role, 16 at a time; return what comes of it.
        """


class Peer:
    """
    What all have in common that keep botocore's refreshable credentials.
    """

    def __init__(
        self,
        *,
        numbers: Sequence[int] = range(1),
        clock: MovableClock | None = None,
        seconds: int | None = None,
    ) -> None:
        self.numbers = numbers
        self.clock = clock
        self.seconds = seconds
        if clock is not None:  # the fetchers with a cache look at this one
            botocore.credentials._local_now = clock.now  # type: ignore[attr-defined] # noqa: SLF001
        self.begin()

    def begin(self) -> None:
        """
        Import what is needed, and make the source.
        """

    def make(self, number: int) -> boto3.Session:
        """
        Make a session, as its documentation says.
        """
        raise NotImplementedError

    def session(self, number: int) -> boto3.Session:
        """
        Make a session that lives by the clock.
        """
        session = self.make(number)
        if self.clock is not None:
            credentials: Any = session.get_credentials()
            credentials._time_fetcher = self.clock.now  # noqa: SLF001
        return session

    def fan_out(self, work: Callable[[boto3.Session], Any]) -> list[Any]:
        """
        A pool of threads, as there is nothing else.
        """

        def do(number: int) -> Any:
            return work(self.session(number))

        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(do, self.numbers))

    def extra(self) -> dict[str, Any]:
        """
        The parameter for another lifetime, if it is another.
        """
        return {} if self.seconds is None else {"DurationSeconds": self.seconds}


class Recipe(Peer):
    """
    botocore's refreshable credentials, put on a session by hand; calls STS at once.
    """

    NAME = "recipe"

    def begin(self) -> None:
        """
        One client of STS for all roles.
        """
        import botocore.session

        self._new_session = botocore.session.get_session
        self._sts = boto3.Session(profile_name="source").client("sts")

    def make(self, number: int) -> boto3.Session:
        """
        Make a session.
        """

        def refresh() -> dict[str, Any]:
            answer = self._sts.assume_role(
                RoleArn=role_arn(number), RoleSessionName="recipe", **self.extra()
            )["Credentials"]
            return {
                "access_key": answer["AccessKeyId"],
                "secret_key": answer["SecretAccessKey"],
                "token": answer["SessionToken"],
                "expiry_time": answer["Expiration"].isoformat(),
            }

        first = refresh()
        credentials = botocore.credentials.RefreshableCredentials(
            access_key=first["access_key"],
            secret_key=first["secret_key"],
            token=first["token"],
            expiry_time=dt.datetime.fromisoformat(first["expiry_time"]),
            refresh_using=refresh,
            method="sts-assume-role",
        )
        session = self._new_session()
        session._credentials = credentials  # type: ignore[attr-defined] # noqa: SLF001
        return boto3.Session(botocore_session=session)


class Profile(Peer):
    """
    A profile with ``role_arn``, as botocore itself assumes it.
    """

    NAME = "profile"

    def begin(self) -> None:
        """
        The other config file has the profiles.
        """
        os.environ["AWS_CONFIG_FILE"] = os.environ[PROFILES]

    def make(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        kind = "" if self.seconds is None else "short"
        return boto3.Session(profile_name=f"role{number}{kind}")


class AwsAssumeRoleLib(Peer):
    """
    ``aws-assume-role-lib``; lazy.
    """

    NAME = "aws-assume-role-lib"

    def begin(self) -> None:
        """
        One parent session for all roles.
        """
        import aws_assume_role_lib

        self._assume_role = aws_assume_role_lib.assume_role
        self._parent = boto3.Session(profile_name="source")

    def make(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        return self._assume_role(self._parent, role_arn(number), **self.extra())


class Boto3RefreshSession(Peer):
    """
    ``boto3-refresh-session``; lazy, but with a client of STS in each session.
    """

    NAME = "boto3-refresh-session"

    def begin(self) -> None:
        """
        Its sessions are their own source.
        """
        import boto3_refresh_session

        self._session = boto3_refresh_session.RefreshableSession
        self._config = boto3_refresh_session.AssumeRoleConfig

    def make(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        config = self._config(RoleArn=role_arn(number), **self.extra())
        made: boto3.Session = self._session(
            assume_role_kwargs=config, profile_name="source"
        )
        return made


class Boto3Assume(Peer):
    """
    ``boto3-assume``; lazy, but with a client of STS for each role.
    """

    NAME = "boto3-assume"

    def begin(self) -> None:
        """
        One source session for all roles.
        """
        import boto3_assume

        self._assume_role = boto3_assume.assume_role
        self._source = boto3.Session(profile_name="source")

    def make(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        return self._assume_role(
            source_session=self._source,
            assume_role_kwargs={
                "RoleArn": role_arn(number),
                "RoleSessionName": "bench",
                **self.extra(),
            },
        )


class BotoSessionManager(Peer):
    """
    ``boto-session-manager`` with *auto_refresh*; lazy.
    """

    NAME = "boto-session-manager"

    def begin(self) -> None:
        """
        One manager for all roles.
        """
        from boto_session_manager.api import BotoSesManager

        self._manager = BotoSesManager(profile_name="source")

    def make(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        manager = self._manager.assume_role(
            role_arn(number),
            duration_seconds=self.seconds or 3600,
            auto_refresh=True,
        )
        made: boto3.Session = manager.boto_ses
        return made


class Plain(Peer):
    """
    ``boto3.Session()`` with static keys, and without any role.
    """

    NAME = "static keys"

    def make(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        return boto3.Session(profile_name="source")


class Stsession(Peer):
    """
    `stsession.assume()`; lazy.
    """

    NAME = "stsession"

    def begin(self) -> None:
        """
        Tell it its clock.
        """
        import stsession

        self._stsession = stsession
        if self.clock is not None:
            from stsession.testing import installed

            self._installed = installed(clock=self.clock)
            self._installed.__enter__()  # for as long as the process lives

    def session(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        return self._stsession.assume(
            role_arn(number), source="source", duration_seconds=self.seconds
        )


class Fleet(Stsession):
    """
    `stsession.Fleet`; lazy.
    """

    NAME = "fleet"

    @functools.cached_property
    def _fleet(self) -> Any:
        more = {} if self.seconds is None else {"duration_seconds": self.seconds}
        arns = [role_arn(number) for number in self.numbers]
        return self._stsession.Fleet(arns, source="source", **more)

    def session(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        made: boto3.Session = self._fleet.session(role_arn(number))
        return made

    def results(self, work: Callable[[boto3.Session], Any]) -> list[Any]:
        """
        Do *work* for each role; return what `Fleet.map()` gives, errors as well.
        """
        return list(self._fleet.map(work, max_workers=16))

    def fan_out(self, work: Callable[[boto3.Session], Any]) -> list[Any]:
        """
        What it is made for.
        """
        results = self.results(work)
        for result in results:
            if result.error is not None:
                raise result.error
        return [result.value for result in results]


CONTENDERS: dict[str, type[Any]] = {
    made.NAME: made
    for made in (
        Stsession,
        Fleet,
        Recipe,
        Profile,
        AwsAssumeRoleLib,
        Boto3RefreshSession,
        Boto3Assume,
        BotoSessionManager,
        Plain,
    )
}
"""By the names in the tables."""
