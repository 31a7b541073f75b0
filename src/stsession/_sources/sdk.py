"""
Sources whose credentials the SDK finds.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import threading

from collections.abc import Callable, Collection, Hashable
from typing import Any, TypeVar

import botocore.session

from botocore.credentials import (
    CredentialResolver,
    Credentials,
    ProcessProvider,
    ReadOnlyCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.utils import parse_timestamp

from .._botocore.config_files import (
    TOKEN_FILE,
    Session,
    contents_of,
    files_of,
    owner_of_file,
    profile_of,
)
from .._botocore.errors import presentable, text_of
from .._botocore.sessions import like
from .._core.errors import recursion
from .._core.events import write_log
from .._core.runtime import utc
from .._sts.endpoint import StsClients, StsEndpoint
from .._util import forget_after_fork
from ..exceptions import SourceCredentialsError


__all__ = ["SdkCredentials", "SdkSource", "accept_local_expirations", "described"]


AMBIENT_METHODS = frozenset({"env", "iam-role", "container-role", "boto-config"})
"""Where botocore goes on looking if a profile has no credentials."""

FINDABLE_METHODS = frozenset(
    {
        "assume-role",
        "assume-role-with-web-identity",
        "config-file",
        "container-role",
        "custom-process",
        "env",
        "iam-role",
        "login",
        "shared-credentials-file",
        "sso",
    }
)
"""What botocore finds again, in another session or another process."""

UNIDENTIFIED_METHODS = frozenset({"custom-process", "login", "sso"})
"""Their identity isn't known from files and variables, but only when they are found."""

FILE_METHODS = frozenset({"shared-credentials-file", "config-file"})
"""Where a profile has the keys itself."""

PROFILE_METHODS = FINDABLE_METHODS - AMBIENT_METHODS
"""How botocore finds credentials in a profile."""

LONGEST = 8 * 86_400.0
"""Seconds; no temporary credentials live so long."""

NOT_OURS_TO_TELL = (
    BotoCoreError,
    ClientError,
    ConnectionError,
    TimeoutError,
    MemoryError,
)
"""What botocore tells itself, and what the network may be to blame for."""

T = TypeVar("T")


class _Process(subprocess.Popen[bytes]):
    """
    A credential process. An ``Expiration`` without a time zone is taken as UTC.

    botocore would compare it with times that have one, which is a TypeError.
    """

    def communicate(self, *args: Any, **kwargs: Any) -> tuple[bytes, bytes]:
        """
        Return what it has printed, with a zone.
        """
        stdout, stderr = super().communicate(*args, **kwargs)
        with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError):
            printed = json.loads(stdout)
            expiration = parse_timestamp(printed["Expiration"])
            if expiration.tzinfo is None:
                printed["Expiration"] = f"{expiration.isoformat()}Z"
                stdout = json.dumps(printed).encode()
        return stdout, stderr


def accept_local_expirations(
    resolver: CredentialResolver, session: botocore.session.Session
) -> None:
    """
    Have a credential process run in a way that accepts times without a zone.
    """
    name = ProcessProvider.METHOD
    if any(provider.METHOD == name for provider in resolver.providers):
        provider = ProcessProvider(
            session.profile or "default", lambda: session.full_config, _Process
        )
        resolver.insert_before(name, provider)


def _is_renewable(found: Credentials) -> bool:
    return hasattr(found, "refresh_needed") or found.token is None


class SdkCredentials(Credentials):
    """
    The credentials of an SDK session, resolved once, as botocore signs with them.

    botocore's own lazy way isn't safe with threads, and keeps what it found in
    files for ever; so they are resolved under a lock, and again on demand.

    Args:
        make: Makes a session that finds them.

        name: For messages.

        surroundings: Returns a value that is equal as long as what they may come
            from is.

        expected: That value when the source was made.

        methods: How botocore may find them in a profile. If it did, and the profile
            has changed, they are resolved again.
    """

    def __init__(
        self,
        make: Callable[[], botocore.session.Session],
        name: str,
        *,
        surroundings: Callable[[], Hashable],
        expected: Hashable,
        methods: frozenset[str] = PROFILE_METHODS,
    ) -> None:
        self._make = make
        self._name = name
        self._surroundings = surroundings
        self._expected = expected
        self._methods = methods
        self._found: Credentials | None = None
        self._contents: Hashable = None  # of the files when they were last looked at
        self._profile: object = None  # what the files said of it then
        self._files: tuple[str, ...] = ()
        self._token_file: str | None = None
        self._given: object = None  # credentials set in code in the user's session
        self._signed_by: str | None = None
        self._region: str | None = None
        self.identity: object = None
        """Another object whenever the key that signs is another one. `None` while it
        is the one that was there when the source was made."""
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        self._resolving = False
        found: Any = self._found
        if not hasattr(found, "refresh_needed"):
            return
        # Its lock may be held by a thread that isn't here.
        if found.method in FINDABLE_METHODS and found is not self._given:
            self._found = None
        elif hasattr(found, "_refresh_lock"):  # no other session would find it
            found._refresh_lock = threading.Lock()  # noqa: SLF001 - see above

    def found(self) -> Credentials:
        """
        Resolve them, if that hasn't been done.
        """
        found = self._found
        if found is not None:
            return found
        with self._lock:
            if self._found is None:
                if self._resolving:  # a logging handler asks, in this very thread
                    raise recursion(self._name)
                self._resolving = True
                try:
                    self._found = self._resolve()
                finally:
                    self._resolving = False
            return self._found

    def _resolve(self) -> Credentials:
        session = self._new_session()
        given = getattr(session, "_credentials", None)
        if given is not None:
            self._given = given
        before = self._surroundings()
        self._files = files_of(session)
        self._token_file = os.environ.get(TOKEN_FILE)
        self._contents = self._read()
        found = self._resolve_by(session)
        self._profile = self._profile_of(session)
        changed = {before, self._surroundings()} != {self._expected}
        if changed or found.method in UNIDENTIFIED_METHODS:
            # Later sessions may find another identity by the same name.
            self.identity = object()
        return found

    def _read(self) -> Hashable:
        return contents_of(self._files), owner_of_file(self._token_file)

    def _profile_of(self, session: botocore.session.Session) -> object:
        return profile_of(session), owner_of_file(self._token_file)

    def _resolve_by(self, session: botocore.session.Session) -> Credentials:
        found: Credentials | None = self._looking(session.get_credentials)
        named = "profile" in session.instance_variables()
        if found is None and named:
            raise SourceCredentialsError(
                f"Could not find credentials in {self._name}.",
                hop=self._name,
                hint="Add some (aws configure, aws sso login), or name another source.",
            )
        if found is None:
            raise NoCredentialsError
        if named and found.method in AMBIENT_METHODS:
            msg = (
                f"Could not find credentials in {self._name}; "
                f"botocore would use those of {found.method}."
            )
            raise SourceCredentialsError(
                msg,
                hop=self._name,
                hint="Add some to the profile, or name no source to use those.",
            )
        return found

    def note_region(self, region: str) -> None:
        """
        Use a client's region for what botocore calls, if none is configured.
        """
        if self._region is None:
            self._region = region

    def _new_session(self) -> botocore.session.Session:
        session = self._make()
        if not isinstance(session, Session):
            return session  # the user's isn't changed
        if self._region is not None:
            region = session.get_config_variable("region") or self._region
            session.set_config_variable("region", region)
        resolver = session.get_component("credential_provider")
        if isinstance(resolver, CredentialResolver):
            accept_local_expirations(resolver, session)
        return session

    def read_again(self) -> None:
        """
        Resolve them again if they are a profile's, and its files have changed it.

        The owner may have rotated the key, or put another user there, or a file has a
        web identity token of another owner. Whatever is
        wrong with the files now, there are the credentials that have been read before.
        """
        if self._found is None or self._found.method not in self._methods:
            return
        try:
            contents = self._read()
            if contents == self._contents:
                return
            session = self._new_session()
            profile = self._profile_of(session)
            if profile != self._profile:
                self.identity = object()
                self._replace(self._resolve_by(session), self._methods)
                self._profile = profile
            self._contents = contents
        except (BotoCoreError, OSError) as e:
            write_log(logging.WARNING, "%s: reading it again failed: %s", self._name, e)

    def resolve_again(self) -> bool:
        """
        Look for others in the same place; tell whether there can be any.
        """
        before = self.found()
        if before.method == "explicit":
            return False
        # No lock: botocore logs, and whoever handles that may come back to us.
        return self._replace(self._resolve(), {before.method})

    def _replace(self, after: Credentials, methods: Collection[str]) -> bool:
        if after.method not in methods:
            return False
        self._found = after
        write_log(
            logging.DEBUG, "%s: the credentials have been looked up again", self._name
        )
        return True

    @property
    def method(self) -> str:  # type: ignore[override]
        """
        How botocore found them.
        """
        return str(self.found().method)

    @property
    def renewable(self) -> bool:
        """
        Whether they are more than a copied set of temporary keys.
        """
        found = self._found  # not looked for now: an error is being explained
        return found is None or _is_renewable(found)

    @property
    def account_id(self) -> str | None:
        """
        Their account, if botocore knows it.
        """
        return getattr(self.found(), "account_id", None)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """
        Ask the source again; it may refresh.
        """
        frozen: ReadOnlyCredentials = self._looking(self.found().get_frozen_credentials)
        if self._signed_by not in (None, frozen.access_key):
            self.identity = object()
        self._signed_by = frozen.access_key
        return frozen

    def _looking(self, look: Callable[[], T]) -> T:
        """
        Have botocore look; what comes of a wrong place is the place's fault.
        """
        try:
            return look()
        except NOT_OURS_TO_TELL:
            raise
        except Exception as e:  # noqa: BLE001 - made into one of ours
            error = self._at_fault(e)
        # Out here, so that its context doesn't hold what its cause leaves out.
        raise error

    def _at_fault(self, error: Exception) -> SourceCredentialsError:
        said = f"{type(error).__name__} was raised"
        if isinstance(error, (OSError, json.JSONDecodeError)):
            said = f"{type(error).__name__}: {text_of(error)}"
        ours = SourceCredentialsError(
            f"Could not get credentials from {self._name}. {said}.",
            hop=self._name,
            hint="Check what the profile says: run its credential_process by hand, if "
            "it has one, and see that it prints JSON, and that the files it names can "
            "be read.",
        )
        ours.__cause__ = presentable(error)
        return ours

    def remaining(self) -> float | None:
        """
        Seconds they have left. `None` if botocore doesn't know.
        """
        needed = getattr(self._found, "refresh_needed", None)
        if needed is None or not needed(refresh_in=LONGEST) or needed(refresh_in=0):
            return None
        # There is no public way to ask for the expiration itself.
        low, high = 0.0, LONGEST
        while high - low > 1:
            middle = (low + high) / 2
            if needed(refresh_in=middle):
                high = middle
            else:
                low = middle
        return low


ROLE_METHODS = frozenset({"assume-role", "assume-role-with-web-identity"})


class SdkSource:
    """
    Credentials that botocore knows how to find.

    Args:
        make: Makes a botocore session that finds them, configured by the same
            profile and environment each time.

        settings: The session whose settings and event handlers carry over.

        name: For messages.

        key: What sets it apart from other sources.

        surroundings: See `SdkCredentials`.

        expected: See `SdkCredentials`.

        methods: See `SdkCredentials`.
    """

    can_show_mfa = True

    def __init__(
        self,
        make: Callable[[], botocore.session.Session],
        settings: botocore.session.Session,
        *,
        name: str,
        key: Hashable,
        surroundings: Callable[[], Hashable],
        expected: Hashable,
        methods: frozenset[str] = PROFILE_METHODS,
    ) -> None:
        self.load_timeout: float = 0.0
        self.name = name
        self._key = key
        self._keys = SdkCredentials(
            make, name, surroundings=surroundings, expected=expected, methods=methods
        )
        self._clients = StsClients(
            like(settings, credentials=self._keys, handlers=True)
        )

    @property
    def key(self) -> Hashable:
        """
        What sets it apart from other sources, and from itself with another key.
        """
        return self._key, self._keys.identity

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
        remaining = None
        # It is for a message about what has failed, perhaps these very credentials.
        with contextlib.suppress(Exception):
            remaining = self._keys.remaining()
        return described(self.name, None if remaining is None else wall + remaining)

    def frozen(self) -> ReadOnlyCredentials:
        """
        The credentials as they are now, in botocore's words.
        """
        return self._keys.get_frozen_credentials()

    def look(self) -> None:
        """
        Look for the credentials now; what is wrong with them is told later.
        """
        with contextlib.suppress(BotoCoreError):
            self._keys.found()

    @property
    def is_long_lived(self) -> bool:
        """
        Whether they are the keys of a user, which have no end.
        """
        return self.frozen().token is None

    def would_ask(self) -> bool:
        """
        Never; what botocore asks for is its own affair.
        """
        return False

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
        self.frozen()
        return self._keys.remaining()

    def note_region(self, region: str) -> None:
        """
        Use a client's region for what botocore calls, if none is configured.
        """
        self._keys.note_region(region)

    def resolve_again(self) -> bool:
        """
        Look for others in the same place; tell whether there can be any.
        """
        return self._keys.resolve_again()

    def widen(self, workers: int) -> None:
        """
        Keep enough connections to STS for so many requests at once.
        """
        self._clients.widen(workers)

    def close(self) -> None:
        """
        Close the connections to STS.
        """
        self._clients.close()


def described(name: str, expires_at: float | None) -> str:
    """
    What messages say of a source.
    """
    if expires_at is None:
        return name
    return f"{name} (its credentials expire at {utc(expires_at):%Y-%m-%d %H:%M:%S} UTC)"
