"""What was made before the first expiration works after it."""

from __future__ import annotations

import datetime as dt
import io
import types

import botocore.waiter
import pytest

from boto3.s3.transfer import TransferConfig

from stsession.testing import generation_of


LIFE = dt.timedelta(seconds=900)
LIVES = 3
PART = 5 * 2**20  # the least that S3 takes


def keys_used(local, operation):
    """The generations of the keys of requests that were answered well, each once."""
    return list(
        dict.fromkeys(
            generation_of(call.access_key_id)
            for call in local.calls(operation)
            if call.status == 200
        )
    )


def test_client(session, local, clock):
    """A client works for three sets of credentials, with one call of STS for each."""
    s3 = session.client("s3")

    for _ in range(LIVES):
        assert b"hello" == s3.get_object(Bucket="bucket", Key="0.txt")["Body"].read()
        clock.advance(LIFE)

    assert LIVES == local.count("AssumeRole")
    assert [1, 2, 3] == keys_used(local, "GetObject")


def test_busy_client(session, local, clock):
    """A client in constant use never meets an expired key."""
    s3 = session.client("s3")

    while clock.monotonic() < LIVES * LIFE.total_seconds():
        s3.list_objects_v2(Bucket="bucket")
        clock.advance(dt.timedelta(seconds=20))

    assert {200} == {call.status for call in local.calls()}
    assert local.count("AssumeRole") == len(keys_used(local, "ListObjectsV2"))
    assert 5 == local.count("AssumeRole")


def test_resource(session, local, clock):
    """So does a resource, and what was made from it."""
    bucket = session.resource("s3").Bucket("bucket")

    for _ in range(LIVES):
        assert 5 == len(list(bucket.objects.all()))
        assert b"hello" == bucket.Object("1.txt").get()["Body"].read()
        clock.advance(LIFE)

    assert LIVES == local.count("AssumeRole")
    assert [1, 2, 3] == keys_used(local, "GetObject")


def test_paginator(session, local, clock):
    """The pages of one listing may be signed with several keys."""
    paginator = session.client("s3").get_paginator("list_objects_v2")
    found = []

    for page in paginator.paginate(Bucket="bucket", PaginationConfig={"PageSize": 2}):
        found += [entry["Key"] for entry in page["Contents"]]
        clock.advance(LIFE)

    assert [f"{n}.txt" for n in range(5)] == found
    assert LIVES == local.count("AssumeRole")
    assert [1, 2, 3] == keys_used(local, "ListObjectsV2")


def test_waiter(session, local, clock, monkeypatch):
    """A waiter waits for longer than one set of credentials is valid."""
    s3 = session.client("s3")
    waiter = s3.get_waiter("object_exists")
    pauses = []

    def sleep(n):
        clock.advance(dt.timedelta(seconds=n))
        pauses.append(n)
        if len(pauses) == LIVES - 1:
            local.add_bucket("later", objects={"it": b""})

    monkeypatch.setattr(botocore.waiter, "time", types.SimpleNamespace(sleep=sleep))

    waiter.wait(
        Bucket="later",
        Key="it",
        WaiterConfig={"Delay": LIFE.total_seconds(), "MaxAttempts": 5},
    )

    assert [900, 900] == pauses
    assert LIVES == local.count("HeadObject")
    assert LIVES == local.count("AssumeRole")


@pytest.mark.parametrize("threads", [False, True])
def test_upload(session, local, clock, threads):
    """An upload in parts may take three sets of credentials."""
    s3 = session.client("s3")
    content = bytes(2 * PART + 1)
    config = TransferConfig(
        multipart_threshold=PART,
        multipart_chunksize=PART,
        max_concurrency=1,
        use_threads=threads,
    )

    def part_is_slow(**_):
        if local.count("UploadPart") < LIVES:
            clock.advance(LIFE)

    s3.meta.events.register("after-call.s3.UploadPart", part_is_slow)

    s3.upload_fileobj(io.BytesIO(content), "bucket", "big", Config=config)

    assert content == s3.get_object(Bucket="bucket", Key="big")["Body"].read()
    assert [1, 2, 3] == keys_used(local, "UploadPart")
    assert LIVES == local.count("AssumeRole")
