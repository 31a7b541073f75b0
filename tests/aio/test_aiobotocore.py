"""Clients of aiobotocore."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import threading

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import botocore.session
import pytest

from aiobotocore.session import AioSession
from botocore.config import Config
from botocore.exceptions import ClientError

import stsession

from stsession import aio
from stsession.testing import Fault, LocalSTS, generation_of

from .conftest import ROLE


@pytest.fixture(name="hour")
def _hour():
    """Sessions that last for an hour."""
    with LocalSTS() as local:
        local.add_role(ROLE)
        local.add_bucket("bucket", objects={"key": b"value"})
        yield local


@pytest.fixture(name="lasting")
def _lasting(hour):
    return stsession.assume(ROLE, source=hour.session(hour.add_user()))


async def read(client):
    """Return the object in the bucket."""
    response = await client.get_object(Bucket="bucket", Key="key")
    return await response["Body"].read()


def test_session(lasting):
    """It is aiobotocore's, with the settings of the session."""
    session = aio.session(lasting)

    assert isinstance(session, AioSession)
    assert lasting.region_name == session.get_config_variable("region")
    assert "aiobotocore" == session.user_agent_name
    assert repr(lasting) in repr(session)
    assert repr(aio.session(lasting)) == repr(session)


def test_copies(hour, lasting):
    """A pickle has no secrets, and a copy works."""
    session = aio.session(lasting)
    pickled = pickle.dumps(session)

    async def main(session):
        async with session.create_client("s3") as client:
            return await read(client)

    for it in (session, copy.deepcopy(session), pickle.loads(pickled)):
        assert b"value" == asyncio.run(main(it))
        assert repr(session) == repr(it)
    for key in hour.issued():
        assert key.secret_access_key.encode() not in pickled


def test_one_client_across_expirations(session, still_expires):
    """No request fails."""

    async def main():
        async with aio.session(session).create_client("s3") as client:
            while still_expires():
                assert b"value" == await read(client)

    asyncio.run(main())


def test_without_this_library(local, session, still_expires):
    """With keys that are passed as they are, the same client fails."""

    async def main():
        keys = await aio.credentials(session)
        async with AioSession().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=local.s3_endpoint_url,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
        ) as client:
            while still_expires():
                await aio.credentials(session)
                await read(client)

    with pytest.raises(ClientError, match="ExpiredToken"):
        asyncio.run(main())


async def read_often(session, **options):
    """Make ten requests."""
    async with session.create_client("s3", **options) as client:
        for _ in range(10):
            await read(client)


def test_shortest_sessions(hour):
    """Ten requests with a session of 15 minutes call STS once."""
    source = hour.session(hour.add_user())
    session = stsession.assume(ROLE, source=source, duration_seconds=900)

    asyncio.run(read_often(aio.session(session)))

    assert 1 == hour.count("AssumeRole")


def test_shortest_sessions_of_aiobotocore(hour, tmp_path, monkeypatch):
    """Without this library, STS is called for each of them."""
    files = hour.write_profile(tmp_path, key=hour.add_user(), name="ci")
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", hour.endpoint_url)
    with Path(os.environ["AWS_CONFIG_FILE"]).open("a", encoding="utf-8") as config:
        config.write(
            f"[profile reader]\nrole_arn = {ROLE}\nsource_profile = ci\n"
            "region = us-east-1\nduration_seconds = 900\n"
        )

    session = AioSession(profile="reader")
    asyncio.run(read_often(session, endpoint_url=hour.s3_endpoint_url))

    assert 10 == hour.count("AssumeRole")


def test_rejected_key(hour, lasting):
    """There are one refresh and one resend, also of a body."""

    async def main():
        async with aio.session(lasting).create_client("s3") as client:
            await read(client)
            hour.reject_current(role_arn=ROLE)
            await client.put_object(Bucket="bucket", Key="key", Body=b"other")
            return await read(client)

    assert b"other" == asyncio.run(main())
    assert 2 == hour.count("AssumeRole")


def test_service_that_rejects_every_key(hour, lasting):
    """The error surfaces after one refresh and one resend."""
    hour.reject_all_keys()

    async def main():
        async with aio.session(lasting).create_client("s3") as client:
            await asyncio.gather(*[read(client) for _ in range(5)])

    with pytest.raises(ClientError, match="ExpiredToken"):
        asyncio.run(main())
    assert 2 == hour.count("AssumeRole")


def test_nothing_blocks_while_a_key_is_replaced(hour, lasting):
    """Other tasks run while STS doesn't answer."""

    async def main():
        async with aio.session(lasting).create_client("s3") as client:
            await read(client)
            hour.reject_current(role_arn=ROLE)
            hour.faults.add(Fault.hang())
            task = asyncio.create_task(read(client))
            while hour.count("AssumeRole") < 2 and not task.done():
                await asyncio.sleep(0)
            others = [await asyncio.to_thread(int) for _ in range(3)]
            task.cancel()
            return others

    assert [0, 0, 0] == asyncio.run(main())


def test_many_loops_and_threads(hour, lasting):
    """Four loops, and four threads with clients of boto3, call STS once."""
    session = aio.session(lasting)
    barrier = threading.Barrier(8)

    async def main():
        async with session.create_client("s3") as client:
            barrier.wait(60)
            return await read(client)

    def in_thread():
        client = boto3.Session.client(lasting, "s3")
        barrier.wait(60)
        return client.get_object(Bucket="bucket", Key="key")["Body"].read()

    with ThreadPoolExecutor(8) as pool:
        loops = [pool.submit(asyncio.run, main()) for _ in range(4)]
        threads = [pool.submit(in_thread) for _ in range(4)]
        assert {b"value"} == {it.result() for it in (*loops, *threads)}
    assert 1 == hour.count("AssumeRole")


def test_settings(hour):
    """The client config and the region of the source are used."""
    core = botocore.session.Session()
    core.set_credentials("AKIASOURCE", "secret")
    core.set_default_client_config(Config(retries={"total_max_attempts": 7}))
    session = stsession.assume(
        ROLE, source=boto3.Session(botocore_session=core, region_name="eu-south-1")
    )

    async def main(session):
        async with aio.session(session).create_client("s3") as client:
            return client.meta

    meta = asyncio.run(main(session))
    assert 7 == meta.config.retries["total_max_attempts"]
    assert "eu-south-1" == meta.region_name


def test_presigned_url(lasting):
    """It is signed with the session's key."""

    async def main():
        async with aio.session(lasting).create_client("s3") as client:
            return await client.generate_presigned_url(
                "get_object", Params={"Bucket": "bucket", "Key": "key"}
            )

    url = asyncio.run(main())
    assert lasting.credentials().access_key_id in url


def test_endpoint_of_the_account(lasting):
    """DynamoDB's endpoint contains the ID of the account."""
    urls = []

    async def main():
        config = Config(
            account_id_endpoint_mode="required", ignore_configured_endpoint_urls=True
        )
        session = aio.session(lasting)
        async with session.create_client(
            "dynamodb", region_name="eu-west-1", config=config
        ) as client:
            client.meta.events.register(
                "before-sign", lambda request, **_: urls.append(request.url)
            )
            client.meta.events.register("before-send", stop)
            with pytest.raises(Stop):
                await client.list_tables()

    asyncio.run(main())
    assert urls[0].startswith("https://123456789012.ddb.eu-west-1.amazonaws.com")


class Stop(Exception):  # noqa: N818 - it isn't an error
    """Raised where a request would be sent."""


def stop(**_):
    """Send no request."""
    raise Stop


def test_session_of_a_fleet(hour):
    """It can be used like any other session."""
    with stsession.Fleet([ROLE], source=hour.session(hour.add_user())) as fleet:
        session = aio.session(fleet.session(ROLE))

        async def main():
            async with session.create_client("s3") as client:
                return await read(client)

        assert b"value" == asyncio.run(main())


def test_credentials_of_a_client(lasting):
    """All parts are of one set, and no secret is in `repr` or in a pickle."""

    async def main():
        credentials = await aio.session(lasting).get_credentials()
        frozen = await credentials.get_frozen_credentials()
        parts = [
            await credentials.get_access_key(),
            await credentials.get_secret_key(),
            await credentials.get_token(),
            await credentials.get_account_id(),
        ]
        return credentials, frozen, parts

    credentials, frozen, parts = asyncio.run(main())
    assert [*frozen] == parts
    assert 1 == generation_of(frozen.access_key)
    assert lasting.expires_at == credentials._expiry_time
    assert not credentials.refresh_needed(60)
    assert frozen.secret_key not in repr(credentials)
    with pytest.raises(TypeError, match="pickle or copy the session"):
        pickle.dumps(credentials)
