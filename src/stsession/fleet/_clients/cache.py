"""Makes the clients of a fleet, and keeps a template for each kind of client."""

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
from ..._core.events import write_log
from ..._core.runtime import current_runtime
from ..._locks import OneTimeEvent, guarded
from ..._sts.endpoint import MIN_POOL_SIZE, pool_size
from ..._util import (
    RandomEviction,
    forget_after_fork,
    lazy,
    number_of,
    per_process,
    value_of,
)
from .http import Pools
from .parts import UnknownPartError
from .template import ClientTemplate, placeholder_refresher


__all__ = ["ClientTemplates"]


MAX_TEMPLATES = 1024
"""
Upper bound of the number of templates: mostly services times regions.

A template takes 250 to 700 KB, so all templates take up to about 400 MB.
"""

MAX_CONFIGS = 16
"""
Upper bound of the number of different values of *config* that have templates.

A program may pass another value for each account, whose template is used only once.
"""

TEMPLATE_TIMEOUT = 2.0
"""Seconds for which other threads wait for a template, which usually takes much
less."""

ClientKind = tuple[Hashable, ...]
"""The properties that all clients of one template share, with the configuration
first."""

KEYS = frozenset(
    {
        b"AWS_ACCESS_KEY_ID",
        b"AWS_SECRET_ACCESS_KEY",
        b"AWS_SECURITY_TOKEN",
        b"AWS_SESSION_TOKEN",
    }
)
"""Environment variables with credentials, which don't affect the clients of roles."""

SHARED_EVENTS = "clients of %s are made from a template and share event handlers"
OWN_EVENTS = (
    "clients of %s are made from a template and have event handlers of their own: %s"
)
BY_BOTOCORE = "clients of %s are made by botocore: %s"

PLUGINS = "BOTOCORE_EXPERIMENTAL__PLUGINS"
"""Environment variable that names plugins, which botocore calls with each client."""


class _TemplateInProgress:
    """A template that one thread is making, and for which others wait."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.done = OneTimeEvent()


class ClientTemplates:
    """
    Makes the clients of sessions that differ only in their role, from templates.

    Args:
        settings:
            The botocore session of the source, with the configuration of the clients.
    """

    def __init__(self, settings: botocore.session.Session) -> None:
        self._settings = settings
        self._fingerprint = client_settings(settings)
        # The template is `None` for a kind of clients that botocore has to make.
        self._templates: RandomEviction[ClientKind, tuple[ClientTemplate | None]] = (
            RandomEviction(MAX_TEMPLATES, random=lambda: current_runtime().random())
        )
        self._configs: RandomEviction[Hashable, None] = RandomEviction(MAX_CONFIGS)
        self._pools = Pools()
        self._connections = MIN_POOL_SIZE
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Guards the templates. Reentrant: a finalizer may make a client, too.
        self._lock = threading.RLock()
        self._in_progress: dict[Hashable, _TemplateInProgress] = {}

    @classmethod
    def of(cls, settings: botocore.session.Session) -> ClientTemplates:
        """
        Return the templates for sessions with the present configuration of *settings*.
        """
        number = number_of(settings)
        templates = _all().get(number)
        fingerprint = client_settings(settings)
        # Two threads may each make one here, and both are used.
        if templates is None or templates._fingerprint != fingerprint:  # noqa: SLF001 - its own
            templates = _all()[number] = cls(settings)
        return templates

    @lazy
    def session(self) -> BotoSession:
        """A session without a role, for methods that return the same for all roles."""
        credentials = RefresherCredentials(placeholder_refresher())
        return BotoSession(
            botocore_session=derive_session(self._settings, credentials=credentials)
        )

    def client(
        self,
        service_name: str,
        *,
        credentials: RefresherCredentials,
        resend: ResendHandler,
        session_region: str | None = None,
        config: Config | None = None,
        **arguments: Hashable,
    ) -> Any:
        """
        Return a client like that of `boto3.Session.client`. May read files.

        *service_name*, *config* and *arguments* are those of `boto3.Session.client`.
        If *session_region* is `None`, the region is that of the settings.

        Returns:
            The client. `None` if botocore has to make clients of this kind.

        Raises:
            Exception: Any exception that botocore raises for these arguments.
        """
        if not isinstance(config, (Config, type(None))):
            return None
        # Libraries for tracing replace these functions.
        makers = (BaseClient.__init__, ClientCreator.create_client)
        try:
            config_key = None if config is None else value_of(vars(config))
            key = value_of([service_name, session_region, arguments, self._connections])
        except TypeError:  # a value that isn't hashable
            return None
        template = self._template(
            (config_key, key, makers),
            lambda: self._new_template(service_name, session_region, config, arguments),
        )
        return None if template is None else template.client(credentials, resend)

    def _template(
        self, key: ClientKind, make: Callable[[], ClientTemplate | None]
    ) -> ClientTemplate | None:
        """
        Return the template for *key*. One thread makes it, and others wait for it.

        `None` if there is none within the timeout: botocore logs meanwhile, and a
        logging handler that makes a client in another thread must not wait forever.
        """
        kept = self._templates.get(key)
        if kept is not None:
            return kept[0]
        mine = _TemplateInProgress()
        try:
            in_progress = self._in_progress.setdefault(key, mine)
            if in_progress is mine:
                template = make()
                if client_settings(self._settings) != self._fingerprint:
                    return None  # made for an environment that has changed since
                guarded(self._lock, lambda: self._keep(key, template))
                return template
        finally:
            # If an interrupt ends the first call, the second one does it.
            try:
                self._complete(key, mine)
            finally:
                self._complete(key, mine)
        if in_progress.thread != threading.get_ident():
            current_runtime().wait(in_progress.done, TEMPLATE_TIMEOUT)
        kept = self._templates.get(key)
        return None if kept is None else kept[0]

    def _complete(self, key: ClientKind, mine: _TemplateInProgress) -> None:
        if self._in_progress.get(key) is mine:
            mine.done.set()
            self._in_progress.pop(key, None)

    def _keep(self, key: ClientKind, template: ClientTemplate | None) -> None:
        if key[0] not in self._configs:
            self._configs[key[0]] = None
            for other in list(self._templates):
                if other[0] not in self._configs:
                    self._templates.pop(other, None)
        self._templates[key] = (template,)

    def keep_connections(self, workers: int) -> None:
        """Make later clients keep connections for *workers* concurrent requests."""
        connections = pool_size(workers)
        if connections > self._connections:
            self._connections = connections
            guarded(self._lock, self._templates.clear)

    def close(self) -> None:
        """Close all idle connections. Clients open new ones when they need them."""
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
        pooled = self._with_pool_size(config)

        def make(hooks: BaseEventHooks | None) -> Any:
            session: Any = BotoSession(
                botocore_session=derive_session(
                    self._settings,
                    credentials=RefresherCredentials(placeholder_refresher()),
                    region=region,
                    hooks=hooks,
                )
            )
            return session.client(service_name, config=pooled, **arguments)

        # The template must not depend on the context variables of the first caller.
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

    def _with_pool_size(self, config: Config | None) -> Config | None:
        """Return *config* with the fleet's number of connections, unless it has one."""
        default = self._settings.get_default_client_config()
        configs = [it for it in (default, config) if it is not None]
        mode = self._settings.get_config_variable("defaults_mode")
        if not configs and mode != "legacy":
            return None  # any Config has a timeout, which replaces the mode's
        pooled: Config = Config(max_pool_connections=self._connections)
        for it in configs:
            pooled = pooled.merge(copy.deepcopy(it))  # the caller may change it later
        return pooled


_all: per_process[weakref.WeakValueDictionary[int, ClientTemplates]]
_all = per_process(weakref.WeakValueDictionary)


def client_settings(settings: botocore.session.Session) -> tuple[Any, ...]:
    """
    Return a value that changes if the environment, the files or the settings change.
    """
    config: Config | None = settings.get_default_client_config()
    return (
        {name: value for name, value in _environment() if _affects_clients(name)},
        present_versions_of(settings),
        settings.instance_variables(),
        None if config is None else dict(vars(config)),
        (settings.user_agent_name, settings.user_agent_version),
        settings.user_agent_extra,
        list(botocore.handlers.BUILTIN_HANDLERS),  # moto appends to it
    )


def _environment() -> Iterable[tuple[bytes, bytes]]:
    if hasattr(os, "environb"):  # needs no decoding
        return os.environb.items()
    return ((os.fsencode(name), os.fsencode(os.environ[name])) for name in os.environ)


def _affects_clients(variable: bytes) -> bool:
    if variable.startswith((b"AWS_", b"BOTO")):
        return variable not in KEYS
    return variable.lower().endswith(b"_proxy")
