"""Sessions with credentials that a function returns."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import datetime as dt
import functools
import logging
import os
import pickle
import threading
import traceback

from concurrent.futures import ThreadPoolExecutor

import attrs
import boto3
import pytest

import stsession
import stsession.aio

from stsession import FailureKind, RefreshPolicy, SourceCredentialsError
from stsession.testing import FakeClock, LocalSTS, use_runtime

from .children import process_pool
from .engine import SOON
from .wire import READER, TARGET, at_once, collect_garbage, full_text, minutes


HOUR = minutes(60)


class Broker:
    """A service that issues keys of its own; `get` is the function for it."""

    def __init__(self, clock):
        self.clock = clock
        self.lifetime = HOUR
        self.calls = 0
        self.fault = None
        self.repeats = False
        self.on_call = lambda: None

    def get(self):
        """Issue the next key, valid for *lifetime*."""
        self.calls += 1
        self.on_call()
        if self.fault is not None:
            raise self.fault
        number = 1 if self.repeats else self.calls
        expires_at = self.lifetime and self.clock.now() + self.lifetime
        return {
            "AccessKeyId": f"ASIABROKER{number}",
            "SecretAccessKey": f"secret of the broker {number}",
            "SessionToken": f"token of the broker {number}",
            "Expiration": expires_at,
        }


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock, random=lambda: 0.5, submit=at_once):
        yield clock


@pytest.fixture(name="broker")
def _broker(clock):
    return Broker(clock)


@pytest.fixture(name="session")
def _session(broker):
    return stsession.from_function(broker.get)


@pytest.fixture(name="local")
def _local(clock, monkeypatch):
    """An AWS on loopback, which all clients use."""
    with LocalSTS(clock=clock) as local:
        local.add_role(READER)
        local.add_role(TARGET, trusts=[READER])
        local.add_bucket("bucket", objects={"key": b"value"})
        monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        yield local


@pytest.fixture(name="issue")
def _issue(local):
    """A function that returns credentials which the local AWS accepts."""
    sts = local.session(local.add_user()).client("sts")

    def issue():
        return sts.assume_role(RoleArn=READER, RoleSessionName="app")["Credentials"]

    return issue


def key_of(session):
    return session.credentials().access_key_id


# -- Credentials ----------------------------------------------------------------------


def test_session(session, broker, clock):
    """The function is called on first use, and clients get what it returned."""
    assert 0 == broker.calls

    key, secret, token = session.get_credentials().get_frozen_credentials()[:3]

    assert isinstance(session, boto3.Session)
    assert type(session) is stsession.RefreshableSession
    assert "ASIABROKER1" == key
    assert ("secret of the broker 1", "token of the broker 1") == (secret, token)
    assert (clock.now() + HOUR, HOUR) == (session.expires_at, session.remaining)
    assert 1 == broker.calls


AT = dt.datetime(2026, 1, 1, 1, tzinfo=dt.timezone.utc)
CREDENTIALS = stsession.TemporaryCredentials(
    access_key_id="ASIA1",
    secret_access_key="secret",
    session_token="token",
    expires_at=AT,
)
NAMES = {
    "STS": ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"),
    "botocore": ("access_key", "secret_key", "token", "expiry_time"),
    "IoT": ("accessKeyId", "secretAccessKey", "sessionToken", "expiration"),
    "container": ("AccessKeyId", "SecretAccessKey", "Token", "Expiration"),
}
EXPIRATIONS = {
    "UTC": AT,
    "other time zone": AT.astimezone(dt.timezone(dt.timedelta(hours=5.5))),
    "no time zone": AT.replace(tzinfo=None),
    "text": "2026-01-01T01:00:00Z",
    "text with an offset": "2026-01-01T02:00:00+01:00",
    "Unix time": AT.timestamp(),
    "int": int(AT.timestamp()),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.usefixtures("clock")
def test_names_of_keys(names):
    """Those of each usual form of credentials are accepted."""
    returned = dict(zip(names, ["ASIA1", "secret", "token", AT], strict=True))

    assert CREDENTIALS == stsession.from_function(lambda: returned).credentials()


@pytest.mark.parametrize("name", ["AccountId", "account_id"])
def test_account(name):
    """The account ID is optional; some endpoints contain it."""
    keys = {"AccessKeyId": "AKIA1", "SecretAccessKey": "secret", name: "123456789012"}

    session = stsession.from_function(lambda: keys)

    frozen = session.get_credentials().get_frozen_credentials()
    assert "123456789012" == frozen.account_id


@pytest.mark.parametrize("at", EXPIRATIONS.values(), ids=EXPIRATIONS)
@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.usefixtures("clock")
def test_expiration(at, ours):
    """An instant is the same in all forms; without a time zone it is UTC."""
    returned = attrs.evolve(CREDENTIALS, expires_at=at)
    if not ours:
        keys = ["ASIA1", "secret", "token", at]
        returned = dict(zip(NAMES["STS"], keys, strict=True))
    session = stsession.from_function(lambda: returned)

    assert CREDENTIALS == session.credentials()
    assert dt.timedelta(0) == session.expires_at.utcoffset()


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        (None, "returned, a NoneType. Return"),
        ({"SecretAccessKey": "secret-1"}, "It has no AccessKeyId."),
        ({"AccessKeyId": "AKIA1"}, "It has no SecretAccessKey."),
        (
            {"AccessKeyId": "AKIA1", "SecretAccessKey": b"secret-1"},
            "Its SecretAccessKey is of type bytes.",
        ),
        # The data in a response of Vault.
        (
            {"access_key": "ASIA1", "secret_key": "secret-1", "security_token": "t"},
            "It has no SessionToken, which temporary credentials need.",
        ),
        (
            {"access_key": "AKIA1", "secret_key": "secret-1", "expiry_time": 1e15},
            "Its Expiration isn't a datetime",
        ),
        (
            stsession.TemporaryCredentials(access_key_id="A", secret_access_key=None),
            "It has no SecretAccessKey.",
        ),
    ],
)
@pytest.mark.usefixtures("clock")
def test_value_that_has_no_credentials(returned, problem):
    """The error says what is wrong, and quotes no value."""
    session = stsession.from_function(lambda: returned, name="the broker")
    with pytest.raises(SourceCredentialsError) as caught:
        session.credentials()

    assert problem in str(caught.value)
    assert "the broker" == caught.value.hop
    assert "AccessKeyId, SecretAccessKey, SessionToken" in caught.value.hint
    assert "secret-1" not in full_text(caught.value)


@pytest.mark.parametrize("part", ["Credentials", "credentials", "data"])
@pytest.mark.usefixtures("clock")
def test_whole_response(part):
    """The hint says to return the part of a response that has the keys."""
    response = {part: {"AccessKeyId": "AKIA1", "SecretAccessKey": "secret-1"}}
    session = stsession.from_function(lambda: response)
    with pytest.raises(SourceCredentialsError, match="It has no AccessKeyId") as caught:
        session.credentials()

    assert 'response["Credentials"]' in caught.value.hint
    assert "secret-1" not in full_text(caught.value)


# -- Refresh --------------------------------------------------------------------------


def test_advisory_refresh_in_the_background(broker, clock):
    """A use before the expiration starts it, and isn't kept waiting."""
    tasks = []

    def later(task):
        tasks.append(task)
        return True

    with use_runtime(submit=later):
        session = stsession.from_function(broker.get)
    session.credentials()
    clock.advance(minutes(50))

    assert "ASIABROKER1" == key_of(session)
    assert 1 == broker.calls

    tasks.pop()()

    assert "ASIABROKER2" == key_of(session)
    assert HOUR == session.remaining


def test_no_background_refresh_in_lambda(broker, clock, monkeypatch):
    """The caller refreshes instead, because Lambda would freeze the thread."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "job")
    with use_runtime(submit=lambda task: False):
        session = stsession.from_function(broker.get)
    session.credentials()
    clock.advance(minutes(50))

    assert "ASIABROKER2" == key_of(session)


def test_one_call_for_all_threads(broker):
    """Threads that need credentials at the same time wait for one call."""
    entered, ends = threading.Event(), threading.Event()

    def wait():
        entered.set()
        assert ends.wait(SOON)

    broker.on_call = wait
    session = stsession.from_function(broker.get)
    with ThreadPoolExecutor(8) as pool:
        keys = [pool.submit(key_of, session) for _ in range(8)]
        assert entered.wait(SOON)
        ends.set()

        assert {"ASIABROKER1"} == {key.result(SOON) for key in keys}
    assert 1 == broker.calls


def test_client_works_across_expirations(local, issue, clock):
    """One client, for three times as long as credentials are valid."""
    s3 = stsession.from_function(issue).client("s3")
    for _ in range(19):
        assert b"value" == s3.get_object(Bucket="bucket", Key="key")["Body"].read()
        clock.advance(minutes(10))

    assert 3 <= local.count("AssumeRole") <= 5


def test_without_expiration(local, issue, clock):
    """Such credentials are kept until a service rejects them."""
    session = stsession.from_function(lambda: {**issue(), "Expiration": None})
    s3 = session.client("s3")
    s3.list_buckets()
    session.ensure(dt.timedelta(days=1))

    assert (None, None) == (session.expires_at, session.status().hop.due_at)
    assert 1 == local.count("AssumeRole")

    clock.advance(dt.timedelta(days=30))
    s3.list_buckets()

    assert 2 == local.count("AssumeRole")


def test_expiration_at_the_epoch(issue):
    """Zero is a time, and not the absence of one."""
    session = stsession.from_function(lambda: {**issue(), "Expiration": 0})
    with pytest.raises(SourceCredentialsError, match=r"expired .* ago"):
        session.credentials()


def test_cache():
    """The credentials of a function are shared with no other session."""
    with pytest.raises(stsession.InvalidRequestError, match="takes no cache"):
        stsession.from_function(get_sync, cache=stsession.MemoryCache())


def test_same_credentials_again(session, broker, clock):
    """They aren't a refresh: the current ones stay in use, and the error says why."""
    broker.repeats = True
    session.credentials()
    clock.advance(minutes(50))

    assert "ASIABROKER1" == key_of(session)
    with pytest.raises(stsession.RefreshError, match="returned the same key again"):
        session.refresh()
    assert "same key again" in session.status().hop.last_error

    broker.repeats = False

    assert session.refresh().access_key_id == key_of(session)


@pytest.mark.parametrize("error", [LookupError, asyncio.CancelledError, SystemExit])
def test_function_that_raises(broker, session, error):
    """It is the cause, with no frame of this library, which may hold credentials."""
    faults = [None, error("secret-1")]

    def fail_later():
        broker.fault = faults.pop(0)

    broker.on_call = fail_later
    broker.lifetime = minutes(-5)  # so that it is called twice
    with pytest.raises(SourceCredentialsError, match=error.__name__) as caught:
        session.credentials()
    cause = caught.value.__cause__
    frames = [frame for frame, _ in traceback.walk_tb(cause.__traceback__)]

    assert isinstance(cause, error)
    assert "secret-1" not in str(caught.value)
    assert {__name__} == {frame.f_globals["__name__"] for frame in frames[-1:]}
    assert [] == [frame for frame in frames if "credentials" in frame.f_locals]


def test_expired_credentials(broker, session):
    """The function is called once more, as a cache in it may expire only now."""
    broker.lifetime = minutes(-5)
    with pytest.raises(SourceCredentialsError, match="expired 5 min ago") as caught:
        session.credentials()

    assert FailureKind.SOURCE_EXPIRED is caught.value.kind
    assert 2 == broker.calls


def test_time_of_a_long_call(broker, session, clock):
    """Credentials that are issued after a person's approval are valid from then on."""
    broker.on_call = lambda: clock.advance(minutes(10))
    broker.lifetime = minutes(15)
    session.credentials()

    assert minutes(15) == session.remaining


def test_function_that_hangs(clock):
    """Callers wait for *load_timeout* at most."""
    ends = threading.Event()
    waited = []

    def wait(event, seconds):
        waited.append(seconds)
        clock.advance(dt.timedelta(seconds=seconds))

    policies = [RefreshPolicy(), RefreshPolicy(load_timeout=minutes(2))]
    try:
        for policy in policies:
            with use_runtime(wait=wait):
                session = stsession.from_function(
                    lambda: ends.wait(SOON), refresh=policy
                )
            with pytest.raises(
                stsession.StsUnavailableError, match="did not respond within"
            ):
                session.credentials()
    finally:
        ends.set()
        collect_garbage()

    assert [30, 120] == waited


def test_function_that_uses_its_own_session():
    """It would wait for itself; that is an error."""
    session = stsession.from_function(lambda: session.credentials())  # noqa: PLW0108 - the session doesn't exist yet
    with pytest.raises(SourceCredentialsError, match="Circular dependency"):
        session.credentials()


VARIABLE = contextvars.ContextVar("VARIABLE", default="default")


def test_thread_and_context(broker):
    """The function is called in another thread, with a copy of the context."""
    seen = []

    def look():
        seen.extend([threading.current_thread(), VARIABLE.get()])
        VARIABLE.set("of the function")

    broker.on_call = look
    session = stsession.from_function(broker.get)
    token = VARIABLE.set("of the caller")
    try:
        session.credentials()
        after = VARIABLE.get()
    finally:
        VARIABLE.reset(token)

    assert threading.current_thread() is not seen[0]
    assert ["of the caller", "of the caller"] == [seen[1], after]


# -- Functions ------------------------------------------------------------------------


async def get_async():
    return {"AccessKeyId": "AKIA1", "SecretAccessKey": "secret"}


def get_sync():
    return asyncio.run(get_async())


def get_keys(key):
    return {"AccessKeyId": key, "SecretAccessKey": "secret"}


NO_FUNCTIONS = [
    ({"AccessKeyId": "AKIA1"}, "get is of type dict. Pass a function"),
    (None, "get is of type NoneType. Pass a function"),
]
WRONG_FUNCTIONS = [
    (get_async, r"get_async\(\), which is a coroutine function. .*asyncio.run"),
    (get_keys, r"get_keys\(\), which can't be called without arguments. "),
]


@pytest.mark.parametrize(("get", "problem"), NO_FUNCTIONS + WRONG_FUNCTIONS)
def test_not_a_function(get, problem):
    """The error is raised at once, and says what to pass."""
    with pytest.raises(stsession.InvalidRequestError, match=problem) as caught:
        stsession.from_function(get)

    assert "get" == caught.value.parameter


@pytest.mark.parametrize(("get", "problem"), WRONG_FUNCTIONS)
def test_not_a_source(get, problem):
    """The same as the source of a role."""
    with pytest.raises(stsession.InvalidRequestError, match=problem[3:]) as caught:
        stsession.assume(READER, source=get)

    assert "source" == caught.value.parameter


@pytest.mark.usefixtures("clock")
def test_function_without_a_signature():
    """It is called without a check; some functions written in C have none."""
    with pytest.raises(SourceCredentialsError, match="no AccessKeyId"):
        stsession.from_function(dict).credentials()


def test_coroutine():
    """A coroutine isn't awaited; the hint says what to do. There is no warning."""
    session = stsession.from_function(lambda: get_async())  # noqa: PLW0108 - the coroutine shows late
    with pytest.raises(SourceCredentialsError, match=r"a coroutine\. .*asyncio\.run"):
        session.credentials()


def test_event_loops():
    """The function may run its own, or use the caller's by `stsession.aio`."""

    async def main():
        loop = asyncio.get_running_loop()

        def get_in_loop():
            return asyncio.run_coroutine_threadsafe(get_async(), loop).result(SOON)

        session = stsession.from_function(get_in_loop)
        own = key_of(stsession.from_function(get_sync))
        return own, (await stsession.aio.credentials(session)).access_key_id

    assert ("AKIA1", "AKIA1") == asyncio.run(main())


@pytest.mark.parametrize(
    ("get", "name", "expected"),
    [
        (get_sync, None, "the function get_sync()"),
        (functools.partial(get_keys, "AKIA1"), None, "the function get_keys()"),
        (get_sync, "the Vault role app", "the Vault role app"),
    ],
)
def test_name(get, name, expected, caplog):
    """The name of the credentials in `repr`, status, events and log lines."""
    caplog.set_level(logging.INFO, "stsession")
    events = []
    session = stsession.from_function(get, name=name, on_event=events.append)
    session.credentials()

    assert f"<RefreshableSession of {expected} by the function get_" in repr(session)
    assert expected == session.status().hop.name
    assert session.status().hop.source.startswith("the function get_")
    assert {expected} == {event.hop for event in events}
    assert f"{expected}: valid for" in caplog.text


def test_name_that_is_no_text():
    """A role that is passed as the second argument, for example."""
    with pytest.raises(stsession.InvalidRequestError, match="name is of type int"):
        stsession.from_function(get_sync, name=5)


# -- Roles, options and other credentials ---------------------------------------------


def test_assume(local, issue, clock):
    """A role is assumed with the function's credentials, which are refreshed for it."""
    role = stsession.from_function(issue, name="the broker").assume(TARGET)
    s3 = role.client("s3")
    s3.list_buckets()
    clock.advance(minutes(61))
    s3.list_buckets()

    assert ["the broker", TARGET] == [hop.name for hop in role.status().hops]
    assert 2 == local.count("AssumeRole", role_arn=TARGET)
    assert 2 == local.count("AssumeRole", role_arn=READER)


def test_role_of_short_lived_credentials(local, issue, clock):
    """A role isn't refreshed because the function's credentials will be."""

    def issue_short():
        return {**issue(), "Expiration": clock.now() + minutes(15)}

    role = stsession.from_function(issue_short).assume(TARGET)
    for _ in range(30):
        role.credentials()
        clock.advance(minutes(1))

    assert 1 == local.count("AssumeRole", role_arn=TARGET)


def test_assume_without_a_region(local, issue, monkeypatch):
    """STS is called in the region of the first client."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    s3 = stsession.from_function(issue).assume(TARGET).client("s3", "eu-west-1")

    assert "bucket" == s3.list_buckets()["Buckets"][0]["Name"]


def test_options_of_the_endpoint(local, issue, monkeypatch):
    """They apply to `caller_identity()` and to roles."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    session = stsession.from_function(
        issue, region="eu-west-1", sts_endpoint_url=local.endpoint_url
    )

    assert "eu-west-1" == session.region_name
    assert "assumed-role/Reader/app" in session.caller_identity().arn
    assert "assumed-role/Target" in session.assume(TARGET).caller_identity().arn


def test_nothing_is_shared(local, issue):
    """A function may return other credentials to another caller."""
    for _ in range(2):
        session = stsession.from_function(issue)
        session.assume(TARGET).credentials()
        session.assume(TARGET).credentials()

    assert 2 == local.count("AssumeRole", role_arn=READER)
    assert 2 == local.count("AssumeRole", role_arn=TARGET)


def test_no_other_credentials(broker, monkeypatch):
    """Those of the environment are never used, and a wrong profile doesn't matter."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    session = stsession.from_function(broker.get)

    assert "ASIABROKER1" == session.get_credentials().access_key


# -- Other processes ------------------------------------------------------------------


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda session: pickle.loads(pickle.dumps(session))]
)
def test_copy(copied):
    """A copy has the same settings and no credentials; it calls the function itself."""
    session = stsession.from_function(get_sync, name="the broker", region="eu-west-1")
    session.credentials()
    its = copied(session)

    assert repr(session) == repr(its)
    assert (None, "eu-west-1") == (its.expires_at, its.region_name)
    assert b"secret" not in pickle.dumps(session)
    assert session.credentials() == its.credentials()


def get_in_process():
    """Return a key that contains the ID of this process."""
    return get_keys(f"AKIA{os.getpid()}")


def test_process_pool():
    """A session is passed to other processes, which call the function themselves."""
    session = stsession.from_function(get_in_process)
    with process_pool(1) as pool:
        there = pool.submit(key_of, session).result(SOON)
        worker = pool.submit(os.getpid).result(SOON)

    assert f"AKIA{worker}" == there
    assert f"AKIA{os.getpid()}" == key_of(session)
