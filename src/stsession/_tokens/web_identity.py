"""Web identity tokens: from a file or a user's function, with their claims."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
import os
import weakref

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import attrs

from .._core.errors import format_span
from .._core.runtime import current_runtime, utc
from .._requests.limits import WEB_IDENTITY_TOKEN
from .._util import digest_of, per_process
from ..exceptions import (
    FailureKind,
    InvalidRequestError,
    RefreshError,
    SourceCredentialsError,
)
from .base import TokenSupplier, call_function, explain_rejection, function_name


__all__ = [
    "Claims",
    "WebIdentityTokenSupplier",
    "checked_web_identity_token",
    "owner_of",
    "read_claims",
    "web_identity_environment",
]


REJECTIONS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IDPRejectedClaim",
        "InvalidIdentityToken",
        "InvalidIdentityTokenException",
    }
)
"""The codes by which STS rejects a token, as opposed to the request."""

VARIABLES = {
    "role_arn": "AWS_ROLE_ARN",
    "role_session_name": "AWS_ROLE_SESSION_NAME",
    "web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
}
"""Environment variables of a role with a web identity, by the keys of a profile."""


def web_identity_environment() -> dict[str, str]:
    """
    Return the environment's settings for a role with a web identity.

    The keys are those of a profile; variables that aren't set are left out.
    """
    values = {key: os.environ.get(name) for key, name in VARIABLES.items()}
    return {key: value for key, value in values.items() if value}


def checked_web_identity_token(value: object) -> str:
    """Return the token if its type and length are legal. Errors don't quote it."""
    return WEB_IDENTITY_TOKEN.text(value)


@attrs.frozen(kw_only=True)
class Claims:
    """
    Claims of a JSON Web Token, unverified.

    Args:
        exp: The expiration.

        aud: The audience.

        iss: The issuer.

        sub: The subject, unique for the issuer.

    .. seealso:: `RFC 7519, section 4.1
       <https://www.rfc-editor.org/rfc/rfc7519#section-4.1>`_.
    """

    exp: dt.datetime | None = None
    aud: tuple[str, ...] = ()
    iss: str | None = None
    sub: str | None = None


def read_claims(token: object) -> Claims:
    """Read the claims of a token. Claims that can't be read are left out."""
    payload = _payload(token)
    audience = payload.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    return Claims(
        exp=_instant(payload.get("exp")),
        aud=tuple(name for name in map(_text, several) if name is not None),
        iss=_text(payload.get("iss")),
        sub=_text(payload.get("sub")),
    )


def _payload(token: object) -> dict[str, Any]:
    if not isinstance(token, str):
        return {}
    try:
        _, payload, _ = token.split(".")
        document = json.loads(base64.urlsafe_b64decode(f"{payload}=="))
    except (ValueError, RecursionError):  # binascii, json and decoding raise ValueError
        return {}
    return document if isinstance(document, dict) else {}


def _instant(seconds: object) -> dt.datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        return utc(seconds)
    except (OverflowError, OSError, ValueError):  # out of this platform's range
        return None


def _text(value: object) -> str | None:
    # A line break could forge a line in a log.
    return value if isinstance(value, str) and value.isprintable() else None


def owner_of(token: object) -> Hashable:
    """
    Return a value that is equal for tokens of one owner. `None` without a token.

    The value is the issuer and the subject if the token has them, otherwise a digest.
    """
    claims = read_claims(token)
    if claims.iss is not None and claims.sub is not None:
        return claims.iss, claims.sub
    return digest_of(token.encode()) if isinstance(token, str) else None


class _TokenFile:
    """A file with tokens of one owner, shared by all suppliers that read it."""

    def __init__(self, owner: Hashable) -> None:
        self.owner = owner
        self.identity: object = None
        """Replaced by another object after a token of another owner was sent."""


_token_files: per_process[weakref.WeakValueDictionary[Hashable, _TokenFile]]
_token_files = per_process(weakref.WeakValueDictionary)


class WebIdentityTokenSupplier(TokenSupplier):
    """
    Supplies the web identity token of an AssumeRoleWithWebIdentity request.

    Args:
        token: The path of a file, which is read for each request, or a function.
    """

    def __init__(self, token: str | os.PathLike[str] | Callable[[], str]) -> None:
        self._token = token
        self._last: str | None = None
        self._claims = Claims()
        self._clock = current_runtime().clock
        # A function may return tokens of different owners, so it isn't shared. The path
        # is absolute, as the program may change its directory between two refreshes.
        self._path = None if callable(token) else os.path.abspath(token)  # noqa: PTH100
        self._file = _TokenFile(None)
        if self._path is not None:
            with contextlib.suppress(RefreshError):
                self._file = _TokenFile(owner_of(self._read()))
            key = (self._path, self._file.owner)
            self._file = _token_files().setdefault(key, self._file)

    @property
    def key(self) -> Hashable:  # type: ignore[override]
        if self._path is None:
            return self._file
        return self._path, self._file.owner, self._file.identity

    @property
    def portable_key(self) -> Any:
        if self._path is None:
            return None
        claims = read_claims(self._read())
        if claims.iss is None or claims.sub is None:
            return None
        return ["web-identity", claims.iss, claims.sub, list(claims.aud)]

    @property
    def _origin(self) -> str:
        if callable(self._token):
            return function_name(self._token)
        return f"the file {os.fspath(self._token)}"

    def parameters(self) -> dict[str, str]:
        token = self._read()
        self._last, self._claims = token, read_claims(token)
        if owner_of(token) != self._file.owner:
            self._file.identity = object()
        return {"WebIdentityToken": token}

    def _read(self) -> str:
        try:
            token = self._content()
            if isinstance(token, str):
                token = token.strip()
            return checked_web_identity_token(token)
        except (OSError, UnicodeDecodeError) as e:
            reason = getattr(e, "strerror", None) or type(e).__name__
        except InvalidRequestError as e:
            reason = str(e)
        raise SourceCredentialsError(
            f"Could not read the web identity token from {self._origin}. {reason}",
            kind=FailureKind.SOURCE_EXPIRED,
            hop=self._origin,
            hint="The function has to return the token as a str."
            if callable(self._token)
            else "Check the program that writes the file, and the permissions of this "
            "process.",
        )

    def _content(self) -> Any:
        if self._path is not None:
            return Path(self._path).read_text(encoding="utf-8")
        function: Any = self._token
        return call_function(
            function,
            action="Could not get a web identity token",
            hop=self._origin,
            failure=SourceCredentialsError,
            kind=FailureKind.UNKNOWN,
        )

    def accepted(self, now: float) -> float | None:
        exp = self._claims.exp
        if callable(self._token) or exp is None:
            return None
        return exp.timestamp() - now

    def rejected(self, error: RefreshError) -> RefreshError | None:
        if error.code not in REJECTIONS:
            return None
        return explain_rejection(
            error,
            f"The token comes from {self._origin}{self._age()}. {self._claimed()}",
            hint="Check what renews the token, and the identity provider in IAM.",
        )

    def can_renew(self) -> bool:
        try:
            return self._read() != self._last
        except RefreshError:
            return False

    def _age(self) -> str:
        if self._path is None:
            return ""
        try:
            written = Path(self._path).stat().st_mtime
        except OSError:
            return ", which no longer exists"
        return f", written {format_span(self._clock.wall() - written)} ago"

    def _claimed(self) -> str:
        claims = self._claims
        exp = None if claims.exp is None else f"{claims.exp:%Y-%m-%d %H:%M:%S} UTC"
        aud = ", ".join(claims.aud) or None
        return f"Its claims: exp {exp}, aud {aud}, iss {claims.iss}."
