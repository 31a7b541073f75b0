"""Checks of arguments that several requests take."""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import json
import os
import re
import socket

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Literal, NoReturn

from ..exceptions import InvalidRequestError
from .limits import (
    CONTEXT_ASSERTION,
    CONTEXT_PROVIDER,
    POLICY,
    PROVIDED_CONTEXTS,
    ROLE_SESSION_NAME,
    SERIAL_NUMBER,
    SOURCE_IDENTITY,
    TAG_KEY,
    TAG_VALUE,
    TAGS,
    TOKEN_CODE,
    TRANSITIVE_TAG_KEYS,
    Limit,
    wrong_type,
)


__all__ = [
    "check_transitive_tag_keys",
    "checked_contexts",
    "checked_duration",
    "checked_policy",
    "checked_seconds",
    "checked_serial_number",
    "checked_source_identity",
    "checked_tags",
    "checked_texts",
    "checked_token_code",
    "default_role_session_name",
]


_MFA_DEVICE = r"arn:[^:]+:iam::[0-9]{12}:mfa/.+"


def checked_seconds(
    limit: Limit,
    value: object,
    *,
    strict: bool = True,
    expected: str = "an int or a timedelta",
) -> int | None:
    """Return a duration in whole seconds. `None` if none is passed."""
    if value is None:
        return None
    if isinstance(value, dt.timedelta):
        value, rest = divmod(value, dt.timedelta(seconds=1))
        if rest:
            raise InvalidRequestError(
                f"{limit.parameter} has a fraction of a second; "
                "STS accepts whole ones.",
                parameter=limit.parameter,
            )
    return limit.number(value, strict=strict, expected=expected)


def checked_duration(
    limit: Limit, value: object, *, strict: bool = True
) -> int | Literal["max"] | None:
    if isinstance(value, str) and value == "max":
        return "max"
    return checked_seconds(
        limit, value, strict=strict, expected='an int, a timedelta or "max"'
    )


def checked_texts(
    several: Limit, each: Limit, value: object, *, strict: bool = True
) -> tuple[str, ...]:
    """
    Return the texts as a tuple.

    The items of a set are sorted, so that equal sets return equal tuples.
    """
    name = several.parameter
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection):
        hint = f"Put it into a list: {name}=[...]." if isinstance(value, str) else ""
        raise wrong_type(name, value, "a list or tuple of str", hint=hint)
    several.entries(len(value), strict=strict)
    texts = tuple(
        each.text(text, strict=strict, what=f"{name}[{index}]")
        for index, text in enumerate(value)
    )
    return tuple(sorted(texts)) if isinstance(value, AbstractSet) else texts


def checked_tags(value: object, *, strict: bool = True) -> tuple[tuple[str, str], ...]:
    """Return the items of a mapping of tags, in the same order."""
    if not isinstance(value, Mapping):
        raise wrong_type(
            "tags", value, "a mapping of str to str", hint='Write {"Team": "data"}.'
        )
    TAGS.entries(len(value), strict=strict)
    tags: dict[str, tuple[str, str]] = {}
    for number, given in enumerate(value.items(), 1):
        key = TAG_KEY.text(given[0], strict=strict, what=f"key {number} of tags")
        what = f"the value of tags[{key!r}]"
        text = TAG_VALUE.text(given[1], strict=strict, what=what)
        other, _ = tags.setdefault(key.lower() if strict else key, (key, text))
        if other != key:
            raise InvalidRequestError(
                f"tags has the keys {other!r} and {key!r}; "
                "STS ignores the case of keys, so they are the same.",
                parameter="tags",
                hint="Keep one of them.",
            )
    return tuple(tags.values())


def check_transitive_tag_keys(
    keys: tuple[str, ...], tags: tuple[tuple[str, str], ...]
) -> None:
    """
    Check that each transitive key is a key of *tags*.

    STS ignores the case of keys. Inherited tags stay transitive without being listed.
    """
    known = {key.lower() for key, _ in tags}
    for key in keys:
        if key.lower() not in known:
            found = ", ".join(repr(key) for key, _ in tags) or "no keys"
            raise InvalidRequestError(
                f"transitive_tag_keys has {key!r}, which is not a key of tags.",
                parameter=TRANSITIVE_TAG_KEYS.parameter,
                hint=f"tags has {found}. Add the tag, or leave the key out: inherited "
                "tags stay transitive without it.",
            )


def checked_contexts(
    value: object, *, strict: bool = True
) -> tuple[tuple[str, str], ...]:
    """Return the assertions of context providers, in the order of the mapping."""
    name = PROVIDED_CONTEXTS.parameter
    if not isinstance(value, Mapping):
        raise wrong_type(
            name,
            value,
            "a mapping of str to str",
            hint="Write {ARN of the provider: assertion}.",
        )
    PROVIDED_CONTEXTS.entries(len(value), strict=strict)
    return tuple(
        (
            CONTEXT_PROVIDER.text(arn, strict=strict, what=f"key {number} of {name}"),
            CONTEXT_ASSERTION.text(
                assertion, strict=strict, what=f"assertion {number} of {name}"
            ),
        )
        for number, (arn, assertion) in enumerate(value.items(), 1)
    )


def checked_source_identity(value: object, *, strict: bool = True) -> str:
    # A colon is always illegal; this hint names the reason.
    hint = ""
    if isinstance(value, str) and value.lower().startswith("aws:"):
        hint = "The prefix aws: is reserved for AWS."
    return SOURCE_IDENTITY.text(value, strict=strict, hint=hint)


def checked_serial_number(value: object, *, strict: bool = True) -> str:
    """
    Return the ARN of an MFA device, or the serial number of a hardware device.

    Messages don't quote it.
    """
    text = SERIAL_NUMBER.text(value, strict=strict)
    if strict and text.startswith("arn:") and not re.fullmatch(_MFA_DEVICE, text):
        raise InvalidRequestError(
            "mfa_serial is an ARN, but not of an MFA device that shows codes.",
            parameter=SERIAL_NUMBER.parameter,
            hint=f"{SERIAL_NUMBER.hint} Security keys and passkeys show no "
            "codes; register an app or a hardware device as well.",
        )
    return text


def checked_token_code(value: object) -> str:
    """Return an MFA code of six digits. Messages don't quote it."""
    return TOKEN_CODE.text(value, hint=TOKEN_CODE.hint)


# A JSON string, which is kept, or whitespace between two tokens.
_STRING_OR_SPACE = r'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+'
_BEYOND_LATIN_1 = r"[^\x00-\xff]"

_EXPECTED = "a mapping or JSON text"


def checked_policy(
    value: object, *, strict: bool = True, page: str = POLICY.source
) -> str:
    """
    Return a session policy as JSON without whitespace, if it is short enough.

    Apart from whitespace, JSON text isn't changed. Characters that STS rejects are
    escaped.

    Args:
        value: A mapping, or JSON text.

        strict: Whether the server is AWS's.

        page: The URL of AWS's documentation of the operation.
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


# The errors of the json module contain the policy. Therefore, other errors are raised
# after the except clauses, where nothing is chained.


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
        f"policy contains a {type(value).__name__}, which JSON doesn't support.",
        "Use lists and strings.",
    )


def _check_json(text: str) -> None:
    try:
        document = json.loads(text, parse_int=str, parse_constant=_reject_constant)
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
    raise _error(f"policy isn't JSON: {problem}.", _hint_for(text))


def _reject_constant(name: str) -> NoReturn:
    raise _error(f"policy contains {name}, which JSON doesn't support.")


def _hint_for(text: str) -> str:
    if text.startswith("arn:"):
        return "Pass ARNs of managed policies as policy_arns."
    if text.startswith(("file:", "/", "./", "~")):
        return "Pass the content of the file, not its path."
    return "Pass a dict if you don't want to write JSON by hand."


def _error(message: str, hint: str = "") -> InvalidRequestError:
    return InvalidRequestError(message, parameter="policy", hint=hint)


def default_role_session_name() -> str:
    """
    Return a role session name for this process, which STS accepts.

    It is the name of the Lambda function, Batch job or ECS task, otherwise
    ``user@host``. CloudTrail shows it, and the session's ARN ends with it.
    """
    return _legal(_compute_name() or _login())


def _compute_name() -> str:
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if function:
        return function
    job = os.environ.get("AWS_BATCH_JOB_ID")  # before ECS, which runs Batch jobs
    if job:
        attempt = os.environ.get("AWS_BATCH_JOB_ATTEMPT")
        return f"batch-{job}-{attempt}" if attempt else f"batch-{job}"
    task = os.environ.get("ECS_CONTAINER_METADATA_URI_V4", "").rstrip("/")
    return f"ecs-{task.rpartition('/')[2]}" if task else ""


def _login() -> str:
    names = []
    for name in (getpass.getuser, socket.gethostname):
        # Containers may have no user name: getuser() raises one of three errors,
        # depending on the platform and the version of Python.
        with contextlib.suppress(ImportError, KeyError, OSError, UnicodeError):
            names.append(name())
    return "@".join(filter(None, names))


def _legal(name: str) -> str:
    name = re.sub(r"[^\w+=,.@-]", "-", name, flags=re.ASCII)
    if len(name) < ROLE_SESSION_NAME.minimum:
        name = f"stsession-{name}" if name else "stsession"
    return name[: ROLE_SESSION_NAME.maximum]
