"""
STS and a little of IAM and S3 on a loopback port.
"""

from __future__ import annotations

import os
import tempfile
import threading

from collections.abc import Mapping
from types import TracebackType
from typing import final

import boto3

from .._core.runtime import Clock, SystemClock
from ._backend import Backend
from ._directory import Directory
from ._http import HttpServer
from ._keys import AccessKey
from ._log import Call
from ._profiles import ProfileFiles, session_of, write_profile
from ._schedule import FaultSchedule
from ._world import World


__all__ = ["LocalSTS"]


@final
class LocalSTS(Directory):
    """
    A server on 127.0.0.1 that answers as STS, IAM and S3 do.

    It checks signatures and session tokens, assumes only roles it was told
    of, and lets the sessions it issues die on time. It is a context manager.
    All methods may be called from any thread.

    STS knows ``GetCallerIdentity`` and all operations that give credentials
    to users, roles, federated users and the root users of member accounts. IAM
    knows ``ListMFADevices``; S3 knows buckets and objects, with listing,
    multipart uploads, and uploads in chunks (``STREAMING-...``), signed or not.

    Args:
        clock:
            By which sessions expire and faults come and go. `None` means the
            machine's; with a :class:`FakeClock` nothing expires by itself.

        lifetime_scale:
            What ``DurationSeconds`` is multiplied by: with 1/300 a session of
            900 s lives, and says that it lives, for 3 s.

        answer_delay: Seconds that each answer takes. May be set later.

    .. versionadded:: 0.1.0
    """

    faults: FaultSchedule
    """What goes wrong, and when."""

    answer_delay: float
    """Seconds that each answer takes."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        lifetime_scale: float = 1.0,
        answer_delay: float = 0.0,
    ) -> None:
        self._clock: Clock = SystemClock() if clock is None else clock
        super().__init__(self._clock)
        self.faults = FaultSchedule(self._clock)
        self.answer_delay = answer_delay
        self._backend = Backend(
            World(
                iam=self._iam,
                providers=self._providers,
                lifetime_scale=lifetime_scale,
            ),
            faults=self.faults,
            clock=self._clock,
        )
        self._lock = threading.Lock()  # guards the three below
        self._server: HttpServer | None = None
        self._owner = 0  # the process that started the server
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __repr__(self) -> str:
        server = self._server
        where = "not running" if server is None else f"at {server.url}"
        return f"<LocalSTS {where}>"

    def __enter__(self) -> LocalSTS:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> LocalSTS:
        """
        Begin to serve; nothing happens if it does already.
        """
        with self._lock:
            if self._server is None:
                self._owner = os.getpid()
                self._server = HttpServer(
                    answer=self._backend.answer,
                    delay=lambda: self.answer_delay,
                    clock=self._clock,
                )
        return self

    def close(self) -> None:
        """
        Stop serving and end all connections; may be called twice.

        After a fork the server belongs to the parent, and the child's
        `close()` does nothing.
        """
        if self._owner not in (0, os.getpid()):
            return
        with self._lock:
            server, self._server = self._server, None
            directory, self._directory = self._directory, None
        if server is not None:
            server.close()
        if directory is not None:
            directory.cleanup()

    @property
    def endpoint_url(self) -> str:
        """
        Where STS and IAM are.

        Raises:
            RuntimeError: If it isn't serving.
        """
        if (server := self._server) is None:
            raise RuntimeError("LocalSTS isn't running. Enter it, or call start().")
        return server.url

    @property
    def s3_endpoint_url(self) -> str:
        """
        Where S3 is, which is the same.
        """
        return self.endpoint_url

    def add_bucket(
        self, name: str, *, objects: Mapping[str, bytes] | None = None
    ) -> None:
        """
        Make a bucket; *objects* maps keys to contents.
        """
        self._backend.s3.add_bucket(name, objects or {})

    def calls(
        self, operation: str | None = None, *, role_arn: str | None = None
    ) -> tuple[Call, ...]:
        """
        What was asked, in the order in which it was decided.

        Args:
            operation: Only this one, e.g. ``"AssumeRole"``.

            role_arn: Only with this ``RoleArn``.
        """
        return tuple(
            call
            for call in tuple(self._backend.calls)
            if operation in (None, call.operation)
            and role_arn in (None, call.params.get("RoleArn"))
        )

    def count(
        self, operation: str | None = None, *, role_arn: str | None = None
    ) -> int:
        """
        How often it was asked; see :meth:`calls`.
        """
        return len(self.calls(operation, role_arn=role_arn))

    def write_profile(
        self,
        directory: str | os.PathLike[str],
        *,
        key: AccessKey,
        name: str = "default",
        region: str = "us-east-1",
        **settings: str,
    ) -> ProfileFiles:
        """
        Write an AWS config and a credentials file that lead here.

        Files that exist keep their other profiles. Both get mode 0600.

        Args:
            directory: Where to; it has to exist.

            key: Whose profile.

            name: The name of the profile.

            region: Its region.

            settings: More lines for the config file, e.g. ``sts_regional_endpoints``.
        """
        return write_profile(
            directory,
            name=name,
            key=key,
            endpoint_url=self.endpoint_url,
            region=region,
            settings=settings,
        )

    def session(self, key: AccessKey, *, region: str = "us-east-1") -> boto3.Session:
        """
        A plain boto3 session of *key* whose clients all come here.
        """
        with self._lock:
            if self._directory is None:
                self._directory = tempfile.TemporaryDirectory()
            directory = self._directory.name
            name = key.access_key_id
            files = self.write_profile(directory, key=key, name=name, region=region)
        return session_of(files)
