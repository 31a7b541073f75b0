"""
Sources: the credentials that sign requests to STS, and the clients that send them.
"""

from __future__ import annotations

import contextlib
import math

from collections.abc import Callable, Hashable
from typing import Any, Protocol

import botocore.session

from botocore.credentials import Credentials, ReadOnlyCredentials

from .._botocore.credentials import RefresherCredentials
from .._botocore.sessions import derive_session
from .._core.credentials import Record
from .._core.refresher import Refresher
from .._core.runtime import utc
from .._sts.endpoint import StsClients, StsEndpoint
from .._sts.fetcher import SigningCredentials
from ..exceptions import RefreshError


__all__ = ["MfaSigner", "RefresherSigner", "Signer", "Source"]


class Signer(SigningCredentials, Protocol):
    """The credentials that a source signs with."""

    @property
    def credentials(self) -> Credentials:
        """The credentials as botocore's clients take them."""

    def portable_key(self) -> Any:
        """
        Return what distinguishes the credentials from others in all processes.

        See `StsFetcher.portable_key`.
        """

    def expiration(self, wall: float) -> float | None:
        """
        Return when the current credentials expire, in seconds since 1970.

        Args:
            wall: The local time, in seconds since 1970.
        """


class Source:
    """
    Credentials that sign requests to STS, with the clients that send the requests.

    For members without a description see `RequestSource`.

    Args:
        name: The name for messages.

        settings: The session with the configuration and event handlers of the clients.

        key: Returns what distinguishes the source from others at present. The key
            changes when another identity signs.

        signer: The credentials. `None` means that requests aren't signed.

        load_timeout: Seconds that preparing the credentials may take.

        previous: The source before this one, which is closed together with it.
    """

    def __init__(
        self,
        name: str,
        settings: botocore.session.Session,
        *,
        key: Callable[[], Hashable],
        signer: Signer | None,
        load_timeout: float = 0.0,
        previous: Source | None = None,
    ) -> None:
        self.name = name
        self.signer = signer
        self.load_timeout = load_timeout
        self._key = key
        self._previous = previous
        credentials = None if signer is None else signer.credentials
        self._clients = StsClients(
            derive_session(settings, credentials=credentials, handlers=True),
            signed=signer is not None,
        )

    @property
    def key(self) -> Hashable:
        """What distinguishes the source from others at present."""
        return self._key()

    def portable_key(self) -> Any:
        return ["unsigned"] if self.signer is None else self.signer.portable_key()

    @property
    def settings(self) -> botocore.session.Session:
        """The session from which further sessions are derived."""
        return self._clients.session

    @property
    def is_role(self) -> bool:
        return self.signer is not None and self.signer.is_role

    @property
    def is_hop(self) -> bool:
        """
        Whether this is a role that this library assumes. Never looks up credentials.
        """
        return isinstance(self.signer, RefresherSigner) and self.signer.is_role

    @property
    def can_use_mfa(self) -> bool:
        return self.signer is not None and self.signer.can_use_mfa

    @property
    def renewable(self) -> bool:
        return self.signer is None or self.signer.renewable

    def needs_input(self) -> bool:
        return self.signer is not None and self.signer.needs_input()

    def prepare(self) -> float | None:
        return None if self.signer is None else self.signer.prepare()

    def invalidate(self) -> bool:
        return self.signer is None or self.signer.invalidate()

    def describe(self, wall: float) -> str:
        expires_at = None if self.signer is None else self.signer.expiration(wall)
        if expires_at is None:
            return self.name
        at = f"{utc(expires_at):%Y-%m-%d %H:%M:%S} UTC"
        return f"{self.name} (its credentials expire at {at})"

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        return self._clients.get(region, endpoint)

    def keep_connections(self, workers: int) -> None:
        """Keep enough connections to STS for this many concurrent requests."""
        self._clients.keep_connections(workers)
        if self._previous is not None:
            self._previous.keep_connections(workers)

    def close(self) -> None:
        """Close the connections to STS. They are opened again when needed."""
        self._clients.close()
        if self._previous is not None:
            self._previous.close()


class RefresherSigner:
    """
    Signs with a refresher's credentials, which are those of a role or of a function.

    Args:
        refresher: The refresher.

        is_role: Whether its credentials are those of an assumed role.

        renews:
            Whether the refresher can be expected to get new credentials when the
            current ones expire.
    """

    renewable = True

    def __init__(
        self, refresher: Refresher, *, is_role: bool = True, renews: bool = True
    ) -> None:
        self.credentials: Credentials = RefresherCredentials(refresher)
        self.is_role = is_role
        self.can_use_mfa: bool = not is_role
        self._renews = renews
        self._refresher = refresher

    def portable_key(self) -> Any:
        # The credentials of a function aren't shared: it may depend on the caller.
        fetch: Any = self._refresher.fetch
        return fetch.portable_key() if hasattr(fetch, "portable_key") else None

    def needs_input(self) -> bool:
        return self._refresher.would_prompt()

    def prepare(self) -> float | None:
        """
        Refresh the credentials if necessary, see `SigningCredentials.prepare`.

        They are also refreshed if they expire in less than
        `Tuning.source_minimum`, unless no others would be valid for longer.
        """
        record = self._refresher.get()
        remaining = self._refresher.remaining(record)
        minimum = self._refresher.policy.tuning.source_minimum
        short = remaining < minimum <= record.lifetime / 2
        if short and not self._refresher.needs_input():  # `get` has prompted
            with contextlib.suppress(RefreshError):
                record = self._refresher.refresh()
                remaining = self._refresher.remaining(record)
        return remaining if self._may_be_last(record) else None

    def _may_be_last(self, record: Record) -> bool:
        """
        Return whether there may be no new credentials when these expire.

        Only in this case must the next role be refreshed before that time. Otherwise,
        an early refresh would be an unnecessary request.
        """
        if math.isinf(record.lifetime):
            return False
        refresher = self._refresher
        return (
            not self._renews
            or refresher.last_error is not None
            or refresher.needs_input()
        )

    def expiration(self, wall: float) -> float | None:
        record = self._refresher.record
        if record is None or record.credentials.expires_at is None:
            return None
        return record.credentials.expires_at.timestamp()

    def invalidate(self) -> bool:
        record = self._refresher.record
        if record is not None:
            self._refresher.replace_rejected(record.credentials.access_key_id)
        return True


class MfaSigner(Credentials):
    """
    Signs with an MFA session of an IAM user, if the user can get one.

    GetSessionToken takes one MFA code for up to 36 hours, but it requires the
    long-lived keys of a user. With other credentials, the user's source itself
    signs, and each request has to contain a code.

    Args:
        user: The source that requests the MFA session.

        refresher: Keeps the credentials that GetSessionToken returns.
    """

    is_role = False

    def __init__(self, user: Source, refresher: Refresher) -> None:
        self.method = "mfa-session"
        self._user = user
        self._refresher = refresher
        self._session = RefresherSigner(refresher, is_role=False)
        self._user_key: Hashable = None  # of the user that requested the session
        self._has_session = True  # assumed until `prepare` checks it

    @property
    def _signer(self) -> Signer:
        user = self._user.signer
        return self._session if self._has_session or user is None else user

    @property
    def credentials(self) -> Credentials:
        return self

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self._signer.credentials.get_frozen_credentials()

    @property
    def can_use_mfa(self) -> bool:
        return not self._has_session  # then the user still signs

    @property
    def renewable(self) -> bool:
        return self._signer.renewable

    def portable_key(self) -> Any:
        return self._session.portable_key()  # with that of the user

    def needs_input(self) -> bool:
        changed = self._has_session and not self._is_requested_by(self._user.key)
        return changed or self._signer.needs_input()

    def prepare(self) -> float | None:
        remaining = self._user.prepare()
        self._has_session = self._is_long_lived()
        if not self._has_session:
            return remaining
        key = self._user.key
        if not self._is_requested_by(key):
            self._refresher.refresh()
        self._user_key = key
        return self._session.prepare()

    def _is_long_lived(self) -> bool:
        user = self._user.signer
        if user is None:
            return False
        return user.credentials.get_frozen_credentials().token is None

    def _is_requested_by(self, key: Hashable) -> bool:
        return self._user_key in (None, key)

    def expiration(self, wall: float) -> float | None:
        user = self._user.signer
        return None if user is None else user.expiration(wall)

    def invalidate(self) -> bool:
        return self._signer.invalidate()
