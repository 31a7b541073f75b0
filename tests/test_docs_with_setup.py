"""
The blocks of pages whose set-up stands in a comment run.

    <!-- run
    bucket = "reports"
    -->
"""

from __future__ import annotations

import doctest
import os
import re

from pathlib import Path
from unittest import mock

import pytest

from moto import mock_aws

from .test_docs import as_pasted, pages


ROOT = Path(__file__).parent.parent
PAGES = [page for page in pages() if not as_pasted(page)]
BLOCK = re.compile(
    r"""
    ^(?P<indent>[ ]*)
    (?:```(?P<language>python|pycon)|<!--[ ]run)\n
    (?P<code>.*?)
    ^[ ]*(?:```|-->)$
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


PROFILE = """
[profile ci]
region = eu-central-1
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = not-a-secret
"""


@pytest.fixture(name="_aws")
def __aws(monkeypatch):
    """
    An account with a source's long-lived keys, in the environment and a profile.
    """
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(PROFILE, "utf-8")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    # Pages set variables of their own.
    with mock.patch.dict(os.environ), mock_aws():
        yield


@pytest.mark.usefixtures("_aws")
@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_blocks_run(page, monkeypatch, tmp_path):
    """
    The blocks of a page run, one after the other.
    """
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}

    for block in BLOCK.finditer(page.read_text("utf-8")):
        run(block, page, namespace)


def run(block, page, namespace):
    """
    Run one block; its lines are counted as in its page.
    """
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
