"""
A role session name that tells who it was, for those who give none.
"""

from __future__ import annotations

import getpass
import os
import re
import socket

from typing import TYPE_CHECKING

from .limits import ROLE_SESSION_NAME


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["default_role_session_name"]


def default_role_session_name(
    environ: Mapping[str, str] = os.environ,
    *,
    user: Callable[[], str] = getpass.getuser,
    host: Callable[[], str] = socket.gethostname,
) -> str:
    """
    Name who asks, in characters and a length that STS allows.

    It is the Lambda function, the Batch job, the ECS task, or else
    ``user@host``. CloudTrail shows it, and the session's ARN ends in it.

    Args:
        environ: The environment variables.

        user: Tells the user's name; may fail, e.g. in a bare container.

        host: Tells the host's name; may fail.
    """
    return _legal(_runtime(environ) or _login(user, host))


def _runtime(environ: Mapping[str, str]) -> str:
    """
    Name what runs us, if its environment tells.
    """
    function = environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if function:
        return function
    job = environ.get("AWS_BATCH_JOB_ID")  # before ECS, which runs it
    if job:
        attempt = environ.get("AWS_BATCH_JOB_ATTEMPT")
        return f"batch-{job}-{attempt}" if attempt else f"batch-{job}"
    task = environ.get("ECS_CONTAINER_METADATA_URI_V4", "").rstrip("/")
    if task:
        return f"ecs-{task.rpartition('/')[2]}"
    return ""


def _login(user: Callable[[], str], host: Callable[[], str]) -> str:
    return "@".join(name for name in (_told(user), _told(host)) if name)


def _told(name: Callable[[], str]) -> str:
    # getuser() fails in three ways where a user ID has no name, depending on
    # the platform and the version of Python.
    try:
        return name()
    except (ImportError, KeyError, OSError, UnicodeError):
        return ""


def _legal(name: str) -> str:
    name = re.sub(r"[^\w+=,.@-]", "-", name, flags=re.ASCII)
    if len(name) < ROLE_SESSION_NAME.minimum:
        name = f"stsession-{name}" if name else "stsession"
    return name[: ROLE_SESSION_NAME.maximum]
