"""A small HTTP server on loopback that only answers requests with its token."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import re
import secrets
import socket
import threading

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from .._util import forget_after_fork


__all__ = ["LoopbackServer", "Response", "listen"]


MAX_CONNECTIONS = 128
"""The largest number of connections. A further one closes the one that has been idle
for longest."""

MAX_HEAD = 8 * 1024
"""The largest size of a request in bytes."""

MAX_IDLE = 30.0
"""Seconds after which an idle connection is closed."""

PAUSE = 0.1
"""Seconds until the next connection is accepted after that was impossible."""

REQUEST_LINE = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.[01]")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([ -~\t]*?)[ \t]*")

SENT_BY_BROWSERS = re.compile(rb"origin|referer|sec-fetch-.*")
"""Headers that no SDK sends."""


class Response(NamedTuple):
    """A response whose body is an object of JSON."""

    status: HTTPStatus
    body: Mapping[str, str]
    closes: bool = False
    """Whether the connection is closed afterwards."""

    def encode(self) -> bytes:
        """Return the bytes to send."""
        body = json.dumps(self.body).encode()
        head = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            f"Connection: {'close' if self.closes else 'keep-alive'}",
        ]
        return "\r\n".join([*head, "", ""]).encode() + body


class _BadRequestError(Exception):
    """A request that gets no credentials. Its connection is closed."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def listen(port: int) -> socket.socket:
    """
    Return a socket for a `LoopbackServer`. The port 0 means a free one.

    Raises:
        OSError: If the port can't be used.
    """
    return socket.create_server(("127.0.0.1", port), backlog=MAX_CONNECTIONS)


class LoopbackServer:
    """
    An HTTP server on 127.0.0.1 with a random path and token.

    It has one daemon thread. In a forked child it is closed.

    Args:
        answer: Returns the response to each request that passes all checks.

        listener: What `listen` returned.
    """

    def __init__(
        self, answer: Callable[[], Awaitable[Response]], listener: socket.socket
    ) -> None:
        self._answer = answer
        self._listener = listener
        self._process = os.getpid()
        self._connections: dict[socket.socket, asyncio.Task[None]] = {}
        self._is_closing = False
        # Reentrant, because a signal handler may close the server, too.
        self._closing = threading.RLock()
        self._idle: dict[socket.socket, None] = {}  # in the order of time
        self.token = secrets.token_urlsafe(32)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.path = f"/{secrets.token_urlsafe(16)}"
        self._loop = asyncio.SelectorEventLoop()  # with add_reader() on Windows, too
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="stsession-endpoint", daemon=True
        )
        forget_after_fork(self)
        self._thread.start()
        self._call(self._start())

    @property
    def url(self) -> str:
        """The URL of the endpoint."""
        return f"http://{self.host}{self.path}"

    def close(self) -> None:
        """Close all connections, and wait for the thread to end."""
        if self._process != os.getpid():
            return
        with self._closing:
            if self._is_closing:
                return
            self._is_closing = True
            self._call(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _after_fork(self) -> None:
        # The parent goes on serving. With a copy of its socket in a child, connections
        # would still be accepted after the parent has ended.
        self._listener.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _start(self) -> None:
        self._listener.setblocking(False)
        self._listen()

    def _listen(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.add_reader(self._listener, self._accept)

    async def _stop(self) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()
        await asyncio.sleep(0)  # a task that hasn't begun wouldn't close its connection
        for task in self._connections.values():
            task.cancel()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)
        await asyncio.sleep(0)  # transports close their sockets

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # too many open files, for example
            self._loop.remove_reader(self._listener)
            self._loop.call_later(PAUSE, self._listen)
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            oldest = next(iter(self._idle), None)
            if oldest is None:
                connection.close()
                return
            del self._idle[oldest]  # its task may end after the next connection
            self._connections[oldest].cancel()
        connection.setblocking(False)
        task = self._loop.create_task(self._serve(connection))
        self._connections[connection] = task
        task.add_done_callback(partial(self._forget, connection))

    def _forget(self, connection: socket.socket, _: asyncio.Task[None]) -> None:
        del self._connections[connection]

    async def _serve(self, connection: socket.socket) -> None:
        ended = (OSError, EOFError, asyncio.TimeoutError, asyncio.CancelledError)
        with contextlib.suppress(*ended):
            reader, writer = await asyncio.open_connection(
                sock=connection, limit=MAX_HEAD
            )
            with contextlib.closing(writer):
                closes = False
                # Before Python 3.12, wait_for() may lose a cancellation.
                while not closes and not self._is_closing:
                    response = await self._respond(reader, connection)
                    writer.write(response.encode())
                    await asyncio.wait_for(writer.drain(), MAX_IDLE)
                    closes = response.closes

    async def _respond(
        self, reader: asyncio.StreamReader, connection: socket.socket
    ) -> Response:
        try:
            head = await self._read_head(reader, connection)
            closes = self._check(head)
        except _BadRequestError as e:
            body = {"Code": e.status.phrase, "Message": e.message}
            return Response(e.status, body, closes=True)
        response = await self._answer()
        return response._replace(closes=closes)

    async def _read_head(
        self, reader: asyncio.StreamReader, connection: socket.socket
    ) -> bytes:
        self._idle[connection] = None
        try:
            return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), MAX_IDLE)
        except asyncio.LimitOverrunError:
            raise _BadRequestError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"A request has at most {MAX_HEAD} bytes.",
            ) from None
        finally:
            self._idle.pop(connection, None)

    def _check(self, head: bytes) -> bool:
        """
        Check a request. Return whether its connection is to be closed.

        Raises:
            _BadRequestError: If it gets no credentials.
        """
        request_line, *lines = head[:-4].split(b"\r\n")
        fields = [HEADER.fullmatch(line) for line in lines]
        headers = {f[1].lower(): f[2] for f in fields if f is not None}
        token = headers.get(b"authorization", b"")
        if not hmac.compare_digest(token, self.token.encode()):
            raise _BadRequestError(HTTPStatus.FORBIDDEN, "The token is wrong.")
        if len(headers) != len(lines) or (
            (request := REQUEST_LINE.fullmatch(request_line)) is None
        ):
            raise _BadRequestError(HTTPStatus.BAD_REQUEST, "The request is malformed.")
        if headers.get(b"host") != self.host.encode() or any(
            SENT_BY_BROWSERS.fullmatch(name) for name in headers
        ):
            raise _BadRequestError(
                HTTPStatus.FORBIDDEN,
                "The request is from a browser, or for a host name.",
            )
        if request[1] != b"GET":
            raise _BadRequestError(
                HTTPStatus.METHOD_NOT_ALLOWED, "Only GET is supported."
            )
        if request[2] != self.path.encode():
            raise _BadRequestError(HTTPStatus.NOT_FOUND, "The path is wrong.")
        if (
            b"transfer-encoding" in headers
            or headers.get(b"content-length", b"0") != b"0"
        ):
            raise _BadRequestError(
                HTTPStatus.BAD_REQUEST, "A request must not have a body."
            )
        return (
            request_line.endswith(b"1.0")
            or headers.get(b"connection", b"").lower() == b"close"
        )
