from __future__ import annotations

import datetime as dt
import gc
import json

import botocore.handlers
import pytest

from botocore.config import Config
from botocore.credentials import CredentialResolver

import stsession

from stsession.testing import FakeClock, Fault, StubSTS, use_runtime

from .engine import exact_policy
from .wire import READER, REGION, TARGET, failing, minutes, params_of, source_of


TOKEN = "a.web-identity.token"
ASSERTION = "PHNhbWw+PC9zYW1sPg=="
PROVIDER = "arn:aws:iam::123456789012:saml-provider/Corp"
TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
SERIAL = "arn:aws:iam::123456789012:mfa/alice"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
POLICY = {"Version": "2012-10-17", "Statement": []}


def token():
    """
    A token of an identity provider.
    """
    return TOKEN


def assertion():
    """
    An assertion of an identity provider.
    """
    return ASSERTION


def code(serial):
    """
    What the device shows.
    """
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
    "session_token": ({}, {}),
    "federation_token": ({"name": "alice"}, {"Name": "alice"}),
    "assume_root": (
        {"target_principal": "123456789012", "task_policy_arn": TASK},
        {"TargetPrincipal": "123456789012", "TaskPolicyArn.arn": TASK},
    ),
}
OPERATIONS = {**UNSIGNED, **SIGNED}

LABELS = {
    "web_identity": READER,
    "saml": READER,
    "session_token": "the session token of the source",
    "federation_token": 'the federated user "alice"',
    "assume_root": "root of 123456789012",
}

each = pytest.mark.parametrize("name", OPERATIONS)
each_unsigned = pytest.mark.parametrize("name", UNSIGNED)
signed = pytest.mark.parametrize(
    "name", [name for name in OPERATIONS if name not in UNSIGNED]
)


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock):
        yield clock


@pytest.fixture(name="stub")
def _stub(clock):
    return StubSTS(clock=clock)


@pytest.fixture(name="make")
def _make(stub):
    """
    Calls one of our functions; the STS of its session is the stub.
    """

    def make(name, /, *, in_region=REGION, **kw):
        arguments = {**OPERATIONS[name][0], **kw}
        if name in SIGNED:
            arguments.setdefault("source", source_of(stub, region=in_region))
        else:
            arguments.setdefault("region", in_region)
        session = getattr(stsession, name)(**arguments)
        if name in UNSIGNED:
            # Nobody gives a session here whose events could be handled.
            session._source.settings.register(
                "before-send.sts", stub, unique_id="the stub"
            )
        return session

    return make


@each
def test_minimum(stub, make, name):
    """
    Without any wishes, no more is sent than has to be.
    """
    make(name).credentials()

    assert OPERATIONS[name][1] == params_of(stub)


SENT = [
    ("web_identity", "role_session_name", "you", {"RoleSessionName": "you"}),
    ("web_identity", "provider_id", "www.amazon.com", {"ProviderId": "www.amazon.com"}),
    ("session_token", "duration_seconds", 129_600, {"DurationSeconds": "129600"}),
    ("federation_token", "duration_seconds", 129_600, {"DurationSeconds": "129600"}),
    (
        "federation_token",
        "tags",
        {"Team": "data", "Stage": ""},
        {
            "Tags.member.1.Key": "Team",
            "Tags.member.1.Value": "data",
            "Tags.member.2.Key": "Stage",
            "Tags.member.2.Value": "",
        },
    ),
    ("assume_root", "duration_seconds", 60, {"DurationSeconds": "60"}),
    *(
        (name, "duration_seconds", dt.timedelta(minutes=15), {"DurationSeconds": "900"})
        for name in OPERATIONS
    ),
    *(
        (name, "duration_seconds", "max", {"DurationSeconds": "43200"})
        for name in UNSIGNED
    ),
    *(
        sent
        for name in [*UNSIGNED, "federation_token"]
        for sent in [
            (
                name,
                "policy",
                POLICY,
                {"Policy": json.dumps(POLICY, separators=(",", ":"))},
            ),
            (
                name,
                "policy_arns",
                [READ_ONLY, TASK],
                {"PolicyArns.member.1.arn": READ_ONLY, "PolicyArns.member.2.arn": TASK},
            ),
        ]
    ),
]


@pytest.mark.parametrize(
    ("name", "parameter", "value", "expected"),
    SENT,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parameter(stub, make, name, parameter, value, expected):
    """
    Each parameter reaches STS as it was given, and nothing else does.
    """
    make(name, **{parameter: value}).credentials()

    assert {**OPERATIONS[name][1], **expected} == params_of(stub)


@pytest.mark.parametrize("serial", [SERIAL, "GAHT12345678"])
def test_code_of_a_device(stub, make, serial):
    """
    So do the device and its code.
    """
    session = make("session_token", mfa_serial=serial, mfa_code=code)
    session.credentials()

    assert {"SerialNumber": serial, "TokenCode": "123456"} == params_of(stub)
    assert f"the session token of {serial}" == session.status().hop.name


@each
def test_again_at_each_refresh(stub, make, name):
    """
    A refresh asks for the same.
    """
    session = make(name)
    session.credentials()
    session.refresh()

    assert params_of(stub, 0) == params_of(stub, 1)


LONG = "x" * 3000

REFUSED = [
    ("web_identity", "role_arn", "Reader"),
    ("web_identity", "role_session_name", "a b"),
    ("web_identity", "provider_id", "abc"),
    ("web_identity", "provider_id", LONG),
    ("web_identity", "token", ""),
    ("web_identity", "token", None),
    ("web_identity", "token", "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln"),
    ("saml", "role_arn", "Reader"),
    ("saml", "principal_arn", "Corp"),
    ("saml", "principal_arn", READER),
    ("session_token", "mfa_serial", "x"),
    ("session_token", "duration_seconds", 129_601),
    ("federation_token", "name", "x"),
    ("federation_token", "name", "x" * 33),
    ("federation_token", "name", "a b"),
    ("federation_token", "tags", {"": "x"}),
    ("federation_token", "tags", {str(n): "" for n in range(51)}),
    ("federation_token", "duration_seconds", 129_601),
    ("assume_root", "target_principal", "1234"),
    ("assume_root", "target_principal", READER),
    ("assume_root", "task_policy_arn", "x"),
    ("assume_root", "task_policy_arn", READ_ONLY),
    ("assume_root", "duration_seconds", 901),
    ("assume_root", "duration_seconds", -1),
    *((name, "duration_seconds", 899) for name in OPERATIONS if name != "assume_root"),
    *((name, "duration_seconds", 43_201) for name in UNSIGNED),
    *((name, "duration_seconds", "long") for name in OPERATIONS),
    *(
        (name, parameter, value)
        for name in [*UNSIGNED, "federation_token"]
        for parameter, value in [
            ("policy", "{"),
            ("policy", {"Statement": [LONG]}),
            ("policy_arns", ["x"]),
            ("policy_arns", [READ_ONLY] * 11),
        ]
    ),
    *(
        (name, parameter, value)
        for name in OPERATIONS
        for parameter, value in [
            ("sts_regions", []),
            ("sts_regions", "eu-west-1"),
            ("sts_endpoint_url", "ceph.example"),
        ]
    ),
    *((name, "source", 5) for name in SIGNED),
    *((name, "source", "nobody") for name in SIGNED),
]


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    REFUSED,
    ids=lambda value: str(value)[:20],
)
def test_mistake(stub, make, name, parameter, value):
    """
    It is raised by the function, names the parameter, and nothing is sent.
    """
    with pytest.raises(stsession.InvalidRequestError) as caught:
        make(name, **{parameter: value})

    assert parameter == caught.value.parameter
    assert 0 == stub.attempts
    assert "eyJ" not in str(caught.value)


@each
def test_both_regions_and_a_region(make, name):
    """
    They say different things.
    """
    with pytest.raises(stsession.InvalidRequestError, match="Both sts_region"):
        make(name, sts_regions=["eu-west-1"], sts_region="eu-west-1")


def test_code_without_a_device(make):
    """
    A code is one of some device.
    """
    with pytest.raises(stsession.InvalidRequestError, match="without mfa_serial"):
        make("session_token", mfa_code=code)


@each
def test_unknown_parameter(make, name):
    """
    It's not taken silently.
    """
    with pytest.raises(TypeError, match="role_name"):
        make(name, role_name="me")


@each
def test_misspelt_option(make, name):
    """
    What was meant is guessed, as `assume()` does.
    """
    expected = rf"^{name}\(\) got .* 'Region_Name'; did you mean region\?"
    with pytest.raises(TypeError, match=expected):
        make(name, Region_Name="eu-west-1")


def test_misspelt_parameter(make):
    """
    Also if it is one of the function's own.
    """
    with pytest.raises(TypeError, match=r"did you mean role_session_name\?"):
        make("web_identity", RoleSessionName="me")


@each
def test_nothing_is_sent_before_the_first_use(stub, make, name):
    """
    Making a session touches nothing.
    """
    make(name).client("s3")

    assert 0 == stub.attempts


@each
def test_region(stub, make, name):
    """
    The session's region, where STS is asked, too.
    """
    session = make(name, region="us-west-2")
    session.credentials()

    assert "us-west-2" == session.client("s3").meta.region_name
    assert "sts.us-west-2.amazonaws.com" == stub.requests[0].host


@each
def test_region_of_source(stub, make, name, monkeypatch):
    """
    Otherwise it is the source's; if there is none, the environment's.
    """
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    region = None if name in UNSIGNED else REGION
    expected = "eu-west-3" if name in UNSIGNED else REGION
    session = make(name, in_region=region)
    session.credentials()

    assert expected == session.region_name
    assert f"sts.{expected}.amazonaws.com" == stub.requests[0].host


@pytest.mark.parametrize("name", [n for n in OPERATIONS if n != "assume_root"])
def test_no_region_anywhere(stub, make, name):
    """
    The global end point will do, ...
    """
    make(name, in_region=None).credentials()

    assert "sts.amazonaws.com" == stub.requests[0].host


@pytest.mark.parametrize("region", [None, "aws-global"])
def test_no_region_for_root(stub, make, region):
    """
    ... but not for this.
    """
    with pytest.raises(stsession.InvalidRequestError, match="AssumeRoot") as caught:
        make("assume_root", in_region=None, sts_region=region)

    assert "region" == caught.value.parameter


def test_no_region_for_root_elsewhere(stub, make):
    """
    Servers that aren't AWS's have no regions.
    """
    make("assume_root", in_region=None, sts_endpoint_url="https://sts.example")


@each
def test_sts_region(stub, make, name):
    """
    STS is asked elsewhere; the session's region stays.
    """
    session = make(name, sts_region="us-west-2")
    session.credentials()

    assert REGION == session.region_name
    assert "sts.us-west-2.amazonaws.com" == stub.requests[0].host


@each
def test_sts_regions(stub, make, name):
    """
    If STS isn't active in the first region, the next is asked.
    """
    stub.fail_next(1, Fault.error("RegionDisabledException", status=403))
    make(name, sts_regions=["eu-south-2", "eu-west-1"]).credentials()

    assert ["sts.eu-south-2.amazonaws.com", "sts.eu-west-1.amazonaws.com"] == [
        call.host for call in stub.requests
    ]


@each
def test_sts_endpoint_url(stub, make, name):
    """
    STS is where the user says, and only STS; limits are its own affair.
    """
    session = make(
        name, sts_endpoint_url="http://ceph.example:8000", duration_seconds=5
    )
    session.credentials()

    assert "ceph.example" == stub.requests[0].host
    assert "5" == params_of(stub)["DurationSeconds"]
    assert "amazonaws.com" in session.client("s3").meta.endpoint_url


@each
def test_sts_config(stub, make, name):
    """
    What the user wants is merged into ours, and wins.
    """
    stub.goes_down()
    config = Config(retries={"total_max_attempts": 2}, connect_timeout=1)
    session = make(name, sts_config=config)
    failing(session)
    used = session._source.client(REGION, session._endpoint).meta.config

    assert 2 == stub.attempts
    assert (1, 10 if name in UNSIGNED else 5) == (
        used.connect_timeout,
        used.read_timeout,
    )


@each
def test_refresh_policy(make, name, clock):
    """
    *refresh* decides when.
    """
    policy = exact_policy(advisory=minutes(2))
    session = make(name, refresh=policy, duration_seconds=900)
    session.credentials()

    assert clock.now() + minutes(13) == session.status().hop.due_at


@signed
def test_cache(stub, make, name):
    """
    Sessions that ask for the same share credentials, unless they don't want to.
    """
    source = source_of(stub)
    one, other = make(name, source=source), make(name, source=source)
    alone = make(name, source=source, cache=None)
    elsewhere = make(name, source=source, cache=stsession.MemoryCache())

    assert one.credentials() is other.credentials()
    assert 1 == stub.attempts
    assert alone.credentials() is not elsewhere.credentials()
    assert 3 == stub.attempts


@signed
def test_cache_of_a_session_that_is_gone(stub, make, name):
    """
    What it left behind serves the next one.
    """
    source = source_of(stub)
    key = make(name, source=source).credentials().access_key_id
    gc.collect()

    assert key == make(name, source=source).credentials().access_key_id


@pytest.mark.parametrize("name", sorted(UNSIGNED))
def test_functions_share_nothing(stub, make, name):
    """
    Whose token a function gives may depend on who asks for it.
    """
    assert make(name).credentials() is not make(name).credentials()
    assert 2 == stub.attempts


@each
def test_on_event(make, name):
    """
    The hook is told.
    """
    events = []
    session = make(name, on_event=events.append)
    session.credentials()

    assert [("started", LABELS[name]), ("succeeded", LABELS[name])] == [
        (event.name, event.label) for event in events
    ]


@each
def test_status(stub, make, name):
    """
    It says whose credentials they are, and who asked.
    """
    session = make(name)
    source = "an unsigned request" if name in UNSIGNED else "the given session"

    assert (LABELS[name], source) == (
        session.status().hop.name,
        session.status().hop.source,
    )
    text = f"<RefreshableSession of {LABELS[name]} by {source} ("
    assert text == repr(session)[: len(text)]


@each
def test_caller_identity(stub, make, name):
    """
    The session is asked who it is.
    """
    session = make(name)
    session.events.register("before-send.sts", stub)
    identity = session.caller_identity()

    assert "GetCallerIdentity" == stub.requests[-1].operation
    assert stub.issued[-1].access_key_id == stub.requests[-1].access_key_id
    assert stub.issued[-1].arn == identity.arn


@each
@pytest.mark.parametrize("way", ["method", "source"])
def test_as_a_source(stub, make, name, way):
    """
    Its credentials assume a role; STS is asked where it was asked for them.
    """
    config = Config(connect_timeout=1)
    session = make(name, sts_endpoint_url="https://sts.example", sts_config=config)
    session.events.register("before-send.sts", stub)
    role = (
        session.assume(TARGET, role_session_name="me")
        if way == "method"
        else stsession.assume(TARGET, source=session, role_session_name="me")
    )
    role.credentials()

    assert {"RoleArn": TARGET, "RoleSessionName": "me"} == params_of(stub)
    assert stub.issued[0].access_key_id == stub.requests[1].access_key_id
    assert ["sts.example"] * 2 == [call.host for call in stub.requests]
    assert session._endpoint.config is role._endpoint.config
    assert [LABELS[name], TARGET] == [hop.name for hop in role.status().hops]
    assert LABELS[name] == role.status().hop.source


@pytest.mark.parametrize("name", SIGNED)
def test_source_of_ours(stub, make, name):
    """
    A session of ours can be the source; where it was asked goes for this, too.
    """
    hub = stsession.assume(
        READER, source=source_of(stub), sts_endpoint_url="https://sts.example"
    )
    hub.events.register("before-send.sts", stub)
    session = make(name, source=hub)
    session.credentials()

    assert stub.issued[0].access_key_id == stub.requests[1].access_key_id
    assert "sts.example" == stub.requests[1].host
    assert [READER, LABELS[name]] == [hop.name for hop in session.status().hops]


@each
def test_hour_of_a_chained_role(make, name):
    """
    A role that a role assumes has an hour at most; others have more.
    """
    session = make(name)
    if name in UNSIGNED:
        with pytest.raises(stsession.InvalidRequestError, match="role chaining"):
            session.assume(TARGET, duration_seconds=3_601)
    else:
        session.assume(TARGET, duration_seconds=3_601)


@each_unsigned
def test_unsigned(stub, make, name, monkeypatch):
    """
    No credentials sign the request, and nobody looks for any.
    """
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setattr(
        CredentialResolver,
        "load_credentials",
        lambda self: pytest.fail("Somebody looked for credentials."),
    )
    headers = []
    session = make(name)
    emitter = session._source.settings.get_component("event_emitter")
    emitter.register_first(
        "before-send.sts", lambda request, **kw: headers.append(request.headers)
    )
    session.credentials()

    assert stub.requests[0].access_key_id is None
    assert "Authorization" not in headers[0]
    assert "X-Amz-Security-Token" not in headers[0]


@each_unsigned
def test_patience(make, name):
    """
    STS has to ask an identity provider, so it has ten seconds.
    """
    session = make(name)
    config = session._source.client(REGION, session._endpoint).meta.config

    assert (3, 10) == (config.connect_timeout, config.read_timeout)
    assert 3 * (3 + 10) + 6 == session._refresher.load_timeout


@each_unsigned
def test_identity_provider_is_down(stub, make, name):
    """
    STS couldn't reach it: it is asked again.
    """
    stub.fail_next(2, Fault.error("IDPCommunicationError", status=400))
    make(name).credentials()

    assert 3 == stub.attempts


@each_unsigned
def test_identity_provider_stays_down(stub, make, name):
    """
    In the end that's an outage, which passes.
    """
    stub.goes_down(Fault.error("IDPCommunicationError", status=400))
    error = failing(make(name))

    assert isinstance(error, stsession.StsUnavailableError)
    assert error.retryable
    assert "IDPCommunicationError" == error.code
    assert READER == error.hop


@each_unsigned
def test_denied(stub, make, name):
    """
    The advice is about trust in the provider, and not about keys.
    """
    operation = {"saml": "SAML", "web_identity": "WebIdentity"}[name]
    message = f"Not authorized to perform sts:AssumeRoleWith{operation}"
    stub.goes_down(Fault.error("AccessDenied", message, status=403))
    error = failing(make(name))

    assert isinstance(error, stsession.AccessDeniedError)
    assert "names the identity provider" in error.hint
    assert "unsigned" not in str(error)


@each_unsigned
@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("", "names the identity provider"),
        ("Not authorized to perform sts:TagSession", "Allow sts:TagSession in"),
    ],
)
def test_denied_for_another_reason(stub, make, name, message, advice):
    """
    The advice depends on what was asked, and on the action that STS names.
    """
    stub.goes_down(Fault.error("AccessDenied", message, status=403))
    error = failing(make(name))

    assert advice in error.hint
    assert "unsigned" not in str(error)


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("federation_token", "GetFederationToken"),
        ("saml", "AssumeRoleWithSAML"),
        ("web_identity", "AssumeRoleWithWebIdentity"),
    ],
)
@pytest.mark.parametrize(
    "given", [{"policy": {"a": "x" * 3_000}}, {"policy_arns": ["ReadOnlyAccess"]}]
)
def test_page_about_a_limit(make, name, page, given):
    """
    The error of a session policy links the page of the operation.
    """
    with pytest.raises(stsession.InvalidRequestError) as caught:
        make(name, **given)

    assert str(caught.value).endswith(f"/API_{page}.html")


def test_root_denied(stub, make):
    """
    The advice is about who may become root, and not about trust policies.
    """
    stub.goes_down(Fault.access_denied())
    error = failing(make("assume_root"))

    assert isinstance(error, stsession.AccessDeniedError)
    assert "sts:AssumeRoot on resource: arn:aws:iam::123456789012:root" in str(error)
    assert "user/source belongs to the organization's management" in error.hint
    assert "centralized root access" in error.hint
    assert "trust policy" not in error.hint


def test_federation_denied(stub, make):
    """
    That the refused user is to be a federated one doesn't make the source one.
    """
    stub.goes_down(Fault.access_denied())
    error = failing(make("federation_token"))

    assert isinstance(error, stsession.AccessDeniedError)
    assert "federated-user/alice" in str(error)
    assert "user/source is an IAM user with permission for sts:GetFed" in error.hint
    assert "trust policy" not in error.hint


def test_session_token_denied(stub, make):
    """
    The advice is about what a user may do by itself.
    """
    stub.goes_down(Fault.access_denied())
    error = failing(make("session_token"))

    assert isinstance(error, stsession.AccessDeniedError)
    assert error.hint.startswith("Check that the given session has the access key of ")
    assert "a policy may deny it without MFA (mfa_serial)" in error.hint
    assert "trust policy" not in error.hint


@pytest.mark.parametrize(
    ("target", "account"),
    [
        ("123456789012", "123456789012"),
        ("arn:aws:iam::123456789012:root", "123456789012"),
    ],
)
def test_account_of_root(make, target, account):
    """
    STS doesn't tell the account, so it is the one that was asked for.
    """
    session = make("assume_root", target_principal=target)

    assert account == session.credentials().account_id


def test_account_of_root_elsewhere(make):
    """
    What other servers call an account isn't one of AWS's.
    """
    session = make(
        "assume_root",
        target_principal="tenant",
        sts_endpoint_url="https://sts.example",
    )

    assert session.credentials().account_id is None


def test_token_file_of_the_environment(stub, make, monkeypatch, tmp_path):
    """
    Pods are told by it where their token is.
    """
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n", encoding="utf-8")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
    make("web_identity", token=None).credentials()

    assert TOKEN == params_of(stub)["WebIdentityToken"]


IN_A_POD = {
    "nothing": (stsession.web_identity, READER, "pod"),
    "role": (lambda: stsession.web_identity(TARGET), TARGET, "pod"),
    "name": (lambda: stsession.web_identity(role_session_name="x-1"), READER, "x-1"),
    "token": (lambda: stsession.web_identity(token="other"), READER, "pod"),
    "both": (lambda: stsession.web_identity(TARGET, token="other"), TARGET, "mine"),
    "profile": (stsession.from_profile, READER, "pod"),
}


@pytest.mark.parametrize(("make", "role", "name"), IN_A_POD.values(), ids=IN_A_POD)
def test_web_identity_of_the_environment(stub, monkeypatch, tmp_path, make, role, name):
    """
    All variables count that belong together, wherever they are read.
    """
    for file in ("token", "other"):
        (tmp_path / file).write_text(TOKEN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "mine")
    monkeypatch.setenv("AWS_ROLE_ARN", READER)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "pod")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "token")
    builtin = [*botocore.handlers.BUILTIN_HANDLERS, ("before-send", stub)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", builtin)
    make().credentials()
    params = params_of(stub)

    assert (role, name) == (params["RoleArn"], params["RoleSessionName"])


def test_no_role_in_the_environment(tmp_path):
    """
    That is an error of the arguments.
    """
    with pytest.raises(stsession.InvalidRequestError, match="no role") as caught:
        stsession.web_identity(token=tmp_path / "token")

    assert "role_arn" == caught.value.parameter


def test_close(make):
    """
    Connections can be closed, and twice.
    """
    session = make("web_identity")
    session.credentials()
    session.close()
    session.close()

    assert session.refresh()


def test_unsigned_source_never_asks(make):
    """
    There is nobody to be prompted.
    """
    session = make("saml")

    assert not session._refresher.would_prompt()
    assert session._source.invalidate()


def test_options():
    """
    The functions take the same options as `assume()`.
    """
    import inspect

    known = inspect.signature(stsession.assume).parameters

    assert set(stsession.SessionOptions.__annotations__) <= set(known)
    assert {"region", "refresh", "cache", "on_event"} <= set(
        stsession.SessionOptions.__annotations__
    )
