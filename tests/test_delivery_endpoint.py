"""The endpoint of a session, as SDKs and attackers see it."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import gc
import json
import os
import socket
import stat
import sys
import threading
import types
import weakref

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import boto3
import pytest

import stsession

from stsession._delivery import server
from stsession._delivery.endpoint import RESPONDS_WITHIN
from stsession.testing import FakeClock, Fault, LocalSTS, use_runtime

from .children import in_a_fork, run_child


ROLE = "arn:aws:iam::123456789012:role/Reader"
OTHER_ROLE = "arn:aws:iam::123456789012:role/Other"


@pytest.fixture(name="clock")
def _clock():
    # Other programs, and botocore's own sessions, have the machine's clock.
    clock = FakeClock(dt.datetime.now(dt.timezone.utc))
    with use_runtime(clock=clock):
        yield clock


@pytest.fixture(name="local")
def _local(clock):
    with LocalSTS(clock=clock) as local:
        local.add_role(ROLE)
        local.add_role(OTHER_ROLE)
        yield local


@pytest.fixture(name="session")
def _session(local):
    return stsession.assume(ROLE, source=local.session(local.add_user()))


@pytest.fixture(name="endpoint")
def _endpoint(session):
    with session.serve() as endpoint:
        yield endpoint


class Peer:
    """A connection that sends bytes as they are."""

    def __init__(self, endpoint):
        variables = endpoint.environ
        url = urlsplit(variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        self.host, self.path = url.netloc, url.path
        self.token = variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        self.socket = socket.create_connection((url.hostname, url.port), timeout=20)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.socket.close()

    def request(self, line="GET {path} HTTP/1.1", *more, token=None, host=None):
        """Send a request. `line` and `more` may contain {path}, {host} and {token}."""
        known = {"path": self.path, "host": self.host, "token": self.token}
        headers = [
            f"Host: {self.host if host is None else host}",
            f"Authorization: {self.token if token is None else token}",
        ]
        lines = [line.format(**known), *headers, *more]
        self.socket.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        return self.response()

    def response(self):
        """Return the status and the fields of the body."""
        status = int(self.file.readline().split()[1])
        self.headers = dict(
            line.decode().strip().lower().split(": ", 1)
            for line in iter(self.file.readline, b"\r\n")
        )
        body = self.file.read(int(self.headers["content-length"]))
        return status, json.loads(body)

    @property
    def is_closed(self):
        """Whether the server has closed the connection."""
        return self.file.read(1) == b""


def test_credentials(endpoint, session):
    """The response has the session's credentials in the form that SDKs read."""
    current = session.credentials()

    with Peer(endpoint) as peer:
        status, fields = peer.request()

    assert 200 == status
    assert {
        "AccessKeyId": current.access_key_id,
        "SecretAccessKey": current.secret_access_key,
        "Token": current.session_token,
        "Expiration": f"{current.expires_at:%Y-%m-%dT%H:%M:%SZ}",
        "AccountId": "123456789012",
    } == fields
    assert "no-store" == peer.headers["cache-control"]
    assert "nosniff" == peer.headers["x-content-type-options"]


def test_one_connection_for_several_requests(endpoint, session, clock):
    """A connection is kept; later responses have the credentials of that time."""
    with Peer(endpoint) as peer:
        _, first = peer.request()
        clock.advance(dt.timedelta(hours=1))
        _, second = peer.request()

    assert first["AccessKeyId"] != second["AccessKeyId"]
    assert session.credentials().access_key_id == second["AccessKeyId"]


def test_calls_sts_before_it_serves(session, local):
    """Errors of STS are raised by `serve()`, and prompts come before a child starts."""
    with session.serve():
        assert 1 == local.count("AssumeRole")


@pytest.mark.parametrize(
    ("line", "more", "expected"),
    [
        ("GET / HTTP/1.1", (), 404),
        ("GET {path}/x HTTP/1.1", (), 404),
        ("GET http://{host}{path} HTTP/1.1", (), 404),
        ("POST {path} HTTP/1.1", (), 405),
        ("OPTIONS {path} HTTP/1.1", (), 405),
        ("HEAD {path} HTTP/1.1", (), 405),
        ("GET {path} HTTP/2", (), 400),
        ("GET {path}", (), 400),
        ("GET {path} HTTP/1.1", ("Content-Length: 3",), 400),
        ("GET {path} HTTP/1.1", ("Transfer-Encoding: chunked",), 400),
        ("GET {path} HTTP/1.1", ("Accept: a", "Accept: b"), 400),
        ("GET {path} HTTP/1.1", ("Host: 127.0.0.1",), 400),
        ("GET {path} HTTP/1.1", (" folded",), 400),
        ("GET {path} HTTP/1.1", ("no colon",), 400),
        ("GET {path} HTTP/1.1", ("Origin: http://example.com",), 403),
        ("GET {path} HTTP/1.1", ("Referer: http://example.com",), 403),
        ("GET {path} HTTP/1.1", ("Sec-Fetch-Site: none",), 403),
        ("GET {path} HTTP/1.1", (f"X: {'x' * 9000}",), 431),
    ],
)
def test_rejects(endpoint, line, more, expected):
    """Whatever no SDK sends gets no credentials, and the connection is closed."""
    with Peer(endpoint) as peer:
        status, fields = peer.request(line, *more)

        assert expected == status
        assert {"Code", "Message"} == set(fields)
        assert peer.is_closed


@pytest.mark.parametrize("token", ["", "x", "Bearer {token}", "{token}x"])
@pytest.mark.parametrize("line", ["GET {path} HTTP/1.1", "nonsense"])
def test_needs_the_token(endpoint, line, token):
    """Without the token, nothing else about a request is checked."""
    with Peer(endpoint) as peer:
        status, _ = peer.request(line, token=token.format(token=peer.token))

        assert 403 == status
        assert peer.is_closed


@pytest.mark.parametrize("host", ["localhost", "evil.example", "127.0.0.1"])
def test_only_its_own_host(endpoint, host):
    """A name that resolves to this machine isn't enough (DNS rebinding)."""
    with Peer(endpoint) as peer:
        assert 403 == peer.request(host=host)[0]


def test_idle_peers(endpoint):
    """Two hundred peers that send nothing don't keep 64 clients from credentials."""
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(Peer(endpoint)).socket.sendall(b"GET")
        peers = [stack.enter_context(Peer(endpoint)) for _ in range(64)]

        assert [200] * 64 == [peer.request()[0] for peer in peers]
        assert 2 == len(threads_of_endpoints())


def test_too_many_open_files(endpoint):
    """A connection that can't be accepted at first is accepted a little later."""
    full = OSError(errno.EMFILE, "Too many open files")
    accept, failures = socket.socket.accept, [full, full]

    def failing(listener):
        if failures:
            raise failures.pop()
        return accept(listener)

    with mock.patch.object(socket.socket, "accept", failing), Peer(endpoint) as peer:
        assert 200 == peer.request()[0]


def threads_of_endpoints():
    """The threads of all endpoints of this process."""
    return [it for it in threading.enumerate() if "stsession-endpoint" in it.name]


def test_sts_denies(endpoint, local, clock, caplog):
    """An error that will stay is 400, with STS's code, and is logged once."""
    local.faults.add(Fault.error("AccessDenied", status=403))
    clock.advance(dt.timedelta(hours=2))

    with Peer(endpoint) as peer:
        status, fields = peer.request()
        peer.request()

    assert (400, "AccessDenied") == (status, fields["Code"])
    assert ROLE in fields["Message"]
    assert 1 == sum("endpoint" in record.name for record in caplog.records)


@pytest.mark.parametrize("fault", [Fault.error("Throttling", status=400), Fault.hang()])
@mock.patch("stsession._delivery.endpoint.RESPONDS_WITHIN", 0.1)
def test_sts_is_down(endpoint, local, clock, fault):
    """
    While STS fails, the current credentials are returned until they expire; then 503.
    """
    local.faults.add(fault)

    with Peer(endpoint) as peer:
        clock.advance(dt.timedelta(minutes=59, seconds=30))
        status, fields = peer.request()
        clock.advance(dt.timedelta(minutes=2))
        expired = peer.request()

    assert 200 == status
    assert {"AccessKeyId", "Expiration"} < set(fields)
    assert 503 == expired[0]


def test_each_response_within_a_second():
    """botocore waits for two seconds; while STS hangs, responses take this long."""
    assert RESPONDS_WITHIN < 1


def test_never_prompts(local, clock):
    """The person may be at the terminal of the other program."""
    user = local.add_user(name="alice")
    device = local.add_mfa_device("alice")
    local.add_role(OTHER_ROLE, requires_mfa=True)
    prompts = []

    def read(serial):
        prompts.append(serial)
        return device.code()

    session = stsession.assume(
        OTHER_ROLE,
        source=local.session(user),
        mfa_serial=device.serial,
        mfa_code=read,
        mfa_session=False,
    )
    with session.serve() as endpoint, Peer(endpoint) as peer:
        clock.advance(dt.timedelta(hours=2))

        assert 503 == peer.request()[0]
        assert 1 == len(prompts)

        session.credentials()

        assert 200 == peer.request()[0]


def test_many_connections_at_once(endpoint):
    """Each further connection closes another idle one, that of the longest time."""
    with (
        mock.patch.object(server, "MAX_CONNECTIONS", 32),
        contextlib.ExitStack() as all_,
    ):
        peers = [all_.enter_context(Peer(endpoint)) for _ in range(100)]

        assert 200 == peers[-1].request()[0]
        assert all(peer.is_closed for peer in peers[:-32])


def test_access_key_of_a_user(local, tmp_path, monkeypatch):
    """Its token is empty, because the SDKs require one."""
    files = local.write_profile(tmp_path, key=local.add_user(), name="ci")
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)
    with stsession.from_profile("ci").serve() as endpoint, Peer(endpoint) as peer:
        status, fields = peer.request()

    assert (200, "") == (status, fields["Token"])


def test_without_a_reference(session):
    """The endpoint serves until the end of the process, and its files stay as long."""
    endpoint = session.serve()
    reference = weakref.ref(endpoint)
    file = Path(endpoint.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
    del endpoint
    gc.collect()

    assert file.exists()
    reference().close()
    assert not file.exists()


def test_close(session):
    """
    Afterwards nothing listens, no file is left, and no thread of the endpoint runs.
    """
    endpoint = session.serve()
    files = Path(endpoint.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).parent
    with Peer(endpoint) as peer:
        endpoint.close()
        endpoint.close()

        assert peer.is_closed
    assert not files.exists()
    with pytest.raises(ConnectionRefusedError):
        Peer(endpoint)
    for thread in threads_of_endpoints():
        thread.join(20)
    assert [] == threads_of_endpoints()


def test_close_in_several_threads(session):
    """Each call returns, and when it does, nothing listens."""
    endpoint = session.serve()
    together = threading.Barrier(4)

    def close():
        together.wait(20)
        endpoint.close()
        with pytest.raises(ConnectionRefusedError):
            Peer(endpoint)
        return True

    with ThreadPoolExecutor(4) as pool:
        closed = [pool.submit(close) for _ in range(4)]
        assert [True] * 4 == [call.result(20) for call in closed]


def test_close_in_a_signal_handler(session):
    """A signal handler can close an endpoint that is being closed."""
    endpoint = session.serve()
    inner = endpoint._server
    call = inner._call

    def interrupted(work):
        endpoint.close()
        call(work)

    with mock.patch.object(inner, "_call", interrupted):
        endpoint.close()
    with pytest.raises(ConnectionRefusedError):
        Peer(endpoint)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_child(endpoint):
    """A forked child uses the endpoint of its parent, and can't close it."""

    def in_child():
        endpoint.close()
        with Peer(endpoint) as peer:
            return peer.request()[0]

    assert 200 == in_a_fork(in_child)
    with Peer(endpoint) as peer:
        assert 200 == peer.request()[0]


def test_port(session, endpoint):
    """A port can be chosen, unless another program uses it."""
    used = urlsplit(endpoint.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]).port
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]

    with session.serve(port=free) as other, Peer(other) as peer:
        assert f"127.0.0.1:{free}" == peer.host
    with pytest.raises(OSError, match="in use"):
        session.serve(port=used)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_temporary_directory(session):
    """Without a place for its files, the endpoint doesn't start, nor its threads."""
    with (
        mock.patch("tempfile.mkdtemp", side_effect=FileNotFoundError),
        pytest.raises(FileNotFoundError),
    ):
        session.serve()

    assert [] == threads_of_endpoints()


@pytest.mark.skipif(os.name == "nt", reason="modes of files are POSIX's")
def test_files_are_private(endpoint):
    """Only this user can read the files with the token and the settings."""
    directory = Path(endpoint.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).parent
    endpoint.child_environ()

    modes = {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}

    assert 0o700 == stat.S_IMODE(directory.stat().st_mode)
    assert {0o600} == modes


def test_repr_has_no_token(endpoint):
    """The token is as secret as the credentials."""
    assert ROLE in repr(endpoint)
    assert endpoint.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] not in repr(endpoint)


LEFT_OVER = {
    "a default profile": {},
    "AWS_PROFILE": {"AWS_PROFILE": "other"},
    "keys": {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "other"},
    "a web identity": {
        "AWS_ROLE_ARN": OTHER_ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/token",
    },
    "another endpoint": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/other"},
}


@pytest.mark.parametrize("left_over", LEFT_OVER.values(), ids=LEFT_OVER)
def test_child_uses_no_other_credentials(endpoint, local, tmp_path, left_over):
    """Whatever the user's files and variables say, a child is the role."""
    other = local.add_user()
    for name in ("default", "other"):
        files = local.write_profile(tmp_path, key=other, name=name)
    with mock.patch.dict(os.environ, {**files.environment, **left_over}):
        os.environ.pop("AWS_PROFILE", None)
        os.environ.update(left_over)
        variables = endpoint.child_environ()

    with mock.patch.dict(os.environ, variables, clear=True):
        identity = boto3.Session().client("sts").get_caller_identity()

    assert "assumed-role/Reader/" in identity["Arn"]


def test_child_has_the_settings_of_the_profile(local, tmp_path):
    """
    A child has the profile's region and settings, and nothing that finds credentials.
    """
    files = local.write_profile(
        tmp_path,
        key=local.add_user(),
        name="ci",
        region="eu-west-1",
        retry_mode="standard",
        s3="\n  addressing_style = path",
        services="local",
        credential_process="/bin/other",
    )
    config = Path(files.config_file)
    config.write_text(
        f"{config.read_text('utf-8')}\n[services local]\nsqs =\n  endpoint_url = http://q\n"
    )
    with mock.patch.dict(os.environ, files.environment):
        session = stsession.assume(ROLE, source="ci")
        endpoint = session.serve()

    with endpoint, mock.patch.dict(os.environ, endpoint.child_environ(), clear=True):
        child = boto3.Session()
        text = Path(os.environ["AWS_CONFIG_FILE"]).read_text("utf-8")
        s3, sqs = child.client("s3"), child.client("sqs")

    assert "eu-west-1" == child.region_name
    assert "standard" == s3.meta.config.retries["mode"]
    assert {"addressing_style": "path"} == s3.meta.config.s3
    assert local.endpoint_url == s3.meta.endpoint_url
    assert "http://q" == sqs.meta.endpoint_url
    assert "credential_process" not in text


def test_tools_in_this_process(endpoint):
    """`environ` is enough for a tool that reads the environment."""
    variables = endpoint.environ
    url = urlsplit(variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    path = Path(variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
    connection = HTTPConnection(url.hostname, url.port)
    connection.request("GET", url.path, headers={"Authorization": path.read_text()})

    assert 200 == connection.getresponse().status
    assert "us-east-1" == variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"]
    connection.close()


def test_static_environ(session, local):
    """A child with these variables is the role until they expire."""
    variables = session.static_environ(min_validity=dt.timedelta(minutes=30))

    with mock.patch.dict(os.environ, variables):
        identity = boto3.client(
            "sts", endpoint_url=local.endpoint_url
        ).get_caller_identity()

    assert "assumed-role/Reader/" in identity["Arn"]
    assert "AWS_CREDENTIAL_EXPIRATION" not in variables


def test_static_environ_is_valid_for_long_enough(session, clock):
    """The credentials are refreshed first if they expire sooner."""
    former = session.static_environ()
    clock.advance(dt.timedelta(minutes=40))

    assert former == session.static_environ()
    assert former != session.static_environ(min_validity=dt.timedelta(minutes=30))
    with pytest.raises(stsession.RefreshError):
        session.static_environ(min_validity=dt.timedelta(hours=2))


def datetime_of(clock):
    """The module `datetime`, with a clock."""

    class Datetime(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return clock.now().astimezone(tz)

    return types.SimpleNamespace(datetime=Datetime, timedelta=dt.timedelta)


@pytest.mark.parametrize("duration_seconds", [900, 3600])
def test_renews_in_another_program(local, clock, duration_seconds):
    """A client of another program works across several session durations."""
    local.add_bucket("reports", objects={"a": b"x"})
    session = stsession.assume(
        ROLE,
        source=local.session(local.add_user()),
        duration_seconds=duration_seconds,
    )
    with (
        session.serve() as endpoint,
        mock.patch.dict(os.environ, endpoint.child_environ(), clear=True),
        mock.patch("botocore.credentials.datetime", datetime_of(clock)),
    ):
        s3 = boto3.Session().client("s3")
        for _ in range(50):
            clock.advance(dt.timedelta(seconds=duration_seconds / 10))
            assert 1 == s3.list_objects_v2(Bucket="reports")["KeyCount"]

    assert len(local.issued(role_arn=ROLE)) in range(5, 10)


def test_child_process(endpoint):
    """A child process needs nothing but its environment."""
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"

    done = run_child(
        [sys.executable, "-c", program],
        env=endpoint.child_environ(),
        capture_output=True,
        text=True,
    )

    assert "assumed-role/Reader/" in done.stdout
