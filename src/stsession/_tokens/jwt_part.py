"""
What a token says of itself, read without trusting it.
"""

from __future__ import annotations

import base64
import datetime as dt
import json

from typing import Any

import attrs

from .._core.clock_part import utc


__all__ = ["Claims", "read_claims"]


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
