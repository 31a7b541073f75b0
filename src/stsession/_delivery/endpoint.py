"""
Gives a session's credentials to the SDKs of other programs.

They call this endpoint as they call the credentials endpoint of a container.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import shutil
import tempfile
import threading
import weakref

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .._core.errors import (
    as_refresh_error,
    copy_to_keep,
    copy_to_raise,
    no_credentials_yet,
)
from .._core.runtime import utc
from ..exceptions import RefreshError
from .environment import child_environ, config_file, region_variables
from .server import LoopbackServer, Response, listen


if TYPE_CHECKING:
    from typing_extensions import Self

    from .._core.credentials import Record
    from .._core.refresher import Refresher

__all__ = ["CredentialsEndpoint"]


_Pending: TypeAlias = "asyncio.Future[Record | RefreshError]"


_log = logging.getLogger(__name__)

RESPONDS_WITHIN = 0.9
"""Seconds until each request has a response. botocore waits for two seconds, the SDKs
for JavaScript and Go wait forever."""


SHORTEST = 1.0
"""Seconds for which the credentials in a response are valid at least."""


class CredentialsEndpoint:
    """
    A server on loopback that gives a session's credentials to other programs.

    :meth:`stsession.RefreshableSession.serve` returns one. The SDKs of AWS in other
    programs call it when they need credentials, so theirs are refreshed as well. Every
    request needs a random token, and gets a response within a second. The server runs
    until :meth:`close`, the end of a ``with`` block, or the end of the process. A
    forked child doesn't serve.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        refresher: Refresher,
        *,
        region: str | None,
        settings: Mapping[str, Any],
        port: int,
    ) -> None:
        # Both may fail, and nothing is left then: no thread has been started.
        self._directory = _PrivateDirectory()
        listener = listen(port)
        self._region = region
        self._current = _CurrentCredentials(refresher)
        self._server = LoopbackServer(self._response, listener)
        self._token_file = self._directory.write("token", self._server.token)
        self._files = {
            "AWS_CONFIG_FILE": self._directory.write(
                "config", config_file(settings, region)
            ),
            "AWS_SHARED_CREDENTIALS_FILE": self._directory.write("credentials", ""),
        }

    def __repr__(self) -> str:
        name = self._current.refresher.name
        return f"<{type(self).__name__} of {name} at {self._server.host}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def _response(self) -> Response:
        # A method, so that the files exist for as long as the server runs.
        return await self._current.response()

    def close(self) -> None:
        """Stop the server, and remove its files. Can be called more than once."""
        self._server.close()
        self._current.close()
        self._directory.remove()

    @property
    def environ(self) -> dict[str, str]:
        """
        The variables by which an SDK finds the endpoint. They contain its token.

        They are for tools in this process that read `os.environ`. For a child process
        use :meth:`child_environ`: profiles and other variables may have precedence
        over these.
        """
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self._server.url,
            # Some SDKs know only the first one, others only the second.
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._server.token,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": self._token_file,
            **region_variables(self._region),
        }

    def child_environ(self) -> dict[str, str]:
        """
        Return the environment for a child process. It contains the endpoint's token.

        It is a copy of `os.environ` with :attr:`environ`, and without the variables
        by which an SDK would find other credentials. The child reads a config file
        with the region and the other settings of the session's profile, and an empty
        credentials file; profiles of the user aren't visible to it.
        """
        return {**child_environ(os.environ), **self._files, **self.environ}


class _CurrentCredentials:
    """Makes responses with credentials. The calls that may block have a thread."""

    def __init__(self, refresher: Refresher) -> None:
        self.refresher = refresher
        self._requested: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._pending: _Pending | None = None
        self._logged: object = None
        threading.Thread(
            target=self._run, name="stsession-endpoint-credentials", daemon=True
        ).start()

    def close(self) -> None:
        """End the thread when the call that it waits for has ended."""
        self._requested.put(None)

    async def response(self) -> Response:
        """Return the response to a request, within `RESPONDS_WITHIN` seconds."""
        try:
            record = await self._usable()
        except RefreshError as e:
            return self._failed(e)
        self._logged = None
        return Response(HTTPStatus.OK, _fields(record, self.refresher))

    async def _usable(self) -> Record:
        """Return credentials that haven't expired."""
        if self._pending is None or self._pending.done():
            self._pending = asyncio.get_running_loop().create_future()
            self._requested.put(self._pending)
        pending = self._pending
        await asyncio.wait([pending], timeout=RESPONDS_WITHIN)
        record = pending.result() if pending.done() else self.refresher.held()
        if isinstance(record, RefreshError):
            raise copy_to_raise(record)
        if self.refresher.remaining(record) < SHORTEST:
            # The policy may use expired credentials; other SDKs reject them.
            name = self.refresher.name
            raise copy_to_raise(self.refresher.last_error or no_credentials_yet(name))
        return record

    def _run(self) -> None:
        for pending in iter(self._requested.get, None):
            result = self._get()
            with contextlib.suppress(RuntimeError):  # the server has been closed
                pending.get_loop().call_soon_threadsafe(pending.set_result, result)

    def _get(self) -> Record | RefreshError:
        try:
            if self.refresher.would_prompt():  # the other program has the terminal
                return self.refresher.held()
            record = self.refresher.get()
            if self.refresher.remaining(record) < SHORTEST:
                return self.refresher.refresh()
            return record
        except Exception as e:  # noqa: BLE001 - for the response
            error = as_refresh_error(e, self.refresher.name, self.refresher.source)
            return copy_to_keep(error)

    def _failed(self, error: RefreshError) -> Response:
        kind = type(error), error.kind, error.code
        if self._logged != kind:
            self._logged = kind
            _log.warning("endpoint: no credentials for another program: %s", error)
        status = (
            HTTPStatus.SERVICE_UNAVAILABLE
            if error.retryable
            else HTTPStatus.BAD_REQUEST
        )
        code = error.code or type(error).__name__
        return Response(status, {"Code": code, "Message": str(error)})


def _fields(record: Record, refresher: Refresher) -> dict[str, str]:
    """Return the body of a response, as the SDKs read it."""
    credentials = record.credentials
    # The SDKs require an expiration; without one, they get the same keys again.
    expires_at = credentials.expires_at or utc(refresher.clock.wall() + 3600)
    fields = {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        # The SDKs require it, too. A user's access key has none.
        "Token": credentials.session_token or "",
        "Expiration": f"{expires_at:%Y-%m-%dT%H:%M:%SZ}",
        "AccountId": credentials.account_id,
    }
    return {name: value for name, value in fields.items() if value is not None}


class _PrivateDirectory:
    """
    A temporary directory that only this user can read, removed at the latest at exit.
    """

    def __init__(self) -> None:
        self._path = Path(tempfile.mkdtemp(prefix="stsession-"))  # has mode 0700
        self.remove = weakref.finalize(self, _remove, self._path, os.getpid())

    def write(self, name: str, content: str) -> str:
        """Write a file of mode 0600, and return its path."""
        path = self._path / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
        return str(path)


def _remove(path: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child exits before its parent
        shutil.rmtree(path, ignore_errors=True)
