"""Never run: mypy and pyright read what our users see."""

from __future__ import annotations

import datetime as dt

import boto3
import botocore.session

from mypy_boto3_s3 import S3Client
from mypy_boto3_s3.service_resource import S3ServiceResource
from mypy_boto3_sts import STSClient
from typing_extensions import assert_type

import stsession

from stsession import aio, integrations
from stsession.testing import FakeClock, LocalSTS, StubSTS


ROLE = "arn:aws:iam::123456789012:role/Reader"

session = stsession.assume(ROLE)
assert_type(session, stsession.RefreshableAssumeRoleSession)
assert_type(session.client("s3"), S3Client)
assert_type(session.client("sts"), STSClient)
assert_type(session.resource("s3"), S3ServiceResource)
assert_type(session.credentials(), stsession.TemporaryCredentials)
assert_type(session.credentials().session_token, str | None)
assert_type(session.expires_at, dt.datetime | None)
assert_type(session.remaining, dt.timedelta | None)
assert_type(session.ensure(dt.timedelta(minutes=5)), stsession.TemporaryCredentials)
assert_type(session.refresh(), stsession.TemporaryCredentials)
assert_type(session.status().hop.due_at, dt.datetime | None)
assert_type(session.caller_identity().arn, str)
assert_type(session.assume(ROLE), stsession.RefreshableAssumeRoleSession)

with stsession.assume([ROLE, ROLE]) as chained:
    assert_type(chained, stsession.RefreshableAssumeRoleSession)


def takes_a_session(given: boto3.Session) -> None:
    """What takes a session takes ours."""


takes_a_session(session)

keys, until = integrations.polars(session)()
assert_type(keys, dict[str, str])
assert_type(until, int | None)


def note(event: stsession.RefreshEvent) -> None:
    """A hook."""
    assert_type(event.remaining, dt.timedelta | None)


stsession.assume(
    ROLE,
    source=botocore.session.Session(),
    role_session_name="nightly",
    duration_seconds=dt.timedelta(minutes=15),
    external_id="1234",
    mfa_serial="auto",
    mfa_code=["ykman", "oath", "accounts", "code", "-s", "AWS"],
    mfa_session=dt.timedelta(hours=9),
    policy={"Version": "2012-10-17", "Statement": []},
    policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    tags={"Team": "data"},
    transitive_tag_keys={"Team"},
    source_identity="jane",
    provided_contexts={"arn:aws:iam::aws:contextProvider/IdentityCenter": "ey"},
    region="eu-west-1",
    sts_regions=["eu-west-1", "eu-central-1"],
    refresh=stsession.RefreshPolicy(
        advisory=dt.timedelta(minutes=5), when_expired="raise"
    ),
    cache=None,
    on_event=note,
    share_models=False,
)
stsession.assume(ROLE, duration_seconds="max", source="profile")
stsession.assume(ROLE, source=lambda: {"AccessKeyId": "A"}, mfa_code=lambda serial: "1")
stsession.assume(ROLE, source=session)
stsession.RefreshableAssumeRoleSession(ROLE, region="eu-west-1", external_id="1234")
session.assume(ROLE, region="eu-west-1", external_id="1234")

assert_type(stsession.web_identity(ROLE, token="token"), stsession.RefreshableSession)
assert_type(
    stsession.saml(ROLE, "arn:…", assertion=lambda: "", region="eu-west-1"),
    stsession.RefreshableSession,
)
assert_type(stsession.saml_roles(""), tuple[stsession.SamlRole, ...])
assert_type(stsession.session_token(source="me"), stsession.RefreshableSession)
assert_type(stsession.federation_token("bob"), stsession.RefreshableSession)
assert_type(
    stsession.assume_root("123456789012", "arn:…"), stsession.RefreshableSession
)
assert_type(
    stsession.from_profile("prod", cache=None, share_models=False),
    stsession.RefreshableSession,
)
assert_type(
    stsession.from_function(
        lambda: {"AccessKeyId": "A", "Expiration": 1.0},
        name="Vault",
        region="eu-west-1",
    ),
    stsession.RefreshableSession,
)
stsession.from_function(session.credentials)
stsession.from_function(session.client("sts").get_session_token()["Credentials"].copy)
assert_type(stsession.totp("seed")("serial"), str)
assert_type(stsession.RefreshPolicy.sdk(), stsession.RefreshPolicy)


def inspect(session: stsession.RefreshableAssumeRoleSession) -> int:
    """Something to do in each account."""
    return len(session.client("s3").list_buckets()["Buckets"])


fleet = stsession.Fleet(
    {"123456789012": {"role_name": "Other", "external_id": "1234"}, ROLE: None},
    role_name="Audit",
    source="org",
    regions=["eu-west-1"],
    duration_seconds=dt.timedelta(hours=1),
)
for result in (run := fleet.map(inspect, ordered=True)):
    assert_type(result, stsession.fleet.FleetResult[int])
    assert_type(result.value, int | None)
    assert_type(result.error, Exception | None)
assert_type(run.counts, stsession.fleet.FleetCounts)
assert_type(fleet.session("123456789012"), stsession.RefreshableAssumeRoleSession)
assert_type(fleet.session("123456789012").role_arn, str)
assert_type(fleet.session("123456789012").account_id, str | None)
assert_type(next(iter(fleet)), stsession.fleet.FleetTarget)
stsession.Fleet(stsession.Organization(parent="r-ab12"), role_name="Audit")
stsession.Fleet(["123456789012"], role_name="Audit", ttl=900)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

try:
    session.refresh()
except stsession.CredentialsExpiredError as e:
    assert_type(e.expired_at, dt.datetime | None)
except stsession.RefreshError as e:
    assert_type(e.kind, stsession.FailureKind)
    assert_type(e.code, str | None)
    assert_type(e.retryable, bool)


async def in_event_loop() -> None:
    """A task."""
    assert_type(await aio.credentials(session), stsession.TemporaryCredentials)
    in_an_hour = await aio.ensure(session, dt.timedelta(hours=1))
    assert_type(in_an_hour, stsession.TemporaryCredentials)


with LocalSTS(clock=FakeClock()) as sts:
    assert_type(sts.endpoint_url, str)
assert_type(StubSTS().attempts, int)

# A mistake is one to the checkers, too.
stsession.assume(ROLE, share_models=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
stsession.assume(ROLE, ttl=900)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
stsession.web_identity(ROLE, ttl=900)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
stsession.RefreshableAssumeRoleSession(ROLE, ttl=900)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
session.assume(ROLE, external_id=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
stsession.Fleet([ROLE], region="eu-west-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
