"""
A fleet's client sends what an ordinary client sends, and returns the same results.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import itertools
import json
import re
import types
import uuid

import boto3
import botocore.endpoint
import botocore.waiter
import pytest

from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.httpsession import URLLib3Session
from botocore.retries.bucket import TokenBucket

import stsession

from stsession.fleet._clients import template
from stsession.testing import FakeClock, StubSTS, use_runtime

from ..fleet_sessions import fleet_session
from . import ROLE


class Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_):
        """All at once."""
        yield self.read()


class Wire:
    """Takes what is sent, and has an answer to it."""

    def __init__(self, answers):
        self.answers = answers
        self.requests = 0
        self.sent = []

    def send(self, request):
        """Note a request, and answer it."""
        body = request.body
        body = body.read() if hasattr(body, "read") else body
        if body and len(body) > 10_000:
            body = hashlib.sha256(body).hexdigest()
        self.requests += 1
        if "PresignedUrl" in str(body):  # with a token of whatever length in it
            del request.headers["Content-Length"]
        self.sent += [
            f"{request.method} {normal(request.url)}",
            *sorted(f"{n.lower()}: {normal(v)}" for n, v in request.headers.items()),
            normal(body),
        ]
        number = min(self.requests, len(self.answers)) - 1
        status, headers, content = self.answers[number]
        return AWSResponse(request.url, status, headers, Raw(content))


CHANCES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(Signature(=|%3D))[^&,\s]+", r"\1..."),
        (r"(^AWS [^:]+:).*", r"\1..."),
        (r"(Expires=)\d+", r"\1..."),
        (r"\d{8}T\d{6}Z", "NOW"),
        (r"(/|%2F|%252F)20\d{6}(/|%2F|%252F)", r"\1TODAY\2"),
        (r"\w{3}, \d\d \w{3} 20\d\d \d\d:\d\d:\d\d GMT", "NOW"),
        (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(.\d+)?Z", "NOW"),
        (r"IQoJb3JpZ2lu[\w/+%]+(?=\d{8})", "TOKEN"),
        (r"ASIA\w{8}(?=\d{8})", "ASIA"),
    )
]


FEATURES = re.compile(r" m/(\S+)")
"""What a user agent says of what has been used, as it comes out of a set."""


def normal(value):
    """Without what depends on the instant, or on chance."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        for pattern, replacement in CHANCES:
            value = pattern.sub(replacement, value)
        value = FEATURES.sub(lambda m: f" m/{sorted(m[1].split(','))}", value)
    return value


def ok(body=b"", status=200, **headers):
    """An answer; in the names of headers, ``_`` stands for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, body if isinstance(body, bytes) else body.encode()


def said(**values):
    """An answer in JSON."""
    return ok(json.dumps(values))


def s3_error(code, status, extra="", **headers):
    """An error in the words of S3."""
    text = f"<Error><Code>{code}</Code><Message>No.</Message>{extra}</Error>"
    return ok(text, status, **headers)


def json_error(code, status=400):
    """An error of a service that speaks JSON."""
    return ok(json.dumps({"__type": code, "message": "No."}), status)


LISTED = ok(
    "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents>"
    "<NextContinuationToken>more</NextContinuationToken></ListBucketResult>"
)
LISTED_LAST = ok(
    "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>b</Key>"
    "</Contents></ListBucketResult>"
)
MULTIPART = ok(
    "<InitiateMultipartUploadResult><UploadId>upload</UploadId>"
    "</InitiateMultipartUploadResult>"
)
PART = ok(ETag='"part"')
COMPLETED = ok(
    "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
)
COPIED = ok("<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")
EXPRESS = ok(
    "<CreateSessionResult><Credentials><SessionToken>express</SessionToken>"
    "<SecretAccessKey>secret</SecretAccessKey><AccessKeyId>AKIAEXPRESS</AccessKeyId>"
    "<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>"
)
IDENTITY = ok(
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
INSTANCES = ok(
    "<DescribeInstancesResponse><nextToken>more</nextToken></DescribeInstancesResponse>"
)
INSTANCES_LAST = ok("<DescribeInstancesResponse></DescribeInstancesResponse>")
ITEM = said(Item={"id": {"S": "a"}})
SLOW_DOWN = s3_error("SlowDown", 503)
THROTTLED = json_error("ThrottlingException")
BUCKET = "<Bucket>bucket</Bucket>"
SMALL = TransferConfig(
    multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20, use_threads=False
)

CALLS = {}


def call(*answers, calls=CALLS):
    """A use of a session that meets with these answers; the last one is given again."""

    def decorate(function):
        calls[function.__name__.strip("_")] = function, answers or (ok(),)
        return function

    return decorate


@call(ok(ETag='"e"'))
def _s3_put(session):
    return session.client("s3").put_object(Bucket="bucket", Key="a b", Body=b"hello")


@call(ok(b"hello", Content_Length="5"))
def _s3_get(session):
    answer = session.client("s3").get_object(Bucket="bucket", Key="a")
    return answer["Body"].read(2), answer["Body"].read()


@call()
def _s3_head(session):
    return session.client("s3").head_object(Bucket="bucket", Key="a")


@call(ok(status=204))
def _s3_delete(session):
    return session.client("s3").delete_object(Bucket="bucket", Key="a")


@call(ok("<DeleteResult></DeleteResult>"))
def _s3_delete_many(session):
    s3 = session.client("s3")
    return s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a"}]})


@call(COPIED)
def _s3_copy(session):
    s3 = session.client("s3")
    source = {"Bucket": "other", "Key": "ä"}
    return s3.copy_object(Bucket="bucket", Key="a", CopySource=source)


@call(ok(Content_Length="5", ETag='"e"'), COPIED)
def _s3_managed_copy(session):
    source = {"Bucket": "other", "Key": "b"}
    session.client("s3").copy(source, "bucket", "a", Config=SMALL)


@call(LISTED, LISTED_LAST)
def _s3_pages(session):
    s3 = session.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket")
    return list(pages.search("Contents[].Key")), s3.can_paginate("list_objects_v2")


@call(PART)
def _s3_upload_small(session):
    session.client("s3").upload_fileobj(io.BytesIO(b"x"), "bucket", "a", Config=SMALL)


@call(MULTIPART, PART, PART, COMPLETED)
def _s3_upload_parts(session):
    body = io.BytesIO(bytes(6 * 2**20))
    session.client("s3").upload_fileobj(body, "bucket", "a", Config=SMALL)


@call(PART)
def _s3_upload_file(session):
    session.client("s3").upload_file(__file__, "bucket", "a", Config=SMALL)


@call(ok(Content_Length="5", ETag='"e"'), ok(b"hello", Content_Length="5"))
def _s3_download(session):
    body = io.BytesIO()
    session.client("s3").download_fileobj("bucket", "a", body, Config=SMALL)
    return body.getvalue()


@call()
def _s3_stream(session):
    s3 = session.client("s3")
    return s3.put_object(Bucket="bucket", Key="a", Body=io.BytesIO(b"hello"))


class Pipe:
    """A body that can only be read."""

    def __init__(self, content):
        self.read = io.BytesIO(content).read


@call()
def _s3_stream_that_cant_seek(session):
    s3 = session.client("s3")
    return s3.put_object(Bucket="bucket", Key="a", Body=Pipe(b"hello"), ContentLength=5)


@call()
def _s3_checksums(session):
    s3 = session.client("s3")
    for algorithm in ("CRC32", "SHA256"):
        s3.put_object(
            Bucket="bucket",
            Key="a",
            Body=io.BytesIO(b"hello"),
            ChecksumAlgorithm=algorithm,
        )


@call()
def _s3_presigned(session):
    urls = []
    for config in (
        None,
        Config(signature_version="s3v4"),
        Config(s3={"addressing_style": "path"}),
    ):
        for region in ("us-east-1", "eu-south-1"):
            s3 = session.client("s3", region_name=region, config=config)
            for operation in ("get_object", "put_object"):
                params = {"Bucket": "bucket", "Key": "a"}
                url = s3.generate_presigned_url(operation, params, ExpiresIn=60)
                urls.append(normal(url))
    return urls


@call()
def _s3_presigned_post(session):
    posts = []
    for region in ("us-east-1", "eu-south-1"):
        s3 = session.client("s3", region_name=region)
        post = s3.generate_presigned_post("bucket", "a")
        fields = post["fields"]
        fields["policy"] = normal(base64.b64decode(fields["policy"]))
        fields.pop("signature", None)
        fields.pop("x-amz-signature", None)
        posts.append((post["url"], {n: normal(v) for n, v in fields.items()}))
    return posts


@call(
    s3_error("PermanentRedirect", 301, BUCKET, x_amz_bucket_region="eu-west-3"),
    ok(b"hello"),
)
def _s3_permanent_redirect(session):
    s3 = session.client("s3")
    s3.get_object(Bucket="bucket", Key="a")
    s3.get_object(Bucket="bucket", Key="b")  # the region is known by now


@call(
    s3_error(
        "AuthorizationHeaderMalformed", 400, "<Region>eu-west-3</Region>" + BUCKET
    ),
    ok(b"hello"),
)
def _s3_malformed_header(session):
    session.client("s3").get_object(Bucket="bucket", Key="a")


@call(ok(status=400, x_amz_bucket_region="eu-west-3"), ok())
def _s3_head_elsewhere(session):
    s3 = session.client("s3")
    s3.head_bucket(Bucket="bucket")
    s3.head_object(Bucket="bucket", Key="a")


@call(EXPRESS, ok(b"hello"))
def _s3_express(session):
    s3 = session.client("s3", region_name="us-east-1")
    for key in "ab":
        s3.get_object(Bucket="bucket--use1-az4--x-s3", Key=key)
    url = s3.generate_presigned_url(
        "get_object", {"Bucket": "bucket--use1-az4--x-s3", "Key": "a"}
    )
    return normal(url)


@call()
def _s3_arns(session):
    s3 = session.client("s3", config=Config(s3={"use_arn_region": True}))
    for arn in (
        "arn:aws:s3:us-west-2:123456789012:accesspoint/point",
        "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/point",
    ):
        s3.get_object(Bucket=arn, Key="a")


@call()
def _s3_object_lambda(session):
    s3 = session.client("s3")
    arn = "arn:aws:s3-object-lambda:eu-central-1:123456789012:accesspoint/point"
    s3.get_object(Bucket=arn, Key="a")


@call()
def _s3_addressing(session):
    for s3 in (
        {"addressing_style": "path"},
        {"addressing_style": "virtual"},
        {"use_accelerate_endpoint": True},
        {"payload_signing_enabled": True},
        {"us_east_1_regional_endpoint": "legacy"},
    ):
        client = session.client("s3", region_name="us-east-1", config=Config(s3=s3))
        client.put_object(Bucket="bucket", Key="a", Body=b"hello")


@call()
def _variants(session):
    for name in ("use_dualstack_endpoint", "use_fips_endpoint"):
        config = Config(**{name: True})
        session.client("s3", region_name="us-east-1", config=config).list_buckets()


@call()
def _fips_region(session):
    session.client("s3", region_name="fips-us-east-1").list_buckets()


@call(s3_error("NoSuchKey", 404))
def _modeled_error(session):
    s3 = session.client("s3")
    try:
        s3.get_object(Bucket="bucket", Key="a")
    except s3.exceptions.NoSuchKey as e:
        return e.response["Error"]


@call(s3_error("Whatever", 409))
def _other_error(session):
    session.client("s3").list_buckets()


@call(ok(status=404), ok(status=404), ok())
def _waiter(session):
    session.client("s3").get_waiter("bucket_exists").wait(Bucket="bucket")


@call(ITEM)
def _account_endpoints(session):
    for mode in (None, "preferred", "disabled", "required"):
        for region in ("eu-central-1", "us-east-1"):
            config = mode and Config(account_id_endpoint_mode=mode)
            client = session.client("dynamodb", region_name=region, config=config)
            client.get_item(TableName="table", Key={"id": {"S": "a"}})


@call(INSTANCES, INSTANCES_LAST)
def _ec2_pages(session):
    ec2 = session.client("ec2")
    pages = ec2.get_paginator("describe_instances").paginate(MaxResults=5)
    return len(list(pages))


@call(INSTANCES_LAST)
def _ec2_filters(session):
    filters = [{"Name": "tag:a", "Values": ["b", "c"]}]
    return session.client("ec2").describe_instances(Filters=filters)


@call(ok("<CopySnapshotResponse><snapshotId>s</snapshotId></CopySnapshotResponse>"))
def _ec2_presigned_copy(session):
    ec2 = session.client("ec2")
    ec2.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId="s")


@call(IDENTITY)
def _sts(session):
    return session.client("sts").get_caller_identity()["Account"]


@call(said(MessageId="1", MD5OfMessageBody="5d41402abc4b2a76b9719d911017c592"))
def _sqs(session):
    sqs = session.client("sqs")
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/queue"
    return sqs.send_message(QueueUrl=url, MessageBody="hello")


@call(ok(b'"done"'))
def _awslambda(session):
    client = session.client("lambda")
    return client.invoke(FunctionName="f", Payload=b"{}")["Payload"].read()


@call(said(events=[]))
def _logs(session):
    session.client("logs").filter_log_events(logGroupName="group")


@call(said(Entries=[]))
def _events(session):
    session.client("events").put_events(Entries=[{"Source": "s", "Detail": "{}"}])


@call(said(ContinuousBackupsDescription={"ContinuousBackupsStatus": "ENABLED"}))
def _idempotency_token(session):
    items = [{"Put": {"TableName": "table", "Item": {"id": {"S": "a"}}}}]
    session.client("dynamodb").transact_write_items(TransactItems=items)


def retried(mode, service, answers):
    """A call that is tried again in this mode."""

    def use(session):
        config = Config(retries={"mode": mode, "max_attempts": 4})
        client = session.client(service, config=config)
        if service == "s3":
            return client.list_buckets()
        return client.list_tables()

    use.__name__ = f"retries_{mode}_{service}"
    call(*answers)(use)


for _mode in ("legacy", "standard", "adaptive"):
    retried(_mode, "s3", [SLOW_DOWN, SLOW_DOWN, ok("<ListAllMyBucketsResult/>")])
    retried(_mode, "dynamodb", [THROTTLED, THROTTLED, said(TableNames=[])])


@call(SLOW_DOWN)
def _retries_that_end(session):
    client = session.client("s3", config=Config(retries={"total_max_attempts": 2}))
    client.list_buckets()


@call(s3_error("ExpiredToken", 400), ok("<ListAllMyBucketsResult/>"))
def _expired_token(session):
    session.client("s3").list_buckets()


DISCOVERED = said(
    Endpoints=[{"Address": "cell.example.com", "CachePeriodInMinutes": 9}]
)


@call(DISCOVERED, said(Databases=[]))
def _discovery(session):
    client = session.client("timestream-write", region_name="us-east-1")
    client.list_databases()
    client.list_databases()


@call(DISCOVERED, said(TableNames=[]))
def _discovery_if_wanted(session):
    config = Config(
        endpoint_discovery_enabled=True, account_id_endpoint_mode="disabled"
    )
    session.client("dynamodb", config=config).list_tables()


@call()
def _handlers_of_the_user(session):
    s3 = session.client("s3")
    seen = []

    def before_sign(request, **_):
        request.headers["X-Mine"] = "1"

    def before_send(request, **_):
        seen.append(request.headers["X-Mine"])

    s3.list_buckets()
    s3.meta.events.register("before-sign.s3", before_sign)
    s3.meta.events.register_last("before-send.s3.ListBuckets", before_send)
    s3.list_buckets()
    s3.meta.events.unregister("before-sign.s3", before_sign)
    s3.meta.events.unregister("before-send.s3.ListBuckets", before_send)
    s3.list_buckets()
    return seen


@call()
def _handler_that_answers(session):
    s3 = session.client("s3")
    answer = ok(), {"Buckets": [{"Name": "mine"}]}
    response = types.SimpleNamespace(status_code=200)
    s3.meta.events.register("before-call.s3", lambda **_: (response, answer[1]))
    return s3.list_buckets()


@call(IDENTITY)
def _client_in_a_handler(session):
    s3, sts = session.client("s3"), session.client("sts")

    def before_sign(request, **_):
        request.headers["X-Account"] = sts.get_caller_identity()["Account"]

    s3.meta.events.register("before-sign.s3", before_sign)
    s3.list_buckets()
    sts.get_caller_identity()


@call()
def _without_the_signer(session):
    s3 = session.client("s3")
    handler = s3._request_signer.handler
    s3.meta.events.unregister("request-created.s3", handler)
    s3.list_buckets()


@call()
def _unsigned(session):
    config = Config(signature_version=UNSIGNED)
    session.client("s3", config=config).get_object(Bucket="bucket", Key="a")
    session.client("dynamodb", config=config).list_tables()


@call()
def _configured(session):
    for config in (
        Config(user_agent_extra="mine/1"),
        Config(user_agent="mine/1"),
        Config(user_agent_appid="mine"),
        Config(retries={"max_attempts": 0}),
        Config(proxies={"https": "http://127.0.0.1:1"}, connect_timeout=1),
        Config(request_checksum_calculation="when_required"),
        Config(parameter_validation=False),
        Config(disable_request_compression=True),
        Config(region_name="eu-west-2"),
        Config(signature_version="v4", inject_host_prefix=False),
    ):
        s3 = session.client("s3", config=config)
        s3.put_object(Bucket="bucket", Key="a", Body=b"hello")


@call()
def _arguments(session):
    for arguments in (
        {"endpoint_url": "http://127.0.0.1:1/path"},
        {"verify": False},
        {"verify": "/ca.pem"},
        {"use_ssl": False},
        {"use_ssl": None},
        {"api_version": "2006-03-01"},
        {"region_name": None, "aws_access_key_id": None, "aws_secret_access_key": None},
    ):
        session.client("s3", **arguments).list_buckets()
    session.client("s3", "eu-west-2").list_buckets()
    session.client(service_name="s3", region_name="us-gov-west-1").list_buckets()


@call(ok(b"{}"))
def _more_services(session):
    session.client("iam").list_users()
    session.client("organizations").list_accounts()
    session.client("cloudfront").list_distributions()
    session.client("s3control").list_jobs(AccountId="123456789012")
    session.client("route53").list_hosted_zones()
    session.client("apigateway").get_rest_apis()
    session.client("glacier").list_vaults()
    session.client("kms").list_keys()


@call(ok("<GenerateResult/>"))
def _rds(session):
    rds = session.client("rds")
    token = rds.generate_db_auth_token("host", 5432, "user")
    return normal(token)


@call(ok("<ListRolesResponse/>"))
def _presigned_others(session):
    sts = session.client("sts")
    return normal(sts.generate_presigned_url("get_caller_identity"))


@call()
def _parameters_that_are_wrong(session):
    session.client("s3").put_object(Bucket="bucket", Nonsense=1)


@call()
def _bucket_that_is_wrong(session):
    session.client("s3").list_objects_v2(Bucket="no bucket!")


@call(ok(status=500))
def _checks_of_a_client(session):
    s3 = session.client("s3")
    meta = s3.meta
    methods = [name for name in dir(s3) if not name.startswith("__")]
    config = {
        name: value
        for name, value in vars(meta.config).items()
        if name not in ("_user_provided_options", "max_pool_connections")
    }
    return (
        methods,
        type(s3).__name__,
        type(s3).__module__,
        [base.__name__ for base in type(s3).__mro__],
        config,
        (meta.region_name, meta.partition, meta.endpoint_url),
        meta.method_to_api_mapping,
        meta.service_model.service_name,
        sorted(s3.waiter_names),
    )


@call()
def _missing_attribute(session):
    return session.client("s3").nonsense


ERRORS = {}


def error(function):
    """The same for a use that fails before anything is sent."""
    return call(calls=ERRORS)(function)


@error
def _unknown_service(session):
    session.client("nonsense")


@error
def _unknown_version(session):
    session.client("s3", api_version="1999-01-01")


@error
def _bad_region(session):
    session.client("s3", region_name="no region!")


@error
def _bad_config(session):
    session.client("s3", config={"region_name": "eu-west-1"})


@error
def _bad_endpoint(session):
    session.client("s3", endpoint_url="nonsense")


@error
def _unhashable_region(session):
    session.client("s3", region_name=bytearray(b"eu-west-1"))


@error
def _unknown_argument(session):
    session.client("s3", nonsense=1)


@error
def _argument_twice(session):
    session.client("s3", "eu-west-1", region_name="eu-west-1")


@error
def _too_many_arguments(session):
    session.client("s3", *range(20))


@error
def _half_a_key(session):
    session.client("s3", aws_access_key_id="AKIAEXAMPLE")


@error
def _bad_retries(session):
    session.client("s3", config=Config(retries={"mode": "nonsense"}))


@pytest.fixture(name="pair", scope="module")
def _pair():
    """
    Return an ordinary session and one of a fleet, the same ones for the same key.

    What one use leaves behind in the fleet's templates shows in the next.
    """

    def source():
        session = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-central-1")
        session.events.register("before-send.sts", StubSTS(clock=clock))
        return session

    @functools.cache
    def pair(key):
        ordinary = stsession.assume(ROLE, source=source())
        return ordinary, fleet_session(ROLE, source=source())

    clock = FakeClock()
    with use_runtime(clock=clock, random=lambda: 0.5, submit=lambda task: not task()):
        yield pair


@pytest.fixture(name="_files", autouse=True)
def __files(monkeypatch):
    """The same for all tests, as fleets make other templates for other files."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "no-config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "no-credentials")


def outcome(monkeypatch, session, use, answers):
    """What is sent, and what comes of it."""
    session.credentials()
    wire, pauses, result, error = Wire(answers), [], None, None
    numbers = itertools.count(1)
    with monkeypatch.context() as patch:
        patch.setattr(URLLib3Session, "send", lambda _, request: wire.send(request))
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=next(numbers)))
        time = types.SimpleNamespace(sleep=pauses.append)
        patch.setattr(botocore.waiter, "time", time)
        patch.setattr(botocore.endpoint, "time", time)
        # The adaptive mode waits for its bucket.
        patch.setattr(TokenBucket, "_sleep_amount", lambda *_: pauses.append(0) or 0)
        try:
            result = use(session)
        except Exception as e:  # noqa: BLE001 - it's what is compared
            error = type(e).__name__, str(e), getattr(e, "response", None)
    return {
        "sent": wire.sent,
        "pauses": len(pauses),
        "result": result,
        "error": error,
    }


WITH_OWN_EVENTS = (
    "client_in_a_handler",
    "expired_token",
    "handler_that_answers",
    "handlers_of_the_user",
    "retries_adaptive_s3",
    "retries_standard_s3",
    "s3_express",
    "s3_permanent_redirect",
    "s3_put",
    "without_the_signer",
)
"""Uses that are compared also with clients that don't share event handlers."""


@pytest.mark.parametrize(
    ("name", "shared_events"),
    [*((name, True) for name in CALLS), *((name, False) for name in WITH_OWN_EVENTS)],
)
def test_same_on_the_wire(pair, monkeypatch, name, shared_events):
    """The same use of both sends the same, waits as often, and ends alike."""
    use, answers = CALLS[name]
    if not shared_events:
        monkeypatch.setattr(template, "listing", None)
    ordinary, session = pair(shared_events)

    expected = outcome(monkeypatch, ordinary, use, answers)

    assert expected == outcome(monkeypatch, session, use, answers)
    templates = [template for (template,) in session._clients._templates.values()]
    assert {shared_events} == {each.unshared_events is None for each in templates}
    assert "_made_boto3_session" not in vars(session)


@pytest.mark.parametrize("name", ERRORS)
def test_same_errors(pair, monkeypatch, name):
    """Arguments that boto3 rejects raise the same error, each time."""
    use, answers = ERRORS[name]
    ordinary, session = pair("errors")

    expected = outcome(monkeypatch, ordinary, use, answers)

    assert expected["error"] is not None
    assert expected == outcome(monkeypatch, session, use, answers)
    assert expected == outcome(monkeypatch, session, use, answers)
