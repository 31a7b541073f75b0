"""Tasks of trio, with aiobotocore, which sends requests by httpx, and with httpx."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from stsession import aio, integrations


trio = pytest.importorskip("trio")
httpxsession = pytest.importorskip("aiobotocore.httpxsession")


def test_clients(session, still_expires):
    """One client works across expirations."""
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


def test_trio_in_asyncio(session):
    """As in a notebook, which runs in a task of asyncio."""

    async def main():
        return trio.run(aio.credentials, session)

    assert asyncio.run(main()) is session.credentials()


def test_trio_as_guest_of_asyncio(local, session):
    """Tasks of both wait for the same refresh, in one thread."""

    async def main():
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        trio.lowlevel.start_guest_run(
            aio.credentials,
            session,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=ended.set_result,
        )
        of_asyncio = await aio.credentials(session)
        return of_asyncio is (await ended).unwrap()

    assert asyncio.run(main())
    assert 1 == local.count("AssumeRole")
