"""
The STS clients of one source.
"""

from __future__ import annotations

import os
import threading
import weakref

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import botocore.session

from botocore import exceptions as sdk
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from .._botocore.sessions import like
from .._fork import forget_after_fork
from .._locks import guarded
from .connections_part import LEAST, kept_for
from .sts_endpoint_part import StsEndpoint


__all__ = ["StsClients", "has_custom_endpoint"]


AWS_DOMAINS = (
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
)


MAX_ANSWER = 1024 * 1024
"""Bytes; those of STS have a few thousand, and what is larger isn't read to its end."""


def _bounded(client: Any) -> Any:
    """
    Have *client* not read answers of any size. botocore has no public way for that.
    """
    session = client._endpoint.http_session  # noqa: SLF001 - see above
    reference = weakref.ref(session)
    session.send = lambda request: _send(reference(), request)
    return client


def _send(session: Any, request: AWSPreparedRequest) -> AWSResponse:
    """
    Send a request, and read an answer that isn't too large.

    Raises:
        botocore.exceptions.HTTPClientError: If there is no such answer.
    """
    request.stream_output = True  # the body isn't read then
    response = type(session).send(session, request)
    try:
        body = _Body(response.raw)
    except ReadTimeoutError as e:
        raise sdk.ReadTimeoutError(endpoint_url=request.url, error=e) from e
    except HTTPError as e:
        raise sdk.ConnectionClosedError(
            error=e, request=request, endpoint_url=request.url
        ) from e
    return AWSResponse(response.url, response.status_code, response.headers, body)


class _Body:
    """
    The body of an answer, read.
    """

    def __init__(self, raw: Any) -> None:
        self._content = b""
        for chunk in raw.stream():
            self._content += chunk
            if len(self._content) > MAX_ANSWER:
                raw.close()
                msg = f"the answer has more than {MAX_ANSWER:,} bytes"
                raise sdk.HTTPClientError(error=msg)

    def stream(self) -> Iterator[bytes]:
        """
        What botocore reads.
        """
        yield self._content


class StsClients:
    """
    Makes a client for a region on first use, and keeps it.

    Args:
        session: What they are made from, or from one that is configured like it.

        signed: Whether requests are signed.
    """

    def __init__(
        self, session: botocore.session.Session, *, signed: bool = True
    ) -> None:
        self.session = session
        self._signed = signed
        self._connections = LEAST
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Connections must not be shared with the parent process.
        self._lock = threading.RLock()
        self._clients: dict[Any, Any] = {}

    def get(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        Return a client for *region*.
        """
        key = (region, endpoint, self._connections)
        client = self._clients.get(key)
        if client is None:
            client = guarded(self._lock, lambda: self._make(key, region, endpoint))
        return client

    def _make(self, key: Any, region: str | None, endpoint: StsEndpoint) -> Any:
        client = self._clients.get(key)
        if client is None:
            made = _regional(self.session).create_client(
                "sts",
                region_name=region,
                endpoint_url=endpoint.url,
                config=endpoint.client_config(signed=self._signed, connections=key[2]),
            )
            client = self._clients.setdefault(key, _bounded(made))
        return client

    def widen(self, workers: int) -> None:
        """
        Keep enough connections for so many requests at once, by new clients.
        """
        connections = kept_for(workers)
        if connections > self._connections:
            self._connections = connections
            self.close()  # which keep fewer

    def close(self) -> None:
        """
        Close the connections. They are opened again if need be.
        """
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()


def _regional(session: botocore.session.Session) -> botocore.session.Session:
    """
    Return a session that uses regional endpoints unless it is configured otherwise.

    Before botocore 1.40 the default was the global one, and still is for sessions
    that are configured like this one.
    """
    name = "sts_regional_endpoints"
    if (
        session.get_config_variable(name) != "legacy"
        or f"AWS_{name}".upper() in os.environ
        or name in session.instance_variables()
        or name in session.get_scoped_config()
    ):
        return session
    regional = like(session, credentials=session.get_credentials(), handlers=True)
    regional.set_config_variable(name, "regional")
    return regional


def has_custom_endpoint(session: botocore.session.Session, url: str | None) -> bool:
    """
    Whether STS requests go to a server that isn't AWS's.

    Args:
        session: What the configuration is read from if there is no *url*.

        url: What the user passed.
    """
    host = urlsplit(url or _configured_url(session) or "").hostname
    return host is not None and not host.endswith(AWS_DOMAINS)


def _configured_url(session: botocore.session.Session) -> str | None:
    """
    The end point of STS in the environment or in the config file.
    """
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    profile = session.get_scoped_config()
    services = session.full_config.get("services", {})
    named = services.get(str(profile.get("services")), {})
    service = named.get("sts") if isinstance(named, dict) else None
    return (
        os.environ.get("AWS_ENDPOINT_URL_STS")
        or os.environ.get("AWS_ENDPOINT_URL")
        or (service.get("endpoint_url") if isinstance(service, dict) else None)
        or profile.get("endpoint_url")
    )
