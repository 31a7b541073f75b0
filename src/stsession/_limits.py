"""
What STS allows, as data, and the checks that read it.

botocore checks some minimums and nothing else, so everything here would
otherwise come back as an error of STS, from the first call that is signed.
"""

from __future__ import annotations

import re
import unicodedata

from typing import NamedTuple

from stsession.exceptions import InvalidRequestError


__all__ = ["TAG_CHARACTERS", "Limit", "wrong_type"]


# As AWS writes it; the re module doesn't know Unicode's categories.
TAG_CHARACTERS = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"


def _all_legal(text: str, characters: str) -> bool:
    if characters == TAG_CHARACTERS:
        return all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in text)
    # The re module keeps what it compiled; doing so at import takes too long.
    return re.fullmatch(f"{characters}*", text, re.ASCII) is not None


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def wrong_type(
    parameter: str, value: object, expected: str, *, what: str = "", hint: str = ""
) -> InvalidRequestError:
    """
    Make the error for a *value* that isn't *expected*; it tells the type only.
    """
    return InvalidRequestError(
        f"{what or parameter} is of type {type(value).__name__}; "
        f"it has to be {expected}.",
        parameter=parameter,
        hint=hint,
    )


class Limit(NamedTuple):
    r"""
    The bounds of one parameter: of its length, its value or its entries.

    The checks take *strict*: without it, for servers that aren't AWS's, only
    the maximum counts, and that there is something at all.

    Args:
        parameter: Our name of it.

        minimum: The least that is allowed.

        maximum: The most that is allowed.

        source: Where AWS says so.

        characters:
            What a text may consist of, as a class of a regular expression in
            which ``\w`` is ASCII. Empty means anything.

        sensitive: Whether messages must not quote any of it.

        authority: Who allows it.

        hint: What to do about a breach, where more can be said than *source*.
    """

    parameter: str
    minimum: int
    maximum: int
    source: str
    characters: str = ""
    sensitive: bool = False
    authority: str = "STS"
    hint: str = ""

    def text(
        self, value: object, *, strict: bool = True, what: str = "", hint: str = ""
    ) -> str:
        """
        Return *value* as a plain string if its length and characters are legal.

        *what* names it in messages, if it is only a part of the parameter.
        """
        what = what or self.parameter
        if not isinstance(value, str):
            raise wrong_type(self.parameter, value, "a str", what=what, hint=hint)
        text = str.__str__(value)  # enumerations of strings are strings too

        allowed = self._allowed(strict)
        if strict and self.characters:
            allowed += f" of {self.characters}"
        if not self._floor(strict) <= len(text) <= self.maximum:
            raise self._error(
                f"{what} is {_counted(len(text), 'character', 'characters')} long; "
                f"{allowed}.",
                hint,
            )
        place = self._illegal_place(text) if strict else None
        if place is not None:
            found = "an illegal character" if self.sensitive else repr(text[place])
            raise self._error(
                f"{what} has {found} at position {place + 1}; {allowed}.", hint
            )
        return text

    def number(self, value: object, *, strict: bool = True, expected: str) -> int:
        """
        Return *value* as a plain integer if it is within the bounds.
        """
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(self.parameter, value, expected)
        if not self._floor(strict) <= value <= self.maximum:
            raise self._error(
                f"{self.parameter} is {value:,}; {self._allowed(strict)}.", ""
            )
        return int(value)

    def entries(self, number: int, *, strict: bool = True) -> None:
        """
        Check a number of entries.
        """
        if not self._floor(strict) <= number <= self.maximum:
            raise self._error(
                f"{self.parameter} has {_counted(number, 'entry', 'entries')}; "
                f"{self._allowed(strict)}.",
                "",
            )

    def _floor(self, strict: bool) -> int:
        return self.minimum if strict else min(1, self.minimum)

    def _allowed(self, strict: bool) -> str:
        return f"{self.authority} allows {self._floor(strict):,} to {self.maximum:,}"

    def _illegal_place(self, text: str) -> int | None:
        if not self.characters or _all_legal(text, self.characters):
            return None
        return next(i for i, c in enumerate(text) if not _all_legal(c, self.characters))

    def _error(self, message: str, hint: str) -> InvalidRequestError:
        hint = f"{hint or self.hint} See {self.source}".lstrip()
        return InvalidRequestError(message, parameter=self.parameter, hint=hint)


_ASSUME_ROLE = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"
_IAM_LIMITS = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
)
_SESSION_TAGS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"
_CHAINING = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html"
    "#iam-term-role-chaining"
)

_ARN = "[!-~]"  # the model has more, but the names and paths of IAM don't
_NAME = r"[\w+=,.@-]"
_EXTERNAL_ID = r"[\w+=,.@:\/-]"
_POLICY = r"[\u0009\u000A\u000D\u0020-\u00FF]"

ROLE_ARN = Limit(
    parameter="role_arn", minimum=20, maximum=2048, source=_ASSUME_ROLE, characters=_ARN
)
ROLE_PATH = Limit(
    parameter="role_arn", minimum=1, maximum=512, source=_IAM_LIMITS, authority="IAM"
)
ROLE_NAME = Limit(
    parameter="role_arn",
    minimum=1,
    maximum=64,
    source=_IAM_LIMITS,
    characters=_NAME,
    authority="IAM",
)
ROLE_SESSION_NAME = Limit(
    parameter="role_session_name",
    minimum=2,
    maximum=64,
    source=_ASSUME_ROLE,
    characters=_NAME,
    hint="Shorten it or replace what isn't allowed, or leave it out for a default.",
)
ROLE_DURATION = Limit(
    parameter="duration_seconds",
    minimum=900,
    maximum=43_200,
    source=_ASSUME_ROLE,
    hint="The role itself may allow less than 12 hours.",
)
CHAINED_DURATION = Limit(
    parameter="duration_seconds",
    minimum=900,
    maximum=3600,
    source=_CHAINING,
    authority="role chaining (a role assumed by a role)",
    hint="Leave it out: the session renews itself, however short its lives are.",
)
EXTERNAL_ID = Limit(
    parameter="external_id",
    minimum=2,
    maximum=1224,
    source=_ASSUME_ROLE,
    characters=_EXTERNAL_ID,
    sensitive=True,
    hint="Look for white space and line ends that were copied with it.",
)
POLICY = Limit(
    parameter="policy",
    minimum=1,
    maximum=2048,  # the service model has none, the documentation has
    source=_ASSUME_ROLE,
    characters=_POLICY,
    sensitive=True,
    hint="This is the documented limit for the text of all session policies "
    "together, counted without white space. Use fewer statements, or managed "
    "policies by policy_arns.",
)
POLICY_ARNS = Limit(parameter="policy_arns", minimum=0, maximum=10, source=_ASSUME_ROLE)
POLICY_ARN = Limit(
    parameter="policy_arns",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROLE,
    characters=_ARN,
    hint="A managed policy's ARN looks like arn:aws:iam::aws:policy/ReadOnlyAccess.",
)
TAGS = Limit(parameter="tags", minimum=0, maximum=50, source=_SESSION_TAGS)
TAG_KEY = Limit(
    parameter="tags",
    minimum=1,
    maximum=128,
    source=_SESSION_TAGS,
    characters=TAG_CHARACTERS,
)
TAG_VALUE = TAG_KEY._replace(minimum=0, maximum=256, sensitive=True)
TRANSITIVE_TAG_KEYS = TAGS._replace(parameter="transitive_tag_keys")
TRANSITIVE_TAG_KEY = TAG_KEY._replace(parameter="transitive_tag_keys")
SOURCE_IDENTITY = Limit(
    parameter="source_identity",
    minimum=2,
    maximum=64,
    source=_ASSUME_ROLE,
    characters=_NAME,
)
PROVIDED_CONTEXTS = Limit(
    parameter="provided_contexts",
    minimum=1,
    maximum=5,
    source=_ASSUME_ROLE,
    hint="Leave it out if there are none.",
)
CONTEXT_PROVIDER = Limit(
    parameter="provided_contexts",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROLE,
    characters=_ARN,
)
CONTEXT_ASSERTION = Limit(
    parameter="provided_contexts",
    minimum=4,
    maximum=2048,
    source=_ASSUME_ROLE,
    sensitive=True,
)
