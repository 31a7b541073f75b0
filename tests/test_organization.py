from __future__ import annotations

import json

import boto3
import botocore.session
import pytest

from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from stsession import Fleet, InvalidRequestError, Organization
from stsession.exceptions import StsessionError
from stsession.fleet import OrganizationError

from .wire import response


MANAGEMENT = "123456789012"


@pytest.fixture(name="source")
def _source():
    """A user of the management account, at moto."""
    with mock_aws():
        yield boto3.Session("AKIAIOSFODNN7EXAMPLE", "s3cr3t", region_name="eu-west-1")


@pytest.fixture(name="tree")
def _tree(source):
    """An organization: accounts in the root, in a unit, and in a unit of that."""
    client = source.client("organizations")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    make = client.create_organizational_unit
    outer = make(ParentId=root, Name="outer")["OrganizationalUnit"]["Id"]
    inner = make(ParentId=outer, Name="inner")["OrganizationalUnit"]["Id"]
    accounts = {}
    for name, unit in (("a", None), ("b", outer), ("c", inner), ("d", inner)):
        created = client.create_account(Email=f"{name}@example.com", AccountName=name)
        accounts[name] = created["CreateAccountStatus"]["AccountId"]
        if unit is not None:
            client.move_account(
                AccountId=accounts[name],
                SourceParentId=root,
                DestinationParentId=unit,
            )
    return {"root": root, "outer": outer, "inner": inner, **accounts}


def fleet_of(source, **options):
    """A fleet of an organization."""
    return Fleet(Organization(**options), role_name="Audit", source=source)


def names(fleet):
    """What the accounts are called."""
    return sorted(target.account_name for target in fleet)


def test_accounts(source, tree):
    """
    All accounts have the role, with their names, the management account too.

    It and others can be left out. A root or a unit stands for all that is in it.
    """
    cases = [
        ({}, ["a", "b", "c", "d", "master"]),
        ({"include_management": False}, ["a", "b", "c", "d"]),
        ({"exclude": [tree["a"], tree["c"]]}, ["b", "d", "master"]),
        ({"parent": tree["root"]}, ["a", "b", "c", "d", "master"]),
        ({"parent": tree["outer"]}, ["b", "c", "d"]),
        ({"parent": tree["inner"]}, ["c", "d"]),
    ]

    assert [expected for _, expected in cases] == [
        names(fleet_of(source, **options)) for options, _ in cases
    ]
    assert {("a", tree["a"], f"arn:aws:iam::{tree['a']}:role/Audit")} == {
        (target.account_name, target.account_id, target.role_arn)
        for target in fleet_of(source)
        if target.account_name == "a"
    }

    # The organization may have a source that isn't the fleet's.
    other = boto3.Session("AKIAOTHER", "other", region_name="us-east-1")

    assert 5 == len(Fleet(Organization(source=source), role_name="A", source=other))


class Answers:
    """Answers of AWS Organizations, page by page."""

    def __init__(self, source, *pages):
        self.requests = []
        self._pages = list(pages)
        source.events.register("before-send.organizations", self)

    def __call__(self, request, **kwargs):
        """Answer a request."""
        target = request.headers["X-Amz-Target"].decode().split(".")[1]
        self.requests.append((target, json.loads(request.body)))
        page = self._pages.pop(0)
        if isinstance(page, Exception):
            raise page
        status = 400 if "__type" in page else 200
        return response(request, status, json.dumps(page).encode())


def account(number, **what):
    """An account as ListAccounts returns it."""
    i = f"{number:012}"
    arn = f"arn:aws:organizations::{MANAGEMENT}:account/o-x/{i}"
    return {"Id": i, "Arn": arn, "Name": f"n{number}", **what}


@pytest.fixture(name="plain")
def _plain():
    return boto3.Session("AKIAIOSFODNN7EXAMPLE", "s3cr3t", region_name="eu-west-1")


def test_pages(plain):
    """All pages are read, once, when the accounts are first needed."""
    answers = Answers(
        plain,
        {"Accounts": [account(1, State="ACTIVE")], "NextToken": "more"},
        {"Accounts": [account(2, State="ACTIVE")]},
    )
    fleet = fleet_of(plain)

    assert [] == answers.requests

    assert ["n1", "n2"] == names(fleet) == names(fleet)
    assert [{}, {"NextToken": "more"}] == [body for _, body in answers.requests]


def knows_state():
    """Whether this botocore does."""
    model = botocore.session.Session().get_service_model("organizations")
    return "State" in model.shape_for("Account").members


def numbered(*accounts):
    return [account(number, **what) for number, what in enumerate(accounts, 1)]


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        pytest.param(
            numbered(
                {"State": "ACTIVE"},
                {"State": "SUSPENDED", "Status": "ACTIVE"},
                {"State": "PENDING_CLOSURE"},
                {"State": "ACTIVE", "Status": "SUSPENDED"},
            ),
            ["n1", "n4"],
            marks=pytest.mark.skipif(not knows_state(), reason="an older botocore"),
        ),
        (numbered({"Status": "ACTIVE"}, {"Status": "SUSPENDED"}, {}), ["n1", "n3"]),
    ],
    ids=["State", "Status"],
)
def test_active_ones_only(plain, accounts, expected):
    """
    What isn't active is left out, by *State*, or by *Status* if there is none.

    An account with neither is taken.
    """
    Answers(plain, {"Accounts": accounts})

    assert expected == names(fleet_of(plain))


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (
            "AccessDeniedException",
            "Allow organizations:ListAccounts to the given session; it has to be in",
        ),
        ("AWSOrganizationsNotInUseException", "isn't in an organization"),
        ("ParentNotFoundException", "Check parent"),
        ("InvalidInputException", "Try again later"),
    ],
)
def test_refused(code, hint, plain):
    """The error has its code, and a hint."""
    Answers(plain, {"__type": code, "message": "No."})

    with pytest.raises(OrganizationError, match=hint) as caught:
        len(fleet_of(plain))

    assert code == caught.value.code
    assert isinstance(caught.value.__cause__, ClientError)


def test_unreachable(plain, monkeypatch):
    """So has one of the network, except for the code."""
    monkeypatch.setattr("stsession.fleet._organization.ATTEMPTS", 1)
    Answers(plain, EndpointConnectionError(endpoint_url="https://x"))

    with pytest.raises(OrganizationError, match=r"ListAccounts failed.*the network"):
        len(fleet_of(plain))


def test_source_without_credentials(plain):
    """An error of ours stays what it is."""

    def unsigned_source():
        raise LookupError("none")

    with pytest.raises(StsessionError) as caught:
        len(Fleet(Organization(), role_name="Audit", source=unsigned_source))

    assert not isinstance(caught.value, OrganizationError)


def test_fails_in_a_run(plain):
    """A run over it says so when its first result is wanted."""
    Answers(plain, {"__type": "AccessDeniedException", "message": "No."})
    run = fleet_of(plain).map(lambda session: None)

    with pytest.raises(OrganizationError):
        next(run)


def test_asked_again_after_a_failure(plain):
    """What failed isn't remembered."""
    Answers(
        plain,
        {"__type": "AccessDeniedException", "message": "No."},
        {"Accounts": [account(1, State="ACTIVE")]},
    )
    fleet = fleet_of(plain)

    with pytest.raises(OrganizationError):
        len(fleet)
    assert 1 == len(fleet)


@pytest.mark.parametrize(
    ("options", "parameter"),
    [
        ({"parent": "123456789012"}, "parent"),
        ({"parent": 7}, "parent"),
        ({"exclude": "123456789012"}, "exclude"),
        ({"exclude": [123456789012]}, "exclude"),
        ({"exclude": ["12"]}, "exclude"),
    ],
)
def test_bad_arguments(options, parameter):
    """A malformed ID is an error."""
    with pytest.raises(InvalidRequestError) as caught:
        Organization(**options)

    assert parameter == caught.value.parameter


def test_needs_a_role_name(plain):
    """An organization doesn't say which role."""
    with pytest.raises(InvalidRequestError, match="no role_name is given"):
        Fleet(Organization(), source=plain)


def test_repr():
    """It shows the arguments that were passed."""
    assert "Organization()" == repr(Organization())
    assert "Organization(parent='r-ab12')" == repr(Organization(parent="r-ab12"))
