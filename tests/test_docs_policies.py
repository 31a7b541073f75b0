"""The IAM policies in the documentation are accepted by IAM's checks."""

from __future__ import annotations

import json
import re

import boto3
import pytest

from botocore.exceptions import ClientError
from moto import mock_aws

from .pages import DOCS, ROOT


JSON = re.compile(r"^```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)

POLICIES = [
    pytest.param(json.loads(block), id=f"{page.relative_to(ROOT)}-{number}")
    for page in sorted(DOCS.rglob("*.md"))
    for number, block in enumerate(JSON.findall(page.read_text("utf-8")), start=1)
]


def accept(policy):
    """Create a role or a managed policy with *policy*."""
    iam = boto3.client("iam", region_name="us-east-1")
    document = json.dumps(policy)

    if any("Principal" in statement for statement in policy["Statement"]):
        iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=document)
        iam.update_assume_role_policy(RoleName="Reader", PolicyDocument=document)
    else:
        iam.create_policy(PolicyName="Caller", PolicyDocument=document)


@pytest.mark.parametrize("policy", POLICIES)
@mock_aws
def test_iam_accepts(policy):
    """A policy with a principal is a trust policy; others are permissions."""
    accept(policy)


PERMISSION = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"Action": "AssumeRole"},  # without a service
        {"Effect": "allow"},
        {"Principal": {"AWS": "*"}},  # a trust policy has no resource
    ],
)
@mock_aws
def test_notices_mistakes(wrong):
    """The checks find mistakes in policies."""
    policy = {"Version": "2012-10-17", "Statement": [PERMISSION | wrong]}

    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        accept(policy)
