"""The same against moto, which knows more services than ours."""

from __future__ import annotations

import boto3
import moto
import pytest

from botocore.exceptions import ClientError

import stsession

from . import OTHER_ROLE, ROLE


@pytest.fixture(name="aws", autouse=True)
def _aws(monkeypatch):
    """An AWS in memory, and a user's keys for it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with moto.mock_aws():
        yield


def test_caller_identity():
    """AWS takes the session for the role."""
    session = stsession.assume(ROLE, role_session_name="nightly")

    identity = session.caller_identity()

    assert "arn:aws:sts::123456789012:assumed-role/Reader/nightly" == identity.arn
    assert "123456789012" == identity.account_id
    assert identity.user_id.endswith(":nightly")


def test_s3():
    """Its clients and resources work on S3."""
    session = stsession.assume(ROLE)
    s3 = session.client("s3")
    s3.create_bucket(
        Bucket="bucket",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    session.resource("s3").Object("bucket", "key").put(Body=b"content")

    assert b"content" == s3.get_object(Bucket="bucket", Key="key")["Body"].read()
    assert ["key"] == [
        each["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bucket")
        for each in page["Contents"]
    ]


def test_dynamodb():
    """And on DynamoDB, with waiters."""
    session = stsession.assume(ROLE)
    table = session.resource("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    table.put_item(Item={"id": "a", "n": 1})
    answer = session.client("dynamodb").get_item(
        TableName="table", Key={"id": {"S": "a"}}
    )

    assert {"id": {"S": "a"}, "n": {"N": "1"}} == answer["Item"]


def test_chain():
    """A role assumes another, in another account."""
    session = stsession.assume(ROLE).assume(
        OTHER_ROLE, role_session_name="hop", external_id="partner"
    )

    identity = session.caller_identity()

    assert "arn:aws:sts::210987654321:assumed-role/Writer/hop" == identity.arn
    assert "210987654321" == session.get_credentials().account_id


def test_resources_belong_to_the_account():
    """What a session of one account makes isn't there for the other."""
    stsession.assume(OTHER_ROLE).client("sqs").create_queue(QueueName="queue")

    assert "QueueUrls" not in boto3.client("sqs").list_queues()
    with pytest.raises(ClientError, match="NonExistentQueue"):
        stsession.assume(ROLE).client("sqs").get_queue_url(QueueName="queue")


def test_every_parameter():
    """All parameters of AssumeRole are taken."""
    session = stsession.assume(
        ROLE,
        role_session_name="nightly",
        duration_seconds=1_800,
        external_id="partner",
        policy={"Version": "2012-10-17", "Statement": []},
        policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        tags={"team": "blue"},
        transitive_tag_keys=["team"],
        source_identity="alice",
        region="us-west-2",
        sts_region="eu-west-1",
    )

    assert session.credentials().session_token
    assert "us-west-2" == session.region_name
