from __future__ import annotations

import boto3
import pytest

import stsession

from stsession.testing import Fault, LocalSTS, StubSTS

from .wire import READER, failing, full_text, params_of, source_of


SECURITY_KEY = "arn:aws:iam::123456789012:u2f/user/ci/key-AAAABBBBCCCCDDDDEEEE"


@pytest.fixture(name="local")
def _local(clock):
    with LocalSTS(clock=clock) as local:
        local.add_role(READER, requires_mfa=True)
        yield local


def assume(source, code="123456", **kw):
    """Make a session whose device is found in IAM."""
    kw = {"mfa_serial": "auto", "mfa_code": code, "cache": None, **kw}
    return stsession.assume(READER, source=source, **kw)


@pytest.mark.parametrize("lasting", [None, False])
def test_one_device(local, lasting):
    """The only one is used."""
    source = local.session(local.add_user(name="ci"))
    local.add_mfa_device("ci", serial=SECURITY_KEY)  # it shows no codes
    device = local.add_mfa_device("ci")
    serials = []

    def code(serial):
        serials.append(serial)
        return device.code()

    assert assume(source, code, mfa_session=lasting).credentials()
    assert [device.serial] == serials
    assert 1 == local.count("ListMFADevices")


def test_is_looked_up_once(local, clock):
    """IAM is called once for a session, however many codes it needs."""
    source = local.session(local.add_user(name="ci"))
    device = local.add_mfa_device("ci")
    session = assume(source, lambda _: device.code(), mfa_session=False)

    for _ in range(3):
        session.credentials()
        clock.advance(session.remaining)

    assert 3 == local.count("AssumeRole")
    assert 1 == local.count("ListMFADevices")


def test_nothing_is_looked_up_before_it_is_needed(local):
    """Making the session calls nothing."""
    assume(local.session(local.add_user(name="ci")))

    assert 0 == local.count()


@pytest.mark.parametrize("apps", [0, 2])
def test_choice(local, apps):
    """
    Without a device, or with several, there is an error with their names.

    Security keys don't count, as they show no codes.
    """
    source = local.session(local.add_user(name="ci"))
    local.add_mfa_device("ci", serial=SECURITY_KEY)
    serials = [local.add_mfa_device("ci").serial for _ in range(apps)]
    error = failing(assume(source))

    assert isinstance(error, stsession.MfaError)
    assert f"Devices in IAM: {', '.join(serials) or 'none'}." in str(error)
    assert "as mfa_serial" in error.hint
    assert ["ListMFADevices"] == [call.operation for call in local.calls()]


def test_denied(local):
    """A user that may not list devices has to pass one."""
    source = local.session(local.add_user(name="ci", deny_iam=True))
    local.add_mfa_device("ci")

    error = failing(assume(source))

    assert "IAM returned AccessDenied." in str(error)
    assert "as mfa_serial" in error.hint
    assert 0 == local.count("GetSessionToken")


@pytest.mark.parametrize(
    ("role", "code"),
    [(None, "InvalidClientTokenId"), (READER, "ValidationError")],
    ids=["session token", "role"],
)
def test_temporary_keys(local, role, code):
    """IAM lists the devices of users only."""
    local.add_role(READER)
    source = local.session(local.add_user(name="ci"))
    hop = (
        stsession.session_token(source=source)
        if role is None
        else stsession.assume(role, source=source)
    )

    error = failing(assume(hop))

    assert f"IAM returned {code}." in str(error)


def test_iam_out_of_reach(local):
    """It is an error, and the user's code isn't used."""
    source = local.session(local.add_user(name="ci"))
    device = local.add_mfa_device("ci")
    local.faults.add(Fault.reset(), service="iam")
    session = assume(source, device.code())

    error = failing(session)
    local.faults.clear()

    assert isinstance(error, stsession.MfaError)
    assert "Could not find the MFA device" in str(error)
    assert device.code() not in full_text(error)
    assert 0 == local.count("GetSessionToken")


def test_the_sources_handlers_see_it():
    """IAM is called with the source's event handlers."""
    stub = StubSTS()
    source = source_of(stub)
    source.events.register("before-send.iam", stub)

    assert assume(source).credentials()
    assert "ListMFADevices" == stub.requests[0].operation
    assert params_of(stub, 1)["SerialNumber"].endswith(":mfa/source")


def test_without_credentials():
    """No source: that is what the error is about."""
    error = failing(assume(boto3.Session(region_name="eu-west-1")))

    assert isinstance(error, stsession.SourceCredentialsError)
