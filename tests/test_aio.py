"""Credentials for tasks of asyncio."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading

from concurrent.futures import ThreadPoolExecutor

import pytest

import stsession

from stsession import aio

from .engine import SOON
from .wire import READER, SlowSTS, minutes, source_of


@pytest.fixture(name="sts")
def _sts():
    sts = SlowSTS()
    yield sts
    sts.may_answer.set()


@pytest.fixture(name="session")
def _session(sts):
    return stsession.assume(READER, source=source_of(sts))


async def begun(sts):
    """Return when STS has received a request."""
    await asyncio.to_thread(sts.began.wait, SOON)


def test_credentials(stub):
    """They are those of the session."""
    session = stsession.assume(READER, source=source_of(stub))

    first = asyncio.run(aio.credentials(session))
    again = asyncio.run(aio.credentials(session))

    assert first is again
    assert first is session.credentials()
    assert 1 == stub.attempts


def test_ensure(stub, clock):
    """Credentials that expire too soon are replaced."""
    session = stsession.assume(READER, source=source_of(stub), duration_seconds=900)
    first = asyncio.run(aio.ensure(session, minutes(14)))
    clock.advance(minutes(5))

    assert first is asyncio.run(aio.ensure(session, minutes(9)))
    assert first is not asyncio.run(aio.ensure(session, minutes(14)))
    assert 2 == stub.attempts


def test_other_tasks_run_meanwhile(sts, session):
    """The event loop isn't blocked, and neither are the threads of `to_thread`."""

    async def main():
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        tasks = [asyncio.create_task(aio.credentials(session)) for _ in range(200)]
        await begun(sts)
        assert "it runs" == await asyncio.to_thread(lambda: "it runs")
        sts.may_answer.set()
        return await asyncio.gather(*tasks)

    (credentials,) = {id(it): it for it in asyncio.run(main())}.values()
    assert credentials is session.credentials()
    assert 1 == sts.attempts


def test_canceled_task(sts, session):
    """It ends at once; the refresh continues, and the next task joins it."""

    async def main():
        task = asyncio.create_task(aio.credentials(session))
        await begun(sts)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        task = asyncio.create_task(aio.credentials(session))
        await asyncio.sleep(0)
        sts.may_answer.set()
        return await task

    assert asyncio.run(main()) is session.credentials()
    assert 1 == sts.attempts


def test_loop_that_ends_during_a_refresh(sts, session):
    """It doesn't wait for STS; a task of the next loop joins the refresh."""

    async def first():
        task = asyncio.create_task(aio.credentials(session))
        await begun(sts)
        return task

    async def second():
        task = asyncio.create_task(aio.credentials(session))
        await asyncio.sleep(0)
        sts.may_answer.set()
        return await task

    assert asyncio.run(first()).cancelled()
    assert asyncio.run(second()) is session.credentials()
    assert 1 == sts.attempts


def test_closed_loop(sts, session):
    """A loop that was closed while its task waits has no effect on other callers."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(aio.credentials(session))
    loop.run_until_complete(begun(sts))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    sts.may_answer.set()

    assert session.credentials().access_key_id
    assert 1 == sts.attempts
    task._log_destroy_pending = False  # asyncio would log that it never ended


def test_many_loops_and_threads(sts, session):
    """All join one refresh."""
    barrier = threading.Barrier(9)
    results: list[object] = []

    def loop():
        barrier.wait(SOON)
        results.append(asyncio.run(aio.credentials(session)))

    def thread():
        barrier.wait(SOON)
        results.append(session.credentials())

    threads = [threading.Thread(target=it, daemon=True) for it in [loop, thread] * 4]
    for it in threads:
        it.start()
    barrier.wait(SOON)
    assert sts.began.wait(SOON)
    sts.may_answer.set()
    for it in threads:
        it.join(SOON)

    assert 8 == len(results)
    assert 1 == len({id(it) for it in results})
    assert 1 == sts.attempts


def test_no_request_at_15_minutes(stub):
    """A session of the shortest duration calls STS once."""
    session = stsession.assume(READER, source=source_of(stub), duration_seconds=900)

    async def main():
        for _ in range(10):
            await aio.credentials(session)

    asyncio.run(main())

    assert 1 == stub.attempts


def test_failure(stub):
    """Each task gets its own error."""
    stub.goes_down()
    session = stsession.assume(READER, source=source_of(stub))

    async def main():
        tasks = [aio.credentials(session) for _ in range(3)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    errors = asyncio.run(main())
    assert {stsession.StsUnavailableError} == set(map(type, errors))
    assert 3 == len({id(it) for it in errors})


def test_timeout(sts):
    """A task waits for as long as a thread would."""
    policy = stsession.RefreshPolicy(load_timeout=dt.timedelta(milliseconds=50))
    session = stsession.assume(READER, source=source_of(sts), refresh=policy)

    with pytest.raises(
        stsession.StsUnavailableError, match=r"did not respond within 0\.05 s"
    ):
        asyncio.run(aio.credentials(session))


@pytest.mark.parametrize("call", [aio.session, aio.credentials])
def test_other_sessions(stub, call):
    """A plain boto3 session is rejected."""
    with pytest.raises(stsession.InvalidRequestError, match="is of type Session"):
        asyncio.run(call(source_of(stub)))


def test_min_validity(stub):
    """It is a timedelta, as for a session."""
    session = stsession.assume(READER, source=source_of(stub))
    with pytest.raises(stsession.InvalidRequestError, match="min_validity"):
        asyncio.run(aio.ensure(session, 60))
