from __future__ import annotations

import copy
import datetime as dt
import io
import itertools
import pickle
import threading

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError

import stsession

from stsession._botocore.resend import ResendHandler
from stsession.testing import (
    Fault,
    LocalSTS,
    generation_of,
)

from .wire import READER, core_of, minutes, response, source_of


@pytest.fixture(name="session")
def _session(stub):
    return stsession.assume(READER, source=source_of(stub))


@pytest.fixture(name="credentials")
def _credentials(session):
    return session.get_credentials()


# -- Credentials ----------------------------------------------------------------------


def test_what_they_are(session, credentials):
    """They are botocore's refreshable credentials."""
    assert isinstance(session, boto3.Session)
    assert isinstance(credentials, RefreshableCredentials)
    assert "assume-role" == credentials.method
    assert credentials is session.get_credentials()
    assert credentials is core_of(session).get_credentials()


def test_nothing_is_asked_for_them(stub, credentials):
    """To hold them is not to use them."""
    assert credentials._expiry_time is None
    assert credentials.refresh_needed()
    assert 0 == stub.attempts


def test_frozen(stub, credentials):
    """All values are of one set; until the refresh, the same object is returned."""
    frozen = credentials.get_frozen_credentials()
    [key] = stub.issued

    assert (
        key.access_key_id,
        key.secret_access_key,
        key.session_token,
        "123456789012",
    ) == tuple(frozen)
    assert frozen is credentials.get_frozen_credentials()
    assert tuple(frozen) == (
        credentials.access_key,
        credentials.secret_key,
        credentials.token,
        credentials.account_id,
    )


def test_values_while_refreshing(session, credentials):
    """Three values read one after another are of one key."""
    access_key = credentials.access_key
    session.refresh()
    secret_key, token = credentials.secret_key, credentials.token

    assert [1, 1, 1] == list(map(generation_of, [access_key, secret_key, token]))
    assert 2 == generation_of(credentials.access_key)
    assert 2 == generation_of(credentials.token)


@pytest.mark.parametrize(
    "order", itertools.permutations(["access_key", "secret_key", "token"])
)
def test_values_read_in_any_order(session, credentials, order):
    """A second reader in the same thread gets one set as well."""
    for name in order:
        getattr(credentials, name)
    session.refresh()
    values = [getattr(credentials, name) for name in reversed(order)]

    assert [2, 2, 2] == list(map(generation_of, values))


def test_expiry_time_while_refreshing(session, credentials, clock):
    """It is that of the values which have been read before."""
    generation_of(credentials.access_key)
    before = session.expires_at
    clock.advance(dt.timedelta(seconds=1))
    session.refresh()

    assert before == credentials._expiry_time
    assert before < session.expires_at

    clock.advance(dt.timedelta(seconds=1))

    assert session.expires_at == credentials._expiry_time


def test_values_after_a_second(session, credentials, clock):
    """Values that are read later are those of the current set."""
    assert 1 == generation_of(credentials.access_key)
    session.refresh()
    clock.advance(dt.timedelta(seconds=2))

    assert 2 == generation_of(credentials.secret_key)


def test_values_of_two_sessions(stub, credentials):
    """They aren't mixed."""
    other = stsession.assume(READER, source=source_of(stub)).get_credentials()
    one = credentials.access_key, other.access_key
    assert [1, 2] == list(map(generation_of, one))

    assert 1 == generation_of(credentials.secret_key)
    assert 2 == generation_of(other.secret_key)


def test_values_in_two_threads(session, credentials):
    """Each thread reads for itself."""
    assert 1 == generation_of(credentials.access_key)
    session.refresh()
    with ThreadPoolExecutor(1) as thread:
        seen = thread.submit(lambda: credentials.secret_key).result()

    assert 2 == generation_of(seen)


def test_refresh_needed(session, credentials, clock):
    """By default, our windows decide."""
    session.credentials()
    assert not credentials.refresh_needed()
    assert not credentials.refresh_needed(refresh_in=3600)
    assert credentials.refresh_needed(refresh_in=3601)

    clock.advance(minutes(46))
    assert credentials.refresh_needed()
    assert not credentials.refresh_needed(refresh_in=600)


def test_no_secret_shows(credentials):
    """The `repr` tells whose they are."""
    credentials.get_frozen_credentials()

    assert repr(credentials).startswith("<RefresherCredentials ")
    assert repr(credentials).endswith(f" of {READER}>")


@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy])
def test_no_copies(credentials, act):
    """It's an error, which says what to pickle instead."""
    with pytest.raises(TypeError, match="pickle or copy the session"):
        act(credentials)


def test_account_id_in_the_endpoint(session):
    """DynamoDB's endpoints have the account."""
    urls = []

    def answer(request, **_):
        urls.append(request.url)
        return response(request, 200, b"{}")

    session.events.register("before-send.dynamodb", answer)
    session.client("dynamodb", region_name="us-east-1").list_tables()

    assert ["https://123456789012.ddb.us-east-1.amazonaws.com/"] == urls


# -- A service rejects the key ------------------------------------------------------


@pytest.fixture(name="local")
def _local(clock):
    with LocalSTS(clock=clock) as local:
        local.add_role(READER)
        local.add_bucket("b", objects={"k": b"hello"})
        yield local


@pytest.fixture(name="assumed")
def _assumed(local):
    return stsession.assume(READER, source=local.session(local.add_user()))


def s3_of(session, **kw):
    """An S3 client that tries once, so that a resend is ours."""
    return session.client(
        "s3",
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path", "payload_signing_enabled": False},
            **kw,
        ),
    )


@pytest.fixture(name="s3")
def _s3(assumed, clock):
    s3 = s3_of(assumed)
    s3.list_objects_v2(Bucket="b")
    clock.advance(minutes(20))
    return s3


class Pipe(io.RawIOBase):
    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._data.readinto(buffer)


class S3:
    """Refuses the first key that it sees, without a socket."""

    def __init__(self):
        self.bodies = []
        self.refused = None

    def __call__(self, request, **_):
        body = request.body
        self.bodies.append(body.read() if hasattr(body, "read") else body)
        key = request.headers["Authorization"].partition(b"Credential=")[2][:20]
        self.refused = self.refused or key
        if key != self.refused:
            return response(request, 200, b"")
        text = b"<Error><Code>ExpiredToken</Code></Error>"
        return response(request, 400, text)


@pytest.fixture(name="stubbed_s3")
def _stubbed_s3(session, clock):
    s3 = S3()
    session.events.register("before-send.s3", s3)
    session.credentials()
    clock.advance(minutes(20))
    return s3


class Reader:
    """Something that can be read, and no more."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def read(self, size=-1):
        return self._data.read(size)


class Unseekable(io.BytesIO):
    """A stream that knows where it is, but can't go back."""

    def seekable(self):
        return False


@pytest.mark.parametrize("make", [Pipe, Reader, Unseekable])
def test_streams_that_cannot_be_rewound(session, stubbed_s3, stub, make):
    """They aren't sent again, but the next call has the new key."""
    s3 = s3_of(session, request_checksum_calculation="when_required")
    request = {"Bucket": "b", "Key": "k", "ContentLength": 4}
    with pytest.raises(ClientError, match="ExpiredToken"):
        s3.put_object(**request, Body=make(b"data"))
    s3.put_object(**request, Body=make(b"more"))

    assert [b"data", b"more"] == stubbed_s3.bodies
    assert 2 == stub.attempts


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("AWS4-HMAC-SHA256 Credential=ASIA1/20260101/x/s3/aws4_request, y", "ASIA1"),
        (b"AWS4-HMAC-SHA256 Credential=ASIA1/20260101/x/s3/aws4_request", "ASIA1"),
        ("AWS ASIA1:c2lnbmF0dXJl", "ASIA1"),
        ("Bearer token", None),
        (None, None),
    ],
)
def test_key_of_a_request(header, key):
    """However it was signed."""
    request = AWSRequest(method="GET", url="https://b.example/")
    if header is not None:
        request.headers["Authorization"] = header
        request.headers.get = {"Authorization": header}.get
    ResendHandler(None).note_key(request)

    assert key == request.context["stsession_key"]


@pytest.mark.parametrize("body", ["text", b"bytes", bytearray(b"array"), None])
def test_bodies(session, stubbed_s3, body):
    """What isn't a stream is sent again as it is."""
    s3 = s3_of(session, request_checksum_calculation="when_required")
    kw = {} if body is None else {"Body": body}
    s3.put_object(Bucket="b", Key="k", **kw)
    first, second = stubbed_s3.bodies

    assert first == second


class AsyncFile:
    async def tell(self):
        return 0


@pytest.mark.parametrize(
    ("body", "expected"), [(io.BytesIO(b"data"), True), (AsyncFile(), False)]
)
def test_async_files(body, expected):
    """No SDK rewinds them, so they aren't sent again."""
    context = {}
    ResendHandler(None).note_start({"Body": body}, context)

    assert expected == context["stsession_rewinds"]


def test_head_has_no_code(local, s3, assumed, clock):
    """A HEAD has no error code; it counts if the key has expired by our clock."""
    local.reject_current()
    with pytest.raises(ClientError, match="400"):
        s3.head_object(Bucket="b", Key="k")
    assert 1 == local.count("HeadObject")

    assert b"hello" == s3.get_object(Bucket="b", Key="k")["Body"].read()
    s3.head_object(Bucket="b", Key="k")
    assert 2 == local.count("HeadObject")


def test_head_with_an_expired_key(local, s3, assumed, clock):
    """STS was down until the key died; then it's refreshed by the HEAD."""
    local.faults.add(Fault.status(500), operation="AssumeRole")
    clock.advance(minutes(41))

    def up(**_):
        local.faults.clear()
        clock.advance(minutes(1))

    s3.meta.events.register("before-send.s3.HeadObject", up)
    s3.head_object(Bucket="b", Key="k")

    assert 2 == local.count("HeadObject")


def test_foreign_key(local, assumed, clock):
    """Credentials of a client's own aren't ours to refresh."""
    other = assumed.client(
        "s3",
        aws_access_key_id="AKIAFOREIGN",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}),
    )
    assumed.credentials()
    local.reject_all_keys()
    with pytest.raises(ClientError):
        other.list_objects_v2(Bucket="b")

    assert 1 == local.count("ListObjectsV2")
    assert 1 == local.count("AssumeRole")
    assert 0 == assumed.status().hop.counters.rejections


def test_many_threads(local, assumed, clock):
    """32 of them rejected at once: one refresh, and all succeed."""
    s3 = assumed.client(
        "s3",
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            max_pool_connections=32,
        ),
    )
    s3.list_objects_v2(Bucket="b")
    clock.advance(minutes(20))
    local.reject_current()
    start = threading.Barrier(32)

    def one(_):
        start.wait()
        return s3.get_object(Bucket="b", Key="k")["Body"].read()

    with ThreadPoolExecutor(32) as threads:
        bodies = list(threads.map(one, range(32)))

    assert [b"hello"] * 32 == bodies
    assert 2 == local.count("AssumeRole")


def test_slow_service_that_rejects_every_key(session, clock):
    """One resend per call, also if a refresh would be allowed each time."""
    sent = []

    def refuse(request, **_):
        sent.append(request)
        assert len(sent) < 5
        clock.advance(minutes(2))
        text = b"<Error><Code>ExpiredToken</Code></Error>"
        return response(request, 400, text)

    session.events.register("before-send.s3", refuse)
    with pytest.raises(ClientError, match="ExpiredToken"):
        s3_of(session).get_object(Bucket="b", Key="k")

    assert 2 == len(sent)


def test_expired_and_rejected(local, s3, clock):
    """Without a new key, our error has the reason."""
    local.faults.add(Fault.status(500), operation="AssumeRole")
    clock.advance(minutes(41))
    with pytest.raises(stsession.CredentialsExpiredError, match="InternalFailure"):
        s3.get_object(Bucket="b", Key="k")


def test_requests_of_the_source(local, assumed):
    """The handler is on our session only."""
    source = local.session(local.add_user())
    stsession.assume(READER, source=source).credentials()
    local.reject_all_keys()
    with pytest.raises(ClientError, match=r"InvalidAccessKeyId|ExpiredToken"):
        s3_of(source).list_objects_v2(Bucket="b")

    assert 1 == local.count("ListObjectsV2")


def test_unsigned(local, assumed):
    """Nor is an unsigned one."""
    from botocore import UNSIGNED

    local.reject_all_keys()
    with pytest.raises(ClientError):
        s3_of(assumed, signature_version=UNSIGNED).list_objects_v2(Bucket="b")

    assert 1 == local.count("ListObjectsV2")
    assert 0 == local.count("AssumeRole")


def test_connection_errors_are_botocore_s(local, assumed):
    """Without a response, the error is botocore's."""
    s3 = s3_of(assumed)
    s3.list_objects_v2(Bucket="b")
    local.close()
    with pytest.raises(Exception, match=r"Could not connect|Connection"):
        s3.list_objects_v2(Bucket="b")
