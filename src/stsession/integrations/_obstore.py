"""Credentials for obstore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .._core.runtime import utc
from .._sessions.session import RefreshableSession, refresher_of
from ._expiration import credentials_until


__all__ = ["obstore"]


@attrs.frozen
class ObstoreCredentials:
    session: RefreshableSession

    @property
    def config(self) -> dict[str, str]:
        """Settings that a store uses unless it has its own."""
        region = self.session.region_name
        return {"region": region} if region else {}

    def __call__(self) -> dict[str, Any]:
        credentials, until = credentials_until(self.session)
        return {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "token": credentials.session_token,
            "expires_at": None if until is None else utc(until),
        }


def obstore(session: RefreshableSession) -> Callable[[], Any]:
    """
    Return a *credential_provider* for the `S3Store` of obstore.

    It is the same for the synchronous and the async functions of obstore, which call it
    on a thread of their own, so that no event loop is blocked. A store without a region
    uses that of *session*. It can be pickled.

    .. code-block:: python

        provider = stsession.integrations.obstore(session)
        store = S3Store("bucket", credential_provider=provider)

    Args:
        session: A session of this library.

    Raises:
        InvalidRequestError: If *session* isn't a session of this library.

    .. versionadded:: 0.1.0
    """
    refresher_of(session)  # reports a wrong type now
    return ObstoreCredentials(session)
