"""Services that reject keys as AWS does: `stsession.testing.expiring`."""

from __future__ import annotations

import datetime as dt
import json
import urllib.error
import urllib.request

import boto3
import pytest

from botocore.config import Config

import stsession

from stsession.testing import LocalSTS, expiring

from .local import code_of, serving


READER = "arn:aws:iam::123456789012:role/Reader"
HOUR = dt.timedelta(hours=1)
S3V4 = Config(signature_version="s3v4", request_checksum_calculation="when_required")
XML = "<Response><R/></Response>"

# For each protocol of AWS: a service, a call, and the response.
CALLS = {
    "S3": ("s3", lambda s3: s3.get_object_tagging(Bucket="b", Key="a /+%~é"), XML),
    "query": ("iam", lambda iam: iam.delete_user(UserName="x+y"), XML),
    "ec2": ("ec2", lambda ec2: ec2.delete_key_pair(KeyName="x"), XML),
    "json 1.0": ("dynamodb", lambda db: db.list_tables(), "{}"),
    "json 1.1": ("ssm", lambda ssm: ssm.get_parameter(Name="x"), "{}"),
    "rest-json": ("lambda", lambda aws: aws.get_function(FunctionName="a:1"), "{}"),
    "rest-xml": ("route53", lambda dns: dns.get_hosted_zone_count(), XML),
}

QUERY = [
    ("ExpiredToken", 403),
    ("InvalidClientTokenId", 403),
    ("InvalidClientTokenId", 403),
    ("SignatureDoesNotMatch", 403),
]
JSON = [
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
]

# The errors for an expired key, an unknown key, another token and another secret.
ERRORS = {
    "S3": [
        ("ExpiredToken", 400),
        ("InvalidAccessKeyId", 403),
        ("InvalidToken", 400),
        ("SignatureDoesNotMatch", 403),
    ],
    "query": QUERY,
    "ec2": [("RequestExpired", 400), *[("AuthFailure", 401)] * 3],
    "json 1.0": [(code, 400) for code in JSON],
    "json 1.1": [(code, 400) for code in JSON],
    "rest-json": [(code, 403) for code in JSON],
    "rest-xml": QUERY,
}


class Services:
    """An application that accepts all requests and responds with *text*."""

    def __init__(self) -> None:
        self.text = ""
        self.environ: dict[str, object] = {}

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read()
        self.environ = {**environ, "body": body}
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [self.text.encode()]


@pytest.fixture(name="local")
def _local(clock):
    with LocalSTS(clock=clock) as local:
        local.add_role(READER)
        yield local


@pytest.fixture(name="services")
def _services():
    return Services()


@pytest.fixture(name="url")
def _url(local, services):
    """The services behind the keys of the local STS."""
    with serving(expiring(services, sts=local)) as url:
        yield url


@pytest.fixture(name="session")
def _session(local):
    return stsession.assume(READER, source=local.session(local.add_user()))


def client_of(keys, service, url):
    """A client that doesn't get other keys."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-central-1",
        config=Config(retries={"total_max_attempts": 1}),
        **keys,
    )


def keys_of(credentials, **changes):
    """The arguments of boto3, some of them changed."""
    keys = {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
    }
    return keys | {f"aws_{name}": value for name, value in changes.items()}


@pytest.mark.parametrize("protocol", CALLS)
def test_sessions_and_other_keys(protocol, services, session, url, clock):
    """A session works across expirations; other keys get the error of the service."""
    name, call, services.text = CALLS[protocol]
    client = session.client(name, endpoint_url=url, region_name="eu-central-1")
    first, call_first = session.credentials(), call(client)
    clock.advance(3 * HOUR)

    second = session.credentials()
    rejected = [
        keys_of(first),
        keys_of(second, access_key_id="AKIAUNKNOWN"),
        keys_of(second, session_token=first.session_token),
        keys_of(second, secret_access_key=first.secret_access_key),
    ]
    errors = [code_of(call, client_of(keys, name, url)) for keys in rejected]

    assert ERRORS[protocol] == errors
    assert 200 == call_first["ResponseMetadata"]["HTTPStatusCode"]
    assert 200 == call(client)["ResponseMetadata"]["HTTPStatusCode"]


def test_requests_reach_the_application(services, session, url):
    """It gets the body that was checked, and the headers."""
    services.text = "{}"
    client = session.client("dynamodb", endpoint_url=url)
    client.put_item(TableName="t", Item={"id": {"S": "é"}})

    assert {"S": "é"} == json.loads(services.environ["body"])["Item"]["id"]
    assert "DynamoDB_20120810.PutItem" == services.environ["HTTP_X_AMZ_TARGET"]


@pytest.mark.parametrize("protocol", ["S3", "query", "rest-json"])
def test_servers_that_pass_no_url(local, services, session, protocol):
    """The URL is made of the path for servers such as the standard library's."""
    name, call, services.text = CALLS[protocol]
    app = expiring(services, sts=local)

    def without_url(environ, start_response):
        environ = {k: v for k, v in environ.items() if not k.endswith("_URI")}
        return app(environ, start_response)

    with serving(without_url) as url:
        client = session.client(name, endpoint_url=url, region_name="eu-central-1")

        assert 200 == call(client)["ResponseMetadata"]["HTTPStatusCode"]


def test_dropped_headers(session, services, url):
    """Servers drop headers with underscores, which doesn't make a signature wrong."""
    s3 = session.client("s3", endpoint_url=url)
    s3.put_object(Bucket="b", Key="k", Body=b"x", Metadata={"a_b": "c"})

    assert b"x" == services.environ["body"]


def test_user_keys(local, services, url, clock):
    """They don't expire, but may be rejected."""
    services.text = XML
    key = local.add_user()
    client = client_of(keys_of(key), "sns", url)
    clock.advance(1000 * HOUR)

    assert client.delete_topic(TopicArn="arn:aws:sns:eu-central-1:1:a")

    local.reject_key(key.access_key_id)

    assert ("InvalidClientTokenId", 403) == code_of(
        client.delete_topic, TopicArn="arn:aws:sns:eu-central-1:1:a"
    )


def test_rejected_keys(local, session, services, url):
    """A session replaces a key that was rejected early."""
    services.text = "{}"
    client = session.client("lambda", endpoint_url=url)
    client.list_functions()
    local.reject_current()

    assert 200 == client.list_functions()["ResponseMetadata"]["HTTPStatusCode"]
    assert 2 == local.count("AssumeRole")


def test_presigned_urls(session, services, url, clock):
    """They expire with the session's credentials."""
    services.text = "content"
    s3 = session.client("s3", endpoint_url=url, config=S3V4)
    parameters = {"Params": {"Bucket": "b", "Key": "k"}, "ExpiresIn": 100_000}
    presigned = s3.generate_presigned_url("get_object", **parameters)

    with urllib.request.urlopen(presigned) as response:
        assert b"content" == response.read()

    clock.advance(3 * HOUR)

    with pytest.raises(urllib.error.HTTPError, match="400") as caught:
        urllib.request.urlopen(presigned)
    with caught.value as response:
        assert b"<Code>ExpiredToken</Code>" in response.read()


def test_chunked_bodies(session, services, url):
    """A body of unknown length is passed on."""
    s3 = session.client("s3", endpoint_url=url, config=S3V4)
    presigned = s3.generate_presigned_url("put_object", {"Bucket": "b", "Key": "k"})
    body = iter([b"hel", b"lo"])
    urllib.request.urlopen(
        urllib.request.Request(presigned, body, method="PUT")
    ).close()

    assert b"hello" == services.environ["body"]


def test_responses_without_a_body(session, url, clock):
    """A HEAD request gets the status only."""
    client = client_of(keys_of(session.credentials()), "s3", url)
    clock.advance(3 * HOUR)

    assert ("400", 400) == code_of(client.head_object, Bucket="b", Key="k")


@pytest.mark.parametrize("credential", [None, "AKIA/no/scope"])
def test_unsigned_requests(services, url, credential):
    """They are left to the application."""
    services.text = "open"
    headers = {}
    if credential is not None:
        parts = f"Credential={credential}, SignedHeaders=host, Signature={'0' * 64}"
        headers["Authorization"] = f"AWS4-HMAC-SHA256 {parts}"

    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as got:
        assert b"open" == got.read()
