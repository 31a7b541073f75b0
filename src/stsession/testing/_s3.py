"""A small S3: buckets and objects in memory."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
import threading

from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import attrs

from .._core.runtime import utc
from ._answers import Answer, ServiceError, Tree, iso, to_xml
from ._authentication import authenticate
from ._http import HttpRequest, read_chunks
from ._iam import Iam


__all__ = ["S3Service", "read_s3"]


_RANGE = re.compile(r"bytes=(?=.*\d)(\d*)-(\d*)")
_PAGE = 1000

# By method, whether there is a key, and a parameter that distinguishes it.
_OPERATIONS: tuple[tuple[str, bool, str, str], ...] = (
    ("GET", True, "", "GetObject"),
    ("HEAD", True, "", "HeadObject"),
    ("PUT", True, "uploadId", "UploadPart"),
    ("PUT", True, "", "PutObject"),
    ("POST", True, "uploads", "CreateMultipartUpload"),
    ("POST", True, "uploadId", "CompleteMultipartUpload"),
    ("POST", False, "delete", "DeleteObjects"),
    ("DELETE", True, "uploadId", "AbortMultipartUpload"),
    ("DELETE", True, "", "DeleteObject"),
    ("GET", False, "list-type", "ListObjectsV2"),
    ("GET", False, "", "ListObjects"),
    ("HEAD", False, "", "HeadBucket"),
    ("PUT", False, "", "CreateBucket"),
)

_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}


@attrs.frozen(kw_only=True)
class _Object:
    body: bytes = attrs.field(repr=False)
    etag: str
    modified_at: float

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("ETag", self.etag),
            ("Last-Modified", formatdate(self.modified_at, usegmt=True)),
            ("Accept-Ranges", "bytes"),
        )


@attrs.frozen(kw_only=True)
class _Call:
    request: HttpRequest
    bucket: str
    key: str
    params: Mapping[str, str]

    @property
    def body(self) -> bytes:
        headers = self.request.headers
        # Content-Encoding: aws-chunked is optional and ignored.
        if not headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
            return self.request.body
        length = headers.get("x-amz-decoded-content-length")
        if length is None:
            message = "You must provide the Content-Length HTTP header."
            raise ServiceError("MissingContentLength", message, status=411)
        try:
            body = read_chunks(io.BytesIO(self.request.body))
            complete = len(body) == int(length)
        except ValueError:
            complete = False
        if not complete:
            message = (
                "The request body terminated unexpectedly or isn't as long as "
                "x-amz-decoded-content-length says."
            )
            raise ServiceError("IncompleteBody", message, status=400)
        return body


def read_s3(request: HttpRequest) -> tuple[str, dict[str, str]]:
    bucket, _, key = unquote(request.path).lstrip("/").partition("/")
    query = request.query_params()
    if not bucket and request.method == "GET":
        return "ListBuckets", {**query, "Bucket": "", "Key": ""}
    params = {k: v for k, v in query.items() if not k.startswith("X-Amz-")}
    for method, has_key, parameter, operation in _OPERATIONS:
        fits = (method, has_key) == (request.method, bool(key))
        if bucket and fits and (not parameter or parameter in params):
            if "x-amz-copy-source" in request.headers:
                operation = _COPIES.get(operation, operation)
            return operation, {**params, "Bucket": bucket, "Key": key}
    return f"{request.method} {request.path}", params


class S3Service:
    def __init__(self, iam: Iam) -> None:
        self._iam = iam
        self._lock = threading.RLock()  # guards the tables below
        self._buckets: dict[str, dict[str, _Object]] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}
        self._upload_ids = itertools.count(1)
        self._operations: Mapping[str, Callable[[_Call], Answer]] = {
            "AbortMultipartUpload": self._abort_multipart_upload,
            "CompleteMultipartUpload": self._complete_multipart_upload,
            "CopyObject": self._copy_object,
            "CreateBucket": self._create_bucket,
            "CreateMultipartUpload": self._create_multipart_upload,
            "DeleteObject": self._delete_object,
            "DeleteObjects": self._delete_objects,
            "GetObject": self._get_object,
            "HeadBucket": self._head_bucket,
            "HeadObject": self._head_object,
            "ListBuckets": self._list_buckets,
            "ListObjects": self._list_objects,
            "ListObjectsV2": self._list_objects_v2,
            "PutObject": self._put_object,
            "UploadPart": self._upload_part,
        }

    def add_bucket(self, name: str, objects: Mapping[str, bytes]) -> None:
        with self._lock:
            bucket = self._buckets.setdefault(name, {})
            bucket.update((key, self._object(body)) for key, body in objects.items())

    def answer(
        self, operation: str, params: Mapping[str, str], request: HttpRequest
    ) -> Answer:
        authenticate(self._iam, request, service="s3")
        if operation not in self._operations:
            message = "A header you provided implies functionality not implemented."
            raise ServiceError("NotImplemented", message, status=501)
        call = _Call(
            request=request,
            bucket=params["Bucket"],
            key=params["Key"],
            params=params,
        )
        with self._lock:
            return self._operations[operation](call)

    def _object(self, body: bytes, etag: str | None = None) -> _Object:
        if etag is None:
            etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        modified_at = self._iam.now().timestamp()
        return _Object(body=body, etag=f'"{etag}"', modified_at=modified_at)

    def _bucket(self, call: _Call) -> dict[str, _Object]:
        if call.bucket not in self._buckets:
            message = "The specified bucket does not exist"
            raise ServiceError("NoSuchBucket", message, status=404)
        return self._buckets[call.bucket]

    def _found(self, call: _Call) -> _Object:
        found = self._bucket(call).get(call.key)
        if found is None:
            message = "The specified key does not exist."
            raise ServiceError("NoSuchKey", message, status=404)
        return found

    def _parts(self, call: _Call) -> dict[int, bytes]:
        parts = self._uploads.get(call.params["uploadId"])
        if parts is None:
            message = "The specified multipart upload does not exist."
            raise ServiceError("NoSuchUpload", message, status=404)
        return parts

    def _create_bucket(self, call: _Call) -> Answer:
        self.add_bucket(call.bucket, {})
        return Answer(headers=(("Location", f"/{call.bucket}"),))

    def _head_bucket(self, call: _Call) -> Answer:
        self._bucket(call)
        return Answer()

    def _head_object(self, call: _Call) -> Answer:
        found = self._found(call)
        return Answer(
            body=found.body,  # for Content-Length only: the body isn't sent
            headers=found.headers(),
            content_type="binary/octet-stream",
        )

    def _get_object(self, call: _Call) -> Answer:
        answer = self._head_object(call)
        match = _RANGE.fullmatch(call.request.headers.get("range", ""))
        if match is None:
            return answer
        size = len(answer.body)
        first, last = int(match[1] or -1), min(int(match[2] or size), size - 1)
        if first < 0:  # the last bytes
            first, last = max(0, size - int(match[2])), size - 1
        if first > last:
            message = "The requested range is not satisfiable"
            raise ServiceError("InvalidRange", message, status=416)
        span = ("Content-Range", f"bytes {first}-{last}/{size}")
        return attrs.evolve(
            answer,
            status=206,
            body=answer.body[first : last + 1],
            headers=(*answer.headers, span),
        )

    def _put_object(self, call: _Call) -> Answer:
        bucket = self._bucket(call)
        if call.request.headers.get("if-none-match") == "*" and call.key in bucket:
            message = "At least one of the pre-conditions you specified did not hold"
            raise ServiceError("PreconditionFailed", message, status=412)
        new = bucket[call.key] = self._object(call.body)
        return Answer(headers=(("ETag", new.etag),))

    def _copy_object(self, call: _Call) -> Answer:
        source = unquote(call.request.headers["x-amz-copy-source"]).lstrip("/")
        bucket, _, key = source.partition("/")
        original = self._found(attrs.evolve(call, bucket=bucket, key=key))
        new = self._bucket(call)[call.key] = self._object(original.body)
        tree: Tree = {"ETag": new.etag, "LastModified": iso(utc(new.modified_at))}
        return Answer(body=to_xml({"CopyObjectResult": tree}).encode())

    def _delete_object(self, call: _Call) -> Answer:
        self._bucket(call).pop(call.key, None)
        return Answer(status=204)

    def _delete_objects(self, call: _Call) -> Answer:
        bucket = self._bucket(call)
        request = ET.fromstring(call.body)  # noqa: S314 - the client is a test
        keys = [key.text or "" for key in request.iterfind("{*}Object/{*}Key")]
        for key in keys:
            bucket.pop(key, None)
        is_quiet = request.findtext("{*}Quiet") == "true"
        deleted: list[Tree] = [] if is_quiet else [{"Key": key} for key in keys]
        return Answer(body=to_xml({"DeleteResult": {"Deleted": deleted}}).encode())

    def _create_multipart_upload(self, call: _Call) -> Answer:
        self._bucket(call)
        upload_id = f"upload-{next(self._upload_ids)}"
        self._uploads[upload_id] = {}
        names = {"Bucket": call.bucket, "Key": call.key, "UploadId": upload_id}
        tree = {"InitiateMultipartUploadResult": names}
        return Answer(body=to_xml(tree).encode())

    def _upload_part(self, call: _Call) -> Answer:
        part = self._object(call.body)
        self._parts(call)[int(call.params["partNumber"])] = part.body
        return Answer(headers=(("ETag", part.etag),))

    def _complete_multipart_upload(self, call: _Call) -> Answer:
        parts = self._parts(call)
        body = b"".join(parts[number] for number in sorted(parts))
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        new = self._object(body, etag=f"{digest}-{len(parts)}")
        self._bucket(call)[call.key] = new
        del self._uploads[call.params["uploadId"]]
        names = {"Bucket": call.bucket, "Key": call.key, "ETag": new.etag}
        tree = {"CompleteMultipartUploadResult": names}
        return Answer(body=to_xml(tree).encode())

    def _abort_multipart_upload(self, call: _Call) -> Answer:
        self._parts(call)
        del self._uploads[call.params["uploadId"]]
        return Answer(status=204)

    def _list_buckets(self, call: _Call) -> Answer:
        made_at = iso(self._iam.now())
        buckets: list[Tree] = [
            {"Name": name, "CreationDate": made_at} for name in sorted(self._buckets)
        ]
        tree: Tree = {"Buckets": {"Bucket": buckets}}
        return Answer(body=to_xml({"ListAllMyBucketsResult": tree}).encode())

    def _list_objects(self, call: _Call) -> Answer:
        return self._listing(call, call.params.get("marker", ""), "NextMarker")

    def _list_objects_v2(self, call: _Call) -> Answer:
        after = call.params.get("start-after", "")
        after = call.params.get("continuation-token", after)
        return self._listing(call, after, "NextContinuationToken")

    def _listing(self, call: _Call, after: str, next_name: str) -> Answer:
        bucket = self._bucket(call)
        size = min(int(call.params.get("max-keys", _PAGE)), _PAGE)
        names = list(self._names(call, after))
        page = names[:size]
        encode = quote if call.params.get("encoding-type") == "url" else str
        contents: list[Tree] = [
            {
                "Key": encode(name),
                "LastModified": iso(utc(bucket[name].modified_at)),
                "ETag": bucket[name].etag,
                "Size": len(bucket[name].body),
                "StorageClass": "STANDARD",
            }
            for name, is_key in page
            if is_key
        ]
        prefixes: list[Tree] = [
            {"Prefix": encode(name)} for name, is_key in page if not is_key
        ]
        is_truncated = 0 < size < len(names)
        following = {next_name: encode(page[-1][0])} if is_truncated else {}
        encoding = {"EncodingType": "url"} if encode is quote else {}
        tree: dict[str, Tree] = {
            "Name": call.bucket,
            "Prefix": encode(call.params.get("prefix", "")),
            **encoding,
            "IsTruncated": str(is_truncated).lower(),
            "MaxKeys": size,
            "KeyCount": len(page),
            **following,
            "Contents": contents,
            "CommonPrefixes": prefixes,
        }
        return Answer(body=to_xml({"ListBucketResult": tree}).encode())

    def _names(self, call: _Call, after: str) -> Iterator[tuple[str, bool]]:
        """Yield keys and common prefixes after *after*, and whether it's a key."""
        prefix = call.params.get("prefix", "")
        delimiter = call.params.get("delimiter", "")
        last = None  # the last common prefix, whose other keys are left out
        if delimiter and after.endswith(delimiter) and after != prefix:
            last = after
        for key in sorted(self._bucket(call)):
            is_seen = key <= after or (last is not None and key.startswith(last))
            if is_seen or not key.startswith(prefix):
                continue
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end < 0:
                yield key, True
            else:
                last = key[: end + len(delimiter)]
                yield last, False
