"""Details of the SDK's errors, without secrets."""

from __future__ import annotations

import configparser
import datetime as dt
import functools
import json
import logging
import pkgutil
import re
import traceback

from typing import Any

import attrs
import botocore
import botocore.retries

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from .._core.errors import frameless_copy
from .._util import causes
from ..exceptions import StsessionError


__all__ = [
    "ErrorResponse",
    "config_error_hint",
    "place_of",
    "presentable",
    "redact",
    "redact_botocore_logs",
    "text_of",
]


STARS = "***"

NAMES = (
    "SecretAccessKey|SessionToken|WebIdentityToken|SAMLAssertion|TokenCode|"
    "ExternalId|aws_secret_access_key|aws_session_token|secret_key|"
    "x-amz-security-token|x-amz-s3session-token"
)

PATTERNS = [
    # <SessionToken>…</SessionToken>
    (rf"<({NAMES})>[^<]*", rf"<\1>{STARS}"),
    # 'SessionToken': '…', "SessionToken": b"…"
    (rf"""(['"](?:{NAMES})['"]\s*:\s*b?)(['"]).*?\2""", rf"\1\2{STARS}\2"),
    # X-Amz-Security-Token:… in canonical requests, =… in form bodies and queries
    (rf"((?:{NAMES})\s*[=:]\s*)[^\s&'\"<,}}]+", rf"\1{STARS}"),
    # The signature isn't a key, but it is valid for five minutes.
    (r"(Signature[=:]\s*)[^\s&'\"<,}]+", rf"\1{STARS}"),
]


LOGGED = (
    r"Policy|Tags\.member\.\d+\.Value|ProvidedContexts\.member\.\d+\.ContextAssertion"
)
"""Confidential parameters that botocore logs with each request, as a dict or in its
body. Messages of STS contain none of them."""

LOG_PATTERNS = [
    # A policy is JSON, so its quotation marks may be escaped.
    (
        rf"""(['"](?:{LOGGED})['"]\s*:\s*b?)(['"])(?:\\.|(?!\2).)*\2""",
        rf"\1\2{STARS}\2",
    ),
    (rf"(\b(?:{LOGGED})=)[^\s&'\"<]+", rf"\1{STARS}"),
]


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    # Compiled when there is an error, because compiling is slow.
    return [(re.compile(p, re.IGNORECASE | re.DOTALL), r) for p, r in PATTERNS]


def redact(text: str) -> str:
    """Return *text* with asterisks in place of text that looks like a secret of STS."""
    for pattern, replacement in _patterns():
        text = pattern.sub(replacement, text)
    return text


@functools.cache
def _log_patterns() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(p, re.DOTALL), r) for p, r in LOG_PATTERNS]


def _redact_log(text: str) -> str:
    for pattern, replacement in _log_patterns():
        text = pattern.sub(replacement, text)
    return redact(text)


class _RedactingFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        clean = _redact_log(text)
        if clean != text:
            record.msg, record.args = clean, None
        return True


_filter = _RedactingFilter()


def redact_botocore_logs() -> None:
    """
    Keep secrets out of botocore's log.

    At level ``DEBUG`` botocore logs the responses of STS, including secret keys, and
    the parameters of the requests: session tokens, codes, external IDs, session
    policies, and the values of tags. This function adds a filter to botocore's loggers
    that replaces them by asterisks. Calling it again has no effect.

    .. versionadded:: 0.1.0
    """
    # A filter of a logger isn't applied to the records of its children.
    for package in (botocore, botocore.retries):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            logging.getLogger(module.name).addFilter(_filter)  # adds none twice
    logging.getLogger("urllib3.connectionpool").addFilter(_filter)


MESSAGE_LENGTH = 400

QUOTING = (
    ResponseParserError,
    configparser.Error,
    json.JSONDecodeError,
    UnicodeDecodeError,
)
"""Errors that quote the text that couldn't be read."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ErrorResponse:
    """The response of a service, read from an error of the SDK."""

    operation: str
    code: str
    message: str
    status: int | None
    headers: dict[str, str]

    @classmethod
    def of(cls, error: sdk.ClientError) -> ErrorResponse:
        """Return the response of an error. Missing parts are empty."""
        response: Any = error.response
        # Some servers leave out <ErrorResponse>, so that code and message are in the
        # place of "Error".
        details = response.get("Error")
        if not isinstance(details, dict) or not details.get("Code"):
            details = response
        metadata = response.get("ResponseMetadata") or {}
        return cls(
            operation=error.operation_name,
            code=str(details.get("Code") or ""),
            message=_first_sentences(str(details.get("Message") or "")),
            status=metadata.get("HTTPStatusCode"),
            headers=metadata.get("HTTPHeaders") or {},
        )

    @property
    def retry_after(self) -> dt.timedelta | None:
        """The ``Retry-After`` header in seconds. `None` if there is none."""
        seconds = self.headers.get("retry-after", "")
        return (
            dt.timedelta(seconds=int(seconds))
            if seconds.isdecimal() and len(seconds) < 9
            else None
        )


def _first_sentences(message: str) -> str:
    # The request follows in SignatureDoesNotMatch, including the session token.
    message = re.split("\n|The Canonical String", message, maxsplit=1)[0].strip()
    return redact(message)[:MESSAGE_LENGTH]


def presentable(error: Exception) -> BaseException:
    """
    Return a copy of *error* without secrets, frames, and causes.

    The frames of the SDK hold the request, codes and tokens included.
    """
    if not any(map(_contains_secret, causes(error))):
        return frameless_copy(error)
    if isinstance(error, sdk.ClientError):
        details = ErrorResponse.of(error)
        response: Any = {
            "Error": {"Code": details.code, "Message": details.message},
            "ResponseMetadata": error.response.get("ResponseMetadata", {}),
        }
        return sdk.ClientError(response, error.operation_name)
    if isinstance(error, ResponseParserError):
        return ResponseParserError(text_of(error))
    return StsessionError(f"{type(error).__name__}: {text_of(error)}")


def _contains_secret(error: BaseException) -> bool:
    if isinstance(error, QUOTING):
        return True
    text = repr(error.response) if isinstance(error, sdk.ClientError) else str(error)
    return "Canonical" in text or redact(text) != text


def text_of(error: BaseException) -> str:
    """Return the first line of an error, without secrets."""
    # The response follows in ResponseParserError, including the secret key.
    text = str(error).split("\n", maxsplit=1)[0]
    return redact(text).rstrip(".:")[:MESSAGE_LENGTH]


def place_of(error: BaseException) -> str:
    """
    Return the function that raised *error*, for messages: copies have no traceback.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return f" in {last.name}() ({last.filename}, line {last.lineno})"


def config_error_hint(error: sdk.ConfigParseError) -> str:
    """Return a hint about a config file that can't be read, without its contents."""
    why: Any = error.kwargs.get("error")
    if isinstance(why, UnicodeDecodeError):
        return "Save it as UTF-8."
    line = getattr(why, "lineno", None)
    if line is None and isinstance(why, configparser.ParsingError) and why.errors:
        line = why.errors[0][0]
    where = "the lines" if line is None else f"line {line}"
    return (
        f"Check {where}: each line has to be [a section] or key = value, and neither "
        "may occur twice."
    )
