"""
What the demo happens on: a server, a profile, and an environment without AWS.
"""

from __future__ import annotations

import contextlib
import os
import tempfile

from collections.abc import Iterator

from ..testing import AccessKey, LocalSTS, use_runtime
from ._lapse import FastClock


__all__ = ["BUCKET", "EXTERNAL_ID", "HUB", "POLICY", "PROFILE", "TARGET", "staged"]

PROFILE = "demo"
HUB = "arn:aws:iam::111111111111:role/Hub"
TARGET = "arn:aws:iam::222222222222:role/Reader"
EXTERNAL_ID = "demo-1234"
BUCKET = "demo-bucket"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:List*", "sts:AssumeRole"], "Resource": "*"}
    ],
}


@contextlib.contextmanager
def staged(clock: FastClock) -> Iterator[LocalSTS]:
    """
    Serve STS and S3; have the process's sessions find a profile for them.

    Everything is as before when it ends.
    """
    with (
        LocalSTS(clock=clock) as local,
        tempfile.TemporaryDirectory(prefix="stsession-demo-") as directory,
        use_runtime(clock=clock),
    ):
        user = local.add_user(name="demo", account_id="111111111111")
        local.add_role(HUB, trusts=[user.arn], external_id=EXTERNAL_ID)
        local.add_role(TARGET, trusts=[HUB])
        local.add_bucket(BUCKET, objects={"hello.txt": b"hello"})
        with _environment(local, user, directory):
            yield local


@contextlib.contextmanager
def _environment(local: LocalSTS, user: AccessKey, directory: str) -> Iterator[None]:
    """
    Variables for our profile, and none of the user's that lead elsewhere.
    """
    files = local.write_profile(directory, key=user, name=PROFILE)
    before = dict(os.environ)
    try:
        for name in before:
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                del os.environ[name]
        os.environ.update(files.environment, AWS_EC2_METADATA_DISABLED="true")
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
