"""STS endpoints, and clients that call them."""

from __future__ import annotations

import functools
import os
import threading

from collections.abc import Hashable
from typing import Any
from urllib.parse import urlsplit

import attrs
import botocore.session

from botocore import UNSIGNED
from botocore.config import Config

from .._botocore.responses import limit_responses
from .._botocore.sessions import derive_session
from .._locks import guarded
from .._util import forget_after_fork, value_of


__all__ = [
    "MIN_POOL_SIZE",
    "StsClients",
    "StsEndpoint",
    "has_custom_endpoint",
    "pool_size",
]


MIN_POOL_SIZE = 64
"""
The smallest number of connections that a client keeps, where botocore's is 10.

A client that needs more connections than it keeps closes each after a single request,
and urllib3 logs a warning.
"""

MAX_POOL_SIZE = 4096
"""The largest number of connections, as each pool allocates memory for all of them."""


def pool_size(workers: int) -> int:
    """Return how many connections a client keeps for this many concurrent requests."""
    return max(MIN_POOL_SIZE, min(workers, MAX_POOL_SIZE))


CONNECT_TIMEOUT = 3
READ_TIMEOUT = 5
UNSIGNED_READ_TIMEOUT = 10
ATTEMPTS = 3
ATTEMPTS_IN_A_REGION = 2
"""The number of attempts in each region if there are further regions to try."""


@attrs.frozen(kw_only=True)
class StsEndpoint:
    """
    The endpoint of STS, and the settings of the clients that call it.

    Args:
        regions: The regions to call, in order of preference. `None` means the region
            of the first client that needs credentials, or else the global endpoint.

        url: The URL of an endpoint that isn't AWS's. `None` means the endpoint of the
            source's configuration.

        config: The user's changes to the configuration of the clients.

        attempts:
            How many times a client sends a request, in place of the setting in
            *config*. `None` means the setting in *config*.

        has_chosen_regions: Whether *regions* were passed for STS, and aren't those of
            the session or the source.
    """

    regions: tuple[str | None, ...]
    url: str | None = None
    config: Config | None = attrs.field(default=None, eq=False)
    attempts: int | None = None
    has_chosen_regions: bool = attrs.field(default=False, eq=False)

    config_key: Hashable = attrs.field(init=False, repr=False)
    """Equal for configurations that are equal."""

    @config_key.default
    def _config_key(self) -> Hashable:
        # A program may make an equal `Config` for each session; all can use one client.
        if self.config is None:
            return None
        try:
            return value_of(vars(self.config))
        except TypeError:  # a value in it isn't hashable
            return id(self.config)

    def client_config(
        self, *, signed: bool = True, connections: int = MIN_POOL_SIZE
    ) -> Config:
        """
        Return the configuration of a client: short timeouts, few attempts.

        The user's settings take precedence.

        Args:
            signed: Whether requests are signed. For unsigned ones, STS may call an
                identity provider first, so that they get more time.

            connections: How many connections the client keeps.
        """
        ours = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT if signed else UNSIGNED_READ_TIMEOUT,
            retries=_retries(self._attempts),
            # One client may refresh many roles concurrently. Requests have been
            # checked, and other servers accept other values than AWS.
            max_pool_connections=connections,
            parameter_validation=False,
        )
        if self.config is not None:
            ours = ours.merge(self.config)
        if self.attempts is not None:
            ours = ours.merge(Config(retries=_retries(self.attempts)))
        return ours if signed else ours.merge(Config(signature_version=UNSIGNED))

    def portable_key(self, session: botocore.session.Session) -> list[Any]:
        """
        Return where requests are sent, as JSON values that are equal in all processes.

        A region counts only if it was chosen for STS, because the credentials from one
        region are valid in all. The partition is that of the source and the role.

        Args:
            session: The session with the configuration of the clients.
        """
        return [
            self.url or _configured_url(session),
            list(self.regions) if self.has_chosen_regions else None,
            *(
                getattr(self.config, name, None) or session.get_config_variable(name)
                for name in ("use_fips_endpoint", "use_dualstack_endpoint")
            ),
        ]

    @functools.lru_cache(maxsize=64)  # noqa: B019 - there are few different values
    def single_attempt(self) -> StsEndpoint:
        """Return the same endpoint with clients that send each request only once."""
        return attrs.evolve(self, attempts=1)

    @property
    def _attempts(self) -> int:
        return ATTEMPTS if len(self.regions) == 1 else ATTEMPTS_IN_A_REGION

    @functools.lru_cache(maxsize=64)  # noqa: B019 - there are few different values
    def load_timeout(self, *, signed: bool = True) -> float:
        """
        Return the seconds after which clients give up, pauses included.

        Args:
            signed: Whether requests are signed.
        """
        # The type stubs of botocore lack its attributes.
        config: Any = self.client_config(signed=signed)
        retries = config.retries or {}
        attempts = retries.get("total_max_attempts")
        if attempts is None:
            attempts = retries.get("max_attempts", self._attempts - 1) + 1
        connect = config.connect_timeout or 0
        read = config.read_timeout or 0
        return float(len(self.regions) * attempts * (connect + read) + 6)


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


class StsClients:
    """
    The STS clients of a botocore session, made on first use.

    Args:
        session: The session. If necessary, clients are made from a copy of it that
            uses regional endpoints.

        signed: Whether requests are signed.
    """

    def __init__(
        self, session: botocore.session.Session, *, signed: bool = True
    ) -> None:
        self.session = session
        self._signed = signed
        self._connections = MIN_POOL_SIZE
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Connections must not be shared with the parent process.
        self._lock = threading.RLock()
        self._clients: dict[Any, Any] = {}

    def get(self, region: str | None, endpoint: StsEndpoint) -> Any:
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
            client = self._clients.setdefault(key, limit_responses(made))
        return client

    def keep_connections(self, workers: int) -> None:
        """
        Make new clients that keep enough connections for this many concurrent requests.
        """
        connections = pool_size(workers)
        if connections > self._connections:
            self._connections = connections
            self.close()  # the clients so far keep fewer

    def close(self) -> None:
        """Close the connections. They are opened again when needed."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()


def _regional(session: botocore.session.Session) -> botocore.session.Session:
    """
    Return a session that uses regional endpoints unless it is configured otherwise.

    Before botocore 1.40 the global endpoint was the default. *session* keeps that
    default, because the user's sessions are derived from it.
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
    Return whether requests to STS go to a server that isn't AWS's.

    Args:
        session: If there is no *url*, the configuration of this session is read.

        url: The endpoint URL that the user passed, if any.
    """
    host = urlsplit(url or _configured_url(session) or "").hostname
    return host is not None and not host.endswith(AWS_DOMAINS)


def _configured_url(session: botocore.session.Session) -> str | None:
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
