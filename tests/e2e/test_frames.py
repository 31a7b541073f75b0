"""
What the frames of our errors hold: error collectors record local variables.
"""

from __future__ import annotations

import functools
import types

import boto3
import pytest

import stsession

from stsession.testing import Fault
from tests.wire import links

from . import OTHER_ROLE, ROLE
from .timeline import seconds


pytestmark = pytest.mark.usefixtures("_seams")

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
    except Exception:  # of an object that isn't initialized
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
        traceback = link.__traceback__
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if code.co_filename != __file__:
                for name, value in traceback.tb_frame.f_locals.items():
                    yield code.co_filename, code.co_name, name, "\n".join(texts(value))
            traceback = traceback.tb_next


def leaks(error, secrets):
    """
    Where *error* holds one of *secrets*.
    """
    return [
        where
        for *where, text in held(error)
        for secret in secrets
        if secret in text
    ]


def raised_by(function):
    """
    The error that *function* raises.
    """
    with pytest.raises(stsession.StsessionError) as caught:
        function()
    return caught.value


# -- What STS answers -------------------------------------------------------------------


class World:
    """
    A local AWS where each operation works, and its secrets.
    """

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

    def secret(self, text):
        """
        Note that *text* is secret, and return it.
        """
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
    with open(files.config_file, encoding="utf-8") as file:
        config.write_text(
            file.read()
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
        refresh=stsession.RefreshPolicy(load_timeout=seconds(1)),
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
    "expired": Fault.expired_answer(),
    "rejected": Fault.error("ExpiredTokenException", status=400),
    "reset": Fault.reset(),
    "close": None,
}


@pytest.fixture(name="world")
def _world(local, tmp_path):
    return World(local, tmp_path)


@pytest.mark.parametrize("make", OPERATIONS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("fault", FAULTS)
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


@pytest.mark.parametrize(
    "make", [plain_role, token_of_a_file, role_with_code], ids=lambda make: make.__name__
)
def test_expired(make, world, clock):
    """
    Nor if the credentials expired while STS answered with nothing usable.
    """
    session = make(world)
    session._refresher.policy
    session.credentials()
    world.local.faults.add(Fault.missing_fields("SecretAccessKey"))
    clock.advance(seconds(3_600))
    session._refresher.replace_rejected(session._refresher.record.credentials.access_key_id)
    error = raised_by(session.credentials)
    for key in world.local.issued():
        world.secret(key.secret_access_key)

    assert stsession.CredentialsExpiredError is type(error)
    assert [] == leaks(error, world.secrets)


def test_results_of_a_fleet(world):
    """
    Nor do those in the results of a fleet.
    """
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
