"""Credentials that botocore finds."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import threading

from collections.abc import Callable, Collection, Hashable
from typing import Any, TypeVar

import attrs
import botocore.session

from botocore.credentials import (
    CredentialResolver,
    Credentials,
    ReadOnlyCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from .._botocore.config_files import files_of
from .._botocore.credentials import replace_refresh_lock
from .._botocore.errors import presentable, text_of
from .._botocore.sessions import Session, credentials_in_code
from .._core.credentials import FetchResult, TemporaryCredentials
from .._core.errors import circular_source, without_frames
from .._core.events import write_log
from .._core.policy import RefreshPolicy, Tuning
from .._core.refresher import Refresher
from .._core.runtime import Clock, current_runtime, utc
from .._sts.errors import Attempt, translate
from .._util import forget_after_fork
from ..exceptions import SourceCredentialsError
from .files import TOKEN_FILE, contents_of, owner_of_file, profile_of
from .providers import (
    AMBIENT_METHODS,
    FINDABLE_METHODS,
    PROFILE_METHODS,
    ROLE_METHODS,
    UNIDENTIFIED_METHODS,
    accept_local_expirations,
    no_credentials,
)
from .sources import Source


__all__ = ["SdkCredentials", "SdkFetcher", "sdk_refresher"]


LONGEST = 8 * 86_400.0
"""A number of seconds that is longer than any temporary credentials are valid."""

UNTRANSLATED = (
    BotoCoreError,
    ClientError,
    ConnectionError,
    TimeoutError,
    MemoryError,
)
"""Errors with a useful message, or that the network may have caused."""

T = TypeVar("T")


class SdkCredentials(Credentials):
    """
    The credentials that a botocore session finds, resolved once, as a `Signer`.

    botocore resolves credentials without a lock, and keeps the contents of files
    forever. This class resolves them under a lock, and again on demand.

    Args:
        make: Makes a session that finds the credentials.

        name: The name of the source for messages.

        fingerprint: Returns a value that is equal as long as the environment and the
            files that the credentials may come from are unchanged.

        expected: The fingerprint when the source was made.

        reloaded_methods: Credentials that botocore found by one of these methods are
            resolved again when their profile has changed.
    """

    def __init__(
        self,
        make: Callable[[], botocore.session.Session],
        name: str,
        *,
        fingerprint: Callable[[], Hashable],
        expected: Hashable,
        reloaded_methods: frozenset[str] = PROFILE_METHODS,
    ) -> None:
        self._make = make
        self._name = name
        self._fingerprint = fingerprint
        self._expected = expected
        self._reloaded_methods = reloaded_methods
        self._found: Credentials | None = None
        self._contents: Hashable = None  # of the files when they were last read
        self._profile: object = None  # the sections of the profile at that time
        self._files: tuple[str, ...] = ()
        self._token_file: str | None = None
        self._given: object = None  # credentials set in code in the user's session
        self._signed_by: str | None = None
        self.client_region: str | None = None
        """The region in which AWS is called if no region is configured."""
        self.identity: object = None
        """Replaced whenever another access key signs. `None` until the first such
        change after the source was made."""
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        self._resolving = False
        found: Any = self._found
        if not hasattr(found, "refresh_needed"):
            return
        # Its lock may be held by a thread that doesn't exist in the child.
        if found.method in FINDABLE_METHODS and found is not self._given:
            self._found = None
        else:  # no other session would find it
            replace_refresh_lock(found)

    def resolve(self) -> Credentials:
        """
        Return the credentials that botocore finds. Only the first call looks them up.

        Raises:
            SourceCredentialsError: If the source has no credentials.
        """
        found = self._found
        if found is not None:
            return found
        with self._lock:
            if self._found is None:
                if self._resolving:  # called by a logging handler, in the same thread
                    raise circular_source(self._name)
                self._resolving = True
                try:
                    self._found = self._resolve_anew()
                finally:
                    self._resolving = False
            return self._found

    def _resolve_anew(self) -> Credentials:
        session = self._new_session()
        given = credentials_in_code(session)
        if given is not None:
            self._given = given
        before = self._fingerprint()
        self._files = files_of(session)
        self._token_file = os.environ.get(TOKEN_FILE)
        self._contents = self._read()
        found = self._resolve_by(session)
        self._profile = self._profile_of(session)
        changed = {before, self._fingerprint()} != {self._expected}
        if changed or found.method in UNIDENTIFIED_METHODS:
            # Later sessions may find another identity under the same name.
            self.identity = object()
        return found

    def _read(self) -> Hashable:
        return contents_of(self._files), owner_of_file(self._token_file)

    def _profile_of(self, session: botocore.session.Session) -> object:
        return profile_of(session), owner_of_file(self._token_file)

    def _resolve_by(self, session: botocore.session.Session) -> Credentials:
        found: Credentials | None = self._translating(session.get_credentials)
        named = "profile" in session.instance_variables()
        if found is None and named:
            raise no_credentials(self._name)
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
                hint="Add credentials to the profile, or omit source to use those.",
            )
        return found

    def _new_session(self) -> botocore.session.Session:
        session = self._make()
        if not isinstance(session, Session):
            return session  # the user's session isn't changed
        if self.client_region is not None:
            region = session.get_config_variable("region") or self.client_region
            session.set_config_variable("region", region)
        resolver = session.get_component("credential_provider")
        if isinstance(resolver, CredentialResolver):
            accept_local_expirations(resolver, session)
        return session

    def prepare(self) -> float | None:
        self._reload_changed_profile()
        self.get_frozen_credentials()
        return self.remaining()

    def _reload_changed_profile(self) -> None:
        """
        Resolve the credentials again if the files have changed their profile.

        The key may have been rotated or replaced by another user's, or a file may
        contain a web identity token of another owner. If the files can't be read now,
        the credentials from before are kept.
        """
        if self._found is None or self._found.method not in self._reloaded_methods:
            return
        try:
            contents = self._read()
            if contents == self._contents:
                return
            session = self._new_session()
            profile = self._profile_of(session)
            if profile != self._profile:
                self.identity = object()
                self._replace(self._resolve_by(session), self._reloaded_methods)
                self._profile = profile
            self._contents = contents
        except (BotoCoreError, OSError) as e:
            write_log(
                logging.WARNING,
                "%s: could not reload the credentials, using the previous ones: %s",
                self._name,
                e,
            )

    def invalidate(self) -> bool:
        before = self.resolve()
        if before.method == "explicit":
            return False
        # No lock: botocore logs, and a logging handler may call this method.
        return self._replace(self._resolve_anew(), {before.method})

    def _replace(self, after: Credentials, methods: Collection[str]) -> bool:
        if after.method not in methods:
            return False
        self._found = after
        write_log(logging.DEBUG, "%s: reloaded source credentials", self._name)
        return True

    @property
    def method(self) -> str:  # type: ignore[override]
        """The method of the credential provider that found them."""
        return str(self.resolve().method)

    @property
    def renewable(self) -> bool:
        """
        Whether another look-up may find others: not for fixed temporary credentials.
        """
        found = self._found  # no look-up: an error is being translated
        if found is None or hasattr(found, "refresh_needed"):
            return True
        return found.token is None

    can_use_mfa = True

    @property
    def is_role(self) -> bool:
        """Whether botocore assumed a role to get them."""
        return self.method in ROLE_METHODS

    @property
    def credentials(self) -> Credentials:
        return self

    def portable_key(self) -> Any:
        """
        Return what distinguishes the source from others in all processes.

        It is the access key ID, because nothing else says for all sources whose
        credentials these are. `None` means that they were set by code and refresh
        themselves.
        """
        self._reload_changed_profile()
        found = self.resolve()
        is_own = found is self._given or found.method not in FINDABLE_METHODS
        if is_own and hasattr(found, "refresh_needed"):
            return None
        return ["access key", self.get_frozen_credentials().access_key]

    def needs_input(self) -> bool:
        return False  # whether botocore prompts for an MFA code isn't known

    @property
    def account_id(self) -> str | None:
        return getattr(self.resolve(), "account_id", None)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the current credentials. May block while botocore refreshes them."""
        frozen: ReadOnlyCredentials = self._translating(
            self.resolve().get_frozen_credentials
        )
        if self._signed_by not in (None, frozen.access_key):
            self.identity = object()
        self._signed_by = frozen.access_key
        return frozen

    def _translating(self, call: Callable[[], T]) -> T:
        """Call botocore, and translate the errors of broken providers and files."""
        try:
            return call()
        except UNTRANSLATED:
            raise
        except Exception as e:  # noqa: BLE001 - translated
            error = self._translated(e)
        # Out here, so that its context doesn't hold what its cause leaves out.
        raise error

    def _translated(self, error: Exception) -> SourceCredentialsError:
        text = f"{type(error).__name__} was raised"
        if isinstance(error, (OSError, json.JSONDecodeError)):
            text = f"{type(error).__name__}: {text_of(error)}"
        ours = SourceCredentialsError(
            f"Could not get credentials from {self._name}. {text}.",
            hop=self._name,
            hint="Check the profile: if it has a credential_process, run it and check "
            "that it prints JSON; check that the files it names can be read.",
        )
        ours.__cause__ = presentable(error)
        return ours

    def remaining(self) -> float | None:
        """Return the seconds until they expire. `None` if botocore doesn't know."""
        needed = getattr(self._found, "refresh_needed", None)
        if needed is None or not needed(refresh_in=LONGEST) or needed(refresh_in=0):
            return None
        # botocore has no public way to read the expiration itself.
        low, high = 0.0, LONGEST
        while high - low > 1:
            middle = (low + high) / 2
            if needed(refresh_in=middle):
                high = middle
            else:
                low = middle
        return low

    def expiration(self, wall: float) -> float | None:
        # This is for a message about an error, which these credentials may have caused.
        with contextlib.suppress(Exception):
            remaining = self.remaining()
            return None if remaining is None else wall + remaining
        return None


class _ExactPolicy(RefreshPolicy):
    _tuning = Tuning(lead_fraction=0.0, jitter_fraction=0.0)


# botocore refreshes credentials when they are read in their last 15 minutes.
# Reading them earlier would return the same ones.
POLICY = _ExactPolicy(advisory=dt.timedelta(minutes=14), when_expired="raise")

CHOICES = (
    "attempts_per_minute",
    "background",
    "load_timeout",
    "mandatory_wait",
    "rejection_codes",
    "resend",
    "when_denied",
)
"""The fields of the user's policy that apply to credentials that botocore refreshes."""


class SdkFetcher:
    """
    Fetches credentials of a source that botocore refreshes.

    Args:
        source: The source.

        clock: The clock that expirations are compared with.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        self.source = source
        self._clock = clock
        self._last: str | None = None

    def portable_key(self) -> Any:
        """Return that of the source, see `StsFetcher.portable_key`."""
        return self.source.portable_key()

    def __call__(self) -> FetchResult:
        """
        Return the credentials. Blocks while botocore refreshes them.

        Raises:
            RefreshError: If there are none.
        """
        try:
            return self._fetch()
        except MemoryError:
            raise  # it has nothing to do with the source
        except Exception as e:  # noqa: BLE001 - translated
            name = self.source.name
            attempt = Attempt(what=f"Could not load {name}", hop=name, source=name)
            error = translate(e, attempt, wall=self._clock.wall())
        # Out here, where no local variable holds the credentials.
        raise without_frames(error)

    def _fetch(self) -> FetchResult:
        remaining = self.source.prepare()
        keys = self._frozen()
        if keys.access_key == self._last and self.source.invalidate():
            keys, remaining = self._frozen(), self.source.prepare()
        self._last = keys.access_key
        return FetchResult(
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

    def _frozen(self) -> ReadOnlyCredentials:
        signer: Any = self.source.signer  # the source isn't unsigned
        frozen: ReadOnlyCredentials = signer.credentials.get_frozen_credentials()
        return frozen


def sdk_refresher(source: Source, policy: RefreshPolicy = POLICY) -> Refresher:
    """
    Return a refresher for the credentials of a source that botocore refreshes.

    Args:
        source: A source that `find_source` returned.

        policy:
            The user's policy. Its windows don't apply, because botocore decides when to
            refresh. Expired credentials are never used.
    """
    clock = current_runtime().clock
    chosen = {name: getattr(policy, name) for name in CHOICES}
    return Refresher(
        name=source.name,
        source=source.name,
        fetch=SdkFetcher(source, clock),
        policy=attrs.evolve(POLICY, **chosen),
        clock=clock,
    )
