"""
The source whose credentials botocore finds.
"""

from __future__ import annotations

import contextlib

from collections.abc import Callable, Hashable
from typing import Any

import botocore.session

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError

from .._botocore.sessions import like
from .._core.clock_part import utc
from .._sts.endpoint import StsClients
from .._sts.sts_endpoint_part import StsEndpoint
from .sdk import PROFILE_METHODS, SourceKeys


__all__ = ["SdkSource", "described"]


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

        surroundings: See `SourceKeys`.

        expected: See `SourceKeys`.

        methods: See `SourceKeys`.
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
        self._keys = SourceKeys(
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
