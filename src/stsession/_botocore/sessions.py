"""
botocore sessions derived from others.
"""

from __future__ import annotations

import copy

from collections.abc import Mapping
from typing import Any

import botocore.handlers
import botocore.session

from botocore.hooks import BaseEventHooks, HierarchicalEmitter
from botocore.loaders import Loader

from .._util import per_process
from .config_files import Session, files_of
from .loader import loader_for
from .sdk_classes import BotocoreSession


__all__ = ["Ready", "builtin_handlers", "like", "shared_loader"]


class _BuiltinHandlers:
    """
    An event emitter with botocore's own handlers, to be copied.

    Registering them takes longer than all the rest of making a session.
    """

    def __init__(self) -> None:
        self._registered: list[Any] = []
        self._emitter = HierarchicalEmitter()

    def copy(self) -> BaseEventHooks:
        # moto, for one, appends to the list when it is imported.
        wanted = list(botocore.handlers.BUILTIN_HANDLERS)
        if wanted != self._registered:
            emitter = HierarchicalEmitter()
            BotocoreSession(event_hooks=emitter)
            self._emitter, self._registered = emitter, wanted
        return copy.copy(self._emitter)


_builtin_handlers = per_process(_BuiltinHandlers(), of_files=True)


def builtin_handlers() -> BaseEventHooks:
    """
    An emitter with botocore's own event handlers.
    """
    return _builtin_handlers.copy()


def shared_loader(session: botocore.session.Session) -> Loader:
    """
    The loader for the search path that *session* is configured with.
    """
    return loader_for(session.get_config_variable("data_path"))


def new_session(
    session_vars: Any = None, *, profile: str | None = None, share_models: bool = True
) -> botocore.session.Session:
    """
    A botocore session with botocore's own event handlers.

    Args:
        session_vars: As botocore takes them.

        profile: Its name. `None` means what the environment says.

        share_models: Whether it has parts in common with other sessions of ours. If
            not, it is one as botocore makes them.
    """
    if not share_models:
        return BotocoreSession(session_vars=session_vars, profile=profile)
    return Session(
        session_vars=session_vars,
        event_hooks=_builtin_handlers.copy(),
        include_builtin_handlers=False,
        profile=profile,
    )


class Ready:
    """
    What botocore takes for a chain of credential providers: one that has them.
    """

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Any:
        """
        Return the credentials.
        """
        return self._credentials


NO_PROFILE = {"profile": (None, None, None, None)}
"""Has a session look for its profile nowhere, not even in the environment."""


def like(
    source: botocore.session.Session,
    *,
    credentials: Any,
    handlers: bool = False,
    region: str | None = None,
    share_models: bool = True,
    hooks: BaseEventHooks | None = None,
) -> botocore.session.Session:
    """
    Make a session that is configured as another, with credentials of its own.

    The other one isn't touched.

    Args:
        source: The other one.

        credentials: What the new one signs with.

        handlers: Whether it has the other's event handlers, or just botocore's.

        region: Its region. `None` means the other's.

        share_models: See `new_session`.

        hooks: An emitter with botocore's handlers to use. `None` means a new one.
    """
    if handlers:
        hooks = copy.copy(source.get_component("event_emitter"))
    session = copy_settings(source, hooks, share_models=share_models)
    profile = usable_profile(source)
    if profile is not None:  # the environment may name another one tomorrow
        session.set_config_variable("profile", profile)
    if region is not None:
        session.set_config_variable("region", region)
    session.register_component("credential_provider", Ready(credentials))
    # Attached at once: botocore's lazy way isn't safe with threads.
    session.get_credentials()
    return session


def copy_settings(
    source: botocore.session.Session,
    hooks: BaseEventHooks | None = None,
    *,
    share_models: bool = True,
) -> botocore.session.Session:
    """
    Make a session that is configured as another, and finds credentials alike.

    Args:
        source: The other one.

        hooks: Its event handlers. `None` means botocore's.

        share_models: See `new_session`.
    """
    profile = usable_profile(source)
    # What the environment says now counts, and not what it says tomorrow.
    session_vars = {"profile": (None, None, profile, None)}
    if hooks is None:
        session = new_session(session_vars, share_models=share_models)
    else:
        make = Session if share_models else BotocoreSession
        session = make(
            session_vars=session_vars, event_hooks=hooks, include_builtin_handlers=False
        )
    variables = source.instance_variables()
    if profile is None:
        variables.pop("profile", None)
    variables.update(
        zip(("config_file", "credentials_file"), files_of(source), strict=True)
    )
    set_variables(session, variables)
    config = source.get_default_client_config()
    if config is not None:
        session.set_default_client_config(config)
    session.user_agent_name = source.user_agent_name
    session.user_agent_version = source.user_agent_version
    session.user_agent_extra = source.user_agent_extra
    if share_models:
        session.register_component("data_loader", shared_loader(session))
    return session


def set_variables(
    session: botocore.session.Session, variables: Mapping[str, Any]
) -> None:
    """
    Say the same in code as was said to another session.
    """
    for name, value in variables.items():
        session.set_config_variable(name, value)


def usable_profile(session: botocore.session.Session) -> str | None:
    """
    The name of the session's profile, if there is a profile of that name.

    A session with keys of its own may well run where ``AWS_PROFILE`` names
    nothing.
    """
    profile = session.profile
    return profile if profile in session.available_profiles else None
