"""
Taking secrets out of text that isn't ours.
"""

from __future__ import annotations

import functools
import logging
import pkgutil
import re

import botocore
import botocore.retries


__all__ = ["redact", "redact_botocore_logs"]


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
