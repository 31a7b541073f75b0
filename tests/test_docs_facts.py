"""The documentation agrees with the code."""

from __future__ import annotations

import datetime as dt
import importlib.util
import inspect
import json
import os
import re

from pathlib import Path

import boto3
import pytest

import stsession

from stsession import RefreshPolicy
from stsession.testing import FakeClock, LocalSTS, use_runtime

from .pages import DOCS, LIMITS, ROOT


PARAMETERS = (DOCS / "reference" / "parameters.md").read_text("utf-8")
REFRESH = (DOCS / "explanation" / "refresh.md").read_text("utf-8")

OPERATIONS = {
    "AssumeRole": stsession.assume,
    "AssumeRoleWithWebIdentity": stsession.web_identity,
    "AssumeRoleWithSAML": stsession.saml,
    "GetSessionToken": stsession.session_token,
    "GetFederationToken": stsession.federation_token,
    "AssumeRoot": stsession.assume_root,
}

REST = PARAMETERS[PARAMETERS.index("## Options of all functions") :]


def rows(page):
    """The rows of a page's tables, as lists of cells."""
    return [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if re.match(r"\| [`\d]", line)
    ]


def subclasses(cls):
    """A class and its public subclasses."""
    below = [c for s in cls.__subclasses__() for c in subclasses(s)]
    return [cls, *(c for c in below if hasattr(stsession, c.__name__))]


def script(name):
    """A script that writes a part of the documentation."""
    path = DOCS / "_scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)  # as Python does for a script
        spec.loader.exec_module(module)
    return module


def test_drawing_is_of_the_default_policy():
    """The committed drawing is what the script makes of the policy now."""
    drawing = script("draw_windows")

    assert drawing.draw(RefreshPolicy()) == drawing.TARGET.read_text("utf-8")


def test_drawing_of_a_chain():
    """The committed drawing is what the script makes of the policy now."""
    drawing = script("draw_chain")

    assert drawing.draw(RefreshPolicy()) == drawing.TARGET.read_text("utf-8")


def test_drawing_of_the_demo():
    """The committed drawing is what the script makes of the committed run."""
    drawing = script("draw_demo")
    run = json.loads(drawing.SOURCE.read_text("utf-8"))

    assert drawing.draw(run) == drawing.TARGET.read_text("utf-8")


DEMO = """\
scaled: server, stsession and botocore use a clock 600 times as fast, so that
   time  STS   generation  calls failed   generation  calls failed
  1.0 s  up              1      2      0            0      1      0
  2.0 s  up              1     12      0            1     10      0
  2.4 s  STS goes down for 12 min: it returns 503
  2.5 s  stsession: Reader assumed (advisory), generation 2
  2.9 s  recipe: could not assume the roles (ClientError); next attempt in the
         next API call
  3.0 s  DOWN            2     22      0            1     20      3
  3.6 s  STS is up again

API calls                   30          31
API calls failed             0           3
"""


def test_run_of_the_demo():
    """The script reads what the demo prints."""
    run = script("draw_demo").parse(DEMO)
    ours, recipe = run["contenders"].values()

    assert [[14.0, 26.0]] == run["outages"]
    assert [0.0, 10.0, 20.0] == run["times"]
    assert ([2, 12, 22], [15.0]) == (ours["calls"], ours["refreshes"])
    assert ([0, 0, 3], 3) == (recipe["failures"], recipe["total_failures"])


def test_drawing_of_the_architecture():
    """
    The committed drawing is what the script makes of the folders and the contract now.
    """
    drawing = script("draw_architecture")

    assert drawing.draw() == drawing.TARGET.read_text("utf-8")


def test_drawn_chain_is_a_real_one():
    """A real chain refreshes when the drawn one does."""
    drawing = script("draw_chain")
    arns = [f"arn:aws:iam::123456789012:role/{name}" for name, _ in drawing.ROLES]
    clock = FakeClock()

    def run(task):
        task()
        return True

    with (
        use_runtime(clock=clock, submit=run, random=lambda: drawing.JITTER),
        LocalSTS(clock=clock) as local,
    ):
        session = local.session(local.add_user())
        for arn, (_, lifetime) in zip(arns, drawing.ROLES, strict=True):
            local.add_role(arn, max_session_duration=14_400)
            session = stsession.assume(
                arn, source=session, duration_seconds=int(lifetime), cache=None
            )
        for _ in range(int(drawing.SHOWN)):
            session.credentials()
            clock.advance(dt.timedelta(seconds=1))
        real = [[call.monotonic for call in local.calls(role_arn=arn)] for arn in arns]

    drawn = [
        [credentials.began for credentials in hop.issued]
        for hop in drawing.simulate(RefreshPolicy())
    ]

    assert drawn == real


@pytest.mark.parametrize(
    "lifetime", [900, 1200, 1800, 3600, 7200, 43_200], ids="{} s".format
)
def test_table_of_the_windows(lifetime):
    """The table of the windows has the numbers of the policy."""
    least, most = (RefreshPolicy().plan(lifetime, draw) for draw in (0.0, 1.0))
    seconds = (least.advisory, least.due, most.due, least.mandatory, least.floor)

    (row,) = (r for r in rows(REFRESH) if r[0] == f"{lifetime:,} s")

    assert [f"{s:,.0f} s" for s in seconds] == row[1:]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.parameter)
def test_table_of_the_limits(limit):
    """Each limit has a row, with its bounds and its characters."""
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
    """There are as many rows as limits, except those that say "as above"."""
    told = [r for r in rows(PARAMETERS) if len(r) == 5 and r[3] != "as above"]

    assert len(LIMITS) == len(told)


def names(table):
    """The parameters in a table."""
    return {row[0].split("`")[1] for row in table}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_parameters_are_documented(operation):
    """Each parameter is in the table of its function, or in that of the options."""
    parameters = set(inspect.signature(OPERATIONS[operation]).parameters)
    own = names(rows(section(operation)))
    rest = parameters - own - {"options"}

    assert own <= parameters
    assert rest <= names(rows(REST))


def test_the_rest():
    """The table of the options has all of them, and nothing else."""
    options = set(stsession.SessionOptions.__annotations__)

    assert options | {"source", "mfa_session"} == names(rows(REST))
    assert options <= set(inspect.signature(stsession.assume).parameters)


def section(operation):
    """The part of the page about an operation."""
    name = OPERATIONS[operation].__name__
    begins = PARAMETERS.index(f"## `{name}()`: {operation}\n")
    return PARAMETERS[begins : PARAMETERS.index("\n## ", begins)]


def named_parameters(operation):
    """STS's names of an operation's parameters, as far as the page has them."""
    return {row[1].strip("`") for row in rows(section(operation))} - {""}


def test_module_map():
    """The page about the architecture lists all packages and modules, and no others."""
    page = (DOCS / "explanation" / "architecture.md").read_text("utf-8")
    tree = page[page.index("__init__.py ") : page.index("## Call paths")]
    folders, listed = [], set()
    for indent, name in re.findall(r"^( *)(\w+(?:\.py|/)) ", tree, re.MULTILINE):
        del folders[len(indent) // 4 :]
        listed.add("".join([*folders, name]))
        if name.endswith("/"):
            folders.append(name)
    package = Path(stsession.__file__).parent
    paths = {path.relative_to(package) for path in package.rglob("*.py")}
    shown = {p for p in paths if p.parts[0] not in {"demo", "testing"}}
    modules = {
        p.as_posix() for p in shown if p.name != "__init__.py" or not p.parts[1:]
    }

    assert modules | {f"{p.parent.as_posix()}/" for p in shown if p.parts[1:]} == listed


def test_paths_of_the_architecture():
    """The page about the architecture names files and folders that exist."""
    page = (DOCS / "explanation" / "architecture.md").read_text("utf-8")
    package = Path(stsession.__file__).parent
    paths = set(re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", page))
    paths -= {"src/stsession"}

    assert len(paths) > 30
    assert [] == sorted(path for path in paths if not (package / path).exists())


def test_promises_have_tests():
    """The tests that the pages link to exist."""
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    links = {
        (page.parent / target).resolve()
        for page in pages
        for target in re.findall(r"\]\(([^)#]*tests/[^)#]+)\)", page.read_text("utf-8"))
    }

    assert links
    assert [] == sorted(str(link) for link in links if not link.exists())


CATCHING = (DOCS / "how-to" / "catching-errors.md").read_text("utf-8")


@pytest.mark.parametrize(
    "cls", [stsession.InvalidRequestError, *subclasses(stsession.RefreshError)]
)
def test_table_of_retryable_errors(cls):
    """Each error that a session raises is in the table, with its `retryable`."""
    cells = {row[0]: row[2] for row in rows(CATCHING) if len(row) == 3}
    always = {"`False`": False, "`True`": True}

    retryable = always.get(cells[f"`{cls.__name__}`"])

    assert retryable in (None, cls("message").retryable)


def test_attributes_of_errors_exist():
    """The attributes in the table are those of an error."""
    error = stsession.RefreshError("message")
    names = [row[0].strip("`") for row in rows(CATCHING) if len(row) == 2]

    assert [] == [name for name in names if not hasattr(error, name)]
    assert "hop" in names


def test_parameters_in_the_migration_exist():
    """What replaces a parameter of another library is one of `assume()`."""
    page = (DOCS / "how-to" / "migrate.md").read_text("utf-8")
    names = set(re.findall(r"(?<!\*)\*(\w+)\*(?!\*)", page))

    assert "mfa_code" in names
    assert names <= set(inspect.signature(stsession.assume).parameters)


@pytest.mark.parametrize(
    "library",
    [
        "aws-assume-role-lib",
        "boto3-refresh-session",
        "boto3-assume",
        "boto-session-manager",
    ],
)
def test_names_of_other_libraries_exist(library):
    """What the page on migration calls the parts of a library is in its code."""
    spec = importlib.util.find_spec(library.replace("-", "_"))
    if spec is None and os.environ.get("NOX_SESSION") != "docs":
        pytest.skip(f"run `nox -s docs`: {library} not installed")
    folder = Path(spec.origin).parent
    files = [*folder.rglob("*.py"), *folder.rglob("*.pyi")]
    code = "\n".join(path.read_text("utf-8") for path in files)
    page = (DOCS / "how-to" / "migrate.md").read_text("utf-8")
    section = page.split(f"\n## {library}\n")[1].split("\n## ")[0]

    cells = [row[0] for row in rows(section)]
    spans = re.findall(r"`([^`]+)`", " ".join(cells))
    names = {name for span in spans for name in re.findall(r"[A-Za-z_]\w{3,}", span)}

    passed_to_boto3 = {
        *inspect.signature(boto3.Session).parameters,
        *inspect.signature(boto3.Session.client).parameters,
        "Value",  # of a tag
    }

    assert names
    assert set() == names - passed_to_boto3 - set(re.findall(r"\w+", code))
