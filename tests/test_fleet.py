from __future__ import annotations

import contextlib
import copy
import datetime as dt
import logging
import pickle
import weakref

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from botocore.config import Config
from botocore.exceptions import ParamValidationError

import stsession

from stsession import Fleet, InvalidRequestError, RefreshPolicy
from stsession._locks import guarded
from stsession.fleet import _throttle
from stsession.fleet._executors import daemon_threads
from stsession.fleet._throttle import OUTAGES
from stsession.testing import FakeClock, Fault, LocalSTS, StubSTS, use_runtime

from .children import process_pool
from .fleet_simulation import our_objects
from .wire import busy_threads, collect_garbage, no_thread


IDS = [f"{number:012}" for number in range(1, 6)]
ARN = "arn:aws:iam::{}:role/Audit"


@pytest.fixture(name="source")
def _source():
    return boto3.Session("AKIAIOSFODNN7EXAMPLE", "s3cr3t", region_name="eu-west-1")


@pytest.fixture(name="local")
def _local():
    with LocalSTS() as local:
        for account in IDS:
            local.add_role(ARN.format(account))
        yield local


@pytest.fixture(name="org")
def _org(local):
    """A source that the local STS knows."""
    return local.session(local.add_user(), region="eu-west-1")


@pytest.fixture(name="stub")
def _stub(source):
    stub = StubSTS()
    source.events.register("before-send.sts", stub)
    return stub


@pytest.fixture(name="virtual")
def _virtual():
    """A clock that moves on when somebody waits."""
    clock = FakeClock()

    def wait(event, seconds):
        clock.advance(dt.timedelta(seconds=seconds + 1e-6))

    with use_runtime(clock=clock, spawn=no_thread, wait=wait):
        yield clock


def nowhere():
    """A source without a region."""


def get_keys(session):
    return session.credentials()


def whoami(session):
    """The account that the session acts in."""
    return session.client("sts").get_caller_identity()["Account"]


# -- Which sessions there are --------------------------------------------------


@pytest.mark.parametrize(
    ("accounts", "options", "role", "regions"),
    [
        (IDS[:2], {"role_name": "Audit"}, "Audit", ["eu-west-1"]),
        (iter(IDS[:2]), {"role_name": "team/Audit"}, "team/Audit", ["eu-west-1"]),
        (IDS[:2], {"role_name": "/team/Audit"}, "team/Audit", ["eu-west-1"]),
        (list(map(ARN.format, IDS[:2])), {}, "Audit", ["eu-west-1"]),
        (
            [*IDS[:2], IDS[0], ARN.format(IDS[1])],
            {"role_name": "Audit"},
            "Audit",
            ["eu-west-1"],
        ),
        (
            IDS[:2],
            {"role_name": "Audit", "regions": ["us-east-1", "eu-west-3"]},
            "Audit",
            ["us-east-1", "eu-west-3"],
        ),
        (
            set(IDS[:2]),
            {"role_name": "Audit", "regions": {"us-east-1", "eu-west-3"}},
            "Audit",
            ["eu-west-3", "us-east-1"],
        ),
    ],
)
def test_targets(source, accounts, options, role, regions):
    """There is a session for each account, without duplicates, and for each region."""
    fleet = Fleet(accounts, source=source, **options)
    expected = [
        (account, f"arn:aws:iam::{account}:role/{role}", region)
        for account in IDS[:2]
        for region in regions
    ]

    assert expected == [(it.account_id, it.role_arn, it.region) for it in fleet]
    assert len(expected) == len(fleet)


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-3", "aws")],
)
def test_partition(region, partition):
    """ARNs are of the partition that the source's region is in."""
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "s3cr3t", region_name=region)

    (target,) = Fleet(IDS[:1], role_name="Audit", source=source)

    assert f"arn:{partition}:iam::000000000001:role/Audit" == target.role_arn


def test_overrides(source):
    """A mapping says what is different in an account."""
    fleet = Fleet(
        {
            IDS[0]: {"role_name": "Other", "external_id": "theirs"},
            IDS[1]: {"regions": ["ap-south-1", "us-east-2"]},
            ARN.format(IDS[2]): None,
        },
        role_name="Audit",
        external_id="ours",
        source=source,
    )

    def external_id(account):
        return fleet.session(account)._refresher.fetch.request.get("external_id")

    assert ["Other", "Audit", "Audit", "Audit"] == [
        target.role_arn.split("/")[1] for target in fleet
    ]
    assert ["ap-south-1", "us-east-2"] == [
        target.region for target in fleet if target.account_id == IDS[1]
    ]
    assert ["theirs", "ours", "ours"] == [external_id(i) for i in IDS[:3]]


def test_transitive_tags_of_each_account(source):
    """Transitive keys of all accounts are compared with the tags that each one has."""
    tagged = {account: {"tags": {"Team": account}} for account in IDS}
    common = {"role_name": "Audit", "source": source, "transitive_tag_keys": ["team"]}

    assert 5 == len(Fleet(tagged, **common))
    for accounts in (IDS, {**tagged, IDS[0]: None}, {**tagged, IDS[0]: {"tags": {}}}):
        with pytest.raises(InvalidRequestError, match="not a key of tags") as caught:
            Fleet(accounts, **common)
        assert "transitive_tag_keys" == caught.value.parameter


@pytest.mark.parametrize(
    ("accounts", "regions", "own_region", "text"),
    [
        (IDS, ["mars"], "eu-west-1", "'mars'"),
        (IDS, ["eu-west-1", "mars"], "eu-west-1", "'mars'"),
        ({IDS[0]: None, IDS[1]: {"regions": ["mars"]}}, None, "eu-west-1", "'mars'"),
        (stsession.Organization(), ["eu-west-1", "mars"], "eu-west-1", "'mars'"),
        (IDS, None, "euwest1", "'euwest1'"),
        (IDS, None, "EU-west-1", "'EU-west-1'"),
        (IDS, None, "", "''"),
    ],
)
def test_region_in_no_partition(accounts, regions, own_region, text):
    """Each region is checked when the fleet is made, as ARNs need its partition."""
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "s3cr3t", region_name=own_region)

    with pytest.raises(
        InvalidRequestError,
        match=f"No partition that botocore knows has a region {text}",
    ) as caught:
        Fleet(accounts, role_name="Audit", source=source, regions=regions)

    assert "regions" == caught.value.parameter


def test_other_servers(source):
    """Servers that aren't AWS's have other names of roles and regions."""
    url = "http://localhost:9000"
    name = "tenant$a/" + "x" * 65
    places = {"regions": ["default", "mars"], "sts_endpoint_url": url}
    targets = Fleet(IDS[:1], role_name=name, source=nowhere, **places)

    assert [(f"arn:aws:iam::{IDS[0]}:role/{name}", r) for r in places["regions"]] == [
        (target.role_arn, target.region) for target in targets
    ]
    with pytest.raises(InvalidRequestError, match="role_name is 'a b'") as caught:
        Fleet(IDS, role_name="a b", source=source, sts_endpoint_url=url)

    assert "role_name" == caught.value.parameter


@pytest.mark.parametrize(
    ("accounts", "role_name", "parameter", "text"),
    [
        ([123456789012], "A", "accounts", "An int loses leading zeros"),
        (["12345"], "A", "accounts", "'12345', which is neither"),
        ([None], "A", "accounts", "of type NoneType"),
        ("123456789012", "A", "accounts", "accounts is of type str"),
        (7, "A", "accounts", "accounts is of type int"),
        ([], "A", "accounts", "accounts is empty"),
        (IDS, None, "role_name", "no role_name is given"),
        (IDS, "arn:aws:iam::000000000001:role/A", "role_name", "the name only"),
        (IDS, "", "role_name", "^role_name is 0 characters long"),
        (IDS, "a b", "role_name", "^role_name has ' ' at position 2"),
        (IDS, "a/b/c d", "role_name", "^the name in role_name has ' '"),
        (IDS, "a b/c", "role_name", "^the path in role_name has ' '"),
        (IDS, "p" * 512 + "/c", "role_name", "^the path in role_name is 514 char"),
        (IDS, 7, "role_name", "role_name is 7"),
        (
            {IDS[0]: {"role_name": "a b"}},
            "A",
            "role_name",
            "^accounts has '000000000001': role_name has ' '",
        ),
        (["arn:aws:iam::1:role/A"], None, "role_arn", "accounts has 'arn:aws:iam::1"),
        ({IDS[0]: "A"}, "A", "accounts", r"\['000000000001'\] is of type str"),
        ({IDS[0]: {"regions": "eu-west-1"}}, "A", "regions", "takes a list of regions"),
        (
            {IDS[0]: {"regions": []}},
            "A",
            "regions",
            r"^regions of accounts\['000000000001'\] is an empty list\.",
        ),
        (
            {IDS[0]: {"external_id": ""}},
            "A",
            "external_id",
            "accounts has '000000000001'",
        ),
        ({ARN.format(IDS[0]): {"role_name": "B"}}, "A", "accounts", "has a role_name"),
        (
            {IDS[0]: None, ARN.format(IDS[0]): {"external_id": "theirs"}},
            "Audit",
            "accounts",
            "twice, with different options",
        ),
    ],
)
def test_bad_accounts(accounts, role_name, parameter, text, source):
    """Wrong accounts are an error when the fleet is made, which names the entry."""
    with pytest.raises(InvalidRequestError, match=text) as caught:
        Fleet(accounts, role_name=role_name, source=source)

    assert parameter == caught.value.parameter


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"regions": []}, "empty list"),
        ({"regions": ["nowhere else"]}, "can't be a region"),
        ({"regions": [5]}, "region is of type int"),
        ({"sts_regions": ["nowhere else"]}, "can't be a region"),
        ({"duration_seconds": 1}, "duration_seconds"),
        ({"sts_endpoint_url": "x"}, "sts_endpoint_url"),
        ({"refresh": 7}, "refresh is of type int"),
        ({"sts_config": Config(retries={"max_attempts": 2})}, "sts_config has retries"),
    ],
)
def test_bad_options(options, text, source):
    """Options that `assume()` rejects are rejected when the fleet is made."""
    with pytest.raises(InvalidRequestError, match=text):
        Fleet(IDS, role_name="Audit", source=source, **options)


@pytest.mark.parametrize(
    ("accounts", "options", "text"),
    [
        (IDS, {"role": "Audit"}, "did you mean role_name"),
        (
            {IDS[0]: {"ExternalId": "x"}},
            {"role_name": "A"},
            rf"^accounts\['{IDS[0]}'\] got an unexpected keyword argument "
            r"'ExternalId'; did you mean external_id\?$",
        ),
    ],
)
def test_unknown_names(accounts, options, text):
    """An unknown name is an error that suggests a similar one."""
    with pytest.raises(TypeError, match=text):
        Fleet(accounts, **options)


def test_options_act(source):
    """What goes for all accounts reaches each session."""
    policy = RefreshPolicy(background=False)
    fleet = Fleet(
        IDS,
        role_name="Audit",
        source=source,
        role_session_name="nightly",
        duration_seconds=900,
        tags={"Team": "data"},
        sts_region="eu-north-1",
        refresh=policy,
        cache=None,
    )

    refresher = fleet.session(IDS[0])._refresher
    request = refresher.fetch.request

    assert "nightly" == request.get("role_session_name")
    assert 900 == request.duration_seconds
    assert (("Team", "data"),) == request.get("tags")
    assert ("eu-north-1",) == refresher.fetch.endpoint.regions
    assert policy == refresher.policy


def test_repr(source):
    """It shows the accounts and the source, and no secret."""
    fleet = Fleet(IDS, role_name="Audit", source=source, external_id="s3cr3t")

    text = "<Fleet of 5 accounts, role Audit by the given session ("
    assert text == repr(fleet)[: len(text)]
    assert "s3cr3t" not in repr(list(fleet)) + repr(fleet._factory)


# -- Sessions ------------------------------------------------------------------


def test_session(source):
    """A session is the same each time, by its account or its ARN."""
    regions = ["eu-west-1", "us-east-1"]
    fleet = Fleet(IDS, role_name="Audit", source=source, regions=regions)

    session = fleet.session(IDS[0])

    assert isinstance(session, stsession.RefreshableAssumeRoleSession)
    assert session is fleet.session(ARN.format(IDS[0]), region="eu-west-1")
    assert session is not fleet.session(IDS[0], region="us-east-1")
    assert "us-east-1" == fleet.session(IDS[0], region="us-east-1").region_name


@pytest.mark.parametrize(
    ("account", "region", "text", "hint"),
    [
        ("000000000099", None, "has no account '000000000099'", "iterate over"),
        (111122223333, None, "has no account 111122223333", "string of 12 digits"),
        ([], None, r"has no account \[\]", "string of 12 digits"),
        (IDS[0], "us-east-1", "no session for 'us-east-1'", "Add it to regions"),
        (IDS[1], None, "several roles", "Pass the ARN"),
    ],
)
def test_no_such_session(account, region, text, hint, source):
    """An account or region that the fleet doesn't have is an error."""
    accounts = [*IDS, "arn:aws:iam::000000000002:role/Other", "111122223333"]
    fleet = Fleet(accounts, role_name="Audit", source=source)

    with pytest.raises(InvalidRequestError, match=text) as caught:
        fleet.session(account, region=region)

    assert hint in caught.value.hint


def test_membership(source):
    """An account is in a fleet by its ID or its role; a target is, too."""
    fleet = Fleet(IDS, role_name="Audit", source=source)
    (target, *_) = fleet

    assert [True, True, True, False, False, False] == [
        entry in fleet
        for entry in (IDS[0], ARN.format(IDS[1]), target, "000000000099", 7, [])
    ]


def test_shared_credentials(local, org):
    """Fleets of a source share credentials; a session by assume() has its own."""
    fleets = [Fleet(IDS[:1], role_name="Audit", source=org) for _ in range(2)]
    sessions = [fleet.session(IDS[0]) for fleet in fleets]
    sessions.append(stsession.assume(ARN.format(IDS[0]), source=org))
    keys = [session.credentials().access_key_id for session in sessions]

    assert keys[0] == keys[1] != keys[2]
    assert 2 == local.count("AssumeRole")


def test_regions_share_credentials(local, org):
    """
    The sessions of an account call STS once, whatever their regions.

    A second run doesn't call it.
    """
    regions = ["eu-west-1", "us-east-1", "us-east-2"]
    fleet = Fleet(IDS, role_name="Audit", source=org, regions=regions)

    for _ in range(2):
        assert sorted(IDS * 3) == sorted(r.value for r in fleet.map(whoami))

    assert 5 == local.count("AssumeRole")


def test_throttled(virtual, source, stub):
    """A throttled request is sent again, and all requests are slowed down."""
    stub.fail_next(1, Fault.throttled())
    fleet = Fleet(IDS, role_name="Audit", source=source)
    results = list(fleet.map(get_keys, max_workers=1))

    assert all(result.ok for result in results)
    assert 6 == stub.attempts
    assert virtual.monotonic() > 4


@pytest.mark.parametrize("fault", [Fault.throttled(), Fault.status(500)])
def test_gives_up(virtual, source, stub, fault):
    """After the last retry, the hint says that the session retries when it is used."""
    stub.goes_down(fault)
    fleet = Fleet(IDS[:1], role_name="Audit", source=source)
    (given_up,) = fleet.map(get_keys)
    stub.comes_back()
    virtual.advance(dt.timedelta(minutes=5))
    (later,) = fleet.map(get_keys)

    hint = "The session retries automatically when it is next used."
    assert hint == given_up.error.hint
    assert later.ok


@pytest.mark.usefixtures("virtual")
def test_not_sent_in_time(source, stub):
    """A request that isn't sent in time is an error that names its role."""
    policy = RefreshPolicy(load_timeout=dt.timedelta(seconds=0.4))
    stub.goes_down(Fault.throttled())
    fleet = Fleet(IDS[:2], role_name="Audit", source=source, refresh=policy)
    first, second = fleet.map(get_keys, max_workers=1)

    assert 1 == stub.attempts
    assert "STS returned Throttling" in str(first.error)
    assert f"Could not assume {ARN.format(IDS[1])} as" in str(second.error)
    assert "could not be sent within 0 s" in str(second.error)
    assert ARN.format(IDS[1]) == second.hop


@pytest.mark.usefixtures("virtual")
@pytest.mark.parametrize(
    ("code", "mfa_session", "tries"),
    [("271828", True, 1), ("271828", False, 1), (None, False, OUTAGES)],
)
def test_codes(source, stub, code, mfa_session, tries):
    """
    Each of a fleet's tries has a code of its own, and is one request.

    With a single code, there is one try, and the result is what STS returned.
    """
    codes = iter(range(100_000, 100_100))
    stub.goes_down(Fault.status(503))
    fleet = Fleet(
        IDS[:1],
        role_name="Audit",
        source=source,
        mfa_serial="arn:aws:iam::123456789012:mfa/ci",
        mfa_code=code or (lambda serial: str(next(codes))),
        mfa_session=mfa_session,
    )
    (result,) = fleet.map(get_keys)

    assert [code or str(100_000 + number) for number in range(tries)] == [
        call.params["TokenCode"] for call in stub.requests
    ]
    assert "STS returned ServiceUnavailable" in str(result.error)
    assert isinstance(result.error, stsession.StsUnavailableError)


@pytest.mark.parametrize("of_account", [False, True])
def test_options_that_change_later(source, stub, of_account):
    """A fleet makes its sessions with the options that it got."""
    tags = {"Tenant": "one"}
    accounts = {IDS[0]: {"tags": tags} if of_account else None}
    options = {} if of_account else {"tags": tags}
    fleet = Fleet(accounts, role_name="Audit", source=source, **options)
    tags["Tenant"] = "two"
    fleet.session(IDS[0]).credentials()

    assert "one" == stub.requests[0].params["Tags.member.1.Value"]


def test_throttles(source):
    """
    Fleets slow down together if they have the same source and STS.

    Their STS clients don't retry by themselves, as those of other sessions do.
    """
    common = {"role_name": "Audit", "source": source}
    one, two, elsewhere = (
        Fleet(IDS, **{**common, **options}).session(IDS[0])
        for options in ({}, {"role_name": "Other"}, {"sts_region": "us-east-2"})
    )
    assumed = stsession.assume(ARN.format(IDS[0]), source=source)
    next_role = one.assume(ARN.format(IDS[1]))
    throttles = [s._refresher.fetch.retry_loop.throttle for s in (one, two, elsewhere)]

    assert throttles[0] is throttles[1]
    assert throttles[0] is not throttles[2]
    assert one._refresher is not assumed._refresher
    assert [1, 3, 3] == [
        s._refresher.fetch.endpoint.client_config().retries["total_max_attempts"]
        for s in (one, assumed, next_role)
    ]


@pytest.mark.parametrize(
    ("policy", "timeout"),
    [(None, 120.0), (RefreshPolicy(load_timeout=dt.timedelta(seconds=8)), 8.0)],
)
def test_retries_for(source, policy, timeout):
    """A fetch is retried for *load_timeout*, and callers wait for longer."""
    options = {} if policy is None else {"refresh": policy}
    fleet = Fleet(IDS, role_name="Audit", source=source, **options)
    refresher = fleet.session(IDS[0])._refresher

    assert timeout == refresher.fetch.retry_loop.timeout
    if policy is None:
        assert refresher.load_timeout > timeout + 8


@pytest.mark.parametrize("do", [pickle.dumps, copy.deepcopy])
def test_no_copies(source, do):
    """A fleet stays where it is."""
    with pytest.raises(TypeError, match="make another, or pass its sessions"):
        do(Fleet(IDS, role_name="Audit", source=source))


def test_session_of_a_session(local, org):
    """A source of ours serves as well."""
    hub = "arn:aws:iam::123456789012:role/Hub"
    local.add_role(hub)
    for account in IDS:
        local.add_role(f"arn:aws:iam::{account}:role/Spoke", trusts=[hub])
    fleet = Fleet(IDS, role_name="Spoke", source=stsession.assume(hub, source=org))

    assert IDS == [r.value for r in fleet.map(whoami, ordered=True)]
    assert 6 == local.count("AssumeRole")


# -- Runs ----------------------------------------------------------------------


def test_denied(local, org, caplog):
    """
    A role that can't be assumed is the result of its account, and not a warning.

    What several failures have in common stands once in the summary.
    """
    denied = ["000000000098", "000000000099"]
    fleet = Fleet([*IDS, *denied], role_name="Audit", source=org)
    caplog.set_level(logging.DEBUG, "stsession")

    run = fleet.map(whoami)
    results = {result.account_id: result for result in run}
    failure, summary = results[denied[1]], " ".join(run.summary().split())
    levels = {r.levelno for r in caplog.records if r.name == "stsession"}

    assert (5, 2) == (run.counts.succeeded, run.counts.failed)
    assert isinstance(failure.error, stsession.AccessDeniedError)
    assert ARN.format(denied[1]) == failure.hop
    assert (denied[1], None, ARN.format(denied[1]), "eu-west-1") == (
        failure.account_id,
        failure.account_name,
        failure.role_arn,
        failure.region,
    )
    assert "2 AccessDeniedError AccessDenied 000000000098 eu-west-1, 0000" in summary
    assert 1 == summary.count("First: Could not assume")
    assert 1 == summary.count(failure.hint)
    assert {logging.DEBUG, logging.INFO} == levels

    # The same session, used by its own, logs as any other.
    with pytest.raises(stsession.AccessDeniedError):
        fleet.session(denied[1]).refresh()

    assert [logging.ERROR] == [
        r.levelno for r in caplog.records if r.levelno > logging.INFO
    ]


class Page:
    """Something large."""


class OddError(Exception):
    """An error that raises another one when its response is read."""

    @property
    def response(self):
        raise KeyError("nothing here")


def test_error_of_the_function(source):
    """Whatever the function raises is its account's error, without its frames."""
    fleet = Fleet(IDS[:1], role_name="Audit", source=source)
    garbage = []

    def inspect(session):
        page = Page()
        garbage.append(weakref.ref(page))
        try:
            session.client("s3").get_object(Bucket="none", Nope=7)
        except ParamValidationError as e:
            raise OddError("nothing there") from e

    (result,) = fleet.map(inspect)
    collect_garbage()

    assert OddError is type(result.error)
    assert isinstance(result.error.__cause__, ParamValidationError)
    assert (None, "") == (result.hop, result.hint)
    assert "nothing there" in result.traceback
    assert "in inspect" in result.traceback
    assert "_executors" not in result.traceback
    assert garbage[0]() is None


async def later(session):
    """A function that would have to be awaited."""


def one_by_one(session):
    """A function that would have to be iterated over."""
    yield session


@pytest.mark.parametrize(
    ("function", "options", "text"),
    [
        (None, {}, "function is of type NoneType"),
        (later, {}, "without async and yield"),
        (one_by_one, {}, "without async and yield"),
        (whoami, {"max_workers": 0}, "max_workers is 0"),
        (whoami, {"max_workers": "4"}, "max_workers is '4'"),
        (whoami, {"executor": 4}, "executor is of type int"),
    ],
)
def test_bad_run(function, options, text, source):
    """Wrong arguments are an error at once."""
    fleet = Fleet(IDS, role_name="Audit", source=source)

    with pytest.raises(InvalidRequestError, match=text):
        fleet.map(function, **options)


def test_log_of_other_sessions(source, stub, caplog):
    """Those that a run's function uses besides are no result, so they warn as ever."""
    down = StubSTS()
    down.goes_down(Fault.access_denied())
    theirs = boto3.Session("AKIATHEIRS", "s3cr3t", region_name="eu-west-1")
    theirs.events.register("before-send.sts", down)
    other = stsession.assume(ARN.format(IDS[2]), source=theirs)
    fleet = Fleet(IDS[:1], role_name="Audit", source=source)

    def use(session):
        session.credentials()
        with contextlib.suppress(stsession.AccessDeniedError):
            other.credentials()

    (result,) = fleet.map(use)

    assert result.ok
    assert [(logging.ERROR, True)] == [
        (r.levelno, IDS[2] in r.getMessage())
        for r in caplog.records
        if r.levelno > logging.INFO
    ]


def test_log_of_a_source(local, org, caplog):
    """If a session of ours fails as the source, all results have its error."""
    hub = stsession.assume(ARN.format("000000000099"), source=org)
    run = Fleet(IDS[:2], role_name="Audit", source=hub).map(whoami)
    hops = [result.hop for result in run]

    assert [ARN.format("000000000099")] * 2 == hops
    assert not [r for r in caplog.records if r.levelno > logging.INFO]


@pytest.mark.parametrize(
    ("used_for", "fault", "when_denied", "expected"),
    [
        (59.5, Fault.access_denied(), "use", (True, [logging.ERROR])),
        (59.5, Fault.access_denied(), "raise", (False, [])),
        (59.5, Fault.status(500), "raise", (True, [logging.WARNING])),
        (61, Fault.status(500), "use", (True, [logging.WARNING])),
        (61, Fault.access_denied(), "use", (False, [])),
    ],
)
def test_log_of_failures_that_are_no_result(
    source, caplog, used_for, fault, when_denied, expected
):
    """A failed refresh of credentials that are still usable is logged as a warning."""
    clock = FakeClock()
    stub = StubSTS(clock=clock)
    source.events.register("before-send.sts", stub)
    policy = RefreshPolicy(when_denied=when_denied, load_timeout=dt.timedelta(0))
    with use_runtime(clock=clock, submit=no_thread, spawn=no_thread):
        fleet = Fleet(IDS[:1], role_name="Audit", source=source, refresh=policy)

        def use(session):
            return session.credentials()

        list(fleet.map(use))
        clock.advance(dt.timedelta(minutes=used_for))
        stub.goes_down(fault)
        (result,) = fleet.map(use)
    logged = [r.levelno for r in caplog.records if r.levelno > logging.INFO]

    assert expected == (result.ok, logged)


def test_close(local, org):
    """Closing ends the runs and drops the sessions; the fleet can be used again."""
    with Fleet(IDS, role_name="Audit", source=org) as fleet:
        session = fleet.session(IDS[0])
        run = fleet.map(whoami)
        next(run)

    assert run.counts.targets == 5
    list(run)
    assert session is not fleet.session(IDS[0])
    assert IDS[0] == whoami(fleet.session(IDS[0]))


def connections(session):
    """How many connections to a host its clients keep, and that of STS."""
    sts = session._source.client("eu-west-1", session._refresher.fetch.endpoint)
    clients = session.client("s3"), session.client("s3"), sts
    return [client.meta.config.max_pool_connections for client in clients]


@pytest.mark.parametrize(
    "mfa", [{}, {"mfa_serial": "GAHT12345678", "mfa_code": "123456"}]
)
def test_connections(source, mfa):
    """
    As many are kept as a run has workers, to STS as well, and never fewer than 64.

    A run's workers make no difference to sessions of other sources.
    """
    other = boto3.Session("AKIAIOSFODNN7EXAMPLE", "s3cr3t", region_name="eu-west-1")
    fleet, of_other = (
        Fleet(IDS[:1], role_name="Audit", source=s, **mfa) for s in (source, other)
    )

    def run(max_workers, executor=None):
        run = fleet.map(connections, max_workers=max_workers, executor=executor)
        (result,) = run
        return result.value

    assert [64] * 3 == run(16)
    assert [100] * 3 == run(100)
    assert [100] * 3 == run(16)
    with ThreadPoolExecutor(1) as executor:
        assert [128] * 3 == run(128, executor)
    assert [4096] * 3 == run(1_000_000)
    assert [64] * 3 == connections(of_other.session(IDS[0]))
    assert [10, 10, 64] == connections(
        stsession.assume(ARN.format(IDS[0]), source=other)
    )


def test_connections_of_processes(monkeypatch):
    """Workers that are processes have connections of their own; here are no more."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    fleet = Fleet(IDS[:1], role_name="Audit", source=None, regions=["eu-west-1"])
    with process_pool(1) as executor:
        fleet.map(len, executor=executor, max_workers=100).close()
    session = fleet.session(IDS[0])

    assert [64] * 3 == connections(session)


def test_accounts_that_raise(source):
    """The traceback of an error in the user's own code shows that code."""

    def accounts():
        yield IDS[0]
        raise TypeError("not ours")

    with pytest.raises(TypeError, match="not ours") as raised:
        Fleet(accounts(), role_name="Audit", source=source)

    assert "accounts" in [frame.name for frame in raised.traceback[-1:]]


LOCKS = {
    "fleet": lambda fleet: fleet._lock,
    "templates": lambda fleet: fleet._sample._clients._lock,
    "throttle": lambda fleet: fleet._sample._refresher.fetch.retry_loop.throttle._lock,
    "throttles": lambda fleet: _throttle._throttles()._lock,
}


@pytest.mark.parametrize("lock", LOCKS.values(), ids=list(LOCKS))
def test_finalizer_under_a_lock(source, stub, lock):
    """
    What uses the fleet on a thread that holds one of its locks doesn't wait for it.

    The garbage collector calls finalizers on such a thread, and signals handlers.
    There it gets the current credentials; without any, it gets an error.
    """
    fleet = Fleet(IDS[:1], role_name="Audit", source=source, cache=None)

    def finalize():
        session = fleet.session(IDS[0])
        session.client("sqs")
        further = stsession.assume(ARN.format(IDS[1]), source=source)
        further.client("sqs")
        with pytest.raises(stsession.RefreshError, match="finalizer"):
            session.credentials()
        return session

    submit = daemon_threads(1)
    made = submit(guarded, lock(fleet), finalize)
    session = made.result(timeout=10)
    session.credentials()
    current = submit(guarded, lock(fleet), session.credentials)

    assert session.credentials() == current.result(timeout=10)


def test_hundreds_of_sessions(source, stub):
    """Hundreds of sessions, made, used and dropped, leave nothing behind."""
    before, threads = our_objects(), busy_threads()
    for _ in range(2):
        accounts = [f"{number:012}" for number in range(200)]
        fleet = Fleet(accounts, role_name="Audit", source=source, cache=None)
        values = [r.value for r in fleet.map(lambda s: s.credentials().account_id)]
        sessions = [weakref.ref(fleet.session(account)) for account in accounts]

        assert accounts == sorted(values)

        fleet.close()
        del fleet
        collect_garbage()

        assert not any(reference() for reference in sessions)

    assert busy_threads() <= threads
    assert our_objects() - before < 100


@pytest.mark.parametrize("share_models", [True, False])
def test_share(source, share_models):
    """Clients of a fleet share parts, unless it is made with ``share_models=False``."""
    fleet = Fleet(IDS, role_name="Audit", source=source, share_models=share_models)
    one, other = (fleet.session(account).client("sqs") for account in IDS[:2])

    assert share_models == (one._serializer is other._serializer)


def pools(fleet):
    """To how many hosts the fleet's clients keep connections."""
    light = fleet._sample._clients
    sessions = [template.http._session for (template,) in light._templates.values()]
    return [len(session._manager.pools) for session in sessions]


def test_close_closes_connections(local, org):
    """Idle connections of its clients are closed with a fleet, and opened again."""
    fleet = Fleet(IDS, role_name="Audit", source=org)
    session = fleet.session(IDS[0])
    client = session.client("sts")
    client.get_caller_identity()
    before = pools(fleet)
    fleet.close()

    assert [1] == before
    assert [0] == pools(fleet)
    assert IDS[0] == client.get_caller_identity()["Account"]


def test_listing_asks_itself(source, monkeypatch):
    """A hook of the source that wants to know the accounts would wait for itself."""
    organization = stsession.Organization()
    fleet = Fleet(organization, role_name="Audit", source=source)
    monkeypatch.setattr(organization, "listed", lambda _: len(fleet))

    with pytest.raises(stsession.fleet.OrganizationError, match="still being listed"):
        len(fleet)


def test_listed_by_another_thread(source, monkeypatch):
    """A thread that waited for the list doesn't list the accounts again."""
    organization, calls = stsession.Organization(), []
    fleet = Fleet(organization, role_name="Audit", source=source)

    def listed(_):
        calls.append(1)
        return ()

    monkeypatch.setattr(organization, "listed", listed)
    fleet._list(organization)
    fleet._list(organization)

    assert [1] == calls
