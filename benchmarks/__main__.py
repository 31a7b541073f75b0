"""
``python -m benchmarks``, from the root of the repository.
"""

from __future__ import annotations

import argparse
import json
import sys

from pathlib import Path

from . import report
from .catalog import BENCHMARKS
from .harness import measure


def main() -> int:
    """
    Measure what was asked for, and show it as it comes.

    Returns:
        1 if a target is missed and ``--check`` was given, 0 otherwise.
    """
    known = [benchmark.scenario for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "only",
        nargs="*",
        metavar="NAME",
        help=f"which; all if none: {', '.join(known)}",
    )
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument(
        "--check", action="store_true", help="end with 1 if a target is missed"
    )
    options = parser.parse_args()
    if unknown := set(options.only) - set(known):
        parser.error(f"there is no {', '.join(sorted(unknown))}")

    print(", ".join(f"{name} {version}" for name, version in report.versions().items()))
    print("Medians (minimum to maximum) over the rounds; ratios within one round.")
    all_results, missed = [], []
    for benchmark in BENCHMARKS:
        if options.only and benchmark.scenario not in options.only:
            continue
        print(report.heading(benchmark), flush=True)
        results = measure(benchmark)
        all_results.append(results)
        print(*report.lines(results), sep="\n", flush=True)
        missed += [
            f"{benchmark.title}: {figure.title}"
            for figure in benchmark.figures
            if report.is_met(results, figure) is False
        ]
    if options.json is not None:
        text = json.dumps(report.document(all_results), indent=2)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    print("\nMissed:" if missed else "\nAll targets are met.", *missed, sep="\n  ")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
