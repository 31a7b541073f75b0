"""Servers that answer with what isn't meant for us."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.server
import socket
import threading

import boto3
import pytest

from botocore.config import Config

import stsession

from stsession.testing import FakeClock, Fault, LocalSTS, use_runtime

from .wire import READER, minutes


ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>ASIAQQQQQQQQQQQQQQQQ</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""

MEBIBYTE = 1024 * 1024


@contextlib.contextmanager
def server(body):
    """One that answers each request with *body*."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}"
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def session_of(url, **options):
    """A session whose STS is that server."""
    source = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    return stsession.assume(
        READER, source=source, sts_endpoint_url=url, cache=None, **options
    )


def answer(expiration=None, size=0):
    """An answer that is padded to *size* bytes."""
    if expiration is None:
        end = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1)
        expiration = f"{end:%Y-%m-%dT%H:%M:%SZ}"
    return ANSWER.format(expiration=expiration).encode().ljust(size)


def test_large_answer():
    """One of a mebibyte is read."""
    with server(answer(size=MEBIBYTE)) as url:
        assert "ASIAQQQQQQQQQQQQQQQQ" == session_of(url).credentials().access_key_id


def test_answer_that_is_too_large():
    """More isn't, and counts as an outage."""
    with (
        server(answer(size=MEBIBYTE + 1)) as url,
        pytest.raises(stsession.StsUnavailableError, match="more than 1,048,576") as e,
    ):
        session_of(url).credentials()

    assert stsession.FailureKind.OUTAGE is e.value.kind


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("Transfer-Encoding: chunked\r\n\r\nno number\r\n", "ConnectionClosedError"),
        ("Content-Length: 9\r\n\r\n<", "ReadTimeoutError"),
    ],
)
def test_answer_without_an_end(header, error):
    """So does one that breaks off, or doesn't go on."""
    once = Config(retries={"total_max_attempts": 1}, read_timeout=0.1)
    listener = socket.create_server(("127.0.0.1", 0))
    connections = []

    def serve():
        connection, _ = listener.accept()
        connections.append(connection)
        connection.recv(65_536)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{header}".encode())

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(stsession.StsUnavailableError, match=error):
        session_of(url, sts_config=once).credentials()
    thread.join()
    for open_one in [listener, *connections]:
        open_one.close()


@pytest.mark.parametrize(
    "expiration",
    [
        "9999-12-31T23:59:59-12:00",
        "tomorrow",
        "",
        "0001-01-01T00:00:00Z",
        "inf",
    ],
)
def test_expirations_that_cannot_be(expiration):
    """The server is to blame, and not the source."""
    with (
        server(answer(expiration)) as url,
        pytest.raises(stsession.StsUnavailableError),
    ):
        session_of(url).credentials()


@pytest.mark.parametrize("hours", [-3, 3])
def test_date_that_is_wrong(hours):
    """
    A proxy with a wrong clock doesn't make the credentials of an hour last longer.
    """
    clock = FakeClock()
    with use_runtime(clock=clock), LocalSTS(clock=clock) as local:
        local.add_role(READER)
        session = stsession.assume(READER, source=local.session(local.add_user()))
        local.faults.add(Fault.wrong_date(dt.timedelta(hours=hours)), times=1)
        session.credentials()

        assert minutes(60) == session.remaining
