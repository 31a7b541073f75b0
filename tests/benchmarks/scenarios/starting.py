"""What a process pays before its first call."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time

from pathlib import Path

from ..first_requests import program
from ..server import Server, running
from .tools import Make, Size


MODULES = {
    "stsession": "stsession",
    "aws-assume-role-lib": "aws_assume_role_lib",
    "boto3-refresh-session": "boto3_refresh_session",
    "boto3-assume": "boto3_assume",
    "boto-session-manager": "boto_session_manager.api",
}


IMPORT = """
import importlib, sys, time
import boto3
began = time.perf_counter()
if sys.argv[1] == "stsession":
    import attrs
based = time.perf_counter()
module = importlib.import_module(sys.argv[1])
imported = time.perf_counter()
if sys.argv[1] == "stsession":
    module.assume
print(imported - based, imported - began, time.perf_counter() - began)
"""


def import_cost(make: Make, size: Size) -> dict[str, float]:
    """What an import adds to boto3's: ours, with attrs, with what is loaded late."""
    command = [sys.executable, "-c", IMPORT, MODULES[make.NAME]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    alone, whole, ready = map(float, done.stdout.split())
    return {"alone": alone, "import": whole, "ready": ready}


def cold_start(make: Make, size: Size) -> dict[str, float]:
    """From the start of a process to its first signed request."""
    with running() as server:
        return _starts(make.NAME, server, size.starts)


def cold_start_tls(make: Make, size: Size) -> dict[str, float]:
    """The same over TLS."""
    with running(tls=True) as server:
        return _starts(make.NAME, server, size.starts)


def _starts(name: str, server: Server, count: int) -> dict[str, float]:
    command = [sys.executable, "-c", program(name)]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    _start(command, server)  # compiles modules for the following runs
    starts = [_start(command, server) for _ in range(count)]
    measured = {key: min(start[key] for start in starts) for key in starts[0]}
    instructions = _instructions(command)
    if instructions is not None:
        measured["instructions"] = instructions
    return measured


def _start(command: list[str], server: Server) -> dict[str, float]:
    """Time until the request arrives; CPU and memory of the whole process."""
    server.command(do="reset")
    began = time.monotonic()  # the server reads the same clock
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr as stderr:
        error = stderr.read().strip()  # until it ends
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(error.rpartition("\n")[2])
    arrived = float(server.command(do="stats")["first_read"])
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "time": arrived - began,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": float(used.ru_maxrss * unit),
    }


def _instructions(command: list[str]) -> float | None:
    """Of one more start. `None` where they can't be counted."""
    if shutil.which("perf") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "perf")
        counting = ["perf", "stat", "-x,", "-e", "instructions:u", "-o", str(path)]
        probe = subprocess.run(
            [*counting, "--", "true"], capture_output=True, check=False
        )
        if probe.returncode or _counted(path) is None:
            return None
        subprocess.run([*counting, "--", *command], check=True, capture_output=True)
        return _counted(path)


def _counted(path: Path) -> float | None:
    for line in path.read_text(encoding="utf-8").splitlines():
        value = line.partition(",")[0]
        if value.isdigit():
            return float(value)
    return None
