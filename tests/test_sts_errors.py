from __future__ import annotations

import datetime as dt
import logging

from email.utils import format_datetime
from functools import partial

import pytest

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

import stsession

from stsession import (
    AccessDeniedError,
    ClockError,
    FailureKind,
    RefreshError,
    SourceCredentialsError,
    StsessionError,
    StsUnavailableError,
)
from stsession._sts.errors import Attempt, server_time, translate
from stsession.testing import Fault

from .wire import HUB, READER, failing, full_text, links, source_of


REQUEST, SOURCE = FailureKind.REQUEST, FailureKind.SOURCE
SOURCE_EXPIRED, CLOCK = FailureKind.SOURCE_EXPIRED, FailureKind.CLOCK
THROTTLED, OUTAGE = FailureKind.THROTTLED, FailureKind.OUTAGE
TLS, UNKNOWN = FailureKind.TLS, FailureKind.UNKNOWN

WALL = 1_767_225_600.0

LEAK = "wJalrXUtnFEMIsecretsecret"


def of(error, *, wall=WALL):
    """What is made of *error*."""
    attempt = Attempt(
        what=f'Could not assume {READER} as "me"',
        hop=READER,
        source='profile "dev"',
    )
    return translate(error, attempt, wall=wall)


def answer(code, message="", *, status=400, **headers):
    """The SDK's error for an answer of STS."""
    return sdk.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "HTTPHeaders": {k.replace("_", "-"): v for k, v in headers.items()},
            },
        },
        "AssumeRole",
    )


CODES = {
    "AccessDenied": (AccessDeniedError, REQUEST, "trust policy"),
    "MalformedPolicyDocument": (RefreshError, REQUEST, "policy_arns"),
    "PackedPolicyTooLarge": (RefreshError, REQUEST, "Shorten"),
    "RegionDisabled": (RefreshError, REQUEST, "Activate STS"),
    "ValidationError": (RefreshError, REQUEST, "parameter"),
    "InvalidParameterValue": (RefreshError, REQUEST, "parameter"),
    "IDPRejectedClaim": (AccessDeniedError, REQUEST, "trust policy"),
    "InvalidIdentityToken": (AccessDeniedError, REQUEST, "trust policy"),
    "InsufficientSessionLifetime": (RefreshError, REQUEST, "Lower duration_seconds"),
    "InvalidContextAssertion": (RefreshError, REQUEST, "provided_contexts"),
    "InvalidSubjectCredentials": (SourceCredentialsError, SOURCE_EXPIRED, "Renew"),
    "InvalidAuthorizationMessage": (RefreshError, REQUEST, "parameter"),
    "OptInRequired": (AccessDeniedError, REQUEST, "Activate the account"),
    "MissingAuthenticationToken": (SourceCredentialsError, SOURCE, 'profile "dev"'),
    "SignatureDoesNotMatch": (SourceCredentialsError, SOURCE, "secret key"),
    "ExpiredToken": (SourceCredentialsError, SOURCE_EXPIRED, 'profile "dev"'),
    "InvalidClientTokenId": (SourceCredentialsError, SOURCE_EXPIRED, "Renew"),
    "InvalidToken": (SourceCredentialsError, SOURCE_EXPIRED, "Renew"),
    "UnrecognizedClientException": (SourceCredentialsError, SOURCE_EXPIRED, "Renew"),
    "RequestExpired": (ClockError, CLOCK, "NTP"),
    "RequestTimeTooSkewed": (ClockError, CLOCK, "NTP"),
    "Throttling": (StsUnavailableError, THROTTLED, "retries"),
    "ThrottlingException": (StsUnavailableError, THROTTLED, "retries"),
    "RequestLimitExceeded": (StsUnavailableError, THROTTLED, "retries"),
    "TooManyRequests": (StsUnavailableError, THROTTLED, "retries"),
    "TooManyRequestsException": (StsUnavailableError, THROTTLED, "retries"),
    "SlowDown": (StsUnavailableError, THROTTLED, "retries"),
    "ServiceUnavailable": (StsUnavailableError, OUTAGE, "retries"),
    "InternalFailure": (StsUnavailableError, OUTAGE, "retries"),
    "InternalError": (StsUnavailableError, OUTAGE, "retries"),
    "IDPCommunicationError": (StsUnavailableError, OUTAGE, "retries"),
    "Teapot": (RefreshError, UNKNOWN, "session retries"),
}


@pytest.mark.parametrize(
    ("code", "suffix"),
    [
        *((code, "") for code in CODES),
        ("ExpiredToken", "Exception"),
        ("Teapot", "Error"),
    ],
)
def test_code(code, suffix):
    """Each code has its class, its kind, and advice; with or without "Exception"."""
    cls, kind, advice = CODES[code]
    code = code.removesuffix("Exception") + suffix
    cause = answer(code, "Because.", status=403)
    error = of(cause)

    assert (cls, kind) == (type(error), error.kind)
    assert advice in error.hint
    assert (code, 403, READER) == (error.code, error.http_status, error.hop)
    assert (sdk.ClientError, str(cause)) == (
        type(error.__cause__),
        str(error.__cause__),
    )
    assert (
        f'Could not assume {READER} as "me". STS returned {code}: Because. {error.hint}'
    ) == str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, OUTAGE),
        (302, UNKNOWN),
        (400, UNKNOWN),
        (403, UNKNOWN),
        (429, THROTTLED),
        (500, OUTAGE),
        (503, OUTAGE),
        (599, OUTAGE),
    ],
)
def test_status(status, kind):
    """An unknown code is judged by the HTTP status."""
    assert kind is of(answer("Teapot", status=status)).kind


DATE = format_datetime(dt.datetime.fromtimestamp(WALL, dt.timezone.utc))


@pytest.mark.parametrize("headers", [{"date": DATE}, {}])
@pytest.mark.parametrize(
    "message",
    [
        "Signature expired: 20260101T000000Z is now earlier than …",
        "Signature not yet current: 20260101T010000Z is still later than …",
    ],
)
def test_signature_of_another_time(message, headers):
    """
    That's the clock, not the secret key; the text contains the difference if known.
    """
    error = of(
        answer("SignatureDoesNotMatch", message, status=403, **headers),
        wall=WALL + 3_060,
    )
    text = "The local clock is 51 min ahead of the server's."

    assert (ClockError, CLOCK) == (type(error), error.kind)
    assert bool(headers) is (text in str(error))
    assert bool(headers) is ("local clock" in str(error))


def test_who_is_denied():
    """The advice names whom STS takes the caller for."""
    user = "arn:aws:iam::210987654321:user/ci"
    message = f"User: {user} is not authorized to perform: sts:AssumeRole"

    assert f"allows {user}" in of(answer("AccessDenied", message)).hint
    assert (
        'allows the user or role behind profile "dev"'
        in of(answer("AccessDenied")).hint
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [("7", dt.timedelta(seconds=7)), ("soon", None), ("", None), ("-1", None)],
)
def test_retry_after(header, expected):
    """It is read where it is a number of seconds."""
    assert expected == of(answer("Throttling", retry_after=header)).retry_after


@pytest.mark.parametrize(
    ("response", "code", "text"),
    [
        (
            {"Code": "AccessDenied", "Message": "No."},
            "AccessDenied",
            "AccessDenied: No.",
        ),
        ({}, None, "HTTP 403."),
    ],
)
def test_incomplete_response(response, code, text):
    """A server may leave out `<ErrorResponse>`, or everything but the status."""
    response = {**response, "ResponseMetadata": {"HTTPStatusCode": 403}}
    error = of(sdk.ClientError(response, "AssumeRole"))

    assert (code, 403) == (error.code, error.http_status)
    assert f"STS returned {text}" in str(error)


URL = "https://sts.eu-south-1.amazonaws.com/"

EXCEPTIONS = {
    "ReadTimeoutError": (sdk.ReadTimeoutError(endpoint_url=URL), OUTAGE),
    "ConnectTimeoutError": (sdk.ConnectTimeoutError(endpoint_url=URL), OUTAGE),
    "ConnectionClosedError": (sdk.ConnectionClosedError(endpoint_url=URL), OUTAGE),
    "ConnectionError": (sdk.ConnectionError(error="x"), OUTAGE),
    "EndpointConnectionError": (
        sdk.EndpointConnectionError(endpoint_url=URL, error="x"),
        OUTAGE,
    ),
    "ProxyConnectionError": (sdk.ProxyConnectionError(proxy_url="p"), OUTAGE),
    "HTTPClientError": (sdk.HTTPClientError(error="x"), OUTAGE),
    "OSError": (OSError("network is unreachable"), OUTAGE),
    "TimeoutError": (TimeoutError("timed out"), OUTAGE),
    "ResponseParserError": (ResponseParserError("Unable to parse"), OUTAGE),
    "SSLError": (sdk.SSLError(endpoint_url=URL, error="bad certificate"), TLS),
    "NoCredentialsError": (sdk.NoCredentialsError(), SOURCE),
    "PartialCredentialsError": (
        sdk.PartialCredentialsError(provider="env", cred_var="x"),
        SOURCE,
    ),
    "InvalidConfigError": (sdk.InvalidConfigError(error_msg="x"), SOURCE),
    "ConfigParseError": (sdk.ConfigParseError(path="x"), SOURCE),
    "ProfileNotFound": (sdk.ProfileNotFound(profile="x"), SOURCE),
    "SSOTokenLoadError": (sdk.SSOTokenLoadError(error_msg="x"), SOURCE_EXPIRED),
    "UnauthorizedSSOTokenError": (sdk.UnauthorizedSSOTokenError(), SOURCE_EXPIRED),
    "TokenRetrievalError": (
        sdk.TokenRetrievalError(provider="sso", error_msg="Token has expired"),
        SOURCE_EXPIRED,
    ),
    "CredentialRetrievalError": (
        sdk.CredentialRetrievalError(provider="custom-process", error_msg="x"),
        UNKNOWN,
    ),
    "NoRegionError": (sdk.NoRegionError(), REQUEST),
    "ParamValidationError": (sdk.ParamValidationError(report="x"), REQUEST),
    "RuntimeError": (RuntimeError("x"), UNKNOWN),
}

CLASSES = {
    OUTAGE: StsUnavailableError,
    TLS: StsUnavailableError,
    SOURCE: SourceCredentialsError,
    SOURCE_EXPIRED: SourceCredentialsError,
    REQUEST: RefreshError,
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exception(name):
    """Each exception of the SDK has its class and kind, and is named."""
    cause, kind = EXCEPTIONS[name]
    error = of(cause)

    assert kind is error.kind
    assert isinstance(error, CLASSES.get(kind, RefreshError))
    assert type(cause).__name__ in str(error)
    assert error.hint
    assert (None, READER) == (error.code, error.hop)


def test_cause_of_a_cause():
    """What counts may be deeper down."""
    try:
        try:
            raise answer("ExpiredToken")
        except sdk.ClientError as e:
            raise RuntimeError("while refreshing") from e
    except RuntimeError as e:
        error = of(e)

    assert SOURCE_EXPIRED is error.kind
    assert isinstance(error.__cause__, RuntimeError)


def test_causes_in_a_circle():
    """It ends."""
    first, second = RuntimeError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first

    assert UNKNOWN is of(first).kind


def test_one_of_ours():
    """An error of ours says it best already."""
    ours = AccessDeniedError("Denied.", hop="another")
    error = RuntimeError()
    error.__cause__ = ours

    assert ours is of(error)


# -- The whole way, from the wire to the user ----------------------------------------


@pytest.fixture(name="session")
def _session(stub):
    return stsession.assume(READER, source=source_of(stub), cache=None)


FAULTS = {
    "throttled": (Fault.throttled(), THROTTLED, "STS returned Throttling"),
    "denied": (Fault.access_denied(), REQUEST, "STS returned AccessDenied"),
    "500": (Fault.status(500), OUTAGE, "STS returned InternalFailure"),
    "html 502": (Fault.html(), OUTAGE, "STS returned HTTP 502: Bad Gateway"),
    "html 403": (Fault.html(status=403), UNKNOWN, "STS returned HTTP 403"),
    "html 200": (Fault.html(status=200), OUTAGE, "The response can't be read"),
    "bare": (Fault.bare_error("AccessDenied"), REQUEST, "STS returned AccessDenied"),
    "hang": (Fault.hang(), OUTAGE, "ReadTimeoutError"),
    "reset": (Fault.reset(), OUTAGE, "ConnectionClosedError"),
    "half": (Fault.half_body(), OUTAGE, "ResponseParserError"),
    "no secret": (Fault.missing_fields("SecretAccessKey"), OUTAGE, "SecretAccessKey"),
    "no token": (Fault.missing_fields("SessionToken"), OUTAGE, "has no SessionToken"),
    "no expiration": (Fault.missing_fields("Expiration"), OUTAGE, "has no readable"),
    "empty expiration": (Fault.empty_fields("Expiration"), OUTAGE, "can't be read"),
    "empty key": (Fault.empty_fields("AccessKeyId"), OUTAGE, "has no AccessKeyId"),
    "expired": (Fault.expired_answer(), OUTAGE, "arrived 60 s after their expiration"),
}


CONTEXTS = {"arn:aws:iam::aws:contextProvider/IdentityCenter": "assertion"}
SERIAL = "arn:aws:iam::123456789012:mfa/me"
WITH_CODE = {"mfa_serial": SERIAL, "mfa_code": lambda serial: "123456"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {},
            "The trust policy may require an ExternalId (external_id) or MFA "
            "(mfa_serial).",
        ),
        (
            {"external_id": "tenant"},
            "The trust policy may require a different ExternalId than external_id, or "
            "MFA (mfa_serial).",
        ),
        (WITH_CODE, "The trust policy may require an ExternalId (external_id)."),
        (
            {**WITH_CODE, "mfa_session": False, "external_id": "tenant"},
            "The trust policy may require a different ExternalId than external_id.",
        ),
    ],
)
def test_hint_of_a_denial(stub, given, expected):
    """The hint depends on what was passed."""
    stub.faults.add(Fault.access_denied(), operation="AssumeRole")
    session = stsession.assume(READER, source=source_of(stub), cache=None, **given)
    user = "arn:aws:iam::123456789012:user/source"

    assert (
        f"Check that the role exists and that its trust policy allows {user}. If the "
        f"role is in another account, {user} also needs permission for sts:AssumeRole "
        f"on it. {expected}"
    ) == failing(session).hint


def test_hint_of_a_denial_to_a_role(stub):
    """A role can't show MFA, so that the hint doesn't suggest it."""
    options = {"source": source_of(stub), "cache": stsession.MemoryCache()}
    session = stsession.assume([HUB, READER], **options)
    stsession.assume(HUB, **options).credentials()
    stub.faults.add(Fault.access_denied(), operation="AssumeRole")

    assert failing(session).hint.endswith(
        "The trust policy may require an ExternalId (external_id)."
    )


@pytest.mark.parametrize(
    ("make", "given", "expected"),
    [
        (
            stsession.session_token,
            {},
            "No permission is necessary for this, but a policy may deny it without MFA "
            "(mfa_serial).",
        ),
        (
            partial(stsession.federation_token, "jane"),
            {"policy": {}, "tags": {"Team": "data"}},
            "Tags also need permission for sts:TagSession.",
        ),
    ],
)
def test_hint_of_a_denied_token(stub, make, given, expected):
    """The hint depends on the operation, and on what was passed."""
    stub.faults.add(Fault.access_denied())

    assert failing(make(source=source_of(stub), **given)).hint.endswith(expected)


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("sts:TagSession", {"tags": {"Team": "data"}}),
        ("sts:SetSourceIdentity", {"source_identity": "jane"}),
        ("sts:SetContext", {"provided_contexts": CONTEXTS}),
    ],
)
def test_hint_about_an_action(stub, action, given):
    """If STS names the action, the hint is about it, and about where it comes from."""
    user = "arn:aws:iam::123456789012:user/source"
    message = f"User: {user} is not authorized to perform: {action} on resource: x"
    fault = Fault.error("AccessDenied", message, status=403)
    stub.faults.add(fault)
    session = stsession.assume(READER, source=source_of(stub), cache=None, **given)
    plain = stsession.assume(READER, source=source_of(stub), cache=None)
    [parameter] = given
    allow = (
        f"Allow {action} for {user} in the role's trust policy and, if the role is in "
        f"another account, in the policies of {user}."
    )

    assert allow == failing(session).hint
    assert (
        f"{allow} This request has no {parameter}: the requirement comes from the "
        "given session." == failing(plain).hint
    )


def test_hint_about_an_action_of_a_token(stub):
    """Without a source, it is the token that has the tags."""
    message = "Not authorized to perform sts:TagSession"
    error = of(
        sdk.ClientError(
            {"Error": {"Code": "AccessDenied", "Message": message}},
            "AssumeRoleWithWebIdentity",
        )
    )

    assert (
        "Allow sts:TagSession in the role's trust policy. This request has no tags: "
        "the requirement comes from the token or assertion."
    ) == error.hint


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this "
            "role.",
            "Lower duration_seconds, raise the role's maximum session duration, or "
            'pass "max".',
        ),
        (
            "The requested DurationSeconds exceeds the 1 hour session limit for roles "
            "assumed by role chaining.",
            'Leave duration_seconds out, or pass "max": role chaining allows an hour.',
        ),
    ],
)
def test_hint_about_a_duration(stub, message, expected):
    """A duration that is too long has a hint of its own."""
    stub.faults.add(Fault.error("ValidationError", message))
    session = stsession.assume(
        READER, source=source_of(stub), duration_seconds=43_200, cache=None
    )

    assert expected == failing(session).hint


def test_hint_about_a_code(stub):
    """STS doesn't report whether a code was wrong or used before."""
    message = "MultiFactorAuthentication failed with invalid MFA one time pass code."
    stub.faults.add(Fault.error("AccessDenied", message, status=403))
    session = stsession.session_token(
        source=source_of(stub), mfa_serial=SERIAL, mfa_code="123456", cache=None
    )

    assert (
        "Check the MFA device's serial number (ARN) and that its clock is correct. "
        "Each code works once; if another process used it, wait for the next one."
    ) == failing(session).hint


@pytest.mark.parametrize("what", FAULTS)
def test_fault(stub, session, what):
    """Whatever STS answers, the error says what, and shows no secret."""
    fault, kind, text = FAULTS[what]
    stub.goes_down(fault)
    error = failing(session)

    assert kind is error.kind
    assert text in str(error)
    assert error.hint in str(error)
    for key in stub.issued:
        assert key.secret_access_key not in full_text(error)
        assert key.session_token not in full_text(error)


def test_dead_on_arrival_by_a_wrong_clock(stub, session, clock):
    """If the local clock is wrong the error says by how much."""
    stub.goes_down(WrongDate(dt.timedelta(minutes=-51)))
    error = failing(session)

    assert isinstance(error, ClockError)
    assert "The local clock is 51 min ahead of the server's." in str(error)


class WrongDate:
    """A server whose clock is off, and that issues what is dead even by that."""

    def __init__(self, offset):
        self._date = Fault.wrong_date(offset)
        self._dead = Fault.expired_answer(ago=dt.timedelta(hours=1))

    def denying(self, denial):
        return self

    def replacement(self, service):
        return None

    def spoil(self, answer, *, now):
        return self._date.spoil(self._dead.spoil(answer, now=now), now=now)


def test_half_an_answer_tells_no_secret(stub, session, caplog):
    """botocore's error quotes the answer; neither ours nor the log does."""
    caplog.set_level(logging.DEBUG, "stsession")
    stub.goes_down(Fault.half_body())
    error = failing(session)
    key = stub.issued[-1]

    assert isinstance(error.__cause__, ResponseParserError)
    for text in [full_text(error), caplog.text]:
        assert key.secret_access_key not in text
        assert "IQoJ" not in text


SECRETIVE = {
    "canonical request": answer(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match.\n\nThe Canonical String "
        f"for this request should have been\n'POST\nx-amz-security-token:{LEAK}\n'",
    ),
    "one line": answer("ValidationError", f"ExternalId={LEAK} is too long"),
    "bare": sdk.ClientError(
        {
            "Code": "SignatureDoesNotMatch",
            "Message": "No.",
            "StringToSign": f"x-amz-security-token:{LEAK}",
        },
        "AssumeRole",
    ),
    "parser": ResponseParserError(
        f"Unable to parse response (x), invalid XML received:\n<a:Secret>{LEAK}"
    ),
    "transport": sdk.HTTPClientError(error=f"POST SessionToken={LEAK}"),
}


@pytest.mark.parametrize("what", SECRETIVE)
@pytest.mark.parametrize("chained", [False, True])
def test_secret_in_the_sdk_s_error(what, chained):
    """
    The cause is one like it then, without the secret; also if it has a cause itself.
    """
    cause = SECRETIVE[what]
    if chained:
        cause = RuntimeError("while refreshing")
        cause.__cause__ = SECRETIVE[what]
    error = of(cause)

    assert isinstance(error.__cause__, (type(cause), StsessionError))
    assert cause is not error.__cause__
    assert LEAK not in full_text(error)


def test_secret_of_the_source(stub):
    """What the source raises is treated alike, contexts and all."""

    def raising(*_, **__):
        raise SECRETIVE["parser"]

    source = source_of(stub)
    source.events.register("before-call.sts", raising)
    error = failing(stsession.assume(READER, source=source))

    assert LEAK not in full_text(error)
    assert len(list(links(error))) < 5


def test_proxy_password(stub):
    """A proxy that fails is named without its password."""

    def raising(*_, **__):
        raise sdk.ProxyConnectionError(proxy_url="http://user:***@proxy:3128")

    source = source_of(stub)
    source.events.register("before-call.sts", raising)

    assert "proxy:3128" in str(failing(stsession.assume(READER, source=source)))


def test_long_text():
    """Nobody wants to read a page."""
    assert len(str(of(answer("Teapot", "x" * 10_000)))) < 700
    assert len(str(of(OSError("x" * 10_000)))) < 700


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"date": "Thu, 01 Jan 2026 00:00:00 GMT"}, WALL),
        ({"date": "Thu, 01 Jan 2026 01:00:00 +0100"}, WALL),
        ({"date": "Thu, 01 Jan 2026 00:00:00 -0000"}, None),
        ({"date": "yesterday"}, None),
        ({}, None),
    ],
)
def test_server_time(headers, expected):
    """A `Date` that can be read, and says where it is from."""
    assert expected == server_time(headers)
