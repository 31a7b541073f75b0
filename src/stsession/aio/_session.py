"""aiobotocore sessions with the credentials of a session."""

from __future__ import annotations

import datetime as dt

from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioRefreshableCredentials
from aiobotocore.hooks import AioHierarchicalEmitter
from aiobotocore.session import AioSession
from botocore.credentials import ReadOnlyCredentials

from .._botocore.credentials import RefresherCredentials
from .._botocore.resend import ResendHandler
from .._botocore.sessions import (
    StaticResolver,
    botocore_session_of,
    builtin_handlers,
    copy_settings,
)
from .._core.refresher import Refresher
from .._sessions.session import RefreshableSession, refresher_of
from ._waiting import current_record, run


__all__ = ["make_session"]


class AioRefresherCredentials(AioRefreshableCredentials):  # type: ignore[misc] # aiobotocore has no types
    """
    aiobotocore's refreshable credentials, refreshed by a `Refresher`.

    The initializer of the base class isn't called, because it sets up a refresh of its
    own.

    Args:
        blocking: The same credentials for synchronous clients.

        refresher: Their refresher.
    """

    def __init__(self, blocking: RefresherCredentials, refresher: Refresher) -> None:
        self.method = blocking.method
        self._blocking = blocking
        self._refresher = refresher

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._blocking!r}>"

    __reduce_ex__ = RefresherCredentials.__reduce_ex__

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return a consistent set of credentials."""
        return self._blocking.freeze(await current_record(self._refresher))

    async def get_access_key(self) -> str | None:
        """Return the access key ID."""
        return (await self.get_frozen_credentials()).access_key

    async def get_secret_key(self) -> str | None:
        """Return the secret access key."""
        return (await self.get_frozen_credentials()).secret_key

    async def get_token(self) -> str | None:
        """Return the session token."""
        return (await self.get_frozen_credentials()).token

    async def get_account_id(self) -> str | None:
        """Return the account ID, which some endpoints contain."""
        return (await self.get_frozen_credentials()).account_id

    def refresh_needed(self, refresh_in: float | None = None) -> bool:
        """Return whether the credentials expire in less than *refresh_in* seconds."""
        return self._blocking.refresh_needed(refresh_in)

    @property
    def _expiry_time(self) -> dt.datetime | None:
        return self._blocking._expiry_time  # noqa: SLF001 - botocore's name for it


class AioResendHandler(ResendHandler):
    """A `ResendHandler` that doesn't block the event loop."""

    async def on_needs_retry(  # type: ignore[override] # it is awaited
        self, response: Any, request_dict: dict[str, Any], **_: Any
    ) -> float | None:
        key = self.rejected_key(response, request_dict)
        if key is None:
            return None
        steps = self.refresher.replace_rejected_steps(key, blocking=False)
        return self.decide_resend(await run(steps), key, request_dict)


class _Resolver(StaticResolver):
    async def load_credentials(self) -> Any:
        return super().load_credentials()


class RefreshableAioSession(AioSession):  # type: ignore[misc] # aiobotocore has no types
    """An aiobotocore session with the credentials of a session of this library."""

    _made_from: RefreshableSession

    def __repr__(self) -> str:
        # Libraries such as fsspec compare arguments by their repr.
        return f"<{type(self).__name__} of {self._made_from!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from . import session  # noqa: PLC0415 - the public function, which imports this

        return session, (self._made_from,)


def make_session(session: RefreshableSession) -> RefreshableAioSession:
    """Return an aiobotocore session with the credentials and settings of *session*."""
    refresher = refresher_of(session)
    share_models = session._options.share_models  # noqa: SLF001 - one of ours
    hooks = None
    if share_models:
        hooks = builtin_handlers(AioSession, AioHierarchicalEmitter)
    made: Any = copy_settings(
        botocore_session_of(session),
        hooks,
        share_models=share_models,
        session_class=RefreshableAioSession,
    )
    config = made.get_default_client_config()
    if config is not None:
        made.set_default_client_config(AioConfig().merge(config))
    credentials = AioRefresherCredentials(session._signs_with, refresher)  # noqa: SLF001 - one of ours
    made.register_component("credential_provider", _Resolver(credentials))
    session._register_handlers(made, AioResendHandler(refresher))  # noqa: SLF001 - one of ours
    made._made_from = session  # noqa: SLF001 - its own class
    aio_session: RefreshableAioSession = made
    return aio_session
