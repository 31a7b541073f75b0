"""
Details of the SDK's errors, without secrets.
"""

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

from .._core.errors import bare
from .._util import causes
from ..exceptions import StsessionError


__all__ = [
    "Answer",
    "how_to_mend",
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
    # The signature isn't a key, but it is good for five minutes.
    (r"(Signature[=:]\s*)[^\s&'\"<,}]+", rf"\1{STARS}"),
]


LOGGED = (
    r"Policy|Tags\.member\.\d+\.Value|ProvidedContexts\.member\.\d+\.ContextAssertion"
)
"""Confidential parameters that botocore logs with each request, as a dict or as its
body. A message of STS has none of them."""

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
    # Compiled when there is an error: it takes longer than all else in here.
    return [(re.compile(p, re.IGNORECASE | re.DOTALL), r) for p, r in PATTERNS]


def redact(text: str) -> str:
    """
    Replace what looks like a secret of STS in *text*.
    """
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

    At level ``DEBUG`` botocore logs the answers of STS, secret keys and all,
    and the parameters of the requests: session tokens, codes, external IDs,
    session policies, and the values of tags. This adds a filter to botocore's
    loggers that replaces them. Calling it again changes nothing.

    .. versionadded:: 0.1.0
    """
    # A filter of a parent isn't asked about the records of its children.
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
"""They hold what couldn't be read."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Answer:
    """
    What an error of the SDK tells about the answer.
    """

    operation: str
    code: str
    message: str
    status: int | None
    headers: dict[str, str]

    @classmethod
    def of(cls, error: sdk.ClientError) -> Answer:
        """
        Read it, whatever is missing.
        """
        response: Any = error.response
        # Some servers leave out <ErrorResponse>, so that code and message
        # stand where "Error" should.
        told = response.get("Error")
        if not isinstance(told, dict) or not told.get("Code"):
            told = response
        metadata = response.get("ResponseMetadata") or {}
        return cls(
            operation=error.operation_name,
            code=str(told.get("Code") or ""),
            message=_first_sentences(str(told.get("Message") or "")),
            status=metadata.get("HTTPStatusCode"),
            headers=metadata.get("HTTPHeaders") or {},
        )

    @property
    def retry_after(self) -> dt.timedelta | None:
        """
        How long it asks to wait. `None` if it doesn't say.
        """
        seconds = self.headers.get("retry-after", "")
        return (
            dt.timedelta(seconds=int(seconds))
            if seconds.isdecimal() and len(seconds) < 9
            else None
        )


def _first_sentences(message: str) -> str:
    # SignatureDoesNotMatch goes on with the request, session token and all.
    message = re.split("\n|The Canonical String", message, maxsplit=1)[0].strip()
    return redact(message)[:MESSAGE_LENGTH]


def presentable(error: Exception) -> BaseException:
    """
    A copy of *error* without secrets, frames, and causes.

    The frames of the SDK hold the request, codes and tokens included.
    """
    if not any(map(_tells_a_secret, causes(error))):
        return bare(error)
    if isinstance(error, sdk.ClientError):
        told = Answer.of(error)
        response: Any = {
            "Error": {"Code": told.code, "Message": told.message},
            "ResponseMetadata": error.response.get("ResponseMetadata", {}),
        }
        return sdk.ClientError(response, error.operation_name)
    if isinstance(error, ResponseParserError):
        return ResponseParserError(text_of(error))
    return StsessionError(f"{type(error).__name__}: {text_of(error)}")


def _tells_a_secret(error: BaseException) -> bool:
    if isinstance(error, QUOTING):
        return True
    text = repr(error.response) if isinstance(error, sdk.ClientError) else str(error)
    return "Canonical" in text or redact(text) != text


def text_of(error: BaseException) -> str:
    """
    The first line of an error.
    """
    # ResponseParserError goes on with the answer, secret key and all.
    text = str(error).split("\n", maxsplit=1)[0]
    return redact(text).rstrip(".:")[:MESSAGE_LENGTH]


def place_of(error: BaseException) -> str:
    """
    The function that raised *error*, which its copies don't show.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return f" in {last.name}() ({last.filename}, line {last.lineno})"


def how_to_mend(error: sdk.ConfigParseError) -> str:
    """
    What to do about a config file, without what stands in it.
    """
    why: Any = error.kwargs.get("error")
    if isinstance(why, UnicodeDecodeError):
        return "Save it as UTF-8."
    line = getattr(why, "lineno", None)
    if line is None and isinstance(why, configparser.ParsingError) and why.errors:
        line = why.errors[0][0]
    where = "the lines" if line is None else f"line {line}"
    return (
        f"Look at {where}: each line has to be [a section] or key = value, and neither "
        "may be there twice."
    )
