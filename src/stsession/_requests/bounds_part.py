"""
The bounds of a parameter, and the checks that read them.
"""

from __future__ import annotations

import re
import unicodedata

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol

from ..exceptions import InvalidRequestError


__all__ = [
    "ARN_CHARACTERS",
    "DIGITS",
    "TAG_CHARACTERS",
    "InstalledSdk",
    "Limit",
    "installed",
    "wrong_type",
]


# As AWS writes it; the re module doesn't know Unicode's categories.
TAG_CHARACTERS = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"
ARN_CHARACTERS = "[!-~]"  # the model has more, but the names and paths of IAM don't
DIGITS = "[0-9]"

# A pattern of the SDK's models that is one class of characters.
_CLASS = r"(\[(?:[^][\\]|\\.)+\])[*+]"


class InstalledSdk(Protocol):
    """
    The limits that the installed SDK knows; they may be newer than ours.
    """

    def traits(self, path: str) -> Mapping[str, Any]:
        """
        Return the ``min``, ``max`` and ``pattern`` of a parameter, if it has them.

        Args:
            path: Service, operation and members: ``sts.AssumeRole.Tags[].Key``.
        """

    def partitions(self) -> Collection[str]:
        """
        Return the names of all partitions.
        """


class _Installed:
    """
    The installed SDK, passed in by the module that loads the SDK's models.

    These checks import no SDK. Without one, our own limits are final.
    """

    sdk: InstalledSdk | None = None


installed = _Installed()
"""Consulted only if a value exceeds a limit of ours."""


def _all_legal(text: str, characters: str) -> bool:
    if characters == TAG_CHARACTERS:
        return all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in text)
    if r"\p" in characters:  # only the SDK's model has this one
        characters = _without_categories(characters, text)
    try:
        # The re module keeps what it compiled; doing so at import takes too long.
        return re.fullmatch(f"{characters}*", text, re.ASCII) is not None
    except re.error:  # the model's patterns are written for Java
        return False


def _without_categories(characters: str, text: str) -> str:
    """
    Put in place of Unicode's categories those characters of *text* that are in them.
    """

    def members(category: re.Match[str]) -> str:
        found = {c for c in text if unicodedata.category(c).startswith(category[1])}
        return "".join(map(re.escape, found)) or "\ud800"  # no character at all

    return re.sub(r"\\p\{(\w+)\}", members, characters)


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

    What exceeds them is compared with the models of the installed SDK, which may be
    newer. Nothing is looked up before that.

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

        paths:
            Where the SDK's models have it, see `InstalledSdk.traits`. If they
            differ, the most generous counts. Empty means that they don't have it.
    """

    parameter: str
    minimum: int
    maximum: int
    source: str
    characters: str = ""
    sensitive: bool = False
    authority: str = "STS"
    hint: str = ""
    paths: tuple[str, ...] = ()

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
        if not self._takes(text, strict):
            limit = self._installed()
            if not limit._takes(text, strict):  # noqa: SLF001 - its own
                breach = limit._breach(text, strict)  # noqa: SLF001 - its own
                raise self._error(f"{what} {breach}", hint)
        return text

    def number(self, value: object, *, strict: bool = True, expected: str) -> int:
        """
        Return *value* as a plain integer if it is within the bounds.
        """
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(self.parameter, value, expected)
        if not self._has(value, strict):
            limit = self._installed()
            if not limit._has(value, strict):  # noqa: SLF001 - its own
                allowed = limit._allowed(strict)  # noqa: SLF001 - its own
                raise self._error(f"{self.parameter} is {value:,}; {allowed}.", "")
        return int(value)

    def entries(self, number: int, *, strict: bool = True) -> None:
        """
        Check a number of entries.
        """
        if not self._has(number, strict):
            limit = self._installed()
            if not limit._has(number, strict):  # noqa: SLF001 - its own
                raise self._error(
                    f"{self.parameter} has {_counted(number, 'entry', 'entries')}; "
                    f"{limit._allowed(strict)}.",  # noqa: SLF001 - its own
                    "",
                )

    def _installed(self) -> Limit:
        """
        The same limit, as far as the installed SDK allows more.
        """
        sdk = installed.sdk
        limit = self
        for path in self.paths:
            traits = {} if sdk is None else sdk.traits(path)
            limit = limit._replace(
                minimum=min(limit.minimum, traits.get("min", limit.minimum)),
                maximum=max(limit.maximum, traits.get("max", limit.maximum)),
            )
            # Only one that is a copy of the SDK's; some are narrower on purpose.
            pattern = re.fullmatch(_CLASS, traits.get("pattern", ""))
            copied = self.characters not in (ARN_CHARACTERS, DIGITS)
            if pattern and copied and _all_legal("", pattern[1]):
                limit = limit._replace(characters=pattern[1])
        return limit

    def _takes(self, text: str, strict: bool) -> bool:
        if not self._has(len(text), strict):
            return False
        return not (strict and self.characters) or _all_legal(text, self.characters)

    def _breach(self, text: str, strict: bool) -> str:
        """
        What is wrong with *text*, as the rest of a sentence about it.
        """
        allowed = self._allowed(strict)
        if strict and self.characters:
            allowed += f" of {self.characters}"
        if not self._has(len(text), strict):
            length = _counted(len(text), "character", "characters")
            return f"is {length} long; {allowed}."
        place = next(
            i for i, c in enumerate(text) if not _all_legal(c, self.characters)
        )
        found = "an illegal character" if self.sensitive else repr(text[place])
        return f"has {found} at position {place + 1}; {allowed}."

    def _has(self, number: int, strict: bool) -> bool:
        return self._floor(strict) <= number <= self.maximum

    def _floor(self, strict: bool) -> int:
        return self.minimum if strict else min(1, self.minimum)

    def _allowed(self, strict: bool) -> str:
        floor = self._floor(strict)
        if floor == self.maximum:
            return f"{self.authority} allows {floor:,}"
        return f"{self.authority} allows {floor:,} to {self.maximum:,}"

    def _error(self, message: str, hint: str) -> InvalidRequestError:
        hint = f"{hint or self.hint} See {self.source}".lstrip()
        return InvalidRequestError(message, parameter=self.parameter, hint=hint)
