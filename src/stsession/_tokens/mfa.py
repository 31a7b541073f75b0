"""MFA codes, and the devices that show them."""

from __future__ import annotations

import datetime as dt
import inspect
import math
import os
import re
import subprocess
import threading

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from .._core.context import in_background
from .._core.errors import hides_arguments
from .._core.runtime import Clock, current_runtime
from .._locks import OneTimeEvent
from .._requests.checks import checked_token_code
from .._requests.limits import TOKEN_CODE, wrong_type
from .._util import forget_after_fork, isolation_key, per_process
from ..exceptions import FailureKind, InvalidRequestError, MfaError, RefreshError
from .base import CODE_WORKS_ONCE, TokenSupplier, call_function, function_name
from .terminal import CODE_REJECTED, CODE_USED, prompt_for_code, show_notice


__all__ = [
    "CodeLike",
    "MfaCodeSupplier",
    "MfaCodes",
    "totp",
]


CodeLike = Callable[[str], str] | Sequence[str] | str | None
"""The type of *mfa_code*: a function, a command, one code, or `None` for a prompt."""

STEP = 30.0
"""Seconds for which a device shows one code; `RFC 6238
<https://www.rfc-editor.org/rfc/rfc6238#section-5.2>`_."""

COMMAND_TIMEOUT = 60.0
"""Seconds that a command may take. The user may have to touch a security key."""

PROMPT_TIMEOUT = 120.0
"""Seconds by which other threads wait longer while a person is prompted."""


class MfaCodeSupplier(TokenSupplier):
    """
    Supplies the MFA device and a code for AssumeRole and GetSessionToken requests.

    Args:
        serial: Returns the serial number or ARN of the device.

        codes: The source of the device's codes.

        key: The user's name for the device.

        needed: Returns whether the request needs a code.
    """

    timeout = PROMPT_TIMEOUT

    def __init__(
        self,
        serial: Callable[[], str],
        codes: MfaCodes,
        *,
        key: Hashable,
        needed: Callable[[], bool] = lambda: True,
    ) -> None:
        self.key = key
        self.portable_key = ["mfa", key]
        self._serial = serial
        self._codes = codes
        self._needed = needed

    def if_needed(self, needed: Callable[[], bool]) -> MfaCodeSupplier:
        """
        Return a supplier for requests that need a code only while *needed* is true.
        """
        return MfaCodeSupplier(self._serial, self._codes, key=self.key, needed=needed)

    @property
    def single_use(self) -> bool:  # type: ignore[override]
        return self._needed()

    def needs_input(self) -> bool:
        return self._needed()

    def parameters(self) -> dict[str, str]:
        if not self._needed():
            return {}
        serial = self._serial()
        return {"SerialNumber": serial, "TokenCode": self._codes.next(serial)}

    def rejected(self, error: RefreshError) -> RefreshError | None:
        # STS returns AccessDenied; this library raises MfaError without a code.
        if error.kind is not FailureKind.MFA or error.code is None:
            return None
        self._codes.notice = CODE_REJECTED
        return error

    def can_renew(self) -> bool:
        return self._codes.renewable

    def update(self, later: Any) -> None:
        self._codes.update(later._codes.value)  # noqa: SLF001 - of the same class


class CodePrompter:
    """Lets one code at a time be obtained, and knows those that were used last."""

    def __init__(self) -> None:
        self._used: dict[Hashable, tuple[Clock, str, float]] = {}
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Held while a person is prompted, so that there is one prompt at a time. It
        # is reentrant because a user's function may use a session with MFA itself.
        self.prompting = threading.RLock()

    def mark_used(self, serial: str, code: str) -> None:
        clock = current_runtime().clock
        self._used[serial, isolation_key()] = clock, code, clock.monotonic()

    def seconds_until_next(self, serial: str, code: str) -> float:
        """Return 0 or less if *code* isn't the one that was used last."""
        clock = current_runtime().clock
        used_by, last, at = self._used.get((serial, isolation_key()), (clock, "", 0.0))
        if last != code or used_by is not clock:
            return 0.0
        return at + STEP - clock.monotonic()


_prompter = per_process(CodePrompter)


class MfaCodes:
    """
    The codes of one MFA device, from *mfa_code*.

    Args:
        value: What the user passed as *mfa_code*.

    Raises:
        InvalidRequestError: If *mfa_code* has another type, or isn't a code.
    """

    def __init__(self, value: CodeLike) -> None:
        self.value = _checked(value)
        self.renewable = False
        """Whether there can be more than one code."""
        self.notice = ""
        """Shown at the next prompt."""
        self._code_source: CodeLike = None
        self._single_code: str | None = None
        self._single_code_used = True
        self.update(value)

    def update(self, value: CodeLike) -> None:
        """Use another *mfa_code*, passed by a session that shares these codes."""
        if isinstance(value, str):
            if value != self._single_code:
                self._single_code, self._single_code_used = value, False
            return
        self.renewable = True
        if value is not None:
            self._code_source = value

    def next(self, serial: str) -> str:
        """
        Return a code that hasn't been used. Blocks for a prompt, function or command.

        Raises:
            MfaError: If there is no such code.
        """
        if in_background():
            raise MfaError(
                f"An MFA code from {serial} is needed, but this is a background "
                "refresh.",
                hop=serial,
                hint="You are prompted for it when the session is used next.",
            )
        prompter = _prompter()
        with prompter.prompting:
            code = self._get(serial)
            wait = prompter.seconds_until_next(serial, code)
            if wait > 0:
                code = self._get_next(serial, wait)
                if prompter.seconds_until_next(serial, code) > 0:
                    raise _used_before(serial)
            prompter.mark_used(serial, code)
            return code

    def _get_next(self, serial: str, wait: float) -> str:
        if not self.renewable:
            raise _used_before(serial)
        if self._code_source is None:  # a person sees the next code on the device
            self.notice = CODE_USED
        else:
            show_notice(
                f"The current code of MFA device {serial} has been used; waiting "
                f"{math.ceil(wait)} s for the next one."
            )
            current_runtime().wait(OneTimeEvent(), wait)
        return self._get(serial)

    def _get(self, serial: str) -> str:
        code: Any  # a user's function may return anything
        if not self._single_code_used or not self.renewable:
            code = self._take_single(serial)
        elif self._code_source is None:
            notice, self.notice = self.notice, ""
            code = prompt_for_code(serial, notice)
        elif callable(self._code_source):
            code = call_function(
                self._code_source,
                serial,
                action=f"Could not get a code from MFA device {serial}",
                hop=serial,
                failure=MfaError,
            )
        else:
            code = run_command(self._code_source, serial)
        code = code.strip() if isinstance(code, str) else code
        try:
            return checked_token_code(code)
        except InvalidRequestError:
            raise MfaError(
                f"Invalid code for MFA device {serial}: expected six digits, got "
                f"{_described(code)}.",
                hop=serial,
                hint=TOKEN_CODE.hint,
            ) from None

    def _take_single(self, serial: str) -> str | None:
        if self._single_code_used:
            raise MfaError(
                f"Another code from MFA device {serial} is needed; the one passed as "
                "mfa_code has been used.",
                hop=serial,
                hint="Pass a function or a command as mfa_code, or leave it out to be "
                "prompted, so that there is a code for each refresh.",
            )
        self._single_code_used = True
        return self._single_code


def _described(code: object) -> str:
    if not isinstance(code, str):
        return f"a value of type {type(code).__name__}"
    if len(code) == TOKEN_CODE.maximum:
        return "other characters"
    return f"{len(code)} character{'' if len(code) == 1 else 's'}"


def _checked(value: CodeLike) -> CodeLike:
    if isinstance(value, str):
        checked_token_code(value.strip())
    elif isinstance(value, (list, tuple)) and not value:
        raise InvalidRequestError(
            f"mfa_code is an empty {type(value).__name__}.",
            parameter="mfa_code",
            hint="Pass the name of a command, and its arguments.",
        )
    elif value is not None and not callable(value) and not _is_command(value):
        expected = "a function, a command as a list of str, or six digits as a str"
        raise wrong_type("mfa_code", value, expected)
    elif callable(value) and not _takes_serial(value):
        raise InvalidRequestError(
            f"mfa_code is {function_name(value)}, which can't be called with one "
            "argument.",
            parameter="mfa_code",
            hint="It receives the serial number of the device: def get_code(serial).",
        )
    return value


def _takes_serial(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind("serial")
    except TypeError:
        return False
    except ValueError:  # some functions written in C have no signature
        return True
    return True


def _is_command(value: object) -> bool:
    if not isinstance(value, Sequence) or not value:
        return False
    return all(isinstance(part, (str, os.PathLike)) for part in value)


def _used_before(serial: str) -> MfaError:
    return MfaError(
        f"The code of MFA device {serial} has been used before.",
        hop=serial,
        hint=CODE_WORKS_ONCE,
    )


def run_command(argv: Sequence[str], serial: str) -> str:
    """
    Run a command that prints a code, without a shell.

    The command shares stderr with this process, so that it can prompt for a touch. No
    message contains its output.

    Args:
        argv: The name or path of the command, and its arguments.

        serial: The serial number or ARN of the device, for messages.

    Raises:
        MfaError: If the command fails, or doesn't print a code.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the user passed this command
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = f"took more than {COMMAND_TIMEOUT:.0f} s"
    except OSError as e:
        reason = f"can't be run: {e.strerror}"
    else:
        codes = re.findall(rb"(?<![0-9])[0-9]{6}(?![0-9])", done.stdout)
        if codes and not done.returncode:
            return str(codes[-1], "ascii")
        reason = "didn't print a code of six digits"
        if done.returncode:
            reason = f"exited with status {done.returncode}"
    # Raised here, so that its context doesn't hold what the command printed.
    name = os.path.basename(argv[0])  # noqa: PTH119 - for a message
    raise MfaError(
        f"Could not get a code from MFA device {serial}. The command {name} {reason}.",
        hop=serial,
        hint="Run the command yourself to see its output.",
    )


class _Totp:
    """Computes codes from a seed, which its `repr` doesn't show."""

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
        # Raised here, so that its context doesn't hold an error that quotes the seed.
        if not seed:
            raise MfaError(
                "The seed of the MFA device can't be read.",
                hint="Pass the base32 text that AWS shows beside the QR code.",
            )

    def __repr__(self) -> str:
        return "<stsession.totp of a seed>"

    def __reduce__(self) -> str:
        msg = (
            "The seed of an MFA device can't be pickled. Pass a function that the "
            "other process can import, and that fetches the seed there."
        )
        raise TypeError(msg)

    def __call__(self, serial: str) -> str:
        now = dt.datetime.fromtimestamp(current_runtime().clock.wall(), dt.timezone.utc)
        return str(self._totp.at(now))


@hides_arguments
def totp(secret: str) -> Callable[[str], str]:
    """
    Return a function for *mfa_code* that computes a virtual MFA device's codes.

    A seed stored beside the access key makes MFA useless. Fetch it from a place with
    separate access control, such as the secret store of your CI system.

    Needs ``pip install 'stsession[totp]'``.

    Args:
        secret: The base32 seed that AWS shows when the device is created.

    Raises:
        MfaError: If *secret* isn't base32.

        ImportError: If pyotp isn't installed.

    .. versionadded:: 0.1.0
    """
    return _Totp(secret)
