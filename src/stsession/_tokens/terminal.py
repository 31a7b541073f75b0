"""MFA codes typed at the terminal, and notices shown there."""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import re
import sys

from .._core.events import write_log
from ..exceptions import MfaError


__all__ = ["CODE_REJECTED", "CODE_USED", "prompt_for_code", "show_notice"]


TRIES = 3
"""How many times a person may type an invalid code."""

INVALID = "Invalid code: enter six digits."
CODE_REJECTED = (
    "STS rejected the code. Codes work only once; if it was used elsewhere, wait for "
    "the next one."
)
CODE_USED = "That code has been used, and codes work only once. Wait for the next one."


def show_notice(text: str) -> None:
    """Log the reason for a wait, and write it to stderr if that is a terminal."""
    write_log(logging.INFO, text)
    # A closed terminal must not fail the request.
    with contextlib.suppress(Exception):
        if sys.stderr.isatty():
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def prompt_for_code(serial: str, notice: str = "") -> str:
    """
    Read a code from the terminal, without echo.

    It reads from the terminal itself, not from stdin, which may be a file.

    Args:
        serial: The serial number or ARN of the MFA device.

        notice: A line that is shown above the prompt.

    Raises:
        MfaError: If there is no terminal, or no code is typed.
    """
    if not _has_terminal():
        raise MfaError(
            f"An MFA code from {serial} is needed, and there is no terminal to prompt "
            "on.",
            hop=serial,
            hint="Pass a function or a command as mfa_code.",
        )
    for _ in range(TRIES):
        prompt = f"MFA code for {serial}: "
        try:
            typed = getpass.getpass(f"{notice}\n{prompt}" if notice else prompt)
        except EOFError:
            _end_line()
            break
        code = "".join(typed.split())
        if re.fullmatch("[0-9]{6}", code):
            return code
        notice = INVALID
    raise MfaError(
        f"No code was typed for MFA device {serial}.",
        hop=serial,
        hint="Use the session again to get another prompt.",
    )


def _end_line() -> None:
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
