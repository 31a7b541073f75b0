"""`LocalSTS` with web identity tokens and SAML assertions."""

from __future__ import annotations

import base64
import datetime as dt
import json

from xml.etree import ElementTree as ET

import pytest

from stsession.testing import LocalSTS

from .local import client_of, error_of
from .mfa import at_once


READER = "arn:aws:iam::123456789012:role/Reader"
OTHER = "arn:aws:iam::123456789012:role/Other"
ISSUER = "https://oidc.example"
CORP = "arn:aws:iam::123456789012:saml-provider/Corp"
MINUTE = dt.timedelta(minutes=1)
SECOND = dt.timedelta(seconds=1)
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"


@pytest.fixture(name="local_sts")
def _local_sts(clock):
    with LocalSTS(clock=clock) as local_sts:
        local_sts.add_role(
            READER,
            web_identity_providers=[ISSUER],
            saml_providers=[CORP],
            max_session_duration=43_200,
        )
        local_sts.add_role(OTHER)
        yield local_sts


@pytest.fixture(name="sts")
def _sts(local_sts):
    return client_of(local_sts)


def with_token(sts, token, role_arn=READER, **params):
    """Assume the role by a token, as "me"."""
    return sts.assume_role_with_web_identity(
        RoleArn=role_arn, RoleSessionName="me", WebIdentityToken=token, **params
    )


def with_assertion(sts, assertion, role_arn=READER, provider=CORP, **params):
    """Assume the role by an assertion."""
    return sts.assume_role_with_saml(
        RoleArn=role_arn, PrincipalArn=provider, SAMLAssertion=assertion, **params
    )


def claims_of(token):
    """What a token says."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_tokens_are_well_formed(local_sts, clock):
    """The claims of a token can be read, and each token is unique."""
    token = local_sts.web_identity_token(subject="app", lifetime=10 * MINUTE)

    header, _, signature = token.split(".")
    claims = claims_of(token)
    now = clock.now().timestamp()
    assert header
    assert signature
    assert (ISSUER, "app") == (claims["iss"], claims["sub"])
    assert "sts.amazonaws.com" == claims["aud"]
    assert (now, now + 600) == (claims["iat"], claims["exp"])
    assert token != local_sts.web_identity_token(subject="app", lifetime=10 * MINUTE)


def test_roles_by_tokens(local_sts, sts, clock):
    """The role can be assumed without a signature."""
    token = local_sts.web_identity_token(subject="app")

    got = with_token(sts, token, DurationSeconds=7200, Policy="{}")

    [key] = local_sts.issued()
    arn = "arn:aws:sts::123456789012:assumed-role/Reader/me"
    [call] = local_sts.calls("AssumeRoleWithWebIdentity")
    assert "app" == got["SubjectFromWebIdentityToken"]
    assert "sts.amazonaws.com" == got["Audience"]
    assert "arn:aws:iam::123456789012:oidc-provider/oidc.example" == got["Provider"]
    assert arn == got["AssumedRoleUser"]["Arn"] == key.arn
    assert 0 < got["PackedPolicySize"]
    assert clock.now() + 120 * MINUTE == got["Credentials"]["Expiration"]
    assert arn == client_of(local_sts, key).get_caller_identity()["Arn"]
    assert call.access_key_id is None
    assert token not in repr(call)


def test_tokens_serve_until_they_expire(local_sts, sts, clock):
    """Any number of times, to the last second; then the error has the times."""
    token = local_sts.web_identity_token(lifetime=10 * MINUTE)

    clock.advance(10 * MINUTE - SECOND)
    with_token(sts, token)
    with_token(sts, token)
    clock.advance(SECOND)

    expected = (
        "Token expired: current date/time 1767226200 must be before the"
        " expiration date/time1767226200"
    )
    assert ("ExpiredTokenException", expected) == error_of(with_token, sts, token)


def test_forged_tokens_are_rejected(local_sts, sts):
    """Malformed and changed tokens, and those of another server, are invalid."""
    good = local_sts.web_identity_token()
    with LocalSTS() as another:
        foreign = another.web_identity_token()

    for token in ("rubbish", good[:-1], foreign):
        code, message = error_of(with_token, sts, token)
        assert "InvalidIdentityToken" == code
        assert "not a valid JWT" in message


NO_PROVIDER = (
    "No OpenIDConnect provider found in your account for https://other.example"
)
DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.mark.parametrize(
    ("changes", "role_arn", "expected"),
    [
        (
            {"issuer": "https://other.example"},
            READER,
            ("InvalidIdentityToken", NO_PROVIDER),
        ),
        (
            {"audience": "vault"},
            READER,
            ("InvalidIdentityToken", "Incorrect token audience"),
        ),
        ({}, OTHER, DENIED),
        ({}, f"{READER}s", DENIED),
    ],
)
def test_tokens_have_to_fit(local_sts, sts, changes, role_arn, expected):
    """Issuer, audience and role have to be what the trust policy says."""
    token = local_sts.web_identity_token(**changes)

    assert expected == error_of(with_token, sts, token, role_arn)


def test_audiences_are_the_roles(local_sts, sts):
    """A provider may be good for several audiences, and a role wants one of them."""
    local_sts.add_role(OTHER, web_identity_providers=[ISSUER], audience="vault")
    token = local_sts.web_identity_token(audience="vault")

    assert with_token(sts, token, OTHER)
    assert "AccessDenied" == error_of(with_token, sts, token, READER)[0]


@pytest.mark.parametrize("way", ["token", "assertion"])
def test_these_roles_are_role_credentials(local_sts, sts, way):
    """MaxSessionDuration is the limit of the first role, an hour of the next."""
    make = {
        "token": lambda **kw: with_token(sts, local_sts.web_identity_token(), **kw),
        "assertion": lambda **kw: with_assertion(sts, local_sts.saml_assertion(), **kw),
    }[way]
    assert make(DurationSeconds=43_200)
    [key] = local_sts.issued()
    hop = client_of(local_sts, key)
    local_sts.add_role(OTHER, max_session_duration=43_200)
    local_sts.add_role(READER, web_identity_providers=[ISSUER], saml_providers=[CORP])

    message = error_of(make, DurationSeconds=3601)[1]
    assert "MaxSessionDuration set for this role." in message

    params = {"RoleArn": OTHER, "RoleSessionName": "me"}
    message = error_of(hop.assume_role, DurationSeconds=3601, **params)[1]
    assert "1 hour session limit" in message
    assert hop.assume_role(DurationSeconds=3600, **params)


def test_assertions_are_documents(local_sts, clock):
    """A response with roles, a session name, a duration and its end."""
    local_sts.add_role(OTHER, saml_providers=[CORP])
    assertion = local_sts.saml_assertion(
        name="jane", lifetime=2 * MINUTE, session_duration=28_800
    )

    root = ET.fromstring(base64.b64decode(assertion))
    values = {
        attribute.get("Name").rpartition("/")[2]: [
            value.text for value in attribute.iter(f"{SAML}AttributeValue")
        ]
        for attribute in root.iter(f"{SAML}Attribute")
    }
    [conditions] = root.iter(f"{SAML}Conditions")
    end = conditions.get("NotOnOrAfter").replace("Z", "+00:00")
    assert "{urn:oasis:names:tc:SAML:2.0:protocol}Response" == root.tag
    assert values == {
        "Role": [f"{READER},{CORP}", f"{OTHER},{CORP}"],
        "RoleSessionName": ["jane"],
        "SessionDuration": ["28800"],
    }
    assert clock.now() + 2 * MINUTE == dt.datetime.fromisoformat(end)


def test_roles_by_assertions(local_sts, sts, clock):
    """The role can be assumed without a signature."""
    assertion = local_sts.saml_assertion(name="jane", session_duration=28_800)

    got = with_assertion(sts, assertion)

    [key] = local_sts.issued()
    [call] = local_sts.calls("AssumeRoleWithSAML")
    assert ("jane", "persistent") == (got["Subject"], got["SubjectType"])
    assert "https://idp.example/saml" == got["Issuer"]
    assert "https://signin.aws.amazon.com/saml" == got["Audience"]
    assert 20 == len(base64.b64decode(got["NameQualifier"]))
    assert "arn:aws:sts::123456789012:assumed-role/Reader/jane" == key.arn
    assert clock.now() + 60 * MINUTE == got["Credentials"]["Expiration"]
    assert assertion not in repr(call)


def test_assertions_serve_once(local_sts, sts):
    """A denied request doesn't count, the second successful one is rejected."""
    assertion = local_sts.saml_assertion()

    error_of(with_assertion, sts, assertion, OTHER)
    with_assertion(sts, assertion)

    expected = ("InvalidIdentityToken", "Response has already been used")
    assert expected == error_of(with_assertion, sts, assertion)
    assert with_assertion(sts, local_sts.saml_assertion())


def test_an_assertion_serves_one_of_many_threads(local_sts):
    """However many send it at once, one request succeeds."""
    assertion = local_sts.saml_assertion()
    clients = [client_of(local_sts) for _ in range(8)]
    results = at_once(8, lambda n: with_assertion(clients[n], assertion))

    assert 1 == sum(isinstance(result, dict) for result in results)


@pytest.mark.parametrize(
    ("lifetime", "usable", "message"),
    [
        (2 * MINUTE, 2 * MINUTE, "Response has expired"),
        (
            60 * MINUTE,
            5 * MINUTE,
            "Token must be redeemed within 5 minutes of issuance",
        ),
    ],
)
def test_assertions_expire(local_sts, sts, clock, lifetime, usable, message):
    """After what they say themselves, and after five minutes anyway."""
    first = local_sts.saml_assertion(lifetime=lifetime)
    second = local_sts.saml_assertion(lifetime=lifetime)

    clock.advance(usable - SECOND)
    with_assertion(sts, first)
    clock.advance(SECOND)

    expected = ("ExpiredTokenException", message)
    assert expected == error_of(with_assertion, sts, second)


def test_assertions_have_to_fit(local_sts, sts):
    """Role and provider have to be a pair of the assertion, and of the role."""
    assertion = local_sts.saml_assertion(pairs=[(READER, CORP), (OTHER, CORP)])
    empty = local_sts.saml_assertion(pairs=[])
    expected = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")

    assert expected == error_of(with_assertion, sts, assertion, OTHER)
    assert expected == error_of(with_assertion, sts, assertion, provider=f"{CORP}2")
    assert expected == error_of(with_assertion, sts, assertion, f"{READER}s")
    assert expected == error_of(with_assertion, sts, empty)
    assert (
        "InvalidIdentityToken",
        "Response signature invalid",
    ) == error_of(with_assertion, sts, assertion[:-4])
