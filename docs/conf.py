"""
How Sphinx builds the documentation.
"""

from __future__ import annotations

import os
import re

from importlib import metadata
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from sphinx.application import Sphinx

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

TUNING = re.compile(r", _tuning: .*(?=\)$)")


def hide_tuning(
    app: Sphinx,
    what: str,
    name: str,
    thing: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str, str | None] | None:
    """
    Leave out the parameter of a policy that isn't public.
    """
    if signature is None:
        return None
    return TUNING.sub("", signature), returns


def setup(app: Sphinx) -> None:
    """
    Called by Sphinx.
    """
    app.connect("autodoc-process-signature", hide_tuning)
