"""Resolves source=: makes the source for an argument, and shares it in the process."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import threading
import weakref

from collections.abc import Callable, Hashable
from typing import Any

import botocore.session

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError
from botocore.hooks import HierarchicalEmitter

from .._botocore.config_files import files_of
from .._botocore.sdk_classes import BotocoreSession, BotoSession
from .._botocore.sessions import (
    botocore_session_of,
    checked_profile_session,
    copy_settings,
    credentials_in_code,
    profile_session,
    reporting_config_errors,
    session_without_profile,
)
from .._core.policy import RefreshPolicy
from .._core.refresher import Refresher
from .._locks import guarded
from .._util import forget_after_fork, number_of, per_process
from ..exceptions import InvalidRequestError
from .files import contents_of, environment_fingerprint
from .providers import (
    FILE_METHODS,
    FINDABLE_METHODS,
    ROLELESS_METHODS,
    use_providers,
)
from .sdk import SdkCredentials
from .sources import MfaSigner, RefresherSigner, Source


__all__ = [
    "ROLELESS_METHODS",
    "SourceLike",
    "find_source",
    "function_source",
    "mfa_source",
    "provider_source",
    "refresher_source",
    "role_source",
    "unsigned_source",
]


SourceLike = str | BotoSession | BotocoreSession | Callable[[], Any] | None
"""The types that *source* accepts."""

METADATA_VARIABLES = (
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "ec2_metadata_v1_disabled",
    "imds_use_ipv6",
    "metadata_service_num_attempts",
    "metadata_service_timeout",
)
"""Settings of a profile for requests to the instance metadata service."""


class _Registry:
    """
    The sources in use, shared by all sessions of the process, with their connections.
    """

    def __init__(self) -> None:
        self._sources: weakref.WeakValueDictionary[Hashable, Source] = (
            weakref.WeakValueDictionary()
        )
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], Source]) -> Source:
        source = self._sources.get(key)
        if source is None:
            # Not under the lock: botocore logs, and a logging handler may wait for a
            # thread that needs the lock.
            made = make()
            source = guarded(self._lock, lambda: self._sources.setdefault(key, made))
        return source


_registry = per_process(_Registry)


def find_source(argument: SourceLike) -> Source:
    """
    Return the source for an argument *source*.

    Raises:
        InvalidRequestError: If the argument can't be a source, or names a profile that
            doesn't exist.
    """
    if hasattr(type(argument), "_own_source"):  # a session of this library
        session: Any = argument
        own: Source = session._own_source  # noqa: SLF001
        return own
    if isinstance(argument, (BotoSession, BotocoreSession)):
        return _session_source(_checked(botocore_session_of(argument)))
    if argument is None or isinstance(argument, str):
        return _profile_source(argument)
    if callable(argument):
        return _source_from_function(argument)
    raise InvalidRequestError(
        f"source is of type {type(argument).__name__}.",
        parameter="source",
        hint="Pass the name of a profile, a session, or a function that returns "
        "credentials.",
    )


def _checked(session: botocore.session.Session) -> botocore.session.Session:
    if inspect.iscoroutinefunction(session.get_credentials):
        raise InvalidRequestError(
            f"source is of type {type(session).__name__}, which is async.",
            parameter="source",
            hint="Pass a boto3 session, or the session that this one was made from.",
        )
    return session


def _sdk_source(
    name: str,
    settings: botocore.session.Session,
    key: Hashable,
    credentials: SdkCredentials,
) -> Source:
    return Source(
        name, settings, key=lambda: (key, credentials.identity), signer=credentials
    )


def _session_source(session: botocore.session.Session) -> Source:
    def fingerprint() -> Hashable:
        credentials = _key_of_given_credentials(session)
        if credentials is not None:
            return credentials, environment_fingerprint(credentials=False)
        return contents_of(files_of(session)), environment_fingerprint()

    expected = fingerprint()
    key = ("session", number_of(session), expected)
    profile = session.instance_variables().get("profile")
    name = f'a session of profile "{profile}"' if profile else "the given session"

    def make() -> Source:
        # botocore reads the environment here, so that later changes have no effect.
        with contextlib.suppress(BotoCoreError):
            session.get_component("credential_provider")
        unused = [session]  # it is used once, and later copies of it
        credentials = SdkCredentials(
            lambda: unused.pop() if unused else copy_settings(session),
            name,
            fingerprint=fingerprint,
            expected=expected,
            reloaded_methods=FILE_METHODS,
        )
        return _sdk_source(name, session, key, credentials)

    with reporting_config_errors("source"):
        return _registry().get(key, make)


def _key_of_given_credentials(session: botocore.session.Session) -> Hashable:
    """Return a key for the credentials that were set in a session by code, if any."""
    credentials = credentials_in_code(session)
    if credentials is None or getattr(credentials, "method", None) in FINDABLE_METHODS:
        return None
    # Reading an attribute of refreshable credentials may cause a request.
    refreshable = isinstance(credentials, RefreshableCredentials)
    return number_of(credentials), None if refreshable else credentials.access_key


def _profile_source(profile: str | None) -> Source:
    name = "the default credentials" if profile is None else f'profile "{profile}"'
    expected = environment_fingerprint()
    key = ("profile", profile, expected)

    def make() -> Source:
        settings = checked_profile_session(profile, parameter="source")
        # No clients are made from this one, so it needs no event handlers.
        pinned = copy_settings(settings, HierarchicalEmitter())
        credentials = SdkCredentials(
            functools.partial(copy_settings, pinned),
            name,
            fingerprint=environment_fingerprint,
            expected=expected,
        )
        if profile is None and os.environ.get("AWS_ACCESS_KEY_ID"):
            _look_up(credentials)
        return _sdk_source(name, settings, key, credentials)

    return _registry().get(key, make)


def _look_up(credentials: SdkCredentials) -> None:
    """
    Look up credentials now, as the environment may contain others later.

    Errors are reported when the credentials are needed.
    """
    with contextlib.suppress(BotoCoreError):
        credentials.resolve()


def _source_from_function(get: Callable[[], Any]) -> Source:
    from .function import function_refresher  # noqa: PLC0415 - most sources are none

    policy = RefreshPolicy(when_expired="raise")
    return function_source(function_refresher(get, policy, parameter="source"))


def function_source(refresher: Refresher) -> Source:
    """
    Return a new source that signs with the credentials that a function returns.

    The function may not return other credentials later, and its result may depend on
    the caller; so the source is shared with no other session.
    """
    own = object()
    with reporting_config_errors(None):
        return Source(
            refresher.name,
            profile_session(None),
            key=lambda: own,
            signer=RefresherSigner(refresher, is_role=False, renews=False),
            load_timeout=refresher.load_timeout,
        )


def provider_source(
    name: str, profile: str | None, methods: frozenset[str], settings: Source
) -> Source:
    """
    Return a source that uses some of botocore's credential providers.

    Args:
        name: The name for messages.

        profile: The profile that the providers read. `None` means no profile.

        methods: The providers' methods.

        settings: The clients get the configuration of this source.
    """
    expected = environment_fingerprint()
    key = ("providers", profile, methods, settings.key, expected)

    def make_session(pinned: botocore.session.Session) -> botocore.session.Session:
        session = copy_settings(pinned)
        if profile:
            session.set_config_variable("profile", profile)
        for variable in METADATA_VARIABLES:
            value = settings.settings.get_config_variable(variable)
            session.set_config_variable(variable, value)
        use_providers(session, methods, name)
        return session

    def make() -> Source:
        pinned = profile_session(profile) if profile else session_without_profile()
        # The environment may name other files later.
        pinned = copy_settings(pinned, HierarchicalEmitter())
        credentials = SdkCredentials(
            functools.partial(make_session, pinned),
            name,
            fingerprint=environment_fingerprint,
            expected=expected,
            reloaded_methods=methods & ROLELESS_METHODS,
        )
        if "env" in methods:
            _look_up(credentials)
        return _sdk_source(name, settings.settings, key, credentials)

    return _registry().get(key, make)


def unsigned_source(settings: Source | None = None) -> Source:
    """
    Return the source of requests that aren't signed.

    Args:
        settings: The clients get the configuration of this source. `None` means the
            configuration of the environment.
    """
    key = (
        "unsigned",
        None if settings is None else settings.key,
        environment_fingerprint(),
    )

    def make() -> Source:
        session = profile_session(None) if settings is None else settings.settings
        return Source("an unsigned request", session, key=lambda: key, signer=None)

    with reporting_config_errors(None):
        return _registry().get(key, make)


def refresher_source(
    refresher: Refresher,
    settings: botocore.session.Session,
    *,
    key: Callable[[], Hashable],
    is_role: bool = True,
) -> Source:
    """Return a new source that signs with a refresher's credentials, see `Source`."""
    return Source(
        refresher.name,
        settings,
        key=key,
        signer=RefresherSigner(refresher, is_role=is_role),
        load_timeout=refresher.load_timeout,
    )


def role_source(
    refresher: Refresher, previous: Source, *, key: Callable[[], Hashable]
) -> Source:
    """Return the source for a role that the source *previous* assumes, see `Source`."""
    with reporting_config_errors(None):
        return _registry().get(
            ("hop", number_of(refresher)),
            lambda: refresher_source(refresher, previous.settings, key=key),
        )


def mfa_source(
    refresher: Refresher, user: Source, *, key: Callable[[], Hashable]
) -> Source:
    """Return the source for a user with an MFA session, see `MfaSigner`."""
    with reporting_config_errors(None):
        return _registry().get(
            ("mfa", number_of(refresher)),
            lambda: Source(
                user.name,
                user.settings,
                key=lambda: ("mfa", key()),
                signer=MfaSigner(user, refresher),
                load_timeout=refresher.load_timeout,
                previous=user,
            ),
        )
