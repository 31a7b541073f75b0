"""
Sources: the credentials that sign a request to STS.
"""

from __future__ import annotations

import contextlib
import math

from collections.abc import Callable, Hashable
from typing import Any

import botocore.session

from .._botocore.credentials import RefresherCredentials
from .._botocore.sessions import like
from .._core.credentials import Record
from .._core.refresher import Refresher
from .._sts.endpoint import StsClients, StsEndpoint
from .._sts.fetcher import StsFetcher
from ..exceptions import RefreshError
from .sdk import SdkSource, described


__all__ = ["MfaSource", "RoleSource", "Source", "UnsignedSource"]


class RoleSource:
    """
    A role of ours that assumes the next one.

    Args:
        refresher: Keeps its credentials.

        settings: The session whose settings and event handlers carry over.

        key: Returns what sets it apart from other sources now.

        is_role: Whether its credentials are those of an assumed role.

        lasts: Whether there will be others when the present ones expire.
    """

    renewable = True

    def __init__(
        self,
        refresher: Refresher,
        settings: botocore.session.Session,
        *,
        key: Callable[[], Hashable],
        is_role: bool = True,
        lasts: bool = True,
    ) -> None:
        self._lasts = lasts
        self._signed_by: Hashable = None
        self.load_timeout: float = refresher.load_timeout
        self.name: str = refresher.label
        self._key = key
        self.is_role = is_role
        self.can_show_mfa: bool = not is_role
        self._refresher = refresher
        self._clients = StsClients(
            like(settings, credentials=RefresherCredentials(refresher), handlers=True)
        )

    @property
    def key(self) -> Hashable:
        """
        What sets it apart from other sources.
        """
        return self._key()

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
        return described(self.name, record.credentials.expires_at.timestamp())

    def would_ask(self) -> bool:
        """
        Whether its own refresh would ask somebody for something now.
        """
        return self._refresher.would_ask()

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        An STS client that signs with its credentials.
        """
        return self._clients.get(region, endpoint)

    def prepare(self) -> float | None:
        """
        Have credentials to sign with; return the seconds they have left.

        If that is less than `Tuning.source_minimum`, others are tried
        for; but if they live no longer than that, there's no use in it.
        """
        record = self._refresher.get()
        remaining = self._refresher.remaining(record)
        minimum = self._refresher.policy.tuning.source_minimum
        short = remaining < minimum <= record.lifetime / 2
        if short and not self._refresher.asks():  # `get` has asked, if it had to
            with contextlib.suppress(RefreshError):
                record = self._refresher.refresh()
                remaining = self._refresher.remaining(record)
        return remaining if self._ends(record) else None

    def is_signed_by(self, key: Hashable) -> bool:
        """
        Whether its credentials were requested with this key, as far as is known.
        """
        return self._signed_by in (None, key)

    def prepare_for(self, key: Hashable) -> float | None:
        """
        Have credentials that were requested with this key; see `prepare`.
        """
        if not self.is_signed_by(key):
            self._refresher.refresh()
        self._signed_by = key
        return self.prepare()

    def _ends(self, record: Record) -> bool:
        """
        Whether it is doubtful that there will be others when these expire.

        Only then has the next role to be assumed before; a source that goes on
        refreshing itself would cause requests to no use.
        """
        if math.isinf(record.lifetime):
            return False
        it = self._refresher
        return not self._lasts or it.last_error is not None or it.asks()

    def note_region(self, region: str) -> None:
        """
        Use a client's region for requests to STS if none is configured.
        """
        fetch = self._refresher.fetch
        if isinstance(fetch, StsFetcher):
            fetch.note_region(region)

    def resolve_again(self) -> bool:
        """
        STS refused the key: get another.
        """
        record = self._refresher.record
        if record is not None:
            self._refresher.replace_rejected(record.credentials.access_key_id)
        return True

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


class MfaSource:
    """
    A user who has shown a second factor.

    GetSessionToken takes one code for as long as a day and a half, but the keys
    of a user only; with any others, this is the source itself, and the code has
    to go with each request.

    Args:
        user: The source.

        session: What GetSessionToken gives for it.
    """

    is_role = False

    def __init__(self, user: SdkSource, session: RoleSource) -> None:
        self._user = user
        self._session = session
        self.applies: bool = True  # most likely; `prepare` finds out
        self.name: str = user.name
        self.load_timeout: float = session.load_timeout

    @property
    def can_show_mfa(self) -> bool:
        """
        Whether it hasn't shown it yet.
        """
        return not self.applies

    @property
    def key(self) -> Hashable:
        """
        What sets it apart from other sources.
        """
        return "mfa", self._session.key

    @property
    def _who(self) -> SdkSource | RoleSource:
        return self._session if self.applies else self._user

    @property
    def settings(self) -> botocore.session.Session:
        """
        What further sessions are configured like.
        """
        return self._user.settings

    @property
    def renewable(self) -> bool:
        """
        Whether there can be others some time.
        """
        return self._who.renewable

    def would_ask(self) -> bool:
        """
        Whether a code would be asked for now.
        """
        changed = self.applies and not self._session.is_signed_by(self._user.key)
        return changed or self._who.would_ask()

    def describe(self, wall: float) -> str:
        """
        Its name, and when its credentials expire.
        """
        return self._user.describe(wall)

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        An STS client that signs with them.
        """
        return self._who.client(region, endpoint)

    def prepare(self) -> float | None:
        """
        Have credentials to sign with; may ask for a code.
        """
        remaining = self._user.prepare()
        self.applies = self._user.is_long_lived
        return self._session.prepare_for(self._user.key) if self.applies else remaining

    def note_region(self, region: str) -> None:
        """
        Use a client's region for requests to STS if none is configured.
        """
        self._session.note_region(region)
        self._user.note_region(region)

    def resolve_again(self) -> bool:
        """
        STS refused the key: get another.
        """
        return self._who.resolve_again()

    def widen(self, workers: int) -> None:
        """
        Keep enough connections to STS for so many requests at once.
        """
        self._user.widen(workers)
        self._session.widen(workers)

    def close(self) -> None:
        """
        Close the connections to STS.
        """
        self._user.close()
        self._session.close()


class UnsignedSource:
    """
    Who asks without a signature: the request brings a token of somebody else.

    Args:
        settings: The session whose settings carry over.

        key: What sets it apart from other sources.
    """

    is_role = False
    can_show_mfa = False
    renewable = True
    load_timeout: float = 0.0

    def __init__(self, settings: botocore.session.Session, *, key: Hashable) -> None:
        self.key = key
        self.name = "an unsigned request"
        self._clients = StsClients(
            like(settings, credentials=None, handlers=True), signed=False
        )

    @property
    def settings(self) -> botocore.session.Session:
        """
        What further sessions are configured like.
        """
        return self._clients.session

    def would_ask(self) -> bool:
        """
        There is nobody.
        """
        return False

    def describe(self, wall: float) -> str:
        """
        Its name.
        """
        return self.name

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        An STS client that doesn't sign.
        """
        return self._clients.get(region, endpoint)

    def prepare(self) -> float | None:
        """
        There is nothing to prepare.
        """
        return None

    def note_region(self, region: str) -> None:
        """
        No-op: the request itself has a region.
        """

    def resolve_again(self) -> bool:
        """
        There is nothing to look up.
        """
        return True

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


Source = SdkSource | RoleSource | MfaSource | UnsignedSource
