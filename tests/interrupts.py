"""
Interrupts a call at each point where CPython can deliver an exception.

Or where it can run a finalizer or a signal handler.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import itertools
import os
import sys
import threading

from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import stsession


# An interrupt is delivered in whatever code the main thread is in; that of the standard
# library which our locks and threads go through matters as well.
PACKAGE = str(Path(stsession.__file__).parent) + os.sep
OTHERS = {contextlib.__file__, threading.__file__}


class Interrupted(BaseException):
    """Stands for KeyboardInterrupt, and for what a signal handler raises."""


def _raise() -> None:
    raise Interrupted


class _Point:
    """Calls *act* at the point of this number, counted from the beginning."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self.left = number
        self.act = act
        self.reached = False

    def __enter__(self) -> None:
        self._before = sys.gettrace()  # that of a coverage tool
        sys.settrace(self._trace)
        sys.setprofile(self._profile)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        sys.settrace(self._before)

    def _profile(self, frame: FrameType, event: str, arg: Any) -> None:
        """After each call, and at the start of each function."""
        if event == "return":
            caller = frame.f_back
            returns = caller is not None and _is_ours(caller.f_code.co_filename)
            if returns and not _is_callback(frame.f_code.co_filename):
                self._pass()
        elif event != "c_call" and _is_ours(frame.f_code.co_filename):
            self._pass()

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if not _is_ours(code.co_filename) or not _jumps_back(code):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return self._trace_jump

    def _trace_jump(self, frame: FrameType, event: str, arg: Any) -> Any:
        """At each jump back."""
        if event == "opcode" and frame.f_lasti in _jumps_back(frame.f_code):
            self._pass()
        return self._trace_jump

    def _pass(self) -> None:
        self.left -= 1
        if self.left == -1:
            self.reached = True
            sys.setprofile(None)
            sys.settrace(None)
            self.act()


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """For what the test itself does meanwhile."""
    trace, profile = sys.gettrace(), sys.getprofile()
    sys.setprofile(None)
    sys.settrace(None)
    yield
    sys.settrace(trace)
    sys.setprofile(profile)


@functools.cache
def _is_callback(filename: str) -> bool:
    """
    Whether it belongs to a weak reference, or to what Hypothesis does at a collection.

    Exceptions of these are ignored.
    """
    return Path(filename).name in ("_weakrefset.py", "weakref.py", "junkdrawer.py")


@functools.cache
def _is_ours(filename: str) -> bool:
    of_package = filename.startswith(PACKAGE) and "testing" not in filename
    return of_package or filename in OTHERS


@functools.cache
def _jumps_back(code: CodeType) -> frozenset[int]:
    return frozenset(
        it.offset
        for it in dis.get_instructions(code)
        if it.opcode in (*dis.hasjrel, *dis.hasjabs) and it.argval <= it.offset
    )


def interruptions(
    prepare: Callable[[], Callable[[], object]],
) -> Iterator[BaseException | None]:
    """
    Interrupt what *prepare* returns at one point after the other, each time anew.

    Yields the exception, with its traceback. `None` if the call caught it.
    """
    for number in itertools.count():
        work, point = prepare(), _Point(number, _raise)
        error: BaseException | None = None
        try:
            with point:
                work()
        except Interrupted as e:
            error = e
        if not point.reached:
            return
        yield error


def visits(
    prepare: Callable[[], Callable[[], object]], act: Callable[[], object]
) -> Iterator[object]:
    """
    Call *act* at one point after the other of what *prepare* returns.

    Yields what that returns each time.
    """
    for number in itertools.count():
        work, point = prepare(), _Point(number, act)
        with point:
            result = work()
        if not point.reached:
            return
        yield result
