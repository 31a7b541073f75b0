"""What other processes do; they import this module and little else."""

from __future__ import annotations

import os
import pathlib


def set_environment(variables):
    os.environ.update(variables)


def list_bucket(session):
    """Use a session that came from another process."""
    return session.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"]


def arn_of(session):
    return session.caller_identity().arn


def read_token():
    """Return the token in the file that the environment names."""
    path = pathlib.Path(os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"])
    return path.read_text(encoding="utf-8")


def read_assertion():
    """Return the assertion in the file that the environment names."""
    return pathlib.Path(os.environ["ASSERTION_PATH"]).read_text(encoding="utf-8")
