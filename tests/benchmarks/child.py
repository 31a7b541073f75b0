"""
One scenario for one contender, in a process of its own.

    python -m tests.benchmarks.child SCENARIO CONTENDER SIZE
"""

from __future__ import annotations

import json
import logging
import sys


def main(scenario: str, name: str, size: str) -> None:
    """Measure, and print the numbers, or what went wrong, as JSON."""
    from .contenders import CONTENDERS
    from .scenarios import FULL, QUICK, SCENARIOS

    logging.getLogger("stsession").addHandler(logging.NullHandler())
    try:
        numbers = SCENARIOS[scenario](
            CONTENDERS[name], {"full": FULL, "quick": QUICK}[size]
        )
    except Exception as e:  # noqa: BLE001 - it is part of the results
        print(json.dumps({"failed": f"{type(e).__name__}: {e}"}))
    else:
        print(json.dumps({"numbers": numbers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
