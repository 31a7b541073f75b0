"""Lets only valid keys of a `LocalSTS` reach a WSGI application."""

from __future__ import annotations

import io
import json
import uuid

from collections.abc import Callable, Iterable, Mapping
from http.client import responses
from typing import Any, TypeAlias
from urllib.parse import quote

import attrs

from ._answers import DECLARATION, Answer, Tree, to_xml
from ._authentication import (
    Problem,
    RejectedError,
    check_signature,
    read_signature,
    rejection,
)
from ._http import HttpRequest
from ._local_sts import LocalSTS


__all__ = ["expiring"]


WsgiApplication: TypeAlias = Callable[
    [dict[str, Any], Callable[..., Any]], Iterable[bytes]
]

_JSON_CODES: Mapping[Problem, str] = {
    "expired": "ExpiredTokenException",
    "unknown": "UnrecognizedClientException",
    "wrong token": "UnrecognizedClientException",
    "wrong signature": "InvalidSignatureException",
    "wrong payload": "InvalidSignatureException",
}

# Services with REST and XML, except S3: errors as in the query protocol.
_REST_XML = frozenset({"cloudfront", "route53"})


def expiring(app: WsgiApplication, *, sts: LocalSTS) -> WsgiApplication:
    """
    Return a WSGI application that rejects expired and unknown keys before *app*.

    Use it with an application that simulates AWS services and accepts all keys, such
    as moto's server. Requests that are signed with a valid key of *sts* are passed to
    *app*; users' keys don't expire. The response to an expired key is that of the
    service: ``ExpiredToken``, ``ExpiredTokenException`` or, from EC2,
    ``RequestExpired``. There are other errors for unknown keys, and for an access key,
    secret and session token that don't belong together. Requests without a Signature
    Version 4 are passed to *app*.

    Args:
        app: The application with the services.

        sts: The server that issues the keys, by whose clock they expire.

    .. versionadded:: 0.1.0
    """
    iam = sts._iam  # noqa: SLF001 - a part of LocalSTS in a module of its own

    def respond(
        environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        request = _read(environ)
        signature = read_signature(request)
        if signature is None or signature.scope.count("/") != 3:
            return app(environ, start_response)
        try:
            check_signature(iam, signature, request, service=signature.service)
        except RejectedError as e:
            problem = e.problem
        else:
            return app(environ, start_response)
        # WSGI servers drop headers with underscores, such as those of S3 metadata.
        is_complete = all(name in request.headers for name in signature.signed_headers)
        if problem == "wrong signature" and not is_complete:
            return app(environ, start_response)
        answer = _answer(problem, signature.service, request)
        reason = responses[answer.status]
        start_response(f"{answer.status} {reason}", list(_headers(answer)))
        return [] if request.method == "HEAD" else [answer.body]

    return respond


def _read(environ: dict[str, Any]) -> HttpRequest:
    """Return the request; its body can be read again."""
    body = b""
    if environ.get("CONTENT_LENGTH"):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    elif environ.get("wsgi.input_terminated"):  # a chunked body
        body = environ["wsgi.input"].read()
    environ["wsgi.input"] = io.BytesIO(body)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_LENGTH", "CONTENT_TYPE"}
    }
    return HttpRequest.of(
        method=environ["REQUEST_METHOD"], url=_url(environ), headers=headers, body=body
    )


def _url(environ: dict[str, Any]) -> str:
    """Return the URL as it was sent, if the server passes that."""
    for name in ("REQUEST_URI", "RAW_URI"):
        if name in environ:
            return str(environ[name])
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    query = environ.get("QUERY_STRING", "")
    return f"{quote(path.encode('latin-1'), safe='/~')}?{query}"


def _answer(problem: Problem, service: str, request: HttpRequest) -> Answer:
    """Return the response of *service*, in the protocol of the request."""
    if service == "s3":
        return rejection(problem, "s3").answer("s3")
    content_type = request.headers.get("content-type", "")
    is_form = content_type.startswith("application/x-www-form-urlencoded")
    if is_form or "Action=" in request.query:
        return _ec2(problem) if service == "ec2" else _query(problem)
    if service in _REST_XML:
        return _query(problem)
    return _json(problem, content_type, is_rest="x-amz-target" not in request.headers)


def _query(problem: Problem) -> Answer:
    error = rejection(problem, "sts")
    details = {"Type": "Sender", "Code": error.code, "Message": error.message}
    tree: Tree = {"ErrorResponse": {"Error": details, "RequestId": str(uuid.uuid4())}}
    return Answer(status=error.status, body=(DECLARATION + to_xml(tree)).encode())


def _ec2(problem: Problem) -> Answer:
    status, code = 401, "AuthFailure"
    message = "AWS was not able to validate the provided access credentials"
    if problem == "expired":
        status, code, message = 400, "RequestExpired", "Request has expired."
    error = {"Errors": {"Error": {"Code": code, "Message": message}}}
    tree: Tree = {"Response": {**error, "RequestID": str(uuid.uuid4())}}
    return Answer(status=status, body=(DECLARATION + to_xml(tree)).encode())


def _json(problem: Problem, content_type: str, *, is_rest: bool) -> Answer:
    code, message = _JSON_CODES[problem], rejection(problem, "sts").message
    if is_rest:
        body = {"message": message}
        answer = Answer(status=403, headers=(("x-amzn-ErrorType", code),))
        content_type = "application/json"
    else:
        body = {"__type": f"com.amazon.coral.service#{code}", "message": message}
        answer = Answer(status=400)
    return attrs.evolve(
        answer, content_type=content_type, body=json.dumps(body).encode()
    )


def _headers(answer: Answer) -> Iterable[tuple[str, str]]:
    yield "Content-Type", answer.content_type
    yield "Content-Length", str(len(answer.body))
    yield "x-amzn-RequestId", str(uuid.uuid4())
    yield from answer.headers
