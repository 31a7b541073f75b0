"""
Clients for the sessions of many roles, made from templates where that is safe.
"""

from __future__ import annotations

import contextvars
import copy
import logging
import os
import threading
import weakref

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import botocore.handlers
import botocore.session

from botocore.client import BaseClient, ClientCreator
from botocore.config import Config

from ._botocore import RejectionHandler, SessionCredentials
from ._config_files import present_versions_of
from ._connections import kept
from ._fork import forget_after_fork
from ._identity import number_of
from ._lazy import lazy
from ._light_events import EventRecorder
from ._light_handlers import UnknownPartError
from ._light_templates import ClientTemplate, Tier, never_refreshed
from ._process import per_process
from ._sdk import builtin_handlers, like
from ._sdk_classes import BotoSession


__all__ = ["LightClients"]

logger = logging.getLogger("stsession")

MAX_TEMPLATES = 128
"""Kinds of clients to keep a template for: services times regions, mostly."""

PATIENCE = 2.0
"""Seconds that others wait for a template; making one takes a fraction of that."""

ORDERED = (Tier.COPY_ON_WRITE, Tier.TEMPLATE, Tier.PUBLIC)

NOTHING_YET = (Tier.COPY_ON_WRITE, None)

KEYS = frozenset(
    {
        b"AWS_ACCESS_KEY_ID",
        b"AWS_SECRET_ACCESS_KEY",
        b"AWS_SECURITY_TOKEN",
        b"AWS_SESSION_TOKEN",
    }
)
"""What the environment says about who signs, and not about the clients of roles."""

PLUGINS = "BOTOCORE_EXPERIMENTAL__PLUGINS"
"""What botocore calls with each client that it makes."""


class LightClients:
    """
    Makes the clients of sessions that differ in their role only.

    Args:
        settings: The session that they are configured like.
    """

    def __init__(self, settings: botocore.session.Session) -> None:
        self._settings = settings
        self._surroundings = _surroundings(settings)
        self._templates: dict[Hashable, ClientTemplate | None] = {}  # the latest last
        self._after_fork()
        self._tiers: dict[str, tuple[Tier, str | None]] = {}
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()  # guards the templates, and who is making one
        self._making: dict[Hashable, threading.Event] = {}

    @classmethod
    def of(cls, settings: botocore.session.Session) -> LightClients:
        """
        Return the one for all sessions that are configured like *settings* now.
        """
        number = number_of(settings)
        clients = _all.get(number)
        # If two threads come here, each has its own.
        if clients is None or clients._surroundings != _surroundings(settings):  # noqa: SLF001 - its own
            clients = _all[number] = cls(settings)
        return clients

    @lazy
    def session(self) -> BotoSession:
        """
        A session of nobody, to ask what is the same for all.
        """
        credentials = SessionCredentials(never_refreshed())
        return BotoSession(
            botocore_session=like(self._settings, credentials=credentials)
        )

    @property
    def tier(self) -> tuple[Tier, str | None]:
        """
        The heaviest way in which a client has been made, and why no lighter one.
        """
        return max(list(self._tiers.values()), key=_weight, default=NOTHING_YET)

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
        if not isinstance(config, (Config, type(None))):
            return None
        # Whoever watches clients being made has put something else there.
        makers = (BaseClient.__init__, ClientCreator.create_client)
        try:
            said = _frozen(
                [service_name, session_region, arguments, config, kept.number]
            )
        except TypeError:  # something in it can't be compared
            return None
        template = self._template(
            (said, makers),
            lambda: self._new_template(service_name, session_region, config, arguments),
        )
        return None if template is None else template.client(credentials, rejection)

    def _template(
        self, key: Hashable, make: Callable[[], ClientTemplate | None]
    ) -> ClientTemplate | None:
        """
        The template for *key*. One thread makes it, and others wait for it.

        Not for ever, as botocore logs meanwhile, and a logging handler may want a
        client; who has no template then goes without.
        """
        with self._lock:
            if key in self._templates:
                self._templates[key] = template = self._templates.pop(key)
                return template
            made, mine = self._making.get(key), threading.Event()
            if made is None:
                self._making[key] = mine
        if made is not None:
            made.wait(PATIENCE)
            with self._lock:
                return self._templates.get(key)
        try:
            template = make()
            if _surroundings(self._settings) != self._surroundings:
                return None  # it may have been made for either
            with self._lock:
                self._templates[key] = template
                while len(self._templates) > MAX_TEMPLATES:
                    del self._templates[next(iter(self._templates))]
            return template
        finally:
            with self._lock:
                self._making.pop(key, None)
            mine.set()

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
        session: Any = BotoSession(
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

        # What the first caller is in the middle of is no business of the others.
        context = contextvars.Context()
        try:
            if os.environ.get(PLUGINS):
                msg = "botocore has plugins"
                raise UnknownPartError(msg)
            template = context.run(ClientTemplate, make, recorder)
        except UnknownPartError as e:
            self._note(service_name, Tier.PUBLIC, str(e))
            return None
        self._note(service_name, template.tier, template.reason)
        return template

    def _note(self, service_name: str, tier: Tier, reason: str | None) -> None:
        """
        Remember the heaviest way in which a service's clients are made.
        """
        if reason is not None:
            reason = f"{service_name}: {reason}"
            logger.debug("clients are made in the way %r for %s", tier.value, reason)
        noted = self._tiers.get(service_name, NOTHING_YET)
        self._tiers[service_name] = max(noted, (tier, reason), key=_weight)

    def _pooled(self, config: Config | None) -> Config | None:
        """
        The configuration with more connections, unless it says how many.
        """
        default = self._settings.get_default_client_config()
        said = [given for given in (default, config) if given is not None]
        if not said and self._settings.get_config_variable("defaults_mode") != "legacy":
            return None  # any configuration would have a time-out of its own
        pooled: Config = Config(max_pool_connections=kept.number)
        for given in said:
            pooled = pooled.merge(copy.deepcopy(given))  # it may be changed later
        return pooled


_all: weakref.WeakValueDictionary[int, LightClients] = per_process(
    weakref.WeakValueDictionary()
)


def _weight(tier: tuple[Tier, str | None]) -> int:
    return ORDERED.index(tier[0])


def _surroundings(settings: botocore.session.Session) -> tuple[Any, ...]:
    """
    What shapes clients and isn't said when they are made.
    """
    config: Config | None = settings.get_default_client_config()
    return (
        {name: value for name, value in _environment() if _is_said(name)},
        present_versions_of(settings),
        settings.instance_variables(),
        None if config is None else dict(vars(config)),
        (settings.user_agent_name, settings.user_agent_version),
        settings.user_agent_extra,
        list(botocore.handlers.BUILTIN_HANDLERS),  # moto appends to it
    )


def _environment() -> Iterable[tuple[bytes, bytes]]:
    if hasattr(os, "environb"):  # there it is as it is kept
        return os.environb.items()
    return ((os.fsencode(name), os.fsencode(os.environ[name])) for name in os.environ)


def _is_said(variable: bytes) -> bool:
    """
    Tell whether an environment variable is about requests to AWS.
    """
    if variable.startswith((b"AWS_", b"BOTO")):
        return variable not in KEYS
    return variable.lower().endswith(b"_proxy")


def _frozen(value: Any) -> Hashable:
    """
    Something that is equal for things that say the same, and mean it: 1 isn't `True`.

    Raises:
        TypeError: If there is something in it that can't be compared.
    """
    kind = type(value)
    if isinstance(value, Config):
        return kind, _frozen(vars(value))
    if isinstance(value, dict):
        return kind, frozenset((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return kind, tuple(map(_frozen, value))
    hash(value)
    return kind, value
