"""
Where STS is asked, and how patiently.
"""

from __future__ import annotations

import functools

from collections.abc import Hashable
from typing import Any

import attrs

from botocore import UNSIGNED
from botocore.config import Config

from .._identity import value_of
from .connections_part import LEAST


__all__ = ["StsEndpoint"]


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
