"""Responses of a service: one value, and the XML in it."""

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
from ._keys import AccessKey


__all__ = [
    "DECLARATION",
    "NAMESPACES",
    "Answer",
    "Service",
    "ServiceError",
    "Transport",
    "Tree",
    "date_header",
    "denied",
    "error_answer",
    "iso",
    "not_authorized",
    "to_xml",
]

Service = Literal["iam", "s3", "sts"]

Tree: TypeAlias = "str | int | Mapping[str, Tree] | Sequence[Tree]"
"""XML as plain values. A sequence repeats the element that it is the value of."""

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACES: Mapping[Service, str] = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


class Transport(enum.Enum):
    WHOLE = "whole"
    CUT = "cut"  # the connection ends in the middle of the body
    HANG = "hang"  # nothing is sent, and the connection stays open
    RESET = "reset"  # nothing is sent, and the connection is reset


@attrs.frozen(kw_only=True)
class Answer:
    """An HTTP response that has not been sent yet."""

    status: int = 200
    body: bytes = attrs.field(default=b"", repr=False)  # may contain secrets
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/xml"
    date_offset: dt.timedelta = dt.timedelta(0)
    code: str | None = None  # of the error in the body; for the log
    transport: Transport = Transport.WHOLE


class ServiceError(Exception):
    def __init__(self, code: str, message: str, *, status: int) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status

    def answer(self, service: Service) -> Answer:
        return error_answer(
            service, code=self.code, message=self.message, status=self.status
        )


def denied(message: str) -> ServiceError:
    return ServiceError("AccessDenied", message, status=403)


def not_authorized(
    caller: AccessKey, action: str, resource: str, reason: str = ""
) -> ServiceError:
    return denied(
        f"User: {caller.arn} is not authorized to perform: {action}"
        f" on resource: {resource}{reason}"
    )


def to_xml(tree: Tree) -> str:
    if not isinstance(tree, Mapping):
        return escape(str(tree))
    return "".join(
        f"<{name}>{to_xml(child)}</{name.split()[0]}>"
        for name, value in tree.items()
        for child in (value if isinstance(value, (list, tuple)) else [value])
    )


def error_answer(service: Service, *, code: str, message: str, status: int) -> Answer:
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
    """Return *instant* in AWS's format, with fractions of a second if it has any."""
    return instant.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")


def date_header(clock: Clock, answer: Answer) -> str:
    return formatdate(clock.wall() + answer.date_offset.total_seconds(), usegmt=True)
