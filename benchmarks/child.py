"""
One scenario for one contender: ``python -m benchmarks.child SCENARIO CONTENDER``.
"""

from __future__ import annotations

import json
import logging
import sys

from typing import Any


def main(scenario: str, name: str) -> None:
    """
    Measure, and print the numbers as JSON.
    """
    from .scenarios import SCENARIOS

    logging.getLogger("stsession").addHandler(logging.NullHandler())
    make: Any = None  # its import would be measured as well
    if scenario != "import_cost":
        from .contenders import CONTENDERS

        make = CONTENDERS[name]
    print(json.dumps(SCENARIOS[scenario](make)))


if __name__ == "__main__":
    main(*sys.argv[1:])
