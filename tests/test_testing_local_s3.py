"""`LocalSTS` as S3: enough of it to try a session."""

from __future__ import annotations

import datetime as dt
import io
import os
import urllib.error
import urllib.request

import attrs
import boto3
import pytest

from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from stsession.testing import LocalSTS

from .local import code_of


READER = "arn:aws:iam::123456789012:role/Reader"
KEYS = [f"a/{n:02d} +%" for n in range(5)]


@pytest.fixture(name="local_sts")
def _local_sts(clock):
    with LocalSTS(clock=clock) as local_sts:
        local_sts.add_role(READER)
        local_sts.add_bucket("data", objects=dict.fromkeys(KEYS, b"0123456789"))
        yield local_sts


@pytest.fixture(name="key")
def _key(local_sts):
    sts = local_sts.session(local_sts.add_user()).client("sts")
    sts.assume_role(RoleArn=READER, RoleSessionName="me")
    return local_sts.issued()[-1]


@pytest.fixture(name="s3")
def _s3(local_sts, key):
    return local_sts.session(key).client("s3")


@pytest.fixture(name="presigning")
def _presigning(local_sts, key):
    config = Config(
        signature_version="s3v4", request_checksum_calculation="when_required"
    )
    return local_sts.session(key).client("s3", config=config)


def test_stores_objects(s3):
    """What was put can be got, looked at and deleted."""
    s3.create_bucket(Bucket="new")
    s3.head_bucket(Bucket="new")
    etag = s3.put_object(Bucket="new", Key="x", Body=b"hello")["ETag"]

    got = s3.get_object(Bucket="new", Key="x")
    assert b"hello" == got["Body"].read()
    assert etag == got["ETag"] == s3.head_object(Bucket="new", Key="x")["ETag"]
    assert 5 == s3.head_object(Bucket="new", Key="x")["ContentLength"]

    s3.delete_object(Bucket="new", Key="x")

    assert ("NoSuchKey", 404) == code_of(s3.get_object, Bucket="new", Key="x")


@pytest.mark.parametrize("quiet", [True, False])
def test_deletes_many_objects(s3, quiet):
    """Keys that don't exist count as deleted."""
    keys = [*KEYS[:2], "<no & such>"]
    request = {"Objects": [{"Key": key} for key in keys], "Quiet": quiet}

    got = s3.delete_objects(Bucket="data", Delete=request)

    deleted = [each["Key"] for each in got.get("Deleted", ())]
    assert ([] if quiet else keys) == deleted
    left = s3.list_objects_v2(Bucket="data")["Contents"]
    assert KEYS[2:] == [entry["Key"] for entry in left]


def test_copies_objects(s3):
    """Also from another bucket, and by key names that have to be quoted."""
    s3.create_bucket(Bucket="new")
    source = {"Bucket": "data", "Key": KEYS[0]}
    etag = s3.copy_object(Bucket="new", Key="x", CopySource=source)["CopyObjectResult"]

    assert b"0123456789" == s3.get_object(Bucket="new", Key="x")["Body"].read()
    assert s3.head_object(Bucket="new", Key="x")["ETag"] == etag["ETag"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.copy_object(Bucket="new", Key="x", CopySource="data/none")


def test_doesnt_overwrite_on_request(s3):
    """Of two writers with If-None-Match, one succeeds."""
    create = {"Bucket": "data", "Key": "x", "IfNoneMatch": "*"}
    s3.put_object(Body=b"first", **create)

    assert ("PreconditionFailed", 412) == code_of(
        s3.put_object, Body=b"second", **create
    )
    assert b"first" == s3.get_object(Bucket="data", Key="x")["Body"].read()


def test_gives_ranges(s3):
    """Parts of an object can be downloaded."""
    got = s3.get_object(Bucket="data", Key=KEYS[0], Range="bytes=2-4")
    rest = s3.get_object(Bucket="data", Key=KEYS[0], Range="bytes=8-")
    last = s3.get_object(Bucket="data", Key=KEYS[0], Range="bytes=-3")

    assert b"234" == got["Body"].read()
    assert "bytes 2-4/10" == got["ContentRange"]
    assert b"89" == rest["Body"].read()
    assert b"789" == last["Body"].read()
    assert ("InvalidRange", 416) == code_of(
        s3.get_object, Bucket="data", Key=KEYS[0], Range="bytes=10-"
    )


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_pages(s3, operation):
    """Both paginators see each object once, and end."""
    pages = s3.get_paginator(operation).paginate(
        Bucket="data", Prefix="a/", PaginationConfig={"PageSize": 2}
    )

    sizes = []
    found = []
    for page in pages:
        sizes.append(len(page["Contents"]))
        found += [entry["Key"] for entry in page["Contents"]]
    assert [2, 2, 1] == sizes
    assert KEYS == found


def test_lists_from_a_key_on(s3):
    """StartAfter leaves out what comes before."""
    got = s3.list_objects_v2(Bucket="data", StartAfter=KEYS[3])

    assert [KEYS[4]] == [entry["Key"] for entry in got["Contents"]]


TREE = ["a", "b/", "b/1", "b/2/x", "b/2/y", "c/ +/1", "c/ +/2", "d"]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["a", "b/", "c/", "d"]),
        ("b/", ["b/", "b/1", "b/2/"]),
        ("b", ["b/"]),
        ("c/", ["c/ +/"]),
        ("e", []),
    ],
)
def test_lists_common_prefixes(local_sts, s3, operation, size, prefix, expected):
    """Each prefix counts as one entry of a page, and is listed once."""
    local_sts.add_bucket("tree", objects=dict.fromkeys(TREE, b""))
    pages = s3.get_paginator(operation).paginate(
        Bucket="tree", Prefix=prefix, Delimiter="/", PaginationConfig={"PageSize": size}
    )

    names = [
        [each["Key"] for each in page.get("Contents", ())]
        + [each["Prefix"] for each in page.get("CommonPrefixes", ())]
        for page in pages
    ]
    assert expected == sorted(name for page in names for name in page)
    assert max(1, -(-len(expected) // size)) == len(names)


def test_encodes_keys_on_request(s3):
    """Clients that don't request encoded keys get them as they are."""

    def dont_encode(params, **kwargs):
        del params["EncodingType"]

    s3.meta.events.register_last("before-parameter-build.s3.ListObjectsV2", dont_encode)
    got = s3.list_objects_v2(Bucket="data", MaxKeys=1)

    assert KEYS[:1] == [entry["Key"] for entry in got["Contents"]]


def test_serves_resources(local_sts, key):
    """A boto3 resource lists and reads."""
    bucket = local_sts.session(key).resource("s3").Bucket("data")

    assert KEYS == [entry.key for entry in bucket.objects.all()]
    assert b"0123456789" == bucket.Object(KEYS[0]).get()["Body"].read()


def test_serves_waiters(s3):
    """A waiter sees that an object isn't there, and then that it is."""
    waiter = s3.get_waiter("object_exists")
    s3.meta.events.register(
        "after-call.s3.HeadObject",
        lambda http_response, **kw: (
            s3.put_object(Bucket="data", Key="y", Body=b"")
            if http_response.status_code == 404
            else None
        ),
    )

    waiter.wait(Bucket="data", Key="y", WaiterConfig={"Delay": 0, "MaxAttempts": 2})

    assert b"" == s3.get_object(Bucket="data", Key="y")["Body"].read()


def test_takes_uploads_in_parts(local_sts, s3):
    """s3transfer uploads in parts, and downloads the same bytes."""
    config = TransferConfig(multipart_threshold=1, multipart_chunksize=5 * 2**20)
    body = os.urandom(6 * 2**20)
    s3.upload_fileobj(io.BytesIO(body), "data", "big", Config=config)
    target = io.BytesIO()
    s3.download_fileobj("data", "big", target, Config=config)

    assert body == target.getvalue()
    assert 2 == local_sts.count("UploadPart")


def test_forgets_aborted_uploads(s3):
    """After an abort the upload isn't there anymore."""
    upload = s3.create_multipart_upload(Bucket="data", Key="z")["UploadId"]
    where = {"Bucket": "data", "Key": "z", "UploadId": upload}
    s3.abort_multipart_upload(**where)

    assert ("NoSuchUpload", 404) == code_of(
        s3.upload_part, Body=b"", PartNumber=1, **where
    )


SIGNATURE = b";chunk-signature=" + b"0" * 64
SIGNED_CHUNKS = b"3%b\r\nhel\r\n2%b\r\nlo\r\n0%b\r\n" % ((SIGNATURE,) * 3)
CHECKSUM = b"x-amz-checksum-crc32:NhCmhg==\r\n"
TRAILER_SIGNATURE = b"x-amz-trailer-signature:" + b"0" * 64 + b"\r\n"


def stream(
    local_sts, key, body, payload, *, length="5", encoding=None, operation="PutObject"
):
    """Upload *body* as an SDK does that signs a stream chunk by chunk."""
    s3 = local_sts.session(key).client("s3")
    headers = {
        "X-Amz-Content-SHA256": payload,
        "X-Amz-Decoded-Content-Length": length,
        "Content-Encoding": encoding,
    }

    def change(request, **kwargs):
        for name, value in headers.items():
            if value is not None:
                request.headers[name] = value
        if payload.startswith("STREAMING-"):
            request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}

    s3.meta.events.register(f"before-sign.s3.{operation}", change)
    if operation == "PutObject":
        s3.put_object(Bucket="data", Key="chunked", Body=body)
    else:
        where = {"Bucket": "data", "Key": "chunked"}
        where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
        part = s3.upload_part(**where, PartNumber=1, Body=body)
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    return s3.get_object(Bucket="data", Key="chunked")["Body"].read()


SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


@pytest.mark.parametrize(
    ("payload", "body", "options"),
    [
        (SIGNED, SIGNED_CHUNKS + b"\r\n", {}),
        (SIGNED, SIGNED_CHUNKS + b"\r\n", {"encoding": "aws-chunked"}),
        (SIGNED, SIGNED_CHUNKS + b"\r\n", {"operation": "UploadPart"}),
        (
            f"{SIGNED}-TRAILER",
            SIGNED_CHUNKS + CHECKSUM + TRAILER_SIGNATURE + b"\r\n",
            {},
        ),
        (SIGNED.replace("HMAC", "ECDSA-P256"), SIGNED_CHUNKS + b"\r\n", {}),
        (
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            b"5\r\nhello\r\n0\r\n" + CHECKSUM + b"\r\n",
            {},
        ),
    ],
)
def test_stores_streams_without_their_chunk_framing(
    local_sts, key, payload, body, options
):
    """x-amz-content-sha256 shows that a body is in chunks, as it does to S3."""
    assert b"hello" == stream(local_sts, key, body, payload, **options)


def test_stores_a_body_that_only_claims_to_be_chunked(local_sts, key):
    """Content-Encoding alone describes the object, not the request."""
    stored = stream(
        local_sts, key, b"hello", "UNSIGNED-PAYLOAD", encoding="aws-chunked"
    )

    assert b"hello" == stored


@pytest.mark.parametrize(
    ("body", "length", "expected"),
    [
        (SIGNED_CHUNKS + b"\r\n", None, ("MissingContentLength", 411)),
        (SIGNED_CHUNKS + b"\r\n", "6", ("IncompleteBody", 400)),
        (SIGNED_CHUNKS[:90], "5", ("IncompleteBody", 400)),
        (b"hello", "5", ("IncompleteBody", 400)),
    ],
)
def test_refuses_incomplete_streams(local_sts, key, body, length, expected):
    """A stream has to have the length that it announces."""
    assert expected == code_of(
        stream,
        local_sts=local_sts,
        key=key,
        body=body,
        payload=SIGNED,
        length=length,
    )


def test_honours_presigned_urls(presigning, clock):
    """A presigned URL works until its key expires."""
    url = presigning.generate_presigned_url(
        "get_object", Params={"Bucket": "data", "Key": KEYS[0]}
    )

    with urllib.request.urlopen(url) as answer:
        assert b"0123456789" == answer.read()

    clock.advance(dt.timedelta(hours=1))

    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(url)


def test_takes_chunked_bodies(presigning, s3):
    """A body of unknown length comes in chunks."""
    url = presigning.generate_presigned_url(
        "put_object", Params={"Bucket": "data", "Key": "pipe"}
    )
    body = iter([b"hel", b"lo"])
    urllib.request.urlopen(urllib.request.Request(url, body, method="PUT")).close()

    got = s3.get_object(Bucket="data", Key="pipe")
    assert b"hello" == got["Body"].read()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"access_key_id": "AKIANOBODYHASTHISKEY"}, ("InvalidAccessKeyId", 403)),
        ({"secret_access_key": "w" * 40}, ("SignatureDoesNotMatch", 403)),
        ({"session_token": "made up"}, ("InvalidToken", 400)),
    ],
)
def test_checks_signers(local_sts, key, changes, expected):
    """S3 has error codes of its own."""
    changed = attrs.evolve(key, **changes)
    s3 = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=local_sts.s3_endpoint_url,
        aws_access_key_id=changed.access_key_id,
        aws_secret_access_key=changed.secret_access_key,
        aws_session_token=changed.session_token,
    )

    assert expected == code_of(s3.list_objects_v2, Bucket="data")


def test_checks_the_payload(s3):
    """Other bytes than those that were signed are rejected."""

    def tamper(request, **kwargs):
        request.body = b"HELLO"

    s3.meta.events.register("before-send.s3.PutObject", tamper)

    assert ("XAmzContentSHA256Mismatch", 400) == code_of(
        s3.put_object, Bucket="data", Key="x", Body=b"hello"
    )


def test_rejects_expired_keys(s3, clock):
    """An expired key gets status 400; to HEAD there is no code."""
    clock.advance(dt.timedelta(hours=1))

    assert ("ExpiredToken", 400) == code_of(s3.list_objects_v2, Bucket="data")
    assert ("400", 400) == code_of(s3.head_object, Bucket="data", Key=KEYS[0])


def test_can_reject_all_keys(local_sts, s3, key):
    """S3 can reject each key while STS goes on."""
    local_sts.reject_all_keys()

    assert ("ExpiredToken", 400) == code_of(s3.list_objects_v2, Bucket="data")
    assert local_sts.session(key).client("sts").get_caller_identity()

    local_sts.accept_keys()

    assert s3.list_objects_v2(Bucket="data")


def test_misses_buckets_and_operations(s3):
    """What isn't there, or isn't known here, is an error of S3's."""
    missing = code_of(s3.list_objects_v2, Bucket="none")
    unknown = code_of(s3.delete_bucket, Bucket="data")
    part = {"Bucket": "data", "Key": "x", "UploadId": "1", "PartNumber": 1}
    copy = code_of(s3.upload_part_copy, CopySource=f"data/{KEYS[0]}", **part)

    assert ("NoSuchBucket", 404) == missing
    assert [("NotImplemented", 501)] * 2 == [unknown, copy]


def test_list_buckets(local_sts, s3):
    """All of them are listed."""
    local_sts.add_bucket("b")
    local_sts.add_bucket("a")
    found = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

    assert ["a", "b", "data"] == found
