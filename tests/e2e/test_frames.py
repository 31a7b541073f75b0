"""What the frames of our errors hold: error collectors record local variables."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import pickle
import traceback
import types

from pathlib import Path

import pytest

from botocore.exceptions import EndpointConnectionError

import stsession

from stsession import aio
from stsession.testing import Fault, use_runtime
from tests.wire import links, no_thread

from . import OTHER_ROLE, ROLE
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_runtime")

PROVIDER = "arn:aws:iam::123456789012:saml-provider/Corp"
ISSUER = "https://oidc.example"
EXTERNAL_ID = "the-external-id-of-a-partner"
RESOURCE = "arn:aws:s3:::bucket-of-the-policy/*"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": RESOURCE}],
}
TAG = "value-of-the-tag"
ASSERTION = "assertion-of-a-context-provider"
CONTEXTS = {"arn:aws:iam::aws:contextProvider/IdentityCenter": ASSERTION}

DEPTH = 5


@pytest.fixture(name="_runtime")
def _runtime(clock):
    """Waiting for the next code is over at once."""

    def run(task):
        task()
        return True

    def wait(event, span):
        if not event.is_set():
            clock.advance(seconds(span))

    with use_runtime(
        clock=clock, random=lambda: 0.5, submit=run, spawn=no_thread, wait=wait
    ):
        yield


def texts(value, depth=0, seen=None):
    """
    All text in *value*: its `repr`, and what is in it unless it is an object of ours.
    """
    seen = set() if seen is None else seen
    if id(value) in seen or depth > DEPTH:
        return
    seen.add(id(value))
    try:
        yield repr(value)
    except Exception:  # noqa: BLE001 - of an object that isn't initialized
        return
    inside = []
    if isinstance(value, dict):
        inside = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inside = [*value]
    elif isinstance(value, functools.partial):
        inside = [value.func, *value.args, value.keywords]
    elif isinstance(value, types.FunctionType):
        inside = [cell.cell_contents for cell in value.__closure__ or ()]
    elif isinstance(value, types.MethodType):
        inside = [value.__self__]
    elif isinstance(value, BaseException):
        inside = [value.args, vars(value)]
    elif not type(value).__module__.startswith("stsession"):
        inside = [getattr(value, "__dict__", None)]
    for each in inside:
        yield from texts(each, depth + 1, seen)


def held(error):
    """
    Each text that the exception or a frame of it holds, except those of this file.
    """
    for link in links(error):
        yield type(link).__name__, "the exception", "\n".join(texts(link))
        for frame, _ in traceback.walk_tb(link.__traceback__):
            code = frame.f_code
            if code.co_filename != __file__:
                for name, value in frame.f_locals.items():
                    yield code.co_filename, code.co_name, name, "\n".join(texts(value))


def leaks(error, secrets):
    """Where *error* holds one of *secrets*."""
    return [
        where for *where, text in held(error) for secret in secrets if secret in text
    ]


def raised_by(function):
    """The error that *function* raises."""
    with pytest.raises(stsession.StsessionError) as caught:
        function()
    return caught.value


# -- What STS answers ------------------------------------------------------------------


class World:
    """A local AWS where each operation works, and its secrets."""

    def __init__(self, local, tmp_path):
        self.local = local
        self.tmp_path = tmp_path
        self.user = local.add_user()
        self.device = local.add_mfa_device("user")
        self.source = local.session(self.user)
        self.secrets = {self.user.secret_access_key}
        self.options = {"sts_endpoint_url": local.endpoint_url, "region": "eu-west-1"}
        local.add_role(
            OTHER_ROLE, web_identity_providers=[ISSUER], saml_providers=[PROVIDER]
        )
        local.add_role("arn:aws:iam::123456789012:role/App")
        local.add_member_account("210987654321")

    def secret(self, text):
        """Note that *text* is secret, and return it."""
        # STS and its clients may cut it, but not after so little.
        self.secrets.add(text[10:50] if len(text) > 60 else text)
        return text

    def code(self, serial):
        return self.secret(self.device.code())

    def token(self):
        return self.secret(self.local.web_identity_token())

    def assertion(self):
        return self.secret(self.local.saml_assertion(pairs=[(OTHER_ROLE, PROVIDER)]))


def plain_role(world):
    return stsession.assume(
        ROLE,
        source=world.source,
        external_id=world.secret(EXTERNAL_ID),
        policy={**POLICY, "Id": world.secret(RESOURCE)},
        tags={"Team": world.secret(TAG)},
    )


def role_with_contexts(world):
    world.secret(ASSERTION)
    return stsession.assume(ROLE, source=world.source, provided_contexts=CONTEXTS)


def role_with_code(world):
    return stsession.assume(
        ROLE,
        source=world.source,
        mfa_serial=world.device.serial,
        mfa_code=world.code,
        mfa_session=False,
    )


def role_with_mfa_session(world):
    return stsession.assume(
        ROLE, source=world.source, mfa_serial=world.device.serial, mfa_code=world.code
    )


def role_with_command(world):
    return stsession.assume(
        ROLE,
        source=world.source,
        mfa_serial=world.device.serial,
        mfa_code=["echo", world.secret("987654")],
    )


def chain(world):
    return stsession.assume(
        [ROLE, OTHER_ROLE], source=world.source, external_id=world.secret(EXTERNAL_ID)
    )


def token_of_a_file(world):
    path = world.tmp_path / "token"
    path.write_text(world.token())
    return stsession.web_identity(OTHER_ROLE, token=path, **world.options)


def token_of_a_function(world):
    return stsession.web_identity(
        OTHER_ROLE, token=world.token, policy=POLICY, **world.options
    )


def assertion_of_a_function(world):
    return stsession.saml(
        OTHER_ROLE, PROVIDER, assertion=world.assertion, **world.options
    )


def session_token(world):
    return stsession.session_token(
        source=world.source, mfa_serial=world.device.serial, mfa_code=world.code
    )


def federation_token(world):
    world.secret(RESOURCE)
    return stsession.federation_token(
        "jane", source=world.source, policy=POLICY, tags={"Team": world.secret(TAG)}
    )


def root(world):
    return stsession.assume_root(
        "210987654321",
        "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy",
        source=world.source,
    )


def profile(world):
    files = world.local.write_profile(world.tmp_path, key=world.user, name="dev")
    config = world.tmp_path / "with-role"
    said = Path(files.config_file).read_text("utf-8")
    config.write_text(
        said
        + f"\n[profile reader]\nrole_arn = {ROLE}\nsource_profile = dev\n"
        + f"external_id = {world.secret(EXTERNAL_ID)}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(config))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", files.credentials_file)
        return stsession.from_profile("reader", **world.options)


def function_as_source(world):

    def get():
        return {
            "AccessKeyId": world.user.access_key_id,
            "SecretAccessKey": world.user.secret_access_key,
        }

    return stsession.assume(ROLE, source=get, **world.options)


def session_of_a_fleet(world):
    fleet = stsession.Fleet(
        ["123456789012"],
        role_name="App",
        source=world.source,
        external_id=world.secret(EXTERNAL_ID),
    )
    return fleet.session("123456789012")


OPERATIONS = [
    plain_role,
    role_with_contexts,
    role_with_code,
    role_with_mfa_session,
    role_with_command,
    chain,
    token_of_a_file,
    token_of_a_function,
    assertion_of_a_function,
    session_token,
    federation_token,
    root,
    profile,
    function_as_source,
    session_of_a_fleet,
]

FAULTS = {
    "denied": Fault.access_denied(),
    "wrong parameter": Fault.error("ValidationError", "No."),
    "throttled": Fault.throttled(),
    "outage": Fault.status(500),
    "page": Fault.html(),
    "half a body": Fault.half_body(),
    "no secret key": Fault.missing_fields("SecretAccessKey"),
    "no token": Fault.missing_fields("SessionToken"),
    "no expiration": Fault.missing_fields("Expiration"),
    "empty key": Fault.empty_fields("AccessKeyId"),
    "bare": Fault.bare_error(),
    "expired": Fault.expired_answer(),
    "source rejected": Fault.error("InvalidClientTokenId", status=403),
    "rejected": Fault.error("ExpiredTokenException", status=400),
    "reset": Fault.reset(),
    "close": None,
}
EACH = ("denied", "rejected", "no secret key", "close")


@pytest.fixture(name="world")
def _world(local, tmp_path):
    return World(local, tmp_path)


# Errors differ by operation after a denial, a rejected token or key, a response that
# has credentials, and without a connection; after other faults they don't.
CASES = [
    *((make, fault) for make in OPERATIONS for fault in EACH),
    *((plain_role, fault) for fault in FAULTS if fault not in EACH),
]


@pytest.mark.parametrize(
    ("make", "fault"), CASES, ids=lambda x: x if isinstance(x, str) else x.__name__
)
def test_answers(make, fault, world):
    """
    No frame of an error holds a secret, nor does the error or its cause.

    The first error is that of the request, the second the one that was kept.
    """
    session = make(world)
    if fault == "close":
        world.local.close()
    else:
        world.local.faults.add(FAULTS[fault])
    for _ in range(2):
        error = raised_by(session.credentials)
        for key in world.local.issued():
            world.secret(key.secret_access_key)
            world.secret(key.session_token)

        assert [] == leaks(error, world.secrets)


@pytest.mark.parametrize("fault", EACH)
def test_answers_for_a_task(fault, world):
    """The frames of a task hold no secret either."""
    session = plain_role(world)
    if fault == "close":
        world.local.close()
    else:
        world.local.faults.add(FAULTS[fault])
    for _ in range(2):
        error = raised_by(lambda: asyncio.run(aio.credentials(session)))
        for key in world.local.issued():
            world.secret(key.secret_access_key)
            world.secret(key.session_token)

        assert [] == leaks(error, world.secrets)


def test_expired(world, clock):
    """Nor if the credentials expired while STS returned with nothing usable."""
    session = stsession.assume(
        ROLE,
        source=world.source,
        external_id=world.secret(EXTERNAL_ID),
        refresh=stsession.RefreshPolicy(when_expired="raise"),
    )
    session.credentials()
    world.local.faults.add(Fault.missing_fields("SecretAccessKey"))
    clock.advance(seconds(3_601))
    error = raised_by(session.credentials)
    for key in world.local.issued():
        world.secret(key.session_token)

    assert stsession.CredentialsExpiredError is type(error)
    assert [] == leaks(error, world.secrets)


def test_results_of_a_fleet(world):
    """Nor do those in the results of a fleet."""
    world.local.faults.add(Fault.access_denied())
    fleet = stsession.Fleet(
        ["123456789012"],
        role_name="App",
        source=world.source,
        external_id=world.secret(EXTERNAL_ID),
    )
    [result] = fleet.map(lambda session: session.credentials())

    assert "AccessDenied" == result.error.code
    assert [] == leaks(result.error, world.secrets)
    assert EXTERNAL_ID not in result.traceback


# -- What is refused before anything is sent -----------------------------------------


ARGUMENTS = {
    "external_id": EXTERNAL_ID,
    "policy": POLICY,
    "tags": {"Team": TAG},
    "provided_contexts": CONTEXTS,
}
SECRETS = {EXTERNAL_ID, RESOURCE, TAG, ASSERTION, "987654"}
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX1"  # 1 is no letter of base32

REFUSED = {
    "assume": lambda: stsession.assume("Reader", **ARGUMENTS),
    "the class": lambda: stsession.RefreshableAssumeRoleSession("Reader", **ARGUMENTS),
    "policy": lambda: stsession.assume(ROLE, **{**ARGUMENTS, "policy": f'{{"{TAG}'}),
    "set": lambda: stsession.assume(ROLE, **{**ARGUMENTS, "policy": {"a": {TAG}}}),
    "tag": lambda: stsession.assume(ROLE, tags={"Team": f"{TAG}#"}),
    "external ID": lambda: stsession.assume(ROLE, external_id=f"{EXTERNAL_ID}\n"),
    "contexts": lambda: stsession.assume(ROLE, provided_contexts={"arn": ASSERTION}),
    "code": lambda: stsession.assume(ROLE, mfa_serial="auto", mfa_code="987654321"),
    "unknown": lambda: stsession.assume(ROLE, RoleName="x", **ARGUMENTS),
    "web_identity": lambda: stsession.web_identity("Reader", token="x", policy=POLICY),
    "token": lambda: stsession.web_identity(ROLE, token=f"eyJ0.eyJ{TAG}"),
    "saml": lambda: stsession.saml("Reader", PROVIDER, assertion=ASSERTION),
    "saml_roles": lambda: stsession.saml_roles(ASSERTION),
    "session_token": lambda: stsession.session_token(mfa_serial="x", mfa_code="987654"),
    "federation_token": lambda: stsession.federation_token(
        "j", policy=POLICY, tags={"Team": TAG}
    ),
    "from_profile": lambda: stsession.from_profile("none", mfa_code="987654"),
    "fleet": lambda: stsession.Fleet(["1"], role_name="App", **ARGUMENTS),
    "account": lambda: stsession.Fleet(
        {"123456789012": {"external_id": f"{EXTERNAL_ID}\n"}}, role_name="App"
    ),
    "seed": lambda: stsession.totp(SEED),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arguments(name):
    """Nor does the error of an argument hold any of them."""
    with pytest.raises((stsession.StsessionError, TypeError)) as caught:
        REFUSED[name]()

    assert [] == leaks(caught.value, {*SECRETS, SEED})


def test_roles_of_a_session(world):
    """Nor does that of a further role."""
    session = stsession.assume(ROLE, source=world.source)
    error = raised_by(lambda: session.assume("Reader", **ARGUMENTS))

    assert [] == leaks(error, SECRETS)


def test_pickle(world):
    """Nor does that of a session that can't be pickled."""
    session = stsession.assume(
        ROLE,
        source=world.source,
        mfa_serial=world.device.serial,
        mfa_code="987654",
        external_id=EXTERNAL_ID,
    )
    with pytest.raises(pickle.PicklingError) as caught:
        pickle.dumps(session)

    assert [] == leaks(caught.value, SECRETS)


# -- What the user's own functions and commands return ---------------------------------


def keys(**other):
    return {
        "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "SecretAccessKey": "the-secret-key",
        "SessionToken": "the-session-token",
        **other,
    }


@pytest.mark.parametrize(
    "returned",
    [
        keys(Expiration="the-secret-key"),
        keys(Expiration=dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)),
        keys(SessionToken=["the-session-token"]),
        ["the-secret-key"],
        "the-secret-key",
    ],
)
def test_function_that_returns_something_else(returned, world):
    """Nor does that of a function, whatever it returned."""
    session = stsession.assume(ROLE, source=lambda: returned, **world.options)
    for _ in range(2):
        error = raised_by(session.credentials)

        assert stsession.SourceCredentialsError is type(error)
        assert [] == leaks(error, {"the-secret-key", "the-session-token"})


@pytest.mark.parametrize(
    "make",
    [
        lambda: stsession.from_profile("dev"),
        lambda: stsession.assume(ROLE, source="dev"),
        lambda: stsession.Fleet([ROLE], source="dev").session(ROLE),
    ],
)
@pytest.mark.parametrize(
    "printed", ["the-secret-key", '{"Version": 1, "SecretAccessKey": "the-secret-key"}']
)
def test_process_that_prints_something_else(make, printed, tmp_path, monkeypatch):
    """Nor does that of a profile's process, whatever it printed."""
    script, config = tmp_path / "print.sh", tmp_path / "config"
    script.write_text(f"echo '{printed}'")
    config.write_text(
        "[profile dev]\nregion = eu-west-1\n"
        f"credential_process = sh {script.as_posix()}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    error = raised_by(make().credentials)

    assert stsession.SourceCredentialsError is type(error)
    assert [] == leaks(error, {"the-secret-key"})


@pytest.mark.parametrize(
    "make",
    [
        lambda: stsession.from_profile("dev"),
        lambda: stsession.assume(ROLE, source="dev"),
        lambda: stsession.Fleet([ROLE], source="dev"),
    ],
)
def test_file_that_cannot_be_read(make, tmp_path, monkeypatch):
    """Nor does that of a config file, which may have keys in it."""
    config = tmp_path / "config"
    config.write_text(
        "[profile dev]\n[profile dev]\naws_secret_access_key = secret-key\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    assert [] == leaks(raised_by(make), {"secret-key"})


@pytest.mark.parametrize(
    "make",
    [
        lambda secret, world: stsession.web_identity(
            OTHER_ROLE, token=lambda: secret * 2_000, **world.options
        ),
        lambda secret, world: stsession.web_identity(
            OTHER_ROLE, token=lambda: [secret], **world.options
        ),
        lambda secret, world: stsession.saml(
            OTHER_ROLE, PROVIDER, assertion=lambda: f"<xml>{secret}", **world.options
        ),
        lambda secret, world: stsession.assume(
            ROLE,
            source=world.source,
            mfa_serial=world.device.serial,
            mfa_code=lambda serial: secret,
        ),
    ],
)
def test_tokens_that_are_none(make, world):
    """Nor does that of a token, an assertion, or a code that can't be one."""
    error = raised_by(make("the-secret-token", world).credentials)

    assert [] == leaks(error, {"the-secret-token"})


@pytest.mark.parametrize("script", ["echo 98765", "echo 987654; exit 1"])
def test_command_that_fails(script, world):
    """Nor does that of a command that prints codes."""
    session = stsession.assume(
        ROLE,
        source=world.source,
        mfa_serial=world.device.serial,
        mfa_code=["sh", "-c", script],
    )
    error = raised_by(session.credentials)

    # The arguments of a command are known to all processes; what it prints is not.
    assert stsession.MfaError is type(error)
    assert [] == leaks(error, {"98765\n", "987654\n"})


def users_frames(error):
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.name for frame in frames if frame.filename == __file__]


def from_vault():
    unseal()


def unseal():
    msg = "sealed"
    raise ConnectionError(msg)


def by_boto3(world):
    client = world.source.client("sts", endpoint_url=world.local.endpoint_url)
    client.assume_role(RoleArn=ROLE, RoleSessionName="xx", ExternalId=EXTERNAL_ID)


def test_frames_of_a_function(world):
    """The cause keeps the frames of the user's functions."""
    session = stsession.assume(ROLE, source=from_vault, **world.options)
    error = raised_by(session.credentials)
    [*_, last] = links(error)

    assert ("ConnectionError", "sealed") == (type(last).__name__, str(last))
    assert ["from_vault", "unseal"] == users_frames(last)
    assert "raised_by" == users_frames(error)[0]


def test_frames_of_the_sdk_in_a_function(world):
    """Those of the SDK that it calls go, as they hold the request."""
    world.local.faults.add(Fault.access_denied())
    session = stsession.assume(ROLE, source=lambda: by_boto3(world), **world.options)
    error = raised_by(session.credentials)
    [*_, last] = links(error)

    assert "ClientError" == type(last).__name__
    assert ["<lambda>", "by_boto3"] == users_frames(last)
    assert [] == leaks(error, {EXTERNAL_ID, world.user.secret_access_key})


def test_cause(world):
    """The cause is still the SDK's error, with its code and text."""
    world.local.faults.add(Fault.access_denied())
    cause = raised_by(plain_role(world).credentials).__cause__

    assert "ClientError" == type(cause).__name__
    assert "AccessDenied" == cause.response["Error"]["Code"]
    assert "when calling the AssumeRole operation" in str(cause)
    assert cause.__traceback__ is None


def test_organization(world):
    """An organization that can't be listed leaves no request behind."""

    def refuse(request, **_):
        raise EndpointConnectionError(endpoint_url=request.url, error=request)

    world.source.events.register("before-send.organizations", refuse)
    fleet = stsession.Fleet(
        stsession.Organization(), role_name="App", source=world.source
    )
    error = raised_by(lambda: len(fleet))

    assert "EndpointConnectionError" == type(error.__cause__).__name__
    assert [] == leaks(error, {world.user.secret_access_key, "Signature="})
