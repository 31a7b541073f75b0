"""Command line of the demo."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import platform
import sys
import warnings

from collections.abc import Sequence

import boto3
import botocore

from ._engine import Run, Settings, conclusion, intro, run_demo, table


__all__ = ["main"]

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells report it."""

BROKEN_PIPE = 141
"""Exit status after SIGPIPE, as shells report it."""

SHORTEST = 5
"""The shortest length of a run, in seconds."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the demo.

    Returns:
        0 if no API call with stsession failed, 1 if one did, 130 after Ctrl-C, and
        141 if the reader of the output closes it, as ``head`` does.
    """
    options = _parser().parse_args(argv)
    settings = Settings(
        seconds=options.seconds, duration_seconds=options.duration_seconds
    )
    # The events are printed, so the log isn't.
    logging.getLogger("stsession").addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", message="Boto3 will no longer support Python")
    try:
        run = _as_json(settings) if options.json else _as_text(settings)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would flush the rest at exit, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0 if run.ours_never_failed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stsession.demo",
        description="Compare stsession and the usual botocore recipe during an outage "
        "of STS, with servers on this machine.",
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=Settings().seconds,
        help=f"length of the run, at least {SHORTEST}; default: %(default)g",
    )
    parser.add_argument(
        "--duration-seconds",
        type=int,
        choices=[900, 1800, 3600],
        default=Settings().duration_seconds,
        help="session duration to request; the longer, the faster the clock; "
        "default: %(default)s",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON document at the end, and nothing else",
    )
    return parser


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        value = float(text)
        if SHORTEST <= value < float("inf"):
            return value
    msg = f"{text!r} isn't a number of at least {SHORTEST}"
    raise argparse.ArgumentTypeError(msg)


def _as_json(settings: Settings) -> Run:
    run = run_demo(settings, output=lambda line: None)
    versions = {
        "python": platform.python_version(),
        "boto3": boto3.__version__,
        "botocore": botocore.__version__,
    }
    print(json.dumps({**run.as_dict(), "versions": versions}, indent=2))
    return run


def _as_text(settings: Settings) -> Run:
    print(intro(settings), flush=True)
    run = run_demo(settings, output=lambda line: print(line, flush=True))
    print(f"\n{table(run)}\n\n{conclusion(run)}")
    return run
