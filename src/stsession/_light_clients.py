"""
Clients for the sessions of many roles, made from templates where that is safe.
"""

from __future__ import annotations

import collections
import logging
import threading
import weakref

from collections.abc import Hashable
from typing import Any

import boto3
import botocore.session

from botocore.config import Config

from ._botocore import RejectionHandler, SessionCredentials
from ._fork import forget_after_fork
from ._identity import number_of
from ._light_events import EventRecorder
from ._light_handlers import UnknownPartError
from ._light_templates import ClientTemplate, Tier, never_refreshed
from ._sdk import builtin_handlers, like


__all__ = ["LightClients"]

logger = logging.getLogger("stsession")

MAX_TEMPLATES = 128
"""Kinds of clients to keep a template for: services times regions, mostly."""

POOL_SIZE = 64
"""Connections to one host that are kept. botocore's 10 are for a single client."""

ORDERED = (Tier.COPY_ON_WRITE, Tier.TEMPLATE, Tier.PUBLIC)


class LightClients:
    """
    Makes the clients of sessions that differ in their role only.

    Args:
        settings: The session that they are configured like.
    """

    def __init__(self, settings: botocore.session.Session) -> None:
        self._settings = settings
        # Guards both; a template is made under it, once for all who want one.
        self._lock = threading.Lock()
        self._templates: collections.OrderedDict[Hashable, ClientTemplate | None] = (
            collections.OrderedDict()
        )
        self._tiers: dict[str, tuple[Tier, str | None]] = {}
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    @classmethod
    def of(cls, settings: botocore.session.Session) -> LightClients:
        """
        Return the one for all sessions that are configured like *settings*.
        """
        clients = _all.get(number_of(settings))
        if clients is None:  # if two threads come here, each has its own
            clients = _all[number_of(settings)] = cls(settings)
        return clients

    @property
    def tier(self) -> tuple[Tier, str | None]:
        """
        The heaviest way in which a client has been made, and why no lighter one.
        """
        tiers = list(self._tiers.values())
        return max(
            tiers, key=lambda t: ORDERED.index(t[0]), default=(Tier.COPY_ON_WRITE, None)
        )

    def get(
        self,
        service_name: str,
        *,
        credentials: SessionCredentials,
        rejection: RejectionHandler,
        session_region: str | None = None,
        config: Config | None = None,
        **arguments: Hashable,
    ) -> Any:
        """
        Make a client of a session.

        Args:
            service_name: Of which service.

            credentials: What it signs with.

            rejection: Who is told if a service refuses them.

            session_region: The region of the session. `None` means that of the
                settings.

            config: As that of `boto3.Session.client`.

            **arguments: Its other arguments.

        Returns:
            `None` if one of this kind has to be made by botocore.

        Raises:
            Exception: What botocore raises for such arguments.
        """
        try:
            said = frozenset(arguments.items())
            key = (service_name, session_region, said, _frozen(config))
        except TypeError:  # something in it can't be compared
            return None
        with self._lock:
            if key not in self._templates:
                self._templates[key] = self._new_template(
                    service_name, session_region, config, arguments
                )
                while len(self._templates) > MAX_TEMPLATES:
                    self._templates.popitem(last=False)
            self._templates.move_to_end(key)
            template = self._templates[key]
        return None if template is None else template.client(credentials, rejection)

    def close(self) -> None:
        """
        Close all idle connections. They are opened again if need be.
        """
        for template in list(self._templates.values()):
            if template is not None:
                template.http.close_all()

    def _new_template(
        self,
        service_name: str,
        region: str | None,
        config: Config | None,
        arguments: dict[str, Any],
    ) -> ClientTemplate | None:
        recorder = EventRecorder(builtin_handlers())
        session: Any = boto3.Session(
            botocore_session=like(
                self._settings,
                credentials=SessionCredentials(never_refreshed()),
                region=region,
                hooks=recorder,
            )
        )
        pooled = self._pooled(config)

        def make() -> Any:
            return session.client(service_name, config=pooled, **arguments)

        try:
            template = ClientTemplate(make, recorder)
        except UnknownPartError as e:
            reason = f"{service_name}: {e}"
            logger.debug("no light clients for %s", reason)
            self._tiers[service_name] = (Tier.PUBLIC, reason)
            return None
        self._tiers[service_name] = (template.tier, template.reason)
        return template

    def _pooled(self, config: Config | None) -> Config | None:
        """
        The configuration with more connections, unless it says how many.
        """
        default = self._settings.get_default_client_config()
        said = [given for given in (default, config) if given is not None]
        if not said and self._settings.get_config_variable("defaults_mode") != "legacy":
            return None  # any configuration would have a time-out of its own
        pooled: Config = Config(max_pool_connections=POOL_SIZE)
        for given in said:
            pooled = pooled.merge(given)
        return pooled


_all: weakref.WeakValueDictionary[int, LightClients] = weakref.WeakValueDictionary()


def _frozen(value: Any) -> Hashable:
    """
    Something that is equal for configurations that say the same.

    Raises:
        TypeError: If there is something in it that can't be compared.
    """
    if isinstance(value, Config):
        return _frozen(vars(value))
    if isinstance(value, dict):
        return frozenset((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    if not isinstance(value, Hashable):
        msg = f"a {type(value).__name__} can't be compared"
        raise TypeError(msg)
    return value
