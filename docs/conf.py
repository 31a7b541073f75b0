"""
How Sphinx builds the documentation.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes


if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

REPOSITORY = "https://github.com/stsession/stsession"

project = "stsession"
author = "The stsession authors"
copyright = author  # noqa: A001
release = metadata.version("stsession")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = f"stsession {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = ["copy.js"]
html_theme_options = {
    "source_repository": f"{REPOSITORY}/",
    "source_branch": "main",
    "source_directory": "docs/",
    "footer_icons": [
        {
            "name": "GitHub",
            "url": REPOSITORY,
            "html": "GitHub",
            "class": "",
        },
    ],
}

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

# `None` in docstrings.
default_role = "literal"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
# "Attributes:" lists fields that autodoc shows anyway.
napoleon_use_ivar = True
# The groups of parameters of assume().
napoleon_custom_sections = [
    ("The request", "params_style"),
    ("Source and region", "params_style"),
    ("MFA", "params_style"),
    ("STS endpoint", "params_style"),
    ("Refresh and sharing", "params_style"),
]

# The names in signatures and docstrings, as text: the build needs no network.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3/", "_inventories/python.inv"),
    "boto3": (
        "https://docs.aws.amazon.com/boto3/latest/",
        "_inventories/boto3.inv",
    ),
    "botocore": (
        "https://docs.aws.amazon.com/botocore/latest/",
        "_inventories/botocore.inv",
    ),
}
intersphinx_disabled_reftypes = ["std:*"]

nitpicky = True
nitpick_ignore = [
    # botocore's documentation has no pages for them.
    ("py:class", "botocore.exceptions.BotoCoreError"),
    ("py:class", "botocore.session.Session"),
    ("py:exc", "botocore.exceptions.ClientError"),
    # Type variables, and what only tests of this library replace.
    ("py:class", "stsession.fleet._fleet.T"),
    ("py:class", "stsession.fleet._results.T"),
    ("py:class", "stsession.fleet._run.T"),
    ("py:class", "stsession._core.runtime.Clock"),
    ("py:class", "stsession._core.runtime.Runtime"),
]

NAMES = {
    "Callable": "collections.abc.Callable",
    "Collection": "collections.abc.Collection",
    "Mapping": "collections.abc.Mapping",
    "Sequence": "collections.abc.Sequence",
    "Config": "botocore.config.Config",
    "concurrent.futures._base.Executor": "concurrent.futures.Executor",
    "dt.datetime": "datetime.datetime",
    "dt.timedelta": "datetime.timedelta",
}
"""Documented names of types, by their names in annotations."""


def use_documented_name(
    app: Sphinx, env: BuildEnvironment, node: nodes.Element, content: nodes.Node
) -> None:
    """
    Replace the name of a type before intersphinx looks it up.
    """
    node["reftarget"] = NAMES.get(node["reftarget"], node["reftarget"])


def link_to_repository(app: Sphinx, document: nodes.document) -> None:
    """
    Link to tests and scripts in the repository; a page would offer a download.
    """
    for node in list(document.findall(addnodes.download_reference)):
        path = node["reftarget"].lstrip("./")
        link = nodes.reference("", "", refuri=f"{REPOSITORY}/blob/main/{path}")
        link += node.children
        node.replace_self(link)


def setup(app: Sphinx) -> None:
    """
    Called by Sphinx.
    """
    app.connect("missing-reference", use_documented_name, priority=400)
    app.connect("doctree-read", link_to_repository, priority=400)
