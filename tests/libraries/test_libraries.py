"""Objects of other libraries use new keys when the first ones have expired."""

from __future__ import annotations

import datetime as dt
import json

import botocore.session
import pytest

import stsession

from .conftest import ROLE


# The libraries' own warnings aren't errors.
pytestmark = pytest.mark.filterwarnings("default")

HOURS = dt.timedelta(hours=2)


def test_airflow(bucket, clock, local, monkeypatch):
    """A hook keeps its client."""
    factory = "tests.libraries.airflow_session.SessionFactory"
    extra = {"role_arn": ROLE, "profile_name": "ci"}
    connection = json.dumps({"conn_type": "aws", "extra": extra})
    monkeypatch.setenv("AIRFLOW__AWS__SESSION_FACTORY", factory)
    monkeypatch.setenv("AIRFLOW_CONN_READER", connection)
    pytest.importorskip("airflow.providers.amazon")
    from aiobotocore.session import AioSession
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    hook = S3Hook("reader")
    before = local.count("AssumeRole")
    hook.load_string("x", "first", bucket)
    clock.advance(HOURS)

    assert ["first"] == hook.list_keys(bucket)
    assert 2 == local.count("AssumeRole") - before
    assert isinstance(hook.get_session(deferrable=True), AioSession)


def test_celery(session, clock, local):
    """One connection sends and receives messages."""
    celery = pytest.importorskip("celery")
    app = celery.Celery(broker="sqs://")
    app.conf.broker_transport = "tests.libraries.sqs_transport:Transport"

    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue("jobs")
        for text in ("first", "second"):
            queue.put(text)
            message = queue.get(timeout=5)
            message.ack()
            assert text == message.payload
            clock.advance(HOURS)

    assert 2 == local.count("AssumeRole")


def test_dagster(bucket, clock, local):
    """The IO manager of a run uses one client."""
    pytest.importorskip("dagster_aws")
    from dagster import asset, materialize
    from dagster_aws.s3 import S3PickleIOManager, S3Resource

    class ReaderS3(S3Resource):
        def get_client(self):
            return stsession.assume(ROLE, source="ci").client("s3")

    @asset
    def numbers():
        return [1, 2]

    @asset
    def total(numbers):
        clock.advance(HOURS)
        return sum(numbers)

    manager = S3PickleIOManager(s3_resource=ReaderS3(), s3_bucket=bucket)
    run = materialize([numbers, total], resources={"io_manager": manager})

    assert 3 == run.output_for_node("total")
    assert 2 == local.count("AssumeRole")


def test_django_storages(bucket, clock, local):
    """A storage keeps its connection."""
    pytest.importorskip("storages")
    from django.conf import settings
    from django.core.files.base import ContentFile

    if not settings.configured:
        settings.configure()
    from storages.backends.s3 import S3Storage

    class ReaderStorage(S3Storage):
        def _create_session(self):
            return stsession.assume(ROLE, source="ci")

    storage = ReaderStorage(bucket_name=bucket)
    storage.save("a.txt", ContentFile(b"hello"))
    clock.advance(HOURS)

    with storage.open("a.txt") as file:
        assert b"hello" == file.read()
    assert 2 == local.count("AssumeRole")


def test_prefect(bucket, clock, local):
    """Blocks keep the client of their credentials."""
    pytest.importorskip("prefect_aws")
    from prefect_aws import AwsCredentials, S3Bucket

    class RefreshingCredentials(AwsCredentials):
        _block_type_name = "Refreshing AWS credentials"

        def get_boto3_session(self):
            return stsession.assume(self.assume_role_arn, source=self.profile_name)

    credentials = RefreshingCredentials(assume_role_arn=ROLE, profile_name="ci")
    block = S3Bucket(bucket_name=bucket, credentials=credentials)
    s3 = credentials.get_s3_client()
    s3.put_object(Bucket=bucket, Key="a", Body=b"hello")
    clock.advance(HOURS)

    assert 1 == s3.list_objects_v2(Bucket=bucket)["KeyCount"]
    assert b"hello" == block.read_path("a")
    assert 2 == local.count("AssumeRole")


def test_pynamodb(session, clock, local, monkeypatch):
    """A model keeps its connection."""
    pytest.importorskip("pynamodb")
    from pynamodb.attributes import UnicodeAttribute
    from pynamodb.connection import Connection
    from pynamodb.models import Model

    class Provider:
        def load_credentials(self):
            return session.get_credentials()

    def new_session(connection):
        core = botocore.session.get_session()
        core.register_component("credential_provider", Provider())
        return core

    class Report(Model):
        class Meta:
            table_name = "reports"

        name = UnicodeAttribute(hash_key=True)

    monkeypatch.setattr(Connection, "session", property(new_session))
    Report.create_table(billing_mode="PAY_PER_REQUEST")
    Report("first").save()
    clock.advance(HOURS)
    Report("second").save()

    assert 2 == Report.count()
    assert 2 == local.count("AssumeRole")


def test_sqlalchemy(session, clock, local):
    """Each connection gets a token that is valid for long enough."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    rds = session.client("rds")
    engine = sqlalchemy.create_engine("postgresql+psycopg://reader@db.example.com:5432")
    passwords = []

    @sqlalchemy.event.listens_for(engine, "do_connect")
    def provide_token(dialect, connection_record, arguments, parameters):
        session.ensure(dt.timedelta(minutes=15))
        parameters["password"] = rds.generate_db_auth_token(
            parameters["host"], parameters["port"], parameters["user"]
        )

    @sqlalchemy.event.listens_for(engine, "do_connect")
    def note_password(dialect, connection_record, arguments, parameters):
        passwords.append(parameters["password"])
        raise ConnectionError

    for minutes in (0, 30, 20):  # ten minutes before the expiration
        clock.advance(dt.timedelta(minutes=minutes))
        with pytest.raises(ConnectionError):
            engine.connect()

    first, second, third = (
        [key.access_key_id in text for key in local.issued(role_arn=ROLE)]
        for text in passwords
    )
    assert [True, False] == first == second
    assert [False, True] == third
