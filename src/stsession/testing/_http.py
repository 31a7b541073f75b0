"""HTTP on loopback, and the query protocol of STS and IAM."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import threading
import uuid

from collections.abc import Callable, Mapping
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import attrs

from .._core.runtime import Clock
from ._answers import (
    DECLARATION,
    NAMESPACES,
    Answer,
    ServiceError,
    Transport,
    Tree,
    date_header,
    to_xml,
)


__all__ = [
    "HttpRequest",
    "HttpServer",
    "QueryService",
    "query_answer",
    "query_service",
    "read_chunks",
    "read_query",
    "unknown_operation",
]


@attrs.frozen(kw_only=True)
class HttpRequest:
    """A request as received; path and query are still quoted."""

    method: str
    path: str
    query: str = attrs.field(default="", repr=False)  # may be presigned
    headers: Mapping[str, str] = attrs.field(repr=False)  # lower-case names
    body: bytes = attrs.field(default=b"", repr=False)

    @classmethod
    def of(
        cls, *, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> HttpRequest:
        parts = urlsplit(url)
        return cls(
            method=method,
            path=parts.path or "/",
            query=parts.query,
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
        )

    def query_params(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))


def read_chunks(stream: io.BufferedIOBase) -> bytes:
    """Read a chunked body up to the end of its trailer, and return it."""
    body = io.BytesIO()
    while size := int(stream.readline().split(b";")[0], 16):
        body.write(stream.read(size))
        stream.readline()
    while stream.readline().strip():
        pass
    return body.getvalue()


class HttpServer:
    """
    HTTP server on a free port of 127.0.0.1, with a thread for each connection.

    Args:
        answer: A function that returns the response; called from many threads.

        delay: A function that returns the seconds before a response is sent.

        clock: The clock of the ``Date`` header.
    """

    def __init__(
        self,
        *,
        answer: Callable[[HttpRequest], Answer],
        delay: Callable[[], float],
        clock: Clock,
    ) -> None:
        self.answer = answer
        self.clock = clock
        self._delay = delay
        self._closing = threading.Event()
        self._lock = threading.Lock()  # guards the next two attributes
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.01},
            name="stsession-local-sts",
            daemon=True,
        )
        self._thread.start()

    def wait(self) -> None:
        delay = self._delay()
        if delay > 0:
            self._closing.wait(delay)

    @contextlib.contextmanager
    def serving(self, connection: socket.socket) -> Any:
        """Register *connection* and the current thread while it is served."""
        thread = threading.current_thread()
        with self._lock:
            self._connections.add(connection)
            self._threads.add(thread)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)
                self._threads.discard(thread)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            connections, threads = list(self._connections), list(self._threads)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, owner: HttpServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's method looks up the host's name, which may take seconds.
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self.owner.serving(request):
            super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # tests close connections early


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        owner = self.server.owner
        request = HttpRequest.of(
            method=self.command,
            url=self.path,
            headers=dict(self.headers.items()),
            body=self._read_body(),
        )
        answer = owner.answer(request)
        owner.wait()
        if answer.transport is Transport.HANG:
            self._hang()
        elif answer.transport is Transport.RESET:
            self._reset()
        else:
            self._send(answer)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass  # see LocalSTS.calls()

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return read_chunks(self.rfile)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, answer: Answer) -> None:
        body = b"" if self.command == "HEAD" else answer.body
        if answer.transport is Transport.CUT:
            body = body[: len(body) // 2]
            self.close_connection = True
        # One write: a second one would wait for the client's ACK.
        self.wfile.write(self._head(answer) + body)

    def _head(self, answer: Answer) -> bytes:
        lines = [
            f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}",
            f"Date: {date_header(self.server.owner.clock, answer)}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _hang(self) -> None:
        # Until the client gives up, or close() shuts the connection.
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.recv(1)

    def _reset(self) -> None:
        # Without lingering, closing a socket sends RST instead of FIN.
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()


QueryService = Literal["iam", "sts"]

_VERSIONS: dict[QueryService, str] = {"iam": "2010-05-08", "sts": "2011-06-15"}


def read_query(request: HttpRequest) -> tuple[str, dict[str, str]]:
    params = _params(request)
    params.pop("Version", None)
    params = {k: v for k, v in params.items() if not k.startswith("X-Amz-")}
    return params.pop("Action", ""), params


def query_service(request: HttpRequest) -> QueryService:
    """Return the service of a request, by the API version in it."""
    return "iam" if _params(request).get("Version") == _VERSIONS["iam"] else "sts"


def query_answer(service: QueryService, operation: str, result: Tree) -> Answer:
    tree: Tree = {
        f'{operation}Response xmlns="{NAMESPACES[service]}"': {
            f"{operation}Result": result,
            "ResponseMetadata": {"RequestId": str(uuid.uuid4())},
        }
    }
    return Answer(body=(DECLARATION + to_xml(tree)).encode())


def unknown_operation(operation: str, *, service: QueryService = "sts") -> ServiceError:
    message = f"Could not find operation {operation} for version {_VERSIONS[service]}"
    return ServiceError("InvalidAction", message, status=400)


def _params(request: HttpRequest) -> dict[str, str]:
    query = request.body.decode() or request.query
    return dict(parse_qsl(query, keep_blank_values=True))
