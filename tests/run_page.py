"""
Runs the code of a page of the documentation, as a reader would paste it.

    python tests/run_page.py README.md

The blocks of a page are one program. It has what the reader sees, and nothing else.
"""

from __future__ import annotations

import doctest
import re
import sys

from pathlib import Path


BLOCK = re.compile(
    r"""
    ^(?P<indent>[ ]*)
    ```(?P<language>python|pycon)\n
    (?P<code>.*?)
    ^[ ]*```$
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)

FILE = re.compile(r"# (?P<name>test_\w+\.py)\n")
"""The first line of a block that is a file for pytest, which another test runs."""


def run_page(page: Path) -> None:
    """Run the blocks of a page, one after the other."""
    namespace = vars(sys.modules["__main__"])
    for block in BLOCK.finditer(page.read_text("utf-8")):
        if not FILE.match(block["code"]):
            run_block(block, page, namespace)


def run_block(block: re.Match[str], page: Path, namespace: dict[str, object]) -> None:
    """Run one block; its lines are counted as in its page."""
    lines_before = block.string.count("\n", 0, block.start("code"))
    indent, code = len(block["indent"]), block["code"]
    code = "".join(line[indent:] or "\n" for line in code.splitlines(keepends=True))

    if block["language"] == "pycon":
        example = doctest.DocTestParser().get_doctest(
            code, namespace, str(page), str(page), lines_before
        )
        doctest.DebugRunner().run(example, clear_globs=False)
        namespace.update(example.globs)
    else:
        program = "\n" * lines_before + code
        exec(compile(program, page, "exec", dont_inherit=True), namespace)


if __name__ == "__main__":
    run_page(Path(sys.argv[1]).absolute())
