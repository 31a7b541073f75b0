from __future__ import annotations

import copy
import datetime as dt
import inspect
import json
import pickle

from typing import Any

import attrs
import botocore.session
import botocore.validate
import pytest

from stsession._requests.assume_role import AssumeRoleRequest
from stsession._requests.siblings import (
    AssumeRootRequest,
    FederationTokenRequest,
    SamlRequest,
    SessionTokenRequest,
    WebIdentityRequest,
)
from stsession.exceptions import InvalidRequestError


ROLE = "arn:aws:iam::123456789012:role/Reader"
PROVIDER = "arn:aws:iam::123456789012:saml-provider/Okta"
DEVICE = "arn:aws:iam::123456789012:mfa/alice"
POLICY_ARN = "arn:aws:iam::aws:policy/ReadOnlyAccess"
TASK = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
SECRET = "wJalrXUtnFEMI"

# The least that each takes, and everything that each takes.
NEEDED: dict[Any, dict[str, Any]] = {
    WebIdentityRequest: {"role_arn": ROLE, "role_session_name": "nightly"},
    SamlRequest: {"role_arn": ROLE, "principal_arn": PROVIDER},
    SessionTokenRequest: {},
    FederationTokenRequest: {"name": "bob"},
    AssumeRootRequest: {"target_principal": "123456789012", "task_policy_arn": TASK},
}
POLICIES: dict[str, Any] = {"policy": {"a": 1}, "policy_arns": [POLICY_ARN]}
FULL: dict[Any, dict[str, Any]] = {
    WebIdentityRequest: {"provider_id": "www.amazon.com", **POLICIES},
    SamlRequest: POLICIES,
    SessionTokenRequest: {"mfa_serial": DEVICE},
    FederationTokenRequest: {"tags": {"Team": "data"}, **POLICIES},
    AssumeRootRequest: {},
}
SENT: dict[Any, dict[str, Any]] = {
    WebIdentityRequest: {
        "RoleArn": ROLE,
        "RoleSessionName": "nightly",
        "ProviderId": "www.amazon.com",
        "Policy": '{"a":1}',
        "PolicyArns": [{"arn": POLICY_ARN}],
    },
    SamlRequest: {
        "RoleArn": ROLE,
        "PrincipalArn": PROVIDER,
        "Policy": '{"a":1}',
        "PolicyArns": [{"arn": POLICY_ARN}],
    },
    SessionTokenRequest: {"SerialNumber": DEVICE},
    FederationTokenRequest: {
        "Name": "bob",
        "Policy": '{"a":1}',
        "PolicyArns": [{"arn": POLICY_ARN}],
        "Tags": [{"Key": "Team", "Value": "data"}],
    },
    AssumeRootRequest: {
        "TargetPrincipal": "123456789012",
        "TaskPolicyArn": {"arn": TASK},
    },
}
OPERATIONS = {
    AssumeRoleRequest: "AssumeRole",
    WebIdentityRequest: "AssumeRoleWithWebIdentity",
    SamlRequest: "AssumeRoleWithSAML",
    SessionTokenRequest: "GetSessionToken",
    FederationTokenRequest: "GetFederationToken",
    AssumeRootRequest: "AssumeRoot",
}
# What differs at each fetch, and what nobody has asked for.
NOT_OURS = {
    "MinimumSessionTokenSize",
    "SAMLAssertion",
    "TokenCode",
    "WebIdentityToken",
}
SIBLINGS = list(NEEDED)


def make(cls: Any, **kw: Any) -> Any:
    """
    Make a checked request with what it needs, and more.
    """
    return cls.checked(**(NEEDED[cls] | kw))


def refused(cls: Any, **kw: Any) -> InvalidRequestError:
    """
    Return the error that the arguments cause.
    """
    with pytest.raises(InvalidRequestError) as caught:
        make(cls, **kw)
    return caught.value


# What goes to STS


@pytest.mark.parametrize("cls", SIBLINGS)
def test_sends_every_parameter(cls: Any) -> None:
    """
    Everything given reaches STS, under STS's names.
    """
    request = make(cls, duration_seconds=900, **FULL[cls])

    params = request.to_params(duration_seconds=900)

    assert {**SENT[cls], "DurationSeconds": 900} == params
    assert 900 == request.duration_seconds


@pytest.mark.parametrize("cls", SIBLINGS)
def test_leaves_out_what_isnt_given(cls: Any) -> None:
    """
    Absent and empty parameters aren't sent, so STS's defaults hold.
    """
    params = make(cls).to_params(duration_seconds=None)

    assert len(NEEDED[cls]) == len(params)


@pytest.mark.parametrize("cls", SIBLINGS)
def test_every_parameter_acts(cls: Any) -> None:
    """
    Our tables above have every argument, so that none is without a test.
    """
    arguments = set(inspect.signature(cls.checked).parameters)

    assert arguments == {*NEEDED[cls], *FULL[cls], "duration_seconds"} | {
        "custom_endpoint"
    }


@pytest.mark.parametrize(("cls", "operation"), OPERATIONS.items())
def test_operations_are_methods_of_the_client(cls: Any, operation: str) -> None:
    """
    Each names the method of botocore's client that it is for.
    """
    session = botocore.session.Session()
    client = session.create_client("sts", region_name="eu-west-1")

    assert operation == client.meta.method_to_api_mapping[cls.operation]


def test_zero_seconds_are_sent() -> None:
    """
    AssumeRoot takes 0, which isn't the same as nothing.
    """
    request = make(AssumeRootRequest, duration_seconds=0)

    assert 0 == request.to_params(duration_seconds=0)["DurationSeconds"]


def test_names_the_session_by_itself() -> None:
    """
    Without a role session name there is a legal default.
    """
    request = WebIdentityRequest.checked(ROLE)

    assert 2 <= len(request.role_session_name) <= 64


@pytest.mark.parametrize("cls", [WebIdentityRequest, SamlRequest])
def test_max_is_resolved_by_the_caller(cls: Any) -> None:
    """
    "max" is kept as it is; what it means now is passed to to_params().
    """
    request = make(cls, duration_seconds="max")

    assert "max" == request.duration_seconds
    assert 3600 == request.to_params(duration_seconds=3600)["DurationSeconds"]


# What messages call it


@pytest.mark.parametrize(
    ("cls", "kw", "label", "what"),
    [
        (
            WebIdentityRequest,
            {},
            ROLE,
            f'Could not assume {ROLE} as "nightly" with a web identity',
        ),
        (SamlRequest, {}, ROLE, f"Could not assume {ROLE} with a SAML assertion"),
        (
            SessionTokenRequest,
            {},
            "the session token of the source",
            "Could not get a session token",
        ),
        (
            SessionTokenRequest,
            {"mfa_serial": DEVICE},
            f"the session token of {DEVICE}",
            f"Could not get a session token with {DEVICE}",
        ),
        (
            FederationTokenRequest,
            {},
            'the federated user "bob"',
            'Could not get a token for the federated user "bob"',
        ),
        (
            AssumeRootRequest,
            {},
            "root of 123456789012",
            "Could not assume root of 123456789012",
        ),
        (
            AssumeRootRequest,
            {"target_principal": "arn:aws:iam::123456789012:root"},
            "root of 123456789012",
            "Could not assume root of 123456789012",
        ),
    ],
)
def test_tells_what_it_is_about(
    cls: Any, kw: dict[str, Any], label: str, what: str
) -> None:
    """
    Errors of any call are worded by its request.
    """
    request = make(cls, **kw)

    assert label == request.label
    assert what == request.what


# Limits


def policy(length: int) -> str:
    """
    A policy whose text is so long.
    """
    return json.dumps({"Sid": "x" * (length - 10)}, separators=(",", ":"))


LENGTHS: list[Any] = [
    (WebIdentityRequest, "role_session_name", lambda n: "x" * n, 2, 64, "2 to 64"),
    (WebIdentityRequest, "provider_id", lambda n: "x" * n, 4, 2048, "4 to 2,048"),
    (WebIdentityRequest, "duration_seconds", int, 900, 43_200, "900 to 43,200"),
    (SamlRequest, "duration_seconds", int, 900, 43_200, "900 to 43,200"),
    (
        SamlRequest,
        "principal_arn",
        lambda n: f"{PROVIDER[:40]}{'x' * n}",
        None,
        128,
        "1 to 128",
    ),
    (SessionTokenRequest, "duration_seconds", int, 900, 129_600, "900 to 129,600"),
    (SessionTokenRequest, "mfa_serial", lambda n: "x" * n, 9, 256, "9 to 256"),
    (FederationTokenRequest, "name", lambda n: "x" * n, 2, 32, "2 to 32"),
    (FederationTokenRequest, "duration_seconds", int, 900, 129_600, "900 to 129,600"),
    (
        FederationTokenRequest,
        "tags",
        lambda n: {f"k{i}": "" for i in range(n)},
        None,
        50,
        "0 to 50",
    ),
    (AssumeRootRequest, "duration_seconds", int, 0, 900, "0 to 900"),
    *(
        case
        for cls in (WebIdentityRequest, SamlRequest, FederationTokenRequest)
        for case in (
            (cls, "policy", policy, None, 2048, "1 to 2,048"),
            (cls, "policy_arns", lambda n: [POLICY_ARN] * n, None, 10, "0 to 10"),
        )
    ),
]


@pytest.mark.parametrize(
    ("cls", "parameter", "value", "minimum", "maximum", "allowed"), LENGTHS
)
def test_limits(
    cls: Any,
    parameter: str,
    value: Any,
    minimum: int | None,
    maximum: int,
    allowed: str,
) -> None:
    """
    Both ends are allowed; one more or less is told with the limit.
    """
    beyond = [maximum + 1]
    make(cls, **{parameter: value(maximum)})
    if minimum is not None:
        beyond.append(minimum - 1)
        make(cls, **{parameter: value(minimum)})

    for size in beyond:
        error = refused(cls, **{parameter: value(size)})
        assert parameter == error.parameter
        assert f" {size:,}" in str(error)
        assert f" allows {allowed}" in str(error)
        assert error.hint


@pytest.mark.parametrize(
    ("cls", "parameter"),
    [
        (SamlRequest, "principal_arn"),
        (AssumeRootRequest, "target_principal"),
        (AssumeRootRequest, "task_policy_arn"),
    ],
)
def test_arns_may_be_too_long(cls: Any, parameter: str) -> None:
    """
    The maximum of an ARN is told without repeating it.
    """
    error = refused(cls, **{parameter: "x" * 2049})

    assert f"{parameter} is 2,049 characters long" in str(error)
    assert 500 > len(str(error))


@pytest.mark.parametrize(
    ("cls", "kw"),
    [
        (WebIdentityRequest, {"role_arn": PROVIDER}),
        (WebIdentityRequest, {"role_session_name": "two words"}),
        (SamlRequest, {"role_arn": PROVIDER}),
        (SamlRequest, {"principal_arn": ROLE}),
        (SessionTokenRequest, {"mfa_serial": "two words"}),
        (FederationTokenRequest, {"name": "a/b"}),
        (FederationTokenRequest, {"tags": {"Team": "a", "team": "b"}}),
        (AssumeRootRequest, {"target_principal": ROLE}),
        (AssumeRootRequest, {"task_policy_arn": POLICY_ARN}),
    ],
)
def test_refuses_what_sts_would_refuse(cls: Any, kw: dict[str, Any]) -> None:
    """
    Shapes and characters are checked, too.
    """
    assert next(iter(kw)) == refused(cls, **kw).parameter


@pytest.mark.parametrize(
    ("cls", "parameter", "value", "expected"),
    [
        (WebIdentityRequest, "provider_id", 5, "int; it has to be a str"),
        (WebIdentityRequest, "duration_seconds", "MAX", '"max"'),
        (SamlRequest, "principal_arn", None, "NoneType; it has to be a str"),
        (SamlRequest, "duration_seconds", 3600.0, '"max"'),
        (SamlRequest, "policy_arns", POLICY_ARN, "a list or tuple"),
        (SessionTokenRequest, "duration_seconds", "max", "an int or a timedelta."),
        (SessionTokenRequest, "duration_seconds", True, "bool"),
        (SessionTokenRequest, "mfa_serial", 123456789, "int; it has to be a str"),
        (FederationTokenRequest, "name", None, "NoneType; it has to be a str"),
        (FederationTokenRequest, "duration_seconds", "max", "an int or a timedelta."),
        (AssumeRootRequest, "target_principal", 123456789012, "int"),
        (AssumeRootRequest, "task_policy_arn", {"arn": TASK}, "dict"),
        (AssumeRootRequest, "duration_seconds", "max", "an int or a timedelta."),
    ],
)
def test_refuses_wrong_types(
    cls: Any, parameter: str, value: Any, expected: str
) -> None:
    """
    The error names the type that was given and what is expected.
    """
    error = refused(cls, **{parameter: value})

    assert parameter == error.parameter
    assert f"{parameter} is of type {type(value).__name__}" in str(error)
    assert expected in str(error)


@pytest.mark.parametrize("cls", SIBLINGS)
def test_durations_are_whole_seconds(cls: Any) -> None:
    """
    Spans are converted, but a fraction of a second isn't dropped in silence.
    """
    error = refused(cls, duration_seconds=dt.timedelta(seconds=899.5))

    assert "fraction of a second" in str(error)
    assert 900 == make(cls, duration_seconds=dt.timedelta(minutes=15)).duration_seconds


# Servers that aren't AWS's


@pytest.mark.parametrize(
    ("cls", "kw"),
    [
        (WebIdentityRequest, {"role_arn": "arn:aws:iam:::role/full"}),
        (WebIdentityRequest, {"role_session_name": "x", "provider_id": "x"}),
        (SamlRequest, {"principal_arn": "arn:aws:iam:::saml-provider/idp"}),
        (SessionTokenRequest, {"mfa_serial": "x"}),
        (FederationTokenRequest, {"name": "x", "tags": {"#": "", "a": "", "A": ""}}),
        (AssumeRootRequest, {"target_principal": "tenant"}),
        (AssumeRootRequest, {"task_policy_arn": "arn:aws:iam:::policy/task"}),
    ],
)
def test_a_custom_end_point_checks_shape_and_maximums_only(
    cls: Any, kw: dict[str, Any]
) -> None:
    """
    Other servers have no accounts, and sessions of a few seconds.
    """
    request = make(cls, duration_seconds=5, custom_endpoint=True, **kw)

    assert 5 == request.duration_seconds


@pytest.mark.parametrize(
    ("cls", "kw"),
    [
        (WebIdentityRequest, {"role_arn": "full"}),
        (WebIdentityRequest, {"duration_seconds": 43_201}),
        (WebIdentityRequest, {"provider_id": ""}),
        (SamlRequest, {"principal_arn": "idp"}),
        (SamlRequest, {"duration_seconds": 0}),
        (SessionTokenRequest, {"duration_seconds": 129_601}),
        (SessionTokenRequest, {"mfa_serial": "x" * 257}),
        (FederationTokenRequest, {"name": "x" * 33}),
        (FederationTokenRequest, {"duration_seconds": 129_601}),
        (AssumeRootRequest, {"duration_seconds": 901}),
        (AssumeRootRequest, {"target_principal": ""}),
        (AssumeRootRequest, {"task_policy_arn": "task"}),
    ],
)
def test_a_custom_end_point_has_its_limits_too(cls: Any, kw: dict[str, Any]) -> None:
    """
    What no server takes is refused there, too.
    """
    assert next(iter(kw)) == refused(cls, **kw, custom_endpoint=True).parameter


# The values


@pytest.mark.parametrize("cls", SIBLINGS)
def test_equal_arguments_make_equal_requests(cls: Any) -> None:
    """
    A request is a value: it can be compared, and be a key.
    """
    one, other = (
        make(cls, duration_seconds=duration, **FULL[cls])
        for duration in (900, dt.timedelta(minutes=15))
    )

    assert one == other
    assert 1 == len({one, other})


@pytest.mark.parametrize("cls", SIBLINGS)
def test_each_argument_makes_a_difference(cls: Any) -> None:
    """
    Requests that differ in one argument only aren't equal.
    """
    plain = make(cls)

    for name, value in {"duration_seconds": 900, **FULL[cls]}.items():
        assert plain != make(cls, **{name: value})


@pytest.mark.parametrize("cls", SIBLINGS)
def test_pickles_and_copies(cls: Any) -> None:
    """
    A request goes to other processes.
    """
    request = make(cls, **FULL[cls])

    assert request == pickle.loads(pickle.dumps(request))
    assert request == copy.deepcopy(request)


@pytest.mark.parametrize("cls", [AssumeRoleRequest, *SIBLINGS])
def test_never_changes(cls: Any) -> None:
    """
    Nothing of it can be set afterwards, and nothing secret is in it.
    """
    request = make(cls) if cls in NEEDED else cls.checked(ROLE)
    names = {field.name for field in attrs.fields(cls)}

    for name in ("operation", *names):
        with pytest.raises(AttributeError):
            setattr(request, name, "other")
    assert set() == names & {"token", "assertion", "mfa_code", "token_code"}


@pytest.mark.parametrize(
    ("cls", "kw"),
    [
        (WebIdentityRequest, {"policy": {"a": SECRET}}),
        (SamlRequest, {"policy": {"a": SECRET}}),
        (FederationTokenRequest, {"policy": {"a": SECRET}, "tags": {"Team": SECRET}}),
    ],
)
def test_repr_has_no_secrets(cls: Any, kw: dict[str, Any]) -> None:
    """
    The repr and the wording of errors have nothing that is nobody's business.
    """
    request = make(cls, **kw)

    assert SECRET not in repr(request)
    assert SECRET not in request.label + request.what


@pytest.mark.parametrize(
    ("cls", "kw"),
    [
        (WebIdentityRequest, {"policy": SECRET}),
        (WebIdentityRequest, {"policy": {"a": SECRET * 200}}),
        (SamlRequest, {"policy": [SECRET]}),
        (SamlRequest, {"policy": {"a": {SECRET}}}),
        (SessionTokenRequest, {"mfa_serial": f"{SECRET}#"}),
        (FederationTokenRequest, {"policy": SECRET}),
        (FederationTokenRequest, {"tags": {"a": f"{SECRET}#"}}),
        (FederationTokenRequest, {"tags": {"a": SECRET, "A": SECRET}}),
    ],
)
def test_errors_have_no_secrets(cls: Any, kw: dict[str, Any]) -> None:
    """
    No message, no field and no error behind an error has what was planted.
    """
    error: BaseException | None = refused(cls, **kw)

    while error is not None:
        assert SECRET not in str(error)
        assert SECRET not in repr(vars(error))
        error = error.__cause__ or error.__context__
