"""Services that reject a key before it expires."""

from __future__ import annotations

import io
import tempfile

import pytest

from botocore.exceptions import ClientError

import stsession

from stsession.testing import Fault, generation_of

from . import ROLE
from .timeline import seconds


@pytest.fixture(name="s3")
def _s3(session, clock, local):
    """A client whose key is refused ten minutes before its expiration."""
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")
    clock.advance(seconds(300))
    local.reject_current()
    return s3


def answers(local, operation):
    """The generation of the key and the error code of each request."""
    return [
        (generation_of(call.access_key_id), call.code)
        for call in local.calls(operation)
    ]


def test_get(s3, local):
    """The call succeeds by one refresh and one resend."""
    body = s3.get_object(Bucket="bucket", Key="0.txt")["Body"].read()

    assert b"hello" == body
    assert [(1, "ExpiredToken"), (2, None)] == answers(local, "GetObject")
    assert 2 == local.count("AssumeRole")


@pytest.mark.parametrize(
    "code", ["InvalidToken", "TokenRefreshRequired", "InvalidClientTokenId"]
)
def test_other_codes(session, local, code):
    """The same with the other error codes for it."""
    s3 = session.client("s3")
    local.faults.add(Fault.error(code), operation="GetObject", times=1)

    s3.get_object(Bucket="bucket", Key="0.txt")

    assert [(1, code), (2, None)] == answers(local, "GetObject")


@pytest.mark.parametrize("code", ["AccessDenied", "SignatureDoesNotMatch"])
def test_other_refusals(session, local, code):
    """Other errors are the caller's."""
    s3 = session.client("s3")
    local.faults.add(Fault.error(code, status=403), operation="GetObject")

    with pytest.raises(ClientError, match=code):
        s3.get_object(Bucket="bucket", Key="0.txt")

    assert 1 == local.count("GetObject")
    assert 1 == local.count("AssumeRole")


def a_file(content):
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the test closes it
    file.write(content)
    file.seek(0)
    return file


@pytest.mark.parametrize("body", [bytes, io.BytesIO, a_file])
def test_put(s3, local, body):
    """A body is sent again from its beginning, be it bytes, a stream or a file."""
    content = b"0123456789" * 20_000
    given = body(content)

    s3.put_object(Bucket="bucket", Key="new", Body=given)

    if body is a_file:
        given.close()
    assert [(1, "ExpiredToken"), (2, None)] == answers(local, "PutObject")
    assert content == s3.get_object(Bucket="bucket", Key="new")["Body"].read()


def test_put_from_the_middle_of_a_file(s3, local):
    """
    A file that the caller has read in part isn't sent again.

    botocore would rewind it to its beginning, and store too much.
    """
    body = io.BytesIO(b"read already, the rest")
    body.seek(14)

    with pytest.raises(ClientError, match="ExpiredToken"):
        s3.put_object(Bucket="bucket", Key="new", Body=body)

    assert [(1, "ExpiredToken")] == answers(local, "PutObject")

    body.seek(14)
    s3.put_object(Bucket="bucket", Key="new", Body=body)

    assert b"the rest" == s3.get_object(Bucket="bucket", Key="new")["Body"].read()


def test_upload_file(s3, local, tmp_path):
    """A managed upload gets over it, too."""
    path = tmp_path / "file"
    path.write_bytes(b"content")

    s3.upload_file(str(path), "bucket", "new")

    assert [(1, "ExpiredToken"), (2, None)] == answers(local, "PutObject")


def test_other_clients_of_the_session(s3, session, local):
    """One refresh is enough for all clients; the others aren't rejected."""
    s3.list_objects_v2(Bucket="bucket")

    session.client("s3").get_object(Bucket="bucket", Key="0.txt")

    assert [(2, None)] == answers(local, "GetObject")
    assert 2 == local.count("AssumeRole")


def test_every_key_is_rejected(session, local, clock):
    """A service that rejects every key causes no loop, neither there nor at STS."""
    s3 = session.client("s3")
    local.reject_all_keys()
    for _ in range(60):
        with pytest.raises(ClientError, match="ExpiredToken"):
            s3.list_objects_v2(Bucket="bucket")
        clock.advance(seconds(1))

    assert local.count("AssumeRole") <= 1 + 60 // 30 + 1
    assert local.count("ListObjectsV2") <= 60 + local.count("AssumeRole")


@pytest.mark.usefixtures("_runtime")
def test_resend_can_be_turned_off(source, local):
    """A policy may leave it to the caller to send the request again."""
    session = stsession.assume(
        ROLE, source=source, refresh=stsession.RefreshPolicy(resend=False)
    )
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket="bucket")
    local.reject_current()

    with pytest.raises(ClientError, match="ExpiredToken"):
        s3.get_object(Bucket="bucket", Key="0.txt")

    s3.get_object(Bucket="bucket", Key="0.txt")

    assert [(1, "ExpiredToken"), (2, None)] == answers(local, "GetObject")
