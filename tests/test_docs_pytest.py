"""
The test files on the page about testing pass, as a reader would save and run them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from .pages import DOCS
from .run_page import BLOCK, FILE


PAGE = (DOCS / "how-to" / "testing.md").read_text("utf-8")
CODE = [block["code"] for block in BLOCK.finditer(PAGE)]
FILES = {found["name"]: code for code in CODE if (found := FILE.match(code))}


@pytest.mark.parametrize("name", FILES)
def test_file_passes(name, tmp_path):
    """pytest runs the file in an empty directory, and all its tests pass."""
    if os.environ.get("NOX_SESSION") != "docs":
        for module in re.findall(r"^import (\w+)", FILES[name], re.MULTILINE):
            pytest.importorskip(module)
    (tmp_path / name).write_text(FILES[name], "utf-8")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_")
    }

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name],
        cwd=tmp_path,
        env=environment | {"AWS_EC2_METADATA_DISABLED": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr


def test_all_files_are_found():
    """Each block that starts with the name of a file is one of a test."""
    assert len(FILES) == len(re.findall(r"^# .*\.py$", PAGE, re.MULTILINE)) > 3
