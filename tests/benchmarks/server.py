"""
The server in another process, and profiles with its endpoint.

The process reads commands and writes results as lines of JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .aws import SOURCE_KEY, SOURCE_SECRET
from .clock import MovableClock


__all__ = ["BUCKET", "PROFILES", "Server", "role_arn", "running"]

BUCKET = "bucket"

PROFILES = "BENCHMARK_PROFILES"
"""Environment variable with the config file of the roles' profiles."""

MOST_PROFILES = 32


def role_arn(number: int) -> str:
    """The ARN of a role, each in an account of its own."""
    return f"arn:aws:iam::{100_000_000_000 + number}:role/Reader"


class Server:
    """A server in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.clock = MovableClock()

    def command(self, **command: Any) -> Any:
        """Run a command in the server, and return its result."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps(command), file=stdin, flush=True)
        return json.loads(stdout.readline())

    def set(self, **settings: Any) -> None:
        """Set attributes of `tests.benchmarks.aws.Aws`."""
        self.command(do="set", **settings)

    def advance(self, seconds: float) -> None:
        """Move both processes' clocks forward."""
        self.command(do="advance", seconds=seconds)
        self.clock.ahead += seconds

    def requests(self) -> int:
        """Return the number of ``AssumeRole`` calls."""
        return int(self.command(do="stats")["requests"])


@contextlib.contextmanager
def running(*, tls: bool = False) -> Iterator[Server]:
    """
    Start a server, and set the environment for its profiles.

    Args:
        tls: Whether it uses TLS.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.wire", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        server = Server(process)
        try:
            port = server.command(do="listen", tls=tls)
            os.environ["AWS_ENDPOINT_URL"] = (
                f"http{'s' if tls else ''}://127.0.0.1:{port}"
            )
            if tls:
                os.environ["AWS_CA_BUNDLE"] = str(Path(folder, "ca.pem"))
            os.environ.update(_write_profiles(Path(folder)))
            yield server
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _write_profiles(folder: Path) -> dict[str, str]:
    """Write the source's profile; return the environment that finds it."""
    source = "[profile source]\nregion = us-east-1\n"
    # In a file of their own, as most contenders need none of them.
    roles = "".join(
        f"[profile role{number}{kind}]\nrole_arn = {role_arn(number)}\n"
        f"source_profile = source\nregion = us-east-1\n{more}"
        for number in range(MOST_PROFILES)
        for kind, more in (("", ""), ("short", "duration_seconds = 900\n"))
    )
    secrets = (
        f"[source]\naws_access_key_id = {SOURCE_KEY}\n"
        f"aws_secret_access_key = {SOURCE_SECRET}\n"
    )
    contents = {"config": source, "roles": source + roles, "credentials": secrets}
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {
        "AWS_PROFILE": "source",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        PROFILES: str(folder / "roles"),
    }
