from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from stsession.testing import LocalSTS

from ..children import SOON, child


PROGRAM = """
import sys, threading
import stsession

fleet = stsession.Fleet(sys.argv[1].split(","), role_name="Audit", source="org")

def inspect(session):
    account = session.credentials().account_id
    if account.endswith("1"):
        return account
    threading.Event().wait()

run = fleet.map(inspect, max_workers=4)
try:
    print(next(run).value, flush=True)
    next(run)
except KeyboardInterrupt:
    run.close()
    print("left", [result.value for result in run], run.counts.left, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_leaves_at_once(tmp_path):
    """
    Ctrl-C doesn't wait for what is under way, and neither does the end of the program.
    """
    ids = [f"{number:012}" for number in (1, 2, 3, 4, 5, 6)]
    with LocalSTS() as local:
        for account in ids:
            local.add_role(f"arn:aws:iam::{account}:role/Audit")
        files = local.write_profile(tmp_path, key=local.add_user(), name="org")
        places = {
            "AWS_CONFIG_FILE": files.config_file,
            "AWS_SHARED_CREDENTIALS_FILE": files.credentials_file,
        }
        with child(
            [sys.executable, "-c", PROGRAM, ",".join(ids)],
            env={**os.environ, **places},
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            first = program.stdout.readline()
            program.send_signal(signal.SIGINT)
            last, _ = program.communicate(timeout=SOON)

    assert "000000000001\n" == first
    assert "left [] 5\n" == last
    assert 0 == program.returncode
