from __future__ import annotations

import datetime as dt
import json

import pytest

from botocore.config import Config

import stsession

from stsession.testing import FakeClock, Fault, StubSTS, use_runtime

from .engine import exact_policy
from .wire import HUB, READER, REGION, TARGET, failing, minutes, params_of, source_of


CONTEXT = "arn:aws:iam::aws:contextProvider/IdentityCenter"


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock):
        yield clock


@pytest.fixture(name="stub")
def _stub(clock):
    return StubSTS(clock=clock)


@pytest.fixture(name="source")
def _source(stub):
    return source_of(stub)


def test_minimum(stub, source):
    """
    Without any wishes, just the role and a name are sent.
    """
    stsession.assume(READER, source=source, role_session_name="me").credentials()

    assert {"RoleArn": READER, "RoleSessionName": "me"} == params_of(stub)


def test_default_role_session_name(stub, source, monkeypatch):
    """
    CloudTrail shows the name of the Lambda function.
    """
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "nightly-report")
    stsession.assume(READER, source=source).credentials()

    assert "nightly-report" in params_of(stub)["RoleSessionName"]


SENT = {
    "duration_seconds": (900, {"DurationSeconds": "900"}),
    "duration_seconds as a timedelta": (
        dt.timedelta(hours=2),
        {"DurationSeconds": "7200"},
    ),
    "duration_seconds as the most": ("max", {"DurationSeconds": "43200"}),
    "external_id": ("tenant/42@x", {"ExternalId": "tenant/42@x"}),
    "policy": (
        {"Version": "2012-10-17", "Statement": []},
        {"Policy": '{"Version":"2012-10-17","Statement":[]}'},
    ),
    "policy as text": (
        '{ "Version" : "2012-10-17" }',
        {"Policy": '{"Version":"2012-10-17"}'},
    ),
    "policy_arns": (
        [
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/SecurityAudit",
        ],
        {
            "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "PolicyArns.member.2.arn": "arn:aws:iam::aws:policy/SecurityAudit",
        },
    ),
    "tags": (
        {"Team": "data", "Stage": ""},
        {
            "Tags.member.1.Key": "Team",
            "Tags.member.1.Value": "data",
            "Tags.member.2.Key": "Stage",
            "Tags.member.2.Value": "",
        },
    ),
    "transitive_tag_keys": (
        ["Team"],
        {
            "Tags.member.1.Key": "Team",
            "Tags.member.1.Value": "data",
            "TransitiveTagKeys.member.1": "Team",
        },
    ),
    "source_identity": ("alice", {"SourceIdentity": "alice"}),
    "provided_contexts": (
        {CONTEXT: "assertion"},
        {
            "ProvidedContexts.member.1.ProviderArn": CONTEXT,
            "ProvidedContexts.member.1.ContextAssertion": "assertion",
        },
    ),
}


NEEDED = {"transitive_tag_keys": {"tags": {"Team": "data"}}}


@pytest.mark.parametrize("what", SENT)
def test_parameter(stub, source, what):
    """
    Each parameter reaches STS as it was given, and nothing else does.
    """
    value, expected = SENT[what]
    given = {what.split()[0]: value, **NEEDED.get(what, {})}
    session = stsession.assume(READER, source=source, role_session_name="me", **given)
    session.credentials()

    assert {
        "RoleArn": READER,
        "RoleSessionName": "me",
        **expected,
    } == params_of(stub)


def test_again_at_each_refresh(stub, source):
    """
    A refresh asks for the same.
    """
    session = stsession.assume(
        READER, source=source, external_id="tenant", tags={"a": "b"}
    )
    session.credentials()
    session.refresh()

    assert params_of(stub, 0) == params_of(stub, 1)


def test_chain(stub, source):
    """
    What is said about the request goes for the last role, the name for all.
    """
    policy = {"Statement": []}
    session = stsession.assume(
        [HUB, READER, TARGET],
        source=source,
        role_session_name="me",
        duration_seconds=900,
        external_id="tenant",
        policy=policy,
    )
    session.credentials()

    assert [
        {"RoleArn": HUB, "RoleSessionName": "me"},
        {"RoleArn": READER, "RoleSessionName": "me"},
        {
            "RoleArn": TARGET,
            "RoleSessionName": "me",
            "DurationSeconds": "900",
            "ExternalId": "tenant",
            "Policy": json.dumps(policy, separators=(",", ":")),
        },
    ] == [dict(call.params) for call in stub.requests]
    assert ["AKIASOURCE", *(key.access_key_id for key in stub.issued[:2])] == [
        call.access_key_id for call in stub.requests
    ]


def test_region_of_source(stub, source):
    """
    STS is asked in the source's region, at the regional end point.
    """
    session = stsession.assume(READER, source=source)
    session.credentials()

    assert REGION == session.region_name
    assert (REGION, f"sts.{REGION}.amazonaws.com") == (
        stub.requests[0].region,
        stub.requests[0].host,
    )


def test_region(stub, source):
    """
    The session's region, where STS is asked, too.
    """
    session = stsession.assume(READER, source=source, region="us-west-2")
    session.credentials()

    assert "us-west-2" == session.region_name
    assert "us-west-2" == session.client("s3").meta.region_name
    assert "us-west-2" == stub.requests[0].region
    assert REGION == source.region_name


def test_sts_region(stub, source):
    """
    STS is asked elsewhere; the session's region stays.
    """
    session = stsession.assume(READER, source=source, sts_region="us-west-2")
    session.credentials()

    assert REGION == session.region_name
    assert "sts.us-west-2.amazonaws.com" == stub.requests[0].host


def test_no_region_anywhere(stub):
    """
    In the commercial partition the global end point will do.
    """
    stsession.assume(READER, source=source_of(stub, region=None)).credentials()

    assert ("sts.amazonaws.com", "us-east-1") == (
        stub.requests[0].host,
        stub.requests[0].region,
    )


def test_no_region_for_a_custom_endpoint(stub):
    """
    It doesn't matter there.
    """
    session = stsession.assume(
        READER,
        source=source_of(stub, region=None),
        sts_endpoint_url="https://rgw.example",
    )
    session.credentials()

    assert ("rgw.example", "us-east-1") == (
        stub.requests[0].host,
        stub.requests[0].region,
    )


def test_sts_regions(stub, source):
    """
    After two tries in a row the next region is asked, and then the first again.
    """
    session = stsession.assume(
        READER, source=source, sts_regions=["eu-west-1", "eu-west-2"], cache=None
    )
    stub.fail_next(2, Fault.reset())
    session.refresh()
    session.refresh()

    assert ["eu-west-1", "eu-west-1", "eu-west-2", "eu-west-1"] == [
        call.region for call in stub.requests
    ]


def test_sts_regions_all_down(stub, source):
    """
    Each is asked once per attempt, and the error is that of the last.
    """
    session = stsession.assume(
        READER,
        source=source,
        sts_regions=["eu-west-1", "eu-west-2"],
        sts_config=Config(retries={"total_max_attempts": 1}),
    )
    stub.goes_down(Fault.reset())
    with pytest.raises(stsession.StsUnavailableError):
        session.refresh()

    assert ["eu-west-1", "eu-west-2"] == [call.region for call in stub.requests]


def test_sts_regions_refused(stub, source):
    """
    A refusal is one in all regions.
    """
    session = stsession.assume(
        READER, source=source, sts_regions=["eu-west-1", "eu-west-2"]
    )
    stub.goes_down(Fault.access_denied())
    with pytest.raises(stsession.AccessDeniedError):
        session.refresh()

    assert ["eu-west-1"] == [call.region for call in stub.requests]


def test_region_disabled(stub, source):
    """
    STS isn't active in the first region: the next is asked at once.
    """
    stub.fail_next(1, Fault.error("RegionDisabledException", status=403))
    session = stsession.assume(
        READER, source=source, sts_regions=["eu-south-2", "eu-west-1"]
    )
    session.credentials()

    assert ["eu-south-2", "eu-west-1"] == [call.region for call in stub.requests]


def test_region_disabled_everywhere(stub, source):
    """
    Then it is an error, and a permanent one.
    """
    stub.goes_down(Fault.error("RegionDisabledException", status=403))
    session = stsession.assume(
        READER, source=source, sts_regions=["eu-south-2", "eu-west-1"]
    )
    error = failing(session)

    assert not error.retryable
    assert "Activate STS in that region" in error.hint
    assert ["eu-south-2", "eu-west-1"] == [call.region for call in stub.requests]


def test_sts_endpoint_url(stub, source):
    """
    STS is where the user says, and only STS.
    """
    session = stsession.assume(
        "arn:aws:iam:::role/full",
        source=source,
        sts_endpoint_url="http://ceph.example:8000",
        duration_seconds=5,
    )
    session.credentials()

    assert "ceph.example" == stub.requests[0].host
    assert "5" == params_of(stub)["DurationSeconds"]
    assert "amazonaws.com" in session.client("s3").meta.endpoint_url


def test_sts_config(stub, source):
    """
    What the user wants is merged into ours, and wins.
    """
    stub.goes_down()
    session = stsession.assume(
        READER,
        source=source,
        sts_config=Config(
            retries={"total_max_attempts": 2}, read_timeout=1, user_agent_extra="mine"
        ),
    )
    failing(session)
    hop = session._hops[0].fetch
    config = hop.source.client(REGION, hop.endpoint).meta.config

    assert 2 == stub.attempts
    assert (3, 1) == (config.connect_timeout, config.read_timeout)
    assert "mine" in config.user_agent


def test_max_steps_down_once(stub, source, clock):
    """
    What the role doesn't allow is asked once, and then an hour for good.
    """
    arn = "arn:aws:iam::123456789012:role/ShortLived"
    stub.fail_next(1, Fault.error("ValidationError", "exceeds MaxSessionDuration"))
    session = stsession.assume(
        arn, source=source, duration_seconds="max", role_session_name="me"
    )
    session.credentials()
    clock.advance(minutes(55))
    session.refresh()
    other = stsession.assume(
        arn, source=source, duration_seconds="max", role_session_name="you"
    )
    other.credentials()

    assert ["43200", "3600", "3600", "3600"] == [
        call.params["DurationSeconds"] for call in stub.requests
    ]


def test_max_of_a_chain(stub, source):
    """
    A role assumed by a role is given an hour at most, so no more is asked.
    """
    stsession.assume([HUB, TARGET], source=source, duration_seconds="max").credentials()

    assert "3600" == params_of(stub)["DurationSeconds"]


def test_max_refused_for_good(stub, source):
    """
    If an hour is too long as well, it's an error.
    """
    stub.goes_down(Fault.error("ValidationError", "no"))
    session = stsession.assume(
        "arn:aws:iam::123456789012:role/Never", source=source, duration_seconds="max"
    )

    assert "ValidationError" == failing(session).code
    assert 2 == stub.attempts


def test_unknown_parameter(source):
    """
    It's not taken silently.
    """
    with pytest.raises(TypeError, match="role_name"):
        stsession.assume(READER, source=source, role_name="me")


def test_parameters_of_the_class():
    """
    It has the parameters of `assume()`, and so have fleets, except the region.
    """
    import inspect

    function = inspect.signature(stsession.assume).parameters.keys()
    options = stsession.AssumeRoleOptions.__annotations__.keys()

    assert options | {"role_arn", "source", "region"} == function


@pytest.mark.parametrize(
    "make", [stsession.assume, stsession.RefreshableAssumeRoleSession]
)
def test_role_by_the_name_of_sts(make):
    """
    RoleArn is a misspelt role_arn, not a missing one.
    """
    with pytest.raises(TypeError, match=r"'RoleArn'; did you mean role_arn\?"):
        make(RoleArn=READER)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("region_name", "region"),
        ("profile_name", "source"),
        ("ExternalId", "external_id"),
        ("DurationSeconds", "duration_seconds"),
        ("extern_id", "external_id"),
        ("SerialNumber", "mfa_serial"),
        ("TokenCode", "mfa_code"),
    ],
)
def test_misspelt(name, meant):
    """
    Who writes what boto3 or STS calls it is told what we do.
    """
    with pytest.raises(TypeError) as caught:
        stsession.assume(READER, **{name: "x"})

    assert f"'{name}'; did you mean {meant}?" in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        stsession.RefreshableAssumeRoleSession,
        lambda *args, **kwargs: stsession.assume(READER).assume(*args, **kwargs),
    ],
    ids=["class", "method"],
)
def test_misspelt_elsewhere(make):
    """
    So is who calls the class, or the method.
    """
    with pytest.raises(TypeError) as caught:
        make(READER, duration=900)

    assert "'duration'; did you mean duration_seconds?" in str(caught.value)


def test_source_of_a_further_role():
    """
    A session assumes further roles by itself, and says so.
    """
    with pytest.raises(TypeError, match="takes no source; that is the session itself"):
        stsession.assume(READER).assume(READER, source="ci")


def test_misspelt_token():
    """
    A token by a wrong name isn't a missing one.
    """
    with pytest.raises(TypeError, match=r"'tokn'; did you mean token\?"):
        stsession.web_identity(READER, tokn="/token")


def test_unheard_of():
    """
    Where nothing is near, nothing is guessed.
    """
    with pytest.raises(TypeError, match=r"argument 'xyzzy'$"):
        stsession.assume(READER, xyzzy=1)


def test_how_it_is_called():
    """
    One role, or a list of them.
    """
    with pytest.raises(TypeError, match=r"missing 1 required .* 'role_arn'"):
        stsession.assume()
    with pytest.raises(TypeError, match="takes 1 positional argument but 2"):
        stsession.assume(READER, READER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("refresh", None),
        ("refresh", 300),
        ("cache", False),
        ("sts_config", {"read_timeout": 5}),
        ("on_event", "print"),
        ("region", 5),
        ("region", "eu west 1"),
        ("sts_region", "-"),
        ("sts_regions", ["eu-west-1", "eu west 2"]),
        ("sts_regions", [None, 5]),
        ("share_models", None),
        ("share_models", 0),
    ],
)
def test_options_of_no_kind(name, value):
    """
    They are refused where they are given, and not at the first use.
    """
    for make in (stsession.assume, stsession.web_identity):
        token = {} if make is stsession.assume else {"token": "/token"}
        with pytest.raises(stsession.InvalidRequestError) as caught:
            make(READER, **token, **{name: value})

        assert name == caught.value.parameter


REFUSED = {
    "role_arn": {"role_arn": "Reader"},
    "role_arn of no kind": {"role_arn": None},
    "role_arn of no role": {"role_arn": []},
    "role_arn in a chain": {"role_arn": [HUB, "Reader"]},
    "source": {"source": 5},
    "source of an unknown profile": {"source": "nobody"},
    "role_session_name": {"role_session_name": "a b"},
    "duration_seconds": {"duration_seconds": 899},
    "duration_seconds of a chain": {
        "role_arn": [HUB, TARGET],
        "duration_seconds": 3601,
    },
    "external_id": {"external_id": "x"},
    "policy": {"policy": "{"},
    "policy_arns": {"policy_arns": ["x"]},
    "tags": {"tags": {"": "x"}},
    "transitive_tag_keys": {"transitive_tag_keys": "Team"},
    "transitive_tag_keys without tags": {"transitive_tag_keys": ["Team"]},
    "transitive_tag_keys with other tags": {
        "tags": {"project": "x"},
        "transitive_tag_keys": ["projekt"],
    },
    "source_identity": {"source_identity": "aws:x"},
    "provided_contexts": {"provided_contexts": {}},
    "sts_regions": {"sts_regions": []},
    "sts_regions as text": {"sts_regions": "eu-west-1"},
    "sts_regions and sts_region": {
        "sts_regions": ["eu-west-1"],
        "sts_region": "eu-west-1",
    },
    "sts_endpoint_url": {"sts_endpoint_url": "ceph.example"},
    "region": {"role_arn": "arn:aws-cn:iam::123456789012:role/Reader"},
}


@pytest.mark.parametrize("what", REFUSED)
def test_mistake(stub, what):
    """
    It is raised by `assume()`, names the parameter, and nothing is sent.
    """
    source = source_of(stub, region=None)
    with pytest.raises(stsession.InvalidRequestError) as caught:
        stsession.assume(**{"role_arn": READER, "source": source, **REFUSED[what]})

    assert what.split()[0] == caught.value.parameter
    assert what.split()[0] in str(caught.value)
    assert 0 == stub.attempts


def test_nothing_is_sent_before_the_first_use(stub, source):
    """
    Making a session touches nothing.
    """
    session = stsession.assume([HUB, TARGET], source=source)
    session.client("s3")

    assert 0 == stub.attempts


def test_policy_is_a_refresh_policy(stub, source, clock):
    """
    *refresh* decides when.
    """
    policy = exact_policy(advisory=minutes(20))
    session = stsession.assume(READER, source=source, refresh=policy)
    session.credentials()

    assert clock.now() + minutes(40) == session.status().hop.due_at


def test_on_event(stub, source):
    """
    The hook is told.
    """
    events = []
    session = stsession.assume(READER, source=source, on_event=events.append)
    session.credentials()

    assert ["started", "succeeded"] == [event.name for event in events]


INHERITED = {
    "source_identity": ({"source_identity": "alice"}, {"source_identity": "bob"}),
    "tags": (
        {"tags": {"Team": "a", "Own": ""}, "transitive_tag_keys": ["Team"]},
        {"tags": {"team": "b"}},
    ),
}


@pytest.mark.parametrize("between", [0, 1])
@pytest.mark.parametrize("what", INHERITED)
def test_what_a_session_inherits_cannot_be_changed(stub, source, what, between):
    """
    STS refuses another source identity, and a transitive tag, in a chain of roles.
    """
    first, then = INHERITED[what]
    session = stsession.assume(READER, source=source, **first)
    for _ in range(between):
        session = session.assume(HUB)

    with pytest.raises(stsession.InvalidRequestError) as caught:
        session.assume(TARGET, **then)

    assert what == caught.value.parameter
    assert f"the session of {READER}" in str(caught.value)
    assert "the session inherits it" in caught.value.hint
    assert 0 == stub.attempts


@pytest.mark.parametrize(
    "then",
    [
        {"source_identity": "alice"},
        {"tags": {"Own": "b"}, "transitive_tag_keys": ["Own"]},
        {"external_id": "tenant"},
    ],
)
def test_what_may_be_passed_in_a_chain(source, then):
    """
    The same source identity, and tags that aren't transitive, may be passed again.
    """
    first = {**INHERITED["source_identity"][0], **INHERITED["tags"][0]}
    session = stsession.assume(READER, source=source, **first)

    assert TARGET == session.assume(TARGET, **then).role_arn


@pytest.mark.parametrize("what", INHERITED)
def test_other_servers_decide_what_is_inherited(source, what):
    """
    A server that isn't AWS's may have rules of its own.
    """
    first, then = INHERITED[what]
    session = stsession.assume(
        READER, source=source, sts_endpoint_url="https://sts.example", **first
    )

    assert TARGET == session.assume(TARGET, **then).role_arn
