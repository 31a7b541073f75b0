"""Ends credential processes that start themselves."""

from __future__ import annotations

import hashlib
import os

from collections.abc import Sequence

from .errors import NO_CREDENTIALS, CommandError


__all__ = ["check_callers"]


CALLERS = "STSESSION_CALLERS"
"""The variable with digests of the credential processes that wait for this one."""

MAX_CALLERS = 4

RELEVANT = (
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)


def check_callers(arguments: Sequence[str]) -> None:
    """
    Check that no process with the same arguments waits for this one.

    Processes that this one starts can check the same.

    Args:
        arguments: The arguments of this process.

    Raises:
        CommandError: If there is such a process, or if too many wait.
    """
    settings = [f"{name}={os.environ.get(name, '')}" for name in RELEVANT]
    text = "\0".join([*settings, *arguments])
    own = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]
    callers = os.environ.get(CALLERS, "").split()
    if own in callers or len(callers) >= MAX_CALLERS:
        raise CommandError(
            "The credentials of the profile depend on themselves: its "
            "credential_process starts a command that uses the same profile. Pass "
            "another profile as --source.",
            NO_CREDENTIALS,
        )
    os.environ[CALLERS] = " ".join([*callers, own])
