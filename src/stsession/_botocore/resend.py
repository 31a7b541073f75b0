"""Resends requests once after a service rejected their access key as expired."""

from __future__ import annotations

import inspect
import re

from collections.abc import Callable
from typing import Any

from .._core.credentials import Record
from .._core.refresher import Refresher


__all__ = ["REJECTION_STATUSES", "ResendHandler", "is_rejection", "key_of"]


REJECTION_STATUSES = frozenset({400, 401, 403})
"""The HTTP status codes with which services reject keys."""

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/|^AWS ([^:\s]+):")


class ResendHandler:
    """
    An event handler that resends a request once after a service rejected its key.

    The key is replaced first. Register it on a session's events before clients are
    made.

    Args:
        refresher: Keeps the credentials that sign the requests.
    """

    def __init__(self, refresher: Refresher) -> None:
        self.refresher = refresher

    def register(self, register: Callable[..., Any]) -> None:
        """
        Register for the events of all requests.

        Args:
            register: The method of a botocore session or of an event emitter.
        """
        register("before-parameter-build", self.note_start, unique_id="stsession-start")
        register("request-created", self.note_key, unique_id="stsession-note-key")
        register("needs-retry", self.on_needs_retry, unique_id="stsession-resend")

    def note_start(
        self, params: dict[str, Any], context: dict[str, Any], **_: Any
    ) -> None:
        """
        Record whether all bodies are at their start.

        To resend a body, botocore rewinds it to its start, even if the caller passed it
        at a later position.
        """
        context["stsession_rewinds"] = all(map(_is_at_start, params.values()))

    def note_key(self, request: Any, **_: Any) -> None:
        """Record which key signed the request; the signer runs before."""
        request.context["stsession_key"] = key_of(request)

    def on_needs_retry(
        self, response: Any, request_dict: dict[str, Any], **_: Any
    ) -> float | None:
        """
        Return the seconds until the next attempt, as botocore's event requires it.

        Returns:
            0 if there are new credentials now. `None` if the request isn't sent again
            by this handler.
        """
        key = self.rejected_key(response, request_dict)
        if key is None:
            return None
        replaced = self.refresher.replace_rejected(key)
        return self.decide_resend(replaced, key, request_dict)

    def rejected_key(self, response: Any, request_dict: dict[str, Any]) -> str | None:
        """Return the key of the request if the service rejected it, or `None`."""
        if response is None or response[0].status_code < 400:
            return None
        key: str | None = request_dict.get("context", {}).get("stsession_key")
        if key is None:
            return None
        http, parsed = response
        is_rejected = is_rejection(
            self.refresher,
            key,
            code=str((parsed.get("Error") or {}).get("Code") or ""),
            status=http.status_code,
            method=str(request_dict.get("method")),
        )
        return key if is_rejected else None

    def decide_resend(
        self, replaced: Record | None, key: str, request_dict: dict[str, Any]
    ) -> float | None:
        """
        Return the result of `on_needs_retry` after a refresh.

        Args:
            replaced: The new credentials. `None` if there are none.

            key: The rejected key.

            request_dict: The request.
        """
        if replaced is None:
            if _is_current(self.refresher, key, expired=True):
                self.refresher.held()  # raises the error of the last refresh
            return None
        context = request_dict["context"]
        if not self.refresher.policy.resend or "stsession_resent" in context:
            return None
        if not context.get("stsession_rewinds", True):
            return None
        if not _can_be_sent_again(request_dict.get("body")):
            return None
        context["stsession_resent"] = True
        return 0


def key_of(request: Any) -> str | None:
    """Return the access key ID that signed a request. `None` if it isn't signed."""
    header = request.headers.get("Authorization")
    if isinstance(header, bytes):
        header = header.decode("latin-1")
    found = _CREDENTIAL.search(header or "")
    return found and (found[1] or found[2])


def is_rejection(
    refresher: Refresher, key: str, *, code: str, status: int, method: str
) -> bool:
    """
    Return whether a response rejects the key of its request.

    Args:
        refresher: Keeps the credentials that sign the requests.

        key: The key.

        code: The error code of the response. Empty if it has none.

        status: The HTTP status code.

        method: The HTTP method of the request.
    """
    if code in refresher.policy.rejection_codes:
        return True
    # S3 sends no error code for HEAD. It counts as a rejection unless the key is valid;
    # botocore's own handler runs first, and may have had it replaced.
    return (
        method == "HEAD"
        and status in REJECTION_STATUSES
        and not _is_current(refresher, key, expired=False)
    )


def _is_current(refresher: Refresher, key: str, *, expired: bool) -> bool:
    """Return whether *key* is the current one, and has expired or not."""
    record = refresher.record
    if record is None or record.credentials.access_key_id != key:
        return False
    return expired == (refresher.remaining(record) <= 0)


def _is_at_start(value: object) -> bool:
    position = getattr(value, "tell", None)
    if inspect.iscoroutinefunction(position):  # an async file, which isn't rewound
        return False
    try:
        return not callable(position) or position() == 0
    except Exception:  # noqa: BLE001 - a pipe, a closed file, or an object of any class
        return False


def _can_be_sent_again(body: object) -> bool:
    if body is None or isinstance(body, (bytes, bytearray, str, dict)):
        return True
    return callable(getattr(body, "seek", None)) and (
        not hasattr(body, "seekable") or body.seekable()
    )
