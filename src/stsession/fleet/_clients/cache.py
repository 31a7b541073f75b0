"""
Templates by kind of client.
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
from botocore.hooks import BaseEventHooks

from ..._botocore.config_files import present_versions_of
from ..._botocore.credentials import RefresherCredentials
from ..._botocore.resend import ResendHandler
from ..._botocore.sdk_classes import BotoSession
from ..._botocore.sessions import builtin_handlers, derive_session
from ..._core.cache import RandomEviction
from ..._core.events import write_log
from ..._core.runtime import current_runtime
from ..._locks import OneTimeEvent, guarded
from ..._sts.endpoint import MIN_POOL_SIZE, pool_size
from ..._util import forget_after_fork, lazy, number_of, per_process, value_of
from .http import Pools
from .parts import UnknownPartError
from .template import ClientTemplate, never_refreshed


__all__ = ["LightClients"]


MAX_TEMPLATES = 1024
"""
Kinds of clients to keep a template for: services times regions, mostly.

A template takes 250 to 700 KB, so all of them about 400 MB.
"""

MAX_CONFIGS = 16
"""
Different values of *config* to keep templates for.

A program may pass another one for each account, and its template is used once.
"""

PATIENCE = 2.0
"""Seconds that others wait for a template; making one takes a fraction of that."""

Kind = tuple[Hashable, ...]
"""What clients of a kind have in common, their configuration first."""

KEYS = frozenset(
    {
        b"AWS_ACCESS_KEY_ID",
        b"AWS_SECRET_ACCESS_KEY",
        b"AWS_SECURITY_TOKEN",
        b"AWS_SESSION_TOKEN",
    }
)
"""What the environment says about who signs, and not about the clients of roles."""

SHARED_EVENTS = "clients of %s are made from a template and share event handlers"
OWN_EVENTS = (
    "clients of %s are made from a template and have event handlers of their own: %s"
)
BY_BOTOCORE = "clients of %s are made by botocore: %s"

PLUGINS = "BOTOCORE_EXPERIMENTAL__PLUGINS"
"""What botocore calls with each client that it makes."""


class _Making:
    """
    A template that a thread is making.
    """

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.done = OneTimeEvent()


class LightClients:
    """
    Makes the clients of sessions that differ in their role only.

    Args:
        settings: The session that they are configured like.
    """

    def __init__(self, settings: botocore.session.Session) -> None:
        self._settings = settings
        self._surroundings = _surroundings(settings)
        # The template is `None` for a kind of clients that botocore has to make.
        self._templates: RandomEviction[Kind, tuple[ClientTemplate | None]] = (
            RandomEviction(MAX_TEMPLATES)
        )
        self._configs: RandomEviction[Hashable, None] = RandomEviction(MAX_CONFIGS)
        self._pools = Pools()
        self._connections = MIN_POOL_SIZE
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Guards the templates, and which of them are being made. A finalizer may make
        # a client, too, on the thread that holds it.
        self._lock = threading.RLock()
        self._making: dict[Hashable, _Making] = {}

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
        credentials = RefresherCredentials(never_refreshed())
        return BotoSession(
            botocore_session=derive_session(self._settings, credentials=credentials)
        )

    def get(
        self,
        service_name: str,
        *,
        credentials: RefresherCredentials,
        rejection: ResendHandler,
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
            said = value_of(
                [service_name, session_region, arguments, self._connections]
            )
            configured = None if config is None else value_of(vars(config))
        except TypeError:  # something in it can't be compared
            return None
        template = self._template(
            (configured, said, makers),
            lambda: self._new_template(service_name, session_region, config, arguments),
        )
        return None if template is None else template.client(credentials, rejection)

    def _template(
        self, key: Kind, make: Callable[[], ClientTemplate | None]
    ) -> ClientTemplate | None:
        """
        Return the template for *key*. One thread makes it, and others wait for it.

        They don't wait forever: botocore logs meanwhile, and a logging handler may make
        a client. `None` if there is no template by then.
        """
        found = self._templates.get(key)
        if found is not None:
            return found[0]
        mine = _Making()
        try:
            making = self._making.setdefault(key, mine)
            if making is mine:
                template = make()
                if _surroundings(self._settings) != self._surroundings:
                    return None  # it may have been made for either
                guarded(self._lock, lambda: self._keep(key, template))
                return template
        finally:
            # If an interrupt ends the first call, the second one does it.
            try:
                self._made(key, mine)
            finally:
                self._made(key, mine)
        if making.thread != threading.get_ident():
            current_runtime().wait(making.done, PATIENCE)
        found = self._templates.get(key)
        return None if found is None else found[0]

    def _made(self, key: Kind, mine: _Making) -> None:
        if self._making.get(key) is mine:
            mine.done.set()
            self._making.pop(key, None)

    def _keep(self, key: Kind, template: ClientTemplate | None) -> None:
        if key[0] not in self._configs:
            self._configs[key[0]] = None
            for other in list(self._templates):
                if other[0] not in self._configs:
                    self._templates.pop(other, None)
        self._templates[key] = (template,)

    def widen(self, workers: int) -> None:
        """
        Keep enough connections to a host for so many requests at once.

        That goes for clients that are made from now on.
        """
        connections = pool_size(workers)
        if connections > self._connections:
            self._connections = connections
            guarded(self._lock, self._templates.clear)  # their clients keep fewer

    def close(self) -> None:
        """
        Close all idle connections. They are opened again if need be.
        """
        for (template,) in list(self._templates.values()):
            if template is not None:
                template.http.close_all()

    def _new_template(
        self,
        service_name: str,
        region: str | None,
        config: Config | None,
        arguments: dict[str, Any],
    ) -> ClientTemplate | None:
        pooled = self._pooled(config)

        def make(hooks: BaseEventHooks | None) -> Any:
            session: Any = BotoSession(
                botocore_session=derive_session(
                    self._settings,
                    credentials=RefresherCredentials(never_refreshed()),
                    region=region,
                    hooks=hooks,
                )
            )
            return session.client(service_name, config=pooled, **arguments)

        # What the first caller is in the middle of is no business of the others.
        context = contextvars.Context()
        try:
            if os.environ.get(PLUGINS):
                msg = "botocore has plugins"
                raise UnknownPartError(msg)
            template = context.run(
                ClientTemplate, make, builtin_handlers(), self._pools
            )
        except UnknownPartError as e:
            write_log(logging.DEBUG, BY_BOTOCORE, service_name, e)
            return None
        if template.unshared_events is None:
            write_log(logging.DEBUG, SHARED_EVENTS, service_name)
        else:
            write_log(logging.DEBUG, OWN_EVENTS, service_name, template.unshared_events)
        return template

    def _pooled(self, config: Config | None) -> Config | None:
        """
        The configuration with more connections, unless it says how many.
        """
        default = self._settings.get_default_client_config()
        said = [given for given in (default, config) if given is not None]
        if not said and self._settings.get_config_variable("defaults_mode") != "legacy":
            return None  # any configuration would have a time-out of its own
        pooled: Config = Config(max_pool_connections=self._connections)
        for given in said:
            pooled = pooled.merge(copy.deepcopy(given))  # it may be changed later
        return pooled


_all: weakref.WeakValueDictionary[int, LightClients] = per_process(
    weakref.WeakValueDictionary()
)


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
