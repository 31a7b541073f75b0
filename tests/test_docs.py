"""Every block of Python in the README and in the documentation runs as pasted."""

from __future__ import annotations

import codeop
import importlib.util
import os
import re
import subprocess
import sys
import textwrap

from pathlib import Path

import pytest

from .run_page import BLOCK, FILE


ROOT = Path(__file__).parent.parent


PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text("utf-8"))]

LANGUAGES = {"python", "pycon", "console", "text", "ini", "json", "toml", "yaml"}
DIRECTIVES = {
    *("{eval-rst}", "{toctree}", "{glossary}", "{list-table}"),
    *("{note}", "{tip}", "{warning}"),
}

WITHOUT_CODE = {"index", "install", "troubleshooting"}
"""How-to pages that need no Python."""

WITH_LIBRARIES = {
    "async": "aio",
    "clusters": "cluster",
    "data-tools": "aio",
    "existing-code": "docs",
    "libraries": "libraries",
    "migrate": "docs",
    "signed-requests": "docs",
}
"""Pages with other libraries, and the session of nox that installs these."""

COMMENT = re.compile(r"<!-- (?!measured: [^>]*-->|end -->)|^% ", re.MULTILINE)
"""A comment that isn't one of the markers of generated tables."""


def named(page):
    """Return a page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def missing_libraries(page):
    """Return the imports of a page that aren't installed."""
    blocks = "".join(block["code"] for block in BLOCK.finditer(page.read_text("utf-8")))
    names = re.findall(r"^(?:from|import) (\w+)", blocks, re.MULTILINE)
    return sorted(name for name in names if importlib.util.find_spec(name) is None)


@pytest.mark.parametrize("page", WITH_CODE, ids=named)
def test_blocks_run_as_pasted(page, tmp_path):
    """The blocks of a page run in a new Python, in an empty directory, without AWS."""
    session = WITH_LIBRARIES.get(page.stem)
    missing = missing_libraries(page) if session else []
    if missing and session != os.environ.get("NOX_SESSION"):
        pytest.skip(f"run `nox -s {session}`: {', '.join(missing)} not installed")

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


@pytest.mark.parametrize("page", WITH_CODE, ids=named)
def test_blocks_can_be_pasted_into_a_prompt(page):
    """Before Python 3.13, the prompt ends an indented block at the first empty line."""
    blocks = [
        textwrap.dedent(block["code"])
        for block in BLOCK.finditer(page.read_text("utf-8"))
        if block["language"] == "python" and not FILE.match(block["code"])
    ]

    assert [] == [code for code in blocks if not is_accepted_by_prompt(code)]


def is_accepted_by_prompt(code):
    """Return whether the interactive prompt accepts a program line by line."""
    pending: list[str] = []
    for line in [*code.splitlines(), ""]:
        pending.append(line)
        try:
            if codeop.compile_command("\n".join(pending)) is not None:
                pending.clear()
        except SyntaxError:
            return False
    return not any(pending)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\nif x:\n    x = 2\n\nx = 3\n", True),
        ("x = f(\n    1,\n\n    2,\n)\n", True),
        ("def f():\n    return 1\n", True),
        ("def f():\n    x = 1\n\n    return x\n", False),
        ("if x:\n    x = 2\nx = 3\n", False),
    ],
)
def test_prompt(code, expected):
    """An indented block ends at an empty line, and nowhere else."""
    assert expected == is_accepted_by_prompt(code)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_nothing_is_hidden(page):
    """A page has no comments, skips no example, and all its code is in known fences."""
    text = page.read_text("utf-8")
    fences = re.findall(
        r"^ *```([^\s`]*)[^`\n]*\n.*?^ *```$", text, re.DOTALL | re.MULTILINE
    )

    assert [] == COMMENT.findall(text)
    assert "+SKIP" not in text
    assert set() == set(fences) - LANGUAGES - DIRECTIVES


def test_all_kinds_of_pages_have_code():
    """The README and all parts of the documentation are run."""
    assert {
        "README.md",
        "docs/index.md",
        "docs/tutorial/first-session.md",
        "docs/explanation/why.md",
    } <= set(map(named, WITH_CODE))
    for page in ROOT.glob("docs/how-to/*.md"):
        assert page in WITH_CODE or page.stem in WITHOUT_CODE


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
    """Visible Python is found; comments and other languages are left alone."""
    found = [block["code"] for block in BLOCK.finditer(text)]

    assert expected == found
