"""MFA codes typed at the terminal, and notices shown there."""

from __future__ import annotations

import atexit
import contextlib
import getpass
import logging
import os
import re
import sys

from collections.abc import Callable, Iterator
from typing import Any

from .._core.events import write_log
from ..exceptions import MfaError


with contextlib.suppress(ImportError):  # on Windows, where getpass changes no mode
    import termios

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
            typed = _read_without_echo(f"{notice}\n{prompt}" if notice else prompt)
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


def _read_without_echo(prompt: str) -> str:
    """
    Read a line. If the program ends before it is typed, the terminal echoes again.

    :mod:`getpass` restores that only in the main thread, which Ctrl-C interrupts.
    """
    restore = _restorer()
    atexit.register(restore)
    try:
        return getpass.getpass(prompt)
    finally:
        atexit.unregister(restore)


def _restorer() -> Callable[[], None]:
    """Return a function that restores the current mode of the terminal."""

    def restore() -> None:
        with contextlib.suppress(Exception), _terminal() as terminal:
            termios.tcsetattr(terminal, termios.TCSADRAIN, mode)

    mode: list[Any] = []
    with contextlib.suppress(Exception), _terminal() as terminal:
        mode = termios.tcgetattr(terminal)
    return restore


@contextlib.contextmanager
def _terminal() -> Iterator[int]:
    terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    try:
        yield terminal
    finally:
        os.close(terminal)


def _end_line() -> None:
    with contextlib.suppress(OSError), _terminal() as terminal:  # not on Windows
        os.write(terminal, b"\n")


def _has_terminal() -> bool:
    if os.name == "nt":
        return sys.stdin is not None and sys.stdin.isatty()
    try:
        with _terminal():
            return True
    except OSError:
        return False
