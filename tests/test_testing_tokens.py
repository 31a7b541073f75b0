"""
`LocalSTS` gives credentials that are no role's, and knows what they may do.
"""

from __future__ import annotations

import datetime as dt

import pytest

from botocore.exceptions import ClientError

from stsession.testing import FakeClock, Fault, LocalSTS
from tests.local import client_of, error_of, lax


ACCOUNT = "123456789012"
MEMBER = "210987654321"
READER = f"arn:aws:iam::{ACCOUNT}:role/Reader"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/Other"
TASK = {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}
SECOND = dt.timedelta(seconds=1)

CALLS = {
    "AssumeRole": lambda sts: sts.assume_role(RoleArn=OTHER, RoleSessionName="me"),
    "AssumeRoot": lambda sts: sts.assume_root(
        TargetPrincipal=MEMBER, TaskPolicyArn=TASK
    ),
    "GetCallerIdentity": lambda sts: sts.get_caller_identity(),
    "GetFederationToken": lambda sts: sts.get_federation_token(Name="jane"),
    "GetSessionToken": lambda sts: sts.get_session_token(),
}


@pytest.fixture(name="clock")
def _clock():
    return FakeClock()


@pytest.fixture(name="local_sts")
def _local_sts(clock):
    with LocalSTS(clock=clock) as local_sts:
        local_sts.add_role(READER, max_session_duration=43_200)
        local_sts.add_role(OTHER, max_session_duration=43_200)
        local_sts.add_member_account(MEMBER)
        yield local_sts


@pytest.fixture(name="user")
def _user(local_sts):
    return local_sts.add_user(name="ci")


@pytest.fixture(name="sts")
def _sts(local_sts, user):
    return client_of(local_sts, user)


def key_of(local_sts, sts, kind):
    """
    Credentials of *kind*, which the user of *sts* gets.
    """
    if kind == "role":
        sts.assume_role(RoleArn=READER, RoleSessionName="me")
    elif kind == "session":
        sts.get_session_token()
    elif kind == "federated":
        sts.get_federation_token(Name="jane")
    else:
        sts.assume_root(TargetPrincipal=MEMBER, TaskPolicyArn=TASK)
    return local_sts.issued()[-1]


def test_session_tokens_are_the_users(local_sts, sts, user, clock):
    """
    GetSessionToken gives the same identity, for 12 hours if nothing is said.
    """
    got = sts.get_session_token()

    [key] = local_sts.issued()
    me = client_of(local_sts, key).get_caller_identity()
    assert {"Credentials", "ResponseMetadata"} == set(got)
    assert clock.now() + dt.timedelta(hours=12) == got["Credentials"]["Expiration"]
    assert (user.arn, user.user_id) == (me["Arn"], me["UserId"])
    assert ("user", "session") == (user.kind, key.kind)
    assert key.role_arn is None


@pytest.mark.parametrize("kind", ["session", "federated"])
def test_tokens_expire(local_sts, sts, clock, kind):
    """
    Credentials work until the last second of their life.
    """
    client = client_of(local_sts, key_of(local_sts, sts, kind))

    clock.advance(dt.timedelta(hours=12) - SECOND)
    assert client.get_caller_identity()
    clock.advance(SECOND)

    assert "ExpiredToken" == error_of(client.get_caller_identity)[0]


@pytest.mark.parametrize(
    ("operation", "least", "most"),
    [
        ("GetSessionToken", 900, 129_600),
        ("GetFederationToken", 900, 129_600),
        ("AssumeRoot", 0, 900),
    ],
)
def test_durations_have_limits(local_sts, user, clock, operation, least, most):
    """
    The least and the most are given; a second less or more is an error.
    """
    for seconds in (least, most):
        got = CALLS[operation](lax(client_of(local_sts, user), DurationSeconds=seconds))
        expected = clock.now() + seconds * SECOND
        assert expected == got["Credentials"]["Expiration"]

    for seconds, what in ((least - 1, "greater"), (most + 1, "less")):
        sts = lax(client_of(local_sts, user), DurationSeconds=seconds)
        assert (
            "ValidationError",
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds'"
            " failed to satisfy constraint: Member must have value"
            f" {what} than or equal to {least if what == 'greater' else most}",
        ) == error_of(CALLS[operation], sts)


def test_federated_users_have_names(local_sts, sts):
    """
    GetFederationToken gives an identity of its own, in the same account.
    """
    got = sts.get_federation_token(Name="jane", Policy="{}")

    [key] = local_sts.issued()
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/jane"
    me = client_of(local_sts, key).get_caller_identity()
    assert {"FederatedUserId": f"{ACCOUNT}:jane", "Arn": arn} == got["FederatedUser"]
    assert (arn, f"{ACCOUNT}:jane") == (me["Arn"], me["UserId"])
    assert "AssumedRoleUser" not in got
    assert 0 < got["PackedPolicySize"]


@pytest.mark.parametrize("name", ["j", "j" * 33])
def test_names_have_limits(local_sts, user, name):
    """
    A federated user's name has 2 to 32 characters.
    """
    sts = lax(client_of(local_sts, user), Name=name)

    assert "ValidationError" == error_of(CALLS["GetFederationToken"], sts)[0]


def test_root_sessions_are_of_the_member_account(local_sts, sts):
    """
    AssumeRoot takes an account ID or the ARN of its root user.
    """
    root = f"arn:aws:iam::{MEMBER}:root"
    got = sts.assume_root(TargetPrincipal=root, TaskPolicyArn=TASK)
    CALLS["AssumeRoot"](sts)

    first, second = local_sts.issued()
    assert {"Credentials", "ResponseMetadata"} == set(got)
    assert root == first.arn == second.arn
    assert MEMBER == client_of(local_sts, first).get_caller_identity()["Account"]


def test_root_sessions_are_for_the_management_account(local_sts, sts):
    """
    Neither another account's users nor other targets get anything.
    """
    stranger = local_sts.add_user(account_id="111122223333")
    unmanaged = {"TargetPrincipal": "333344445555", "TaskPolicyArn": TASK}

    code, message = error_of(CALLS["AssumeRoot"], client_of(local_sts, stranger))
    assert "AccessDenied" == code
    assert message == (
        f"User: {stranger.arn} is not authorized to perform: sts:AssumeRoot"
        f" on resource: arn:aws:iam::{MEMBER}:root"
    )
    assert "AccessDenied" == error_of(sts.assume_root, **unmanaged)[0]


def test_root_sessions_need_a_task(sts):
    """
    Only AWS's task policies will do.
    """
    policy = {"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}

    got = error_of(sts.assume_root, TargetPrincipal=MEMBER, TaskPolicyArn=policy)

    assert "ValidationError" == got[0]


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("role", {"AssumeRole", "AssumeRoot", "GetCallerIdentity"}),
        ("session", {"AssumeRole", "GetCallerIdentity"}),
        ("federated", {"GetCallerIdentity"}),
        ("root", {"GetCallerIdentity"}),
    ],
)
def test_knows_who_may_call_what(local_sts, sts, kind, allowed, operation):
    """
    Credentials of each kind may call what AWS's table says.
    """
    key = key_of(local_sts, sts, kind)
    client = client_of(local_sts, key)
    call = CALLS[operation]

    assert kind == key.kind
    if operation in allowed:
        assert call(client)
    else:
        assert "AccessDenied" == error_of(call, client)[0]


@pytest.mark.parametrize(
    ("kind", "operation", "message"),
    [
        (
            "role",
            "GetSessionToken",
            "Cannot call GetSessionToken with session credentials",
        ),
        (
            "session",
            "GetFederationToken",
            "Cannot call GetFederationToken with session credentials",
        ),
        (
            "federated",
            "AssumeRole",
            f"User: arn:aws:sts::{ACCOUNT}:federated-user/jane is not authorized to"
            f" perform: sts:AssumeRole on resource: {OTHER}",
        ),
        ("root", "AssumeRole", "Roles may not be assumed by root accounts."),
    ],
)
def test_says_why_not(local_sts, sts, kind, operation, message):
    """
    The words are AWS's.
    """
    client = client_of(local_sts, key_of(local_sts, sts, kind))

    assert ("AccessDenied", message) == error_of(CALLS[operation], client)


def test_session_tokens_are_no_role_chaining(local_sts, sts, user):
    """
    From a session token a role may live for 12 hours, from a role for one.
    """
    session = client_of(local_sts, key_of(local_sts, sts, "session"))
    role = client_of(local_sts, key_of(local_sts, sts, "role"))
    params = {"RoleArn": OTHER, "RoleSessionName": "me", "DurationSeconds": 43_200}
    local_sts.add_role(OTHER, trusts=[user.arn, READER], max_session_duration=43_200)

    assert session.assume_role(**params)
    assert "1 hour session limit" in error_of(role.assume_role, **params)[1]


def test_lifetimes_are_scaled(clock):
    """
    *lifetime_scale* holds for what isn't a role's, too.
    """
    with LocalSTS(clock=clock, lifetime_scale=1 / 300) as local_sts:
        got = client_of(local_sts, local_sts.add_user()).get_session_token(
            DurationSeconds=900
        )

    assert clock.now() + 3 * SECOND == got["Credentials"]["Expiration"]


@pytest.mark.parametrize("operation", CALLS)
def test_faults_strike_by_operation(local_sts, sts, operation):
    """
    Each operation can fail by itself.
    """
    local_sts.faults.add(Fault.throttled(), operation=operation)

    for name, call in CALLS.items():
        if name == operation:
            with pytest.raises(ClientError, match="Throttling"):
                call(sts)
        else:
            call(sts)
