"""
Every block of Python in the README and in the documentation runs as pasted.
"""

from __future__ import annotations

import os
import subprocess
import sys

from pathlib import Path

import pytest

from .run_page import BLOCK


ROOT = Path(__file__).parent.parent


def pages():
    """
    Return the pages that are written for readers.
    """
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/[!_]*/**/*.md")])


def as_pasted(page):
    """
    Return whether a page shows all the code that it runs.
    """
    return "<!-- run" not in page.read_text("utf-8") and page.stem not in NOT_YET


NOT_YET: tuple[str, ...] = ()

WITH_CODE = [
    page
    for page in pages()
    if BLOCK.search(page.read_text("utf-8")) and as_pasted(page)
]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_blocks_run_as_pasted(page, tmp_path):
    """
    The blocks of a page run in a new Python, in an empty directory, without AWS.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_")
    }
    environment |= {
        "HOME": str(tmp_path),
        "USERPROFILE": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "run_page.py", page],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr if done.returncode else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```python\nx = 1\n```\n", ["x = 1\n"]),
        ("```pycon\n>>> 1\n1\n```\n", [">>> 1\n1\n"]),
        ("- a\n\n  ```python\n  x = 1\n  ```\n", ["  x = 1\n"]),
        ("<!-- run\nx = 1\n-->\n", []),
        ("```console\n$ ls\n```\n", []),
    ],
)
def test_finds_blocks(text, expected):
    """
    Visible Python is found; comments and other languages are left alone.
    """
    found = [block["code"] for block in BLOCK.finditer(text)]

    assert expected == found
