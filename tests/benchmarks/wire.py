"""
The server's process: ``python -m tests.benchmarks.wire FOLDER``.

It has one thread for all connections and imports no SDK, so that it starts at once
and isn't what is measured.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import pathlib
import re
import socket
import ssl
import sys
import threading

from typing import Any

from .aws import Answer, Aws


LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """Bytes to requests, answers to bytes."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._read = b""

    def connection_made(self, transport: Any) -> None:
        """Called by the loop."""
        self._transport = transport
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._read += data
        head, end, rest = self._read.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        size = 0 if length is None else int(length[1])
        if not end or len(rest) < size:
            return
        self._read = rest[size:]
        answer = self._aws.answer(head, rest[:size])
        if not answer.delay:
            self._send(answer)
            return
        aws = self._aws
        aws.in_flight += 1
        aws.most_in_flight = max(aws.most_in_flight, aws.in_flight)
        asyncio.get_running_loop().call_later(answer.delay, self._send_late, answer)

    def _send_late(self, answer: Answer) -> None:
        self._aws.in_flight -= 1
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        date = email.utils.formatdate(self._aws.clock.wall(), usegmt=True)
        self._transport.write(
            f"HTTP/1.1 {answer.status} X\r\nDate: {date}\r\n"
            f"Content-Type: text/xml\r\nContent-Length: {len(answer.body)}\r\n"
            "\r\n".encode()
            + answer.body
        )


def certificate(folder: str) -> ssl.SSLContext:
    """Return a context for 127.0.0.1 with a certificate of ``ca.pem`` in *folder*."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(pathlib.Path(folder, "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def serve(folder: str) -> None:
    """Answer, and do what the lines of standard input say, until it ends."""
    aws, loop = Aws(), asyncio.get_running_loop()
    ended = asyncio.Event()

    async def listen(context: ssl.SSLContext | None) -> int:
        server = await loop.create_server(
            lambda: Connection(aws), "127.0.0.1", 0, ssl=context, backlog=1024
        )
        return int(server.sockets[0].getsockname()[1])

    async def obey(command: dict[str, Any]) -> None:
        answer: Any = None
        match command.pop("do"):
            case "listen":
                tls = command["tls"]
                answer = await listen(certificate(folder) if tls else None)
            case "advance":
                aws.clock.ahead += command["seconds"]
            case "set":
                for name, value in command.items():
                    setattr(aws, name, value)
            case "reset":
                aws.reset()
            case "stats":
                answer = aws.stats()
        print(json.dumps(answer), flush=True)

    def read() -> None:
        try:
            for line in sys.stdin:
                asyncio.run_coroutine_threadsafe(obey(json.loads(line)), loop).result()
        finally:  # the parent must not wait forever
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
