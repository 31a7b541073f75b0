from __future__ import annotations

import copy
import datetime as dt
import enum
import json
import pickle
import types

from typing import Any

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from stsession._requests import limits as _bounds
from stsession._requests import limits as _limits
from stsession._requests.arns import PARTITIONS
from stsession._requests.assume_role import AssumeRoleRequest
from stsession._requests.limits import TAG_CHARACTERS, Limit
from stsession.exceptions import InvalidRequestError

from .service_model import compiled


ROLE = "arn:aws:iam::123456789012:role/Reader"
POLICY_ARN = "arn:aws:iam::aws:policy/ReadOnlyAccess"
PROVIDER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
SECRET = "wJalrXUtnFEMI"

LIMITS = [value for value in vars(_limits).values() if isinstance(value, Limit)]
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


def make(**kw: Any) -> AssumeRoleRequest:
    """
    Make a checked request for a legal role and with a legal name.
    """
    kw = {"role_arn": ROLE, "role_session_name": "nightly"} | kw
    return AssumeRoleRequest.checked(kw.pop("role_arn"), **kw)


def refused(**kw: Any) -> InvalidRequestError:
    """
    Return the error that the arguments cause.
    """
    with pytest.raises(InvalidRequestError) as caught:
        make(**kw)
    return caught.value


# What goes to STS


def test_sends_every_parameter() -> None:
    """
    Everything given reaches STS, under STS's names.
    """
    request = make(
        duration_seconds=dt.timedelta(hours=2),
        external_id="Ab:1/2",
        policy={"Version": "2012-10-17", "Statement": []},
        policy_arns=[POLICY_ARN],
        tags={"Team": "data", "Empty": ""},
        transitive_tag_keys=("Team", "empty"),
        source_identity="alice@example.com",
        provided_contexts={PROVIDER: "assertion"},
    )

    assert {
        "RoleArn": ROLE,
        "RoleSessionName": "nightly",
        "DurationSeconds": 7200,
        "ExternalId": "Ab:1/2",
        "Policy": '{"Version":"2012-10-17","Statement":[]}',
        "PolicyArns": [{"arn": POLICY_ARN}],
        "Tags": [{"Key": "Team", "Value": "data"}, {"Key": "Empty", "Value": ""}],
        "TransitiveTagKeys": ["Team", "empty"],
        "SourceIdentity": "alice@example.com",
        "ProvidedContexts": [
            {"ProviderArn": PROVIDER, "ContextAssertion": "assertion"}
        ],
    } == request.to_params(duration_seconds=7200)
    assert 7200 == request.duration_seconds


def test_leaves_out_what_isnt_given() -> None:
    """
    Absent and empty parameters aren't sent, so STS's defaults hold.
    """
    request = make(tags={}, policy_arns=[], transitive_tag_keys=())

    assert {
        "RoleArn": ROLE,
        "RoleSessionName": "nightly",
    } == request.to_params(duration_seconds=None)


def test_names_the_session_by_itself() -> None:
    """
    Without a role session name there is a legal default.
    """
    request = AssumeRoleRequest.checked(ROLE)

    assert 2 <= len(request.role_session_name) <= 64


def test_tells_the_call_and_what_it_is_about() -> None:
    """
    Errors of any call are worded by its request.
    """
    request = make()

    assert "assume_role" == request.operation
    assert ROLE == request.label
    assert f'Could not assume {ROLE} as "nightly"' == request.what


def test_max_is_resolved_by_the_caller() -> None:
    """
    "max" is kept as it is; what it means now is passed to to_params().
    """
    request = make(duration_seconds="max")

    assert "max" == request.duration_seconds
    assert 3600 == request.to_params(duration_seconds=3600)["DurationSeconds"]


# Limits


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_tells_where_aws_says_so(limit: Limit) -> None:
    """
    Each limit has a link to AWS's documentation.
    """
    assert limit.source.startswith("https://docs.aws.amazon.com/")


def policy(length: int) -> str:
    """
    A policy whose text is so long.
    """
    return json.dumps({"Sid": "x" * (length - 10)}, separators=(",", ":"))


LENGTHS: list[Any] = [
    ("role_session_name", lambda n: "x" * n, 2, 64, "2 to 64"),
    ("external_id", lambda n: "x" * n, 2, 1224, "2 to 1,224"),
    ("source_identity", lambda n: "x" * n, 2, 256, "2 to 256"),
    ("duration_seconds", lambda n: n, 900, 43_200, "900 to 43,200"),
    ("policy", policy, None, 2048, "1 to 2,048"),
    ("policy_arns", lambda n: [POLICY_ARN] * n, None, 10, "0 to 10"),
    ("policy_arns", lambda n: ["arn:" + "x" * (n - 4)], 20, 2048, "20 to 2,048"),
    ("tags", lambda n: {f"k{i}": "" for i in range(n)}, None, 50, "0 to 50"),
    ("tags", lambda n: {"k" * n: ""}, 1, 128, "1 to 128"),
    ("tags", lambda n: {"k": "v" * n}, None, 256, "0 to 256"),
    ("transitive_tag_keys", lambda n: ["k"] * n, None, 50, "0 to 50"),
    ("transitive_tag_keys", lambda n: ["k" * n], 1, 128, "1 to 128"),
    (
        "provided_contexts",
        lambda n: {f"{PROVIDER}{i}": "text" for i in range(n)},
        1,
        5,
        "1 to 5",
    ),
    ("provided_contexts", lambda n: {"x" * n: "text"}, 20, 2048, "20 to 2,048"),
    ("provided_contexts", lambda n: {PROVIDER: "x" * n}, 4, 3072, "4 to 3,072"),
    ("role_arn", lambda n: f"{ROLE[:31]}{'x' * n}", 1, 64, "1 to 64"),
    ("role_arn", lambda n: f"{ROLE[:31]}{'x' * (n - 2)}/name", 3, 512, "1 to 512"),
]


@pytest.mark.parametrize(
    ("parameter", "value", "minimum", "maximum", "allowed"), LENGTHS
)
def test_both_ends_of_a_limit_are_allowed(
    parameter: str, value: Any, minimum: int | None, maximum: int, allowed: str
) -> None:
    """
    The least and the most that STS allows are accepted.
    """
    for size in (minimum, maximum):
        if size is not None:
            several = value(size)
            others = {}
            if parameter == "transitive_tag_keys":
                others["tags"] = dict.fromkeys(several, "")
            make(**{parameter: several}, **others)


@pytest.mark.parametrize(
    ("parameter", "value", "minimum", "maximum", "allowed"), LENGTHS
)
def test_one_too_many_is_refused(
    parameter: str, value: Any, minimum: int | None, maximum: int, allowed: str
) -> None:
    """
    The error names the parameter, how long it is, and how long it may be.
    """
    error = refused(**{parameter: value(maximum + 1)})

    assert parameter == error.parameter
    assert parameter in str(error)
    assert f" {maximum + 1:,}" in str(error)
    assert f" allows {allowed}" in str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("parameter", "value", "minimum", "maximum", "allowed"),
    [case for case in LENGTHS if case[2] is not None and case[0] != "role_arn"],
)
def test_one_too_few_is_refused(
    parameter: str, value: Any, minimum: int, maximum: int, allowed: str
) -> None:
    """
    So is what is too short, where STS has a minimum.
    """
    error = refused(**{parameter: value(minimum - 1)})

    assert parameter == error.parameter
    assert f" {minimum - 1:,}" in str(error)
    assert f" allows {allowed}" in str(error)


def test_an_error_says_all_there_is_to_say() -> None:
    """
    Which rule, what was given, what to do, and where AWS says so.
    """
    error = refused(role_session_name="x" * 65)

    assert str(error) == (
        r"role_session_name is 65 characters long; STS allows 2 to 64 of [\w+=,.@-]. "
        f"{error.hint}"
    )
    assert isinstance(error, ValueError)


def test_the_whole_arn_may_be_too_long() -> None:
    """
    The maximum of an ARN is told without repeating it.
    """
    error = refused(role_arn=f"{ROLE[:31]}{'x/' * 1010}")

    assert "role_arn is 2,051 characters long; STS allows 20 to 2,048" in str(error)
    assert 500 > len(str(error))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("role_session_name", "two words"),
        ("role_session_name", "müller"),
        ("role_session_name", "line\n"),
        ("source_identity", "a/b"),
        ("external_id", "two words"),
        ("external_id", "id\n"),
        ("policy_arns", [f" {POLICY_ARN}"]),
        ("tags", {"a#b": ""}),
        ("tags", {"a": "#"}),
        ("tags", {"a": "\n"}),
        ("transitive_tag_keys", ["*"]),
        ("provided_contexts", {f"{PROVIDER}\n": "text"}),
    ],
)
def test_refuses_illegal_characters(parameter: str, value: Any) -> None:
    """
    The error says where the first one is.
    """
    error = refused(**{parameter: value})

    assert parameter == error.parameter
    assert "at position " in str(error)


@pytest.mark.parametrize("text", ["Größe", "日本", "a b", "²", "_.:/=+-@", "Ⅷ"])
def test_tags_may_be_in_any_script(text: str) -> None:
    """
    Letters, numbers and spaces of all scripts are legal in tags.
    """
    assert ((text, text),) == make(tags={text: text}).tags


@given(st.characters())
@example("\N{NO-BREAK SPACE}")
@example("\N{ZERO WIDTH SPACE}")
def test_tag_characters_are_those_of_the_pattern(character: str) -> None:
    """
    Our reading of AWS's pattern is that of its categories.
    """
    matches = compiled(TAG_CHARACTERS).fullmatch(character) is not None

    assert matches == _bounds._all_legal(character, TAG_CHARACTERS)


# Role ARNs


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("path", ["/", "/team/", "/a/b:c!/"])
def test_accepts_roles_of_all_partitions(partition: str, path: str) -> None:
    """
    Every partition and path that AWS has is good.
    """
    arn = f"arn:{partition}:iam::012345678901:role{path}My_Role+=,.@-1"

    assert arn == make(role_arn=arn).role_arn


@pytest.mark.parametrize(
    ("arn", "hint"),
    [
        (f" {ROLE}", "white space around"),
        (f"{ROLE}\n", "white space around"),
        ("Reader", "arn:aws:iam::<account ID>:role/Reader."),
        ("role/team/Reader", "arn:aws:iam::<account ID>:role/team/Reader."),
        ("123456789012", "only an account ID"),
        (
            "arn:aws-cn:sts::123456789012:assumed-role/Reader/alice",
            "the role itself is arn:aws-cn:iam::123456789012:role/Reader,",
        ),
        ("arn:aws:iam::123456789012:user/alice", "of the kind 'user'"),
        ("arn:aws:iam::123456789012:root", "of the kind 'root'"),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "of the kind 'policy'"),
        ("arn:aws:iam::123456789012:instance-profile/web", "pass the role in it"),
        ("arn:aws:sts::123456789012:role/Reader", "iam, not to 'sts'"),
        ("arn:aws:s3:::bucket/role/Reader", "iam, not to 's3'"),
        ("arn:aws:iam:eu-west-1:123456789012:role/Reader", "leave 'eu-west-1' out"),
        ("arn:aws:iam:::role/Reader", "account ID is missing"),
        ("arn:aws:iam::role/Reader", "account ID is missing"),
        ("arn:aws:iam::12345678901:role/Reader", "12 digits"),
        ("arn:aws:iam::1234-5678-9012:role/Reader", "12 digits"),
        ("arn:aws:iam::123456789012:role/", "name of the role is missing"),
        ("arn:aws:iam::123456789012:role", "name of the role is missing"),
        ("arn:aws:iam::123456789012:role/team/", "name of the role is missing"),
        ("arn:awz:iam::123456789012:role/Reader", "aws-us-gov"),
        ("", "looks like arn:aws:iam::123456789012:role/Reader"),
        ("arn:aws:iam::123456789012:role//Reader", "looks like arn:aws:iam::"),
        (
            "arn:aws:iam::\N{ARABIC-INDIC DIGIT ONE}23456789012:role/Reader",
            "looks like arn:aws:iam::",
        ),
    ],
)
def test_tells_what_is_wrong_with_an_arn(arn: str, hint: str) -> None:
    """
    The usual mistakes are told apart, each with its remedy.
    """
    error = refused(role_arn=arn)

    assert "role_arn" == error.parameter
    assert hint in error.hint


def test_tells_what_is_wrong_with_a_role_name() -> None:
    """
    A name with a character that IAM doesn't allow is found before STS does.
    """
    error = refused(role_arn=f"{ROLE}?")

    assert "the role name in role_arn has '?' at position 7" in str(error)


# Servers that aren't AWS's


def test_a_custom_end_point_checks_shape_and_maximums_only() -> None:
    """
    Ceph's roles have no account, and its sessions may be short.
    """
    request = make(
        role_arn="arn:aws:iam:::role/full",
        role_session_name="x",
        duration_seconds=5,
        external_id="x",
        tags={"Team": "a", "team": "#"},
        custom_endpoint=True,
    )

    assert 5 == request.duration_seconds
    assert (("Team", "a"), ("team", "#")) == request.tags


@pytest.mark.parametrize(
    "kw",
    [
        {"role_arn": "full"},
        {"role_arn": "arn:aws:iam:::user/full"},
        {"role_arn": "arn:aws:iam:::role/"},
        {"role_arn": f"arn:aws:iam:::role/{'x' * 2048}"},
        {"duration_seconds": 0},
        {"duration_seconds": 43_201},
        {"role_session_name": ""},
        {"role_session_name": "x" * 65},
        {"external_id": ""},
        {"external_id": "x" * 1225},
        {"source_identity": "x" * 257},
        {"policy": policy(2049)},
        {"policy_arns": [POLICY_ARN] * 11},
        {"tags": {str(n): "" for n in range(51)}},
    ],
)
def test_a_custom_end_point_has_its_limits_too(kw: dict[str, Any]) -> None:
    """
    What no server takes is refused there, too.
    """
    assert next(iter(kw)) == refused(**kw, custom_endpoint=True).parameter


# Durations


@pytest.mark.parametrize("duration", [3601, 43_200, dt.timedelta(hours=2)])
def test_role_chaining_allows_an_hour(duration: Any) -> None:
    """
    More than an hour from a role's credentials is refused, naming the rule.
    """
    error = refused(duration_seconds=duration, chained=True)

    assert "duration_seconds" == error.parameter
    assert "role chaining" in str(error)
    assert "3,600" in str(error)
    assert "role-chaining" in error.hint


@pytest.mark.parametrize("duration", [None, 900, 3600, "max"])
def test_role_chaining_takes_the_rest(duration: Any) -> None:
    """
    An hour, "max" and nothing at all are fine for a chain.
    """
    assert duration == make(duration_seconds=duration, chained=True).duration_seconds


def test_durations_are_whole_seconds() -> None:
    """
    A fraction of a second isn't dropped in silence.
    """
    error = refused(duration_seconds=dt.timedelta(seconds=1000.5))

    assert "fraction of a second" in str(error)


# Types


class Name(str, enum.Enum):
    """
    A string that is a member of an enumeration.
    """

    NIGHTLY = "nightly"


class Seconds(enum.IntEnum):
    """
    An integer that is a member of an enumeration.
    """

    HOUR = 3600


def test_enumerations_become_plain_values() -> None:
    """
    What is kept is a plain string or integer, which anything can send.
    """
    request = make(role_session_name=Name.NIGHTLY, duration_seconds=Seconds.HOUR)

    assert str is type(request.role_session_name)
    assert int is type(request.duration_seconds)
    assert "nightly" == request.role_session_name


@pytest.mark.parametrize(
    ("parameter", "value", "given", "expected"),
    [
        ("role_arn", None, "NoneType", "a str"),
        ("role_arn", b"arn", "bytes", "a str"),
        ("role_session_name", 5, "int", "a str"),
        ("external_id", 123456789012, "int", "a str"),
        ("duration_seconds", True, "bool", "an int"),
        ("duration_seconds", 3600.0, "float", "an int"),
        ("duration_seconds", "3600", "str", "an int"),
        ("duration_seconds", "MAX", "str", '"max"'),
        ("policy", [], "list", "a mapping or JSON text"),
        ("policy", b"{}", "bytes", "a mapping or JSON text"),
        ("policy_arns", POLICY_ARN, "str", "a list"),
        ("policy_arns", {POLICY_ARN: 1}, "dict", "a list"),
        ("policy_arns", iter(()), "tuple_iterator", "a list"),
        ("policy_arns", [None], "NoneType", "a str"),
        ("tags", [{"Key": "Team", "Value": "data"}], "list", "a mapping"),
        ("tags", {"Team": 5}, "int", "a str"),
        ("tags", {5: "Team"}, "int", "a str"),
        ("transitive_tag_keys", "Team", "str", "a list"),
        ("source_identity", ["alice"], "list", "a str"),
        ("provided_contexts", [PROVIDER], "list", "a mapping"),
        ("provided_contexts", {PROVIDER: None}, "NoneType", "a str"),
    ],
)
def test_refuses_wrong_types(
    parameter: str, value: Any, given: str, expected: str
) -> None:
    """
    The error names the type that was given and what is expected.
    """
    error = refused(**{parameter: value})

    assert parameter == error.parameter
    assert f"is of type {given}" in str(error)
    assert expected in str(error)


@pytest.mark.parametrize("parameter", ["policy_arns", "transitive_tag_keys"])
def test_a_single_string_is_refused_with_a_hint(parameter: str) -> None:
    """
    A string would be taken for a list of its characters.
    """
    assert f"{parameter}=[...]" in refused(**{parameter: POLICY_ARN}).hint


# Policies


def test_policy_text_becomes_compact() -> None:
    """
    Only the white space between tokens goes; the rest stays as it was written.
    """
    text = '{ "b" :\n [ 1.50 , "two  \\" words" ],\t"b": 1e3,\r\n"a\\\\" : "" }'

    compact = make(policy=text).policy

    assert '{"b":[1.50,"two  \\" words"],"b":1e3,"a\\\\":""}' == compact


def test_only_the_compact_length_counts() -> None:
    """
    A policy that is too long because of its indentation is fine.
    """
    indented = json.dumps({"Statement": list(range(300))}, indent=8)

    assert len(indented) > 2048
    assert len(make(policy=indented).policy or "") < 2048


def test_says_that_the_limit_of_policies_is_the_documented_one() -> None:
    """
    The service model has no maximum for it; AWS's documentation has.
    """
    assert "documented limit" in refused(policy=policy(2049)).hint


def test_policies_may_be_any_mappings() -> None:
    """
    Read-only views and the like are written as objects, at any depth.
    """
    view = types.MappingProxyType({"a": types.MappingProxyType({"b": ("c",)})})

    assert '{"a":{"b":["c"]}}' == make(policy=view).policy


@given(st.dictionaries(st.text(max_size=9), JSON, max_size=5))
def test_policies_mean_the_same_afterwards(document: dict[str, Any]) -> None:
    """
    Dicts, compact and indented text lead to one policy of the same meaning.
    """
    texts = {
        make(policy=document).policy,
        make(policy=json.dumps(document, ensure_ascii=False)).policy,
        make(policy=json.dumps(document, indent=2, ensure_ascii=False)).policy,
    }

    (text,) = texts
    assert document == json.loads(text or "")


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
        ({"a": {"b"}}, "holds a set"),
        ({"a": b"b"}, "holds a bytes"),
        ({"a": float("nan")}, "isn't finite"),
        ({("a",): "b"}, "isn't a string"),
    ],
)
def test_refuses_what_is_no_policy(value: Any, problem: str) -> None:
    """
    The error says what is wrong, and in text also where.
    """
    error = refused(policy=value)

    assert "policy" == error.parameter
    assert problem in str(error)


def test_refuses_policies_without_end() -> None:
    """
    A policy that contains itself, or is very deep, is an error like any other.
    """
    endless: dict[str, Any] = {}
    endless["a"] = endless
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}

    assert "contains itself" in str(refused(policy=endless))
    assert "nested too deeply" in str(refused(policy=deep))


@pytest.mark.parametrize(
    ("text", "hint"),
    [(POLICY_ARN, "policy_arns"), ("file://policy.json", "what is in the file")],
)
def test_tells_what_is_no_json(text: str, hint: str) -> None:
    """
    ARNs and file names are what people pass instead.
    """
    assert hint in refused(policy=text).hint


# Tags


def test_keys_that_differ_in_case_only_are_refused() -> None:
    """
    STS keeps the case of keys, but doesn't tell them apart by it.
    """
    error = refused(tags={"Team": "a", "team": "b"})

    assert "tags" == error.parameter
    assert "'Team' and 'team'" in str(error)


def test_sets_are_put_in_order() -> None:
    """
    Equal sets make equal requests, whatever order they are iterated in.
    """
    keys = {"c", "a", "b"}
    request = make(transitive_tag_keys=keys, tags={"a": "", "b": "", "c": ""})

    assert ("a", "b", "c") == request.transitive_tag_keys


@pytest.mark.parametrize("tags", [None, {}, {"project": "x"}])
def test_transitive_keys_have_to_be_keys_of_tags(tags: dict[str, str] | None) -> None:
    """
    STS never accepts another one, so the error comes before any request.
    """
    error = refused(tags=tags, transitive_tag_keys=["projekt"])

    assert "transitive_tag_keys" == error.parameter
    assert "'projekt', which is not a key of tags" in str(error)
    assert ("'project'" if tags else "no keys") in error.hint


def test_transitive_keys_are_compared_without_regard_to_case() -> None:
    """
    STS keeps the case of keys, and ignores it when it compares them.
    """
    request = make(tags={"Team": "data"}, transitive_tag_keys=["tEAM"])

    assert ("tEAM",) == request.transitive_tag_keys


def test_a_custom_endpoint_decides_about_transitive_keys() -> None:
    """
    Other servers may have rules of their own.
    """
    request = make(transitive_tag_keys=["Team"], custom_endpoint=True)

    assert ("Team",) == request.transitive_tag_keys


def test_reserved_source_identities_are_refused() -> None:
    """
    AWS keeps what begins with aws: for itself, and the hint says so.
    """
    assert "reserved" in refused(source_identity="aws:alice").hint


# The value


def test_equal_arguments_make_equal_requests() -> None:
    """
    A request is a value: it can be compared, and be a key.
    """
    one, other = (
        make(duration_seconds=duration, policy=policy, tags={"a": "b"})
        for duration, policy in ((3600, '{"a": 1}'), (dt.timedelta(hours=1), {"a": 1}))
    )

    assert one == other
    assert 1 == len({one, other})
    assert one != make(duration_seconds=3600)


def test_pickles_and_copies() -> None:
    """
    A request goes to other processes.
    """
    request = make(external_id="id", tags={"a": "b"}, policy={"a": 1})

    assert request == pickle.loads(pickle.dumps(request))
    assert request == copy.deepcopy(request)


def test_never_changes() -> None:
    """
    Nothing of it can be set afterwards.
    """
    with pytest.raises(AttributeError):
        make().role_arn = ROLE  # type: ignore[misc]


def test_repr_has_no_secrets() -> None:
    """
    The repr tells the role and the keys, not what is nobody's business.
    """
    text = repr(
        make(
            external_id=SECRET,
            policy={"a": SECRET},
            tags={"Team": SECRET},
            provided_contexts={PROVIDER: SECRET},
        )
    )

    assert SECRET not in text
    assert ROLE in text
    assert "Team" in text


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("external_id", f"{SECRET} "),
        ("external_id", SECRET * 100),
        ("external_id", [SECRET]),
        ("external_id", SECRET.encode()),
        ("policy", SECRET),
        ("policy", f'{{"a": "{SECRET}",}}'),
        ("policy", f'["{SECRET}"]'),
        ("policy", f'{{"a": "{SECRET}\n"}}'),
        ("policy", {"a": SECRET * 200}),
        ("policy", {"a": {SECRET}}),
        ("policy", {(SECRET,): "a"}),
        ("policy", [SECRET]),
        ("tags", {"a": f"{SECRET}#"}),
        ("tags", {"a": SECRET * 20}),
        ("tags", {"a": [SECRET]}),
        ("tags", {"a": SECRET, "A": SECRET}),
        ("tags", [{"Key": "a", "Value": SECRET}]),
        ("provided_contexts", {PROVIDER: SECRET * 300}),
        ("provided_contexts", {PROVIDER: [SECRET]}),
        ("provided_contexts", {SECRET: SECRET}),
        ("provided_contexts", [SECRET]),
    ],
)
def test_errors_have_no_secrets(parameter: str, value: Any) -> None:
    """
    No message, no field and no error behind an error has what was planted.
    """
    error: BaseException | None = refused(**{parameter: value})

    while error is not None:
        assert SECRET not in str(error)
        assert SECRET not in repr(vars(error))
        error = error.__cause__ or error.__context__
