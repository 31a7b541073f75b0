from __future__ import annotations

import ast
import sys

from pathlib import Path

import pytest

import stsession

from .children import run_child


def test_names_are_there_when_used():
    """Each public name is loaded on its first use, and is listed."""
    for name in (*stsession.__all__, "exceptions"):
        assert getattr(stsession, name) is getattr(stsession, name)
        assert name in dir(stsession)


def test_type_checkers_see_the_same_names():
    """What is imported for type checkers is what there is, in the same modules."""
    tree = ast.parse(Path(stsession.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: f".{node.module}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }

    names = {name: home for name, home in stsession._HOMES.items() if home}

    assert seen == names
    assert sorted(names) == sorted(stsession.__all__)


def test_unknown_name():
    """Other names are an `AttributeError`, as for any module."""
    with pytest.raises(AttributeError, match="'stsession' has no attribute 'nope'"):
        stsession.nope  # noqa: B018 - it's the access that raises


def test_import_loads_nothing():
    """What is costly is loaded on first use."""
    code = (
        "import sys, stsession; before = {*sys.modules}; stsession.assume;"
        "print(any(n.startswith('stsession.') for n in before),"
        " 'stsession._core.refresher' in sys.modules)"
    )
    done = run_child([sys.executable, "-c", code], capture_output=True, text=True)

    assert "False True" == done.stdout.strip()
