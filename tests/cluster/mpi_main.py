"""
What the first of several MPI processes does: ``mpiexec -n 3 python -m mpi4py.futures``.
"""

from __future__ import annotations

import json
import os
import sys

from mpi4py.futures import MPIPoolExecutor

import stsession

from .. import fleet_functions as functions
from .conftest import IDS


def main() -> None:
    """Have the others work for all accounts, and print what comes of it."""
    fleet = stsession.Fleet(IDS, role_name="Audit", source="org")
    with MPIPoolExecutor() as executor:
        values = [r.value for r in fleet.map(functions.where, executor=executor)]
        run = fleet.map(functions.no_such_bucket, executor=executor)
        errors = sorted({r.error.type_name for r in run})
    report = {"process": os.getpid(), "values": values, "errors": errors}
    sys.stdout.write(f"{json.dumps(report)}\n")


if __name__ == "__main__":
    main()
