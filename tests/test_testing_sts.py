"""`StubSTS` and `LocalSTS`: the responses of both, with and without faults."""

from __future__ import annotations

import base64
import datetime as dt
import threading

from collections.abc import Callable
from typing import Any

import attrs
import boto3
import pytest

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from stsession.testing import AccessKey, Fault, LocalSTS, StubSTS
from tests.local import error_of


READER = "arn:aws:iam::123456789012:role/Reader"
CORP = "arn:aws:iam::123456789012:saml-provider/Corp"
ISSUER = "https://oidc.example"
MEMBER = "210987654321"
TASK = {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}
ROLE_AS = {"RoleArn": READER, "RoleSessionName": "me"}
MINUTE = dt.timedelta(minutes=1)
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=1)


@attrs.frozen(kw_only=True)
class Server:
    """One of the two, with what tests need of both."""

    fake: StubSTS | LocalSTS
    user: AccessKey
    session: Callable[[AccessKey], boto3.Session]
    log: Callable[[], Any]
    issued: Callable[[], tuple[AccessKey, ...]]

    def client(self, service="sts", key=None, config=ONCE):
        """A client of *key*, or of the user, that sends each request once."""
        session = self.session(self.user if key is None else key)
        return session.client(service, config=config)


def stub_session(stub, key):
    """A session of *key* with *stub* as its STS."""
    session = boto3.Session(
        key.access_key_id,
        key.secret_access_key,
        key.session_token,
        region_name="eu-south-1",
    )
    session.events.register("before-send.sts", stub)
    session.events.register("before-send.iam", stub)
    return session


@pytest.fixture(name="stub_server")
def _stub_server(stub):
    user = AccessKey(
        access_key_id="AKIAEXAMPLE",
        secret_access_key="secret",
        user_id="AIDASTUBSTUBSTUBSTUB",
        arn="arn:aws:iam::123456789012:user/source",
    )
    return Server(
        fake=stub,
        user=user,
        session=lambda key: stub_session(stub, key),
        log=lambda: stub.requests,
        issued=lambda: stub.issued,
    )


@pytest.fixture(name="local_server")
def _local_server(clock):
    with LocalSTS(clock=clock) as local:
        local.add_role(READER, web_identity_providers=[ISSUER], saml_providers=[CORP])
        local.add_member_account(MEMBER)
        local.add_mfa_device("source")
        yield Server(
            fake=local,
            user=local.add_user(name="source"),
            session=lambda key: local.session(key, region="eu-south-1"),
            log=local.calls,
            issued=local.issued,
        )


@pytest.fixture(name="server", params=["stub", "local"])
def _server(request):
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture(name="faults")
def _faults(server):
    return server.fake.faults


@pytest.fixture(name="sts")
def _sts(server):
    return server.client()


def assume(sts, **params):
    """Assume the role, as "me"."""
    return sts.assume_role(**ROLE_AS, **params)


def response_of(sts, **params):
    """The response that is raised as a `ClientError`."""
    with pytest.raises(ClientError) as caught:
        assume(sts, **params)
    return caught.value.response


# Operations. Tokens and assertions are made by a LocalSTS, as a stub accepts any.


# The parameters; the kind of the key, its lifetime, and the details in the response.
OPERATIONS = {
    "assume_role": (
        {**ROLE_AS, "SourceIdentity": "jane"},
        ("role", 3600, "AssumedRoleUser SourceIdentity"),
    ),
    "assume_role_with_saml": (
        {"RoleArn": READER, "PrincipalArn": CORP},
        (
            "role",
            3600,
            "AssumedRoleUser Audience Issuer NameQualifier Subject SubjectType",
        ),
    ),
    "assume_role_with_web_identity": (
        {**ROLE_AS, "Policy": "{}"},
        (
            "role",
            3600,
            "AssumedRoleUser Audience PackedPolicySize Provider "
            "SubjectFromWebIdentityToken",
        ),
    ),
    "assume_root": (
        {"TargetPrincipal": MEMBER, "TaskPolicyArn": TASK},
        ("root", 900, ""),
    ),
    "get_federation_token": (
        {"Name": "jane", "Policy": "{}"},
        ("federated", 43_200, "FederatedUser PackedPolicySize"),
    ),
    "get_session_token": ({}, ("session", 43_200, "")),
}


def proof(server, operation):
    """The token or assertion that *operation* needs."""
    if operation == "assume_role_with_web_identity":
        make, name = LocalSTS.web_identity_token, "WebIdentityToken"
    elif operation == "assume_role_with_saml":
        make, name = LocalSTS.saml_assertion, "SAMLAssertion"
    else:
        return {}
    is_local = isinstance(server.fake, LocalSTS)
    return {name: make(server.fake if is_local else LocalSTS())}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_gives_credentials(server, sts, clock, operation):
    """They last for the operation's default, and are those of its principal."""
    params, (kind, seconds, details) = OPERATIONS[operation]
    secrets = proof(server, operation)

    got = getattr(sts, operation)(**params, **secrets)

    [key] = server.issued()
    [call] = server.log()
    lifetime = dt.timedelta(seconds=seconds)
    assert {"Credentials", "ResponseMetadata", *details.split()} == set(got)
    assert key.access_key_id == got["Credentials"]["AccessKeyId"]
    assert key.secret_access_key == got["Credentials"]["SecretAccessKey"]
    assert key.session_token == got["Credentials"]["SessionToken"]
    assert clock.now() + lifetime == got["Credentials"]["Expiration"] == key.expires_at
    assert kind == key.kind
    assert key.arn == server.client(key=key).get_caller_identity()["Arn"]
    assert operation.replace("_", "") == call.operation.lower()
    for name, value in secrets.items():
        assert value == call.params[name]
        assert value not in repr(call)
        assert call.access_key_id is None


def test_requests_are_logged(server, sts, clock):
    """Each with its parameters, signer and time; secrets are not in the repr."""
    clock.advance(dt.timedelta(seconds=7))
    context = {"ProviderArn": CORP, "ContextAssertion": "not-for-the-log-1"}
    policy = '{"Version": "2012-10-17", "Statement": [], "Id": "not-for-the-log-3"}'
    assume(
        sts, ExternalId="not-for-the-log-2", ProvidedContexts=[context], Policy=policy
    )

    [call] = server.log()
    assert ("sts", "AssumeRole") == (call.service, call.operation)
    assert "not-for-the-log-2" == call.params["ExternalId"]
    assert "not-for-the-log-1" in call.params.values()
    assert policy == call.params["Policy"]
    assert "not-for-the-log" not in repr(call)
    assert CORP in repr(call)
    assert server.user.access_key_id == call.access_key_id
    assert "eu-south-1" == call.region
    assert 7.0 == call.monotonic


def test_date_and_expiration_give_the_lifetime(sts, clock):
    """Their difference is the lifetime, also in the middle of a second."""
    clock.advance(dt.timedelta(milliseconds=700))
    got = assume(sts, DurationSeconds=900)

    date = dt.datetime.strptime(
        got["ResponseMetadata"]["HTTPHeaders"]["date"], "%a, %d %b %Y %H:%M:%S %Z"
    ).replace(tzinfo=dt.timezone.utc)
    assert 15 * MINUTE == got["Credentials"]["Expiration"] - date


def test_unknown_operations(sts, server, faults):
    """They are an error of the service, which faults don't change."""
    faults.add(Fault.half_body(), service=None)

    assert "InvalidAction" == error_of(sts.get_access_key_info, AccessKeyId="A" * 20)[0]
    assert (
        "InvalidAction",
        "Could not find operation ListUsers for version 2010-05-08",
    ) == error_of(server.client("iam").list_users)


def test_lists_mfa_devices(server, faults):
    """IAM has the device of the user, and faults of its own."""
    iam = server.client("iam")
    faults.add(Fault.access_denied(), service="iam", times=1)

    assert server.client().get_caller_identity()
    code, message = error_of(iam.list_mfa_devices)
    [device] = iam.list_mfa_devices()["MFADevices"]

    assert "AccessDenied" == code
    assert message.endswith("perform: iam:ListMFADevices on resource: user source")
    assert "arn:aws:iam::123456789012:mfa/source" == device["SerialNumber"]
    assert ["sts", "iam", "iam"] == [call.service for call in server.log()]


# Faults


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault.throttled(), "Throttling", 400),
        (Fault.status(500), "InternalFailure", 500),
        (Fault.status(503), "ServiceUnavailable", 503),
        (Fault.error("PackedPolicyTooLarge"), "PackedPolicyTooLarge", 400),
        (Fault.access_denied(), "AccessDenied", 403),
        (Fault.html(), "502", 502),
    ],
)
def test_errors(sts, faults, fault, code, status):
    """The client raises the code and the status of the fault."""
    faults.add(fault)

    got = response_of(sts)

    assert code == got["Error"]["Code"]
    assert status == got["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("operation", "resource"),
    [
        ("assume_role", READER),
        ("assume_root", f"arn:aws:iam::{MEMBER}:root"),
        ("get_federation_token", "arn:aws:sts::123456789012:federated-user/jane"),
        ("get_session_token", "*"),
        ("assume_role_with_saml", None),
        ("assume_role_with_web_identity", None),
    ],
)
def test_denials(server, sts, faults, operation, resource):
    """
    The message has the principal, action and resource; an unsigned one the action.
    """
    params = {**OPERATIONS[operation][0], **proof(server, operation)}
    faults.add(Fault.access_denied())

    code, message = error_of(getattr(sts, operation), **params)

    action = f"sts:{server.log()[-1].operation}"
    expected = f"Not authorized to perform {action}"
    if resource is not None:
        expected = (
            f"User: {server.user.arn} is not authorized to perform: {action}"
            f" on resource: {resource}"
        )
    assert ("AccessDenied", expected) == (code, message)


def test_throttling_with_retry_after(sts, faults):
    """``Retry-After`` is a header of full seconds, and absent by default."""
    faults.add(Fault.throttled(), times=1)
    faults.add(Fault.throttled(retry_after=dt.timedelta(seconds=7)))

    without, with_ = (response_of(sts)["ResponseMetadata"] for _ in range(2))

    assert "retry-after" not in without["HTTPHeaders"]
    assert "7" == with_["HTTPHeaders"]["retry-after"]


def test_bare_errors(sts, faults):
    """Without ``<ErrorResponse>`` botocore doesn't find the code."""
    faults.add(Fault.bare_error("MalformedPolicyDocument", status=400))

    got = response_of(sts)

    assert "MalformedPolicyDocument" == got["Code"]
    assert "Code" not in got.get("Error", {})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.hang(), ReadTimeoutError),
        (Fault.reset(), ConnectionClosedError),
        (Fault.cut_off(), (ConnectionClosedError, ResponseParserError)),
    ],
)
def test_broken_connections(sts, faults, fault, error):
    """There is no response, or a part of one; the next request succeeds."""
    faults.add(fault, times=1)

    with pytest.raises(error):
        assume(sts)

    assert assume(sts)


def test_a_hang_is_logged(local_server):
    """As a request without a status."""
    local_server.fake.faults.add(Fault.hang())

    with pytest.raises(ReadTimeoutError):
        assume(local_server.client(config=ONCE.merge(Config(read_timeout=0.1))))

    [call] = local_server.log()
    assert (None, "hang") == (call.status, call.code)


@pytest.mark.parametrize("fault", [Fault.half_body(), Fault.html(status=200)])
def test_unreadable_documents(sts, faults, fault):
    """Half a document, or HTML, with status 200 can't be used."""
    faults.add(fault)

    with pytest.raises((ResponseParserError, KeyError)):
        print(assume(sts)["Credentials"])  # noqa: T201


def test_wrong_dates(server, sts, faults):
    """Only the header is off; the expiration is right."""
    faults.add(Fault.wrong_date(51 * MINUTE))

    got = assume(sts)

    date = got["ResponseMetadata"]["HTTPHeaders"]["date"]
    assert "Thu, 01 Jan 2026 00:51:00 GMT" == date
    assert server.issued()[0].expires_at == got["Credentials"]["Expiration"]


def test_spoiled_credentials(sts, faults, clock):
    """They can arrive expired, or with empty or missing fields."""
    faults.add(Fault.expired_answer(), times=1)
    faults.add(Fault.empty_fields(), times=1)
    faults.add(Fault.missing_fields(), times=1)
    faults.add(Fault.missing_fields("Expiration"), times=1)

    expired, empty, missing, undated = (assume(sts)["Credentials"] for _ in range(4))

    assert clock.now() - MINUTE == expired["Expiration"]
    assert "" == empty["SecretAccessKey"] == empty["SessionToken"]
    assert {"AccessKeyId", "Expiration"} == set(missing)
    assert {"AccessKeyId", "SecretAccessKey", "SessionToken"} == set(undated)


@pytest.mark.parametrize("failing", ["assume_role", "assume_role_with_saml"])
def test_faults_of_one_operation(server, sts, faults, failing):
    """They leave the others alone."""
    faults.add(Fault.throttled(), operation=server_name(failing))

    for operation, (params, _) in OPERATIONS.items():
        arguments = {**params, **proof(server, operation)}
        if operation == failing:
            code, _ = error_of(getattr(sts, operation), **arguments)
            assert "Throttling" == code
        else:
            assert getattr(sts, operation)(**arguments)


def server_name(operation):
    """STS's name of an operation."""
    return boto3.client("sts", "eu-west-1").meta.method_to_api_mapping[operation]


def test_faults_begin_and_end(sts, faults, clock):
    """An outage can be planned, and cleared."""
    faults.add(Fault.status(500), after=MINUTE, for_=MINUTE)

    assert assume(sts)
    clock.advance(MINUTE)
    response_of(sts)
    clock.advance(MINUTE)
    assert assume(sts)

    faults.add(Fault.status(500))
    response_of(sts)
    faults.clear()
    assert assume(sts)


def test_faults_of_services(local_server):
    """A fault of S3 leaves STS alone, and one of all services doesn't."""
    local, sts, s3 = (
        local_server.fake,
        local_server.client(),
        local_server.client("s3"),
    )
    local.add_bucket("data")
    local.faults.add(Fault.access_denied(), operation="ListObjectsV2", times=1)

    assert assume(sts)
    assert ("AccessDenied", "Access Denied") == error_of(
        s3.list_objects_v2, Bucket="data"
    )
    assert s3.list_objects_v2(Bucket="data")

    local.faults.add(Fault.access_denied(), service=None)

    assert "AccessDenied" == error_of(s3.list_objects_v2, Bucket="data")[0]
    assert "AccessDenied" == response_of(sts)["Error"]["Code"]


def test_closing_ends_hanging_requests(local_server):
    """Whatever the read timeout of the client is."""
    local = local_server.fake
    sts = local_server.client(config=ONCE.merge(Config(read_timeout=60)))
    arrived, failures = threading.Event(), []
    local.faults.add(Fault.hang())
    take = local.faults.take

    def observed(operation, *, service):
        fault = take(operation, service=service)
        arrived.set()
        return fault

    local.faults.take = observed

    def call():
        try:
            sts.get_caller_identity()
        except ConnectionClosedError as e:
            failures.append(e)

    thread = threading.Thread(target=call)
    thread.start()
    assert arrived.wait(30)
    local.close()
    thread.join(30)

    assert not thread.is_alive()
    assert 1 == len(failures)


def test_faults_are_values():
    """They compare by value, and have a name."""
    assert Fault.hang() == Fault.hang()
    assert Fault.status(500) != Fault.status(503)
    assert "access_denied" == Fault.access_denied().name
    assert "Fault(name='throttled', code='Throttling')" == repr(Fault.throttled())


# The stub alone


def test_lifetime_overrides_the_duration(stub, stub_server, clock):
    """*lifetime* applies to each request, whatever its duration."""
    stub.lifetime = dt.timedelta(seconds=5)

    got = assume(stub_server.client(), DurationSeconds=900)

    assert clock.now() + stub.lifetime == got["Credentials"]["Expiration"]


def test_real_time_without_a_clock(stub_server):
    """Without a clock an hour from now is an hour from now."""
    got = assume(stub_session(StubSTS(), stub_server.user).client("sts"))

    remaining = got["Credentials"]["Expiration"] - dt.datetime.now(dt.timezone.utc)
    assert dt.timedelta(minutes=59) < remaining <= dt.timedelta(hours=1)


def test_outages(stub, stub_server):
    """The stub fails until it comes back, once, or some times."""
    sts = stub_server.client()
    stub.goes_down()
    codes = [response_of(sts)["Error"]["Code"] for _ in range(2)]
    stub.comes_back()
    assume(sts)
    stub.fail_next()
    codes.append(response_of(sts)["Error"]["Code"])
    assume(sts)
    stub.fail_next(2, Fault.throttled())
    codes += [response_of(sts)["Error"]["Code"] for _ in range(2)]
    assume(sts)

    assert ["ServiceUnavailable"] * 3 + ["Throttling"] * 2 == codes
    assert 8 == stub.attempts
    assert {(None, None)} == {(call.status, call.code) for call in stub.requests}
    assert {"sts.eu-south-1.amazonaws.com"} == {call.host for call in stub.requests}


def test_requests_can_be_held(stub, stub_server):
    """*before_answer* may wait; the request is recorded by then."""
    arrived, go_on = threading.Event(), threading.Event()

    def hold():
        arrived.set()
        assert go_on.wait(10)

    stub.before_answer = hold
    thread = threading.Thread(target=assume, args=[stub_server.client()])
    thread.start()
    assert arrived.wait(10)

    assert 1 == stub.attempts
    assert () == stub.issued

    go_on.set()
    thread.join()

    assert 1 == len(stub.issued)


@pytest.mark.parametrize(
    "token", ["a.bnVsbA.c", "a.W10.c", "a.e30.c", "a.é.c", "rubbish"]
)
def test_any_web_identity_token(stub_server, token):
    """Claims that can't be read have defaults."""
    got = stub_server.client().assume_role_with_web_identity(
        **ROLE_AS, WebIdentityToken=token, ProviderId="www.amazon.com"
    )

    assert "subject" == got["SubjectFromWebIdentityToken"]
    assert "www.amazon.com" == got["Provider"]


def test_claims_of_web_identity_tokens(stub_server):
    """They are in the response, unchecked."""
    token = LocalSTS().web_identity_token(
        subject="app", audience="vault", issuer="https://other.example/x"
    )
    got = stub_server.client().assume_role_with_web_identity(
        RoleArn=READER, RoleSessionName="me", WebIdentityToken=token
    )

    provider = "arn:aws:iam::123456789012:oidc-provider/other.example/x"
    assert "app" == got["SubjectFromWebIdentityToken"]
    assert ("vault", provider) == (got["Audience"], got["Provider"])


def test_any_code_and_assertion(stub_server):
    """Any MFA code is accepted, any assertion, and any role."""
    sts = stub_server.client()
    sts.get_session_token()
    sts.get_session_token(SerialNumber="GAHT12345678", TokenCode="000000")
    sts.assume_role_with_saml(
        RoleArn="arn:aws:iam::123456789012:role/Other",
        PrincipalArn=CORP,
        SAMLAssertion=base64.b64encode(b"<x/>").decode(),
    )

    without, with_, role = stub_server.issued()
    assert (False, True) == (without.mfa, with_.mfa)
    assert role.arn.endswith("assumed-role/Other/jane@example.com")
    assert "000000" not in repr(stub_server.log()[1])


def test_unsigned_requests_of_the_user(stub, stub_server):
    """An operation that needs a signature does not need one here."""
    sts = stub_server.client(config=ONCE.merge(Config(signature_version=UNSIGNED)))

    assert stub_server.user.arn == sts.get_caller_identity()["Arn"]
