"""
`LocalSTS` as STS: who may assume what, and for how long.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
import threading

import attrs
import boto3
import pytest

from botocore.config import Config
from botocore.exceptions import ClientError

from stsession.testing import FakeClock, LocalSTS, generation_of

from .children import in_a_fork


READER = "arn:aws:iam::123456789012:role/team/Reader"
OTHER = "arn:aws:iam::210987654321:role/Other"
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=5)


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


def sts_of(local_sts, key):
    """
    An STS client that signs with *key*.
    """
    return boto3.client(
        "sts",
        region_name="eu-central-1",
        endpoint_url=local_sts.endpoint_url,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        aws_session_token=key.session_token,
        config=ONCE,
    )


def assume(sts, role_arn=READER, **params):
    """
    Assume the role, as "me".
    """
    return sts.assume_role(RoleArn=role_arn, RoleSessionName="me", **params)


def code_of(call, *args, **kw):
    """
    The error code and status that *call* fails with.
    """
    with pytest.raises(ClientError) as caught:
        call(*args, **kw)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_tells_a_user_who_it_is(local_sts, user):
    """
    GetCallerIdentity answers with the identity of the key.
    """
    got = sts_of(local_sts, user).get_caller_identity()

    assert user.arn == got["Arn"]
    assert user.user_id == got["UserId"]
    assert "123456789012" == got["Account"]


def test_issues_working_credentials(local_sts, user):
    """
    What AssumeRole gives is accepted as the session of that role.
    """
    got = assume(sts_of(local_sts, user), SourceIdentity="jane", Policy="{}")

    [key] = local_sts.issued(role_arn=READER)
    arn = "arn:aws:sts::123456789012:assumed-role/Reader/me"
    assert arn == sts_of(local_sts, key).get_caller_identity()["Arn"]
    assert arn == got["AssumedRoleUser"]["Arn"]
    assert "jane" == got["SourceIdentity"]
    assert 0 < got["PackedPolicySize"]
    assert key.secret_access_key == got["Credentials"]["SecretAccessKey"]
    assert () == local_sts.issued(role_arn=OTHER)


def test_credentials_look_like_the_real_ones(local_sts, user):
    """
    Lengths and alphabets are AWS's, and all parts tell their generation.
    """
    assume(sts_of(local_sts, user))
    assume(sts_of(local_sts, user))

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


def test_keys_do_not_show_their_secrets(local_sts, user):
    """
    Neither the secret nor the token is in the repr of a key.
    """
    assume(sts_of(local_sts, user))

    [key] = local_sts.issued()
    assert key.access_key_id in repr(key)
    assert key.secret_access_key not in repr(key)
    assert key.session_token not in repr(key)


def test_sessions_expire(local_sts, user, clock):
    """
    A key works until the last instant of its life, and not in the next.
    """
    got = assume(sts_of(local_sts, user), DurationSeconds=900)
    [key] = local_sts.issued()
    sts = sts_of(local_sts, key)

    clock.advance(dt.timedelta(seconds=899))
    sts.get_caller_identity()
    clock.advance(dt.timedelta(seconds=1))

    assert clock.now() == got["Credentials"]["Expiration"] == key.expires_at
    assert ("ExpiredToken", 403) == code_of(sts.get_caller_identity)


def test_lifetimes_can_be_scaled(clock):
    """
    With *lifetime_scale* 1/300 a session of 900 s says and has 3 s.
    """
    with LocalSTS(clock=clock, lifetime_scale=1 / 300) as local_sts:
        local_sts.add_role(READER)
        got = assume(sts_of(local_sts, local_sts.add_user()), DurationSeconds=900)
        [key] = local_sts.issued()

    expected = clock.now() + dt.timedelta(seconds=3)
    assert expected == got["Credentials"]["Expiration"] == key.expires_at


def test_date_and_expiration_tell_the_lifetime(local_sts, user, clock):
    """
    Their difference is the lifetime, also in the middle of a second.
    """
    clock.advance(dt.timedelta(milliseconds=700))
    got = assume(sts_of(local_sts, user), DurationSeconds=900)

    date = dt.datetime.strptime(
        got["ResponseMetadata"]["HTTPHeaders"]["date"], "%a, %d %b %Y %H:%M:%S %Z"
    ).replace(tzinfo=dt.timezone.utc)
    lifetime = got["Credentials"]["Expiration"] - date
    assert dt.timedelta(seconds=900) == lifetime


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"access_key_id": "AKIANOBODYHASTHISKEY"}, "InvalidClientTokenId"),
        ({"secret_access_key": "w" * 40}, "SignatureDoesNotMatch"),
        ({"session_token": "made up"}, "InvalidClientTokenId"),
    ],
)
def test_checks_who_signed(local_sts, user, changes, expected):
    """
    An unknown key, a wrong secret or a wrong token gets STS's own error.
    """
    sts = sts_of(local_sts, attrs.evolve(user, **changes))

    assert (expected, 403) == code_of(sts.get_caller_identity)


def test_checks_the_body(local_sts, user):
    """
    A body that isn't the one that was signed is refused.
    """
    sts = sts_of(local_sts, user)

    def tamper(request, **kwargs):
        request.body = request.body.replace("Reader", "Writer")
        request.headers["Content-Length"] = str(len(request.body))

    sts.meta.events.register("before-send.sts", tamper)

    assert ("SignatureDoesNotMatch", 403) == code_of(assume, sts)


def test_wants_a_signature(local_sts):
    """
    An unsigned call is told so.
    """
    from botocore import UNSIGNED

    sts = boto3.client(
        "sts",
        region_name="eu-central-1",
        endpoint_url=local_sts.endpoint_url,
        config=Config(signature_version=UNSIGNED),
    )

    got = code_of(sts.get_caller_identity)
    assert ("MissingAuthenticationToken", 403) == got


def test_takes_presigned_requests(local_sts, user):
    """
    A presigned GetCallerIdentity, as EKS uses it, works.
    """
    import urllib.request

    url = sts_of(local_sts, user).generate_presigned_url(
        "get_caller_identity", HttpMethod="GET"
    )

    with urllib.request.urlopen(url) as answer:
        assert user.arn.encode() in answer.read()
    assert "GetCallerIdentity" == local_sts.calls()[-1].operation


@pytest.mark.parametrize(
    "trusted",
    [
        "*",
        "123456789012",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:user/ci",
    ],
)
def test_lets_in_whom_a_role_trusts(local_sts, user, trusted):
    """
    A principal is an ARN, an account, or everybody.
    """
    local_sts.add_role(OTHER, trusts=[trusted])

    assert assume(sts_of(local_sts, user), OTHER)


def test_trusts_roles_in_a_chain(local_sts, user):
    """
    A role that trusts another role lets its sessions in, and nobody else.
    """
    local_sts.add_role(OTHER, trusts=[READER])
    assume(sts_of(local_sts, user))
    [hop] = local_sts.issued()

    assert assume(sts_of(local_sts, hop), OTHER)
    assert ("AccessDenied", 403) == code_of(assume, sts_of(local_sts, user), OTHER)


@pytest.mark.parametrize("name", ["trusts", "web_identity_providers", "saml_providers"])
def test_a_role_takes_lists(local_sts, user, name):
    """
    A single text isn't taken for its letters, nor a key for whom it belongs to.
    """
    with pytest.raises(TypeError, match=rf"^{name} is of type str; pass a list"):
        local_sts.add_role(READER, **{name: "123456789012"})
    with pytest.raises(TypeError, match=rf"^{name} is of type AccessKey; .* key\.arn"):
        local_sts.add_role(READER, **{name: user})
    with pytest.raises(TypeError, match=rf"^{name} has .* AccessKey; .* key\.arn"):
        local_sts.add_role(READER, **{name: [user]})
    with pytest.raises(TypeError, match=rf"^{name} is of type NoneType"):
        local_sts.add_role(READER, **{name: None})

    local_sts.add_role(READER, **{name: (text for text in ["123456789012"])})


def test_tells_where_it_is(clock):
    """
    Its repr has the address, and nothing of its keys.
    """
    local = LocalSTS(clock=clock)

    assert "<LocalSTS not running>" == repr(local)
    with local:
        local.add_user()

        assert f"<LocalSTS at {local.endpoint_url}>" == repr(local)


def test_refuses_a_role_that_is_not_there(local_sts, user):
    """
    AWS doesn't tell missing roles from those one may not assume.
    """
    with pytest.raises(ClientError) as caught:
        assume(sts_of(local_sts, user), OTHER)

    expected = (
        f"User: {user.arn} is not authorized to perform: sts:AssumeRole"
        f" on resource: {OTHER}"
    )
    assert expected == caught.value.response["Error"]["Message"]


def test_checks_the_external_id(local_sts, user):
    """
    A role with an external ID wants exactly that one.
    """
    local_sts.add_role(OTHER, external_id="customer-7")
    sts = sts_of(local_sts, user)

    assert ("AccessDenied", 403) == code_of(assume, sts, OTHER)
    assert ("AccessDenied", 403) == code_of(assume, sts, OTHER, ExternalId="x7")
    assert assume(sts, OTHER, ExternalId="customer-7")


@pytest.mark.parametrize("seconds", [899, 3601])
def test_checks_the_duration(local_sts, user, seconds):
    """
    DurationSeconds has a minimum and the role's own maximum.
    """
    sts = sts_of(local_sts, user)
    sts.meta.events.register(
        "before-call.sts",
        lambda params, **kw: params["body"].update(DurationSeconds=seconds),
    )

    assert ("ValidationError", 400) == code_of(assume, sts)


def test_chained_sessions_are_capped(local_sts, user):
    """
    From a role's credentials there is an hour, whatever the role allows.
    """
    local_sts.add_role(READER, max_session_duration=43200)
    assume(sts_of(local_sts, user), DurationSeconds=43200)
    [hop] = local_sts.issued()

    with pytest.raises(ClientError, match="1 hour session limit") as caught:
        assume(sts_of(local_sts, hop), DurationSeconds=3601)

    assert "ValidationError" == caught.value.response["Error"]["Code"]
    assert assume(sts_of(local_sts, hop), DurationSeconds=3600)


def test_short_sessions_of_other_servers(local_sts, user, clock):
    """
    With *min_session_duration* and an ARN without account it is like Ceph.
    """
    role_arn = "arn:aws:iam:::role/full"
    local_sts.add_role(role_arn, min_session_duration=1)
    sts = sts_of(local_sts, user)
    sts.meta.events.register(
        "before-call.sts",
        lambda params, **kw: params["body"].update(DurationSeconds=5),
    )

    got = assume(sts, role_arn)

    expected = clock.now() + dt.timedelta(seconds=5)
    assert expected == got["Credentials"]["Expiration"]


def test_wants_a_session_name(local_sts, user):
    """
    RoleSessionName has a minimum length.
    """
    sts = sts_of(local_sts, user)
    sts.meta.events.register(
        "before-call.sts",
        lambda params, **kw: params["body"].update(RoleSessionName=""),
    )

    assert ("ValidationError", 400) == code_of(assume, sts)


def test_does_not_know_all_operations(local_sts, user):
    """
    An operation that isn't there is an error of STS's, not a crash.
    """
    sts = sts_of(local_sts, user)

    assert ("InvalidAction", 400) == code_of(
        sts.get_access_key_info, AccessKeyId="AKIA" * 5
    )


def test_rejects_keys_before_their_time(local_sts, user):
    """
    A rejected session key looks expired, a rejected user's key deleted.
    """
    sts = sts_of(local_sts, user)
    assume(sts)
    session = sts_of(local_sts, local_sts.issued()[0])

    local_sts.reject_key(user.access_key_id)
    local_sts.reject_current(role_arn=OTHER)
    session.get_caller_identity()
    local_sts.reject_current(role_arn=READER)

    assert ("InvalidClientTokenId", 403) == code_of(sts.get_caller_identity)
    assert ("ExpiredToken", 403) == code_of(session.get_caller_identity)

    local_sts.accept_keys()

    assert session.get_caller_identity()


def test_logs_what_it_was_asked(local_sts, user, clock):
    """
    Each request is in the log, with its signer, region and outcome.
    """
    clock.advance(dt.timedelta(seconds=7))
    sts = sts_of(local_sts, user)
    assume(sts, ExternalId="not-for-the-log")
    code_of(assume, sts, OTHER)
    sts.get_caller_identity()

    good, bad = local_sts.calls("AssumeRole")
    assert 3 == local_sts.count()
    assert 1 == local_sts.count("AssumeRole", role_arn=OTHER)
    assert (200, None) == (good.status, good.code)
    assert (403, "AccessDenied") == (bad.status, bad.code)
    assert "me" == good.params["RoleSessionName"]
    assert user.access_key_id == good.access_key_id
    assert "eu-central-1" == good.region
    assert 7.0 == good.monotonic
    assert "not-for-the-log" not in repr(good)


def test_writes_profiles(local_sts, user, tmp_path, monkeypatch):
    """
    A written profile leads clients here; others in the files stay.
    """
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


def test_profiles_can_hold_session_keys(local_sts, user, tmp_path):
    """
    A session key is written with its token.
    """
    assume(sts_of(local_sts, user))
    [key] = local_sts.issued()

    session = local_sts.session(key)

    assert session.client("sts").get_caller_identity()["Arn"] == key.arn


def test_sessions_come_here(local_sts, user):
    """
    `session()` needs no environment, and its region can be chosen.
    """
    session = local_sts.session(user, region="eu-north-1")
    again = local_sts.session(user)

    assert "eu-north-1" == session.region_name
    assert "us-east-1" == again.region_name
    assert user.arn == session.client("sts").get_caller_identity()["Arn"]


def test_start_and_close_may_be_repeated(user, local_sts):
    """
    Both do nothing the second time, and no thread remains.
    """
    sts_of(local_sts, user).get_caller_identity()
    url = local_sts.endpoint_url

    assert url == local_sts.start().endpoint_url

    local_sts.close()
    local_sts.close()

    assert not [t for t in threading.enumerate() if "local-sts" in t.name]
    with pytest.raises(RuntimeError, match="isn't running"):
        local_sts.endpoint_url  # noqa: B018


def test_a_forked_child_leaves_it_alone(local_sts, user):
    """
    What a child closes is not the parent's.
    """
    in_a_fork(local_sts.close)

    assert sts_of(local_sts, user).get_caller_identity()


def test_serves_many_threads(local_sts, user):
    """
    Thirty-two threads with a client of their own are all answered and counted.
    """
    clients = [sts_of(local_sts, user) for _ in range(32)]
    threads = [threading.Thread(target=c.get_caller_identity) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 32 == local_sts.count("GetCallerIdentity")


def test_answers_can_be_slow(local_sts, user):
    """
    *answer_delay* lets even a good answer come too late.
    """
    from botocore.exceptions import ReadTimeoutError

    sts = sts_of(local_sts, user)
    sts.get_caller_identity()
    local_sts.answer_delay = 60
    sts = boto3.client(
        "sts",
        region_name="eu-central-1",
        endpoint_url=local_sts.endpoint_url,
        aws_access_key_id=user.access_key_id,
        aws_secret_access_key=user.secret_access_key,
        config=ONCE.merge(Config(read_timeout=0.1)),
    )

    with pytest.raises(ReadTimeoutError):
        sts.get_caller_identity()
