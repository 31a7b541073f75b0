"""
`LocalSTS` as IAM: whose MFA devices there are.
"""

from __future__ import annotations

import pytest

from stsession.testing import FakeClock, Fault, LocalSTS
from tests.local import client_of, error_of


READER = "arn:aws:iam::123456789012:role/Reader"


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


@pytest.fixture(name="local_sts")
def _local_sts(clock):
    with LocalSTS(clock=clock) as local_sts:
        local_sts.add_role(READER)
        yield local_sts


@pytest.fixture(name="user")
def _user(local_sts):
    return local_sts.add_user(name="ci")


def serials(iam, **params):
    """
    The serials that IAM tells.
    """
    return [d["SerialNumber"] for d in iam.list_mfa_devices(**params)["MFADevices"]]


def test_lists_the_devices_of_the_caller(local_sts, user, clock):
    """
    One's own by default, somebody else's by name, and perhaps none.
    """
    iam = client_of(local_sts, user, "iam")
    assert [] == serials(iam)

    mine = local_sts.add_mfa_device("ci")
    hers = local_sts.add_mfa_device("jane")
    local_sts.add_mfa_device("arn:aws:iam::111122223333:user/ci")

    [got] = iam.list_mfa_devices()["MFADevices"]
    assert got == {
        "UserName": "ci",
        "SerialNumber": mine.serial,
        "EnableDate": clock.now(),
    }
    assert [hers.serial] == serials(iam, UserName="jane")
    local_sts.add_mfa_device("ci", serial="GAHT12345678")
    assert [mine.serial, "GAHT12345678"] == serials(iam)


def test_is_paged(local_sts, user):
    """
    The paginator of the client ends.
    """
    device = local_sts.add_mfa_device("ci")
    iam = client_of(local_sts, user, "iam")

    pages = iam.get_paginator("list_mfa_devices").paginate()

    assert [device.serial] == [
        d["SerialNumber"] for p in pages for d in p["MFADevices"]
    ]


def test_can_be_denied(local_sts):
    """
    With *deny_iam* IAM is closed for that user, and STS open.
    """
    user = local_sts.add_user(name="poor", deny_iam=True)

    expected = (
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: iam:ListMFADevices"
        " on resource: user poor because no identity-based policy allows the"
        " iam:ListMFADevices action",
    )
    assert expected == error_of(client_of(local_sts, user, "iam").list_mfa_devices)
    assert client_of(local_sts, user).get_caller_identity()


def test_session_tokens_need_mfa(local_sts, user):
    """
    IAM takes a session's credentials only if there was a code for them.
    """
    device = local_sts.add_mfa_device("ci")
    sts = client_of(local_sts, user)
    sts.get_session_token()
    sts.get_session_token(SerialNumber=device.serial, TokenCode=device.code())
    sts.get_federation_token(Name="jane")
    without, with_, federated = (
        client_of(local_sts, key, "iam") for key in local_sts.issued()
    )

    expected = (
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    )
    assert expected == error_of(without.list_mfa_devices)
    assert expected == error_of(federated.list_mfa_devices)
    assert [device.serial] == serials(with_)


def test_roles_have_to_say_whose(local_sts, user):
    """
    A role is no user, so it has to name one.
    """
    client_of(local_sts, user).assume_role(RoleArn=READER, RoleSessionName="me")
    device = local_sts.add_mfa_device("ci")
    [key] = local_sts.issued()
    iam = client_of(local_sts, key, "iam")

    expected = (
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    )
    assert expected == error_of(iam.list_mfa_devices)
    assert [device.serial] == serials(iam, UserName="ci")


def test_checks_who_signed(local_sts, user):
    """
    A key that was deleted isn't taken, by IAM alone if so told.
    """
    iam = client_of(local_sts, user, "iam")
    local_sts.reject_all_keys(service="iam")

    assert "InvalidClientTokenId" == error_of(iam.list_mfa_devices)[0]
    assert client_of(local_sts, user).get_caller_identity()


def test_does_not_know_all_operations(local_sts, user):
    """
    An operation that isn't there is an error of IAM's.
    """
    iam = client_of(local_sts, user, "iam")

    expected = (
        "InvalidAction",
        "Could not find operation ListUsers for version 2010-05-08",
    )
    assert expected == error_of(iam.list_users)


def test_faults_and_calls_know_the_service(local_sts, user):
    """
    A fault of IAM's leaves STS alone, and the log tells them apart.
    """
    iam = client_of(local_sts, user, "iam")
    local_sts.faults.add(Fault.access_denied(), service="iam", times=1)

    assert client_of(local_sts, user).get_caller_identity()
    assert "AccessDenied" == error_of(iam.list_mfa_devices)[0]
    assert [] == serials(iam)
    assert ["sts", "iam", "iam"] == [call.service for call in local_sts.calls()]
    assert 2 == local_sts.count("ListMFADevices")


def test_profiles_lead_iam_here(local_sts, user, tmp_path, monkeypatch):
    """
    IAM clients of `session()` and of a written profile come to this server.
    """
    import boto3

    device = local_sts.add_mfa_device("ci")
    files = local_sts.write_profile(tmp_path, key=user)
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)

    assert [device.serial] == serials(local_sts.session(user).client("iam"))
    assert [device.serial] == serials(boto3.Session().client("iam"))
