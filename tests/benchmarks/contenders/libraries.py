"""Other libraries, each used as its own documentation says."""

from __future__ import annotations

from typing import Any

import boto3

from ..server import role_arn
from .base import Contender


__all__ = [
    "AwsAssumeRoleLib",
    "Boto3Assume",
    "Boto3RefreshSession",
    "BotoSessionManager",
]


class AwsAssumeRoleLib(Contender):
    """``aws-assume-role-lib``; lazy."""

    NAME = "aws-assume-role-lib"

    def begin(self) -> None:
        """One parent session for all roles."""
        import aws_assume_role_lib

        self._assume_role: Any = aws_assume_role_lib.assume_role
        self._parent = boto3.Session(profile_name="source")

    def make(self, number: int) -> boto3.Session:
        """Make a session."""
        made: boto3.Session = self._assume_role(
            self._parent, role_arn(number), **self.extra()
        )
        return made


class Boto3RefreshSession(Contender):
    """``boto3-refresh-session``; lazy, but with a client of STS in each session."""

    NAME = "boto3-refresh-session"

    def begin(self) -> None:
        """Its sessions are their own source."""
        import boto3_refresh_session

        self._session = boto3_refresh_session.RefreshableSession
        self._config = boto3_refresh_session.AssumeRoleConfig

    def make(self, number: int) -> boto3.Session:
        """Make a session."""
        config = self._config(RoleArn=role_arn(number), **self.extra())
        made: boto3.Session = self._session(
            assume_role_kwargs=config, profile_name="source"
        )
        return made


class Boto3Assume(Contender):
    """``boto3-assume``; lazy, but with a client of STS for each role."""

    NAME = "boto3-assume"

    def begin(self) -> None:
        """One source session for all roles."""
        import boto3_assume

        self._assume_role: Any = boto3_assume.assume_role
        self._source = boto3.Session(profile_name="source")

    def make(self, number: int) -> boto3.Session:
        """Make a session."""
        made: boto3.Session = self._assume_role(
            source_session=self._source,
            assume_role_kwargs={
                "RoleArn": role_arn(number),
                "RoleSessionName": "bench",
                **self.extra(),
            },
        )
        return made


class BotoSessionManager(Contender):
    """``boto-session-manager`` with *auto_refresh*; lazy."""

    NAME = "boto-session-manager"

    def begin(self) -> None:
        """One manager for all roles."""
        from boto_session_manager.api import BotoSesManager

        self._manager = BotoSesManager(profile_name="source")

    def make(self, number: int) -> boto3.Session:
        """Make a session."""
        manager = self._manager.assume_role(
            role_arn(number),
            duration_seconds=self.seconds or 3600,
            auto_refresh=True,
        )
        made: boto3.Session = manager.boto_ses
        return made
