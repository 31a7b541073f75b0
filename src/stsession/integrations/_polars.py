"""Credentials for Polars."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from .._sessions.session import RefreshableSession, refresher_of
from ._expiration import credentials_until


__all__ = ["polars"]


@attrs.frozen
class PolarsCredentials:
    session: RefreshableSession

    def __call__(self) -> tuple[dict[str, str], int | None]:
        credentials, until = credentials_until(self.session)
        keys = {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
        }
        if credentials.session_token is not None:
            keys["aws_session_token"] = credentials.session_token
        return keys, None if until is None else int(until)


def polars(
    session: RefreshableSession,
) -> Callable[[], tuple[dict[str, str], int | None]]:
    """
    Return a *credential_provider* for Polars.

    Pass it to the functions of Polars that read and write S3, such as
    ``polars.scan_parquet()``. Polars calls it on threads of its own, at first use and
    when the credentials that it returned expire. It can be pickled with a query.

    .. code-block:: python

        provider = stsession.integrations.polars(session)
        table = polars.scan_parquet("s3://bucket/key", credential_provider=provider)

    Args:
        session: A session of this library.

    Raises:
        InvalidRequestError: If *session* isn't a session of this library.

    .. versionadded:: 0.1.0
    """
    refresher_of(session)  # reports a wrong type now
    return PolarsCredentials(session)
