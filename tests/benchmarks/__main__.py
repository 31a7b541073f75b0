"""``python -m tests.benchmarks``, from the root of the repository."""

from __future__ import annotations

import argparse
import json
import sys
import time

from dataclasses import replace
from pathlib import Path

from . import report
from .catalog import BENCHMARKS
from .harness import measure


def main() -> int:
    """
    Run the benchmarks, and print their figures.

    Returns:
        1 if a target is missed and ``--check`` was given, 0 otherwise.
    """
    options = _parse()
    print(", ".join(f"{name} {version}" for name, version in report.versions().items()))
    print("Medians (minimum to maximum) over the rounds; ratios within one round.")
    all_results, missed, began = [], [], time.monotonic()
    for benchmark in BENCHMARKS:
        if options.only and benchmark.scenario not in options.only:
            continue
        if options.quick:
            benchmark = replace(benchmark, rounds=1)
        print(report.heading(benchmark), flush=True)
        since = time.monotonic()
        results = measure(benchmark, size="quick" if options.quick else "full")
        all_results.append(results)
        missed += results.missed()
        print(*report.lines(results), sep="\n")
        print(f"  (took {time.monotonic() - since:.0f} s)", flush=True)
    if options.json is not None:
        text = json.dumps(report.document(all_results), indent=1)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    print(f"\nThat took {(time.monotonic() - began) / 60:.1f} minutes.")
    if options.quick:
        print("Targets don't apply to a quick run: its numbers mean nothing.")
    else:
        print("Missed:" if missed else "All targets are met.", *missed, sep="\n  ")
    return 1 if missed and options.check else 0


def _parse() -> argparse.Namespace:
    known = [benchmark.scenario for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__
    )
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
    parser.add_argument(
        "--quick",
        action="store_true",
        help="see only that all of it runs; the numbers mean nothing",
    )
    options = parser.parse_args()
    if unknown := set(options.only) - set(known):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if options.quick and options.check:
        parser.error("--check can't be used with --quick: its numbers mean nothing")
    return options


if __name__ == "__main__":
    sys.exit(main())
