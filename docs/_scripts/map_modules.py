"""
Write the map of the modules: the layers of ``pyproject.toml``, from the top.

    python docs/_scripts/map_modules.py

replaces it in ``docs/explanation/architecture.md``; a test compares the two.
"""

from __future__ import annotations

import ast
import pathlib
import re

from collections.abc import Iterator


ROOT = pathlib.Path(__file__).parents[2]
TARGET = ROOT / "docs" / "explanation" / "architecture.md"

MAP = re.compile(r"(?<=```text\n)demo .*?(?=\n```)", re.DOTALL)
LAYERS = re.compile(r"^layers = (\[.*?^\])", re.DOTALL | re.MULTILINE)


def draw(package: pathlib.Path) -> str:
    """
    Return the map of the modules in the folder *package*.
    """
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    layers = ast.literal_eval(LAYERS.findall(pyproject)[0])
    return "\n\n".join("\n".join(lines(package, layer)) for layer in layers)


def lines(package: pathlib.Path, layer: str) -> Iterator[str]:
    """
    A line for each module of a layer: its name, and what it says it is.
    """
    for name in sorted(layer.split(" | ")):
        path = package / f"{name}.py"
        path = path if path.exists() else package / name / "__init__.py"
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        yield f"{name:20}{docstring.splitlines()[0].replace('`', '')}"


if __name__ == "__main__":
    drawn = draw(ROOT / "src" / "stsession")
    page = MAP.sub(lambda _: drawn, TARGET.read_text("utf-8"))
    TARGET.write_text(page, encoding="utf-8")
