"""
Access keys as STS makes them, with a number to tell them apart.
"""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import secrets

from typing import Literal, TypeAlias

import attrs


__all__ = ["AccessKey", "KeyKind", "KeyMaker", "generation_of"]


KeyKind: TypeAlias = Literal["federated", "role", "root", "session", "user"]


@attrs.frozen(kw_only=True)
class AccessKey:
    """
    An access key: a user's long-lived one, or one of a session.

    .. versionadded:: 0.1.0
    """

    access_key_id: str
    """Twenty characters; the last eight are the generation."""

    secret_access_key: str = attrs.field(repr=False)
    """Forty characters; the last eight are the generation."""

    session_token: str | None = attrs.field(default=None, repr=False)
    """The session token, or `None` for a user's key."""

    arn: str
    """Whose key it is, e.g. ``arn:aws:sts::…:assumed-role/Reader/me``."""

    user_id: str
    """The unique ID that ``GetCallerIdentity`` tells."""

    role_arn: str | None = None
    """The role it was issued for, or `None` if it wasn't for a role."""

    expires_at: dt.datetime | None = None
    """When it dies, as an aware UTC datetime; `None` means never."""

    mfa: bool = False
    """Whether ``GetSessionToken`` gave it for an MFA code."""

    @property
    def kind(self) -> KeyKind:
        """
        What it is a key of.

        A ``"user"`` (long-lived), a ``"role"``, or what ``GetSessionToken``
        (``"session"``), ``GetFederationToken`` (``"federated"``) or
        ``AssumeRoot`` (``"root"``) gave.
        """
        if self.session_token is None:
            return "user"
        if self.role_arn is not None:
            return "role"
        if ":federated-user/" in self.arn:
            return "federated"
        return "root" if self.arn.endswith(":root") else "session"

    @property
    def generation(self) -> int:
        """
        The how-many-eth of its maker it is, from 1.
        """
        return generation_of(self.access_key_id)

    @property
    def account(self) -> str:
        """
        The ID of the account it belongs to.
        """
        return self.arn.split(":")[4]


def generation_of(value: str) -> int:
    """
    Tell the generation of an access key id, a secret or a session token.

    All three of one key carry the same number, so a test can see whether it
    was handed the parts of two different keys.

    .. versionadded:: 0.1.0
    """
    return int(value[-8:])


class KeyMaker:
    """
    Make access keys that nobody else made.
    """

    def __init__(self) -> None:
        self._batch = _base32(8)
        self._issued = itertools.count(1)
        self._long_lived = itertools.count(1)

    def long_lived(self, *, arn: str) -> AccessKey:
        """
        Make a key of a user.
        """
        number = f"{next(self._long_lived):08d}"
        return AccessKey(
            access_key_id=f"AKIA{self._batch}{number}",
            secret_access_key=f"{_base64(23)[:31]}/{number}",
            arn=arn,
            user_id=f"AIDA{_base32(17)}",
        )

    def temporary(
        self,
        *,
        arn: str,
        user_id: str,
        expires_at: dt.datetime,
        role_arn: str | None = None,
        mfa: bool = False,
    ) -> AccessKey:
        """
        Make a key of a session.
        """
        number = f"{next(self._issued):08d}"
        return AccessKey(
            access_key_id=f"ASIA{self._batch}{number}",
            secret_access_key=f"{_base64(23)[:31]}/{number}",
            session_token=f"IQoJb3JpZ2luX2Vj{_base64(270)}/{number}",
            arn=arn,
            user_id=user_id,
            role_arn=role_arn,
            expires_at=expires_at,
            mfa=mfa,
        )


def _base32(length: int) -> str:
    return base64.b32encode(secrets.token_bytes(length)).decode()[:length]


def _base64(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
