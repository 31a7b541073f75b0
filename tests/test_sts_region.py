"""The region of STS where neither the user nor the configuration names one."""

from __future__ import annotations

import boto3
import botocore.handlers
import pytest

from botocore.awsrequest import AWSResponse
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES

import stsession

from stsession.testing import StubSTS


ROLE = "arn:aws:iam::123456789012:role/Reader"
OPT_IN = "me-south-1"

CONFIG = f"""
[profile keys]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = not-a-secret

[profile role]
role_arn = {ROLE}
source_profile = keys

[profile token]
role_arn = {ROLE}
web_identity_token_file = %s
"""


@pytest.fixture(name="hosts")
def _hosts(tmp_path, monkeypatch):
    """The hosts to which requests to STS are sent."""
    token = tmp_path / "token"
    token.write_text("a.b.c")
    config = tmp_path / "config"
    config.write_text(CONFIG % token)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    stub, hosts = StubSTS(), []

    def answer(request, **kwargs):
        if "s3." in request.url:
            return AWSResponse(request.url, 200, {}, Empty())
        answered = stub(request, **kwargs)
        hosts.append(stub.requests[-1].host)
        return answered

    builtin = [*botocore.handlers.BUILTIN_HANDLERS, ("before-send", answer)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", builtin)
    botocores_default(monkeypatch, "regional")
    return hosts


def botocores_default(monkeypatch, value):
    """Set which endpoints botocore uses for STS if nothing is configured."""
    name = "sts_regional_endpoints"
    variable = (name, f"AWS_{name.upper()}", value, None)
    monkeypatch.setitem(BOTOCORE_DEFAUT_SESSION_VARIABLES, name, variable)


class Empty:
    """A body of no bytes."""

    def stream(self, *_, **__):
        """Nothing."""
        return iter(())


WAYS = {
    "assume": lambda: stsession.assume(ROLE, source="keys"),
    "unshared": lambda: stsession.assume(ROLE, source="keys", share_models=False),
    "botocore's role": lambda: stsession.assume(ROLE, source="role"),
    "chain": lambda: stsession.assume([ROLE, ROLE], source="keys"),
    "fleet": lambda: stsession.Fleet([ROLE], source="keys").session(ROLE),
    "from_profile": lambda: stsession.from_profile("role"),
    "of a session": lambda: stsession.from_profile("role").assume(ROLE),
    "mfa": lambda: stsession.assume(
        ROLE,
        source="keys",
        mfa_serial="arn:aws:iam::123456789012:mfa/me",
        mfa_code=lambda _: "123456",
    ),
    "token": lambda: stsession.from_profile("token"),
    "session token": lambda: stsession.session_token(source="keys"),
    "federation token": lambda: stsession.federation_token(
        "me", source="keys", policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    ),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@ways
def test_region_of_the_first_client(hosts, way):
    """Tokens of the global endpoint don't hold in regions that have to be enabled."""
    session = way()
    session.client("s3", region_name=OPT_IN).list_buckets()
    session.client("s3", region_name="eu-west-1").list_buckets()
    session.refresh()

    assert {f"sts.{OPT_IN}.amazonaws.com"} == set(hosts)


@pytest.mark.parametrize("way", ["assume", "fleet"])
def test_region_of_the_first_resource(hosts, way):
    list(WAYS[way]().resource("s3", region_name=OPT_IN).buckets.all())

    assert {f"sts.{OPT_IN}.amazonaws.com"} == set(hosts)


@pytest.mark.parametrize("way", ["chain", "botocore's role", "token", "mfa"])
def test_no_client_yet(hosts, way):
    """Then it is the global endpoint."""
    WAYS[way]().credentials()

    assert {"sts.amazonaws.com"} == set(hosts)


def test_region_of_no_place(hosts):
    """The region of a global service isn't one for STS."""
    WAYS["assume"]().client("sts").get_caller_identity()

    assert {"sts.amazonaws.com"} == set(hosts)


@pytest.mark.parametrize("way", ["assume", "fleet", "from_profile", "session token"])
def test_configured_region(hosts, way, monkeypatch):
    """It counts more than that of a client."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    WAYS[way]().client("s3", region_name=OPT_IN).list_buckets()

    assert {"sts.eu-central-1.amazonaws.com"} == set(hosts)


@pytest.mark.parametrize("default", ["legacy", "regional"])
@pytest.mark.parametrize("make", ["assume", "fleet", "from_profile"])
def test_client_of_the_user(hosts, monkeypatch, default, make):
    """
    It uses the endpoint that it uses with plain boto3; ours is regional.

    The default of botocore was another one before 1.40.
    """
    botocores_default(monkeypatch, default)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    plain = boto3.Session(profile_name="keys").client("sts").meta.endpoint_url
    session = WAYS[make]()
    session.credentials()

    assert plain == session.client("sts").meta.endpoint_url
    assert {"sts.us-east-1.amazonaws.com"} == set(hosts)
