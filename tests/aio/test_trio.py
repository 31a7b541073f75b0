"""Tasks of trio, with aiobotocore, which sends requests by httpx, and with httpx."""

from __future__ import annotations

import httpx
import pytest

from stsession import aio, integrations


trio = pytest.importorskip("trio")
httpxsession = pytest.importorskip("aiobotocore.httpxsession")


def test_clients(session, still_expires):
    """One works across expirations."""
    from aiobotocore.config import AioConfig

    config = AioConfig(http_session_cls=httpxsession.HttpxSession)

    async def main():
        async with aio.session(session).create_client("s3", config=config) as client:
            while still_expires():
                response = await client.get_object(Bucket="bucket", Key="key")
                assert b"value" == await response["Body"].read()

    trio.run(main)


def test_signed_requests(local, session, still_expires):
    """One client of httpx works across expirations."""
    auth = integrations.sigv4(session, "s3")

    async def main():
        async with httpx.AsyncClient(auth=auth) as client:
            while still_expires():
                response = await client.get(f"{local.s3_endpoint_url}/bucket/key")
                assert b"value" == response.content

    trio.run(main)


def test_canceled_task(local, session):
    """The refresh continues, and the next task joins it."""

    async def main():
        with trio.move_on_after(0):
            await aio.credentials(session)
        return await aio.credentials(session)

    assert trio.run(main) is session.credentials()
    assert 1 == local.count("AssumeRole")


def test_run_that_ends_during_a_refresh(local, session):
    """It doesn't wait for STS."""

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(aio.credentials, session)
            while not local.count("AssumeRole"):
                await trio.sleep(0)
            nursery.cancel_scope.cancel()

    trio.run(main)

    assert session.credentials().access_key_id
    assert 1 == local.count("AssumeRole")
