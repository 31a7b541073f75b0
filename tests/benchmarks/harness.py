"""Running contenders side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from pathlib import Path

from .figures import Benchmark
from .results import Outcome, Results


__all__ = ["measure"]

ROOT = Path(__file__).parents[2]
TIMEOUT = 120


def measure(benchmark: Benchmark, *, size: str = "full") -> Results:
    """
    Run all rounds; each round has every contender, in turn first.

    Args:
        benchmark: Which one.

        size: ``"quick"`` does next to nothing, to see that it runs.
    """
    names = list(benchmark.contenders)
    rounds = []
    for _ in range(benchmark.rounds):
        rounds.append({name: _run(benchmark.scenario, name, size) for name in names})
        names.append(names.pop(0))
    return Results(benchmark=benchmark, rounds=rounds)


def _run(scenario: str, contender: str, size: str) -> Outcome:
    """Measure in a new process that knows no AWS account."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.child",
        scenario,
        contender,
        size,
    ]
    with tempfile.TemporaryDirectory() as home:
        try:
            done = subprocess.run(
                command,
                env=_environment(home),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return Outcome(numbers={}, failed=f"not done after {TIMEOUT} s")
        except subprocess.CalledProcessError as e:
            last = (e.stderr.strip() or str(e)).splitlines()[-1]
            return Outcome(numbers={}, failed=last)
    answer = json.loads(done.stdout.splitlines()[-1])
    return Outcome(numbers=answer.get("numbers", {}), failed=answer.get("failed"))


def _environment(home: str) -> dict[str, str]:
    """That of this process, without AWS and proxies, and with an empty home."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "HOME": home,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
