"""Services of moto's server, with keys that expire."""

from __future__ import annotations

import datetime as dt

import boto3
import pytest

from botocore.exceptions import ClientError
from moto.server import DomainDispatcherApplication, create_backend_app

from stsession.testing import expiring

from ..local import serving


@pytest.fixture(name="url")
def _url(local):
    app = expiring(DomainDispatcherApplication(create_backend_app), sts=local)
    with serving(app) as url:
        yield url


def test_across_expirations(session, local, clock, url):
    """Clients of a session continue to work; a client with its first keys fails."""
    s3 = session.client("s3", endpoint_url=url, region_name="us-east-1")
    db, sqs = (session.client(name, endpoint_url=url) for name in ("dynamodb", "sqs"))
    s3.create_bucket(Bucket="bucket")
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    db.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    keys = session.credentials()
    frozen = boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        aws_session_token=keys.session_token,
    )

    for hour in range(3):
        clock.advance(dt.timedelta(hours=1))
        s3.put_object(Bucket="bucket", Key=f"a b/{hour}", Body=b"x", Metadata={"k": ""})
        sqs.send_message(QueueUrl=queue, MessageBody=str(hour))
        db.put_item(TableName="table", Item={"id": {"S": str(hour)}})

    assert 3 == s3.list_objects_v2(Bucket="bucket", Prefix="a b/")["KeyCount"]
    assert 3 == db.scan(TableName="table")["Count"]
    assert 4 == local.count("AssumeRole")
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        frozen.list_queues()
