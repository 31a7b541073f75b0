"""STS requests: what they send, which arguments they accept, and how errors word it."""

from __future__ import annotations

import copy
import datetime as dt
import enum
import json
import pickle
import types

from typing import Any

import botocore.session
import pytest

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stsession._requests import limits as _limits
from stsession._requests.arns import PARTITIONS
from stsession._requests.limits import TAG_CHARACTERS
from stsession._requests.models import OPERATIONS, StsRequest
from stsession.exceptions import InvalidRequestError

from .pages import LIMITS
from .service_model import compiled


ROLE = "arn:aws:iam::123456789012:role/Reader"
PROVIDER = "arn:aws:iam::123456789012:saml-provider/Okta"
DEVICE = "arn:aws:iam::123456789012:mfa/alice"
POLICY_ARN = "arn:aws:iam::aws:policy/ReadOnlyAccess"
CONTEXT = "arn:aws:iam::aws:contextProvider/IdentityCenter"
TASK = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
SECRET = "wJalrXUtnFEMI"

ROLE_OPERATION = "assume_role"
WEB = "assume_role_with_web_identity"
SAML = "assume_role_with_saml"
TOKEN = "get_session_token"
FEDERATION = "get_federation_token"
ROOT = "assume_root"

# What each operation needs, what else it takes, and what it then sends.
NEEDED: dict[str, dict[str, Any]] = {
    ROLE_OPERATION: {"role_arn": ROLE, "role_session_name": "nightly"},
    WEB: {"role_arn": ROLE, "role_session_name": "nightly"},
    SAML: {"role_arn": ROLE, "principal_arn": PROVIDER},
    TOKEN: {},
    FEDERATION: {"name": "bob"},
    ROOT: {"target_principal": "123456789012", "task_policy_arn": TASK},
}
POLICIES: dict[str, Any] = {
    "policy": {"Version": "2012-10-17", "Statement": []},
    "policy_arns": [POLICY_ARN],
}
TAGS = {"Team": "data", "Empty": ""}
OPTIONAL: dict[str, dict[str, Any]] = {
    ROLE_OPERATION: {
        **POLICIES,
        "external_id": "Ab:1/2",
        "tags": TAGS,
        "transitive_tag_keys": ("Team", "empty"),
        "source_identity": "alice@example.com",
        "provided_contexts": {CONTEXT: "assertion"},
    },
    WEB: {**POLICIES, "provider_id": "www.amazon.com"},
    SAML: POLICIES,
    TOKEN: {"mfa_serial": DEVICE},
    FEDERATION: {**POLICIES, "tags": TAGS},
    ROOT: {},
}
SENT_POLICIES = {
    "Policy": '{"Version":"2012-10-17","Statement":[]}',
    "PolicyArns": [{"arn": POLICY_ARN}],
}
SENT_TAGS = [{"Key": "Team", "Value": "data"}, {"Key": "Empty", "Value": ""}]
SENT: dict[str, dict[str, Any]] = {
    ROLE_OPERATION: {
        **SENT_POLICIES,
        "RoleArn": ROLE,
        "RoleSessionName": "nightly",
        "ExternalId": "Ab:1/2",
        "Tags": SENT_TAGS,
        "TransitiveTagKeys": ["Team", "empty"],
        "SourceIdentity": "alice@example.com",
        "ProvidedContexts": [{"ProviderArn": CONTEXT, "ContextAssertion": "assertion"}],
    },
    WEB: {
        **SENT_POLICIES,
        "RoleArn": ROLE,
        "RoleSessionName": "nightly",
        "ProviderId": "www.amazon.com",
    },
    SAML: {**SENT_POLICIES, "RoleArn": ROLE, "PrincipalArn": PROVIDER},
    TOKEN: {"SerialNumber": DEVICE},
    FEDERATION: {**SENT_POLICIES, "Name": "bob", "Tags": SENT_TAGS},
    ROOT: {"TargetPrincipal": "123456789012", "TaskPolicyArn": {"arn": TASK}},
}
API_NAMES = {
    ROLE_OPERATION: "AssumeRole",
    WEB: "AssumeRoleWithWebIdentity",
    SAML: "AssumeRoleWithSAML",
    TOKEN: "GetSessionToken",
    FEDERATION: "GetFederationToken",
    ROOT: "AssumeRoot",
}
WITH_MAX = (ROLE_OPERATION, WEB, SAML)
WITH_POLICIES = (*WITH_MAX, FEDERATION)

NAME_CHARACTERS = st.characters(
    codec="ascii", categories=["L", "N"], include_characters="_+=,.@-"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=8,
)

every_operation = pytest.mark.parametrize("operation", OPERATIONS)


def make(operation=ROLE_OPERATION, **kw):
    """Make a checked request with what the operation needs, and more."""
    return StsRequest.checked(operation, **{**NEEDED[operation], **kw})


def rejected(operation=ROLE_OPERATION, **kw):
    """Return the error that the arguments cause."""
    with pytest.raises(InvalidRequestError) as caught:
        make(operation, **kw)
    return caught.value


# What goes to STS


@every_operation
def test_sends_every_parameter(operation):
    """Everything passed reaches STS, under STS's names."""
    request = make(
        operation, duration_seconds=dt.timedelta(minutes=15), **OPTIONAL[operation]
    )

    params = request.to_params(duration_seconds=900)

    assert {**SENT[operation], "DurationSeconds": 900} == params
    assert 900 == request.duration_seconds
    assert OPERATIONS[operation].parameters.keys() == {
        *NEEDED[operation],
        *OPTIONAL[operation],
    }


@every_operation
def test_leaves_out_what_isnt_passed(operation):
    """Absent and empty parameters aren't sent, so STS's defaults apply."""
    needed = make(operation)
    empty = {"tags": {}, "policy_arns": [], "transitive_tag_keys": ()}
    taken = {key: value for key, value in empty.items() if key in OPTIONAL[operation]}

    assert len(NEEDED[operation]) == len(needed.to_params(duration_seconds=None))
    assert needed == make(operation, **taken)


@every_operation
def test_unknown_parameters(operation):
    """A parameter of another operation isn't dropped in silence."""
    with pytest.raises(TypeError, match="no parameter 'color'"):
        make(operation, color="red")


@every_operation
def test_operations_are_methods_of_the_client(operation):
    """Each is the name of a method of botocore's client."""
    session = botocore.session.Session()
    client = session.create_client("sts", region_name="eu-west-1")

    assert API_NAMES[operation] == client.meta.method_to_api_mapping[operation]


def test_zero_seconds_are_sent():
    """AssumeRoot takes 0, which isn't the same as no duration."""
    request = make(ROOT, duration_seconds=0)

    assert 0 == request.to_params(duration_seconds=0)["DurationSeconds"]


@pytest.mark.parametrize("operation", [ROLE_OPERATION, WEB])
def test_default_session_name(operation):
    """Without a role session name there is a legal default."""
    request = StsRequest.checked(operation, role_arn=ROLE)

    assert 2 <= len(request.get("role_session_name")) <= 64


@pytest.mark.parametrize("operation", WITH_MAX)
def test_max_is_resolved_by_the_caller(operation):
    """It is kept as it is; what it means now is passed to to_params()."""
    request = make(operation, duration_seconds="max")

    assert "max" == request.duration_seconds
    assert 3600 == request.to_params(duration_seconds=3600)["DurationSeconds"]


# What messages call it


ACCOUNT = "123456789012"
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
AS = f'Could not assume {ROLE} as "nightly"'
NAMES = [
    (ROLE_OPERATION, {}, ROLE, AS, ACCOUNT),
    (WEB, {}, ROLE, f"{AS} with a web identity", ACCOUNT),
    (SAML, {}, ROLE, f"Could not assume {ROLE} with a SAML assertion", ACCOUNT),
    (
        TOKEN,
        {},
        "the session token of the source",
        "Could not get a session token",
        None,
    ),
    (
        TOKEN,
        {"mfa_serial": DEVICE},
        f"the session token of {DEVICE}",
        f"Could not get a session token with {DEVICE}",
        None,
    ),
    (
        FEDERATION,
        {},
        'the federated user "bob"',
        'Could not get a token for the federated user "bob"',
        None,
    ),
    *(
        (
            ROOT,
            {"target_principal": principal},
            f"root of {ACCOUNT}",
            f"Could not assume root of {ACCOUNT}",
            ACCOUNT,
        )
        for principal in (ACCOUNT, ROOT_ARN)
    ),
]


@pytest.mark.parametrize(("operation", "kw", "name", "action", "account"), NAMES)
def test_names(operation, kw, name, action, account):
    """Errors are worded by the request that failed."""
    request = make(operation, **kw)

    assert name == request.name
    assert action == request.action
    assert account == request.account_id


# Limits


def test_limits_have_a_source():
    """Each limit has a link to AWS's documentation."""
    for limit in LIMITS:
        assert limit.source.startswith("https://docs.aws.amazon.com/")


def policy(length):
    """Return a policy whose text is so long."""
    return json.dumps({"Sid": "x" * (length - 10)}, separators=(",", ":"))


def text(length):
    """Return a text that is so long."""
    return "x" * length


def tags(number):
    """Return so many tags."""
    return {f"k{n}": "" for n in range(number)}


ONE = (ROLE_OPERATION,)
TAGGED = (ROLE_OPERATION, FEDERATION)

# Operation, parameter, what makes a value of some size, minimum, maximum, and
# whether a value below the minimum can be made.
LENGTHS: list[Any] = [
    (operation, *case)
    for operations, *case in (
        ((ROLE_OPERATION, WEB), "role_session_name", text, 2, 64, True),
        (WITH_MAX, "role_arn", lambda n: f"{ROLE[:31]}{text(n)}", 1, 64, False),
        (WITH_MAX, "role_arn", lambda n: f"{ROLE[:31]}{text(n - 2)}/n", 1, 512, False),
        (ONE, "external_id", text, 2, 1224, True),
        (ONE, "source_identity", text, 2, 256, True),
        (ONE, "transitive_tag_keys", lambda n: [*tags(n)], 0, 50, False),
        (ONE, "transitive_tag_keys", lambda n: [text(n)], 1, 128, True),
        (
            ONE,
            "provided_contexts",
            lambda n: dict.fromkeys(arns(n), "text"),
            1,
            5,
            True,
        ),
        (ONE, "provided_contexts", lambda n: {text(n): "text"}, 20, 2048, True),
        (ONE, "provided_contexts", lambda n: {CONTEXT: text(n)}, 4, 3072, True),
        (TAGGED, "tags", tags, 0, 50, False),
        (TAGGED, "tags", lambda n: {text(n): ""}, 1, 128, True),
        (TAGGED, "tags", lambda n: {"k": text(n)}, 0, 256, False),
        ((WEB,), "provider_id", text, 4, 2048, True),
        (
            (SAML,),
            "principal_arn",
            lambda n: f"{PROVIDER[:40]}{text(n)}",
            1,
            128,
            False,
        ),
        ((TOKEN,), "mfa_serial", text, 9, 256, True),
        ((FEDERATION,), "name", text, 2, 32, True),
        (WITH_MAX, "duration_seconds", int, 900, 43_200, True),
        ((TOKEN, FEDERATION), "duration_seconds", int, 900, 129_600, True),
        ((ROOT,), "duration_seconds", int, 0, 900, True),
        (WITH_POLICIES, "policy", policy, 1, 2048, False),
        (WITH_POLICIES, "policy_arns", lambda n: [POLICY_ARN] * n, 0, 10, False),
        (WITH_POLICIES, "policy_arns", lambda n: [text(n)], 20, 2048, True),
    )
    for operation in operations
]


def arns(number):
    """Return so many ARNs of context providers."""
    return [f"{CONTEXT}{n}" for n in range(number)]


def sized(parameter, value):
    """Return the arguments for a value; transitive keys need their tags."""
    keys = value if parameter == "transitive_tag_keys" else ()
    return {parameter: value, **({"tags": dict.fromkeys(keys, "")} if keys else {})}


@pytest.mark.parametrize(
    ("operation", "parameter", "value", "minimum", "maximum", "below"), LENGTHS
)
def test_limits(operation, parameter, value, minimum, maximum, below):
    """Both ends are allowed; an error names the parameter, the length and the limit."""
    for size in (minimum, maximum) if below else (maximum,):
        make(operation, **sized(parameter, value(size)))

    for size in (minimum - 1, maximum + 1) if below else (maximum + 1,):
        error = rejected(operation, **{parameter: value(size)})
        assert parameter == error.parameter
        assert parameter in str(error)
        assert f" {size:,}" in str(error)
        assert f" allows {minimum:,} to {maximum:,}" in str(error)
        assert error.hint


def test_whole_error():
    """The limit, what was passed, what to do, and where AWS documents it."""
    error = rejected(role_session_name="x" * 65)

    assert str(error) == (
        r"role_session_name is 65 characters long; STS allows 2 to 64 of [\w+=,.@-]. "
        f"{error.hint}"
    )
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("operation", "parameter"),
    [
        (ROLE_OPERATION, "role_arn"),
        (SAML, "principal_arn"),
        (ROOT, "target_principal"),
        (ROOT, "task_policy_arn"),
    ],
)
def test_arns_that_are_too_long(operation, parameter):
    """The error has the maximum, and doesn't repeat the ARN."""
    error = rejected(operation, **{parameter: f"{ROLE[:31]}{'x/' * 1010}"})

    assert f"{parameter} is 2,051 characters long" in str(error)
    assert " to 2,048" in str(error)
    assert 500 > len(str(error))


@pytest.mark.parametrize(
    ("operation", "parameter", "value"),
    [
        (ROLE_OPERATION, "role_session_name", "two words"),
        (ROLE_OPERATION, "role_session_name", "müller"),
        (ROLE_OPERATION, "role_session_name", "line\n"),
        (ROLE_OPERATION, "source_identity", "a/b"),
        (ROLE_OPERATION, "external_id", "two words"),
        (ROLE_OPERATION, "external_id", "id\n"),
        (ROLE_OPERATION, "policy_arns", [f" {POLICY_ARN}"]),
        (ROLE_OPERATION, "tags", {"a#b": ""}),
        (ROLE_OPERATION, "tags", {"a": "#"}),
        (ROLE_OPERATION, "tags", {"a": "\n"}),
        (ROLE_OPERATION, "transitive_tag_keys", ["*"]),
        (ROLE_OPERATION, "provided_contexts", {f"{CONTEXT}\n": "text"}),
        (WEB, "role_session_name", "two words"),
        (TOKEN, "mfa_serial", "two words"),
        (FEDERATION, "name", "a/b"),
    ],
)
def test_illegal_characters(operation, parameter, value):
    """The error has the position of the first one."""
    error = rejected(operation, **{parameter: value})

    assert parameter == error.parameter
    assert "at position " in str(error)


@pytest.mark.parametrize("text", ["Größe", "日本", "a b", "²", "_.:/=+-@", "Ⅷ"])
def test_tags_may_be_in_any_script(text):
    """Letters, numbers and spaces of all scripts are legal in tags."""
    assert ((text, text),) == make(tags={text: text}).get("tags")


@given(st.characters())
@example("\N{NO-BREAK SPACE}")
@example("\N{ZERO WIDTH SPACE}")
def test_tag_characters_are_those_of_the_pattern(character):
    """Our reading of AWS's pattern is that of its categories."""
    matches = compiled(TAG_CHARACTERS).fullmatch(character) is not None

    assert matches == _limits._all_legal(character, TAG_CHARACTERS)


# Role ARNs


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("path", ["/", "/team/", "/a/b:c!/"])
def test_accepts_roles_of_all_partitions(partition, path):
    """Every partition and path that AWS has is good."""
    arn = f"arn:{partition}:iam::012345678901:role{path}My_Role+=,.@-1"

    assert arn == make(role_arn=arn).get("role_arn")


@pytest.mark.parametrize(
    ("arn", "hint"),
    [
        (f" {ROLE}", "whitespace around"),
        (f"{ROLE}\n", "whitespace around"),
        ("Reader", "arn:aws:iam::<account ID>:role/Reader."),
        ("role/team/Reader", "arn:aws:iam::<account ID>:role/team/Reader."),
        ("123456789012", "only an account ID"),
        (
            "arn:aws-cn:sts::123456789012:assumed-role/Reader/alice",
            "The role's ARN is arn:aws-cn:iam::123456789012:role/Reader,",
        ),
        ("arn:aws:iam::123456789012:user/alice", "of type user;"),
        ("arn:aws:iam::123456789012:root", "of type root;"),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "of type policy;"),
        ("arn:aws:iam::123456789012:instance-profile/web", "Pass its role"),
        ("arn:aws:sts::123456789012:role/Reader", "iam, not sts."),
        ("arn:aws:s3:::bucket/role/Reader", "iam, not s3."),
        ("arn:aws:iam:eu-west-1:123456789012:role/Reader", "remove eu-west-1,"),
        ("arn:aws:iam:::role/Reader", "account ID is missing"),
        ("arn:aws:iam::role/Reader", "account ID is missing"),
        ("arn:aws:iam::12345678901:role/Reader", "12 digits"),
        ("arn:aws:iam::1234-5678-9012:role/Reader", "12 digits"),
        ("arn:aws:iam::123456789012:role/", "role name is missing"),
        ("arn:aws:iam::123456789012:role", "role name is missing"),
        ("arn:aws:iam::123456789012:role/team/", "role name is missing"),
        ("arn:awz:iam::123456789012:role/Reader", "aws-us-gov"),
        ("", "looks like arn:aws:iam::123456789012:role/Reader"),
        ("arn:aws:iam::123456789012:role//Reader", "looks like arn:aws:iam::"),
        (
            "arn:aws:iam::\N{ARABIC-INDIC DIGIT ONE}23456789012:role/Reader",
            "looks like arn:aws:iam::",
        ),
    ],
)
def test_mistakes_in_role_arns(arn, hint):
    """The usual mistakes have a hint each."""
    error = rejected(role_arn=arn)

    assert "role_arn" == error.parameter
    assert hint in error.hint


def test_illegal_role_name():
    """A name with a character that IAM doesn't allow is found before STS does."""
    error = rejected(role_arn=f"{ROLE}?")

    assert "the role name in role_arn has '?' at position 7" in str(error)


# Servers that aren't AWS's


@pytest.mark.parametrize(
    ("operation", "kw"),
    [
        (ROLE_OPERATION, {"role_arn": "arn:aws:iam:::role/full"}),
        (ROLE_OPERATION, {"role_session_name": "x", "external_id": "x"}),
        (ROLE_OPERATION, {"tags": {"Team": "a", "team": "#"}}),
        (ROLE_OPERATION, {"transitive_tag_keys": ("Team",)}),
        (WEB, {"role_arn": "arn:aws:iam:::role/full"}),
        (WEB, {"role_session_name": "x", "provider_id": "x"}),
        (SAML, {"principal_arn": "arn:aws:iam:::saml-provider/idp"}),
        (TOKEN, {"mfa_serial": "x"}),
        (FEDERATION, {"name": "x", "tags": {"#": "", "a": "", "A": ""}}),
        (ROOT, {"target_principal": "tenant"}),
        (ROOT, {"task_policy_arn": "arn:aws:iam:::policy/task"}),
    ],
)
def test_custom_endpoint(operation, kw):
    """Other servers have no accounts, rules of their own, and sessions of seconds."""
    request = make(operation, duration_seconds=5, custom_endpoint=True, **kw)

    assert 5 == request.duration_seconds


@pytest.mark.parametrize(
    ("operation", "parameter", "value"),
    [
        *(
            (operation, parameter, value(maximum + 1))
            for operation, parameter, value, _, maximum, _ in LENGTHS
            if not parameter.endswith("_arn")
        ),
        *(
            (ROLE_OPERATION, "role_arn", f"arn:aws:iam:::{arn}")
            for arn in ("user/full", "role/", f"role/{text(2048)}")
        ),
        (ROLE_OPERATION, "role_arn", "full"),
        (ROLE_OPERATION, "duration_seconds", 0),
        (ROLE_OPERATION, "role_session_name", ""),
        (ROLE_OPERATION, "external_id", ""),
        (WEB, "role_arn", "full"),
        (WEB, "provider_id", ""),
        (SAML, "principal_arn", "idp"),
        (ROOT, "target_principal", ""),
        (ROOT, "task_policy_arn", "task"),
    ],
)
def test_limits_of_a_custom_endpoint(operation, parameter, value):
    """Other servers have the same maximums, and no empty values."""
    error = rejected(operation, **{parameter: value}, custom_endpoint=True)

    assert parameter == error.parameter


# Durations


@pytest.mark.parametrize("duration", [3601, 43_200, dt.timedelta(hours=2)])
def test_role_chaining_allows_an_hour(duration):
    """More than an hour from a role's credentials is an error that names the rule."""
    error = rejected(duration_seconds=duration, chained=True)

    assert "duration_seconds" == error.parameter
    assert "role chaining" in str(error)
    assert "3,600" in str(error)
    assert "role-chaining" in error.hint


@pytest.mark.parametrize("duration", [None, 900, 3600, "max"])
def test_role_chaining_takes_the_rest(duration):
    """An hour, "max" and nothing at all are fine for a chain."""
    assert duration == make(duration_seconds=duration, chained=True).duration_seconds


@every_operation
def test_durations_are_whole_seconds(operation):
    """A fraction of a second isn't dropped in silence."""
    error = rejected(operation, duration_seconds=dt.timedelta(seconds=899.5))

    assert "fraction of a second" in str(error)


# Types


class Name(str, enum.Enum):
    """A string that is a member of an enumeration."""

    NIGHTLY = "nightly"


class Seconds(enum.IntEnum):
    """An integer that is a member of an enumeration."""

    HOUR = 3600


def test_enumerations_become_plain_values():
    """What is kept is a plain string or integer, which anything can send."""
    request = make(role_session_name=Name.NIGHTLY, duration_seconds=Seconds.HOUR)

    assert str is type(request.get("role_session_name"))
    assert int is type(request.duration_seconds)
    assert "nightly" == request.get("role_session_name")


@pytest.mark.parametrize(
    ("operation", "parameter", "value", "expected"),
    [
        (ROLE_OPERATION, "role_arn", None, "a str"),
        (ROLE_OPERATION, "role_arn", b"arn", "a str"),
        (ROLE_OPERATION, "role_session_name", 5, "a str"),
        (ROLE_OPERATION, "external_id", 123456789012, "a str"),
        (ROLE_OPERATION, "duration_seconds", True, "an int"),
        (ROLE_OPERATION, "duration_seconds", 3600.0, "an int"),
        (ROLE_OPERATION, "duration_seconds", "3600", "an int"),
        (ROLE_OPERATION, "duration_seconds", "MAX", '"max"'),
        (ROLE_OPERATION, "policy", [], "a mapping or JSON text"),
        (ROLE_OPERATION, "policy", b"{}", "a mapping or JSON text"),
        (ROLE_OPERATION, "policy_arns", POLICY_ARN, "a list"),
        (ROLE_OPERATION, "policy_arns", {POLICY_ARN: 1}, "a list"),
        (ROLE_OPERATION, "policy_arns", iter(()), "a list"),
        (ROLE_OPERATION, "policy_arns", [None], "a str"),
        (ROLE_OPERATION, "tags", [{"Key": "Team", "Value": "data"}], "a mapping"),
        (ROLE_OPERATION, "tags", {"Team": 5}, "a str"),
        (ROLE_OPERATION, "tags", {5: "Team"}, "a str"),
        (ROLE_OPERATION, "transitive_tag_keys", "Team", "a list"),
        (ROLE_OPERATION, "source_identity", ["alice"], "a str"),
        (ROLE_OPERATION, "provided_contexts", [CONTEXT], "a mapping"),
        (ROLE_OPERATION, "provided_contexts", {CONTEXT: None}, "a str"),
        (WEB, "provider_id", 5, "a str"),
        (WEB, "duration_seconds", "MAX", '"max"'),
        (SAML, "principal_arn", None, "a str"),
        (SAML, "duration_seconds", 3600.0, '"max"'),
        (SAML, "policy_arns", POLICY_ARN, "a list or tuple"),
        (TOKEN, "duration_seconds", "max", "an int or a timedelta."),
        (TOKEN, "duration_seconds", True, "an int"),
        (TOKEN, "mfa_serial", 123456789, "a str"),
        (FEDERATION, "name", None, "a str"),
        (FEDERATION, "duration_seconds", "max", "an int or a timedelta."),
        (ROOT, "target_principal", 123456789012, "a str"),
        (ROOT, "task_policy_arn", {"arn": TASK}, "a str"),
        (ROOT, "duration_seconds", "max", "an int or a timedelta."),
    ],
)
def test_wrong_types(operation, parameter, value, expected):
    """The error has the type that was passed, and the expected one."""
    error = rejected(operation, **{parameter: value})
    inner = next(iter(value), value) if isinstance(value, (list, dict)) else value
    types_ = {type(value).__name__, type(inner).__name__}
    if isinstance(value, dict):
        types_ |= {type(it).__name__ for it in value.values()}

    assert parameter == error.parameter
    assert any(f"is of type {name}" in str(error) for name in types_)
    assert expected in str(error)


@pytest.mark.parametrize("parameter", ["policy_arns", "transitive_tag_keys"])
def test_hint_about_a_single_string(parameter):
    """A string would be taken for a list of its characters."""
    assert f"{parameter}=[...]" in rejected(**{parameter: POLICY_ARN}).hint


# Policies


def test_policy_text_becomes_compact():
    """Only whitespace between tokens is removed."""
    text = '{ "b" :\n [ 1.50 , "two  \\" words" ],\t"b": 1e3,\r\n"a\\\\" : "" }'

    compact = make(policy=text).get("policy")

    assert '{"b":[1.50,"two  \\" words"],"b":1e3,"a\\\\":""}' == compact


def test_only_the_compact_length_counts():
    """A policy that is too long because of its indentation is fine."""
    indented = json.dumps({"Statement": list(range(300))}, indent=8)

    assert len(indented) > 2048
    assert len(make(policy=indented).get("policy")) < 2048


def test_policies_may_be_any_mappings():
    """Read-only views and the like are written as objects, at any depth."""
    view = types.MappingProxyType({"a": types.MappingProxyType({"b": ("c",)})})

    assert '{"a":{"b":["c"]}}' == make(policy=view).get("policy")


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=9), JSON, max_size=5))
def test_policies_mean_the_same_afterwards(document):
    """Dicts, compact and indented text lead to one policy of the same meaning."""
    texts = {
        make(policy=form).get("policy")
        for form in (
            document,
            json.dumps(document, ensure_ascii=False),
            json.dumps(document, indent=2, ensure_ascii=False),
        )
    }

    (text,) = texts
    assert document == json.loads(text)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "line 1, column 1"),
        ('{"Version":\n oops}', "line 2, column 2"),
        ("{} {}", "line 1, column 4"),
        ("[]", "a JSON list"),
        ('{"a": NaN}', "NaN"),
        ('{"a": "\n"}', "line 1, column 8"),
        ("[" * 100_000, "nested too deeply"),
        ({"a": {"b"}}, "contains a set"),
        ({"a": b"b"}, "contains a bytes"),
        ({"a": float("nan")}, "isn't finite"),
        ({("a",): "b"}, "isn't a string"),
    ],
)
def test_invalid_policies(value, problem):
    """The error says what is wrong, and in text also where."""
    error = rejected(policy=value)

    assert "policy" == error.parameter
    assert problem in str(error)


def test_endless_policies():
    """A policy that contains itself, or is very deep, is an error like any other."""
    endless: dict[str, Any] = {}
    endless["a"] = endless
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}

    assert "contains itself" in str(rejected(policy=endless))
    assert "nested too deeply" in str(rejected(policy=deep))


@pytest.mark.parametrize(
    ("text", "hint"),
    [(POLICY_ARN, "policy_arns"), ("file://policy.json", "content of the file")],
)
def test_hints_about_policies(text, hint):
    """ARNs and file names are what people pass instead."""
    assert hint in rejected(policy=text).hint


# Tags


def test_keys_that_differ_in_case_only_are_rejected():
    """STS ignores the case of keys."""
    error = rejected(tags={"Team": "a", "team": "b"})

    assert "tags" == error.parameter
    assert "'Team' and 'team'" in str(error)


def test_sets_are_put_in_order():
    """Equal sets make equal requests, whatever order they are iterated in."""
    keys = {"c", "a", "b"}
    request = make(transitive_tag_keys=keys, tags={"a": "", "b": "", "c": ""})

    assert ("a", "b", "c") == request.get("transitive_tag_keys")


@pytest.mark.parametrize("tags", [None, {}, {"project": "x"}])
def test_transitive_keys_have_to_be_keys_of_tags(tags):
    """STS never accepts another one, so the error comes before any request."""
    error = rejected(tags=tags, transitive_tag_keys=["projekt"])

    assert "transitive_tag_keys" == error.parameter
    assert "'projekt', which is not a key of tags" in str(error)
    assert ("'project'" if tags else "no keys") in error.hint


def test_transitive_keys_are_compared_without_regard_to_case():
    """STS keeps the case of keys, and ignores it when it compares them."""
    request = make(tags={"Team": "data"}, transitive_tag_keys=["tEAM"])

    assert ("tEAM",) == request.get("transitive_tag_keys")


def test_reserved_source_identities_are_rejected():
    """AWS keeps what begins with aws: for itself, and the hint says so."""
    assert "reserved" in rejected(source_identity="aws:alice").hint


# The value


@every_operation
def test_equal_arguments_make_equal_requests(operation):
    """A request is a value: it can be compared, and be a key."""
    one, other = (
        make(operation, duration_seconds=duration, **OPTIONAL[operation])
        for duration in (900, dt.timedelta(minutes=15))
    )

    assert one == other
    assert 1 == len({one, other})


@every_operation
def test_each_argument_makes_a_difference(operation):
    """Requests that differ in one argument only aren't equal."""
    kw = {"duration_seconds": 900, **OPTIONAL[operation]}
    keys = kw.pop("transitive_tag_keys", None)
    full = make(operation, **kw)

    for name in kw:
        assert full != make(operation, **{**kw, name: None})
    if keys:
        assert full != make(operation, **kw, transitive_tag_keys=keys)


@every_operation
def test_pickles_and_copies(operation):
    """A request can go to other processes."""
    request = make(operation, **OPTIONAL[operation])

    assert request == pickle.loads(pickle.dumps(request))
    assert request == copy.deepcopy(request)


def test_never_changes():
    """Nothing of it can be set afterwards."""
    request = make()

    for name in ("operation", "arguments", "duration_seconds"):
        with pytest.raises(AttributeError):
            setattr(request, name, "other")


@pytest.mark.parametrize(
    ("operation", "secret"),
    [
        *((operation, {"policy": {"a": SECRET}}) for operation in WITH_POLICIES),
        (ROLE_OPERATION, {"external_id": SECRET}),
        (ROLE_OPERATION, {"tags": {"Team": SECRET}}),
        (FEDERATION, {"tags": {"Team": SECRET}}),
        (ROLE_OPERATION, {"provided_contexts": {CONTEXT: SECRET}}),
    ],
)
def test_repr_has_no_secrets(operation, secret):
    """The repr has the other arguments, and only the keys of tags and contexts."""
    request = make(operation, duration_seconds=900, **secret)
    text = repr(request)

    assert SECRET not in f"{text}{request.name}{request.action}"
    assert f"{next(iter(secret))}=" in text
    assert all(repr(value) in text for value in NEEDED[operation].values())
    assert "duration_seconds=900)" in text
    if "tags" in secret:
        assert "Team" in text


@pytest.mark.parametrize(
    ("operation", "parameter", "value"),
    [
        (ROLE_OPERATION, "external_id", f"{SECRET} "),
        (ROLE_OPERATION, "external_id", SECRET * 100),
        (ROLE_OPERATION, "external_id", [SECRET]),
        (ROLE_OPERATION, "external_id", SECRET.encode()),
        *(
            (ROLE_OPERATION, "policy", value)
            for value in (
                SECRET,
                f'{{"a": "{SECRET}",}}',
                f'["{SECRET}"]',
                f'{{"a": "{SECRET}\n"}}',
                {"a": SECRET * 200},
                {"a": {SECRET}},
                {(SECRET,): "a"},
                [SECRET],
            )
        ),
        *(
            (ROLE_OPERATION, "tags", value)
            for value in (
                {"a": f"{SECRET}#"},
                {"a": SECRET * 20},
                {"a": [SECRET]},
                {"a": SECRET, "A": SECRET},
                [{"Key": "a", "Value": SECRET}],
            )
        ),
        (ROLE_OPERATION, "provided_contexts", {CONTEXT: SECRET * 300}),
        (ROLE_OPERATION, "provided_contexts", {CONTEXT: [SECRET]}),
        (ROLE_OPERATION, "provided_contexts", {SECRET: SECRET}),
        (ROLE_OPERATION, "provided_contexts", [SECRET]),
        (TOKEN, "mfa_serial", f"{SECRET}#"),
    ],
)
def test_errors_have_no_secrets(operation, parameter, value):
    """No message, no field and no error behind an error contains a secret."""
    error: BaseException | None = rejected(operation, **{parameter: value})

    while error is not None:
        assert SECRET not in str(error)
        assert SECRET not in repr(vars(error))
        error = error.__cause__ or error.__context__
