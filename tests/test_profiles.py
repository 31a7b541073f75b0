from __future__ import annotations

import pytest

from stsession import InvalidRequestError
from stsession._sources.profile import (
    NamedSource,
    ProfileSource,
    RoleStep,
    WebIdentityStep,
    in_profile,
    plan_of,
)

from .wire import HUB, READER, TARGET


KEYS = {"aws_access_key_id": "AKIAKEYS", "aws_secret_access_key": "secret"}


def step(profile, role_arn, **kw):
    """
    A step that says nothing but *kw*.
    """
    nothing = {
        "role_session_name": None,
        "external_id": None,
        "duration_seconds": None,
        "mfa_serial": None,
    }
    return RoleStep(profile=profile, role_arn=role_arn, **{**nothing, **kw})


def refused(profiles, name="me"):
    """
    What is wrong.
    """
    with pytest.raises(InvalidRequestError) as caught:
        plan_of(profiles, name)
    return caught.value


def test_keys():
    """
    A profile without a role is where credentials come from.
    """
    assert (ProfileSource("me"), []) == plan_of({"me": KEYS}, "me")


def test_role():
    """
    A role has its source before it, and all that the profile says.
    """
    me = {
        "role_arn": READER,
        "source_profile": "keys",
        "role_session_name": "nightly",
        "external_id": "tenant",
        "duration_seconds": "900",
        "mfa_serial": "GAHT12345678",
    }

    assert (
        ProfileSource("keys"),
        [
            step(
                "me",
                READER,
                role_session_name="nightly",
                external_id="tenant",
                duration_seconds=900,
                mfa_serial="GAHT12345678",
            )
        ],
    ) == plan_of({"me": me, "keys": KEYS}, "me")


def test_roles_from_the_first():
    """
    The roles stand in the order in which they are assumed.
    """
    profiles = {
        "me": {"role_arn": TARGET, "source_profile": "reader"},
        "reader": {"role_arn": READER, "source_profile": "hub"},
        "hub": {"role_arn": HUB, "source_profile": "keys"},
        "keys": KEYS,
    }

    assert (
        ProfileSource("keys"),
        [step("hub", HUB), step("reader", READER), step("me", TARGET)],
    ) == plan_of(profiles, "me")


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_a_source_go_before_its_role(key):
    """
    Even if there is half a key only, as with botocore.
    """
    profiles = {
        "me": {"role_arn": TARGET, "source_profile": "hub"},
        "hub": {"role_arn": HUB, "source_profile": "me", key: "x"},
    }

    assert (ProfileSource("hub"), [step("me", TARGET)]) == plan_of(profiles, "me")


def test_source_that_is_itself():
    """
    A profile may assume its role with its own keys.
    """
    me = {"role_arn": READER, "source_profile": "me", **KEYS}

    assert (ProfileSource("me"), [step("me", READER)]) == plan_of({"me": me}, "me")


@pytest.mark.parametrize(
    ("said", "method"),
    [
        ("Environment", "env"),
        ("EcsContainer", "container-role"),
        ("Ec2InstanceMetadata", "iam-role"),
    ],
)
def test_credential_source(said, method):
    """
    Surroundings have a name of their own in botocore.
    """
    me = {"role_arn": READER, "credential_source": said}

    assert (NamedSource("me", method), [step("me", READER)]) == plan_of(
        {"me": me}, "me"
    )


def test_web_identity():
    """
    It needs no source, and other parameters have no meaning.
    """
    me = {
        "role_arn": READER,
        "web_identity_token_file": "/token",
        "role_session_name": "pod",
        "source_profile": "nowhere",
        "duration_seconds": "1h",
        **KEYS,
    }

    assert (
        WebIdentityStep(
            profile="me",
            role_arn=READER,
            role_session_name="pod",
            token_file="/token",
        ),
        [],
    ) == plan_of({"me": me}, "me")


def test_web_identity_as_the_source():
    """
    It is the first, whatever keys stand beside it.
    """
    profiles = {
        "me": {"role_arn": TARGET, "source_profile": "pod"},
        "pod": {"role_arn": HUB, "web_identity_token_file": "/token", **KEYS},
    }
    first, roles = plan_of(profiles, "me")

    assert isinstance(first, WebIdentityStep)
    assert [step("me", TARGET)] == roles


def test_no_default_profile():
    """
    Nobody has to have one.
    """
    assert (ProfileSource("default"), []) == plan_of({}, "default")


@pytest.mark.parametrize(
    ("profiles", "known"), [({}, "none"), ({"b": {}, "a": {}}, "a, b")]
)
def test_no_such_profile(profiles, known):
    """
    The error says which there are.
    """
    error = refused(profiles)

    assert 'There is no profile "me".' in str(error)
    assert error.hint.endswith(f"have: {known}.")
    assert "name" == error.parameter


WRONG = {
    "no source": (
        {"role_arn": READER},
        'profile "me", role_arn is set without source_profile or credential_source',
    ),
    "both": (
        {
            "role_arn": READER,
            "source_profile": "keys",
            "credential_source": "Environment",
        },
        'profile "me", source_profile and credential_source are both set',
    ),
    "missing": (
        {"role_arn": READER, "source_profile": "non"},
        'profile "me", source_profile refers to "non", which does not exist',
    ),
    "missing default": (
        {"role_arn": READER, "source_profile": "default"},
        'profile "me", source_profile refers to "default", which does not exist',
    ),
    "unknown": (
        {"role_arn": READER, "credential_source": "environment"},
        'profile "me", credential_source is "environment"; it can be Environment',
    ),
    "itself": (
        {"role_arn": READER, "source_profile": "me"},
        'profile "me", source_profile refers to itself and has no keys',
    ),
    "circle": (
        {"role_arn": READER, "source_profile": "loop"},
        'profile "loop", source_profile forms a cycle at "me"',
    ),
    "duration": (
        {"role_arn": READER, "source_profile": "keys", "duration_seconds": "1.5"},
        'profile "me", duration_seconds is "1.5", which is not a whole number',
    ),
    "no role": (
        {"web_identity_token_file": "/token"},
        'profile "me", role_arn is missing',
    ),
    "no token": (
        {"role_arn": READER, "web_identity_token_file": ""},
        'profile "me", web_identity_token_file is missing',
    ),
    "section": (
        {"role_arn": READER, "source_profile": {"a": "b"}},
        'profile "me", source_profile has indented lines',
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    """
    The error quotes profile and key, and says where to mend it.
    """
    me, told = WRONG[name]
    loop = {"role_arn": HUB, "source_profile": "me"}
    error = refused({"me": me, "keys": KEYS, "loop": loop})

    assert told in str(error)
    assert error.hint


def test_circle_further_on():
    """
    A circle needn't hold the profile that was asked for.
    """
    profiles = {
        "me": {"role_arn": READER, "source_profile": "one"},
        "one": {"role_arn": HUB, "source_profile": "two"},
        "two": {"role_arn": TARGET, "source_profile": "one"},
    }

    assert 'profile "two", source_profile forms a cycle at "one"' in str(
        refused(profiles)
    )


def test_wrong_value():
    """
    What is wrong with a value is said with the profile that has it.
    """
    with pytest.raises(InvalidRequestError) as caught, in_profile("me"):
        raise InvalidRequestError("Too short.", parameter="external_id", hint="Grow.")

    error = caught.value
    assert 'In profile "me": Too short. Grow.' == str(error)
    assert ("external_id", "Grow.") == (error.parameter, error.hint)
