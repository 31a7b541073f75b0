"""
Who assumes the role: `source=`, as somebody who signs.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
import weakref

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import botocore.session

from ._botocore import SessionCredentials
from ._clock import utc
from ._credentials import Fetched
from ._fork import forget_after_fork
from ._policy import RefreshPolicy
from ._refresher import Refresher
from ._sdk import configured_like, like, new_session, shared_loader, usable_profile
from ._source_keys import SourceKeys
from ._sts import StsEndpoint
from ._sts_clients import StsClients
from ._words import as_credentials
from .exceptions import InvalidRequestError


__all__ = [
    "HopSource",
    "SdkSource",
    "Source",
    "custom_source",
    "hop_source",
    "sdk_source",
]

ROLE_METHODS = frozenset({"assume-role", "assume-role-with-web-identity"})

SECRET_VARIABLES = frozenset(
    {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}
)


class SdkSource:
    """
    Credentials that botocore knows how to find.

    Args:
        make: Makes a botocore session that finds them, configured by the same
            profile and environment each time.

        settings: The session whose settings and event handlers carry over.

        name: For messages.

        key: What sets it apart from other sources.
    """

    def __init__(
        self,
        make: Callable[[], botocore.session.Session],
        settings: botocore.session.Session,
        *,
        name: str,
        key: Hashable,
    ) -> None:
        self.load_timeout = 0.0
        self.name = name
        self.key = key
        self._keys = SourceKeys(make, name)
        self._clients = StsClients(
            like(settings, credentials=self._keys, handlers=True)
        )

    @property
    def settings(self) -> botocore.session.Session:
        """
        What further sessions are configured like.
        """
        return self._clients.session

    @property
    def is_role(self) -> bool:
        """
        Whether botocore assumed a role to get them.
        """
        return self._keys.method in ROLE_METHODS

    @property
    def renewable(self) -> bool:
        """
        Whether they are more than a copied set of temporary keys.
        """
        return self._keys.renewable

    def describe(self, wall: float) -> str:
        """
        Its name, and when its credentials expire.
        """
        remaining = self._keys.remaining()
        return _described(self.name, None if remaining is None else wall + remaining)

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        An STS client that signs with them.
        """
        return self._clients.get(region, endpoint)

    def prepare(self) -> float | None:
        """
        Let them refresh; return the seconds they have left.
        """
        self._keys.read_again()
        self._keys.get_frozen_credentials()
        return self._keys.remaining()

    def resolve_again(self) -> bool:
        """
        Look for others in the same place; tell whether there can be any.
        """
        return self._keys.resolve_again()

    def close(self) -> None:
        """
        Close the connections to STS.
        """
        self._clients.close()


class HopSource:
    """
    A role of ours that assumes the next one.

    Args:
        refresher: Keeps its credentials.

        settings: The session whose settings and event handlers carry over.

        key: What sets it apart from other sources.

        is_role: Whether its credentials are those of an assumed role.
    """

    renewable = True

    def __init__(
        self,
        refresher: Refresher,
        settings: botocore.session.Session,
        *,
        key: Hashable,
        is_role: bool = True,
    ) -> None:
        self.load_timeout = refresher.load_timeout
        self.name = refresher.label
        self.key = key
        self.is_role = is_role
        self._refresher = refresher
        self._clients = StsClients(
            like(settings, credentials=SessionCredentials(refresher), handlers=True)
        )

    @property
    def settings(self) -> botocore.session.Session:
        """
        What further sessions are configured like.
        """
        return self._clients.session

    def describe(self, wall: float) -> str:
        """
        Its name, and when its credentials expire.
        """
        record = self._refresher.record
        if record is None or record.credentials.expires_at is None:
            return self.name
        return _described(self.name, record.credentials.expires_at.timestamp())

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        An STS client that signs with its credentials.
        """
        return self._clients.get(region, endpoint)

    def prepare(self) -> float | None:
        """
        Have credentials to sign with; return the seconds they have left.

        In its own mandatory window, a minute, this refreshes them first.
        """
        record = self._refresher.get()
        remaining = self._refresher.remaining(record)
        return None if math.isinf(remaining) else remaining

    def resolve_again(self) -> bool:
        """
        STS refused the key: get another.
        """
        record = self._refresher.record
        if record is not None:
            self._refresher.replace_rejected(record.credentials.access_key_id)
        return True

    def close(self) -> None:
        """
        Close the connections to STS.
        """
        self._clients.close()


Source = SdkSource | HopSource

S = TypeVar("S", SdkSource, HopSource)


def _described(name: str, expires_at: float | None) -> str:
    if expires_at is None:
        return name
    return f"{name} (its credentials expire at {utc(expires_at):%Y-%m-%d %H:%M:%S} UTC)"


class _Registry:
    """
    The sources in use, shared by all their sessions, connections and all.
    """

    def __init__(self) -> None:
        self._sources: weakref.WeakValueDictionary[Hashable, Any] = (
            weakref.WeakValueDictionary()
        )
        # A number for each object that was given as a source: an address may
        # be used again, a number isn't.
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._next = itertools.count()
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], S]) -> S:
        with self._lock:
            source: S | None = self._sources.get(key)
            if source is None:
                source = self._sources[key] = make()
            return source

    def number(self, thing: Any) -> int:
        """
        A number that no other object ever has.
        """
        with self._lock:
            try:
                return self._numbers.setdefault(thing, next(self._next))
            except TypeError:  # takes no weak reference: shared with nobody
                return next(self._next)


_registry = _Registry()


def sdk_source(given: str | botocore.session.Session | None) -> SdkSource:
    """
    Return the source for a profile's name, a botocore session, or `None`.
    """
    if isinstance(given, botocore.session.Session):
        key: Hashable = ("session", _registry.number(given))
        return _registry.get(
            key,
            lambda: SdkSource(_Remake(given), given, name="the given session", key=key),
        )
    name = "the default credentials" if given is None else f'profile "{given}"'
    key = ("profile", given, _environment())

    def make_source() -> SdkSource:
        session = _new_session(given)
        _check_profile(session)
        return SdkSource(lambda: _new_session(given), session, name=name, key=key)

    return _registry.get(key, make_source)


class _Remake:
    """
    The given session the first time, and then others configured like it.
    """

    def __init__(self, given: botocore.session.Session) -> None:
        self._given = given
        self._used = False

    def __call__(self) -> botocore.session.Session:
        if not self._used:
            self._used = True
            return self._given
        return configured_like(self._given)


def _new_session(profile: str | None) -> botocore.session.Session:
    session = new_session(profile=profile)
    # An unknown profile is reported later, by name.
    if usable_profile(session) == session.profile:
        session.register_component("data_loader", shared_loader(session))
    return session


def _check_profile(session: botocore.session.Session) -> None:
    name = session.profile
    if name is None or name in session.available_profiles:
        return
    known = ", ".join(sorted(session.available_profiles)) or "none"
    raise InvalidRequestError(
        f'There is no profile "{name}".',
        parameter="source",
        hint=f"The config and credentials files have: {known}. Check AWS_PROFILE and "
        "source=.",
    )


def _environment() -> Hashable:
    """
    What the environment says about AWS, without the secrets.
    """
    return frozenset(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith("AWS_") and name not in SECRET_VARIABLES
    )


def custom_source(get: Callable[[], Any]) -> HopSource:
    """
    Return the source whose credentials come from a function.
    """
    label = f"the function {getattr(get, '__qualname__', type(get).__name__)}()"
    key = ("function", _registry.number(get))

    def make() -> HopSource:
        refresher = Refresher(
            label=label,
            source=label,
            fetch=lambda: Fetched(credentials=as_credentials(get(), label)),
            policy=RefreshPolicy(stale="never"),
        )
        return HopSource(refresher, _new_session(None), key=key, is_role=False)

    return _registry.get(key, make)


def hop_source(refresher: Refresher, previous: Source, *, key: Hashable) -> HopSource:
    """
    Return the source that a role in the middle of a chain is.
    """
    return _registry.get(
        ("hop", _registry.number(refresher)),
        lambda: HopSource(refresher, previous.settings, key=key),
    )
