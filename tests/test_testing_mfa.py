"""`LocalSTS` with MFA devices: their codes, and IAM's list of them."""

from __future__ import annotations

import datetime as dt

import boto3
import pytest

from stsession.testing import FakeClock, LocalSTS

from .local import client_of, error_of
from .mfa import at_once


READER = "arn:aws:iam::123456789012:role/Reader"
HUB = "arn:aws:iam::123456789012:role/Hub"
STEP = dt.timedelta(seconds=30)

WRONG = (
    "AccessDenied",
    "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
)
NOT_YOURS = (
    "AccessDenied",
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify"
    " your MFA serial number is valid and associated with this user.",
)


@pytest.fixture(name="local_sts")
def _local_sts(clock):
    with LocalSTS(clock=clock) as local_sts:
        local_sts.add_role(READER, requires_mfa=True)
        yield local_sts


@pytest.fixture(name="user")
def _user(local_sts):
    return local_sts.add_user(name="ci")


@pytest.fixture(name="device")
def _device(local_sts, user):
    return local_sts.add_mfa_device("ci")


@pytest.fixture(name="sts")
def _sts(local_sts, user):
    return client_of(local_sts, user)


def assume(sts, role_arn=READER, **params):
    """Assume the role, as "me"."""
    return sts.assume_role(RoleArn=role_arn, RoleSessionName="me", **params)


def mfa(device, code=None):
    """The MFA parameters of a request."""
    code = device.code() if code is None else code
    return {"SerialNumber": device.serial, "TokenCode": code}


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(local_sts, seconds, code):
    """The examples of RFC 6238, with six digits."""
    device = local_sts.add_mfa_device("ci", secret="GEZDGNBVGY3TQOJQ" * 2)
    at = FakeClock(dt.datetime.fromtimestamp(seconds, dt.timezone.utc))

    assert code == device.code(at=at)


def test_codes_change_with_the_servers_clock(device, clock):
    """A code stays for 30 s, and the next one is known before."""
    first, second = device.code(), device.next_code()

    clock.advance(STEP - dt.timedelta(seconds=1))
    assert first == device.code()
    clock.advance(dt.timedelta(seconds=1))
    assert second == device.code() != first


def test_secrets_are_not_shown(local_sts):
    """The seed isn't in the repr, and one that can't be a seed isn't in the error."""
    device = local_sts.add_mfa_device("ci", secret="ge zd gn bv")

    assert "ge zd" not in repr(device)
    with pytest.raises(ValueError, match="secret has to be Base32") as caught:
        local_sts.add_mfa_device("ci", secret="seed-one-1")
    assert "seed-one" not in str(caught.value)


def test_serials_are_found_or_given(local_sts, device):
    """By default a serial is an ARN by the user's name; each device has its own."""
    second = local_sts.add_mfa_device("arn:aws:iam::123456789012:user/ci")
    third = local_sts.add_mfa_device("ci", serial="GAHT12345678")

    assert "arn:aws:iam::123456789012:mfa/ci" == device.serial
    assert "arn:aws:iam::123456789012:mfa/ci-2" == second.serial
    assert "GAHT12345678" == third.serial
    assert {device.user_arn} == {second.user_arn, third.user_arn}


def test_roles_can_require_mfa(sts, device, local_sts, user):
    """Without a code the role is closed, and AWS doesn't say why."""
    expected = (
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: sts:AssumeRole"
        f" on resource: {READER}",
    )

    assert expected == error_of(assume, sts)
    assert assume(sts, **mfa(device))
    assert device.code() not in repr(local_sts.calls("AssumeRole")[-1])


def test_a_code_serves_once(sts, device, clock):
    """A second use of a code is denied until the next step."""
    assume(sts, **mfa(device))

    assert WRONG == error_of(assume, sts, **mfa(device))
    assert WRONG == error_of(sts.get_session_token, **mfa(device))

    clock.advance(STEP)

    assert sts.get_session_token(**mfa(device))
    assert WRONG == error_of(assume, sts, **mfa(device))


def test_a_code_serves_one_of_many_threads(local_sts, user, device):
    """However many send it at once, one request succeeds."""
    params = mfa(device)
    clients = [client_of(local_sts, user) for _ in range(8)]
    results = at_once(8, lambda n: clients[n].get_session_token(**params))

    assert 1 == sum(isinstance(result, dict) for result in results)


def test_codes_of_other_steps_are_refused(sts, device, clock):
    """Neither an expired code nor one of the future is good, and none is used up."""
    old = device.code()
    clock.advance(STEP)

    assert WRONG == error_of(assume, sts, **mfa(device, old))
    assert WRONG == error_of(assume, sts, **mfa(device, device.next_code()))
    assert assume(sts, **mfa(device))


def test_codes_are_checked_where_none_is_needed(local_sts, sts, device):
    """A wrong code is wrong for a role without MFA as well."""
    local_sts.add_role(HUB)

    assert WRONG == error_of(assume, sts, HUB, **mfa(device, device.next_code()))


def test_devices_belong_to_users(local_sts, sts, device):
    """A device of another user, or an unknown one, can't be validated."""
    other = local_sts.add_mfa_device("other")
    local_sts.add_role(HUB)
    assume(sts, HUB)
    [hop] = local_sts.issued()

    assert NOT_YOURS == error_of(assume, sts, **mfa(other))
    assert NOT_YOURS == error_of(
        assume, sts, SerialNumber="GAHT00000000", TokenCode="123456"
    )
    assert NOT_YOURS == error_of(assume, client_of(local_sts, hop), **mfa(device))


@pytest.mark.parametrize("missing", ["SerialNumber", "TokenCode"])
def test_serial_and_code_come_together(sts, device, missing):
    """One without the other is denied."""
    params = mfa(device)
    del params[missing]

    code, message = error_of(assume, sts, **params)

    assert "AccessDenied" == code
    assert "must provide both MFA serial number" in message


def test_session_tokens_have_mfa(local_sts, sts, device, clock):
    """One code is enough for many roles over many hours."""
    sts.get_session_token(DurationSeconds=43_200, **mfa(device))
    [key] = local_sts.issued()
    session = client_of(local_sts, key)

    for _ in range(11):
        clock.advance(dt.timedelta(hours=1))
        assume(session)

    assert key.mfa
    assert 11 == local_sts.count("AssumeRole")


def test_session_tokens_without_a_code(local_sts, sts):
    """The role stays closed for credentials that no code was given for."""
    sts.get_session_token()
    [key] = local_sts.issued()

    assert not key.mfa
    assert "AccessDenied" == error_of(assume, client_of(local_sts, key))[0]


def test_roles_do_not_have_mfa(local_sts, sts, device):
    """A role that was assumed with a code doesn't open one that requires MFA."""
    local_sts.add_role(HUB)
    assume(sts, HUB, **mfa(device))
    [hop] = local_sts.issued()

    assert "AccessDenied" == error_of(assume, client_of(local_sts, hop))[0]


def serials(iam, **params):
    """The serials in IAM's list."""
    return [d["SerialNumber"] for d in iam.list_mfa_devices(**params)["MFADevices"]]


def test_lists_the_devices_of_a_user(local_sts, user, clock):
    """The caller's by default, another user's by name."""
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


def test_the_list_is_paged(local_sts, user):
    """The paginator of the client ends."""
    device = local_sts.add_mfa_device("ci")
    iam = client_of(local_sts, user, "iam")

    pages = iam.get_paginator("list_mfa_devices").paginate()

    assert [device.serial] == [
        d["SerialNumber"] for p in pages for d in p["MFADevices"]
    ]


def test_the_list_can_be_denied(local_sts):
    """With *deny_iam* IAM is closed for that user, and STS open."""
    user = local_sts.add_user(name="poor", deny_iam=True)

    expected = (
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: iam:ListMFADevices"
        " on resource: user poor because no identity-based policy allows the"
        " iam:ListMFADevices action",
    )
    assert expected == error_of(client_of(local_sts, user, "iam").list_mfa_devices)
    assert client_of(local_sts, user).get_caller_identity()


def test_lists_need_a_session_token_with_mfa(local_sts, user):
    """IAM takes a session's credentials only if there was a code for them."""
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


def test_roles_have_to_name_a_user(local_sts, user):
    """A role is no user, so it has to name one."""
    local_sts.add_role(HUB)
    client_of(local_sts, user).assume_role(RoleArn=HUB, RoleSessionName="me")
    device = local_sts.add_mfa_device("ci")
    [key] = local_sts.issued()
    iam = client_of(local_sts, key, "iam")

    expected = (
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    )
    assert expected == error_of(iam.list_mfa_devices)
    assert [device.serial] == serials(iam, UserName="ci")


def test_iam_rejects_keys(local_sts, user):
    """A rejected key can't be used, and IAM alone can reject it."""
    iam = client_of(local_sts, user, "iam")
    local_sts.reject_all_keys(service="iam")

    assert "InvalidClientTokenId" == error_of(iam.list_mfa_devices)[0]
    assert client_of(local_sts, user).get_caller_identity()


def test_profiles_have_the_endpoint_of_iam(local_sts, user, tmp_path, monkeypatch):
    """IAM clients of `session()` and of a written profile come to this server."""
    device = local_sts.add_mfa_device("ci")
    files = local_sts.write_profile(tmp_path, key=user)
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)

    assert [device.serial] == serials(local_sts.session(user).client("iam"))
    assert [device.serial] == serials(boto3.Session().client("iam"))
