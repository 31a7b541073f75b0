from __future__ import annotations

import copy
import datetime as dt
import pickle
import sys
import threading

from concurrent.futures import ThreadPoolExecutor

import pytest

from botocore.config import Config
from botocore.httpsession import URLLib3Session

import stsession

from stsession import InvalidRequestError, MemoryCache
from stsession.testing import FakeClock, Fault, StubSTS, use_runtime

from .engine import ExactPolicy
from .wire import HUB, READER, REGION, TARGET, at_once, failing, minutes


THREADS = 16
GUARD = 60
SERIAL = "arn:aws:iam::123456789012:mfa/jane"

CONFIG = f"""
[profile keys]
region = {REGION}
aws_access_key_id = AKIAKEYS
aws_secret_access_key = KeysSecret

[profile reader]
region = {REGION}
role_arn = {READER}
source_profile = keys

[profile hub]
role_arn = {HUB}
source_profile = keys

[profile target]
region = {REGION}
role_arn = {TARGET}
source_profile = hub

[profile mfa]
region = {REGION}
role_arn = {READER}
source_profile = keys
mfa_serial = {SERIAL}

[profile late]
region = {REGION}
role_arn = {TARGET}
source_profile = hub
mfa_serial = {SERIAL}

[profile pod]
region = {REGION}
role_arn = {READER}
web_identity_token_file = TOKEN_FILE

[profile emulated]
region = {REGION}
role_arn = {READER}
source_profile = keys
duration_seconds = 60
endpoint_url = https://aws.example.com
"""


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock, random=lambda: 0.5, submit=at_once):
        yield clock


@pytest.fixture(name="stub", autouse=True)
def _stub(clock, monkeypatch):
    """Whatever is sent by any client goes here."""
    stub = StubSTS(clock=clock)
    monkeypatch.setattr(URLLib3Session, "send", lambda _, request: stub(request))
    return stub


@pytest.fixture(name="directory", autouse=True)
def _directory(tmp_path, monkeypatch):
    """Where config file, credentials file and token are."""
    config = CONFIG.replace("TOKEN_FILE", str(tmp_path / "token"))
    tmp_path.joinpath("config").write_text(config)
    tmp_path.joinpath("token").write_text("a.first.token")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path


def edit(directory, old, new):
    path = directory / "config"
    path.write_text(path.read_text().replace(old, new))


def seen(stub, name):
    return [getattr(call, name) for call in stub.requests]


def parameters(stub, name):
    return [call.params.get(name) for call in stub.requests]


# -- Roles ----------------------------------------------------------------------------


def test_nothing_is_sent_before_the_first_use(stub):
    session = stsession.from_profile("target")

    assert isinstance(session, stsession.RefreshableSession)
    assert 0 == stub.attempts
    assert session.expires_at is None
    assert repr(session).startswith(f"<RefreshableSession of {TARGET} by {HUB} (")


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("target", [(HUB, 'profile "keys"'), (TARGET, HUB)]),
        ("pod", [(READER, "an unsigned request")]),
        ("keys", [('profile "keys"', 'profile "keys"')]),
    ],
)
def test_status(profile, expected):
    """Each role has its name and that of its source."""
    hops = stsession.from_profile(profile).status().hops

    assert expected == [(hop.name, hop.source) for hop in hops]


@pytest.mark.parametrize("source", ["Environment", "EcsContainer"])
def test_status_of_a_credential_source(directory, source):
    """The name of the source has the profile."""
    edit(directory, "source_profile = keys", f"credential_source = {source}")
    hop = stsession.from_profile("reader").status().hop

    assert 'the credential_source of profile "reader"' == hop.source


def test_each_role_refreshes(stub, clock):
    """In six hours, no role is assumed more often than necessary."""
    session = stsession.from_profile("target")
    for _ in range(6 * 60):
        assert session.credentials().expires_at > clock.now()
        clock.advance(minutes(1))

    hub, target = session.status().hops
    assert 7 <= hub.generation <= target.generation <= 9
    assert hub.generation + target.generation == stub.attempts


def test_key_that_was_replaced(stub, clock, directory):
    """The refresh is signed by the key that the file has by then."""
    session = stsession.from_profile("reader")
    session.credentials()
    edit(directory, "AKIAKEYS", "AKIANEW")
    clock.advance(minutes(50))
    session.credentials()

    assert ["AKIAKEYS", "AKIANEW"] == seen(stub, "access_key_id")


def test_file_that_changes(stub, clock, directory):
    """A session keeps the roles of the profile; the next session has the new ones."""
    session = stsession.from_profile("reader")
    session.credentials()
    edit(directory, f"role_arn = {READER}", "")
    clock.advance(minutes(50))
    session.credentials()
    edit(directory, "[profile reader]", f"[profile reader]\nrole_arn = {TARGET}")
    stsession.from_profile("reader").credentials()

    assert [READER, READER, TARGET] == parameters(stub, "RoleArn")


def test_token_that_was_replaced(stub, clock, directory):
    """The token's file is read for each refresh; whitespace around it isn't sent."""
    session = stsession.from_profile("pod")
    session.credentials()
    (directory / "token").write_text("a.second.token\n")
    clock.advance(minutes(50))
    session.credentials()

    assert ["a.first.token", "a.second.token"] == parameters(stub, "WebIdentityToken")


def test_threads(stub):
    """Sixteen threads that begin at once make one chain of calls."""
    barrier = threading.Barrier(THREADS)

    def work(_):
        barrier.wait(GUARD)
        return stsession.from_profile("target").credentials().access_key_id

    with ThreadPoolExecutor(THREADS) as pool:
        keys = set(pool.map(work, range(THREADS)))

    assert {stub.issued[-1].access_key_id} == keys
    assert [HUB, TARGET] == parameters(stub, "RoleArn")


def test_clients(stub):
    """Its clients sign with the role's key, in the profile's region."""
    session = stsession.from_profile("reader")
    session.client("sts").get_caller_identity()

    assert ["AssumeRole", "GetCallerIdentity"] == seen(stub, "operation")
    assert stub.issued[0].access_key_id == stub.requests[1].access_key_id
    assert [REGION] * 2 == seen(stub, "region")


def test_as_a_source(stub):
    """A further role is assumed by the profile's, for an hour at most."""
    profile = stsession.from_profile("reader")
    session = profile.assume(TARGET)
    session.credentials()
    with pytest.raises(InvalidRequestError, match="duration_seconds"):
        profile.assume(TARGET, duration_seconds=3_601)

    assert [READER, TARGET] == [hop.name for hop in session.status().hops]
    assert ["AKIAKEYS", stub.issued[0].access_key_id] == seen(stub, "access_key_id")


# -- What is no role ------------------------------------------------------------------


def test_plain_profile(stub):
    """Keys sign; they have no end."""
    session = stsession.from_profile("keys")
    identity = session.caller_identity()

    assert "123456789012" == identity.account_id
    assert ["AKIAKEYS"] == seen(stub, "access_key_id")
    assert (None, None) == (session.expires_at, session.remaining)
    hop = session.status().hop
    assert (1, None, None) == (hop.generation, hop.due_at, hop.expires_at)
    assert hop.refreshed_at.tzinfo is dt.timezone.utc
    assert REGION == session.region_name


def test_plain_profile_as_a_source(stub):
    """They assume a role, for as long as they like."""
    session = stsession.from_profile("keys").assume(TARGET, duration_seconds=43_200)
    session.credentials()

    assert ["AKIAKEYS"] == seen(stub, "access_key_id")
    assert ['profile "keys"', TARGET] == [h.name for h in session.status().hops]


def test_plain_profile_and_its_name_as_a_source(stub):
    """The profile itself and its name are the same source: one call serves both."""
    first = stsession.from_profile("keys").assume(TARGET)
    second = stsession.assume(TARGET, source="keys")

    assert first.credentials() == second.credentials()
    assert 1 == stub.attempts


# -- Second factor --------------------------------------------------------------------


def code(serial):
    assert SERIAL == serial

    return f"{next(CODES):06d}"


CODES = iter(range(1_000_000))


def test_mfa_session(stub, clock):
    """One code serves for twelve hours of refreshes."""
    session = stsession.from_profile("mfa", mfa_code=code)
    for _ in range(4):
        session.credentials()
        clock.advance(minutes(50))

    assert ["GetSessionToken", *["AssumeRole"] * 4] == seen(stub, "operation")
    assert 1 == sum(map(bool, parameters(stub, "TokenCode")))
    assert 2 == len(session.status().hops)


@pytest.mark.parametrize(
    ("profile", "options", "operations", "serials", "durations"),
    [
        (
            "mfa",
            {"mfa_session": minutes(30)},
            ["GetSessionToken", "AssumeRole"],
            [SERIAL, None],
            ["1800", None],
        ),
        ("mfa", {"mfa_session": False}, ["AssumeRole"], [SERIAL], [None]),
        ("late", {}, ["AssumeRole", "AssumeRole"], [None, SERIAL], [None, None]),
    ],
    ids=["duration", "no session", "source is a role"],
)
def test_where_the_code_is_sent(stub, profile, options, operations, serials, durations):
    """By default to GetSessionToken; otherwise with the role that requires it."""
    stsession.from_profile(profile, mfa_code=code, **options).credentials()

    assert operations == seen(stub, "operation")
    assert serials == parameters(stub, "SerialNumber")
    assert durations == parameters(stub, "DurationSeconds")


def test_no_code(stub):
    """Without a terminal, the error names the device; nothing is sent."""
    error = failing(
        stsession.from_profile("mfa", mfa_code=[sys.executable, "-c", "1/0"])
    )

    assert isinstance(error, stsession.MfaError)
    assert SERIAL in str(error)
    assert 0 == stub.attempts


# -- Options --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ({}, f"sts.{REGION}.amazonaws.com"),
        ({"region": "eu-west-3"}, "sts.eu-west-3.amazonaws.com"),
        ({"sts_region": "eu-west-1"}, "sts.eu-west-1.amazonaws.com"),
        ({"sts_regions": ["us-west-2"]}, "sts.us-west-2.amazonaws.com"),
        ({"sts_endpoint_url": "https://sts.example.com"}, "sts.example.com"),
        (
            {"sts_config": Config(use_dualstack_endpoint=True)},
            f"sts.{REGION}.api.aws",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_where_sts_is_called(stub, options, host):
    """
    All roles of the profile are requested there; the region is also the session's.
    """
    session = stsession.from_profile("target", **options)
    session.credentials()

    assert {host} == set(seen(stub, "host"))
    assert options.get("region", REGION) == session.region_name


def test_cache(stub):
    """Equal sessions share credentials, those with a cache of their own don't."""
    for cache in ({}, {}, {"cache": None}, {"cache": MemoryCache()}):
        stsession.from_profile("reader", **cache).credentials()

    assert 3 == stub.attempts


def test_refresh(stub, clock):
    """The policy goes for all roles."""
    session = stsession.from_profile(
        "target", refresh=ExactPolicy(advisory=minutes(25))
    )
    for _ in range(2):
        session.credentials()
        clock.advance(minutes(36))

    assert [2, 2] == [hop.generation for hop in session.status().hops]


@pytest.mark.parametrize("profile", ["reader", "keys"])
def test_on_event(profile):
    """The hook receives the events."""
    events = []
    session = stsession.from_profile(profile, on_event=events.append)
    session.credentials()

    assert {session.status().hop.name} == {event.hop for event in events}


def test_unknown_option():
    """It is a mistake."""
    with pytest.raises(TypeError, match="duration_seconds"):
        stsession.from_profile("reader", duration_seconds=900)


# -- Copies ---------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["keys", "target", "pod", "mfa"])
def test_copies(profile):
    """A copy is made from the profile. A pickle has no secret."""
    session = stsession.from_profile(profile, region="eu-west-3", mfa_code=code)
    pickled = pickle.dumps(session)
    copies = [copy.deepcopy(session), pickle.loads(pickled)]

    assert b"Secret" not in pickled
    assert [session.status()] * 2 == [twin.status() for twin in copies]
    assert ["eu-west-3"] * 2 == [twin.region_name for twin in copies]
    assert [session.credentials()] * 2 == [twin.credentials() for twin in copies]


def test_pickle_with_a_code():
    """A code isn't pickled."""
    session = stsession.from_profile("mfa", mfa_code="123456")

    with pytest.raises(pickle.PicklingError, match="mfa_code"):
        pickle.dumps(session)


# -- Errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "section", "key"),
    [("target", "hub", "external_id"), ("pod", "pod", "role_session_name")],
)
def test_wrong_value(directory, profile, section, key):
    """The error has the names of the profile and of the key."""
    edit(directory, f"[profile {section}]", f"[profile {section}]\n{key} = a b")

    with pytest.raises(
        InvalidRequestError, match=f'profile "{section}": {key}'
    ) as caught:
        stsession.from_profile(profile)

    assert key == caught.value.parameter


def test_which_role_failed(stub):
    """It is the first of the chain that STS denies."""
    stub.goes_down(Fault.error("AccessDenied"))
    error = failing(stsession.from_profile("target"))

    assert isinstance(error, stsession.AccessDeniedError)
    assert HUB in str(error)


def test_other_servers(stub):
    """Where STS isn't AWS's, its limits don't count."""
    stsession.from_profile("emulated").credentials()

    assert ["60"] == parameters(stub, "DurationSeconds")
    assert ["aws.example.com"] == seen(stub, "host")
