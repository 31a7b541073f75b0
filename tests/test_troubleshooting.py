"""
Whatever our errors say stands in the troubleshooting guide.
"""

from __future__ import annotations

import ast
import re

from pathlib import Path

import pytest

import stsession

from stsession import exceptions
from stsession._sts.errors import RULES

from .pages import DOCS, LIMITS


PAGE = " ".join(
    (DOCS / "how-to" / "troubleshooting.md").read_text("utf-8").replace("`", "").split()
)

QUIET = {"_core/events", "_core/refresher", "_core/runtime", "_core/state"}
"""Modules whose texts are only logged."""

DATA = {"_requests/limits"}
"""Its hints are looked at as data."""

DOCSTRINGS = ("…, of the same record",)
"""Texts that are docstrings, though they don't look like it."""

GAP = ".{0,160}?"


def templates(path):
    """
    The texts in a module that read like sentences, with … for what is filled in.
    """
    tree = ast.parse(path.read_text("utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):  # docstrings
            skipped.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            skipped.update(set(ast.walk(node)) - {node})
    for node in ast.walk(tree):
        text = None if node in skipped else filled(node)
        if text is not None and reads_like_a_sentence(text):
            yield text


def filled(node):
    """
    The text of a string or an f-string; `None` for anything else.
    """
    if isinstance(node, ast.JoinedStr):
        return "".join(filled(value) or "…" for value in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{(\d|[a-z]+)(!r)?\}", "…", node.value)
    return None


def reads_like_a_sentence(text):
    """
    Whether it is more than a word, a pattern, or the name of something.
    """
    if len(re.findall(r"[A-Za-z]{2}", text)) < 6 or " " not in text:
        return False
    return text.endswith(".") or ". " in text or text.startswith("Could not")


PACKAGE = Path(stsession.__file__).parent

SOURCES = [
    path
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).with_suffix("").as_posix() not in QUIET | DATA
    and path.parent.name not in {"demo", "testing"}
]

TEXTS = sorted(
    {
        text
        for path in SOURCES
        for text in templates(path)
        if not text.startswith(DOCSTRINGS)
    }
)


def is_told(text):
    """
    Whether the guide has *text*, with anything where it has gaps.
    """
    pieces = [" ".join(piece.split(" ")) for piece in text.split("…")]
    return re.search(GAP.join(map(re.escape, pieces)), PAGE) is not None


@pytest.mark.parametrize("text", TEXTS)
def test_text(text):
    """
    Each message and each hint in the source has its place.
    """
    assert is_told(text)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.parameter)
def test_hint_of_a_limit(limit):
    """
    Each hint about a limit has its place.
    """
    assert is_told(limit.hint)


CODES = {
    code
    for rule in RULES
    if isinstance(rule.errors, str)
    for code in rule.errors.split()
}


@pytest.mark.parametrize("code", sorted(CODES))
def test_code(code):
    """
    Each error code of STS that we know is told what it means.
    """
    assert re.search(rf"\b{code}(Exception|Error)?\b", PAGE)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_class(name):
    """
    Each class of errors is mentioned, but for the base and the kinds.
    """
    assert name in {"FailureKind", "StsessionError"} or name in PAGE


def test_finds_texts():
    """
    What is looked for is found in the source.
    """
    assert {
        'Could not assume … as "…"',
        'There is no profile "…".',
        "Try again in a minute.",
        'Write {"Team": "data"}.',
    } <= set(TEXTS)
    assert not is_told("Nobody says … this.")
