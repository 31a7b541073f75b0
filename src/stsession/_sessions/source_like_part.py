"""
What `source=` takes, and who that is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._botocore.sdk_classes import BotocoreSession, BotoSession
from .._core.refresher import Refresher
from .._sources.find import custom_source, sdk_source
from .._sources.sources import Source
from ..exceptions import InvalidRequestError
from .session_part import RefreshableSession


__all__ = ["SourceLike", "find_source", "hops_of"]


SourceLike = str | BotoSession | BotocoreSession | Callable[[], Any] | None
"""What *source* takes."""


def find_source(given: SourceLike) -> Source:
    """
    Find out who *given* is.

    Raises:
        InvalidRequestError: If it is nobody.
    """
    if isinstance(given, RefreshableSession):
        return given._own_source  # noqa: SLF001 - one of ours
    if isinstance(given, BotoSession):
        # boto3 has no other way to its botocore session.
        return sdk_source(given._session)  # noqa: SLF001
    if given is None or isinstance(given, (str, BotocoreSession)):
        return sdk_source(given)
    if callable(given):
        return custom_source(given)
    raise InvalidRequestError(
        f"source is of type {type(given).__name__}.",
        parameter="source",
        hint="Pass the name of a profile, a session, or a function that returns "
        "credentials.",
    )


def hops_of(source: SourceLike) -> tuple[Refresher, ...]:
    """
    What keeps the credentials of a source, if it is one of ours.
    """
    if isinstance(source, RefreshableSession):
        return source._hops  # noqa: SLF001 - one of ours
    return ()
