"""`LocalSTS`: which requests it allows, and its keys, log and profiles."""

from __future__ import annotations

import datetime as dt
import os
import stat
import threading
import urllib.request

import attrs
import boto3
import pytest

from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from stsession.testing import LocalSTS, generation_of

from .children import in_a_fork
from .local import ONCE, client_of, code_of, error_of, lax


ACCOUNT = "123456789012"
MEMBER = "210987654321"
READER = f"arn:aws:iam::{ACCOUNT}:role/team/Reader"
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


@pytest.fixture(name="local_sts")
def _local_sts(clock):
    with LocalSTS(clock=clock) as local_sts:
        local_sts.add_role(READER)
        local_sts.add_role(OTHER, max_session_duration=43_200)
        local_sts.add_member_account(MEMBER)
        yield local_sts


@pytest.fixture(name="user")
def _user(local_sts):
    return local_sts.add_user(name="ci")


@pytest.fixture(name="sts")
def _sts(local_sts, user):
    return client_of(local_sts, user)


def assume(sts, role_arn=READER, **params):
    """Assume the role, as "me"."""
    return sts.assume_role(RoleArn=role_arn, RoleSessionName="me", **params)


def key_of(local_sts, sts, kind):
    """Credentials of *kind*, which the user of *sts* gets."""
    if kind == "role":
        sts.assume_role(RoleArn=READER, RoleSessionName="me")
    elif kind == "session":
        sts.get_session_token()
    elif kind == "federated":
        sts.get_federation_token(Name="jane")
    else:
        sts.assume_root(TargetPrincipal=MEMBER, TaskPolicyArn=TASK)
    return local_sts.issued()[-1]


@pytest.mark.parametrize("kind", ["role", "session", "federated", "root"])
def test_sessions_expire(local_sts, sts, clock, kind):
    """A key works until the last instant of its lifetime, and not in the next."""
    key = key_of(local_sts, sts, kind)
    client = client_of(local_sts, key)

    clock.advance(key.expires_at - clock.now() - SECOND)
    assert key.arn == client.get_caller_identity()["Arn"]
    clock.advance(SECOND)

    assert ("ExpiredToken", 403) == code_of(client.get_caller_identity)


@pytest.mark.parametrize("operation", ["AssumeRole", "GetSessionToken"])
def test_lifetimes_can_be_scaled(clock, operation):
    """With *lifetime_scale* 1/300 a session of 900 s has 3 s."""
    with LocalSTS(clock=clock, lifetime_scale=1 / 300) as local_sts:
        local_sts.add_role(OTHER)
        sts = lax(client_of(local_sts, local_sts.add_user()), DurationSeconds=900)
        got = CALLS[operation](sts)
        [key] = local_sts.issued()

    assert (
        clock.now() + 3 * SECOND == got["Credentials"]["Expiration"] == key.expires_at
    )


@pytest.mark.parametrize(
    ("operation", "values"),
    [
        ("AssumeRole", {"DurationSeconds": 899}),
        ("AssumeRole", {"DurationSeconds": 43_201}),
        ("AssumeRole", {"RoleSessionName": ""}),
        ("GetFederationToken", {"Name": "j"}),
        ("GetFederationToken", {"Name": "j" * 33}),
    ],
)
def test_checks_parameters(sts, operation, values):
    """Durations and names have limits."""
    assert ("ValidationError", 400) == code_of(CALLS[operation], lax(sts, **values))


def test_chained_sessions_are_capped(local_sts, sts):
    """From a role's credentials, but not from a session token, there is one hour."""
    params = {"RoleArn": OTHER, "RoleSessionName": "me"}
    role = client_of(local_sts, key_of(local_sts, sts, "role"))
    session = client_of(local_sts, key_of(local_sts, sts, "session"))

    code, message = error_of(role.assume_role, DurationSeconds=3601, **params)
    assert "ValidationError" == code
    assert "1 hour session limit" in message
    assert role.assume_role(DurationSeconds=3600, **params)
    assert session.assume_role(DurationSeconds=43_200, **params)


def test_issued_keys_of_a_role(local_sts, sts):
    """They can be listed by role."""
    assume(sts)
    assume(sts, OTHER)
    sts.get_session_token()

    assert [READER, OTHER, None] == [key.role_arn for key in local_sts.issued()]
    assert [READER] == [key.role_arn for key in local_sts.issued(role_arn=READER)]


def test_credentials_look_like_the_real_ones(local_sts, user):
    """Lengths and alphabets are AWS's, and all parts end in their generation."""
    assume(client_of(local_sts, user))
    assume(client_of(local_sts, user))

    first, second = local_sts.issued()
    assert (1, 2) == (first.generation, second.generation)
    assert 20 == len(first.access_key_id)
    assert first.access_key_id.startswith("ASIA")
    assert first.access_key_id.isalnum()
    assert first.access_key_id == first.access_key_id.upper()
    assert 40 == len(first.secret_access_key)
    assert 2 == generation_of(second.secret_access_key)
    assert 2 == generation_of(second.session_token)
    assert user.access_key_id.startswith("AKIA")
    assert first.access_key_id in repr(first)
    assert first.secret_access_key not in repr(first)
    assert first.session_token not in repr(first)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"access_key_id": "AKIANOBODYHASTHISKEY"}, "InvalidClientTokenId"),
        ({"secret_access_key": "w" * 40}, "SignatureDoesNotMatch"),
        ({"session_token": "made up"}, "InvalidClientTokenId"),
    ],
)
def test_checks_signers(local_sts, user, changes, expected):
    """An unknown key, a wrong secret or a wrong token gets STS's own error."""
    sts = client_of(local_sts, attrs.evolve(user, **changes))

    assert (expected, 403) == code_of(sts.get_caller_identity)


def test_checks_the_body(local_sts, user):
    """A body that isn't the one that was signed is rejected."""
    sts = client_of(local_sts, user)

    def tamper(request, **kwargs):
        request.body = request.body.replace("Reader", "Writer")
        request.headers["Content-Length"] = str(len(request.body))

    sts.meta.events.register("before-send.sts", tamper)

    assert ("SignatureDoesNotMatch", 403) == code_of(assume, sts)


def test_wants_a_signature(local_sts):
    """An unsigned request is rejected."""
    got = code_of(client_of(local_sts).get_caller_identity)
    assert ("MissingAuthenticationToken", 403) == got


def test_takes_presigned_requests(local_sts, user):
    """A presigned GetCallerIdentity, as EKS uses it, works."""
    url = client_of(local_sts, user).generate_presigned_url(
        "get_caller_identity", HttpMethod="GET"
    )

    with urllib.request.urlopen(url) as answer:
        assert user.arn.encode() in answer.read()
    assert "GetCallerIdentity" == local_sts.calls()[-1].operation


def test_checks_trust_policies(local_sts, sts, user):
    """A principal is an ARN, an account, or everybody."""
    for trusted in ("*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", user.arn):
        local_sts.add_role(OTHER, trusts=[trusted])

        assert assume(sts, OTHER)


def test_trusts_roles_in_a_chain(local_sts, user):
    """A role that trusts another role can be assumed by its sessions only."""
    local_sts.add_role(OTHER, trusts=[READER])
    assume(client_of(local_sts, user))
    [hop] = local_sts.issued()

    assert assume(client_of(local_sts, hop), OTHER)
    assert ("AccessDenied", 403) == code_of(assume, client_of(local_sts, user), OTHER)


@pytest.mark.parametrize("name", ["trusts", "web_identity_providers", "saml_providers"])
def test_a_role_takes_lists(local_sts, user, name):
    """A single text is not a list of letters, and a key is not an ARN."""
    with pytest.raises(TypeError, match=rf"^{name} is of type str; pass a list"):
        local_sts.add_role(READER, **{name: "123456789012"})
    with pytest.raises(TypeError, match=rf"^{name} is of type AccessKey; .* key\.arn"):
        local_sts.add_role(READER, **{name: user})
    with pytest.raises(TypeError, match=rf"^{name} has .* AccessKey; .* key\.arn"):
        local_sts.add_role(READER, **{name: [user]})
    with pytest.raises(TypeError, match=rf"^{name} is of type NoneType"):
        local_sts.add_role(READER, **{name: None})

    local_sts.add_role(READER, **{name: (text for text in ["123456789012"])})


def test_has_its_url_in_repr(clock):
    """Its repr has the address, and nothing of its keys."""
    local = LocalSTS(clock=clock)

    assert "<LocalSTS not running>" == repr(local)
    with local:
        local.add_user()

        assert f"<LocalSTS at {local.endpoint_url}>" == repr(local)


def test_denies_missing_roles(sts, user):
    """AWS does not distinguish them from roles that the caller may not assume."""
    missing = f"{READER}s"

    assert (
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: sts:AssumeRole"
        f" on resource: {missing}",
    ) == error_of(assume, sts, missing)


def test_checks_the_external_id(local_sts, user):
    """A role with an external ID wants exactly that one."""
    local_sts.add_role(OTHER, external_id="customer-7")
    sts = client_of(local_sts, user)

    assert ("AccessDenied", 403) == code_of(assume, sts, OTHER)
    assert ("AccessDenied", 403) == code_of(assume, sts, OTHER, ExternalId="x7")
    assert assume(sts, OTHER, ExternalId="customer-7")


def test_short_sessions_of_other_servers(local_sts, user, clock):
    """With *min_session_duration* and an ARN without account it is like Ceph."""
    role_arn = "arn:aws:iam:::role/full"
    local_sts.add_role(role_arn, min_session_duration=1)
    sts = client_of(local_sts, user)
    sts.meta.events.register(
        "before-call.sts",
        lambda params, **kw: params["body"].update(DurationSeconds=5),
    )

    got = assume(sts, role_arn)

    expected = clock.now() + dt.timedelta(seconds=5)
    assert expected == got["Credentials"]["Expiration"]


def test_rejects_keys_before_their_time(local_sts, user):
    """A rejected session key looks expired, a rejected user's key deleted."""
    sts = client_of(local_sts, user)
    assume(sts)
    session = client_of(local_sts, local_sts.issued()[0])

    local_sts.reject_key(user.access_key_id)
    local_sts.reject_current(role_arn=OTHER)
    session.get_caller_identity()
    local_sts.reject_current(role_arn=READER)

    assert ("InvalidClientTokenId", 403) == code_of(sts.get_caller_identity)
    assert ("ExpiredToken", 403) == code_of(session.get_caller_identity)

    local_sts.accept_keys()

    assert session.get_caller_identity()


def test_counts_requests(local_sts, sts, user):
    """By operation and role; the log has the status and the code of the response."""
    assume(sts)
    code_of(assume, sts, f"{READER}s")
    sts.get_caller_identity()

    good, bad = local_sts.calls("AssumeRole")
    assert 3 == local_sts.count()
    assert 1 == local_sts.count("AssumeRole", role_arn=READER)
    assert (200, None) == (good.status, good.code)
    assert (403, "AccessDenied") == (bad.status, bad.code)


def test_writes_profiles(local_sts, user, tmp_path, monkeypatch):
    """A written profile leads clients here; others in the files stay."""
    local_sts.write_profile(tmp_path, key=user)
    files = local_sts.write_profile(
        tmp_path, key=local_sts.add_user(name="two"), name="two", region="eu-west-1"
    )
    local_sts.write_profile(tmp_path, key=user)  # a second time replaces it
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)

    two = boto3.Session()
    one = boto3.Session(profile_name="default")
    assert "eu-west-1" == two.region_name
    assert two.client("sts").get_caller_identity()["Arn"].endswith("user/two")
    assert user.arn == one.client("sts").get_caller_identity()["Arn"]
    for path in (files.config_file, files.credentials_file):
        assert 0o600 == stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116


def test_sessions_come_here(local_sts, user):
    """`session()` needs no environment, and its region can be chosen."""
    session = local_sts.session(user, region="eu-north-1")
    again = local_sts.session(user)

    assert "eu-north-1" == session.region_name
    assert "us-east-1" == again.region_name
    assert user.arn == session.client("sts").get_caller_identity()["Arn"]


def test_start_and_close_may_be_repeated(user, local_sts):
    """Both do nothing the second time, and no thread remains."""
    client_of(local_sts, user).get_caller_identity()
    url = local_sts.endpoint_url

    assert url == local_sts.start().endpoint_url

    local_sts.close()
    local_sts.close()

    assert not [t for t in threading.enumerate() if "local-sts" in t.name]
    with pytest.raises(RuntimeError, match="isn't running"):
        local_sts.endpoint_url  # noqa: B018


def test_a_forked_child_leaves_it_alone(local_sts, user):
    """What a child closes is not the parent's."""
    in_a_fork(local_sts.close)

    assert client_of(local_sts, user).get_caller_identity()


def test_serves_many_threads(local_sts, user):
    """Eight threads with a client of their own are all answered and counted."""
    clients = [client_of(local_sts, user) for _ in range(8)]
    threads = [threading.Thread(target=c.get_caller_identity) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 8 == local_sts.count("GetCallerIdentity")


def test_answers_can_be_slow(local_sts, user):
    """*answer_delay* lets even a good answer come too late."""
    config = ONCE.merge(Config(read_timeout=0.1))
    sts = local_sts.session(user).client("sts", config=config)
    local_sts.answer_delay = 60

    with pytest.raises(ReadTimeoutError):
        sts.get_caller_identity()


@pytest.mark.parametrize(
    ("operation", "least", "most"),
    [
        ("GetSessionToken", 900, 129_600),
        ("GetFederationToken", 900, 129_600),
        ("AssumeRoot", 0, 900),
    ],
)
def test_durations_have_limits(local_sts, user, clock, operation, least, most):
    """The least and the most are given; a second less or more is an error."""
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


def test_root_sessions_are_of_the_member_account(local_sts, sts):
    """AssumeRoot takes an account ID or the ARN of its root user."""
    root = f"arn:aws:iam::{MEMBER}:root"
    got = sts.assume_root(TargetPrincipal=root, TaskPolicyArn=TASK)
    CALLS["AssumeRoot"](sts)

    first, second = local_sts.issued()
    assert {"Credentials", "ResponseMetadata"} == set(got)
    assert root == first.arn == second.arn
    assert MEMBER == client_of(local_sts, first).get_caller_identity()["Account"]


def test_root_sessions_are_for_the_management_account(local_sts, sts):
    """Neither another account's users nor other targets get anything."""
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
    """Only AWS's task policies will do."""
    policy = {"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}

    got = error_of(sts.assume_root, TargetPrincipal=MEMBER, TaskPolicyArn=policy)

    assert "ValidationError" == got[0]


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("role", {"AssumeRole", "AssumeRoot", "GetCallerIdentity"}),
        ("session", {"AssumeRole", "GetCallerIdentity"}),
        ("federated", {"GetCallerIdentity"}),
        ("root", {"GetCallerIdentity"}),
    ],
)
def test_allows_operations_by_kind_of_key(local_sts, sts, kind, allowed):
    """Credentials of each kind may call what AWS's table says."""
    key = key_of(local_sts, sts, kind)
    client = client_of(local_sts, key)

    assert kind == key.kind
    for operation, call in CALLS.items():
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
def test_denials_have_reasons(local_sts, sts, kind, operation, message):
    """The messages are AWS's."""
    client = client_of(local_sts, key_of(local_sts, sts, kind))

    assert ("AccessDenied", message) == error_of(CALLS[operation], client)
