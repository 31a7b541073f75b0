"""How Sphinx builds the documentation."""

from __future__ import annotations

import inspect
import re
import textwrap

from importlib import metadata
from typing import TYPE_CHECKING

import click

from docutils import nodes
from sphinx import addnodes
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from stsession._cli.cache import cache
from stsession._cli.commands import commands
from stsession._sessions.options import (
    AssumeRoleOptions,
    RoleOptions,
    SessionOptions,
    StsOptions,
)
from stsession.fleet import AccountOptions


if TYPE_CHECKING:
    from collections.abc import Iterator

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
    # botocore and aiobotocore have no pages for them.
    ("py:class", "AioSession"),
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
    """Replace the name of a type before intersphinx looks it up."""
    node["reftarget"] = NAMES.get(node["reftarget"], node["reftarget"])


def describe_inherited_options(app: Sphinx) -> None:
    """Use the docstrings of inherited fields, as a `TypedDict` has no base classes."""
    for cls, bases in {
        SessionOptions: [StsOptions],
        AssumeRoleOptions: [RoleOptions, StsOptions],
        AccountOptions: [RoleOptions],
    }.items():
        docs = attribute_docstrings(cls)
        for base in bases:
            for (owner, field), text in list(attribute_docstrings(base).items()):
                if owner == base.__name__:
                    docs[cls.__name__, field] = text


def attribute_docstrings(cls: type) -> dict[tuple[str, str], list[str]]:
    """Return those of a class's module, as Sphinx caches them, by class and name."""
    analyzer = ModuleAnalyzer.for_module(cls.__module__)
    analyzer.analyze()
    return analyzer.attr_docs


def link_to_repository(app: Sphinx, document: nodes.document) -> None:
    """Link to tests and scripts in the repository; a page would offer a download."""
    for node in list(document.findall(addnodes.download_reference)):
        path = node["reftarget"].lstrip("./")
        link = nodes.reference("", "", refuri=f"{REPOSITORY}/blob/main/{path}")
        link += node.children
        node.replace_self(link)


COMMANDS: dict[str, click.Command] = {
    **commands.commands,
    **{f"cache {name}": command for name, command in cache.commands.items()},
}


def options_of(command: click.Command) -> dict[str, str]:
    """Return the names of a command's options, and the help about each."""
    context = click.Context(command)
    options = {}
    for option in command.params:
        record = option.get_help_record(context)
        if isinstance(option, click.Option) and record is not None:
            default = str(option.default).removesuffix(".0")
            text = f"{option.help} Default: {default}."
            options[record[0]] = text if option.show_default else option.help or ""
    return options


COMMON_OPTIONS = options_of(COMMANDS["exec"]).items() & set(
    options_of(COMMANDS["whoami"]).items()
)
"""The options of all commands, and the help about each."""


def marked(text: str) -> str:
    """Return the text of a help in reStructuredText."""
    return re.sub(r"`[^`]+`|(?<!\S)--[a-z-]+", lambda m: f"``{m[0].strip('`')}``", text)


def paragraphs(text: str) -> Iterator[str]:
    """
    Yield the paragraphs of a help; those after a line with a backspace are examples.
    """
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b\n"):
            yield ".. code-block:: text\n\n" + textwrap.indent(paragraph[2:], "    ")
        else:
            yield marked(paragraph)


class CommandLine(SphinxDirective):
    """The help of a command, or the options of all if no command is named."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Called by Sphinx."""
        common = not self.arguments
        command = COMMANDS["exec" if common else self.arguments[0]]
        parts = [] if common else [*paragraphs(command.help or "")]
        parts += (
            f"``{names}``\n    {marked(text)}"
            for names, text in options_of(command).items()
            if ((names, text) in COMMON_OPTIONS) == common
        )
        return self.parse_text_to_nodes("\n\n".join(parts))


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_directive("command-line", CommandLine)
    app.connect("builder-inited", describe_inherited_options)
    app.connect("missing-reference", use_documented_name, priority=400)
    app.connect("doctree-read", link_to_repository, priority=400)
