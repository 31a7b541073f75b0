"""ARNs of SAML providers, root users and task policies."""

from __future__ import annotations

import pytest

from stsession._requests.arns import PARTITIONS

from .test_requests import PROVIDER, ROLE, ROOT, SAML, make, rejected


OPERATION = {
    "principal_arn": SAML,
    "target_principal": ROOT,
    "task_policy_arn": ROOT,
}


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize(
    ("parameter", "arn"),
    [
        ("principal_arn", "arn:{}:iam::012345678901:saml-provider/My_IdP.2-a"),
        ("target_principal", "arn:{}:iam::012345678901:root"),
        ("target_principal", "012345678901"),
        # AWS adds tasks, so there is no list of them.
        ("task_policy_arn", "arn:{}:iam::aws:policy/root-task/SomethingNew"),
    ],
)
def test_arns_of_all_partitions(parameter, arn, partition):
    arn = arn.format(partition)

    assert arn == make(OPERATION[parameter], **{parameter: arn}).get(parameter)


SHAPE = "looks like arn:aws:iam::123456789012:saml-provider/Okta"
TASKS = "arn:aws:iam::aws:policy/root-task/"
MISTAKES = [
    ("principal_arn", ROLE, "pass it as role_arn"),
    ("principal_arn", f"{ROLE},{PROVIDER}", "pass them separately"),
    ("principal_arn", f"{PROVIDER}, {ROLE}", "pass them separately"),
    ("principal_arn", f"{PROVIDER}?", "API_CreateSAMLProvider"),
    ("principal_arn", f"{PROVIDER}{'x' * 125}", "API_CreateSAMLProvider"),
    *(
        ("principal_arn", arn, SHAPE)
        for arn in (
            "Okta",
            "https://okta.example.com/saml",
            f"{PROVIDER}\n",
            f"{PROVIDER}/more",
            "arn:aws:iam::123456789012:saml-provider/",
            "arn:aws:iam::12345678901:saml-provider/Okta",
            "arn:awz:iam::123456789012:saml-provider/Okta",
            "arn:aws:iam::123456789012:oidc-provider/idp",
        )
    ),
    *(
        ("target_principal", principal, "12 digits")
        for principal in (
            "123456789012 ",
            "1234-5678-9012",
            "1234567890123",
            "\N{ARABIC-INDIC DIGIT ONE}23456789012",
            ROLE,
            "arn:aws:iam::123456789012:root/",
            "arn:aws:iam:::root",
            "arn:awz:iam::123456789012:root",
        )
    ),
    ("task_policy_arn", "S3UnlockBucketPolicy", f"{TASKS}S3UnlockBucketPolicy."),
    ("task_policy_arn", "root-task/SQSUnlock", f"{TASKS}SQSUnlock."),
    *(
        ("task_policy_arn", arn, f"{TASKS}IAMAudit")
        for arn in (
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            TASKS,
            "arn:aws:iam::123456789012:policy/root-task/Mine",
            "x" * 3000,
        )
    ),
]


@pytest.mark.parametrize(("parameter", "arn", "hint"), MISTAKES)
def test_mistakes(parameter, arn, hint):
    """The hint fits the mistake, and completes the name of a task."""
    error = rejected(OPERATION[parameter], **{parameter: arn})

    assert parameter == error.parameter
    assert hint in error.hint
    assert 500 > len(str(error))


@pytest.mark.parametrize(
    ("parameter", "arn", "is_valid"),
    [
        ("principal_arn", "arn:aws:iam:::saml-provider/idp", True),
        ("principal_arn", "idp", False),
        ("principal_arn", ROLE, False),
        ("target_principal", "tenant", True),
        ("target_principal", "two words", False),
        ("target_principal", "", False),
        ("task_policy_arn", "arn:ceph:iam:::policy/task", True),
        ("task_policy_arn", "task", False),
    ],
)
def test_other_servers(parameter, arn, is_valid):
    """Accounts of other servers may be missing or have names; the shape is checked."""
    check = make if is_valid else rejected

    assert check(OPERATION[parameter], **{parameter: arn}, custom_endpoint=True)
