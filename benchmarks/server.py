"""
STS and S3 in a process of their own, and the handle to it.

The process is told what to do by lines of JSON, and answers likewise.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time

from collections.abc import Iterator
from pathlib import Path
from typing import Any


__all__ = ["BUCKET", "Clock", "Server", "role_arn", "running"]

BUCKET = "bucket"


def role_arn(number: int) -> str:
    """
    The ARN of a role; a server has as many as were asked for.
    """
    return f"arn:aws:iam::123456789012:role/Role{number}"


class Clock:
    """
    The machine's clocks, which can be moved forward together.
    """

    def __init__(self) -> None:
        self.ahead = 0.0

    def wall(self) -> float:
        """
        Seconds since 1970-01-01 UTC.
        """
        return time.time() + self.ahead

    def monotonic(self) -> float:
        """
        Seconds since some instant.
        """
        return time.monotonic() + self.ahead


class Server:
    """
    A server in another process, and a source profile that leads to it.
    """

    def __init__(self, process: subprocess.Popen[str], *, moves: bool) -> None:
        self._process = process
        self.moves = moves  # whether contenders have to live by the clock
        self.clock = Clock()

    def tell(self, **command: Any) -> Any:
        """
        Have it do something; return its answer.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps(command), file=stdin, flush=True)
        return json.loads(stdout.readline())

    def advance(self, seconds: float) -> None:
        """
        Move both processes' clocks forward.
        """
        self.tell(do="advance", seconds=seconds)
        self.clock.ahead += seconds

    def assume_role_calls(self) -> int:
        """
        How often it was asked for a role's credentials.
        """
        return int(self.tell(do="count", operation="AssumeRole"))


@contextlib.contextmanager
def running(*, roles: int = 1, moves: bool = False) -> Iterator[Server]:
    """
    Start a server, and have this process's sessions find its profiles.

    Args:
        roles: How many roles it knows.

        moves: Whether its clock, and that of the contenders, will be advanced.
    """
    with (
        tempfile.TemporaryDirectory() as directory,
        subprocess.Popen(
            [sys.executable, "-m", __name__, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        server = Server(process, moves=moves)
        try:
            os.environ.update(server.tell(do="start", roles=roles))
            yield server
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _serve(directory: str) -> None:
    from stsession.testing import Fault, LocalSTS

    clock = Clock()
    with LocalSTS(clock=clock) as local:
        for line in sys.stdin:
            command = json.loads(line)
            answer: Any = None
            match command["do"]:
                case "start":
                    answer = _populate(local, directory, command["roles"])
                case "advance":
                    clock.ahead += command["seconds"]
                case "delay":
                    local.answer_delay = command["seconds"]
                case "outage":
                    local.faults.add(Fault.status(503))
                case "count":
                    answer = local.count(command["operation"])
            print(json.dumps(answer), flush=True)


def _populate(local: Any, directory: str, roles: int) -> dict[str, str]:
    """
    Make users, roles, and profiles; return the environment that finds them.
    """
    for number in range(roles):
        local.add_role(role_arn(number))
    local.add_bucket(BUCKET, objects={"hello.txt": b"hello"})
    files = local.write_profile(directory, key=local.add_user(), name="source")
    # One only: each session reads the whole file.
    with Path(files.config_file).open("a", encoding="utf-8") as config:
        config.write(
            f"[profile role0]\nrole_arn = {role_arn(0)}\n"
            "source_profile = source\nregion = us-east-1\n"
        )
    return {
        "AWS_ENDPOINT_URL": local.endpoint_url,  # nothing leaves the machine
        "AWS_PROFILE": files.name,
        "AWS_CONFIG_FILE": files.config_file,
        "AWS_SHARED_CREDENTIALS_FILE": files.credentials_file,
    }


if __name__ == "__main__":
    _serve(sys.argv[1])
