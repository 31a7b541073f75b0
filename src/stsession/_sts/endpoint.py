"""
STS endpoints, and clients that call them.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref

from collections.abc import Hashable, Iterator
from typing import Any
from urllib.parse import urlsplit

import attrs
import botocore.session

from botocore import UNSIGNED
from botocore import exceptions as sdk
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from urllib3.exceptions import HTTPError, ReadTimeoutError

from .._botocore.sessions import derive_session
from .._locks import guarded
from .._util import forget_after_fork, value_of


__all__ = ["LEAST", "StsClients", "StsEndpoint", "has_custom_endpoint", "kept_for"]


LEAST = 64
"""
As many are kept in any case; botocore's 10 are for the client of one role.

What a client has more than it keeps is closed after a single request, and urllib3 logs
a warning.
"""

MOST = 4096
"""Each pool allocates this many slots, so larger numbers are capped."""


def kept_for(workers: int) -> int:
    """
    Return how many connections are kept where so many requests run at once.
    """
    return max(LEAST, min(workers, MOST))


CONNECT_TIMEOUT = 3
READ_TIMEOUT = 5
UNSIGNED_READ_TIMEOUT = 10
ATTEMPTS = 3
ATTEMPTS_IN_A_REGION = 2
"""If there are further regions to ask."""


@attrs.frozen(kw_only=True)
class StsEndpoint:
    """
    Where and how STS is asked.

    Args:
        regions: The regions to call, in order of preference. `None` means the region
            of the first client that needs credentials, or else the global endpoint.

        url: A server that isn't AWS's. `None` means what the source's
            configuration says.

        config: What the user wants different in the client's configuration.

        attempts:
            How often the client sends a request, whatever *config* says. `None`
            leaves it at that.
    """

    regions: tuple[str | None, ...]
    url: str | None = None
    config: Config | None = attrs.field(default=None, eq=False)
    attempts: int | None = None

    config_key: Hashable = attrs.field(init=False, repr=False)
    """Equal for configurations that are equal."""

    @config_key.default
    def _config_key(self) -> Hashable:
        # A program may make one for each session, and all of them need but one client.
        if self.config is None:
            return None
        try:
            return value_of(vars(self.config))
        except TypeError:  # something in it can't be compared
            return id(self.config)

    def client_config(self, *, signed: bool = True, connections: int = LEAST) -> Config:
        """
        Short timeouts, few attempts; the user's settings win.

        Args:
            signed: Whether requests are signed. Without a signature, STS has to call
                an identity provider first.

            connections: How many connections are kept.
        """
        ours = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT if signed else UNSIGNED_READ_TIMEOUT,
            retries=_retries(self._attempts),
            # Many roles may be refreshed at once by one client. Our requests
            # have been checked, and other servers take other values than AWS.
            max_pool_connections=connections,
            parameter_validation=False,
        )
        if self.config is not None:
            ours = ours.merge(self.config)
        if self.attempts is not None:
            ours = ours.merge(Config(retries=_retries(self.attempts)))
        return ours if signed else ours.merge(Config(signature_version=UNSIGNED))

    @property
    def asked_once(self) -> StsEndpoint:
        """
        The same, with clients that send each request once only.
        """
        return _asked_once(self)

    @property
    def _attempts(self) -> int:
        return ATTEMPTS if len(self.regions) == 1 else ATTEMPTS_IN_A_REGION

    @functools.lru_cache(maxsize=64)  # noqa: B019 - a few values, asked for by all
    def load_timeout(self, *, signed: bool = True) -> float:
        """
        Seconds that the clients take to give up, and a few for their pauses.
        """
        # Its attributes aren't in its stubs.
        config: Any = self.client_config(signed=signed)
        retries = config.retries or {}
        attempts = retries.get("total_max_attempts")
        if attempts is None:
            attempts = retries.get("max_attempts", self._attempts - 1) + 1
        connect = config.connect_timeout or 0
        read = config.read_timeout or 0
        return float(len(self.regions) * attempts * (connect + read) + 6)


@functools.lru_cache(maxsize=64)
def _asked_once(endpoint: StsEndpoint) -> StsEndpoint:
    return attrs.evolve(endpoint, attempts=1)


def _retries(attempts: int) -> Any:
    return {"mode": "standard", "total_max_attempts": attempts}


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
    regional = derive_session(
        session, credentials=session.get_credentials(), handlers=True
    )
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
