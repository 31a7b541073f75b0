"""
MFA codes and devices.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import inspect
import logging
import math
import os
import re
import subprocess
import sys
import threading

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import botocore.session

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .._botocore.errors import presentable
from .._core.context import in_background
from .._core.errors import hides_arguments
from .._core.events import write_log
from .._core.runtime import Clock, current_runtime
from .._locks import OneTimeEvent
from .._requests.checks import checked_token_code
from .._requests.limits import wrong_type
from .._util import forget_after_fork, per_process, world
from ..exceptions import InvalidRequestError, MfaError
from .base import called, name_of


__all__ = [
    "REFUSED",
    "USED",
    "CodeLike",
    "MfaCodes",
    "announce",
    "ask_at_terminal",
    "find_serial",
    "totp",
]


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


CodeLike = Callable[[str], str] | Sequence[str] | str | None
"""What *mfa_code* takes."""

STEP = 30.0
"""Seconds in which a device shows one code; `RFC 6238
<https://www.rfc-editor.org/rfc/rfc6238#section-5.2>`_."""

COMMAND_TIMEOUT = 60.0
"""Seconds; somebody may have to find the key and touch it."""

ONCE = "Each code works once; if another process used it, wait for the next one."

ALTERNATIVES = (
    "Pass a function, a command, or nothing as mfa_code, so that there is a code for "
    "each refresh."
)


class _Desk:
    """
    Where one code is asked for at a time, and none is taken twice.
    """

    def __init__(self) -> None:
        self._used: dict[Hashable, tuple[Clock, str, float]] = {}
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Held while somebody is asked: two prompts at once help nobody. Whoever
        # is asked may need a session with a code of its own.
        self._asking = threading.RLock()

    def take(
        self, serial: str, ask: Callable[[], str], again: Callable[[float], str]
    ) -> str:
        """
        Ask for a code that hasn't been used yet.

        Args:
            serial: The device.

            ask: Returns a code.

            again: Returns another one, which there is after so many seconds.
        """
        with self._asking:
            code = ask()
            wait = self._wait(serial, code)
            if wait > 0:
                code = again(wait)
                if self._wait(serial, code) > 0:
                    raise _used_up(serial)
            clock = current_runtime().clock
            self._used[serial, world()] = clock, code, clock.monotonic()
            return code

    def _wait(self, serial: str, code: str) -> float:
        """
        Seconds until *code* is another one than the one used last.
        """
        clock = current_runtime().clock
        by, last, at = self._used.get((serial, world()), (clock, "", 0.0))
        if last != code or by is not clock:
            return 0.0
        return at + STEP - clock.monotonic()


_desk = per_process(_Desk())


class MfaCodes:
    """
    Codes for one device.

    Args:
        given: What the user passed as *mfa_code*.

    Raises:
        InvalidRequestError: If no code can come of that.
    """

    renewable = False
    """Whether there can be more than one."""

    def __init__(self, given: CodeLike) -> None:
        self.given = _checked(given)
        self._lasting: CodeLike = None
        self._single: str | None = None
        self._unspent: str | None = None
        self._said = ""  # to the person, before the next prompt
        self.update(self)

    def update(self, later: MfaCodes) -> None:
        """
        Somebody who shares these has said later where to get codes.
        """
        given = later.given
        if isinstance(given, str):
            if given != self._single:
                self._single = self._unspent = given
            return
        self.renewable = True
        if given is not None:
            self._lasting = given

    def refused(self) -> None:
        """
        STS hasn't taken the last one.
        """
        self._said = REFUSED

    def next(self, serial: str) -> str:
        """
        Return a code that hasn't been used. Blocks while somebody is asked.

        Raises:
            MfaError: If there is none.
        """
        if in_background():
            raise MfaError(
                f"A code of the MFA device {serial} is needed, but this is a thread "
                "in the background.",
                hop=serial,
                hint="It is asked for when the session is used next.",
            )
        return _desk.take(
            serial,
            lambda: self._ask(serial),
            lambda wait: self._ask_again(serial, wait),
        )

    def _ask_again(self, serial: str, wait: float) -> str:
        if not self.renewable:
            raise _used_up(serial)
        if self._lasting is None:  # who is asked sees when there is another
            self._said = USED
        else:
            announce(
                f"The current code of the MFA device {serial} has been used; waiting "
                f"{math.ceil(wait)} s for the next one."
            )
            current_runtime().wait(OneTimeEvent(), wait)
        return self._ask(serial)

    def _ask(self, serial: str) -> str:
        code: Any  # a function of the user's may return anything
        if self._unspent is not None or not self.renewable:
            code = self._take_single(serial)
        elif self._lasting is None:
            said, self._said = self._said, ""
            code = ask_at_terminal(serial, said)
        elif callable(self._lasting):
            code = called(
                self._lasting,
                serial,
                what=f"Could not get a code for the MFA device {serial}",
                hop=serial,
                failure=MfaError,
            )
        else:
            code = ask_command(self._lasting, serial)
        code = code.strip() if isinstance(code, str) else code
        try:
            return checked_token_code(code)
        except InvalidRequestError as e:
            raise MfaError(
                f"The code for the MFA device {serial} is no code. {e}", hop=serial
            ) from None

    def _take_single(self, serial: str) -> str:
        code, self._unspent = self._unspent, None
        if code is None:
            raise MfaError(
                f"Another code of the MFA device {serial} is needed; the one that "
                "was given has been used.",
                hop=serial,
                hint=ALTERNATIVES,
            )
        return code


def _checked(given: CodeLike) -> CodeLike:
    if isinstance(given, str):
        checked_token_code(given.strip())
    elif isinstance(given, (list, tuple)) and not given:
        raise InvalidRequestError(
            f"mfa_code is an empty {type(given).__name__}.",
            parameter="mfa_code",
            hint="Pass the name of a command, and its arguments.",
        )
    elif given is not None and not callable(given) and not _is_command(given):
        expected = "a function, a command as a list of str, or six digits as a str"
        raise wrong_type("mfa_code", given, expected)
    elif callable(given) and not _takes_serial(given):
        raise InvalidRequestError(
            f"mfa_code is {name_of(given)}, which can't be called with one argument.",
            parameter="mfa_code",
            hint="It receives the serial number of the device: def get_code(serial).",
        )
    return given


def _takes_serial(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind("serial")
    except TypeError:
        return False
    except ValueError:  # one that has no signature, as some of C
        return True
    return True


def _is_command(given: object) -> bool:
    if not isinstance(given, Sequence) or not given:
        return False
    return all(isinstance(part, (str, os.PathLike)) for part in given)


def _used_up(serial: str) -> MfaError:
    return MfaError(
        f"The code for the MFA device {serial} has been used before.",
        hop=serial,
        hint=ONCE,
    )


def ask_command(argv: Sequence[str], serial: str) -> str:
    """
    Run a command that prints a code, without a shell.

    Its stderr goes where ours goes: it may ask for a touch, and what it says
    is none of our messages' business.

    Raises:
        MfaError: If it fails, or prints no code.
    """
    try:
        done = subprocess.run(  # noqa: S603 - it's what the user asked for
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        why = f"took more than {COMMAND_TIMEOUT:.0f} s"
    except OSError as e:
        why = f"can't be run: {e.strerror}"
    else:
        codes = re.findall(rb"(?<![0-9])[0-9]{6}(?![0-9])", done.stdout)
        if codes and not done.returncode:
            return str(codes[-1], "ascii")
        why = "printed no code of six digits"
        if done.returncode:
            why = f"ended with status {done.returncode}"
    # Out here, so that its context doesn't hold what the command has printed.
    name = os.path.basename(argv[0])  # noqa: PTH119 - for a message
    raise MfaError(
        f"Could not get a code for the MFA device {serial}. The command {name} {why}.",
        hop=serial,
        hint="Run it by hand to see what it says.",
    )


HINT = "Pass the serial number or ARN of the device as mfa_serial."


def find_serial(session: botocore.session.Session, name: str) -> str:
    """
    Ask IAM for the only device of the user whose keys *session* has.

    Args:
        session: The source.

        name: The source's name, for messages.

    Raises:
        MfaError: If it says no, or knows none, or several.
    """
    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
    client: Any = session.create_client("iam", config=config)
    try:
        devices = client.list_mfa_devices()["MFADevices"]
    except (BotoCoreError, ClientError) as e:
        why = e.response["Error"]["Code"] if isinstance(e, ClientError) else str(e)
        raise MfaError(
            f"Could not find the MFA device of {name}. IAM returned {why}.", hint=HINT
        ) from presentable(e)
    finally:
        client.close()
    # Security keys and passkeys show no codes.
    serials = [
        device["SerialNumber"]
        for device in devices
        if ":u2f/" not in device["SerialNumber"]
    ]
    if len(serials) != 1:
        known = ", ".join(serials) or "none"
        raise MfaError(
            f"Could not tell the MFA device of {name}. IAM knows {known}.", hint=HINT
        )
    return str(serials[0])


class _Totp:
    """
    A function of a seed that doesn't show in its `repr`.
    """

    def __init__(self, secret: str) -> None:
        try:
            import pyotp  # noqa: PLC0415 - an extra
        except ImportError:
            msg = "stsession.totp() needs pyotp: pip install 'stsession[totp]'."
            raise ImportError(msg) from None
        seed = "".join(secret.split())
        try:
            self._totp = pyotp.TOTP(seed)
            self._totp.at(0)
        except ValueError:
            seed = ""
        # Out here, so that its context, which may quote the seed, is none of ours.
        if not seed:
            raise MfaError(
                "The seed of the MFA device can't be read.",
                hint="Pass the base32 text that AWS shows beside the QR code.",
            )

    def __repr__(self) -> str:
        return "<stsession.totp of a seed>"

    def __reduce__(self) -> str:
        msg = (
            "The seed of an MFA device isn't pickled. Pass a function that the other "
            "process can import, and that fetches the seed there."
        )
        raise TypeError(msg)

    def __call__(self, serial: str) -> str:
        now = dt.datetime.fromtimestamp(current_runtime().clock.wall(), dt.timezone.utc)
        return str(self._totp.at(now))


@hides_arguments
def totp(secret: str) -> Callable[[str], str]:
    """
    Return what *mfa_code* takes, for a virtual device whose seed is known.

    Whoever has the seed has the second factor. Where it is stored beside the
    access key, there is one factor left; so fetch it from somewhere that asks
    for something else, such as a secret store of your CI.

    Needs ``pip install 'stsession[totp]'``.

    Args:
        secret: The base32 seed that AWS shows when the device is made.

    Raises:
        MfaError: If it is no such seed.

        ImportError: If pyotp isn't installed.

    .. versionadded:: 0.1.0
    """
    return _Totp(secret)
