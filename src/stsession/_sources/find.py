"""
Finds the source that an argument means, and shares it in the process.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import threading
import weakref

from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar, cast

import attrs
import botocore.session

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError, ConfigParseError
from botocore.hooks import HierarchicalEmitter

from .._botocore.config_files import (
    TOKEN_FILE,
    contents_of,
    default_files,
    digest_of,
    digest_of_file,
    files_of,
    owner_of_file,
)
from .._botocore.errors import how_to_mend
from .._botocore.sdk_classes import BotocoreSession
from .._botocore.sessions import (
    NO_PROFILE,
    copy_settings,
    new_session,
    shared_loader,
    usable_profile,
)
from .._core.credentials import Fetched, TemporaryCredentials
from .._core.errors import without_frames
from .._core.policy import RefreshPolicy, Tuning
from .._core.refresher import Refresher
from .._core.runtime import Clock, current_runtime, utc
from .._locks import guarded
from .._sts.errors import Attempt, translate
from .._tokens.base import name_of
from .._util import forget_after_fork, number_of, per_process, world
from ..exceptions import InvalidRequestError, SourceCredentialsError
from .function import FunctionFetch
from .sdk import FILE_METHODS, FINDABLE_METHODS, SdkSource, accept_local_expirations
from .sources import RoleSource, Source, UnsignedSource


__all__ = [
    "PROFILE_METHODS",
    "RoleSource",
    "SdkSource",
    "Source",
    "custom_source",
    "new_profile_session",
    "picked_source",
    "profile_settings",
    "reading_files",
    "registry",
    "role_source",
    "sdk_refresher",
    "sdk_source",
    "surroundings",
    "unsigned_source",
]


SECRET_VARIABLES = frozenset(
    {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}
)

S = TypeVar("S", bound=Source)


class _Registry:
    """
    The sources in use, shared by all their sessions, connections and all.
    """

    def __init__(self) -> None:
        self._sources: weakref.WeakValueDictionary[Hashable, Any] = (
            weakref.WeakValueDictionary()
        )
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], S]) -> S:
        source: S | None = self._sources.get(key)
        if source is None:
            # Not under the lock: botocore logs, and a logging handler may wait for a
            # thread that needs the lock.
            made = make()
            source = guarded(self._lock, lambda: self._sources.setdefault(key, made))
        return source


registry = per_process(_Registry())
"""All of them."""


def sdk_source(given: str | botocore.session.Session | None) -> SdkSource:
    """
    Return the source for a profile's name, a botocore session, or `None`.
    """
    if isinstance(given, BotocoreSession):
        return _session_source(given)
    return _profile_source(given)


def _session_source(given: botocore.session.Session) -> SdkSource:
    def present() -> Hashable:
        keys = _keys_of(given)
        if keys is not None:
            return keys, surroundings(credentials=False)
        return contents_of(files_of(given)), surroundings()

    expected = present()
    key = ("session", number_of(given), expected)
    profile = given.instance_variables().get("profile")
    name = f'a session of profile "{profile}"' if profile else "the given session"
    with reading_files("source"):
        return registry.get(
            key,
            lambda: SdkSource(
                _Remake(given),
                given,
                name=name,
                key=key,
                surroundings=present,
                expected=expected,
                methods=FILE_METHODS,
            ),
        )


def _profile_source(given: str | None) -> SdkSource:
    name = "the default credentials" if given is None else f'profile "{given}"'
    expected = surroundings()
    key = ("profile", given, expected)

    def make_source() -> SdkSource:
        session = profile_settings(given, parameter="source")
        # Nobody makes clients of this one, so it does without event handlers.
        pinned = copy_settings(session, HierarchicalEmitter())
        make = functools.partial(copy_settings, pinned)
        source = SdkSource(
            make,
            session,
            name=name,
            key=key,
            surroundings=surroundings,
            expected=expected,
        )
        if given is None and os.environ.get("AWS_ACCESS_KEY_ID"):
            source.look()  # the environment may say something else tomorrow
        return source

    return registry.get(key, make_source)


def _keys_of(session: botocore.session.Session) -> Hashable:
    """
    Return a key for the credentials that a session was given in code, if it was.
    """
    # A private name, but there is no other way to see them without having them
    # looked up.
    keys = getattr(session, "_credentials", None)
    if keys is None or getattr(keys, "method", None) in FINDABLE_METHODS:
        return None
    # Of those that refresh themselves, reading one value may take a request.
    changeable = not isinstance(keys, RefreshableCredentials)
    return number_of(keys), keys.access_key if changeable else None


def unsigned_source(settings: SdkSource | None = None) -> UnsignedSource:
    """
    Return the source of requests that aren't signed.

    Args:
        settings: Whose settings carry over. `None` means the environment's.
    """
    key = (
        "unsigned_source",
        None if settings is None else settings.key,
        surroundings(),
    )

    def make() -> UnsignedSource:
        if settings is not None:
            return UnsignedSource(settings.settings, key=key)
        with reading_files(None):
            return UnsignedSource(new_profile_session(None), key=key)

    return registry.get(key, make)


def profile_settings(
    name: str | None, *, parameter: str = "name"
) -> botocore.session.Session:
    """
    Return a session that reads a profile's files.

    Args:
        name: The profile. `None` means the one of the environment.

        parameter: Which argument names it.

    Raises:
        InvalidRequestError: If there is no such profile, or a file can't be read.
    """
    with reading_files(parameter):
        session = new_profile_session(name)
        _check_profile(session, parameter)
    return session


@contextlib.contextmanager
def reading_files(parameter: str | None) -> Iterator[None]:
    """
    Say it in our words if a config file can't be read.
    """
    try:
        yield
    except ConfigParseError as e:
        hint, kwargs = how_to_mend(e), cast("Any", e.kwargs)
        kwargs["error"] = e.__context__ = None  # they quote lines of the file
        without_frames(e)
        raise InvalidRequestError(f"{e}.", parameter=parameter, hint=hint) from e


class _Remake:
    """
    The given session the first time, and then others configured like it.
    """

    def __init__(self, given: botocore.session.Session) -> None:
        self._given = given
        self._used = False
        # What the environment says now counts: botocore reads it here.
        with contextlib.suppress(BotoCoreError):
            given.get_component("credential_provider")

    def __call__(self) -> botocore.session.Session:
        if not self._used:
            self._used = True
            return self._given
        return copy_settings(self._given)


def new_profile_session(profile: str | None) -> botocore.session.Session:
    """
    A botocore session for a profile. `None` means the one of the environment.
    """
    session = new_session(profile=profile)
    # An unknown profile is reported later, by name.
    if usable_profile(session) == session.profile:
        session.register_component("data_loader", shared_loader(session))
    return session


def _check_profile(session: botocore.session.Session, parameter: str) -> None:
    name = session.profile
    if name is None or name in session.available_profiles:
        return
    known = ", ".join(sorted(session.available_profiles)) or "none"
    raise InvalidRequestError(
        f'There is no profile "{name}".',
        parameter=parameter,
        hint=f"The config and credentials files have: {known}. Check AWS_PROFILE and "
        f"{parameter}=.",
    )


def surroundings(*, credentials: bool = True) -> Hashable:
    """
    Return a key for the process's environment variables for AWS and their files.

    Of secrets and of files, it holds digests; of a web identity token, its owner.

    Args:
        credentials: Whether the credentials in them matter.
    """
    said: dict[str, Hashable] = {}
    secrets = []
    for name, value in os.environ.items():
        if name in SECRET_VARIABLES:
            secrets.append(f"{name}={value}")
        elif name.startswith("AWS_") or name == "BOTO_CONFIG":
            said[name] = value
    if secrets and credentials:
        text = "\0".join(sorted(secrets))
        said["secrets"] = digest_of(text.encode(errors="surrogateescape"))
    for name, path in default_files().items():
        said[name] = path, digest_of_file(path) if credentials else None
    if credentials:
        said["token"] = owner_of_file(os.environ.get(TOKEN_FILE))
    said["world"] = world()
    return frozenset(said.items())


def custom_source(get: Callable[[], Any]) -> RoleSource:
    """
    Return the source whose credentials come from a function.
    """
    label = name_of(get)
    refresher = Refresher(
        label=label,
        source=label,
        fetch=FunctionFetch(get, current_runtime().clock),
        policy=RefreshPolicy(when_expired="raise"),
    )
    # What it gives may be the last, and may depend on who asks; so it is shared
    # with no other session.
    own = object()
    with reading_files(None):
        settings = new_profile_session(None)
        return RoleSource(
            refresher, settings, key=lambda: own, is_role=False, lasts=False
        )


def role_source(
    refresher: Refresher,
    previous: Source,
    *,
    key: Callable[[], Hashable],
    is_role: bool = True,
) -> RoleSource:
    """
    Return the source that a role in the middle of a chain is.
    """
    with reading_files(None):
        return registry.get(
            ("hop", number_of(refresher)),
            lambda: RoleSource(refresher, previous.settings, key=key, is_role=is_role),
        )


PROFILE_METHODS = frozenset(
    {
        "config-file",
        "custom-process",
        "login",
        "shared-credentials-file",
        "sso",
    }
)
"""How botocore finds credentials in a profile, but for its role."""

METADATA_VARIABLES = (
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "ec2_metadata_v1_disabled",
    "imds_use_ipv6",
    "metadata_service_num_attempts",
    "metadata_service_timeout",
)
"""What a profile may say about how an instance is asked."""


def picked_source(
    name: str, profile: str | None, methods: frozenset[str], settings: SdkSource
) -> SdkSource:
    """
    Return a source of some of botocore's ways to find credentials.

    Args:
        name: For messages.

        profile: Where they are looked for. `None`: in no profile.

        methods: The ways, in botocore's words.

        settings: Whose settings carry over.
    """
    expected = surroundings()
    key = ("picked", profile, methods, settings.key, expected)

    def make_session(pinned: botocore.session.Session) -> botocore.session.Session:
        session = copy_settings(pinned)
        if profile:
            session.set_config_variable("profile", profile)
        for variable in METADATA_VARIABLES:
            value = settings.settings.get_config_variable(variable)
            session.set_config_variable(variable, value)
        resolver = session.get_component("credential_provider")
        accept_local_expirations(resolver, session)
        picked = _Picked(resolver, methods, name)
        session.register_component("credential_provider", picked)
        return session

    def make() -> SdkSource:
        pinned = new_profile_session(profile) if profile else new_session(NO_PROFILE)
        # The environment may name other files later.
        pinned = copy_settings(pinned, HierarchicalEmitter())
        source = SdkSource(
            functools.partial(make_session, pinned),
            settings.settings,
            name=name,
            key=key,
            surroundings=surroundings,
            expected=expected,
            methods=methods & PROFILE_METHODS,
        )
        if "env" in methods:
            source.look()  # the environment may contain others later
        return source

    return registry.get(key, make)


class _Picked:
    """
    Some of the providers of botocore's chain.
    """

    def __init__(self, resolver: Any, methods: frozenset[str], name: str) -> None:
        self._providers = [p for p in resolver.providers if p.METHOD in methods]
        self._name = name

    def load_credentials(self) -> Any:
        """
        Return the first that are found.
        """
        for provider in self._providers:
            credentials = provider.load()
            if credentials is not None:
                return credentials
        raise SourceCredentialsError(
            f"Could not find credentials in {self._name}.",
            hop=self._name,
            hint="Add some (aws configure, aws sso login), or name another source.",
        )


# botocore refreshes what it has found in the last quarter of an hour, and when
# it is asked; asking earlier would bring the same again.
POLICY = RefreshPolicy(
    advisory=dt.timedelta(minutes=14),
    when_expired="raise",
    _tuning=Tuning(lead_fraction=0.0, jitter_fraction=0.0),
)

CHOICES = (
    "attempts_per_minute",
    "background",
    "load_timeout",
    "mandatory_wait",
    "rejection_codes",
    "resend",
    "when_denied",
)
"""What the user's policy says about such credentials as well."""


class _Look:
    """
    Asks botocore for what it has.
    """

    def __init__(self, source: SdkSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._last: str | None = None

    def __call__(self) -> Fetched:
        """
        Look.

        Raises:
            RefreshError: If there are none.
        """
        try:
            return self._look()
        except MemoryError:
            raise  # it says nothing about the source
        except Exception as e:  # noqa: BLE001 - made into one of ours
            name = self._source.name
            attempt = Attempt(what=f"Could not load {name}", hop=name, source=name)
            error = translate(e, attempt, wall=self._clock.wall())
        # Out here, where no local variable holds the credentials.
        raise without_frames(error)

    def note_region(self, region: str) -> None:
        """
        Use a client's region for what botocore calls, if none is configured.
        """
        self._source.note_region(region)

    def _look(self) -> Fetched:
        remaining = self._source.prepare()
        keys = self._source.frozen()
        if keys.access_key == self._last and self._source.resolve_again():
            keys, remaining = self._source.frozen(), self._source.prepare()
        self._last = keys.access_key
        return Fetched(
            credentials=TemporaryCredentials(
                access_key_id=str(keys.access_key),
                secret_access_key=str(keys.secret_key),
                session_token=keys.token,
                expires_at=(
                    None if remaining is None else utc(self._clock.wall() + remaining)
                ),
                account_id=getattr(keys, "account_id", None),
            )
        )


def sdk_refresher(source: SdkSource, policy: RefreshPolicy = POLICY) -> Refresher:
    """
    Return a refresher for credentials that aren't a role's of ours.

    Args:
        source: Where they come from.

        policy: The user's. When botocore has new credentials isn't ours to choose, so
            its windows don't count, nor what happens to expired ones.
    """
    clock, load_timeout = current_runtime().clock, policy.load_timeout
    chosen = {name: getattr(policy, name) for name in CHOICES}
    return Refresher(
        label=source.name,
        source=source.name,
        fetch=_Look(source, clock),
        policy=attrs.evolve(POLICY, **chosen),
        load_timeout=30.0 if load_timeout is None else load_timeout.total_seconds(),
        clock=clock,
    )
