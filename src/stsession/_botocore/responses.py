"""Limits the size of the responses that a client reads."""

from __future__ import annotations

import weakref

from collections.abc import Iterator
from typing import Any

from botocore import exceptions as sdk
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError


__all__ = ["MAX_RESPONSE", "limit_responses"]


MAX_RESPONSE = 1024 * 1024
"""Bytes; responses of STS have a few thousand. Larger ones aren't read to the end."""


def limit_responses(client: Any) -> Any:
    """
    Limit the size of responses that *client* reads. botocore has no public API for it.
    """
    session = client._endpoint.http_session  # noqa: SLF001 - see above
    reference = weakref.ref(session)
    session.send = lambda request: _send(reference(), request)
    return client


def _send(session: Any, request: AWSPreparedRequest) -> AWSResponse:
    """
    Send a request, and read the response unless it is too large.

    Raises:
        botocore.exceptions.HTTPClientError: If the response is too large, or if the
            connection fails.
    """
    request.stream_output = True  # so that the body isn't read
    response = type(session).send(session, request)
    try:
        body = _Body(response.raw)
    except ReadTimeoutError as e:
        raise sdk.ReadTimeoutError(endpoint_url=request.url, error=e) from e
    except HTTPError as e:
        raise sdk.ConnectionClosedError(
            error=e, request=request, endpoint_url=request.url
        ) from e
    return AWSResponse(response.url, response.status_code, response.headers, body)


class _Body:
    """The body of a response, read when this object is made."""

    def __init__(self, raw: Any) -> None:
        self._content = b""
        for chunk in raw.stream():
            self._content += chunk
            if len(self._content) > MAX_RESPONSE:
                raw.close()
                msg = f"the response has more than {MAX_RESPONSE:,} bytes"
                raise sdk.HTTPClientError(error=msg)

    def stream(self) -> Iterator[bytes]:
        yield self._content
