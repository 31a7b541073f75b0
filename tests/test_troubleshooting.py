"""
Every message of an error has a place in the troubleshooting guide, and no other has.
"""

from __future__ import annotations

import ast
import re

from pathlib import Path

import pytest

import stsession

from stsession import exceptions
from stsession._sts.errors import RULES

from .pages import DOCS


PAGE = (DOCS / "how-to" / "troubleshooting.md").read_text("utf-8")

OTHERS = {"__main__.py", "_cli", "_delivery", "demo", "testing"}
"""Modules with texts for other programs, and for people at a terminal."""

PACKAGE = Path(stsession.__file__).parent
ALL = [
    path
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] not in OTHERS
]

LOGGED = {"_core/events", "_core/refresher", "_core/runtime", "_core/state"}
"""Modules whose texts are only logged."""

LIMITS = {"_requests/limits"}
"""Its messages are parts of sentences, and its hints are in the reference."""

HINTS = (
    "Activate|Add|Allow|Check|Configure|Don't|Fix|Give|If|Install|Keep|Leave|Lower|Make"
    "|Omit|Pass|Pickle|Put|Remove|Renew|Return|Run|See|Set|Shorten|To list|Try|Use|Wait"
    "|Write"
    # Not imperative.
    "|A SAML provider's|A managed|A role's ARN looks|An account ID has|An int"
    "|Each code works|GetSessionToken and|It can't be changed|No permission"
    "|STS rejected|Tags also|The partitions|The server's certificate"
    "|The session retries"
)
"""How hints begin. A message has its hint with it, so that the guide doesn't."""

QUOTED = {
    "Cannot call GetSessionToken with session credentials",
    "HTTP 502",
    "MultiFactorAuthentication failed",
    "MultiFactorAuthentication failed with invalid MFA one time pass code",
    "Unable to parse config file",
    "is not authorized to perform: sts:TagSession",
}
"""Texts of STS and of botocore."""


def texts(path):
    """
    Yield the texts in a module, with … for what is filled in.

    The second value is whether the text is passed as a hint.
    """
    tree = ast.parse(path.read_text("utf-8"))
    skipped, hints = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):  # docstrings
            skipped.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            skipped.update(set(ast.walk(node)) - {node})
        elif isinstance(node, ast.keyword) and node.arg == "hint":
            hints.update(ast.walk(node.value))
    for node in ast.walk(tree):
        text = None if node in skipped else filled(node)
        if text is not None:
            yield text, node in hints


def filled(node):
    """Return the text of a string or an f-string; `None` for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(filled(value) or "…" for value in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{(\d|[a-z]+)(!r)?\}|%s", "…", node.value)
    return None


def is_a_sentence(text):
    """
    Return whether a text is more than a word, a pattern, or the name of something.
    """
    if len(re.findall(r"[A-Za-z]{2}", text)) < 6 or " " not in text:
        return False
    return text.endswith(".") or ". " in text or text.startswith("Could not")


def messages():
    """Return the messages of errors, each up to its hint."""
    found = set()
    for path in ALL:
        if path.relative_to(PACKAGE).with_suffix("").as_posix() in LOGGED | LIMITS:
            continue
        for text, is_hint in texts(path):
            hint = is_hint or re.match(rf"(?:{HINTS})\b", text)
            if is_a_sentence(text) and not hint and not text.startswith("…, of"):
                found.add(re.split(rf"(?<=\.) (?=(?:{HINTS})\b)", text)[0])
    return sorted(found)


def places():
    """Return the messages in the first columns of the guide's tables."""
    cells = re.findall(r"^\| (`.*?`) \| ", PAGE, re.MULTILINE)
    return [place for cell in cells for place in re.findall("`(.*?)`", cell)]


def is_in(place, text):
    """Return whether *text* has the words of *place*, with anything in its gaps."""
    pieces = [re.escape(piece.strip()) for piece in place.split("…")]
    return re.search(".*?".join(pieces), text) is not None


def letters(text):
    """Return the number of letters."""
    return len(re.findall("[A-Za-z]", text))


MESSAGES, PLACES = messages(), places()

KNOWN = [text for path in ALL for text, _ in texts(path)]

CODES = {
    code
    for rule in RULES
    if isinstance(rule.errors, str)
    for code in rule.errors.split()
}
EXCEPTIONS = {rule.errors.__name__ for rule in RULES if isinstance(rule.errors, type)}
GENERAL = {"ConnectionError", "HTTPClientError", "OSError"}
"""Base classes, whose subclasses the guide has."""


@pytest.mark.parametrize("message", MESSAGES)
def test_message_has_a_place(message):
    """Each message has a place with enough of its words to be found by them."""
    enough = min(20, 0.8 * letters(message))

    assert any(is_in(it, message) for it in PLACES if letters(it) >= enough)


@pytest.mark.parametrize("code", sorted(CODES))
def test_code_has_a_place(code):
    """Each error code of STS that hints know has a place."""
    assert code == "AccessDenied" or PLACES_OF_CODES & {code, f"{code}Error"}


PLACES_OF_CODES = {place.removesuffix("Exception") for place in PLACES}


@pytest.mark.parametrize("name", sorted(EXCEPTIONS - GENERAL))
def test_exception_has_a_place(name):
    """Each class of the SDK's errors has a place."""
    assert name in PLACES


@pytest.mark.parametrize("place", PLACES)
def test_place_has_a_message(place):
    """Each place is a part of a message, a log line, or the name of an error."""
    if place in QUOTED or re.fullmatch(r"\w+", place):
        assert place in QUOTED or place in SDK_NAMES or is_code(place)
    else:
        assert 4 <= letters(place)
        # In messages about a profile, the key is filled in.
        without_key = re.sub(r"^[a-z]+_\w+ ", "", place)
        assert any(is_in(it, text) for it in (place, without_key) for text in KNOWN)


SDK_NAMES = EXCEPTIONS | {
    "ConnectTimeoutError",
    "EndpointConnectionError",
    "LoginError",  # botocore 1.37 has no such class
    "ProxyConnectionError",
    "ReadTimeoutError",
}


def is_code(place):
    """Return whether *place* is an error code of STS that hints know."""
    return bool({place, re.sub("(Error)?(Exception)?$", "", place)} & CODES)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_class(name):
    """Each class of errors is mentioned, except the base classes."""
    assert name in {"FailureKind", "RefreshError", "StsessionError"} or name in PAGE


def test_finds_messages():
    """Messages are found in the source, and hints aren't among them."""
    assert {'Could not assume … as "…"', 'There is no profile "…".'} <= set(MESSAGES)
    assert "Try again in a minute." not in MESSAGES
    assert not is_in("It says … this", "It said nothing of this.")
