"""Runs another program, and ends as it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import click


__all__ = ["end_like", "replace_process", "run_program"]


CANNOT_EXECUTE = 126
NOT_FOUND = 127
"""Exit statuses of env(1)."""

FROM_TERMINAL = ("SIGINT", "SIGQUIT")
"""Signals that a terminal sends to the program as well."""

FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


class _Signals:
    """Leaves signals to a program while it runs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """
        Ignore the terminal's signals, and forward others.

        A signal that is ignored already stays ignored, for the program as well.
        """
        former: dict[signal.Signals, Any] = {}
        try:
            for name in (*FROM_TERMINAL, *FORWARDED):
                number = getattr(signal, name, None)  # Windows has only two
                if number is None or signal.getsignal(number) is signal.SIG_IGN:
                    continue
                # Not SIG_IGN, which the program would inherit.
                handler = self._forward if name in FORWARDED else self._leave
                former[number] = signal.signal(number, handler)
            yield
        finally:
            for number, previous in former.items():
                signal.signal(number, previous)

    def started(self, process: subprocess.Popen[bytes]) -> None:
        """Forward the signals that came before the program had started."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def _leave(self, number: int, frame: FrameType | None) -> None:
        pass


def run_program(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Run a program to its end. Return its exit status, or minus the signal that ended it.
    """
    signals = _Signals()
    with signals.handled():
        try:
            process = subprocess.Popen(arguments, env=environ)  # noqa: S603 - the user's
        except OSError as e:
            return _not_started(arguments[0], e)
        signals.started(process)
        return process.wait()


def replace_process(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Run a program in this process. Return an exit status only if it can't be started.
    """
    if os.name == "nt":
        return run_program(arguments, environ)
    try:
        os.execvpe(arguments[0], list(arguments), dict(environ))  # noqa: S606 - as above
    except OSError as e:
        return _not_started(arguments[0], e)


def _not_started(program: str, error: OSError) -> int:
    click.echo(f"stsession: {program}: {error.strerror}.", err=True)
    return NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_EXECUTE


def end_like(status: int) -> int:
    """
    Return the exit status of a program, or end this process by the same signal.

    Args:
        status: The exit status, or minus the number of the signal that ended it.
    """
    if status >= 0:
        return status
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - POSIX

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the program's is enough
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
    return 128 - status  # if the signal is blocked
