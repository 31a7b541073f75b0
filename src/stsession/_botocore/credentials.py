"""
Our credentials as botocore's, and the resend of rejected requests.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import weakref

from collections.abc import Callable
from typing import Any, NoReturn

from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials

from .._core.credentials import Record, TemporaryCredentials
from .._core.refresher import Refresher
from .._util import number_of


__all__ = ["RefresherCredentials", "ResendHandler", "frozen"]


METHOD = "assume-role"


def frozen(credentials: TemporaryCredentials) -> ReadOnlyCredentials:
    """
    The same in botocore's words.
    """
    return ReadOnlyCredentials(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        credentials.account_id,
    )


class _Round(threading.local):
    """
    The record of which this thread is reading one property after another.
    """

    owner: weakref.ref[RefresherCredentials] | None = None
    record: Record | None = None
    names: frozenset[str] = frozenset()
    until: float = 0.0


SET = frozenset({"access_key_id", "secret_access_key", "session_token"})
"""What a round has to contain; the first of them that is read then begins another."""

ROUND = 1.0
"""Seconds in which properties read one after the other come from one record."""

_round = _Round()


def _value(name: str, what: str) -> Any:
    """
    A property for one value of a record.
    """

    def read(credentials: RefresherCredentials) -> Any:
        return credentials._read(name)  # noqa: SLF001 - a method of the class

    return property(read, doc=f"{what}, of the same record as others read with it.")


class RefresherCredentials(RefreshableCredentials):
    """
    A refresher, as botocore's refreshable credentials.

    When to refresh is decided by the refresher alone. The initializer of the
    base class isn't called: what it sets up is its own way of refreshing.
    """

    def __init__(self, refresher: Refresher, method: str = METHOD) -> None:
        self.method = method
        self._refresher = refresher
        self._last: tuple[Record | None, ReadOnlyCredentials | None] = (None, None)

    def __repr__(self) -> str:
        # Libraries compare arguments by it.
        return f"<{type(self).__name__} {number_of(self)} of {self._refresher.name}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = "Credentials aren't pickled or copied; pickle or copy the session."
        raise TypeError(msg)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """
        Return a consistent set to sign with; may block, see `Refresher.get`.
        """
        record = self._refresher.get()
        held, answer = self._last
        if held is record and answer is not None:
            return answer
        answer = frozen(record.credentials)
        self._last = record, answer
        return answer

    def refresh_needed(self, refresh_in: float | None = None) -> bool:
        """
        Tell whether less than *refresh_in* seconds are left.
        """
        record = self._refresher.record
        if record is None:
            return True
        if refresh_in is None:
            refresh_in = record.plan.due
        return self._refresher.remaining(record) < refresh_in

    access_key: Any = _value("access_key_id", "The access key ID")
    secret_key: Any = _value("secret_access_key", "The secret key")
    token: Any = _value("session_token", "The session token")
    account_id: Any = _value("account_id", "The account")

    def _read(self, name: str) -> Any:
        record = self._record_of_round()
        if record is None or (name in SET and SET <= _round.names):
            record = self._refresher.get()
            _round.owner, _round.record = weakref.ref(self), record
            _round.until = self._refresher.clock.monotonic() + ROUND
            _round.names = frozenset()
        _round.names |= {name}
        return getattr(record.credentials, name)

    def _record_of_round(self) -> Record | None:
        """
        The record that this thread has begun to read. `None` if it hasn't.
        """
        owner = _round.owner
        if owner is None or owner() is not self:
            return None
        if self._refresher.clock.monotonic() > _round.until:
            return None
        return _round.record

    @property
    def _expiry_time(self) -> dt.datetime | None:
        """
        Read by polars and other libraries, though it is private.
        """
        record = self._record_of_round() or self._refresher.record
        return None if record is None else record.credentials.expires_at


_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/|^AWS ([^:\s]+):")


class ResendHandler:
    """
    Has a request sent once more if a service refused its key as expired.

    Register it on a session's events before clients are made.
    """

    def __init__(self, refresher: Refresher) -> None:
        self._refresher = refresher

    def register(self, register: Callable[..., Any]) -> None:
        """
        Take part in all requests.
        """
        register("before-parameter-build", self.note_start, unique_id="stsession-start")
        register("request-created", self.note_key, unique_id="stsession-note-key")
        register("needs-retry", self.resend, unique_id="stsession-resend")

    def note_start(
        self, params: dict[str, Any], context: dict[str, Any], **_: Any
    ) -> None:
        """
        Remember whether all bodies begin at their beginning.

        That's where botocore rewinds them to, so that it would send what the
        caller has read before.
        """
        context["stsession_rewinds"] = all(map(_is_at_start, params.values()))

    def note_key(self, request: Any, **_: Any) -> None:
        """
        Remember which key has signed; the signer has run before.
        """
        header = request.headers.get("Authorization")
        if isinstance(header, bytes):
            header = header.decode("latin-1")
        found = _CREDENTIAL.search(header or "")
        key = found and (found[1] or found[2])
        request.context["stsession_key"] = key

    def resend(
        self, response: Any, request_dict: dict[str, Any], **_: Any
    ) -> float | None:
        """
        Answer botocore's question: how many seconds until the next try?

        Returns:
            0 if there are other credentials now. `None` if there is nothing
            more to be done here.
        """
        if response is None or response[0].status_code < 400:
            return None
        context = request_dict.get("context", {})
        key = context.get("stsession_key")
        if key is None or not self._is_rejection(response, request_dict):
            return None
        replaced = self._refresher.replace_rejected(key)
        if replaced is None:
            if self._is_dead(key):
                self._refresher.held()  # raises, and says why
            return None
        if not self._refresher.policy.resend or "stsession_resent" in context:
            return None
        if not context.get("stsession_rewinds", True):
            return None
        if not _can_be_sent_again(request_dict.get("body")):
            return None
        context["stsession_resent"] = True
        return 0

    def _is_rejection(self, response: Any, request_dict: dict[str, Any]) -> bool:
        http, parsed = response
        error = parsed.get("Error") or {}
        code = str(error.get("Code") or "")
        if code in self._refresher.policy.rejection_codes:
            return True
        # S3 has no words for HEAD. It's believed unless the key should be good;
        # botocore's own handler, which runs first, may have had it replaced.
        return (
            request_dict.get("method") == "HEAD"
            and http.status_code in (400, 401, 403)
            and not self._should_be_good(request_dict["context"]["stsession_key"])
        )

    def _should_be_good(self, key: str) -> bool:
        record = self._refresher.record
        return (
            record is not None
            and record.credentials.access_key_id == key
            and self._refresher.remaining(record) > 0
        )

    def _is_dead(self, key: str) -> bool:
        record = self._refresher.record
        return (
            record is not None
            and record.credentials.access_key_id == key
            and self._refresher.remaining(record) <= 0
        )


def _is_at_start(value: object) -> bool:
    tell = getattr(value, "tell", None)
    try:
        return not callable(tell) or tell() == 0
    except Exception:  # noqa: BLE001 - a pipe, closed, or whatever people make
        return False


def _can_be_sent_again(body: object) -> bool:
    if body is None or isinstance(body, (bytes, bytearray, str, dict)):
        return True
    return callable(getattr(body, "seek", None)) and (
        not hasattr(body, "seekable") or body.seekable()
    )
