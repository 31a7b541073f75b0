"""
Async sessions: for aiobotocore and what is built on it, such as s3fs, and for asyncio.

No function blocks the event loop while STS is called. A session can be used by any
number of event loops and threads at the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core.credentials import TemporaryCredentials
from .._sessions.session import RefreshableSession, checked_validity, refresher_of
from ..exceptions import InvalidRequestError
from ._waiting import current_record, run


if TYPE_CHECKING:
    import datetime as dt

    from aiobotocore.session import AioSession


__all__ = ["credentials", "ensure", "session"]


def session(session: RefreshableSession) -> AioSession:
    """
    Return an aiobotocore session with the credentials of a session.

    Its clients renew their credentials as those of *session* do, and share them. Pass
    it to libraries that take an aiobotocore session, such as s3fs and aioboto3. It can
    be pickled and copied, and has the settings of *session*: region, profile, models
    and client config. Event handlers that were registered on *session* aren't copied.

    Requires the extra ``aio``. Doesn't block.

    Args:
        session: A session of this library.

    Raises:
        InvalidRequestError:
            If *session* isn't a session of this library, or if aiobotocore isn't
            installed.

    .. versionadded:: 0.1.0
    """
    refresher_of(session)
    try:
        from ._session import make_session  # noqa: PLC0415 - imports aiobotocore
    except ModuleNotFoundError as e:
        raise InvalidRequestError(
            f"An async session requires aiobotocore: {e}.",
            hint="Install it: pip install 'stsession[aio]'.",
        ) from None
    return make_session(session)


async def credentials(session: RefreshableSession) -> TemporaryCredentials:
    """
    Return credentials that can be used now.

    The same as `session.credentials()`, but other tasks run while STS is called. If
    the task is canceled, the refresh continues, and the next caller joins it. A prompt
    for an MFA code is shown by another thread.

    Args:
        session: A session of this library.

    Raises:
        RefreshError:
            If there are no valid credentials, and STS can't be reached or denies the
            request.

    .. versionadded:: 0.1.0
    """
    return (await current_record(refresher_of(session))).credentials


async def ensure(
    session: RefreshableSession, min_validity: dt.timedelta
) -> TemporaryCredentials:
    """
    Return credentials that are valid for at least *min_validity*.

    The same as `session.ensure()`, but other tasks run while STS is called.

    Args:
        session: A session of this library.

        min_validity: The required validity, at most the session's duration.

    Raises:
        RefreshError:
            If STS can't be reached or denies the request, or if new credentials aren't
            valid for that long.

    .. versionadded:: 0.1.0
    """
    seconds = checked_validity(min_validity)
    steps = refresher_of(session).ensure_steps(seconds, blocking=False)
    return (await run(steps)).credentials
