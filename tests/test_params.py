from __future__ import annotations

from stsession._requests.assume_role import params_of


def test_shapes():
    """
    Policies and tags go in STS's shape, the others as they are.
    """
    params = params_of(
        policy="{}", policy_arns=("arn:a", "arn:b"), tags=(("Team", ""),), Name="me"
    )

    assert {
        "Name": "me",
        "Policy": "{}",
        "PolicyArns": [{"arn": "arn:a"}, {"arn": "arn:b"}],
        "Tags": [{"Key": "Team", "Value": ""}],
    } == params


def test_gaps():
    """
    What isn't given is left out; zero and nothing in quotes are given.
    """
    params = params_of(
        DurationSeconds=0, ExternalId="", Name=None, TransitiveTagKeys=[]
    )

    assert {"DurationSeconds": 0, "ExternalId": ""} == params
