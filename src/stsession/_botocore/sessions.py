"""botocore sessions: with shared config, for profiles, and derived from others."""

from __future__ import annotations

import contextlib
import copy

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import botocore.handlers
import botocore.session

from botocore.exceptions import ConfigParseError
from botocore.hooks import BaseEventHooks, HierarchicalEmitter

from .._core.errors import without_frames
from .._util import RandomEviction, per_process
from ..exceptions import InvalidRequestError
from .config_files import FILES, Versions, files_of, versions_of
from .errors import config_error_hint
from .loader import loader_for, without_collection
from .sdk_classes import BotocoreSession


__all__ = [
    "Session",
    "StaticResolver",
    "botocore_session_of",
    "builtin_handlers",
    "checked_profile_session",
    "copy_settings",
    "credentials_in_code",
    "derive_session",
    "other_settings",
    "profile_session",
    "profile_settings",
    "reporting_config_errors",
    "session_without_profile",
]


MAX_PARSED = 16
"""How many parsed versions of the files are kept. 100 profiles take 250 KiB."""


class _Parsed:
    """
    The parsed contents of the last few versions of config files, secrets included.
    """

    def __init__(self) -> None:
        self._entries: RandomEviction[Versions, dict[str, Any]] = RandomEviction(
            MAX_PARSED
        )

    def get(self, versions: Versions) -> dict[str, Any] | None:
        config = self._entries.get(versions)
        copied: dict[str, Any] | None = _copied(config)
        return copied

    def add(self, versions: Versions, config: dict[str, Any]) -> None:
        """
        Keep a copy, unless *versions* is `None`: then a change might not be detected.
        """
        if versions is not None:
            self._entries[versions] = _copied(config)


def _copied(config: Any) -> Any:
    if isinstance(config, dict):
        return {name: _copied(value) for name, value in config.items()}
    return config


_parsed = per_process(_Parsed, of_files=True)


class Session(BotocoreSession):
    """
    A botocore session that shares parsed config files with others of its kind.

    It also pauses the garbage collector while a client is made.
    """

    _own: dict[str, Any] | None = None

    @property
    def full_config(self) -> Any:
        """
        The contents of the files, parsed as by botocore; a copy for each session.

        Raises:
            botocore.exceptions.ConfigParseError: If a file can't be read.
        """
        if self._own is not None:
            return self._own
        # Only the first call shares, in one step: what botocore has read may be
        # incomplete while another thread is reading, and after an error.
        call = object()
        if self.__dict__.setdefault("_first", call) is call:
            self._own = self._read()
            return self._own
        return super().full_config

    def create_client(self, *args: Any, **kwargs: Any) -> Any:
        create = super().create_client
        return without_collection(lambda: create(*args, **kwargs))

    def _read(self) -> Any:
        versions = versions_of(self)
        config = _parsed().get(versions)
        if config is None:
            config = super().full_config
            if versions == versions_of(self):  # otherwise the files changed meanwhile
                _parsed().add(versions, config)
        return config


class _BuiltinHandlers:
    """
    Event emitters with the SDK's own handlers, by the class of the session.

    They are copied, because registering the handlers takes longer than everything else
    in making a session.
    """

    def __init__(self) -> None:
        self._registered: list[Any] = []
        self._emitters: dict[type[botocore.session.Session], BaseEventHooks] = {}

    def copy(
        self, session_class: type[Any], emitter_class: type[BaseEventHooks]
    ) -> BaseEventHooks:
        # Packages such as moto append to the list when they are imported.
        handlers = list(botocore.handlers.BUILTIN_HANDLERS)
        if handlers != self._registered:
            self._emitters, self._registered = {}, handlers
        emitter = self._emitters.get(session_class)
        if emitter is None:
            emitter = emitter_class()
            session_class(event_hooks=emitter)
            self._emitters[session_class] = emitter
        return copy.copy(emitter)


_builtin_handlers = per_process(_BuiltinHandlers, of_files=True)


def builtin_handlers(
    session_class: type[botocore.session.Session] = BotocoreSession,
    emitter_class: type[BaseEventHooks] = HierarchicalEmitter,
) -> BaseEventHooks:
    """Return a new event emitter with the SDK's own handlers for these classes."""
    return _builtin_handlers().copy(session_class, emitter_class)


def _share_models(session: botocore.session.Session) -> None:
    loader = loader_for(session.get_config_variable("data_path"))
    session.register_component("data_loader", loader)


def checked_profile_session(
    name: str | None, *, parameter: str = "name"
) -> botocore.session.Session:
    """
    Return a session for a profile that exists.

    Args:
        name: The profile. `None` means the profile of the environment.

        parameter: The argument that names the profile, for messages.

    Raises:
        InvalidRequestError: If the profile doesn't exist, or a file can't be read.
    """
    with reporting_config_errors(parameter):
        session = profile_session(name)
        _check_profile(session, parameter)
    return session


@contextlib.contextmanager
def reporting_config_errors(parameter: str | None) -> Iterator[None]:
    """
    Raise an `InvalidRequestError` if a config file can't be read.

    Args:
        parameter: The argument that caused the file to be read, for messages.
    """
    try:
        yield
    except ConfigParseError as e:
        hint, kwargs = config_error_hint(e), cast("Any", e.kwargs)
        kwargs["error"] = e.__context__ = None  # they quote lines of the file
        without_frames(e)
        raise InvalidRequestError(f"{e}.", parameter=parameter, hint=hint) from e


def profile_session(profile: str | None) -> botocore.session.Session:
    """
    Return a session for a profile, with shared models and botocore's handlers.

    Args:
        profile: The profile. `None` means the profile of the environment.
    """
    session = Session(
        profile=profile,
        event_hooks=builtin_handlers(),
        include_builtin_handlers=False,
    )
    # An unknown profile is reported later, by name.
    if usable_profile(session) == session.profile:
        _share_models(session)
    return session


def session_without_profile() -> botocore.session.Session:
    """Return a session that uses no profile, not even that of the environment."""
    return Session(
        session_vars={"profile": (None, None, None, None)},
        event_hooks=builtin_handlers(),
        include_builtin_handlers=False,
    )


def _check_profile(session: botocore.session.Session, parameter: str) -> None:
    name = session.profile
    if name is None or name in session.available_profiles:
        return
    known = ", ".join(sorted(session.available_profiles)) or "none"
    raise InvalidRequestError(
        f'There is no profile "{name}".',
        parameter=parameter,
        hint=f"The config and credentials files contain: {known}. Check AWS_PROFILE "
        f"and {parameter}=.",
    )


class StaticResolver:
    """A credential resolver that returns the given credentials."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Any:
        return self._credentials


def derive_session(
    source: botocore.session.Session,
    *,
    credentials: Any,
    handlers: bool = False,
    region: str | None = None,
    share_models: bool = True,
    hooks: BaseEventHooks | None = None,
) -> botocore.session.Session:
    """
    Return a session with the settings of another, but with the given credentials.

    The other session isn't changed.

    Args:
        source: The session to copy the settings from.

        credentials: The credentials that the new session signs with. `None` means
            that it can't sign.

        handlers:
            Whether the new session gets the event handlers of *source*, in place of
            botocore's own.

        region: The region of the new session. `None` means that of *source*.

        share_models: See `copy_settings`.

        hooks: See `copy_settings`.
    """
    if handlers:
        hooks = copy.copy(source.get_component("event_emitter"))
    session = copy_settings(source, hooks, share_models=share_models)
    if session.profile is not None:  # the environment may name another one later
        session.set_config_variable("profile", session.profile)
    if region is not None:
        session.set_config_variable("region", region)
    session.register_component("credential_provider", StaticResolver(credentials))
    # Attached now: botocore's lazy look-up isn't safe with threads.
    session.get_credentials()
    return session


def copy_settings(
    source: botocore.session.Session,
    hooks: BaseEventHooks | None = None,
    *,
    share_models: bool = True,
    session_class: type[botocore.session.Session] | None = None,
) -> botocore.session.Session:
    """
    Return a session with the settings of another, which finds the same credentials.

    Args:
        source: The session to copy the settings from.

        hooks: The event emitter of the new session. `None` means one with botocore's
            own handlers.

        share_models:
            Whether the new session shares parsed models, config files and handlers with
            others. If not, botocore loads its own.

        session_class: The class of the new session, which keeps its own user agent.
            `None` means one of botocore's.
    """
    profile = usable_profile(source)
    if hooks is None and share_models:
        hooks = builtin_handlers()
    default_class = Session if share_models else BotocoreSession
    session = (session_class or default_class)(
        # The environment is read now, so that later changes have no effect.
        session_vars={"profile": (None, None, profile, None)},
        event_hooks=hooks,
        include_builtin_handlers=hooks is None,
    )
    variables = source.instance_variables()
    if profile is None:
        variables.pop("profile", None)
    variables.update(
        zip(("config_file", "credentials_file"), files_of(source), strict=True)
    )
    for name, value in variables.items():
        session.set_config_variable(name, value)
    config = source.get_default_client_config()
    if config is not None:
        session.set_default_client_config(config)
    if session_class is None:
        session.user_agent_name = source.user_agent_name
        session.user_agent_version = source.user_agent_version
        session.user_agent_extra = source.user_agent_extra
    if share_models:
        _share_models(session)
    return session


def botocore_session_of(session: Any) -> botocore.session.Session:
    """
    Return the botocore session of a boto3 session, or the given botocore session.

    boto3 has no public way to it.
    """
    found: botocore.session.Session = getattr(session, "_session", session)
    return found


def credentials_in_code(session: botocore.session.Session) -> Any:
    """
    Return the credentials that were set or already found in a session, or `None`.

    They aren't looked up. botocore has no public way to read them without that.
    """
    return getattr(session, "_credentials", None)


def usable_profile(session: botocore.session.Session) -> str | None:
    """
    Return the name of the session's profile, if that profile exists.

    A session with keys set in code works although ``AWS_PROFILE`` names a profile
    that doesn't exist.
    """
    profile = session.profile
    return profile if profile in session.available_profiles else None


def profile_settings(session: botocore.session.Session) -> dict[str, Any]:
    """
    Return the settings of a session's profile by which no credentials are found.

    Those that this SDK doesn't know are left out, because they may be of that kind. The
    value of ``services`` is the section that the profile names.
    """
    known = _known_settings(session)
    scoped = session.get_scoped_config()
    settings = {name: scoped[name] for name in scoped if known(name)}
    if "services" in settings:
        services = session.full_config.get("services", {})
        settings["services"] = services.get(settings["services"], {})
    return settings


def other_settings(profile: str, files: Mapping[str, str]) -> list[str]:
    """
    Return the names of a profile's settings by which credentials may be found.

    There are none if the profile doesn't exist.

    Args:
        profile: The name of the profile.

        files:
            The paths of the config and credentials files, by the environment variables
            for them. An empty path means the default one.
    """
    session = BotocoreSession()
    for name, variable in (
        ("config_file", "AWS_CONFIG_FILE"),
        ("credentials_file", "AWS_SHARED_CREDENTIALS_FILE"),
    ):
        session.set_config_variable(name, files[variable] or FILES[variable])
    known = _known_settings(session)
    section = session.full_config.get("profiles", {}).get(profile, {})
    return sorted(name for name in section if not known(name))


def _known_settings(session: botocore.session.Session) -> Callable[[str], bool]:
    names = {name for name, *_ in session.session_var_map.values() if name is not None}
    names |= {"endpoint_url", "output", "s3", "services"}
    return lambda name: name in names or name.startswith("cli_")
