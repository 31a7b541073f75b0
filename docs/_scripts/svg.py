"""
The few kinds of marks that our drawings are made of, for light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


__all__ = ["document", "line", "rect", "text", "told"]


def document(
    marks: Iterable[str],
    *,
    title: str,
    width: int,
    height: int,
    light: Mapping[str, str],
    dark: Mapping[str, str],
) -> str:
    """
    Return a drawing on a sheet of its own, as SVG.

    Args:
        marks: What is on it, from the back to the front.

        title: What those who can't see it are told.

        width: In pixels.

        height: In pixels.

        light: How its kinds of marks look on a light page, as CSS.

        dark: What is different on a dark one.
    """
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img">',
        f"<title>{title}</title>",
        f"<style>{_style(light, dark)}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1}"'
        f' height="{height - 1}" rx="8"/>',
        *marks,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _style(light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    by_day = {
        "text": "font: 13px system-ui, sans-serif; fill: #1f2328",
        ".title": "font-weight: 600",
        ".small": "font-size: 12px",
        ".paper": "fill: #ffffff; stroke: #d0d7de",
        ".line": "stroke: #57606a",
        **{f".{name}": look for name, look in light.items()},
    }
    by_night = {
        "text": "fill: #e6edf3",
        ".paper": "fill: #16191d; stroke: #30363d",
        ".line": "stroke: #9198a1",
        **{f".{name}": look for name, look in dark.items()},
    }
    lines = [
        *(f"  {name} {{ {look} }}" for name, look in by_day.items()),
        "  @media (prefers-color-scheme: dark) {",
        *(f"    {name} {{ {look} }}" for name, look in by_night.items()),
        "  }",
    ]
    return "\n" + "\n".join(lines) + "\n"


def rect(
    style: str, x: float, y: float, width: float | str, height: float | str
) -> str:
    """
    A filled rectangle.
    """
    size = f'width="{width}" height="{height}"'
    return f'<rect class="{style}" x="{x}" y="{y}" {size}/>'


def line(path: str, style: str = "line") -> str:
    """
    A line along a path, in SVG's words: ``M0 0H10v5``.
    """
    return f'<path class="{style}" d="{path}"/>'


def text(
    x: float, y: float, words: str, style: str = "small", *, anchor: str = "start"
) -> str:
    """
    Some words.
    """
    where = f'x="{x}" y="{y}" text-anchor="{anchor}"'
    return f'<text class="{style}" {where}>{words}</text>'


def told(seconds: float) -> str:
    """
    A span as people say it.
    """
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
