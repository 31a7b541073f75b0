"""
What STS checks in the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ._answers import Refused
from ._iam import Role
from ._keys import AccessKey
from ._refusals import invalid_member


__all__ = [
    "DURATIONS",
    "Duration",
    "role_duration",
    "text_of",
]


_CHAINED_MAXIMUM = 3600  # whatever MaxSessionDuration says


@attrs.frozen(kw_only=True)
class Duration:
    """
    What ``DurationSeconds`` may be, and what it is if it isn't given.
    """

    minimum: int
    maximum: int
    default: int

    def of(self, params: Mapping[str, str]) -> int:
        """
        The seconds that are asked for.

        Raises:
            Refused: If they are too few or too many.
        """
        given = params.get("DurationSeconds")
        if given is None:
            return self.default
        _check_range(
            "value",
            int(given),
            shown=("durationSeconds", given),
            minimum=self.minimum,
            maximum=self.maximum,
        )
        return int(given)


DURATIONS: Mapping[str, Duration] = {
    "AssumeRoot": Duration(minimum=0, maximum=900, default=900),
    "GetFederationToken": Duration(minimum=900, maximum=129_600, default=43_200),
    "GetSessionToken": Duration(minimum=900, maximum=129_600, default=43_200),
}
"""Where no role has a say."""


def role_duration(
    role: Role, params: Mapping[str, str], *, caller: AccessKey | None = None
) -> int:
    """
    The seconds that are asked for; a *caller* that is a role may have an hour.

    Raises:
        Refused: If they are too few or too many.
    """
    limits = Duration(
        minimum=role.min_session_duration,
        maximum=max(43_200, role.max_session_duration),
        default=min(3600, role.max_session_duration),
    )
    seconds = limits.of(params)
    if caller is not None and caller.kind == "role" and seconds > _CHAINED_MAXIMUM:
        raise _too_long("1 hour session limit for roles assumed by role chaining.")
    if seconds > role.max_session_duration:
        raise _too_long("MaxSessionDuration set for this role.")
    return seconds


def text_of(params: Mapping[str, str], name: str, *, minimum: int, maximum: int) -> str:
    """
    A parameter that has to be there.

    Raises:
        Refused: If it is too short or too long.
    """
    value = params.get(name, "")
    _check_range(
        "length",
        len(value),
        shown=(name[:1].lower() + name[1:], value),
        minimum=minimum,
        maximum=maximum,
    )
    return value


def _check_range(
    what: str, number: int, *, shown: tuple[str, str], minimum: int, maximum: int
) -> None:
    name, value = shown
    if number < minimum:
        constraint = f"have {what} greater than or equal to {minimum}"
        raise invalid_member(value, name, constraint)
    if number > maximum:
        constraint = f"have {what} less than or equal to {maximum}"
        raise invalid_member(value, name, constraint)


def _too_long(limit: str) -> Refused:
    message = f"The requested DurationSeconds exceeds the {limit}"
    return Refused("ValidationError", message, status=400)
