"""
What the documentation says about the code is so.
"""

from __future__ import annotations

import importlib.util
import inspect
import re

from pathlib import Path

import botocore.session
import pytest

import stsession

from stsession import RefreshPolicy

from .pages import DOCS, LIMITS, ROOT


PARAMETERS = (DOCS / "reference" / "parameters.md").read_text("utf-8")
REFRESH = (DOCS / "explanation" / "refresh.md").read_text("utf-8")

LATER = {"SerialNumber", "TokenCode", "MinimumSessionTokenSize"}
"""What AssumeRole takes and `assume()` doesn't yet."""


def rows(page):
    """
    The rows of a page's tables, as lists of cells.
    """
    return [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if re.match(r"\| [`\d]", line)
    ]


def script(name):
    """
    A script that writes a part of the documentation.
    """
    path = DOCS / "_scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_drawing_is_of_the_default_policy():
    """
    The committed drawing is what the script makes of the policy now.
    """
    drawing = script("draw_windows")

    assert drawing.draw(RefreshPolicy()) == drawing.TARGET.read_text("utf-8")


@pytest.mark.parametrize(
    "lifetime", [900, 1200, 1800, 3600, 7200, 43_200], ids="{} s".format
)
def test_table_of_the_windows(lifetime):
    """
    The table of the windows has the numbers of the policy.
    """
    least, most = (RefreshPolicy().plan(lifetime, draw) for draw in (0.0, 1.0))
    seconds = (least.advisory, least.due, most.due, least.mandatory, least.floor)

    (row,) = (r for r in rows(REFRESH) if r[0] == f"{lifetime:,} s")

    assert [f"{s:,.0f} s" for s in seconds] == row[1:]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.parameter)
def test_table_of_the_limits(limit):
    """
    Each limit has a row, with its bounds and its characters.
    """
    bounds = f"{limit.minimum:,} to {limit.maximum:,}"
    characters = f"`{limit.characters}`" if limit.characters else ""

    found = [
        row
        for row in rows(PARAMETERS)
        if row[0].startswith(f"`{limit.parameter}`")
        and len(row) == 5
        and row[3].split(" seconds")[0].split(" entries")[0] == bounds
        and row[4] == characters
    ]

    assert 1 <= len(found)


def test_limits_that_are_no_more():
    """
    There are as many rows as limits.
    """
    assert len(LIMITS) == len([row for row in rows(PARAMETERS) if len(row) == 5])


def test_all_parameters_are_documented():
    """
    Each parameter of `assume()` stands in a table of parameters.
    """
    parameters = inspect.signature(stsession.assume).parameters

    assert set(parameters) == {row[0].split("`")[1] for row in rows(PARAMETERS)}


def test_names_of_sts():
    """
    Each parameter of AssumeRole stands beside one of ours.
    """
    model = botocore.session.Session().get_service_model("sts")
    theirs = set(model.operation_model("AssumeRole").input_shape.members) - LATER
    named = {row[1].strip("`") for row in rows(PARAMETERS) if len(row) == 5}

    assert theirs == named - {""}


def test_module_map():
    """
    The map has each module in its layer, with what it says it is.
    """
    mapping = script("map_modules")
    page = mapping.TARGET.read_text("utf-8")

    assert mapping.draw(Path(stsession.__file__).parent) == mapping.MAP.search(page)[0]


def test_promises_have_tests():
    """
    The tests that the pages link to exist.
    """
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    links = {
        (page.parent / target).resolve()
        for page in pages
        for target in re.findall(r"\]\(([^)#]*tests/[^)#]+)\)", page.read_text("utf-8"))
    }

    assert links
    assert [] == sorted(str(link) for link in links if not link.exists())
