"""
How Sphinx builds the documentation.
"""

from __future__ import annotations

import os
import re

from importlib import metadata
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "stsession"
author = "The stsession authors"
copyright = author  # noqa: A001
release = metadata.version("stsession")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "stsession"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
# "Attributes:" lists fields that autodoc shows anyway.
napoleon_use_ivar = True

# The build needs no network, so other projects' names can't be looked up ...
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(attrs?|boto3|botocore|collections|concurrent|contextlib|datetime|dt|enum"
        r"|http|logging|os|pathlib|pytest|random|t|threading|types|typing)\..*",
    ),
]

nitpick_ignore = [
    # Seen in signatures, where the text says what can be passed.
    ("py:class", "CodeLike"),
    ("py:class", "Config"),
    ("py:class", "SourceLike"),
    ("py:class", "stsession.fleet._fleet.T"),
    ("py:class", "stsession.fleet._run.T"),
    ("py:class", "stsession.fleet._results.T"),
    ("py:class", "stsession.fleet.T"),
    ("py:class", "stsession._core.policy.Tuning"),
    ("py:class", "stsession._core.runtime.Clock"),
    ("py:class", "stsession._core.runtime.Runtime"),
]

# ... unless it is asked for.
if os.environ.get("STSESSION_DOCS_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "boto3": ("https://docs.aws.amazon.com/boto3/latest/", None),
        "python": ("https://docs.python.org/3/", None),
    }

POLICY = re.compile(r" = RefreshPolicy\(advisory=.*?\),(?= cache:)")

# Where things are defined, which isn't where the reference lists them.
DEFINED_IN = re.compile(
    r"stsession\.(?P<public>testing\.)?(?:_\w+|cache|exceptions)\.(?P<name>\w+)"
)


def find_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.reference | None:
    """
    Resolve ``stsession._core.policy.RefreshPolicy`` as ``stsession.RefreshPolicy``.

    Signatures name the module that defines a thing; the reference lists it
    where it is imported from.
    """
    found = DEFINED_IN.fullmatch(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or found is None:
        return None

    return env.domains["py"].resolve_xref(
        env,
        node["refdoc"],
        app.builder,
        "obj",
        f"stsession.{found['public'] or ''}{found['name']}",
        node,
        contnode,
    )


def shorten_defaults(
    app: Sphinx,
    what: str,
    name: str,
    thing: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str, str | None] | None:
    """
    Write the default policy as its constructor, not with all its fields.
    """
    if signature is None:
        return None
    return POLICY.sub(" = RefreshPolicy(),", signature), returns


def hide_private_bases(
    app: Sphinx, name: str, thing: object, options: object, bases: list[type]
) -> None:
    """
    Leave out what has a part of a class, and is nothing by itself.
    """
    bases[:] = [base for base in bases if base.__module__ != "stsession._util"]


def setup(app: Sphinx) -> None:
    """
    Called by Sphinx.
    """
    app.connect("autodoc-process-bases", hide_private_bases)
    app.connect("autodoc-process-signature", shorten_defaults)
    app.connect("missing-reference", find_public_name)
