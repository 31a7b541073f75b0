"""Access keys in the format of STS, numbered in the order in which they are issued."""

from __future__ import annotations

import base64
import datetime as dt
import secrets

from typing import Literal, TypeAlias

import attrs


__all__ = [
    "AccessKey",
    "KeyKind",
    "generation_of",
    "new_secret",
    "new_token",
    "random_base32",
]


KeyKind: TypeAlias = Literal["federated", "role", "root", "session", "user"]


@attrs.frozen(kw_only=True)
class AccessKey:
    """
    An access key: a user's long-term key or a temporary one.

    .. versionadded:: 0.1.0
    """

    access_key_id: str
    """ID of the key, of twenty characters. The last eight are the generation."""

    secret_access_key: str = attrs.field(repr=False)
    """Secret of the key, of forty characters. The last eight are the generation."""

    session_token: str | None = attrs.field(default=None, repr=False)
    """The session token, or `None` for a user's key."""

    arn: str
    """ARN of the principal, for example ``arn:aws:sts::…:assumed-role/Reader/me``."""

    user_id: str
    """Unique ID of the principal, as ``GetCallerIdentity`` returns it."""

    role_arn: str | None = None
    """ARN of the role that was assumed, or `None`."""

    expires_at: dt.datetime | None = None
    """Time when the key expires, as an aware UTC datetime. `None` means never."""

    mfa: bool = False
    """Whether the key was issued by ``GetSessionToken`` with an MFA code."""

    @property
    def kind(self) -> KeyKind:
        """
        Kind of the principal.

        ``"user"`` (long-term), ``"role"``, ``"session"`` (from
        ``GetSessionToken``), ``"federated"`` (from ``GetFederationToken``) or
        ``"root"`` (from ``AssumeRoot``).
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
        """Number of the key in the order of issue, from 1."""
        return generation_of(self.access_key_id)

    @property
    def account(self) -> str:
        """ID of the principal's account."""
        return self.arn.split(":")[4]


def generation_of(value: str) -> int:
    """
    Return the generation of an access key ID, secret or session token.

    All three of one key end in the same number, so a test can check that they
    belong together.

    .. versionadded:: 0.1.0
    """
    return int(value[-8:])


def new_secret(number: str) -> str:
    return f"{_random_base64(23)[:31]}/{number}"


def new_token(number: str) -> str:
    return f"IQoJb3JpZ2luX2Vj{_random_base64(270)}/{number}"


def random_base32(length: int) -> str:
    return base64.b32encode(secrets.token_bytes(length)).decode()[:length]


def _random_base64(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
