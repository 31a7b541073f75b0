"""Limits of the installed SDK, which are used if a value exceeds one of ours."""

from __future__ import annotations

import json
import os
import sys

import pytest

from stsession._botocore.loader import InstalledModels
from stsession._requests.limits import use_sdk_models

from .children import run_child
from .pages import LIMITS
from .test_requests import (
    LENGTHS,
    POLICY_ARN,
    PROVIDER,
    ROLE,
    ROLE_OPERATION,
    ROOT,
    ROOT_ARN,
    SAML,
    TASK,
    make,
    rejected,
    sized,
    tags,
)


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
    """Install models that have some parameters; any others aren't in them."""

    def install(traits=None, partitions=()):
        write_models(tmp_path, traits or {})
        data = {"partitions": [{"id": name} for name in partitions]}
        (tmp_path / "partitions.json").write_text(json.dumps(data), "utf-8")
        monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
        use_sdk_models(InstalledModels())

    yield install
    use_sdk_models()


each_limit = pytest.mark.parametrize(
    ("operation", "parameter", "value", "maximum"),
    [(*case[:3], case[4]) for case in LENGTHS],
)


@each_limit
def test_larger_maximum(models, operation, parameter, value, maximum):
    """Values are accepted up to the maximum of the model."""
    models({path: {"max": it.maximum + 1} for it in LIMITS for path in it.paths})

    make(operation, **sized(parameter, value(maximum + 1)))
    error = rejected(operation, **{parameter: value(maximum + 2)})

    assert parameter == error.parameter
    assert f" {maximum + 2:,}" in str(error)
    assert f" to {maximum + 1:,}" in str(error)


@each_limit
def test_smaller_maximum(models, operation, parameter, value, maximum):
    """An older model changes nothing."""
    models({path: {"max": 1} for it in LIMITS for path in it.paths})

    make(operation, **sized(parameter, value(maximum)))
    error = rejected(operation, **{parameter: value(maximum + 1)})

    assert f" to {maximum:,}" in str(error)


def test_transitive_tag_keys(models):
    """Tags and transitive keys have a limit each."""
    paths = ("sts.AssumeRole.Tags", "sts.AssumeRole.TransitiveTagKeys")
    models({path: {"max": 60} for path in paths})

    make(tags=tags(60), transitive_tag_keys=[*tags(60)])


def test_smaller_minimum(models):
    """The minimum of the model counts as well."""
    models({"sts.AssumeRole.DurationSeconds": {"min": 300}})

    make(duration_seconds=300)
    error = rejected(duration_seconds=299)

    assert "duration_seconds is 299; STS allows 300 to 43,200." in str(error)


def test_role_chaining(models):
    """The hour that role chaining allows isn't a limit of the model."""
    models({"sts.AssumeRole.DurationSeconds": {"max": 90_000}})

    error = rejected(chained=True, duration_seconds=3601)

    assert "role chaining" in str(error)
    assert "900 to 3,600" in str(error)


def test_more_characters(models):
    """Characters that are illegal for us are compared with the pattern of the model."""
    models(
        {
            "sts.AssumeRole.SourceIdentity": {"pattern": r"[\w+=,.@#-]*"},
            "sts.AssumeRole.Tags[].Key": {"pattern": r"[\p{L}\p{N}#\-]+"},
        }
    )

    make(source_identity="a#b", tags={"Größe-1#": ""})
    identity = rejected(source_identity="a#b c")
    tag = rejected(tags={"日本 #": ""})

    assert r"' ' at position 4; STS allows 2 to 256 of [\w+=,.@#-]." in str(identity)
    assert r"' ' at position 3; STS allows 1 to 128 of [\p{L}" in str(tag)


@pytest.mark.parametrize(
    "pattern", [r"[\p{L}&&[^a]]*", r"([\w#])*", r"[\y#]*", r"[\P{L}]+"]
)
def test_unknown_patterns(models, pattern):
    """A pattern that isn't understood allows nothing."""
    models({"sts.AssumeRole.SourceIdentity": {"pattern": pattern}})

    make(source_identity="a-b")

    assert "'#' at position 2" in str(rejected(source_identity="a#b"))


def test_characters_of_arns(models):
    """In ARNs we allow fewer characters than the model, on purpose."""
    pattern = {"pattern": r"[\u0020-\u007E]+"}
    models({"sts.AssumeRole.PolicyArns[].arn": pattern})

    assert "' ' at position 1" in str(rejected(policy_arns=[f" {POLICY_ARN}"]))


MOON = {
    "role_arn": (ROLE_OPERATION, ROLE),
    "principal_arn": (SAML, PROVIDER),
    "target_principal": (ROOT, ROOT_ARN),
    "task_policy_arn": (ROOT, TASK),
}


@pytest.mark.parametrize("parameter", MOON)
def test_new_partition(models, parameter):
    """A partition that only the SDK knows is accepted; an unknown one isn't."""
    operation, arn = MOON[parameter]
    models(partitions=["aws", "aws-moon"])

    make(operation, **{parameter: arn.replace("aws:", "aws-moon:", 1)})
    error = rejected(operation, **{parameter: arn.replace("aws:", "aws-mars:", 1)})

    assert "AWS has no partition 'aws-mars'" in str(error)
    assert "aws-eusc, aws-moon." in error.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"operations": []}'])
def test_unreadable_models(tmp_path, models, text):
    """A model that can't be read allows nothing, and doesn't hide the error."""
    models()
    for service, version in VERSIONS.items():
        (tmp_path / service / version / "service-2.json").write_text(text, "utf-8")
    (tmp_path / "partitions.json").write_text(text, "utf-8")

    identity = rejected(source_identity="a" * 257)
    arn = rejected(role_arn=ROLE.replace("aws", "aws-moon"))

    assert "STS allows 2 to 256" in str(identity)
    assert "AWS has no partition 'aws-moon'" in str(arn)


class Unused:
    """Models that fail the test if they are read."""

    def traits(self, path):
        """Fail."""
        pytest.fail(f"{path} was looked up")

    def partitions(self):
        """Fail."""
        pytest.fail("the partitions were looked up")


def test_only_if_exceeded(models):
    """Nothing is looked up while values are within our limits."""
    models()
    use_sdk_models(Unused())

    for operation, parameter, value, _, maximum, _ in LENGTHS:
        make(operation, **sized(parameter, value(maximum)))


def test_nothing_to_set_up(tmp_path):
    """The models count in every process that imports stsession."""
    write_models(tmp_path, {"sts.AssumeRole.SourceIdentity": {"max": 400}})
    code = f"import stsession; stsession.assume({ROLE!r}, source_identity='a' * 401)"
    done = run_child(
        [sys.executable, "-c", code],
        env={**os.environ, "AWS_DATA_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert "STS allows 2 to 400" in done.stderr
