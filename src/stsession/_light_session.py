"""
A session that is hardly more than its role, for those who need hundreds.
"""

from __future__ import annotations

from typing import Any

import boto3

from ._assume import RefreshableAssumeRoleSession
from ._light_clients import LightClients


__all__ = ["LightSession"]

BEGUN_LATE = frozenset({"_loader", "_session", "resource_factory"})
"""What the initializer of `boto3.Session` sets."""

LIGHT = frozenset(
    {"api_version", "config", "endpoint_url", "region_name", "use_ssl", "verify"}
)
"""What may be said about a client that shares parts with others."""


class LightSession(RefreshableAssumeRoleSession):
    """
    A session for a role whose clients share with those of others what they can.

    It becomes a whole boto3 session when something other than a client is asked
    for: resources, its event handlers, the botocore session. Its further clients
    are botocore's own then.
    """

    _light: LightClients | None = None

    def _begin(self) -> None:
        if self._options.share:
            self._light = LightClients.of(self._source.settings)
        else:
            super()._begin()

    def __getattr__(self, name: str) -> Any:
        if name not in BEGUN_LATE:
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        session = boto3.Session(botocore_session=self._new_botocore_session())
        # Another thread may do the same; the first one's counts.
        session = vars(self).setdefault("_whole", session)
        return getattr(session, name)

    @property
    def _lightly(self) -> LightClients | None:
        """
        Who makes its clients. `None` if botocore does.
        """
        return None if "_whole" in vars(self) else self._light

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        """
        Make a client, as `boto3.Session.client` does.
        """
        client, light = None, self._lightly
        if light is not None and not args and kwargs.keys() <= LIGHT:
            client = light.get(
                service_name,
                credentials=self._signs_with,
                rejection=self._rejection,
                session_region=self._options.region,
                **kwargs,
            )
        if client is None:
            make: Any = super().client  # typed by boto3-stubs, service by service
            client = make(service_name, *args, **kwargs)
        return client

    def _client_tier(self) -> tuple[str, str | None]:
        if self._light is None:
            return super()._client_tier()
        if self._lightly is None:
            return "public", "the session was asked for something other than a client"
        tier, reason = self._light.tier
        return tier.value, reason

    def get_credentials(self) -> Any:
        """
        Return what the clients sign with.
        """
        return self._signs_with

    @property
    def region_name(self) -> Any:
        """
        The region of clients that aren't told another.
        """
        if self._lightly is None:
            return super().region_name
        return self._options.region or self._source.settings.get_config_variable(
            "region"
        )
