"""
The STS clients of one source.
"""

from __future__ import annotations

import os
import threading

from typing import Any
from urllib.parse import urlsplit

import botocore.session

from ._connections import LEAST, kept_for
from ._fork import forget_after_fork
from ._locks import guarded
from ._sdk import like
from ._sts_endpoint import StsEndpoint


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
        self._makes = _regional(session)

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
            made = self._makes.create_client(
                "sts",
                region_name=region,
                endpoint_url=endpoint.url,
                config=endpoint.client_config(signed=self._signed, connections=key[2]),
            )
            client = self._clients.setdefault(key, made)
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
