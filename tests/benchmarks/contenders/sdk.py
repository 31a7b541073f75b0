"""What boto3 and botocore offer by themselves."""

from __future__ import annotations

import datetime as dt
import os

from typing import Any

import boto3
import botocore.credentials

from ..server import PROFILES, role_arn
from .base import Contender


__all__ = ["Plain", "Profile", "Recipe"]


class Recipe(Contender):
    """
    botocore's refreshable credentials, put on a session by hand; calls STS at once.
    """

    NAME = "recipe"

    def begin(self) -> None:
        """One client of STS for all roles."""
        import botocore.session

        self._new_session = botocore.session.get_session
        self._sts = boto3.Session(profile_name="source").client("sts")

    def make(self, number: int) -> boto3.Session:
        """Make a session."""

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
        session._credentials = credentials  # type: ignore[attr-defined]
        return boto3.Session(botocore_session=session)


class Profile(Contender):
    """A profile with ``role_arn``, as botocore itself assumes it."""

    NAME = "profile"

    def begin(self) -> None:
        """The other config file has the profiles."""
        os.environ["AWS_CONFIG_FILE"] = os.environ[PROFILES]

    def make(self, number: int) -> boto3.Session:
        """Make a session."""
        kind = "" if self.seconds is None else "short"
        return boto3.Session(profile_name=f"role{number}{kind}")


class Plain(Contender):
    """``boto3.Session()`` with static keys, and without any role."""

    NAME = "static keys"

    def make(self, number: int) -> boto3.Session:
        """Make a session."""
        return boto3.Session(profile_name="source")
