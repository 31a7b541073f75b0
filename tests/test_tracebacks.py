"""
Tracebacks to keep.
"""

from __future__ import annotations

import re

from stsession.fleet._results import LENGTH, LONGEST_LINE, mark, traceback_of


FUNCTIONS = [
    f"def {name}(depth):\n    {other}(depth - 1) if depth else fail()\n"
    for name, other in [("here", "there"), ("there", "here")]
]
"""They call each other by turns, so that Python doesn't abridge it by itself."""


def caught(fail, depth=0):
    """
    What *fail* raises so deep down.
    """
    names = {"fail": fail}
    exec("".join(FUNCTIONS), names)
    try:
        names["here"](depth)
    except Exception as e:  # noqa: BLE001 - whatever it is
        return e, e.__traceback__
    raise AssertionError


def test_short():
    """
    It's whole, with what the error comes from.
    """

    def fail():
        try:
            1 / 0  # noqa: B018 - it's the cause
        except ZeroDivisionError as e:
            raise LookupError("no such thing") from e

    text = traceback_of(*caught(fail))

    assert "ZeroDivisionError: division by zero\n" in text
    assert "The above exception was the direct cause" in text
    assert text.endswith("LookupError: no such thing\n")
    assert "left out" not in text


def test_deep():
    """
    The first calls are there and the last, cut at line ends, and a word between.
    """

    def fail():
        raise LookupError("no such thing")

    lines = traceback_of(*caught(fail, depth=300)).splitlines(keepends=True)
    (note,) = (line for line in lines if "left out" in line)

    assert "Traceback (most recent call last):\n" == lines[0]
    assert ", in caught\n" in lines[1]
    assert "LookupError: no such thing\n" == lines[-1]
    assert ", in fail\n" in lines[-3]
    assert re.fullmatch(r"  \.\.\. \d{3} lines left out \.\.\.\n", note)
    assert LENGTH - 200 < len("".join(lines)) < LENGTH + len(note) + 1
    assert {True} == {line[:2] == "  " for line in lines[1:-1]}


def test_counts_what_is_left_out():
    """
    All lines are there, or counted.
    """

    def fail():
        raise LookupError("\n".join(map(str, range(2_000))))

    text = traceback_of(*caught(fail))
    (left_out,) = map(int, re.findall(r"(\d+) lines left out", text))
    numbers = re.findall(r"^(?:LookupError: )?(\d+)$", text, re.MULTILINE)

    assert 2_000 == left_out + len(numbers)
    assert ["0", "1999"] == [numbers[0], numbers[-1]]


def test_deep_cause():
    """
    What the error comes from gives way to the error itself.
    """

    def deep():
        raise OSError("no route")

    def fail():
        error, _ = caught(deep, depth=300)
        raise LookupError("no such thing") from error

    text = traceback_of(*caught(fail, depth=4))
    cause, own = text.split("\nThe above exception was the direct cause")

    assert re.match(r"  \.\.\. \d+ lines left out \.\.\.\n", cause)
    assert cause.endswith("OSError: no route\n")
    assert ", in caught\n" in own
    assert "left out" not in own
    assert len(text) < LENGTH + 50


def test_long_line():
    """
    A line is cut if it is longer than any that somebody reads.
    """

    def fail():
        raise LookupError("x" * 2 * LENGTH)

    text = traceback_of(*caught(fail))
    last = text.splitlines()[-1]

    assert ", in caught\n" in text
    assert f"LookupError: {'x' * (LONGEST_LINE - 13)} ..." == last


def test_one_line():
    """
    Grammar holds for one, too.
    """
    assert "  ... 1 line left out ...\n" == mark(1)
