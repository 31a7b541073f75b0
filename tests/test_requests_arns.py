from __future__ import annotations

import pytest

from stsession._requests.arns import (
    PARTITIONS,
    checked_principal_arn,
    checked_target_principal,
    checked_task_policy_arn,
)
from stsession.exceptions import InvalidRequestError


PROVIDER = "arn:aws:iam::123456789012:saml-provider/Okta"
ROLE = "arn:aws:iam::123456789012:role/Reader"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_accepts_the_arns_of_all_partitions(partition: str) -> None:
    """Each kind of ARN is accepted in every partition."""
    provider = f"arn:{partition}:iam::012345678901:saml-provider/My_IdP.2-a"
    root = f"arn:{partition}:iam::012345678901:root"
    task = f"arn:{partition}:iam::aws:policy/root-task/S3UnlockBucketPolicy"

    assert provider == checked_principal_arn(provider)
    assert root == checked_target_principal(root)
    assert task == checked_task_policy_arn(task)


def test_accepts_account_ids() -> None:
    """An account ID names the root user of the account."""
    assert "012345678901" == checked_target_principal("012345678901")


def test_unknown_tasks() -> None:
    """AWS adds tasks, so there is no list of them."""
    arn = "arn:aws:iam::aws:policy/root-task/SomethingNew"

    assert arn == checked_task_policy_arn(arn)


@pytest.mark.parametrize(
    ("arn", "hint"),
    [
        (ROLE, "pass it as role_arn"),
        (f"{ROLE},{PROVIDER}", "pass them separately"),
        (f"{PROVIDER}, {ROLE}", "pass them separately"),
        ("Okta", "looks like arn:aws:iam::123456789012:saml-provider/Okta"),
        ("https://okta.example.com/saml", "looks like arn:aws:iam::"),
        (f"{PROVIDER}\n", "looks like arn:aws:iam::"),
        (f"{PROVIDER}/more", "looks like arn:aws:iam::"),
        (f"{PROVIDER}?", "API_CreateSAMLProvider"),
        (f"{PROVIDER}{'x' * 125}", "API_CreateSAMLProvider"),
        ("arn:aws:iam::123456789012:saml-provider/", "looks like arn:aws:iam::"),
        ("arn:aws:iam::12345678901:saml-provider/Okta", "looks like arn:aws:iam::"),
        ("arn:awz:iam::123456789012:saml-provider/Okta", "looks like arn:aws:iam::"),
        ("arn:aws:iam::123456789012:oidc-provider/idp", "looks like arn:aws:iam::"),
    ],
)
def test_mistakes_in_providers(arn: str, hint: str) -> None:
    """Roles and pairs of an assertion are common mistakes."""
    with pytest.raises(InvalidRequestError) as caught:
        checked_principal_arn(arn)

    assert "principal_arn" == caught.value.parameter
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "principal",
    [
        "123456789012 ",
        "1234-5678-9012",
        "1234567890123",
        "\N{ARABIC-INDIC DIGIT ONE}23456789012",
        ROLE,
        "arn:aws:iam::123456789012:root/",
        "arn:aws:iam:::root",
        "arn:awz:iam::123456789012:root",
    ],
)
def test_mistakes_in_targets(principal: str) -> None:
    """Only accounts have a root user."""
    with pytest.raises(InvalidRequestError) as caught:
        checked_target_principal(principal)

    assert "target_principal" == caught.value.parameter
    assert "12 digits" in caught.value.hint


@pytest.mark.parametrize(
    ("arn", "hint"),
    [
        ("S3UnlockBucketPolicy", "policy/root-task/S3UnlockBucketPolicy."),
        ("root-task/SQSUnlockQueuePolicy", "policy/root-task/SQSUnlockQueuePolicy."),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "policy/root-task/IAMAudit"),
        ("arn:aws:iam::aws:policy/root-task/", "policy/root-task/IAMAudit"),
        (
            "arn:aws:iam::123456789012:policy/root-task/Mine",
            "policy/root-task/IAMAudit",
        ),
        ("x" * 3000, "policy/root-task/IAMAudit"),
    ],
)
def test_mistakes_in_tasks(arn: str, hint: str) -> None:
    """The hint completes a name."""
    with pytest.raises(InvalidRequestError) as caught:
        checked_task_policy_arn(arn)

    assert "task_policy_arn" == caught.value.parameter
    assert hint in caught.value.hint
    assert 500 > len(str(caught.value))


def test_other_servers_only_need_the_shape() -> None:
    """Their accounts may be missing, or have names."""
    provider = "arn:aws:iam:::saml-provider/idp"
    task = "arn:ceph:iam:::policy/task"

    assert provider == checked_principal_arn(provider, strict=False)
    assert "tenant" == checked_target_principal("tenant", strict=False)
    assert task == checked_task_policy_arn(task, strict=False)


@pytest.mark.parametrize(
    ("checked", "arn"),
    [
        (checked_principal_arn, "idp"),
        (checked_principal_arn, ROLE),
        (checked_target_principal, "two words"),
        (checked_target_principal, ""),
        (checked_task_policy_arn, "task"),
    ],
)
def test_other_servers_need_a_shape_too(checked: object, arn: str) -> None:
    """Another shape is rejected there, too."""
    assert callable(checked)
    with pytest.raises(InvalidRequestError):
        checked(arn, strict=False)
