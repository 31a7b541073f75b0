from __future__ import annotations

import getpass
import os
import re
import socket

from unittest import mock

import pytest

from hypothesis import given
from hypothesis import strategies as st

from stsession._requests.checks import default_role_session_name


TASK = {"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/cd18-25"}


def name_of(*, user="alice", host="laptop.local", environ=None):
    """The name in a process of *user*, on *host*; either may be an error."""
    with (
        mock.patch.object(getpass, "getuser", side_effect=[user]),
        mock.patch.object(socket, "gethostname", side_effect=[host]),
        mock.patch.dict(os.environ, environ or {}),
    ):
        return default_role_session_name()


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "alice@laptop.local"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "nightly"}, "nightly"),
        ({"AWS_LAMBDA_FUNCTION_NAME": ""}, "alice@laptop.local"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "f"}, "stsession-f"),
        ({"AWS_BATCH_JOB_ID": "6c7f:3"}, "batch-6c7f-3"),
        (
            {"AWS_BATCH_JOB_ID": "6c7f", "AWS_BATCH_JOB_ATTEMPT": "2", **TASK},
            "batch-6c7f-2",
        ),
        (TASK, "ecs-cd18-25"),
        ({name: f"{url}/" for name, url in TASK.items()}, "ecs-cd18-25"),
    ],
)
def test_names(environ, name):
    """The name is that of the function, job or task, or else user and host."""
    assert name == name_of(environ=environ)


NO_HOST = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


@pytest.mark.parametrize(
    ("user", "host", "name"),
    [
        (KeyError("uid"), "laptop.local", "laptop.local"),
        (OSError("no name"), "laptop.local", "laptop.local"),
        (ImportError("pwd"), "laptop.local", "laptop.local"),
        ("alice", NO_HOST, "alice"),
        ("", NO_HOST, "stsession"),
    ],
)
def test_does_without_a_user_or_host(user, host, name):
    """Containers often run under a user ID that has no name."""
    assert name == name_of(user=user, host=host)


@given(user=st.text(), host=st.text(max_size=99))
def test_is_always_legal(user, host):
    """STS accepts the name, whatever it is made of."""
    name = name_of(user=user, host=host)

    assert re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII)
