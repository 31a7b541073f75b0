"""
Limits of the installed SDK, which are used if a value exceeds one of ours.
"""

from __future__ import annotations

import json
import os
import sys

import pytest

import stsession

from stsession._botocore.loader import InstalledModels
from stsession._requests.limits import use_sdk_models
from stsession.exceptions import InvalidRequestError

from .children import run_child
from .pages import LIMITS


ROLE = "arn:aws:iam::123456789012:role/Reader"
PROVIDER = "arn:aws:iam::123456789012:saml-provider/Okta"
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
CONTEXT = "arn:aws:iam::aws:contextProvider/IdentityCenter"
TASK = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
VERSIONS = {"sts": "2011-06-15", "iam": "2010-05-08"}


def write_models(folder, traits):
    """
    Write service models with the input parameters at some paths.

    Args:
        folder: Where botocore is to look for models.

        traits: What a parameter's shape has, by path: sts.AssumeRole.Tags[].Key.
    """
    for service, version in VERSIONS.items():
        operations, shapes = {}, {}
        for path, found in traits.items():
            owner, operation, *members = path.split(".")
            if owner != service:
                continue
            operations[operation] = {"input": {"shape": operation}}
            name = operation
            for member in members:
                key = member.removesuffix("[]")
                inner = shapes.setdefault(name, {}).setdefault("members", {})
                name = inner.setdefault(key, {"shape": f"{name}.{key}"})["shape"]
                if key != member:
                    shapes.setdefault(name, {})["member"] = {"shape": f"{name}[]"}
                    name += "[]"
            shapes.setdefault(name, {}).update(found)
        place = folder / service / version
        place.mkdir(parents=True)
        model = {"metadata": {}, "operations": operations, "shapes": shapes}
        (place / "service-2.json").write_text(json.dumps(model), "utf-8")


@pytest.fixture(name="models")
def _models(tmp_path, monkeypatch):
    """
    Install models that have some parameters; any others aren't in them.
    """

    def install(traits=None, partitions=()):
        write_models(tmp_path, traits or {})
        data = {"partitions": [{"id": name} for name in partitions]}
        (tmp_path / "partitions.json").write_text(json.dumps(data), "utf-8")
        monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
        use_sdk_models(InstalledModels())

    yield install
    use_sdk_models()


def rejected(call, **kw):
    """
    Return the error of a call.
    """
    with pytest.raises(InvalidRequestError) as caught:
        call(**kw)
    return caught.value


def assume(**kw):
    """
    Make a session for a role, in a region.
    """
    return stsession.assume(**{"role_arn": ROLE, "region": "eu-west-1", **kw})


def web_identity(**kw):
    """
    Make a session by web identity, in a region.
    """
    return stsession.web_identity(ROLE, token="file", region="eu-west-1", **kw)


def saml(**kw):
    """
    Make a session by SAML, in a region.
    """
    given = {"principal_arn": PROVIDER, **kw}
    return stsession.saml(ROLE, assertion=str, region="eu-west-1", **given)


def federation_token(**kw):
    """
    Make a session for a federated user, in a region.
    """
    return stsession.federation_token(**{"name": "bob", "region": "eu-west-1", **kw})


def assume_root(**kw):
    """
    Make a session for root, in a region.
    """
    given = {"target_principal": "123456789012", "task_policy_arn": TASK, **kw}
    return stsession.assume_root(region="eu-west-1", **given)


def policy(length):
    """
    Write a policy whose text is so long.
    """
    return {"Sid": "x" * (length - 10)}


def contexts(number):
    """
    Make that many provided contexts.
    """
    return {f"{CONTEXT}{n}": "text" for n in range(number)}


def keys(number):
    """
    Make that many tag keys.
    """
    return [f"k{n}" for n in range(number)]


EVERYWHERE = (assume, web_identity, saml, federation_token)

# Call, parameter, what makes a value of some length, and our maximum.
CASES = [
    (assume, "role_arn", lambda n: f"{ROLE[:31]}{'x' * n}", 64),
    (assume, "role_arn", lambda n: f"{ROLE[:31]}{'x' * (n - 2)}/name", 512),
    (assume, "role_session_name", lambda n: "x" * n, 64),
    (web_identity, "role_session_name", lambda n: "x" * n, 64),
    (assume, "duration_seconds", int, 43_200),
    (web_identity, "duration_seconds", int, 43_200),
    (saml, "duration_seconds", int, 43_200),
    (stsession.session_token, "duration_seconds", int, 129_600),
    (federation_token, "duration_seconds", int, 129_600),
    (assume_root, "duration_seconds", int, 900),
    (assume, "external_id", lambda n: "x" * n, 1224),
    *((call, "policy", policy, 2048) for call in EVERYWHERE),
    *((call, "policy_arns", lambda n: [POLICY] * n, 10) for call in EVERYWHERE),
    (assume, "policy_arns", lambda n: ["arn:" + "x" * (n - 4)], 2048),
    (assume, "tags", lambda n: dict.fromkeys(keys(n), ""), 50),
    (assume, "tags", lambda n: {"k" * n: ""}, 128),
    (assume, "tags", lambda n: {"k": "v" * n}, 256),
    (federation_token, "tags", lambda n: {"k": "v" * n}, 256),
    (assume, "source_identity", lambda n: "x" * n, 256),
    (assume, "provided_contexts", contexts, 5),
    (assume, "provided_contexts", lambda n: {"x" * n: "text"}, 2048),
    (assume, "provided_contexts", lambda n: {CONTEXT: "x" * n}, 3072),
    (assume, "mfa_serial", lambda n: "x" * n, 256),
    (stsession.session_token, "mfa_serial", lambda n: "x" * n, 256),
    (web_identity, "provider_id", lambda n: "x" * n, 2048),
    (saml, "principal_arn", lambda n: f"{PROVIDER[:40]}{'x' * n}", 128),
    (federation_token, "name", lambda n: "x" * n, 32),
]


@pytest.mark.parametrize(("call", "parameter", "value", "maximum"), CASES)
def test_larger_maximum(models, call, parameter, value, maximum):
    """
    Values are accepted up to the maximum of the model.
    """
    models({path: {"max": it.maximum + 1} for it in LIMITS for path in it.paths})

    call(**{parameter: value(maximum + 1)})
    error = rejected(call, **{parameter: value(maximum + 2)})

    assert parameter == error.parameter
    assert f" {maximum + 2:,}" in str(error)
    assert f" to {maximum + 1:,}" in str(error)


@pytest.mark.parametrize(("call", "parameter", "value", "maximum"), CASES)
def test_smaller_maximum(models, call, parameter, value, maximum):
    """
    An older model changes nothing.
    """
    models({path: {"max": 1} for it in LIMITS for path in it.paths})

    call(**{parameter: value(maximum)})
    error = rejected(call, **{parameter: value(maximum + 1)})

    assert f" to {maximum:,}" in str(error)


def test_transitive_tag_keys(models):
    """
    Tags and transitive keys have a limit each.
    """
    paths = ("sts.AssumeRole.Tags", "sts.AssumeRole.TransitiveTagKeys")
    models({path: {"max": 60} for path in paths})

    assume(tags=dict.fromkeys(keys(60), ""), transitive_tag_keys=keys(60))


def test_smaller_minimum(models):
    """
    The minimum of the model counts as well.
    """
    models({"sts.AssumeRole.DurationSeconds": {"min": 300}})

    assume(duration_seconds=300)
    error = rejected(assume, duration_seconds=299)

    assert "duration_seconds is 299; STS allows 300 to 43,200." in str(error)


def test_role_chaining(models):
    """
    The hour that role chaining allows isn't a limit of the model.
    """
    models({"sts.AssumeRole.DurationSeconds": {"max": 90_000}})

    error = rejected(assume, role_arn=[ROLE, ROLE], duration_seconds=3601)

    assert "role chaining" in str(error)
    assert "900 to 3,600" in str(error)


def test_more_characters(models):
    """
    Characters that are illegal for us are compared with the pattern of the model.
    """
    models(
        {
            "sts.AssumeRole.SourceIdentity": {"pattern": r"[\w+=,.@#-]*"},
            "sts.AssumeRole.Tags[].Key": {"pattern": r"[\p{L}\p{N}#\-]+"},
        }
    )

    assume(source_identity="a#b", tags={"Größe-1#": ""})
    identity = rejected(assume, source_identity="a#b c")
    tags = rejected(assume, tags={"日本 #": ""})

    assert r"' ' at position 4; STS allows 2 to 256 of [\w+=,.@#-]." in str(identity)
    assert r"' ' at position 3; STS allows 1 to 128 of [\p{L}" in str(tags)


@pytest.mark.parametrize(
    "pattern", [r"[\p{L}&&[^a]]*", r"([\w#])*", r"[\y#]*", r"[\P{L}]+"]
)
def test_unknown_patterns(models, pattern):
    """
    A pattern that isn't understood allows nothing.
    """
    models({"sts.AssumeRole.SourceIdentity": {"pattern": pattern}})

    assume(source_identity="a-b")

    assert "'#' at position 2" in str(rejected(assume, source_identity="a#b"))


def test_characters_of_arns(models):
    """
    In ARNs we allow fewer characters than the model, on purpose.
    """
    pattern = {"pattern": r"[\u0020-\u007E]+"}
    models({"sts.AssumeRole.PolicyArns[].arn": pattern})

    assert "' ' at position 1" in str(rejected(assume, policy_arns=[f" {POLICY}"]))


MOON = {
    "role_arn": (assume, ROLE),
    "principal_arn": (saml, PROVIDER),
    "target_principal": (assume_root, "arn:aws:iam::123456789012:root"),
    "task_policy_arn": (assume_root, TASK),
}


@pytest.mark.parametrize("parameter", MOON)
def test_new_partition(models, parameter):
    """
    A partition that only the SDK knows is accepted; an unknown one isn't.
    """
    call, arn = MOON[parameter]
    models(partitions=["aws", "aws-moon"])

    call(**{parameter: arn.replace("arn:aws:", "arn:aws-moon:")})
    error = rejected(call, **{parameter: arn.replace("arn:aws:", "arn:aws-mars:")})

    assert "AWS has no partition 'aws-mars'" in str(error)
    assert "aws-eusc, aws-moon." in error.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"operations": []}'])
def test_unreadable_models(tmp_path, models, text):
    """
    A model that can't be read allows nothing, and doesn't hide the error.
    """
    models()
    for service, version in VERSIONS.items():
        (tmp_path / service / version / "service-2.json").write_text(text, "utf-8")
    (tmp_path / "partitions.json").write_text(text, "utf-8")

    identity = rejected(assume, source_identity="a" * 257)
    arn = rejected(assume, role_arn=ROLE.replace("aws", "aws-moon"))

    assert "STS allows 2 to 256" in str(identity)
    assert "AWS has no partition 'aws-moon'" in str(arn)


class Unused:
    """
    Models that fail the test if they are read.
    """

    def traits(self, path):
        """
        Fail.
        """
        pytest.fail(f"{path} was looked up")

    def partitions(self):
        """
        Fail.
        """
        pytest.fail("the partitions were looked up")


def test_only_if_exceeded(models):
    """
    Nothing is looked up while values are within our limits.
    """
    models()
    use_sdk_models(Unused())

    for call, parameter, value, maximum in CASES:
        call(**{parameter: value(maximum)})


def test_nothing_to_set_up(tmp_path):
    """
    The models count in every process that imports stsession.
    """
    write_models(tmp_path, {"sts.AssumeRole.SourceIdentity": {"max": 400}})
    code = f"import stsession; stsession.assume({ROLE!r}, source_identity='a' * %d)"

    def run(length):
        return run_child(
            [sys.executable, "-c", code % length],
            env={**os.environ, "AWS_DATA_PATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    assert 0 == run(400).returncode
    assert "STS allows 2 to 400" in run(401).stderr
