"""The public functions: what they send to STS, their options, and their mistakes."""

from __future__ import annotations

import datetime as dt
import inspect
import json

import botocore.handlers
import pytest

from botocore.config import Config
from botocore.credentials import CredentialResolver

import stsession

from stsession._requests.models import OPERATIONS as OPERATIONS_OF_STS
from stsession.testing import Fault

from .engine import ExactPolicy
from .wire import (
    HUB,
    READER,
    REGION,
    TARGET,
    collect_garbage,
    failing,
    minutes,
    params_of,
    source_of,
)


TOKEN = "a.web-identity.token"
ASSERTION = "PHNhbWw+PC9zYW1sPg=="
PROVIDER = "arn:aws:iam::123456789012:saml-provider/Corp"
TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
SERIAL = "arn:aws:iam::123456789012:mfa/alice"
CONTEXT = "arn:aws:iam::aws:contextProvider/IdentityCenter"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
POLICY = {"Version": "2012-10-17", "Statement": []}


def token():
    return TOKEN


def assertion():
    return ASSERTION


def code(serial):
    return "123456"


UNSIGNED = {
    "web_identity": (
        {"role_arn": READER, "token": token, "role_session_name": "me"},
        {"RoleArn": READER, "RoleSessionName": "me", "WebIdentityToken": TOKEN},
    ),
    "saml": (
        {"role_arn": READER, "principal_arn": PROVIDER, "assertion": assertion},
        {"RoleArn": READER, "PrincipalArn": PROVIDER, "SAMLAssertion": ASSERTION},
    ),
}
SIGNED = {
    "assume": (
        {"role_arn": READER, "role_session_name": "me"},
        {"RoleArn": READER, "RoleSessionName": "me"},
    ),
    "session_token": ({}, {}),
    "federation_token": ({"name": "alice"}, {"Name": "alice"}),
    "assume_root": (
        {"target_principal": "123456789012", "task_policy_arn": TASK},
        {"TargetPrincipal": "123456789012", "TaskPolicyArn.arn": TASK},
    ),
}
OPERATIONS = {**UNSIGNED, **SIGNED}

NAMES = {
    "assume": READER,
    "web_identity": READER,
    "saml": READER,
    "session_token": "the session token of the source",
    "federation_token": 'the federated user "alice"',
    "assume_root": "root of 123456789012",
}

each = pytest.mark.parametrize("name", OPERATIONS)
each_unsigned = pytest.mark.parametrize("name", UNSIGNED)
each_signed = pytest.mark.parametrize("name", SIGNED)
ROLES = ("assume", *UNSIGNED)
WITH_POLICIES = (*ROLES, "federation_token")


@pytest.fixture(name="make")
def _make(stub):
    """Call one of our functions; the STS of its session is the stub."""

    def make(name, /, *, in_region=REGION, **kw):
        arguments = {**OPERATIONS[name][0], **kw}
        if name in SIGNED:
            arguments.setdefault("source", source_of(stub, region=in_region))
        else:
            arguments.setdefault("region", in_region)
        session = getattr(stsession, name)(**arguments)
        if name in UNSIGNED:
            # No session is passed whose events could be handled.
            session._source.settings.register(
                "before-send.sts", stub, unique_id="the stub"
            )
        return session

    return make


@each
def test_minimum(stub, make, name):
    """Without options, only the required parameters are sent, at each refresh."""
    session = make(name)
    session.credentials()
    session.refresh()

    assert [OPERATIONS[name][1]] * 2 == [params_of(stub, n) for n in (0, 1)]


SENT = [
    *(
        (name, {"role_session_name": "you"}, {"RoleSessionName": "you"})
        for name in ("assume", "web_identity")
    ),
    ("assume", {"external_id": "tenant/42@x"}, {"ExternalId": "tenant/42@x"}),
    ("assume", {"source_identity": "alice"}, {"SourceIdentity": "alice"}),
    (
        "assume",
        {"transitive_tag_keys": ["Team"], "tags": {"Team": "data"}},
        {
            "Tags.member.1.Key": "Team",
            "Tags.member.1.Value": "data",
            "TransitiveTagKeys.member.1": "Team",
        },
    ),
    (
        "assume",
        {"provided_contexts": {CONTEXT: "assertion"}},
        {
            "ProvidedContexts.member.1.ProviderArn": CONTEXT,
            "ProvidedContexts.member.1.ContextAssertion": "assertion",
        },
    ),
    (
        "web_identity",
        {"provider_id": "www.amazon.com"},
        {"ProviderId": "www.amazon.com"},
    ),
    *(
        (
            "session_token",
            {"mfa_serial": serial, "mfa_code": code},
            {"SerialNumber": serial, "TokenCode": "123456"},
        )
        for serial in (SERIAL, "GAHT12345678")
    ),
    *(
        (name, {"duration_seconds": 129_600}, {"DurationSeconds": "129600"})
        for name in ("session_token", "federation_token")
    ),
    ("assume_root", {"duration_seconds": 60}, {"DurationSeconds": "60"}),
    *(
        (
            name,
            {"duration_seconds": dt.timedelta(minutes=15)},
            {"DurationSeconds": "900"},
        )
        for name in OPERATIONS
    ),
    *(
        (name, {"duration_seconds": "max"}, {"DurationSeconds": "43200"})
        for name in ROLES
    ),
    *(
        (
            name,
            {"tags": {"Team": "data", "Stage": ""}},
            {
                "Tags.member.1.Key": "Team",
                "Tags.member.1.Value": "data",
                "Tags.member.2.Key": "Stage",
                "Tags.member.2.Value": "",
            },
        )
        for name in ("assume", "federation_token")
    ),
    *(
        (
            name,
            {"policy": policy},
            {"Policy": json.dumps(POLICY, separators=(",", ":"))},
        )
        for name in WITH_POLICIES
        for policy in (POLICY, json.dumps(POLICY, indent=1))
    ),
    *(
        (
            name,
            {"policy_arns": [READ_ONLY, TASK]},
            {"PolicyArns.member.1.arn": READ_ONLY, "PolicyArns.member.2.arn": TASK},
        )
        for name in WITH_POLICIES
    ),
]


@pytest.mark.parametrize(
    ("name", "kw", "expected"), SENT, ids=lambda it: it if isinstance(it, str) else ""
)
def test_parameter(stub, make, name, kw, expected):
    """Each parameter reaches STS as it was passed, and nothing else does."""
    make(name, **kw).credentials()

    assert {**OPERATIONS[name][1], **expected} == params_of(stub)


def test_chain(stub, make):
    """Parameters of the request apply to the last role, the session name to all."""
    details = {"duration_seconds": 900, "external_id": "tenant", "policy": POLICY}
    make("assume", role_arn=[HUB, READER, TARGET], **details).credentials()

    assert [
        {"RoleArn": HUB, "RoleSessionName": "me"},
        {"RoleArn": READER, "RoleSessionName": "me"},
        {
            "RoleArn": TARGET,
            "RoleSessionName": "me",
            "DurationSeconds": "900",
            "ExternalId": "tenant",
            "Policy": json.dumps(POLICY, separators=(",", ":")),
        },
    ] == [dict(call.params) for call in stub.requests]
    assert ["AKIASOURCE", *(key.access_key_id for key in stub.issued[:2])] == [
        call.access_key_id for call in stub.requests
    ]


MISTAKES = [
    *((name, "role_arn", "Reader") for name in ROLES),
    *(("assume", "role_arn", value) for value in (None, [], [HUB, "Reader"])),
    *((name, "role_session_name", "a b") for name in ("assume", "web_identity")),
    ("assume", "external_id", "x"),
    ("assume", "transitive_tag_keys", ["Team"]),
    ("assume", "source_identity", "aws:x"),
    ("assume", "provided_contexts", {}),
    ("web_identity", "provider_id", "abc"),
    *(
        ("web_identity", "token", value)
        for value in ("", None, 5, b"token", "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln")
    ),
    *(("saml", "assertion", value) for value in (None, 5, b"PHNhbWw+", "", "<saml>")),
    ("saml", "principal_arn", READER),
    ("session_token", "mfa_serial", "x"),
    ("federation_token", "name", "a b"),
    ("assume_root", "target_principal", READER),
    ("assume_root", "task_policy_arn", READ_ONLY),
    *((name, "tags", {"": "x"}) for name in ("assume", "federation_token")),
    *((name, "policy", "{") for name in WITH_POLICIES),
    *((name, "policy_arns", ["x"]) for name in WITH_POLICIES),
    *((name, "duration_seconds", -1) for name in OPERATIONS),
    *((name, "source", value) for name in SIGNED for value in (5, "nobody")),
    *((name, "sts_regions", [5]) for name in OPERATIONS),
    *(
        ("assume", parameter, value)
        for parameter, values in {
            "region": (5, "eu west 1"),
            "sts_region": ("-",),
            "sts_regions": ([], [None], "eu-west-1", ["eu-west-1", "eu west 2"]),
            "sts_endpoint_url": ("ceph.example", 5, b"https://ceph.example"),
            "sts_config": ({"read_timeout": 5},),
            "refresh": (None, 300),
            "cache": (False,),
            "on_event": ("print",),
            "share_models": (None, 0),
        }.items()
        for value in values
    ),
]


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    MISTAKES,
    ids=lambda value: str(value)[:20],
)
def test_mistake(stub, make, name, parameter, value):
    """The function raises it, with the name of the parameter. Nothing is sent."""
    with pytest.raises(stsession.InvalidRequestError) as caught:
        make(name, **{parameter: value})

    assert parameter == caught.value.parameter
    assert parameter in str(caught.value) or "region" in parameter
    assert 0 == stub.attempts
    assert "eyJ" not in str(caught.value)


def test_mistakes_of_a_chain(stub, make):
    """
    A role that a role assumes has an hour at most; STS knows transitive tags by key.
    """
    for kw in (
        {"duration_seconds": 3601, "role_arn": [HUB, TARGET]},
        {"transitive_tag_keys": ["projekt"], "tags": {"project": "x"}},
        {"region": None, "role_arn": "arn:aws-cn:iam::123456789012:role/Reader"},
    ):
        with pytest.raises(stsession.InvalidRequestError) as caught:
            make("assume", in_region=None, **kw)

        assert next(iter(kw)) == caught.value.parameter


def test_arguments_that_contradict_each_other(make):
    """A region and several of them; a code without the device that shows it."""
    with pytest.raises(stsession.InvalidRequestError, match="Both sts_region"):
        make("assume", sts_regions=["eu-west-1"], sts_region="eu-west-1")
    with pytest.raises(stsession.InvalidRequestError, match="without mfa_serial"):
        make("session_token", mfa_code=code)


@each
def test_unknown_parameter(make, name):
    """It is a TypeError with a suggestion, if one is similar."""
    for option, end in (
        ("xyzzy", "argument 'xyzzy'"),
        ("Region_Name", "'Region_Name'; did you mean region?"),
    ):
        with pytest.raises(TypeError) as caught:
            make(name, **{option: "x"})

        assert str(caught.value).startswith(f"{name}() got ")
        assert str(caught.value).endswith(end)


MISSPELT = [
    (stsession.assume, "region_name", "region"),
    (stsession.assume, "profile_name", "source"),
    (stsession.assume, "ExternalId", "external_id"),
    (stsession.assume, "DurationSeconds", "duration_seconds"),
    (stsession.assume, "extern_id", "external_id"),
    (stsession.assume, "SerialNumber", "mfa_serial"),
    (stsession.assume, "TokenCode", "mfa_code"),
    (stsession.assume, "RoleArn", "role_arn"),
    (stsession.RefreshableAssumeRoleSession, "RoleArn", "role_arn"),
    (stsession.RefreshableAssumeRoleSession, "duration", "duration_seconds"),
    (lambda **kw: stsession.assume(READER).assume(READER, **kw), "tag", "tags"),
    (stsession.web_identity, "RoleSessionName", "role_session_name"),
    (stsession.web_identity, "tokn", "token"),
]


@pytest.mark.parametrize(("make", "parameter", "meant"), MISSPELT)
def test_misspelt_parameter(make, parameter, meant):
    """The names that boto3 and STS use lead to ours."""
    with pytest.raises(TypeError) as caught:
        make(**{parameter: "x"})

    assert f"'{parameter}'; did you mean {meant}?" in str(caught.value)


def test_how_it_is_called():
    """
    With one role or a list of them; a session is itself the source of further roles.
    """
    with pytest.raises(TypeError, match=r"missing 1 required .* 'role_arn'"):
        stsession.assume()
    with pytest.raises(TypeError, match="takes 1 positional argument but 2"):
        stsession.assume(READER, READER)
    with pytest.raises(TypeError, match="takes no source; the session is the source"):
        stsession.assume(READER).assume(READER, source="ci")


@each
def test_region(stub, make, name, monkeypatch):
    """
    STS is called in the session's region, by default the source's or environment's.

    Nothing is sent before the first use.
    """
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    for kw, region, sts_region in (
        ({"region": "us-west-2"}, "us-west-2", "us-west-2"),
        ({"sts_region": "us-west-2"}, REGION, "us-west-2"),
        ({"in_region": None}, "eu-west-3", "eu-west-3"),
    ):
        session = make(name, **kw)
        s3, attempts = session.client("s3"), stub.attempts
        session.credentials()

        assert region == session.region_name == s3.meta.region_name
        assert f"sts.{sts_region}.amazonaws.com" == stub.requests[-1].host
        assert attempts + 1 == stub.attempts


@pytest.mark.parametrize("name", [n for n in OPERATIONS if n != "assume_root"])
def test_no_region_anywhere(stub, make, name):
    """The global endpoint is called, ..."""
    make(name, in_region=None).credentials()

    assert "sts.amazonaws.com" == stub.requests[0].host


@pytest.mark.parametrize("region", [None, "aws-global"])
def test_no_region_for_root(make, region):
    """... but not for AssumeRoot."""
    with pytest.raises(stsession.InvalidRequestError, match="AssumeRoot") as caught:
        make("assume_root", in_region=None, sts_region=region)

    assert "region" == caught.value.parameter


@pytest.mark.parametrize(
    ("fault", "times", "config", "expected"),
    [
        (Fault.reset(), 2, None, ["eu-west-1"] * 2 + ["eu-west-2", "eu-west-1"]),
        (
            Fault.reset(),
            None,
            Config(retries={"total_max_attempts": 1}),
            ["eu-west-1", "eu-west-2"],
        ),
        (
            Fault.error("RegionDisabledException", status=403),
            None,
            None,
            ["eu-west-1", "eu-west-2"],
        ),
        (Fault.access_denied(), None, None, ["eu-west-1"]),
    ],
    ids=["down once", "down", "disabled", "denied"],
)
def test_failing_regions(stub, make, fault, times, config, expected):
    """
    After its retries the next region is called; a denied request is denied in all.

    The next refresh begins with the first region.
    """
    kw = {} if config is None else {"sts_config": config}
    session = make("assume", sts_regions=["eu-west-1", "eu-west-2"], **kw)
    if times is None:
        stub.goes_down(fault)
        error = failing(session)
        if fault.code == "RegionDisabledException":
            assert not error.retryable
            assert "Activate STS in that region" in error.hint
    else:
        stub.fail_next(times, fault)
        session.credentials()
        session.refresh()

    assert expected == [call.region for call in stub.requests]


@each
def test_sts_endpoint_url(stub, make, name):
    """STS is called there, and only STS; AWS's minimums don't apply, nor do regions."""
    session = make(
        name,
        in_region=None,
        sts_endpoint_url="http://ceph.example:8000",
        duration_seconds=5,
    )
    session.credentials()
    s3 = session.client("s3", region_name=REGION)

    assert "ceph.example" == stub.requests[0].host
    assert "5" == params_of(stub)["DurationSeconds"]
    assert "amazonaws.com" in s3.meta.endpoint_url


@pytest.mark.parametrize(("name", "read_timeout"), [("assume", 5), ("saml", 10)])
def test_sts_config(stub, make, name, read_timeout):
    """
    The user's config is merged into ours, and takes precedence.

    For unsigned requests STS may have to call the identity provider.
    """
    session = make(name)
    config = session._source.client(REGION, session._endpoint).meta.config

    assert (3, read_timeout) == (config.connect_timeout, config.read_timeout)
    assert 3 * (3 + read_timeout) + 6 == session._refresher.load_timeout

    stub.goes_down()
    config = Config(
        retries={"total_max_attempts": 2}, connect_timeout=1, user_agent_extra="mine"
    )
    session = make(name, sts_config=config)
    failing(session)
    config = session._source.client(REGION, session._endpoint).meta.config

    assert 2 == stub.attempts
    assert (1, read_timeout) == (config.connect_timeout, config.read_timeout)
    assert "mine" in config.user_agent


def test_max_steps_down_once(stub, make, clock):
    """What the role doesn't allow is requested once, and then always an hour."""
    arn = "arn:aws:iam::123456789012:role/ShortLived"
    stub.fail_next(1, Fault.error("ValidationError", "exceeds MaxSessionDuration"))
    session = make("assume", role_arn=arn, duration_seconds="max")
    session.credentials()
    clock.advance(minutes(55))
    session.refresh()
    other = make(
        "assume", role_arn=arn, duration_seconds="max", role_session_name="you"
    )
    other.credentials()

    assert ["43200", "3600", "3600", "3600"] == [
        call.params["DurationSeconds"] for call in stub.requests
    ]


def test_max_of_a_chain(stub, make):
    """A role assumed by a role has an hour at most, so no more is requested."""
    make("assume", role_arn=[HUB, TARGET], duration_seconds="max").credentials()

    assert "3600" == params_of(stub)["DurationSeconds"]


def test_max_rejected(stub, make):
    """If an hour is too long as well, it's an error."""
    stub.goes_down(Fault.error("ValidationError", "no"))
    session = make(
        "assume",
        role_arn="arn:aws:iam::123456789012:role/Never",
        duration_seconds="max",
    )

    assert "ValidationError" == failing(session).code
    assert 2 == stub.attempts


@each
def test_refresh_and_on_event(make, name, clock):
    """*refresh* decides when; the hook receives the events."""
    events = []
    session = make(
        name,
        refresh=ExactPolicy(advisory=minutes(2)),
        on_event=events.append,
        duration_seconds=900,
    )
    session.credentials()

    assert clock.now() + minutes(13) == session.status().hop.due_at
    assert [("started", NAMES[name]), ("succeeded", NAMES[name])] == [
        (event.name, event.hop) for event in events
    ]


@each_signed
def test_cache(stub, make, name):
    """
    Sessions with the same request share credentials, unless *cache* differs.

    Those of a session that is gone are used by the next one.
    """
    source = source_of(stub)
    one, other = make(name, source=source), make(name, source=source)
    alone = make(name, source=source, cache=None)
    elsewhere = make(name, source=source, cache=stsession.MemoryCache())

    assert one.credentials() is other.credentials()
    assert 1 == stub.attempts
    assert alone.credentials() is not elsewhere.credentials()
    assert 3 == stub.attempts

    key = one.credentials().access_key_id
    del one, other
    collect_garbage()

    assert key == make(name, source=source).credentials().access_key_id


@each_unsigned
def test_functions_share_nothing(stub, make, name):
    """A function may return tokens of different owners."""
    assert make(name).credentials() is not make(name).credentials()
    assert 2 == stub.attempts


@each
def test_status(stub, make, name):
    """It has the name of the credentials and that of the source."""
    session = make(name)
    source = "an unsigned request" if name in UNSIGNED else "the given session"

    assert (NAMES[name], source) == (
        session.status().hop.name,
        session.status().hop.source,
    )
    text = f"<{type(session).__name__} of {NAMES[name]} by {source} ("
    assert text == repr(session)[: len(text)]


@each
def test_caller_identity(stub, make, name):
    """GetCallerIdentity is signed with the session's credentials."""
    session = make(name)
    session.events.register("before-send.sts", stub)
    identity = session.caller_identity()

    assert "GetCallerIdentity" == stub.requests[-1].operation
    assert stub.issued[-1].access_key_id == stub.requests[-1].access_key_id
    assert stub.issued[-1].arn == identity.arn


@each
def test_as_a_source(stub, make, name):
    """
    Its credentials sign further requests, to the same endpoint in the same region.
    """
    session = make(
        name,
        sts_endpoint_url="https://sts.example",
        sts_region="us-west-2",
        sts_config=Config(connect_timeout=1),
    )
    session.events.register("before-send.sts", stub)
    role = session.assume(TARGET, role_session_name="me", region="us-east-2")
    role.credentials()

    assert isinstance(role, stsession.RefreshableAssumeRoleSession)
    assert {"RoleArn": TARGET, "RoleSessionName": "me"} == params_of(stub)
    assert stub.issued[0].access_key_id == stub.requests[1].access_key_id
    assert ["sts.example"] * 2 == [call.host for call in stub.requests]
    assert session._endpoint == role._endpoint
    assert session._endpoint.config is role._endpoint.config
    assert "us-west-2" == stub.requests[1].region
    assert "us-east-2" == role.region_name
    assert REGION == session.assume(TARGET).region_name
    assert [NAMES[name], TARGET] == [hop.name for hop in role.status().hops]
    assert NAMES[name] == role.status().hop.source


@each_signed
def test_source_of_ours(stub, make, name):
    """A session of ours can be the source; its endpoint carries over."""
    hub = stsession.assume(
        READER, source=source_of(stub), sts_endpoint_url="https://sts.example"
    )
    hub.events.register("before-send.sts", stub)
    session = make(name, source=hub, sts_region="us-west-2")
    session.credentials()

    assert stub.issued[0].access_key_id == stub.requests[1].access_key_id
    assert "sts.example" == stub.requests[1].host
    assert [REGION, "us-west-2"] == [call.region for call in stub.requests]
    assert [READER, NAMES[name]] == [hop.name for hop in session.status().hops]


def test_fleet_of_ours(stub):
    """The sessions of a fleet inherit the region of STS as well."""
    hub = stsession.assume(READER, source=source_of(stub), sts_region="us-west-2")
    hub.events.register("before-send.sts", stub)
    stsession.Fleet([TARGET], source=hub).session(TARGET).credentials()

    assert ["us-west-2"] * 2 == [call.region for call in stub.requests]


@each
def test_hour_of_a_chained_role(make, name):
    """Role chaining allows an hour; other sources allow more."""
    session = make(name)
    if name in ROLES:
        with pytest.raises(stsession.InvalidRequestError, match="role chaining"):
            session.assume(TARGET, duration_seconds=3_601)
    else:
        session.assume(TARGET, duration_seconds=3_601)


@each_unsigned
def test_unsigned(stub, make, name, monkeypatch):
    """No credentials sign the request, and botocore looks for none."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setattr(
        CredentialResolver,
        "load_credentials",
        lambda self: pytest.fail("It looked for credentials."),
    )
    headers = []
    session = make(name)
    emitter = session._source.settings.get_component("event_emitter")
    emitter.register_first(
        "before-send.sts", lambda request, **kw: headers.append(request.headers)
    )

    assert not session._refresher.would_prompt()
    session.credentials()
    assert stub.requests[0].access_key_id is None
    assert "Authorization" not in headers[0]
    assert "X-Amz-Security-Token" not in headers[0]


@each_unsigned
def test_identity_provider_is_down(stub, make, name):
    """If STS can't reach it, the request is sent again; then it's an outage."""
    fault = Fault.error("IDPCommunicationError", status=400)
    stub.fail_next(2, fault)
    session = make(name)
    session.credentials()

    assert 3 == stub.attempts

    stub.goes_down(fault)
    error = failing(make(name))

    assert isinstance(error, stsession.StsUnavailableError)
    assert error.retryable
    assert "IDPCommunicationError" == error.code
    assert READER == error.hop


@each_unsigned
@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("", "names the identity provider"),
        ("perform sts:AssumeRoleWithOPERATION", "names the identity provider"),
        ("Not authorized to perform sts:TagSession", "Allow sts:TagSession in"),
    ],
)
def test_unsigned_request_denied(stub, make, name, message, advice):
    """The hint depends on the operation, and on the action that STS names."""
    operation = {"saml": "SAML", "web_identity": "WebIdentity"}[name]
    message = message.replace("OPERATION", operation)
    stub.goes_down(Fault.error("AccessDenied", message, status=403))
    error = failing(make(name))

    assert isinstance(error, stsession.AccessDeniedError)
    assert advice in error.hint
    assert "unsigned" not in str(error)


@pytest.mark.parametrize(
    ("name", "text", "hints"),
    [
        (
            "assume_root",
            "sts:AssumeRoot on resource: arn:aws:iam::123456789012:root",
            [
                "user/source belongs to the organization's management",
                "centralized root access",
            ],
        ),
        (
            "federation_token",
            "federated-user/alice",
            ["user/source is an IAM user with permission for sts:GetFed"],
        ),
        (
            "session_token",
            "",
            [
                "Check that the given session has the access key of ",
                "a policy may deny it without MFA (mfa_serial)",
            ],
        ),
    ],
)
def test_denied(stub, make, name, text, hints):
    """The hint is about the source, and not about trust policies."""
    stub.goes_down(Fault.access_denied())
    error = failing(make(name))

    assert isinstance(error, stsession.AccessDeniedError)
    assert text in str(error)
    assert [] == [hint for hint in hints if hint not in error.hint]
    assert "trust policy" not in error.hint


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("federation_token", "GetFederationToken"),
        ("saml", "AssumeRoleWithSAML"),
        ("web_identity", "AssumeRoleWithWebIdentity"),
    ],
)
def test_page_about_a_limit(make, name, page):
    """The error of a session policy links the page of the operation."""
    for given in ({"policy": {"a": "x" * 3_000}}, {"policy_arns": ["ReadOnlyAccess"]}):
        with pytest.raises(stsession.InvalidRequestError) as caught:
            make(name, **given)

        assert str(caught.value).endswith(f"/API_{page}.html")


@pytest.mark.parametrize(
    ("target", "kw", "account"),
    [
        ("123456789012", {}, "123456789012"),
        ("arn:aws:iam::123456789012:root", {}, "123456789012"),
        ("tenant", {"sts_endpoint_url": "https://sts.example"}, None),
    ],
)
def test_account_of_root(make, target, kw, account):
    """
    STS doesn't return the account, so it is the requested one, if it is one of AWS's.
    """
    session = make("assume_root", target_principal=target, **kw)

    assert account == session.credentials().account_id


IN_A_POD = {
    "nothing": (stsession.web_identity, READER, "pod"),
    "role": (lambda: stsession.web_identity(TARGET), TARGET, "pod"),
    "name": (lambda: stsession.web_identity(role_session_name="x-1"), READER, "x-1"),
    "token": (lambda: stsession.web_identity(token="other"), READER, "pod"),
    "both": (lambda: stsession.web_identity(TARGET, token="other"), TARGET, "mine"),
    "profile": (stsession.from_profile, READER, "pod"),
}


@pytest.mark.parametrize("case", IN_A_POD)
def test_web_identity_of_the_environment(stub, monkeypatch, tmp_path, case):
    """Variables that belong together are used together."""
    make, role, name = IN_A_POD[case]
    for file in ("token", "other"):
        (tmp_path / file).write_text(f"{file}.{TOKEN}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "mine")
    monkeypatch.setenv("AWS_ROLE_ARN", READER)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "pod")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "token")
    builtin = [*botocore.handlers.BUILTIN_HANDLERS, ("before-send", stub)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", builtin)
    make().credentials()
    file = "other" if case in ("token", "both") else "token"

    assert {
        "RoleArn": role,
        "RoleSessionName": name,
        "WebIdentityToken": f"{file}.{TOKEN}",
    } == params_of(stub)


def test_no_role_in_the_environment(tmp_path):
    """That is an error of the arguments."""
    with pytest.raises(stsession.InvalidRequestError, match="no role") as caught:
        stsession.web_identity(token=tmp_path / "token")

    assert "role_arn" == caught.value.parameter


INHERITED = {
    "source_identity": ({"source_identity": "alice"}, {"source_identity": "bob"}),
    "tags": (
        {"tags": {"Team": "a", "Own": ""}, "transitive_tag_keys": ["Team"]},
        {"tags": {"team": "b"}},
    ),
}


@pytest.mark.parametrize("what", INHERITED)
def test_inherited_values_cannot_be_changed(stub, make, what):
    """
    STS rejects another source identity, and a transitive tag, in a chain of roles.
    """
    first, then = INHERITED[what]
    session = make("assume", **first).assume(HUB)

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
def test_values_that_may_be_passed_in_a_chain(make, then):
    """
    The same source identity, and tags that aren't transitive, may be passed again.
    """
    first = {**INHERITED["source_identity"][0], **INHERITED["tags"][0]}
    session = make("assume", **first)

    assert TARGET == session.assume(TARGET, **then).role_arn


@pytest.mark.parametrize("what", INHERITED)
def test_inherited_values_on_other_servers(make, what):
    """Other servers may have rules of their own."""
    first, then = INHERITED[what]
    session = make("assume", sts_endpoint_url="https://sts.example", **first)

    assert TARGET == session.assume(TARGET, **then).role_arn


def test_signatures():
    """The functions, the class and fleets take the same options as `assume()`."""
    known = inspect.signature(stsession.assume).parameters.keys()
    options = stsession.AssumeRoleOptions.__annotations__.keys()

    assert options | {"role_arn", "source", "region"} == known
    assert set(OPERATIONS_OF_STS["assume_role"].parameters) <= known
    assert set(stsession.SessionOptions.__annotations__) <= known
    assert {"region", "refresh", "cache", "on_event"} <= set(
        stsession.SessionOptions.__annotations__
    )
