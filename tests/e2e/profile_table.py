"""Profile files, good and bad, for `test_profile_table`."""

from __future__ import annotations

import attrs


HUB = "arn:aws:iam::111111111111:role/Hub"
TARGET = "arn:aws:iam::222222222222:role/Target"
SERIAL = "arn:aws:iam::123456789012:mfa/jane"


def keys_of(name: str) -> str:
    """A profile of the credentials file, with an access key named like it."""
    key = f"aws_access_key_id = AKIA{name.upper()}\naws_secret_access_key = secret"
    return f"\n[{name}]\n{key}\n"


KEYS = keys_of("keys")
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "secret"}
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/role"}
INSTANCE = {"AWS_EC2_METADATA_DISABLED": "false"}
WEB_IDENTITY = {"AWS_ROLE_ARN": HUB, "AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN_FILE"}

SSO = """
sso_start_url = https://sso.example.com/stsession
sso_region = eu-south-1
sso_account_id = 123456789012
sso_role_name = Reader
"""


def role(*lines: str, arn: str = TARGET, name: str = "profile me") -> str:
    """A section with a role."""
    return section(f"role_arn = {arn}", *lines, name=name)


def section(*lines: str, name: str = "profile me") -> str:
    """A section with a region."""
    return "\n".join([f"[{name}]", "region = eu-south-1", *lines, ""])


@attrs.frozen(kw_only=True)
class Case:
    """What stands in the files and in the environment, and what it leads to."""

    id: str
    """The test ID."""

    config: str = ""
    """TOKEN_FILE and PROCESS stand for paths."""

    credentials: str = KEYS

    environment: dict[str, str] = attrs.field(factory=dict)

    profile: str | None = "me"
    """The name of the profile."""

    roles: list[str] = attrs.field(factory=list)
    """The roles that are assumed, first to last."""

    signs: str | None = None
    """The key that signs the first request, or all if there is no role."""

    error: str | None = None
    """A pattern for our error. botocore has one as well, unless it *differs*."""

    differs: str | None = None
    """Why we raise where botocore doesn't."""


def good(id: str, config: str, *roles: str, signs: str | None = "AKIAKEYS", **kw):  # noqa: A002
    """A case in which roles are assumed: by default, the target role."""
    kw.setdefault("roles", list(roles or (TARGET,)))
    return Case(id=id, config=config, signs=signs, **kw)


def bad(id: str, config: str, error: str, **kw) -> Case:  # noqa: A002
    return Case(id=id, config=config, error=error, **kw)


BY_KEYS = "source_profile = keys"
BY_HUB = role("source_profile = hub")
HUB_BY_KEYS = role(BY_KEYS, arn=HUB, name="profile hub")

CHAINS = [
    good("role", role(BY_KEYS)),
    good("two roles", BY_HUB + HUB_BY_KEYS, HUB, TARGET),
    good(
        "refers to itself, with keys",
        role("source_profile = me"),
        signs="AKIAME",
        credentials=keys_of("me"),
    ),
    good(
        "keys beside the role, and a source",
        role(BY_KEYS),
        credentials=KEYS + keys_of("me"),
    ),
    good(
        "keys beside the role of the source",
        BY_HUB + HUB_BY_KEYS,
        signs="AKIAHUB",
        credentials=KEYS + keys_of("hub"),
    ),
    bad("refers to itself, without keys", role("source_profile = me"), "me.*source_p"),
    bad(
        "source that refers to itself, without keys",
        BY_HUB + role("source_profile = hub", arn=HUB, name="profile hub"),
        'profile "hub", source_profile',
    ),
    bad(
        "circle of two, with keys where it begins",
        BY_HUB + role("source_profile = me", arn=HUB, name="profile hub"),
        'profile "hub", source_profile .* "me"',
        credentials=keys_of("me"),
    ),
    bad("missing source", role("source_profile = non"), 'me", source_profile.*"non"'),
    bad(
        "source without credentials",
        BY_HUB + section(name="profile hub"),
        'profile "hub"',
    ),
]

CREDENTIAL_SOURCES = [
    good(
        "environment",
        role("credential_source = Environment"),
        signs="AKIAENV",
        environment=ENVIRONMENT,
    ),
    good(
        "container",
        role("credential_source = EcsContainer"),
        signs="AKIACONTAINER",
        environment=CONTAINER,
    ),
    good(
        "instance",
        role("credential_source = Ec2InstanceMetadata"),
        signs="AKIAINSTANCE",
        environment=INSTANCE,
    ),
    good(
        "instance that is asked elsewhere",
        role(
            "credential_source = Ec2InstanceMetadata",
            "ec2_metadata_service_endpoint = http://169.254.169.111",
        ),
        signs="AKIAELSEWHERE",
        environment=INSTANCE,
    ),
    bad(
        "environment with nothing in it",
        role("credential_source = Environment"),
        'credential_source of profile "me"',
    ),
    bad(
        "instance that there isn't",
        role("credential_source = Ec2InstanceMetadata"),
        'credential_source of profile "me"',
    ),
    bad(
        "source in the wrong case",
        role("credential_source = environment"),
        'profile "me", credential_source is "environment"',
        environment=ENVIRONMENT,
    ),
    bad(
        "empty source",
        role("credential_source ="),
        'profile "me", credential_source is ""',
    ),
    bad(
        "both sources",
        role(BY_KEYS, "credential_source = Environment"),
        'profile "me", source_profile and credential_source',
        environment=ENVIRONMENT,
    ),
    bad("no source", role(), 'profile "me", role_arn .* without source_profile'),
    bad(
        "no source, but keys",
        role(),
        'profile "me", role_arn .* without source_profile',
        credentials=keys_of("me"),
    ),
]

PARAMETERS = [
    good(
        "all parameters",
        role(
            BY_KEYS,
            "external_id = tenant:1",
            "role_session_name = nightly",
            "duration_seconds = 1800",
        ),
    ),
    good(
        "parameters of each role",
        role("source_profile = hub", "external_id = outer")
        + role(BY_KEYS, "external_id = inner", arn=HUB, name="profile hub"),
        HUB,
        TARGET,
    ),
    good(
        "second factor for each role",
        role("source_profile = hub", f"mfa_serial = {SERIAL}2")
        + role(BY_KEYS, f"mfa_serial = {SERIAL}", arn=HUB, name="profile hub"),
        HUB,
        TARGET,
    ),
    bad(
        "duration too short",
        role(BY_KEYS, "duration_seconds = 60"),
        'profile "me".*duration_seconds',
    ),
    bad("external ID too short", role(BY_KEYS, "external_id = x"), "me.*external_id"),
    bad(
        "serial number too short",
        role(BY_KEYS, "mfa_serial = 1"),
        'profile "me".*mfa_serial',
    ),
    bad(
        "role session name too short",
        role(BY_KEYS, "role_session_name = x"),
        'profile "me".*role_session_name',
    ),
    bad("role without a name", role(BY_KEYS, arn=""), 'profile "me".*role_arn'),
    bad("subsection for a name", role(BY_KEYS, arn="\n a = b"), "me.*role_arn"),
    bad(
        "subsection for a duration",
        role(BY_KEYS, "duration_seconds =\n a = b"),
        'profile "me", duration_seconds',
    ),
    bad(
        "duration that is no number",
        role(BY_KEYS, "duration_seconds = 1h"),
        'profile "me", duration_seconds is "1h"',
        differs="botocore leaves it out, and the role has an hour",
    ),
    bad(
        "empty role session name",
        role(BY_KEYS, "role_session_name ="),
        'profile "me".*role_session_name',
        differs="botocore makes up a name",
    ),
    bad(
        "comment behind a value",
        role("# the role", BY_KEYS, arn=f"{TARGET} # the target"),
        'profile "me".*role_arn',
        differs="botocore sends the comment, and STS refuses it",
    ),
    bad(
        "duration too long",
        role(BY_KEYS, "duration_seconds = 43201"),
        'profile "me".*duration_seconds',
        differs="botocore sends it, and STS refuses it",
    ),
    bad(
        "duration too long for a chain",
        role("source_profile = hub", "duration_seconds = 3601") + HUB_BY_KEYS,
        'profile "me".*duration_seconds',
        differs="botocore sends it, and STS refuses it",
    ),
]

WITH_TOKEN = "web_identity_token_file = TOKEN_FILE"

WEB_IDENTITIES = [
    good("web identity", role(WITH_TOKEN), signs=None),
    good(
        "web identity and what doesn't go with it",
        role(
            WITH_TOKEN,
            BY_KEYS,
            "external_id = tenant",
            "duration_seconds = 1h",
            "role_session_name = pod",
        ),
        signs=None,
    ),
    good(
        "web identity as the source",
        role("source_profile = pod") + role(WITH_TOKEN, arn=HUB, name="profile pod"),
        HUB,
        TARGET,
        signs=None,
    ),
    good(
        "web identity as the source, with keys",
        role("source_profile = pod") + role(WITH_TOKEN, arn=HUB, name="profile pod"),
        HUB,
        TARGET,
        signs=None,
        credentials=keys_of("pod"),
    ),
    bad("web identity, no role", section(WITH_TOKEN), 'profile "me", role_arn'),
    bad(
        "missing token file",
        role(WITH_TOKEN + ".not"),
        "web identity token .*token.not",
    ),
    bad(
        "empty token file's name",
        role("web_identity_token_file ="),
        'profile "me", web_identity_token_file',
        differs="botocore looks for credentials elsewhere",
        credentials=keys_of("me"),
    ),
]

PLACES = [
    good(
        "legacy end points",
        role(BY_KEYS, "sts_regional_endpoints = legacy").replace(
            "eu-south-1", "eu-west-1"
        ),
    ),
    good(
        "region of the profile, not of its sources",
        BY_HUB.replace("south", "north") + HUB_BY_KEYS,
        HUB,
        TARGET,
    ),
    good("no region", role(BY_KEYS).replace("region = eu-south-1\n", "")),
    good(
        "region in the environment",
        role(BY_KEYS),
        environment={"AWS_DEFAULT_REGION": "ap-south-1"},
    ),
    good(
        "end point",
        role("source_profile = hub", "endpoint_url = https://aws.example.com")
        + HUB_BY_KEYS,
        HUB,
        TARGET,
    ),
    good(
        "end point of the source, which doesn't count",
        BY_HUB
        + role(
            BY_KEYS,
            "endpoint_url = https://aws.example.com",
            arn=HUB,
            name="profile hub",
        ),
        HUB,
        TARGET,
    ),
    good(
        "end point of a service",
        role(BY_KEYS, "services = here")
        + "[services here]\nsts =\n  endpoint_url = https://sts.example.com:8443\n",
    ),
    good(
        "end point for web identities",
        role(WITH_TOKEN, "endpoint_url = https://aws.example.com"),
        signs=None,
    ),
    good("dual stack", role(BY_KEYS, "use_dualstack_endpoint = true")),
    good(
        "China",
        role(BY_KEYS, arn=TARGET.replace("aws", "aws-cn")).replace(
            "eu-south-1", "cn-north-1"
        ),
        TARGET.replace("aws", "aws-cn"),
    ),
]

FILES = [
    good(
        "role in the credentials file", "", credentials=KEYS + role(BY_KEYS, name="me")
    ),
    good(
        "role in one file, its source in the other",
        section(),
        credentials=KEYS + f"[me]\nrole_arn = {TARGET}\n{BY_KEYS}\n",
    ),
    good(
        "one name in both files",
        role("source_profile = me", "external_id = config"),
        signs="AKIAME",
        credentials="""
[me]
aws_access_key_id = AKIAME
aws_secret_access_key = secret
external_id = credentials
""",
    ),
    bad(
        "a key in each file",
        BY_HUB + section("aws_access_key_id = AKIAHUB", name="profile hub"),
        "aws_secret_access_key",
        credentials="[hub]\naws_secret_access_key = secret\n",
    ),
    good(
        "keys in the config file",
        BY_HUB
        + section(
            "aws_access_key_id = AKIAHUB",
            "aws_secret_access_key = secret",
            name="profile hub",
        ),
        signs="AKIAHUB",
    ),
    good("default profile", role(BY_KEYS, name="default"), profile=None),
    good(
        "names with spaces and quotes",
        role("source_profile = the hub's", name='profile "my role"')
        + role(BY_KEYS, arn=HUB, name='profile "the hub\'s"'),
        HUB,
        TARGET,
        profile="my role",
    ),
    good(
        "comments and white space",
        f"# roles\n\n[profile me]\n; mine\n  Role_ARN={TARGET}  \n"
        f"source_profile : keys\nregion\t=\teu-south-1\n\n",
    ),
    bad("section without 'profile'", role(BY_KEYS, name="me"), '"me"'),
    bad("no such profile", role(BY_KEYS, name="profile you"), '"me".*you'),
    bad("quote that is left open", role(BY_KEYS, name='profile "me'), '"me"'),
    bad("no file of this kind", "role_arn = " + TARGET, "config"),
    bad("profile twice", role(BY_KEYS) + role(BY_KEYS), "config"),
]

SOURCES = [
    good(
        "process as the source",
        role("source_profile = p")
        + section("credential_process = PROCESS", name="profile p"),
        signs="AKIAPROCESS",
    ),
    bad(
        "process that fails",
        role("source_profile = p")
        + section("credential_process = PROCESS fail", name="profile p"),
        "custom-process",
    ),
    bad(
        "SSO without a token as the source",
        role("source_profile = s") + section(SSO, name="profile s"),
        "SSO",
    ),
    bad(
        "half of SSO as the source",
        role("source_profile = s")
        + section("sso_role_name = Reader", name="profile s"),
        '"s".*SSO|SSO.*"s"',
    ),
    good("keys", section(), roles=[], signs="AKIAME", credentials=keys_of("me")),
    bad("empty profile", section(), 'profile "me"'),
    bad(
        "empty profile in a container",
        section(),
        'profile "me"',
        environment=CONTAINER,
        differs="botocore takes what it finds, whoever that is",
    ),
]

ENVIRONMENTS = [
    good("AWS_PROFILE", role(BY_KEYS), profile=None, environment={"AWS_PROFILE": "me"}),
    good(
        "keys beside AWS_PROFILE",
        role(BY_KEYS),
        roles=[],
        signs="AKIAENV",
        profile=None,
        environment={"AWS_PROFILE": "me", **ENVIRONMENT},
    ),
    bad(
        "half a key beside AWS_PROFILE",
        role(BY_KEYS),
        "AWS_SECRET_ACCESS_KEY",
        profile=None,
        environment={"AWS_PROFILE": "me", "AWS_ACCESS_KEY_ID": "AKIAENV"},
    ),
    good("keys beside a profile that is named", role(BY_KEYS), environment=ENVIRONMENT),
    good(
        "one profile in the environment, another named",
        role(BY_KEYS) + role(BY_KEYS, arn=HUB, name="profile you"),
        environment={"AWS_PROFILE": "you"},
    ),
    bad(
        "AWS_PROFILE that there isn't",
        role(BY_KEYS),
        '"you"',
        profile=None,
        environment={"AWS_PROFILE": "you"},
    ),
    good(
        "web identity in the environment",
        section(name="default"),
        HUB,
        signs=None,
        profile=None,
        environment={**WEB_IDENTITY, "AWS_ROLE_SESSION_NAME": "pod"},
    ),
    good(
        "web identity in the environment, and a default profile with keys",
        section(name="default"),
        HUB,
        signs=None,
        profile=None,
        environment=WEB_IDENTITY,
        credentials=keys_of("default"),
    ),
    good(
        "web identity in the environment, and a default profile with a role",
        role(BY_KEYS, name="default"),
        profile=None,
        environment=WEB_IDENTITY,
    ),
    good(
        "web identity in the environment, and another in the profile",
        role("web_identity_token_file = nowhere", "role_session_name = profile"),
        HUB,
        signs=None,
        profile=None,
        environment={"AWS_PROFILE": "me", **WEB_IDENTITY},
    ),
    good(
        "role in the environment, token in the profile",
        section(WITH_TOKEN),
        HUB,
        signs=None,
        profile=None,
        environment={"AWS_PROFILE": "me", "AWS_ROLE_ARN": HUB},
    ),
    good(
        "role in the environment, and no token",
        section(name="default"),
        roles=[],
        signs="AKIADEFAULT",
        profile=None,
        environment={"AWS_ROLE_ARN": HUB},
        credentials=keys_of("default"),
    ),
    bad(
        "token in the environment, and no role",
        section(name="default"),
        "role_arn",
        profile=None,
        environment={"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN_FILE"},
    ),
    good(
        "web identity in the environment, and a profile that is named",
        role(BY_KEYS),
        environment=WEB_IDENTITY,
    ),
    good(
        "container, and nobody names a profile",
        section(name="default"),
        roles=[],
        signs="AKIACONTAINER",
        profile=None,
        environment=CONTAINER,
    ),
    bad("nothing at all", section(name="default"), "credentials", profile=None),
]

CASES = [
    *CHAINS,
    *CREDENTIAL_SOURCES,
    *PARAMETERS,
    *WEB_IDENTITIES,
    *PLACES,
    *FILES,
    *SOURCES,
    *ENVIRONMENTS,
]
