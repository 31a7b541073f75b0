"""
Who is compared. Add a class, and its name to those of a benchmark.

A process runs one contender only, so each imports what it needs when it is made.
"""

from __future__ import annotations

import datetime as dt

from typing import Any, Protocol

import boto3

from .server import Server, role_arn


__all__ = ["CONTENDERS", "Contender"]


class Contender(Protocol):
    """
    A way to sessions for roles. It is made once in a process.

    Its constructor is given the server, or `None` where there is none.
    """

    def session(self, number: int) -> boto3.Session:
        """
        Make a session for the server's role of this number.
        """


class Stsession:
    """
    `stsession.assume()`.
    """

    def __init__(self, server: Server | None) -> None:
        import stsession

        self._assume = stsession.assume
        self._source = None if server is None else "source"
        if server is not None and server.moves:
            from stsession.testing import installed

            self._installed = installed(clock=server.clock)
            self._installed.__enter__()  # for as long as the process lives

    def session(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        return self._assume(role_arn(number), source=self._source)


class Recipe:
    """
    botocore's refreshable credentials, put on a session by hand.
    """

    def __init__(self, server: Server) -> None:
        import botocore.credentials
        import botocore.session

        self._server = server
        self._new_session = botocore.session.get_session
        self._credentials = botocore.credentials.RefreshableCredentials
        self._sts = boto3.Session(profile_name="source").client("sts")

    def session(self, number: int) -> boto3.Session:
        """
        Make a session.
        """

        def refresh() -> dict[str, Any]:
            answer = self._sts.assume_role(
                RoleArn=role_arn(number), RoleSessionName="recipe"
            )["Credentials"]
            return {
                "access_key": answer["AccessKeyId"],
                "secret_key": answer["SecretAccessKey"],
                "token": answer["SessionToken"],
                "expiry_time": answer["Expiration"].isoformat(),
            }

        first = refresh()
        options: dict[str, Any] = {}
        if self._server.moves:
            options = {"time_fetcher": self._now}
        credentials = self._credentials(
            access_key=first["access_key"],
            secret_key=first["secret_key"],
            token=first["token"],
            expiry_time=dt.datetime.fromisoformat(first["expiry_time"]),
            refresh_using=refresh,
            method="sts-assume-role",
            **options,
        )
        session = self._new_session()
        session._credentials = credentials  # type: ignore[attr-defined] # noqa: SLF001
        return boto3.Session(botocore_session=session)

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._server.clock.wall(), dt.timezone.utc)


class Profile:
    """
    A profile with ``role_arn``, as botocore itself assumes it; for role 0.
    """

    def __init__(self, server: Server) -> None:
        pass

    def session(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        return boto3.Session(profile_name=f"role{number}")


class Plain:
    """
    A session without any role.
    """

    def __init__(self, server: Server | None) -> None:
        pass

    def session(self, number: int) -> boto3.Session:
        """
        Make a session.
        """
        return boto3.Session()


CONTENDERS: dict[str, type[Any]] = {
    "stsession": Stsession,
    "recipe": Recipe,
    "profile": Profile,
    "plain": Plain,
}
"""By the names in the table: *plain* is `boto3.Session()`."""
