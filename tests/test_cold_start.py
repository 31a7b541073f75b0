from __future__ import annotations

import json
import os
import subprocess
import sys

from importlib import import_module

import pytest

from stsession.testing import LocalSTS

from .children import run_child


ROLE = "arn:aws:iam::123456789012:role/Reader"

FIRST_REQUEST = """
import json, sys

import stsession
from stsession._botocore import loader as _loader

read, real = [], _loader.Models.load_file

def load_file(self, path):
    found = real(self, path)
    if found is not None:
        read.append(path)
    return found

_loader.Models.load_file = load_file
session = stsession.assume(sys.argv[1])
body = session.client("s3").get_object(Bucket="bucket", Key="key")["Body"].read()
print(json.dumps({"body": body.decode(), "read": read, "modules": list(sys.modules)}))
"""


@pytest.fixture(name="first_request", scope="module")
def _first_request(tmp_path_factory):
    """What the first request of a process took."""
    with LocalSTS() as local:
        local.add_role(ROLE)
        local.add_bucket("bucket", objects={"key": b"value"})
        directory = tmp_path_factory.mktemp("aws")
        files = local.write_profile(directory, key=local.add_user())
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            "AWS_ENDPOINT_URL": local.endpoint_url,
            "AWS_CONFIG_FILE": files.config_file,
            "AWS_SHARED_CREDENTIALS_FILE": files.credentials_file,
        }
        done = run_child(
            [sys.executable, "-c", FIRST_REQUEST, ROLE],
            env=environment,
            stdout=subprocess.PIPE,
        )
    return json.loads(done.stdout)


def test_two_models_are_parsed(first_request):
    """Those of STS and of the service, and no paginators, waiters or resources."""
    services = {
        tuple(path.replace(os.sep, "/").split("/")[-3::2])
        for path in first_request["read"]
        if "-" in path.rsplit(os.sep, 3)[-2]
    }
    kinds = ("service-2", "service-2.sdk-extras", "endpoint-rule-set-1")

    assert "value" == first_request["body"]
    assert {"s3", "sts"} == {service for service, _ in services}
    assert set(kinds) == {kind for _, kind in services}


def test_nothing_is_parsed_twice(first_request):
    """Each file is read by one."""
    assert len(first_request["read"]) == len(set(first_request["read"]))


UNNECESSARY = {
    "stsession._sessions.from_profile",
    "stsession._sessions.mfa_session",
    "stsession._sessions.status",
    "stsession._sources.profile",
    "stsession._tokens.mfa",
    "stsession._tokens.saml",
    "stsession._tokens.terminal",
    "stsession._tokens.web_identity",
    "stsession.fleet",
    "stsession.testing",
}


def test_modules_that_a_plain_role_does_without(first_request):
    """They aren't loaded before they are needed."""
    assert all(map(import_module, UNNECESSARY))  # they exist
    assert set() == UNNECESSARY & {*first_request["modules"]}
