"""How long ``stsession credential-process`` takes when it finds cached credentials."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from stsession.testing import LocalSTS

from ..children import run_child


resource = pytest.importorskip("resource")

ROLE = "arn:aws:iam::123456789012:role/Reader"
RUNS = 60
LONGEST = 1.5
"""The CPU time, as a multiple of that of an empty program."""

START = "import sys; from _stsession_start import main; sys.exit(main())"


def cpu_time(arguments, environment):
    """The CPU time of one run in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run_child(
        [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert 0 == done.returncode
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_start_time(tmp_path):
    """It takes little longer than Python itself; the least of many runs counts."""
    with LocalSTS() as local:
        local.add_role(ROLE)
        files = local.write_profile(tmp_path, key=local.add_user(), name="ci")
        for path in (files.config_file, files.credentials_file):
            os.utime(path, (1e9, 1e9))
        environment = {
            **os.environ,
            **files.environment,
            "STSESSION_CACHE_DIR": os.fspath(tmp_path / "cache"),
        }
        command = ["-c", START, "credential-process", "--role-arn", ROLE]
        miss = cpu_time(command, environment)
        # In turns, so that the machine is as fast for one as for the other.
        pairs = [
            (cpu_time(["-c", "pass"], environment), cpu_time(command, environment))
            for _ in range(RUNS)
        ]
        empty, hit = map(min, zip(*pairs, strict=True))

        assert 1 == local.count("AssumeRole")
    print(f"python -c pass {empty:.4f} s, hit {hit:.4f} s, miss {miss:.3f} s")  # noqa: T201 - a result
    assert hit / empty <= LONGEST
