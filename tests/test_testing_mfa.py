"""
`LocalSTS` with MFA devices: what a code is good for, and how often.
"""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from stsession.testing import FakeClock, LocalSTS
from tests.local import client_of, error_of


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


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


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
    """
    Assume the role, as "me".
    """
    return sts.assume_role(RoleArn=role_arn, RoleSessionName="me", **params)


def proof(device, code=None):
    """
    The parameters that prove who somebody is.
    """
    code = device.code() if code is None else code
    return {"SerialNumber": device.serial, "TokenCode": code}


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(local_sts, seconds, code):
    """
    The examples of RFC 6238, with six digits.
    """
    device = local_sts.add_mfa_device("ci", secret="GEZDGNBVGY3TQOJQ" * 2)
    at = FakeClock(dt.datetime.fromtimestamp(seconds, dt.timezone.utc))

    assert code == device.code(at=at)


def test_codes_change_with_the_servers_clock(device, clock):
    """
    A code stays for 30 s, and the next one can be told before.
    """
    first, second = device.code(), device.next_code()

    clock.advance(STEP - dt.timedelta(seconds=1))
    assert first == device.code()
    clock.advance(dt.timedelta(seconds=1))
    assert second == device.code() != first


def test_secrets_are_not_shown(local_sts):
    """
    The seed isn't in the repr, and one that can't be a seed isn't in the error.
    """
    device = local_sts.add_mfa_device("ci", secret="ge zd gn bv")

    assert "ge zd" not in repr(device)
    with pytest.raises(ValueError, match="secret: Base32 is needed") as caught:
        local_sts.add_mfa_device("ci", secret="seed-one-1")
    assert "seed-one" not in str(caught.value)


def test_serials_are_found_or_given(local_sts, device):
    """
    By default a serial is an ARN by the user's name; each device has its own.
    """
    second = local_sts.add_mfa_device("arn:aws:iam::123456789012:user/ci")
    third = local_sts.add_mfa_device("ci", serial="GAHT12345678")

    assert "arn:aws:iam::123456789012:mfa/ci" == device.serial
    assert "arn:aws:iam::123456789012:mfa/ci-2" == second.serial
    assert "GAHT12345678" == third.serial
    assert {device.user_arn} == {second.user_arn, third.user_arn}


def test_roles_can_require_mfa(sts, device, local_sts, user):
    """
    Without a code the role is closed, and AWS doesn't say why.
    """
    expected = (
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: sts:AssumeRole"
        f" on resource: {READER}",
    )

    assert expected == error_of(assume, sts)
    assert assume(sts, **proof(device))
    assert device.code() not in repr(local_sts.calls("AssumeRole")[-1])


def test_a_code_serves_once(sts, device, clock):
    """
    A second use of a code is refused until the next step brings a new one.
    """
    assume(sts, **proof(device))

    assert WRONG == error_of(assume, sts, **proof(device))
    assert WRONG == error_of(sts.get_session_token, **proof(device))

    clock.advance(STEP)

    assert sts.get_session_token(**proof(device))
    assert WRONG == error_of(assume, sts, **proof(device))


def test_a_code_serves_one_of_many_threads(local_sts, user, device):
    """
    However many send it at once, one gets in.
    """
    params = proof(device)
    outcomes = []

    def call(sts):
        try:
            outcomes.append(bool(sts.get_session_token(**params)))
        except sts.exceptions.ClientError:
            outcomes.append(False)

    clients = [client_of(local_sts, user) for _ in range(8)]
    threads = [threading.Thread(target=call, args=[sts]) for sts in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [False] * 7 + [True] == sorted(outcomes)


def test_codes_of_other_steps_are_refused(sts, device, clock):
    """
    Neither an expired code nor one of the future is good, and none is used up.
    """
    old = device.code()
    clock.advance(STEP)

    assert WRONG == error_of(assume, sts, **proof(device, old))
    assert WRONG == error_of(assume, sts, **proof(device, device.next_code()))
    assert assume(sts, **proof(device))


def test_codes_are_checked_where_none_is_needed(local_sts, sts, device):
    """
    A wrong code is wrong for a role without MFA as well.
    """
    local_sts.add_role(HUB)

    assert WRONG == error_of(assume, sts, HUB, **proof(device, device.next_code()))


def test_devices_belong_to_users(local_sts, sts, device):
    """
    A device of somebody else, or none at all, can't be validated.
    """
    other = local_sts.add_mfa_device("other")
    local_sts.add_role(HUB)
    assume(sts, HUB)
    [hop] = local_sts.issued()

    assert NOT_YOURS == error_of(assume, sts, **proof(other))
    assert NOT_YOURS == error_of(
        assume, sts, SerialNumber="GAHT00000000", TokenCode="123456"
    )
    assert NOT_YOURS == error_of(assume, client_of(local_sts, hop), **proof(device))


@pytest.mark.parametrize("missing", ["SerialNumber", "TokenCode"])
def test_serial_and_code_come_together(sts, device, missing):
    """
    One without the other is refused.
    """
    params = proof(device)
    del params[missing]

    code, message = error_of(assume, sts, **params)

    assert "AccessDenied" == code
    assert "must provide both MFA serial number" in message


def test_session_tokens_carry_the_proof(local_sts, sts, device, clock):
    """
    One code is enough for many roles over many hours.
    """
    sts.get_session_token(DurationSeconds=43_200, **proof(device))
    [key] = local_sts.issued()
    session = client_of(local_sts, key)

    for _ in range(11):
        clock.advance(dt.timedelta(hours=1))
        assume(session)

    assert key.mfa
    assert 11 == local_sts.count("AssumeRole")


def test_session_tokens_without_a_code_prove_nothing(local_sts, sts):
    """
    The role stays closed for credentials that no code was given for.
    """
    sts.get_session_token()
    [key] = local_sts.issued()

    assert not key.mfa
    assert "AccessDenied" == error_of(assume, client_of(local_sts, key))[0]


def test_the_proof_ends_with_the_first_role(local_sts, sts, device):
    """
    A role that was assumed with a code doesn't open one that requires MFA.
    """
    local_sts.add_role(HUB)
    assume(sts, HUB, **proof(device))
    [hop] = local_sts.issued()

    assert "AccessDenied" == error_of(assume, client_of(local_sts, hop))[0]
