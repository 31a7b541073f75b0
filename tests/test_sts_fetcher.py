from __future__ import annotations

import datetime as dt

import pytest

from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError

from stsession._requests.models import StsRequest
from stsession._sts.endpoint import StsEndpoint
from stsession._sts.fetcher import StsFetcher
from stsession.exceptions import (
    FailureKind,
    SourceCredentialsError,
    StsUnavailableError,
)
from stsession.testing import FakeClock

from .wire import READER


NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


def good(**changed):
    """An answer as botocore hands it over."""
    answer = {
        "Credentials": {
            "AccessKeyId": "ASIA1",
            "SecretAccessKey": "secret",
            "SessionToken": "token",
            "Expiration": NOW + dt.timedelta(hours=1),
        },
        "AssumedRoleUser": {"Arn": "arn:aws:sts::123456789012:assumed-role/Reader/me"},
        "ResponseMetadata": {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 00:00:01 GMT"}},
    }
    for name, value in changed.items():
        if name in answer:
            answer[name] = value
        else:
            answer["Credentials"][name] = value
    return answer


def refused(code):
    """What the client raises for an error of STS."""
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "AssumeRole")


class FakeSource:
    """A source, and the client that signs with its credentials."""

    is_role = False
    can_use_mfa = True
    renewable = True

    def __init__(self, *answers):
        self.answers = list(answers)
        self.resolved = 0
        self.others = True
        self.prepared = 0
        self.remaining = 77.0
        self.regions = []

    def describe(self, wall):
        return 'profile "dev" (its credentials expire at noon)'

    def client(self, region, endpoint):
        self.regions.append(region)
        return self

    def prepare(self):
        self.prepared += 1
        return self.remaining

    def invalidate(self):
        self.resolved += 1
        if isinstance(self.others, Exception):
            raise self.others
        return self.others

    def assume_role(self, **params):
        answer = self.answers.pop(0) if self.answers else good()
        if isinstance(answer, Exception):
            raise answer
        return answer


def fetch_by(source, *, regions=("eu-south-1",)):
    """What asks STS in the name of *source*."""
    return StsFetcher(
        request=StsRequest.checked(
            "assume_role", role_arn=READER, role_session_name="me"
        ),
        source=source,
        endpoint=StsEndpoint(regions=regions),
        clock=FakeClock(),
    )


def test_answer():
    """
    Times, account, and the lifetime of the source are kept.

    Expirations become UTC.
    """
    zone = dt.timezone(dt.timedelta(hours=2))
    expires_at = (NOW + dt.timedelta(hours=1)).astimezone(zone)
    fetched = fetch_by(FakeSource(good(Expiration=expires_at)))()

    assert dt.timezone.utc is fetched.credentials.expires_at.tzinfo

    assert ("ASIA1", "secret", "token") == (
        fetched.credentials.access_key_id,
        fetched.credentials.secret_access_key,
        fetched.credentials.session_token,
    )
    assert NOW + dt.timedelta(hours=1) == fetched.credentials.expires_at
    assert "123456789012" == fetched.credentials.account_id
    assert NOW.timestamp() + 1 == fetched.server_time
    assert NOW.timestamp() == fetched.began.wall
    assert 77.0 == fetched.source_remaining
    assert not fetched.source_resolved_again


def test_without_memory():
    """That is no failure of STS."""
    with pytest.raises(MemoryError):
        fetch_by(FakeSource(MemoryError()))()


@pytest.mark.parametrize(
    "told",
    [None, {}, {"Arn": None}, {"Arn": ""}, {"Arn": "arn:aws:sts:::assumed-role/x"}],
)
def test_account_without_assumed_role_user(told):
    """The account is that of the role, if the answer doesn't tell."""
    fetched = fetch_by(FakeSource(good(AssumedRoleUser=told)))()

    assert "123456789012" == fetched.credentials.account_id


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Credentials": None}, "has no AccessKeyId"),
        ({"SecretAccessKey": None}, "has no SecretAccessKey"),
        ({"SessionToken": b"x"}, "has no SessionToken"),
        ({"Expiration": "soon"}, "has no readable Expiration"),
    ],
)
def test_unusable_response(changed, reason):
    """The error names the field, but not its value."""
    with pytest.raises(StsUnavailableError, match=f"The response {reason}"):
        fetch_by(FakeSource(good(**changed)))()


def test_answer_without_metadata():
    """The time of the server isn't known then."""
    assert fetch_by(FakeSource(good(ResponseMetadata={})))().server_time is None


def test_parser_gives_up():
    """XML that botocore can't make sense of is a failed refresh, too."""
    with pytest.raises(
        StsUnavailableError, match="The response can't be read"
    ) as caught:
        fetch_by(FakeSource(KeyError("AssumeRoleResult")))()

    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("percent", "warned"), [(None, 0), ("99", 0), (90, 0), (91, 1), (100, 1)]
)
def test_packed_policy_size(caplog, percent, warned):
    """Above 90 percent there's one warning, not one per refresh."""
    fetch = fetch_by(FakeSource())
    for _ in range(2):
        fetch.source.answers = [{**good(), "PackedPolicySize": percent}]
        fetch()

    assert warned == caplog.text.count("of what STS allows")


def test_source_that_has_gone():
    """If it can't even be looked up, that's the error."""
    source = FakeSource(refused("ExpiredToken"))
    source.others = NoCredentialsError()
    with pytest.raises(SourceCredentialsError, match="NoCredentialsError") as caught:
        fetch_by(source)()

    assert FailureKind.SOURCE is caught.value.kind


def test_another_error_after_the_source_was_resolved():
    """It is as it is."""
    source = FakeSource(refused("ExpiredToken"), refused("Throttling"))
    source.renewable = False
    with pytest.raises(StsUnavailableError) as caught:
        fetch_by(source)()

    assert FailureKind.THROTTLED is caught.value.kind


def test_denied_isn_t_expired():
    """The source isn't asked again for that."""
    source = FakeSource(refused("AccessDenied"))
    with pytest.raises(Exception, match="AccessDenied"):
        fetch_by(source)()

    assert 0 == source.resolved


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, 3 * (3 + 5) + 6),
        ({"read_timeout": 60}, 3 * (3 + 60) + 6),
        ({"connect_timeout": 1, "read_timeout": 1}, 3 * 2 + 6),
        ({"connect_timeout": None, "read_timeout": None}, 6),
        ({"retries": {"total_max_attempts": 1}}, 8 + 6),
        ({"retries": {"max_attempts": 4}}, 5 * 8 + 6),
        ({"retries": {"mode": "legacy"}}, 3 * 8 + 6),
    ],
)
def test_load_timeout(wanted, expected):
    """As long as the client takes, at most, to give up."""
    endpoint = StsEndpoint(regions=(None,), config=Config(**wanted))

    assert expected == endpoint.load_timeout()


def test_endpoints_differ_by_config():
    """Configurations are compared by their values."""

    def endpoint(**config):
        return StsEndpoint(regions=(None,), config=Config(**config))

    assert endpoint(read_timeout=7) == endpoint(read_timeout=7)
    assert hash(endpoint(read_timeout=7)) == hash(endpoint(read_timeout=7))
    assert endpoint(read_timeout=7) != endpoint(read_timeout=8)
    assert endpoint() != StsEndpoint(regions=(None,))
