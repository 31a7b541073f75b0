"""The command line: ``stsession`` or ``python -m stsession``."""

from __future__ import annotations

import sys


__all__ = ["main"]

USAGE = 2
"""Exit status for a wrong usage."""


def main() -> int:
    """Run the command line. Return its exit status."""
    try:
        import click  # noqa: F401, PLC0415 - an extra
    except ImportError:
        sys.stderr.write(
            "stsession: the command line needs another package. "
            "Install it with: pip install 'stsession[cli]'\n"
        )
        return USAGE
    from ._cli.commands import run  # noqa: PLC0415 - needs click

    return run()


if __name__ == "__main__":
    sys.exit(main())
