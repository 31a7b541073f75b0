"""
Suppliers of MFA codes, web identity tokens and SAML assertions.
"""

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

from .._botocore.config_files import owner_of
from .._core.errors import format_span
from .._core.runtime import current_runtime, utc
from .._requests.limits import ASSERTION, WEB_IDENTITY_TOKEN
from .._util import per_process
from ..exceptions import (
    FailureKind,
    InvalidRequestError,
    RefreshError,
    SourceCredentialsError,
)
from .base import NoProof, TokenSupplier, called, name_of
from .mfa import MfaCodes


__all__ = [
    "Claims",
    "MfaCodeSupplier",
    "NoProof",
    "SamlAssertionSupplier",
    "TokenSupplier",
    "WebIdentityTokenSupplier",
    "checked_assertion",
    "checked_web_identity_token",
    "read_claims",
    "web_identity_environment",
]


@attrs.frozen(kw_only=True)
class Claims:
    """
    Some of what a JSON Web Token claims. Nobody has verified it.

    Args:
        exp: When it says it expires.

        aud: For whom it says it is.

        iss: Who it says has issued it.

        sub: The subject, unique for the issuer.

    .. seealso:: `RFC 7519, section 4.1
       <https://www.rfc-editor.org/rfc/rfc7519#section-4.1>`_.
    """

    exp: dt.datetime | None = None
    aud: tuple[str, ...] = ()
    iss: str | None = None
    sub: str | None = None


def read_claims(token: object) -> Claims:
    """
    Read what *token* claims; what can't be read is left out.

    Messages and the source's expiration are made of it, nothing else: whether
    the token is good is for STS to say.
    """
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
    except (ValueError, RecursionError):  # binascii's, json's and Unicode's are such
        return {}
    return document if isinstance(document, dict) else {}


def _instant(seconds: object) -> dt.datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        return utc(seconds)
    except (OverflowError, OSError, ValueError):  # no date, to this platform
        return None


def _text(value: object) -> str | None:
    # A line end would forge lines of a log.
    return value if isinstance(value, str) and value.isprintable() else None


SERVES_ONCE = (
    "Pass a function that gets one: an assertion serves once, and lives for five "
    "minutes."
)

CHECK_FILE = "Check what writes it, and that this process may read it."
CHECK_FUNCTION = "Have it return the token, as a str."
ASSERTION_NAME = "the SAML assertion"

PATIENCE = 120.0
"""Seconds more that others wait while somebody is asked for a code."""


def _refused(
    error: RefreshError, more: str, *, hint: str, kind: FailureKind | None = None
) -> SourceCredentialsError:
    """
    The error of STS with *more* to say, and a *hint* that fits.
    """
    said = str(error).removesuffix(error.hint).rstrip()
    ours = SourceCredentialsError(
        f"{said} {more}".rstrip(),
        kind=error.kind if kind is None else kind,
        code=error.code,
        http_status=error.http_status,
        hop=error.hop,
        hint=hint,
    )
    ours.__cause__ = error.__cause__
    return ours


class MfaCodeSupplier(NoProof):
    """
    A code of an MFA device.

    Args:
        serial: Returns the serial number or ARN of the device.

        codes: Where its codes come from.

        key: What the user calls the device.

        needed: Whether a code has to go with the request.
    """

    def __init__(
        self,
        serial: Callable[[], str],
        codes: MfaCodes,
        *,
        key: Hashable,
        needed: Callable[[], bool] = lambda: True,
    ) -> None:
        self.key = key
        self._serial = serial
        self._codes = codes
        self._needed = needed

    @property
    def patience(self) -> float:  # type: ignore[override]
        """
        People take their time.
        """
        return PATIENCE

    def if_needed(self, needed: Callable[[], bool]) -> MfaCodeSupplier:
        """
        The same for requests that sometimes need none.
        """
        return MfaCodeSupplier(self._serial, self._codes, key=self.key, needed=needed)

    @property
    def asks(self) -> bool:  # type: ignore[override]
        """
        Whether a code has to go with the request.
        """
        return self._needed()

    serves_once = asks  # it may be used up though the answer got lost

    def parameters(self) -> dict[str, str]:
        """
        The device and its code.
        """
        if not self._needed():
            return {}
        serial = self._serial()
        return {"SerialNumber": serial, "TokenCode": self._codes.next(serial)}

    def is_refused(self, error: RefreshError) -> bool:
        """
        STS says so, though by the code AccessDenied.
        """
        return error.kind is FailureKind.MFA and error.code is not None

    def can_renew(self) -> bool:
        """
        Everybody mistypes once.
        """
        return self._codes.renewable

    def refused(self) -> None:
        """
        Who is asked for another is told.
        """
        self._codes.refused()

    def update(self, later: TokenSupplier) -> None:
        """
        Ask where the later one would.
        """
        if isinstance(later, MfaCodeSupplier):
            self._codes.update(later._codes)  # noqa: SLF001 - its own kind


class _TokenFile:
    """
    A file with tokens of one owner, for all sessions that use it.
    """

    def __init__(self, owner: Hashable) -> None:
        self.owner = owner
        self.identity: object = None
        """Another object each time that a token of another owner was sent."""


_token_files: weakref.WeakValueDictionary[Hashable, _TokenFile] = per_process(
    weakref.WeakValueDictionary()
)


class WebIdentityTokenSupplier(NoProof):
    """
    A web identity token.

    Args:
        token: The path of a file, read for each request, or a function.
    """

    def __init__(self, token: str | os.PathLike[str] | Callable[[], str]) -> None:
        self._given = token
        self._last: str | None = None
        self._claims = Claims()
        self._clock = current_runtime().clock
        # Whose token a function gives may depend on who asks.
        self._path = None if callable(token) else os.path.abspath(token)  # noqa: PTH100
        self._file = _TokenFile(None)
        if self._path is not None:
            with contextlib.suppress(RefreshError):
                self._file = _TokenFile(owner_of(self._read()))
            key = (self._path, self._file.owner)
            self._file = _token_files.setdefault(key, self._file)

    @property
    def key(self) -> Hashable:  # type: ignore[override]
        """
        The file and the owner of its tokens; with a function, this object.
        """
        if self._path is None:
            return self._file
        return self._path, self._file.owner, self._file.identity

    @property
    def _where(self) -> str:
        if callable(self._given):
            return name_of(self._given)
        return f"the file {os.fspath(self._given)}"

    def parameters(self) -> dict[str, str]:
        """
        The token as it is now.
        """
        token = self._read()
        self._last, self._claims = token, read_claims(token)
        if owner_of(token) != self._file.owner:
            self._file.identity = object()
        return {"WebIdentityToken": token}

    def _read(self) -> str:
        hint = CHECK_FUNCTION if callable(self._given) else CHECK_FILE
        try:
            token = self._told()
            if isinstance(token, str):
                token = token.strip()
            return checked_web_identity_token(token)
        except (OSError, UnicodeDecodeError) as e:
            why = getattr(e, "strerror", None) or type(e).__name__
        except InvalidRequestError as e:
            why = str(e)
        raise SourceCredentialsError(
            f"Could not read the web identity token from {self._where}. {why}",
            kind=FailureKind.SOURCE_EXPIRED,
            hop=self._where,
            hint=hint,
        )

    def _told(self) -> Any:
        if not callable(self._given):
            return Path(self._given).read_text(encoding="utf-8")
        return called(
            self._given,
            what="Could not get a web identity token",
            hop=self._where,
            failure=SourceCredentialsError,
            kind=FailureKind.UNKNOWN,
        )

    def remaining(self, wall: float) -> float | None:
        """
        Seconds to what the token says is its expiration.

        A function makes one whenever it is asked, so it doesn't matter there.
        """
        if callable(self._given):
            return None
        exp = self._claims.exp
        return None if exp is None else exp.timestamp() - wall

    def is_refused(self, error: RefreshError) -> bool:
        """
        STS calls the token expired or invalid.
        """
        return error.code in {
            "ExpiredTokenException",
            "ExpiredToken",
            "InvalidIdentityToken",
            "InvalidIdentityTokenException",
            "IDPRejectedClaim",
        }

    def can_renew(self) -> bool:
        """
        If it has been replaced meanwhile.
        """
        try:
            return self._read() != self._last
        except RefreshError:
            return False

    def explained(self, error: RefreshError) -> RefreshError:
        """
        The error, with what the token says of itself.
        """
        return _refused(
            error,
            f"The token comes from {self._where}{self._age()}. {self._claimed()}",
            hint="Check what renews it, and the identity provider in IAM.",
        )

    def _age(self) -> str:
        if callable(self._given):
            return ""
        try:
            written = Path(self._given).stat().st_mtime
        except OSError:
            return ", which is gone"
        return f", written {format_span(self._clock.wall() - written)} ago"

    def _claimed(self) -> str:
        claims = self._claims
        exp = None if claims.exp is None else f"{claims.exp:%Y-%m-%d %H:%M:%S} UTC"
        aud = ", ".join(claims.aud) or None
        return f"It says: exp {exp}, aud {aud}, iss {claims.iss}."


class SamlAssertionSupplier(NoProof):
    """
    A SAML assertion; it serves once.

    Args:
        assertion: A function that gets one, or one for a single life.
    """

    def __init__(self, assertion: str | Callable[[], str]) -> None:
        self._given = assertion
        self._spent = False
        # Whose assertion it is isn't known, so it is shared with nobody.
        self.key = object()

    def parameters(self) -> dict[str, str]:
        """
        A fresh assertion.
        """
        if callable(self._given):
            assertion = called(
                self._given,
                what="Could not get a SAML assertion",
                hop=ASSERTION_NAME,
                failure=SourceCredentialsError,
                kind=FailureKind.UNKNOWN,
            )
        elif self._spent:
            raise SourceCredentialsError(
                "Another SAML assertion is needed; the one that was given has "
                "been used.",
                hop=ASSERTION_NAME,
                hint=SERVES_ONCE,
            )
        else:
            assertion = self._given
        try:
            return {"SAMLAssertion": checked_assertion(assertion)}
        except InvalidRequestError as e:
            raise SourceCredentialsError(
                f"The SAML assertion can't be used. {e}", hop=ASSERTION_NAME
            ) from None

    def is_refused(self, error: RefreshError) -> bool:
        """
        STS calls it expired.
        """
        return error.code in {"ExpiredTokenException", "ExpiredToken"}

    def can_renew(self) -> bool:
        """
        If there is somebody to ask.
        """
        return callable(self._given)

    def accepted(self) -> None:
        """
        It has served.
        """
        self._spent = True

    def explained(self, error: RefreshError) -> RefreshError:
        """
        The error, with what to do about it; nothing else comes of a string.
        """
        kind = error.kind if callable(self._given) else FailureKind.SOURCE
        return _refused(error, "", hint=SERVES_ONCE, kind=kind)


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
    """
    Return the token if its type and length are legal. Errors don't quote it.
    """
    return WEB_IDENTITY_TOKEN.text(value)


def checked_assertion(value: object) -> str:
    """
    Return the assertion if it can be one. Errors don't quote it.
    """
    assertion = ASSERTION.text(value)
    if assertion.lstrip().startswith("<"):
        raise InvalidRequestError(
            "assertion is XML; STS takes it in base64 only.",
            parameter=ASSERTION.parameter,
            hint=f"{ASSERTION.hint} That is in base64 already.",
        )
    return assertion
