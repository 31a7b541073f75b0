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

from .._core.runtime import Clock


__all__ = [
    "DECLARATION",
    "NAMESPACES",
    "Answer",
    "Refused",
    "Service",
    "Transport",
    "Tree",
    "date_header",
    "error_answer",
    "iso",
    "to_xml",
]

Service = Literal["iam", "s3", "sts"]

Tree: TypeAlias = "str | int | Mapping[str, Tree] | Sequence[Tree]"
"""XML as plain values: a sequence repeats the element it belongs to."""

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACES: Mapping[Service, str] = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


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
    if service in NAMESPACES:
        kind = "Sender" if status < 500 else "Receiver"
        tree = {
            f'ErrorResponse xmlns="{NAMESPACES[service]}"': {
                "Error": {"Type": kind, **error},
                "RequestId": str(uuid.uuid4()),
            }
        }
    else:
        tree = {"Error": {**error, "RequestId": str(uuid.uuid4()), "HostId": "local"}}
    return Answer(status=status, code=code, body=(DECLARATION + to_xml(tree)).encode())


def iso(instant: dt.datetime) -> str:
    """
    Write *instant* as AWS does; fractions appear if there are any.
    """
    return instant.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")


def date_header(clock: Clock, answer: Answer) -> str:
    """
    The ``Date`` header of *answer*.
    """
    return formatdate(clock.wall() + answer.date_offset.total_seconds(), usegmt=True)
