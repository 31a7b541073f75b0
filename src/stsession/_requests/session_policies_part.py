"""
Session policies as STS wants them: JSON, compact, in its few characters.
"""

from __future__ import annotations

import json
import re

from collections.abc import Mapping
from typing import Any, NoReturn

from ..exceptions import InvalidRequestError
from .bounds_part import wrong_type
from .limits import POLICY


__all__ = ["checked_policy"]


# A string of JSON, kept, or the white space between two tokens.
_STRING_OR_SPACE = r'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+'
_BEYOND_LATIN_1 = r"[^\x00-\xff]"

_EXPECTED = "a mapping or JSON text"


def checked_policy(
    value: object, *, strict: bool = True, page: str = POLICY.source
) -> str:
    """
    Return the policy as JSON without white space, if it is short enough.

    Text keeps everything else as it is, so that STS judges what was written.
    Characters that STS doesn't take are written as JSON's escapes.

    Args:
        value: A mapping, or JSON text.

        strict: Whether it is for AWS.

        page: Where AWS documents the limit for the operation.
    """
    if isinstance(value, Mapping):
        text = _dumped(value)
    elif isinstance(value, str):
        text = str.__str__(value)
        _check_json(text)
    else:
        raise wrong_type("policy", value, _EXPECTED)
    text = re.sub(_STRING_OR_SPACE, lambda match: match[1] or "", text)
    text = re.sub(_BEYOND_LATIN_1, lambda match: json.dumps(match[0])[1:-1], text)
    return POLICY._replace(source=page).text(text, strict=strict)


# The errors of the json module hold the policy, so ours are raised after its
# except clauses, where nothing is chained.


def _dumped(policy: Mapping[Any, Any]) -> str:
    try:
        return json.dumps(
            dict(policy),
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
            default=_plain,
        )
    except InvalidRequestError:
        raise
    except TypeError:
        problem = "one of its keys isn't a string"
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError:
        problem = "it contains itself, or a number that isn't finite"
    raise _error(f"policy can't be written as JSON: {problem}.")


def _plain(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise _error(
        f"policy holds a {type(value).__name__}, which JSON doesn't know.",
        "Use lists and strings.",
    )


def _check_json(text: str) -> None:
    try:
        document = json.loads(text, parse_int=str, parse_constant=_refuse_constant)
    except InvalidRequestError:
        raise
    except json.JSONDecodeError as e:
        problem = f"{e.msg} (line {e.lineno}, column {e.colno})"
    except RecursionError:
        problem = "it is nested too deeply"
    else:
        if not isinstance(document, dict):
            raise _error(f"policy is a JSON {type(document).__name__}, not an object.")
        return
    raise _error(f"policy isn't JSON: {problem}.", _advice(text))


def _refuse_constant(name: str) -> NoReturn:
    raise _error(f"policy holds {name}, which JSON doesn't know.")


def _advice(text: str) -> str:
    if text.startswith("arn:"):
        return "ARNs of managed policies belong into policy_arns."
    if text.startswith(("file:", "/", "./", "~")):
        return "Pass what is in the file, not where it is."
    return "Pass a dict if you don't want to write JSON by hand."


def _error(message: str, hint: str = "") -> InvalidRequestError:
    return InvalidRequestError(message, parameter="policy", hint=hint)
