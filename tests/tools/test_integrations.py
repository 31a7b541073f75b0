"""Data and HTTP libraries with our adapters work across expirations."""

from __future__ import annotations

import asyncio
import contextlib

from collections.abc import Callable

import pytest

import stsession

from stsession import integrations
from stsession.testing import LocalSTS


ROLE = "arn:aws:iam::123456789012:role/Reader"
SESSIONS = 3
"""The number of session durations for which an object is used."""


@pytest.fixture(name="local")
def _local():
    """Sessions that last for three seconds."""
    with LocalSTS(lifetime_scale=1 / 1200) as local:
        local.add_role(ROLE)
        objects = {"key": b"value", "key.csv": b"name\nvalue\n"}
        local.add_bucket("bucket", objects=objects)
        yield local


@pytest.fixture(name="session")
def _session(local):
    return stsession.assume(ROLE, source=local.session(local.add_user()))


@contextlib.contextmanager
def polars(session, url):
    """A lazy table, which is read again and again."""
    library = pytest.importorskip("polars")
    table = library.scan_csv(
        "s3://bucket/key.csv",
        credential_provider=integrations.polars(session),
        storage_options={"aws_endpoint_url": url, "aws_allow_http": "true"},
    )
    yield lambda: bytes(table.collect()["name"][0], "utf-8")


@contextlib.contextmanager
def obstore(session, url):
    """A store, by its synchronous functions."""
    store = store_of(session, url)
    yield lambda: bytes(store.get("key").bytes())


@contextlib.contextmanager
def async_obstore(session, url):
    """A store, by its async functions."""
    store = store_of(session, url)

    async def get():
        response = await store.get_async("key")
        return bytes(await response.bytes_async())

    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield lambda: loop.run_until_complete(get())


def store_of(session, url):
    stores = pytest.importorskip("obstore.store")
    return stores.S3Store(
        "bucket",
        endpoint=url,
        client_options={"allow_http": True},
        credential_provider=integrations.obstore(session),
    )


@contextlib.contextmanager
def requests(session, url):
    """A session of requests."""
    library = pytest.importorskip("requests")
    with library.Session() as client:
        client.auth = integrations.sigv4(session, "s3")
        yield lambda: client.get(f"{url}/bucket/key").content


@contextlib.contextmanager
def httpx(session, url):
    """A client."""
    library = pytest.importorskip("httpx")
    with library.Client(auth=integrations.sigv4(session, "s3")) as client:
        yield lambda: client.get(f"{url}/bucket/key").content


@contextlib.contextmanager
def async_httpx(session, url):
    """An async client."""
    library = pytest.importorskip("httpx")
    client = library.AsyncClient(auth=integrations.sigv4(session, "s3"))

    async def get():
        return (await client.get(f"{url}/bucket/key")).content

    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield lambda: loop.run_until_complete(get())
        loop.run_until_complete(client.aclose())


LIBRARIES: list[Callable[..., object]] = [
    polars,
    obstore,
    async_obstore,
    requests,
    httpx,
    async_httpx,
]


@pytest.mark.parametrize("library", LIBRARIES)
def test_expiration(session, local, library):
    """One object works for several session durations, and no request fails."""
    calls = 0
    with library(session, local.s3_endpoint_url) as read:
        while len(local.issued(role_arn=ROLE)) <= SESSIONS + 1:
            assert b"value" == read()
            calls += 1

    assert calls > SESSIONS
    assert {None} == {call.code for call in local.calls()}


MESSAGE = {
    "id": "1",
    "type": "message",
    "role": "assistant",
    "model": "model",
    "content": [{"type": "text", "text": "value"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def test_bedrock(session):
    """Anthropic's client sends requests that the adapter has signed."""
    anthropic = pytest.importorskip("anthropic")
    http = pytest.importorskip("httpx2")
    scopes = []

    def answer(request):
        scopes.append(request.headers["authorization"].split("/")[2:4])
        assert request.headers["x-amz-security-token"]
        return http.Response(200, json=MESSAGE)

    client = anthropic.AnthropicBedrock(
        aws_region="us-east-1",
        aws_access_key="unused",
        aws_secret_key="unused",
        http_client=anthropic.DefaultHttpxClient(
            auth=integrations.sigv4(session, "bedrock"),
            transport=http.MockTransport(answer),
        ),
    )
    message = client.messages.create(
        model="anthropic.model-v1:0",
        max_tokens=1,
        messages=[{"role": "user", "content": "key"}],
    )

    assert "value" == message.content[0].text
    assert [["us-east-1", "bedrock"]] == scopes
