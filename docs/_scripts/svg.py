"""Parts of SVG drawings for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


__all__ = ["document", "line", "rect", "span", "text"]


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
    Return a drawing with a background of its own, as SVG.

    Args:
        marks: The parts of the drawing, from the back to the front.

        title: The text for screen readers.

        width: In pixels.

        height: In pixels.

        light: CSS of the classes on a light page.

        dark: CSS that is different on a dark page.
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
    """Return a filled rectangle."""
    size = f'width="{width}" height="{height}"'
    return f'<rect class="{style}" x="{x}" y="{y}" {size}/>'


def line(path: str, style: str = "line") -> str:
    """Return a line along an SVG path, such as ``M0 0H10v5``."""
    return f'<path class="{style}" d="{path}"/>'


def text(
    x: float, y: float, content: str, style: str = "small", *, anchor: str = "start"
) -> str:
    """Return a text."""
    where = f'x="{x}" y="{y}" text-anchor="{anchor}"'
    return f'<text class="{style}" {where}>{content}</text>'


def span(seconds: float) -> str:
    """Return a time span as hours, minutes and seconds."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
