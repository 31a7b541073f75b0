"""
The bounds of a parameter, and the checks that read them.
"""

from __future__ import annotations

import re
import unicodedata

from typing import NamedTuple

from .exceptions import InvalidRequestError


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
        floor = self._floor(strict)
        if floor == self.maximum:
            return f"{self.authority} allows {floor:,}"
        return f"{self.authority} allows {floor:,} to {self.maximum:,}"

    def _illegal_place(self, text: str) -> int | None:
        if not self.characters or _all_legal(text, self.characters):
            return None
        return next(i for i, c in enumerate(text) if not _all_legal(c, self.characters))

    def _error(self, message: str, hint: str) -> InvalidRequestError:
        hint = f"{hint or self.hint} See {self.source}".lstrip()
        return InvalidRequestError(message, parameter=self.parameter, hint=hint)
