"""Signature Version 4 for requests that httpx and requests send."""

from __future__ import annotations

import re

from collections.abc import AsyncGenerator, Generator, Iterable
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import quote, unquote_to_bytes, urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials

from .._botocore.resend import REJECTION_STATUSES, is_rejection, key_of
from .._core.credentials import Record
from .._core.refresher import Refresher
from .._sessions.session import RefreshableSession, refresher_of
from ..exceptions import InvalidRequestError


__all__ = ["sigv4"]


RequestT = TypeVar("RequestT")

S3_SERVICES = frozenset({"s3", "s3-object-lambda", "s3-outposts", "s3express"})
"""Services that encode paths once, and accept bodies that aren't signed."""

UNSIGNED_BODY = Config(s3={"payload_signing_enabled": False})

CONTENT_SHA256 = "x-amz-content-sha256"
SIGNATURE = ("authorization", "x-amz-date", "x-amz-security-token", CONTENT_SHA256)
"""The headers that signing adds."""

SIGNED = re.compile("host|content-type|content-md5|x-amz-.+")
"""The headers that are signed. Proxies may change others."""

_CODE = re.compile(rb'<Code>(\w+)</Code>|"(?:__type|[Cc]ode)"\s*:\s*"(?:[^"]*#)?(\w+)')


class _SigV4:
    """
    Signs requests of httpx and requests, and resends those whose key is rejected.

    requests calls the object; httpx uses the two flows.
    """

    def __init__(self, session: RefreshableSession, service: str, region: str) -> None:
        self._session = session
        self._service = service
        self._region = region

    def __repr__(self) -> str:
        scope = f"{self._service} in {self._region}"
        return f"<Signature Version 4 for {scope}, by {self._session!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return sigv4, (self._session, self._service, self._region)

    @property
    def _refresher(self) -> Refresher:
        return refresher_of(self._session)

    def __call__(self, request: RequestT) -> RequestT:
        """Sign a request of requests, and resend it if its key is rejected."""
        prepared: Any = request
        if isinstance(prepared.body, str):
            prepared.body = prepared.body.encode()
        self._check_body(_in_memory(prepared.body))
        self._sign_prepared(prepared, self._refresher.get())
        prepared.register_hook("response", self._on_response)
        return request

    def _on_response(self, response: Any, **options: Any) -> Any:
        """Resend a rejected request of requests, or return *response*."""
        request, answer = response.request, response
        key = key_of(request)
        if key is not None and response.status_code in REJECTION_STATUSES:
            replaced = None
            if self._is_rejection(response, request, key):
                replaced = self._refresher.replace_rejected(key)
            if replaced is not None and self._can_resend(_in_memory(request.body)):
                response.close()
                again = request.copy()
                self._sign_prepared(again, replaced)
                answer = response.connection.send(again, **options)
                answer.history.append(response)
        if answer.is_redirect:
            # requests would send the token to the other host.
            _remove_signature(request.headers)
        return answer

    def _sign_prepared(self, request: Any, record: Record) -> None:
        body = _in_memory(request.body)
        url = urlsplit(request.url)
        path, query = self._encoded(url.path or "/", url.query)
        request.url = url._replace(path=path, query=query).geturl()
        headers = [
            (name, value.decode("latin-1") if isinstance(value, bytes) else value)
            for name, value in request.headers.items()
        ]
        signature = self._signature(record, request.method, request.url, headers, body)
        _remove_signature(request.headers)
        request.headers.update(signature)

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Sign a request of `httpx.Client`, and resend it if its key is rejected."""
        if _is_multipart(request):
            request.read()
        self._check_body(_content_of(request))
        record = self._refresher.get()
        self._sign_httpx(request, record)
        response = yield request
        if not _may_be_rejection(response, request):
            return
        response.read()
        key = record.credentials.access_key_id
        if self._is_rejection(response, request, key):
            replaced = self._refresher.replace_rejected(key)
            if replaced is not None and self._can_resend(_content_of(request)):
                self._sign_httpx(request, replaced)
                yield request

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Sign a request of `httpx.AsyncClient`, as `sync_auth_flow` does."""
        from ..aio._waiting import current_record, run  # noqa: PLC0415 - imports asyncio

        if _is_multipart(request):
            await request.aread()
        self._check_body(_content_of(request))
        refresher = self._refresher
        record = await current_record(refresher)
        self._sign_httpx(request, record)
        response = yield request
        if not _may_be_rejection(response, request):
            return
        await response.aread()
        key = record.credentials.access_key_id
        if self._is_rejection(response, request, key):
            steps = refresher.replace_rejected_steps(key, blocking=False)
            replaced = await run(steps)
            if replaced is not None and self._can_resend(_content_of(request)):
                self._sign_httpx(request, replaced)
                yield request

    def _sign_httpx(self, request: Any, record: Record) -> None:
        sent = request.url.raw_path.decode("ascii")
        path, query = self._encoded(*sent.partition("?")[::2])
        target = f"{path}?{query}" if query else path
        if target != sent:
            request.url = request.url.copy_with(raw_path=target.encode("ascii"))
        headers, body = request.headers, _content_of(request)
        url = f"{request.url.scheme}://{headers['Host']}{target}"
        pairs = headers.multi_items()
        signature = self._signature(record, request.method, url, pairs, body)
        _remove_signature(headers)
        headers.update(signature)

    def _check_body(self, body: bytes | None) -> None:
        if body is None and self._service not in S3_SERVICES:
            raise InvalidRequestError(
                f"The body of a request to {self._service} is a stream, which can't be"
                " signed.",
                hint="Pass the body as bytes; only Amazon S3 accepts an unsigned body.",
            )

    def _encoded(self, path: str, query: str) -> tuple[str, str]:
        """
        Return path and query in the encoding that AWS expects in a signature.

        They are sent in this encoding, too. Services other than S3 encode the path as
        it was sent.
        """
        if self._service in S3_SERVICES:
            path = quote(unquote_to_bytes(path), safe="/-_.~")
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        return path, "&".join(
            _encoded_parameter(name) + equals + _encoded_parameter(value)
            for name, equals, value in pairs
        )

    def _signature(
        self,
        record: Record,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | None,
    ) -> dict[str, str]:
        """
        Return the headers of a signature.

        Args:
            record: The credentials.

            method: The method of the request.

            url: The URL, encoded as in the signature.

            headers: The headers of the request. Those of an old signature are ignored.

            body: The body. `None` means that it isn't signed.
        """
        request = AWSRequest(method=method, url=url, data=body or b"")
        for name, value in headers:
            if SIGNED.fullmatch(name.lower()) and name.lower() not in SIGNATURE:
                request.headers.add_header(name, value)
        credentials = record.credentials
        key = ReadOnlyCredentials(
            credentials.access_key_id,
            credentials.secret_access_key,
            credentials.session_token,
        )
        sign_for = S3SigV4Auth if self._service in S3_SERVICES else SigV4Auth
        signer = sign_for(key, self._service, self._region)
        if body is None:
            request.context["client_config"] = UNSIGNED_BODY
        else:
            # OpenSearch Serverless requires it, and other services accept it.
            request.headers[CONTENT_SHA256] = signer.payload(request)
        signer.add_auth(request)
        signed = request.headers
        return {name: signed[name] for name in SIGNATURE if name in signed}

    def _is_rejection(self, response: Any, request: Any, key: str) -> bool:
        return is_rejection(
            self._refresher,
            key,
            code=_code_of(response),
            status=response.status_code,
            method=request.method,
        )

    def _can_resend(self, body: bytes | None) -> bool:
        return self._refresher.policy.resend and body is not None


def _encoded_parameter(text: str) -> str:
    """Encode a name or a value of a query; ``+`` is a space."""
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _remove_signature(headers: Any) -> None:
    for name in SIGNATURE:
        headers.pop(name, None)


def _in_memory(body: object) -> bytes | None:
    """Return the body of a request of requests. `None` means a stream."""
    if body is None:
        return b""
    return bytes(body) if isinstance(body, (bytes, bytearray)) else None


def _content_of(request: Any) -> bytes | None:
    """Return the body of a request of httpx. `None` means a stream."""
    try:
        content: bytes = request.content
    except RuntimeError:
        return None
    return content


def _is_multipart(request: Any) -> bool:
    """Return whether a request of httpx is a form with files, whose body is read."""
    return str(request.headers.get("content-type")).startswith("multipart/")


def _may_be_rejection(response: Any, request: Any) -> bool:
    # After a redirect, it is the response to another request, which isn't signed.
    return response.request is request and response.status_code in REJECTION_STATUSES


def _code_of(response: Any) -> str:
    """Return the error code in the response of a service, or an empty string."""
    code: str = response.headers.get("x-amzn-errortype", "").partition(":")[0]
    if code:
        return code.rpartition("#")[2]
    found = _CODE.search(response.content)
    return (found[1] or found[2]).decode("ascii") if found else ""


def sigv4(session: RefreshableSession, service: str, region: str | None = None) -> Any:
    """
    Return an *auth* for httpx and requests that signs requests to AWS.

    It signs each request with the current credentials of *session*, by Signature
    Version 4. If the service rejects their key before it expires, it refreshes them and
    sends the request once more, unless its body is a stream. It works with the
    synchronous and async clients of httpx and httpx2, and doesn't block the event loop.
    Redirects aren't signed. It can be pickled.

    .. code-block:: python

        auth = stsession.integrations.sigv4(session, "execute-api")
        client = httpx.Client(auth=auth)
        response = requests.get(url, auth=auth)

    Args:
        session: A session of this library.

        service:
            The name of the service in signatures, such as ``"execute-api"``, ``"es"``,
            ``"bedrock"`` or ``"s3"``. For some services, it isn't the name of the boto3
            client.

        region: The region of the service. `None` means that of *session*.

    Raises:
        InvalidRequestError:
            If *session* isn't a session of this library, or if no region is configured.
            When a request is sent: if its body is a stream, and the service isn't S3.

    .. versionadded:: 0.1.0
    """
    refresher_of(session)  # reports a wrong type now
    region = region or session.region_name
    if not region:
        raise InvalidRequestError(
            "No region is configured, and a signature contains one.",
            parameter="region",
            hint="Pass region=, or configure a region for the session.",
        )
    # httpx accepts an object with flows only if it is of its own class.
    bases = (_SigV4, *filter(None, map(_base_class, ("httpx", "httpx2"))))
    auth_class = type(_SigV4.__name__, bases, {"__module__": __name__})
    return auth_class(session, service, region)


def _base_class(library: str) -> type | None:
    try:
        auth: type = import_module(library).Auth
    except ImportError:
        return None
    return auth
