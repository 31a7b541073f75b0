"""
The terminal: prompts for MFA codes, and notices.
"""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import re
import sys

from .._core.events import write_log
from ..exceptions import MfaError


__all__ = ["REFUSED", "USED", "announce", "ask_at_terminal"]


TRIES = 3
"""Times that somebody may type what can't be a code."""

NO_CODE = "That is no code; a code is six digits."
REFUSED = "STS has refused that code."
USED = "That code has been used, and each serves once. Wait for the next one."


def announce(text: str) -> None:
    """
    Log why a call takes a while, and write it to standard error if a person reads it.
    """
    write_log(logging.INFO, text)
    # A closed terminal must not fail the request.
    with contextlib.suppress(Exception):
        if sys.stderr.isatty():
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def ask_at_terminal(serial: str, said: str = "") -> str:
    """
    Ask the person at the terminal, without showing what they type.

    The terminal itself is asked, not stdin, which may be a file.

    Args:
        serial: The device.

        said: What there is to say before.

    Raises:
        MfaError: If there is no terminal, or no code is typed.
    """
    if not _has_terminal():
        raise MfaError(
            f"A code of the MFA device {serial} is needed, and there is no terminal "
            "to ask at.",
            hop=serial,
            hint="Pass a function or a command as mfa_code.",
        )
    for _ in range(TRIES):
        prompt = f"MFA code for {serial}: "
        try:
            typed = getpass.getpass(f"{said}\n{prompt}" if said else prompt)
        except EOFError:
            _end_line()
            break
        code = "".join(typed.split())
        if re.fullmatch("[0-9]{6}", code):
            return code
        said = NO_CODE
    raise MfaError(
        f"No code for the MFA device {serial} was typed.",
        hop=serial,
        hint="Use the session again to be asked again.",
    )


def _end_line() -> None:
    """
    Have what comes next begin on a line of its own.
    """
    with contextlib.suppress(OSError):  # there is no such file on Windows
        terminal = os.open("/dev/tty", os.O_WRONLY)
        os.write(terminal, b"\n")
        os.close(terminal)


def _has_terminal() -> bool:
    if os.name == "nt":
        return sys.stdin is not None and sys.stdin.isatty()
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
