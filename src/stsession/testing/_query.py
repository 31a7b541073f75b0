"""
The query protocol of STS and IAM: how a request reads, how an answer looks.
"""

from __future__ import annotations

import uuid

from typing import Literal

from ._answers import DECLARATION, NAMESPACES, Answer, Refused, Tree, to_xml
from ._http import HttpRequest


__all__ = [
    "QueryService",
    "query_answer",
    "query_service",
    "read_query",
    "unknown_operation",
]


QueryService = Literal["iam", "sts"]

_VERSIONS: dict[QueryService, str] = {"iam": "2010-05-08", "sts": "2011-06-15"}


def read_query(request: HttpRequest) -> tuple[str, dict[str, str]]:
    """
    The operation and its parameters.
    """
    params = _params(request)
    params.pop("Version", None)
    params = {k: v for k, v in params.items() if not k.startswith("X-Amz-")}
    return params.pop("Action", ""), params


def query_service(request: HttpRequest) -> QueryService:
    """
    Whose operation it is: the version of the interface tells.
    """
    return "iam" if _params(request).get("Version") == _VERSIONS["iam"] else "sts"


def query_answer(service: QueryService, operation: str, result: Tree) -> Answer:
    """
    A good answer.
    """
    tree: Tree = {
        f'{operation}Response xmlns="{NAMESPACES[service]}"': {
            f"{operation}Result": result,
            "ResponseMetadata": {"RequestId": str(uuid.uuid4())},
        }
    }
    return Answer(body=(DECLARATION + to_xml(tree)).encode())


def unknown_operation(operation: str, *, service: QueryService = "sts") -> Refused:
    """
    What *service* says to an operation that isn't there.
    """
    message = f"Could not find operation {operation} for version {_VERSIONS[service]}"
    return Refused("InvalidAction", message, status=400)


def _params(request: HttpRequest) -> dict[str, str]:
    return request.form() if request.body else request.query_params()
