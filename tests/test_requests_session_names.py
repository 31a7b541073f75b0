from __future__ import annotations

import re

import pytest

from hypothesis import given
from hypothesis import strategies as st

from stsession._requests.checks import default_role_session_name


def alice() -> str:
    """Return the name of the user."""
    return "alice"


def laptop() -> str:
    """Return the name of the host."""
    return "laptop.local"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "alice@laptop.local"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "nightly"}, "nightly"),
        ({"AWS_LAMBDA_FUNCTION_NAME": ""}, "alice@laptop.local"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "f"}, "stsession-f"),
        ({"AWS_BATCH_JOB_ID": "6c7f:3"}, "batch-6c7f-3"),
        (
            {
                "AWS_BATCH_JOB_ID": "6c7f",
                "AWS_BATCH_JOB_ATTEMPT": "2",
                "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/cd18-25",
            },
            "batch-6c7f-2",
        ),
        (
            {"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/cd18-25"},
            "ecs-cd18-25",
        ),
        (
            {"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/cd18-25/"},
            "ecs-cd18-25",
        ),
    ],
)
def test_names(environ: dict[str, str], name: str) -> None:
    """The name is that of the function, job or task, or else user and host."""
    assert name == default_role_session_name(environ, user=alice, host=laptop)


def test_reads_the_real_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments, the environment of the process is read."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "nightly")

    assert "nightly" == default_role_session_name()


@pytest.mark.parametrize(
    "error", [KeyError("uid"), OSError("no name"), ImportError("pwd")]
)
def test_does_without_a_user(error: Exception) -> None:
    """Containers often run under a user ID that has no name."""

    def no_user() -> str:
        raise error

    assert "laptop.local" == default_role_session_name({}, user=no_user, host=laptop)


def test_does_without_a_host() -> None:
    """Nor does every host have one."""

    def no_host() -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    assert "alice" == default_role_session_name({}, user=alice, host=no_host)
    assert "stsession" == default_role_session_name({}, user=str, host=no_host)


@given(user=st.text(), host=st.text(max_size=99), task=st.none() | st.text())
def test_is_always_legal(user: str, host: str, task: str | None) -> None:
    """STS accepts the name, whatever it is made of."""
    environ = {} if task is None else {"AWS_LAMBDA_FUNCTION_NAME": task}

    name = default_role_session_name(environ, user=lambda: user, host=lambda: host)

    assert re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII)
