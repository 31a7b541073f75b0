from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from pathlib import Path

import pytest

from .conftest import IDS


pytest.importorskip("mpi4py")

ROOT = Path(__file__).parents[2]

AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
"""Containers often run as root, which Open MPI rejects by default."""


@pytest.mark.skipif(shutil.which("mpiexec") is None, reason="there is no MPI")
def test_all_accounts(places):
    """Of three MPI processes, one has the fleet, and the others do the work."""
    python = [sys.executable, "-m", "mpi4py.futures", "-m", "tests.cluster.mpi_main"]
    done = subprocess.run(
        ["mpiexec", "--oversubscribe", "-n", "3", *python],
        cwd=ROOT,
        env={**os.environ, **places, **AS_ROOT},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    workers = {process for _, process, _ in report["values"]}

    assert IDS == sorted(account for account, _, _ in report["values"])
    assert len(workers) <= 2
    assert report["process"] not in workers
    assert ["NoSuchBucket"] == report["errors"]
