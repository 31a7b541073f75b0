"""What is done for the accounts of a fleet in other processes, which import it."""

from __future__ import annotations

import os
import sys

from typing import Any

import boto3

from botocore.exceptions import ClientError


def where(session: Any) -> tuple[str, int, str]:
    """The account, the process, and the access key ID."""
    key = session.credentials().access_key_id
    return session.client("sts").get_caller_identity()["Account"], os.getpid(), key


def shared_parts(session: Any) -> tuple[int, ...]:
    """The process, and what its sessions should share."""
    fetch = session._refresher.fetch
    client = session._source.client("us-east-1", fetch.endpoint)
    return os.getpid(), id(fetch.retry_loop.throttle), id(session._source), id(client)


def no_such_bucket(session: Any) -> None:
    """Raise an error whose class botocore makes as it runs."""
    s3 = boto3.client("s3", region_name="us-east-1")
    error = {"Error": {"Code": "NoSuchBucket", "Message": "It doesn't exist"}}
    raise s3.exceptions.NoSuchBucket(error, "ListObjectsV2")


def client_error(session: Any) -> None:
    """Raise an error of botocore's."""
    error: Any = {"Error": {"Code": "Slow", "Message": "Down"}}
    raise ClientError(error, "GetObject")


def unpicklable(session: Any) -> Any:
    """Return what can't leave the process."""
    return lambda: None


def die(session: Any) -> None:
    """End the process without a word."""
    os._exit(3)


def leave(session: Any) -> None:
    """Want the program to end."""
    sys.exit(4)
