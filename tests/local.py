"""Servers on loopback, clients of a `LocalSTS`, and the errors that they raise."""

from __future__ import annotations

import contextlib
import threading

import boto3
import pytest

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.serving import make_server


ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=5)


def client_of(local_sts, key=None, service="sts"):
    """A client of *key* that sends each request once; without a key, unsigned."""
    keys = {}
    config = ONCE.merge(Config(signature_version=UNSIGNED))
    if key is not None:
        config = ONCE
        keys = {
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret_access_key,
            "aws_session_token": key.session_token,
        }
    return boto3.client(
        service,
        region_name="eu-central-1",
        endpoint_url=local_sts.endpoint_url,
        config=config,
        **keys,
    )


def lax(client, **values):
    """Send *values* whatever the client thinks of them."""
    client.meta.events.register(
        "before-call.*", lambda params, **kw: params["body"].update(values)
    )
    return client


def error_of(call, *args, **kw):
    """The code and the message that *call* fails with."""
    with pytest.raises(ClientError) as caught:
        call(*args, **kw)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def code_of(call, *args, **kw):
    """The code and the HTTP status that *call* fails with."""
    with pytest.raises(ClientError) as caught:
        call(*args, **kw)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@contextlib.contextmanager
def serving(app):
    """The URL of a server with a WSGI application."""
    with make_server("127.0.0.1", 0, app, threaded=True) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            thread.join()
