"""
What a service sends back: one value, and the XML that AWS puts into it.
"""

from __future__ import annotations

import datetime as dt
import enum
import uuid

from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Literal, TypeAlias
from xml.sax.saxutils import escape

import attrs

from .._clock import Clock
from ._keys import AccessKey


__all__ = [
    "Answer",
    "Refused",
    "Service",
    "Transport",
    "Tree",
    "announced",
    "caller_identity_answer",
    "credentials_answer",
    "date_header",
    "error_answer",
    "iso",
    "to_xml",
]

Service = Literal["s3", "sts"]

Tree: TypeAlias = "str | int | Mapping[str, Tree] | Sequence[Tree]"
"""XML as plain values: a sequence repeats the element it belongs to."""

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class Transport(enum.Enum):
    """
    How an answer travels.
    """

    WHOLE = "whole"
    CUT = "cut"  # the connection ends in the middle of the body
    HANG = "hang"  # nothing is sent, and the connection stays open
    RESET = "reset"  # nothing is sent, and the connection is torn down


@attrs.frozen(kw_only=True)
class Answer:
    """
    An HTTP answer, not yet on the wire.
    """

    status: int = 200
    body: bytes = attrs.field(default=b"", repr=False)  # may hold secrets
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/xml"
    date_offset: dt.timedelta = dt.timedelta(0)
    code: str | None = None  # of the error in the body; for the log
    transport: Transport = Transport.WHOLE


class Refused(Exception):  # noqa: N818 - it isn't a mistake of ours
    """
    The request gets an error for an answer.
    """

    def __init__(self, code: str, message: str, *, status: int) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


def to_xml(tree: Tree) -> str:
    """
    Write *tree* as XML elements.
    """
    if not isinstance(tree, Mapping):
        return escape(str(tree))
    return "".join(
        f"<{name}>{to_xml(child)}</{name.split()[0]}>"
        for name, value in tree.items()
        for child in (value if isinstance(value, (list, tuple)) else [value])
    )


def error_answer(service: Service, *, code: str, message: str, status: int) -> Answer:
    """
    An error in the shape of *service*.
    """
    error = {"Code": code, "Message": message}
    tree: Tree
    if service == "sts":
        kind = "Sender" if status < 500 else "Receiver"
        tree = {
            f'ErrorResponse xmlns="{_STS_NAMESPACE}"': {
                "Error": {"Type": kind, **error},
                "RequestId": str(uuid.uuid4()),
            }
        }
    else:
        tree = {"Error": {**error, "RequestId": str(uuid.uuid4()), "HostId": "local"}}
    return Answer(status=status, code=code, body=(_DECLARATION + to_xml(tree)).encode())


def credentials_answer(
    operation: str, key: AccessKey, params: Mapping[str, str], *, expiration: str
) -> Answer:
    """
    The answer of an operation that gives the credentials of a role.
    """
    result: dict[str, Tree] = {
        "Credentials": {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "SessionToken": key.session_token or "",
            "Expiration": expiration,
        },
        "AssumedRoleUser": {"AssumedRoleId": key.user_id, "Arn": key.arn},
    }
    if "SourceIdentity" in params:
        result["SourceIdentity"] = params["SourceIdentity"]
    if "Policy" in params or "PolicyArns.member.1.arn" in params:
        result["PackedPolicySize"] = 1 + len(params.get("Policy", "")) * 100 // 4096
    return _sts_answer(operation, result)


def caller_identity_answer(key: AccessKey) -> Answer:
    """
    The answer of ``GetCallerIdentity``.
    """
    return _sts_answer(
        "GetCallerIdentity",
        {"Arn": key.arn, "UserId": key.user_id, "Account": key.account},
    )


def _sts_answer(operation: str, result: Tree) -> Answer:
    tree: Tree = {
        f'{operation}Response xmlns="{_STS_NAMESPACE}"': {
            f"{operation}Result": result,
            "ResponseMetadata": {"RequestId": str(uuid.uuid4())},
        }
    }
    return Answer(body=to_xml(tree).encode())


def iso(instant: dt.datetime) -> str:
    """
    Write *instant* as AWS does; fractions appear if there are any.
    """
    return instant.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")


def announced(now: dt.datetime, lifetime: dt.timedelta) -> str:
    """
    The ``Expiration`` of a session that begins *now*.

    Counted from the full second, as the ``Date`` header is: the difference of
    the two is the lifetime exactly.
    """
    return iso(now.replace(microsecond=0) + lifetime)


def date_header(clock: Clock, answer: Answer) -> str:
    """
    The ``Date`` header of *answer*.
    """
    return formatdate(clock.wall() + answer.date_offset.total_seconds(), usegmt=True)
