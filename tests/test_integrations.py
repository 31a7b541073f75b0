"""Adapters for Polars, obstore, httpx and requests, without the data libraries."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import io
import logging
import pickle

from urllib.parse import urlsplit

import httpx
import pytest
import requests

import stsession

from stsession.integrations import obstore, polars, sigv4
from stsession.testing import (
    FakeClock,
    Fault,
    LocalSTS,
    StubSTS,
    expiring,
    use_runtime,
)

from .engine import SOON
from .local import serving
from .wire import READER, REGION, SlowSTS, at_once, source_of


HOUR = dt.timedelta(hours=1)


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock, random=lambda: 0.5, submit=at_once):
        yield clock


@pytest.fixture(name="local")
def _local(clock):
    with LocalSTS(clock=clock) as local:
        local.add_role(READER)
        local.add_bucket("bucket", objects={"key": b"value", "a b(1)+~/é": b"odd"})
        yield local


@pytest.fixture(name="session")
def _session(local):
    return stsession.assume(READER, source=local.session(local.add_user()))


def get_static_keys():
    """Credentials that don't expire."""
    return {"AccessKeyId": "AKIASTATIC", "SecretAccessKey": "StaticSecret"}


@pytest.mark.parametrize("adapt", [polars, obstore, lambda it: sigv4(it, "s3", "x")])
def test_other_objects(adapt):
    """Anything but a session of this library is an error at once."""
    with pytest.raises(stsession.InvalidRequestError, match="session is of type str"):
        adapt("session")


@pytest.mark.parametrize("adapt", [polars, obstore, lambda it: sigv4(it, "s3")])
def test_no_secrets(session, adapt):
    """The `repr` and the pickle have none, and the copy works."""
    adapter = adapt(session)
    secret = session.credentials().secret_access_key

    data = pickle.dumps(adapter)

    assert READER in repr(adapter)
    assert repr(adapter) == repr(pickle.loads(data))
    assert secret not in repr(adapter)
    assert secret.encode() not in data


# -- Polars and obstore ---------------------------------------------------------------


def test_polars(session, clock):
    """The keys are those of the session, for a few seconds less."""
    keys, expires_at = polars(session)()

    current = session.credentials()
    assert keys == {
        "aws_access_key_id": current.access_key_id,
        "aws_secret_access_key": current.secret_access_key,
        "aws_session_token": current.session_token,
    }
    assert expires_at == int(clock.wall() + 3600 - 5)


def test_obstore(session, clock):
    """The same as a dict with an aware datetime, and the region of the session."""
    provider = obstore(session)

    current = session.credentials()
    assert provider() == {
        "access_key_id": current.access_key_id,
        "secret_access_key": current.secret_access_key,
        "token": current.session_token,
        "expires_at": clock.now() + HOUR - dt.timedelta(seconds=5),
    }
    assert provider.config == {"region": "us-east-1"}


def test_credentials_that_do_not_expire():
    """They have no expiration, and no token."""
    session = stsession.from_function(get_static_keys)

    keys, expires_at = polars(session)()

    assert {"aws_access_key_id", "aws_secret_access_key"} == set(keys)
    assert expires_at is None
    assert obstore(session)()["expires_at"] is None
    assert obstore(session)()["token"] is None
    assert obstore(session).config == {}


def test_short_session(clock):
    """Its credentials are used for nine tenths of their lifetime."""
    with LocalSTS(clock=clock, lifetime_scale=1 / 360) as local:
        local.add_role(READER)
        session = stsession.assume(READER, source=local.session(local.add_user()))

        _, expires_at = polars(session)()

    assert expires_at == int(clock.wall() + 9)


@pytest.mark.parametrize("hours", [-1, 1])
def test_wrong_clock(hours):
    """The expiration is one of the local clock, which the library compares it with."""
    server = FakeClock()
    wrong = FakeClock(server.now() + hours * HOUR)
    stub = StubSTS(clock=server)
    with use_runtime(clock=wrong):
        session = stsession.assume(READER, source=source_of(stub))

    _, expires_at = polars(session)()

    assert expires_at == int(wrong.wall() + 3600 - 5)


def test_outage(session, local, clock):
    """Expired credentials are returned until they are rejected, as expiring now."""
    provider = polars(session)
    first, _ = provider()
    local.faults.add(Fault.status(503), operation="AssumeRole")
    clock.advance(2 * HOUR)

    assert (first, int(clock.wall())) == provider()


# -- httpx and requests ---------------------------------------------------------------


class Service(requests.adapters.BaseAdapter):
    """
    A transport that receives the requests of a client and returns responses.

    Args:
        responses: The responses; then there are empty ones.
    """

    def __init__(self, responses=()):
        super().__init__()
        self.requests = []
        self._responses = iter(responses)

    def send(self, request, **_):
        """Respond to a request of requests."""
        status, headers, body = self._receive(request, request.body)
        response = requests.Response()
        response.status_code, response.raw = status, io.BytesIO(body)
        response.headers.update(headers)
        response.request, response.url = request, request.url
        response.connection = self
        return response

    def handle(self, request):
        """Respond to a request of httpx."""
        status, headers, body = self._receive(request, request.content)
        return httpx.Response(status, headers=headers, content=body)

    def close(self):
        """No-op."""

    def _receive(self, request, body):
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((str(request.url), headers, body))
        return next(self._responses, (200, {}, b""))


class Client:
    """A client of one of the libraries."""

    def __init__(self, library, auth, service=None):
        self._library = library
        self._auth = auth
        self._service = service

    def __call__(self, method, url, *, redirects=False, **options):
        """Send a request, and return the status, the body, and the URL sent."""
        if self._library == "requests":
            response = self._request(method, url, redirects, options)
        else:
            transport = self._service and httpx.MockTransport(self._service.handle)
            arguments = {
                "auth": self._auth,
                "follow_redirects": redirects,
                "transport": transport,
                "verify": False,  # no certificates to load
            }
            if self._library == "httpx":
                with httpx.Client(**arguments) as client:
                    response = client.request(method, url, **options)
            else:
                response = asyncio.run(_request(arguments, method, url, options))
        return response.status_code, response.content, str(response.request.url)

    def _request(self, method, url, redirects, options):
        options = {"auth": self._auth, "allow_redirects": redirects, **options}
        if "content" in options:  # httpx's name for it
            options["data"] = options.pop("content")
        with requests.Session() as session:
            if self._service:
                session.mount("http://", self._service)
            return session.request(method, url, **options)


async def _request(arguments, method, url, options):
    async with httpx.AsyncClient(**arguments) as client:
        return await client.request(method, url, **options)


LIBRARIES = ["requests", "httpx", "async httpx"]


@pytest.fixture(name="library", params=LIBRARIES)
def _library(request):
    return request.param


@pytest.fixture(name="client")
def _client(library, session):
    return Client(library, sigv4(session, "s3"))


@pytest.fixture(name="bucket")
def _bucket(local):
    return f"{local.s3_endpoint_url}/bucket"


def test_get(client, bucket):
    """A path with special characters is sent in the encoding of its signature."""
    status, body, url = client("GET", f"{bucket}/a b(1)+~/é")

    assert (200, b"odd") == (status, body)
    assert "/bucket/a%20b%281%29%2B~/%C3%A9" == urlsplit(url).path


def test_query(client, bucket):
    """A space is sent as in the signature, not as +, and other characters likewise."""
    prefix = {"prefix": "a b(1)+~/é", "list-type": "2"}
    status, _, url = client("GET", bucket, params=prefix)

    assert 200 == status
    assert "prefix=a%20b%281%29%2B~%2F%C3%A9&list-type=2" == urlsplit(url).query


@pytest.mark.parametrize("url", ["?list-type=2&prefix=a+b(", "?prefix=&&list-type=2&x"])
def test_query_in_the_url(client, bucket, url):
    """It is signed as it is sent, too."""
    assert 200 == client("GET", bucket + url)[0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": b"bytes"},
        {"content": "täxt"},
        {"data": {"name": "é"}},
        {"json": {"name": "é"}},
        {"files": {"file": b"content"}},
    ],
    ids=["none", "bytes", "text", "form", "JSON", "files"],
)
def test_bodies(library, session, body):
    """Each is signed as it is sent."""
    service = Service()

    Client(library, sigv4(session, "es"), service)("POST", "http://host/", **body)

    ((_, headers, sent),) = service.requests
    digest = hashlib.sha256(sent or b"").hexdigest()
    assert digest == headers["x-amz-content-sha256"]


async def _stream():
    yield b"stream"


@pytest.fixture(name="stream")
def _a_stream(library):
    return _stream() if library == "async httpx" else iter([b"stream"])


def test_stream_to_s3(library, session, stream):
    """Its signature doesn't contain the body."""
    service = Service()
    client = Client(library, sigv4(session, "s3"), service)

    client("PUT", "http://host/key", content=stream)

    ((_, headers, _),) = service.requests
    assert "UNSIGNED-PAYLOAD" == headers["x-amz-content-sha256"]


def test_stream_to_another_service(library, session, local, stream):
    """It is an error, because other services require a signed body."""
    client = Client(library, sigv4(session, "es"), Service())

    with pytest.raises(stsession.InvalidRequestError, match="request to es is a str"):
        client("PUT", "http://host/key", content=stream)

    assert 0 == local.count("AssumeRole")


def test_other_services(library, session, local):
    """The path is encoded twice, and the region and the host can be others."""
    auth = sigv4(session, "bedrock", "eu-west-3")
    scopes = []

    def app(environ, start_response):
        scopes.append(environ["HTTP_AUTHORIZATION"])
        start_response("200 OK", [])
        return []

    with serving(expiring(app, sts=local)) as host:
        url = f"{host}/model/anthropic.x%3A0(1)/invoke"
        custom = {"X-Amz-Custom": "a  b", "Host": "other.example"}
        response = Client(library, auth)("GET", url, headers=custom)

    assert (200, url) == (response[0], response[2])
    assert "/eu-west-3/bedrock/aws4_request" in scopes[0]
    assert "x-amz-custom" in scopes[0]


def test_old_signature(client, bucket):
    """It is replaced."""
    old = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=OLD/x",
        "X-Amz-Date": "20200101T000000Z",
        "X-Amz-Security-Token": "old",
        "X-Amz-Content-SHA256": "old",
    }

    assert (200, b"value") == client("GET", f"{bucket}/key", headers=old)[:2]


def test_old_token(library):
    """It is removed if the current credentials have no token."""
    service = Service()
    auth = sigv4(stsession.from_function(get_static_keys), "s3", REGION)
    old = {"X-Amz-Security-Token": "old"}

    Client(library, auth, service)("GET", "http://host/", headers=old)

    ((_, headers, _),) = service.requests
    assert "authorization" in headers
    assert "x-amz-security-token" not in headers


def test_expiration(client, local, bucket, clock):
    """One object works across expirations."""
    for _ in range(3):
        assert 200 == client("GET", f"{bucket}/key")[0]
        clock.advance(HOUR)

    assert 3 == local.count("AssumeRole")


def test_rejected_key(client, local, bucket):
    """It is replaced, and the request is sent once more."""
    client("GET", f"{bucket}/key")
    local.reject_current()

    assert 200 == client("PUT", f"{bucket}/new", content=b"x")[0]
    codes = [call.code for call in local.calls("PutObject")]
    assert ["ExpiredToken", None] == codes
    assert 2 == local.count("AssumeRole")


def test_keys_that_are_all_rejected(client, local, bucket):
    """A request is sent twice at most."""
    client("GET", f"{bucket}/key")
    local.reject_all_keys()

    assert 400 == client("GET", f"{bucket}/key")[0]
    assert 400 == client("GET", f"{bucket}/key")[0]
    assert 1 + 2 + 1 == local.count("GetObject")
    assert 2 == local.count("AssumeRole")


@pytest.mark.parametrize("expired", [True, False])
def test_head(library, session, clock, expired):
    """The response has no error code; an expired or former key is replaced."""

    def responses():
        if expired:
            clock.advance(HOUR)
        else:
            session.refresh()
        yield 403, {}, b""

    service = Service(responses())
    client = Client(library, sigv4(session, "s3"), service)

    assert 200 == client("HEAD", "http://host/key")[0]
    assert 2 == len(service.requests)


def test_head_without_permission(client, local, bucket):
    """The key is valid, so that another one wouldn't help."""
    local.faults.add(Fault.error("AccessDenied", status=403), operation="HeadObject")

    assert 403 == client("HEAD", f"{bucket}/key")[0]
    assert 1 == local.count("HeadObject")


def test_without_resend(library, local, bucket):
    """If the policy says so, the response is that of the service."""
    policy = stsession.RefreshPolicy(resend=False)
    source = local.session(local.add_user())
    session = stsession.assume(READER, source=source, refresh=policy)
    client = Client(library, sigv4(session, "s3"))
    client("GET", f"{bucket}/key")
    local.reject_current()

    assert 400 == client("GET", f"{bucket}/key")[0]
    assert 200 == client("GET", f"{bucket}/key")[0]


EXPIRED = {
    "header": (403, {"x-amzn-ErrorType": "ExpiredTokenException:http://aws/"}, b"{}"),
    "JSON": (400, {}, b'{"__type": "com.amazon#ExpiredTokenException"}'),
    "REST-JSON": (403, {}, b'{"message": "no", "code": "UnrecognizedClientException"}'),
    "query": (403, {}, b"<ErrorResponse><Error><Code>ExpiredToken</Code></Error>"),
}
OTHER = {
    status: (status, {}, b"<Code>AccessDenied</Code>") for status in (200, 403, 500)
}


@pytest.mark.parametrize("response", EXPIRED.values(), ids=EXPIRED)
def test_error_codes(library, session, response):
    """The code is found in all protocols."""
    service = Service([response])
    client = Client(library, sigv4(session, "lambda"), service)

    assert 200 == client("GET", "http://host/")[0]
    assert 2 == len(service.requests)


@pytest.mark.parametrize("response", OTHER.values(), ids=OTHER)
def test_other_responses(library, session, response):
    """They are returned as they are."""
    service = Service([response])
    client = Client(library, sigv4(session, "s3"), service)

    status, _, body = response
    assert (status, body) == client("GET", "http://host/")[:2]
    assert 1 == len(service.requests)


def test_redirect_to_another_host(library, session):
    """The other host doesn't get the signature."""
    service = Service([(307, {"location": "http://other/"}, b"")])
    client = Client(library, sigv4(session, "s3"), service)

    assert 200 == client("GET", "http://host/", redirects=True)[0]

    _, (url, headers, _) = service.requests
    assert "http://other/" == url
    assert "authorization" not in headers
    if library == "requests":  # httpx leaves other headers alone
        assert "x-amz-security-token" not in headers


def test_region(stub):
    """That of the session is the default; without one there is an error at once."""
    session = stsession.assume(READER, source=source_of(stub))
    without = stsession.assume(READER, source=source_of(stub, region=None))

    assert f"s3 in {REGION}" in repr(sigv4(session, "s3"))
    with pytest.raises(stsession.InvalidRequestError, match="No region is configured"):
        sigv4(without, "s3")


@pytest.mark.usefixtures("_redacted")
def test_redacted_log(client, bucket, session, caplog):
    """botocore's log of signatures has no secrets, if these are removed."""
    caplog.set_level(logging.DEBUG)

    client("GET", f"{bucket}/key")

    assert session.credentials().session_token not in caplog.text


def test_event_loop():
    """It isn't blocked while STS is called."""
    sts = SlowSTS()
    auth = sigv4(stsession.assume(READER, source=source_of(sts)), "s3")

    async def main():
        transport = httpx.MockTransport(Service().handle)
        async with httpx.AsyncClient(auth=auth, transport=transport) as client:
            request = asyncio.create_task(client.get("http://host/"))
            await asyncio.to_thread(sts.began.wait, SOON)
            assert not request.done()
            sts.may_answer.set()
            return await request

    assert 200 == asyncio.run(main()).status_code
