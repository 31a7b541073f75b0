"""
Draw the packages of the library, in the layers that their imports have to respect.

    python docs/_scripts/draw_architecture.py

writes ``docs/explanation/architecture.svg``; a test compares the two.
"""

from __future__ import annotations

import ast
import pathlib

from collections.abc import Iterator

from svg import document, line, rect, text


ROOT = pathlib.Path(__file__).parents[2]
TARGET = ROOT / "docs" / "explanation" / "architecture.svg"

WIDTH = 760
LEFT, RIGHT = 24, 736
TOP, STEP, BOX = 24, 66, 46
GAP = 16

CAPTIONS = {
    "_cli": "the command line",
    "demo": "python -m stsession.demo",
    "integrations": "data tools, HTTP clients",
    "aio": "asyncio, trio, aiobotocore",
    "fleet": "many accounts",
    "_sessions": "the public functions and the session classes",
    "_sources": "source=: the credentials that sign a request to STS",
    "_delivery": "credentials for other programs",
    "_sts": "calls STS: endpoint, client, errors",
    "testing": "for tests: clock, stub, local STS",
    "_botocore": "adapters to botocore",
    "_tokens": "MFA codes, tokens, assertions",
    "_core": "the refresh engine, without AWS SDK",
    "_requests": "requests as checked values",
    "_locks": "locks and events",
    "_util": "helpers",
    "exceptions": "the errors",
}

LIGHT = {
    "box": "fill: #ddf0f7; stroke: #57606a",
    "core": "fill: #b7e0c2; stroke: #57606a",
    "line": "stroke: #57606a; fill: none",
    "name": "font: 600 14px ui-monospace, monospace",
}
DARK = {
    "box": "fill: #173b49; stroke: #9198a1",
    "core": "fill: #26643a; stroke: #9198a1",
}

WITHOUT_SDK = {"_core", "_delivery", "_requests", "_locks", "_util"}


def layers() -> list[list[str]]:
    """
    Return the packages from the top to the bottom, as the import contract has them.
    """
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    _, _, contract = settings.partition("\nlayers = ")
    contract, _, _ = contract.partition("\n]")
    rows = [layer.split(" | ") for layer in ast.literal_eval(f"{contract}]")]
    # No other package imports it, so it doesn't need a layer of its own.
    rows.remove(["__main__"])  # only starts _cli
    tests = rows.index(["testing"])
    rows[tests : tests + 2] = [[*rows[tests + 1], "testing"]]
    return rows


def draw() -> str:
    """Return the drawing as SVG."""
    rows = layers()
    return document(
        [*boxes(rows), *arrows(len(rows)), *legend(len(rows))],
        title="The packages of stsession, from the public functions to the errors",
        width=WIDTH,
        height=TOP + STEP * len(rows) + 16,
        light=LIGHT,
        dark=DARK,
    )


def boxes(rows: list[list[str]]) -> Iterator[str]:
    """Yield a box for each package; those of one layer stand side by side."""
    for number, names in enumerate(rows):
        width = (RIGHT - LEFT - GAP * (len(names) - 1)) / len(names)
        for column, name in enumerate(names):
            x, y = LEFT + column * (width + GAP), TOP + STEP * number
            yield rect("core" if name in WITHOUT_SDK else "box", x, y, width, BOX)
            yield text(x + width / 2, y + 20, title(name), "name", anchor="middle")
            yield text(x + width / 2, y + 38, CAPTIONS[name], anchor="middle")


def title(name: str) -> str:
    """Return the name of a folder or a module."""
    package = ROOT / "src" / "stsession"
    return f"{name}/" if (package / name).is_dir() else f"{name}.py"


def arrows(count: int) -> Iterator[str]:
    """Yield an arrow from each layer to the next one."""
    x = (LEFT + RIGHT) // 2
    for number in range(count - 1):
        y = TOP + STEP * number + BOX
        yield line(f"M{x} {y + 3}v12m-5 -5l5 5l5 -5", "line arrow")


def legend(count: int) -> Iterator[str]:
    """Yield the meaning of the colors."""
    y = TOP + STEP * count - 6
    yield rect("core", LEFT, y - 4, 24, 14)
    yield text(LEFT + 34, y + 8, "imports neither boto3 nor botocore")
    yield text(RIGHT, y + 8, "arrows: imports point down", anchor="end")


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
