"""
STS without a socket.
"""

from __future__ import annotations

import datetime as dt
import io
import threading

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from .._core.runtime import Clock, SystemClock, utc
from .._tokens.mfa import forget_used_codes
from ._answers import Answer, Refused, Transport, Tree, date_header, error_answer
from ._authentication import read_signature
from ._backend import Call
from ._faults import Fault, FaultSchedule
from ._federation import WebIdentity, saml_result, web_identity_result
from ._http import HttpRequest, query_service, read_query, unknown_operation
from ._iam import session_identity
from ._iam_api import mfa_devices_answer
from ._keys import AccessKey, KeyMaker
from ._mfa import MfaDevices
from ._sts import DURATIONS
from ._sts_answers import (
    announced,
    caller_identity_answer,
    credentials_answer,
    denial,
    federated_identity,
    root_identity,
)


__all__ = [
    "StubOperations",
    "StubSTS",
]


_SOURCE_NAME = "source"
_SOURCE = AccessKey(
    access_key_id="AKIASTUBSTUBSTUBSTUB",
    secret_access_key="",
    arn=f"arn:aws:iam::123456789012:user/{_SOURCE_NAME}",
    user_id="AIDASTUBSTUBSTUBSTUB",
)
_SUBJECT = "jane@example.com"


class StubOperations:
    """
    Operations that check nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._maker = KeyMaker()
        self._lock = threading.Lock()  # makes a key and its place in the list one
        self.issued: list[AccessKey] = []
        self._mfa_devices = MfaDevices(clock)
        self._mfa_devices.add(_SOURCE.arn, serial=None, secret=None)

    def answer(self, call: Call, *, lifetime: dt.timedelta | None) -> Answer:
        """
        Answer *call*.

        Args:
            call: What is asked.

            lifetime: How long credentials live. `None` means as it's asked.

        Raises:
            Refused: If there is no such operation.
        """
        if call.service == "iam":
            return self._mfa_devices_answer(call.operation)
        caller = self._caller(call.access_key_id)
        if call.operation == "GetCallerIdentity":
            return caller_identity_answer(caller)
        if lifetime is None:
            lifetime = dt.timedelta(seconds=_seconds(call.operation, call.params))
        now = utc(self._clock.wall())
        return credentials_answer(
            call.operation,
            self._issue(call, caller, expires_at=now + lifetime),
            call.params,
            expiration=announced(now, lifetime),
            more=_more(call.operation, call.params),
        )

    def denial(self, call: Call) -> str:
        """
        How it's said that whoever asks *call* may not.
        """
        signed = call.access_key_id is not None
        caller = self._caller(call.access_key_id) if signed else None
        return denial(call.service, call.operation, call.params, caller)

    def _issue(
        self, call: Call, caller: AccessKey, *, expires_at: dt.datetime
    ) -> AccessKey:
        arn, user_id = _identity(call.operation, call.params, caller)
        with self._lock:
            key = self._maker.temporary(
                arn=arn,
                user_id=user_id,
                role_arn=call.params.get("RoleArn"),
                mfa=call.operation == "GetSessionToken" and "TokenCode" in call.params,
                expires_at=expires_at,
            )
            self.issued.append(key)
        return key

    def _mfa_devices_answer(self, operation: str) -> Answer:
        if operation != "ListMFADevices":
            raise unknown_operation(operation, service="iam")
        devices = self._mfa_devices.of_user(_SOURCE.account, _SOURCE_NAME)
        return mfa_devices_answer(devices)

    def _caller(self, access_key_id: str | None) -> AccessKey:
        for key in tuple(self.issued):
            if key.access_key_id == access_key_id:
                return key
        return _SOURCE


def _identity(
    operation: str, params: Mapping[str, str], caller: AccessKey
) -> tuple[str, str]:
    if operation in ("AssumeRole", "AssumeRoleWithWebIdentity"):
        return session_identity(params["RoleArn"], params.get("RoleSessionName", ""))
    if operation == "AssumeRoleWithSAML":
        return session_identity(params["RoleArn"], _SUBJECT)
    if operation == "AssumeRoot":
        return root_identity(params["TargetPrincipal"])
    if operation == "GetFederationToken":
        return federated_identity(caller.account, params["Name"])
    if operation == "GetSessionToken":
        return caller.arn, caller.user_id
    raise unknown_operation(operation)


def _seconds(operation: str, params: Mapping[str, str]) -> int:
    default = DURATIONS[operation].default if operation in DURATIONS else 3600
    return int(params.get("DurationSeconds", default))


def _more(operation: str, params: Mapping[str, str]) -> Mapping[str, Tree]:
    if operation == "AssumeRoleWithWebIdentity":
        identity = WebIdentity.read(params.get("WebIdentityToken", ""))
        return web_identity_result(identity, params)
    if operation == "AssumeRoleWithSAML":
        return saml_result(_SUBJECT, params)
    return {}


class StubSTS:
    """
    STS in place of the network: real client, real parser, no socket.

    Register it on a session, and each of its STS clients gets its answers
    from here::

        stub = StubSTS()
        source.events.register("before-send.sts", stub)

    It checks nothing: any role can be assumed, any MFA code, token or assertion
    is good, and codes that another STS has taken count as unused. On
    ``"before-send.iam"`` it answers ``ListMFADevices`` with one device. All methods
    may be called from any thread.

    Args:
        clock:
            Where ``Date`` and ``Expiration`` come from. `None` means the
            machine's.

        lifetime:
            How long credentials live. `None` means ``DurationSeconds``, or
            what STS takes for it if that wasn't sent.

        before_answer:
            Called before each answer, without any lock: hold a request here,
            or look at the world in the middle of one.

    .. versionadded:: 0.1.0
    """

    faults: FaultSchedule
    """What goes wrong, and when."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        lifetime: dt.timedelta | None = None,
        before_answer: Callable[[], None] | None = None,
    ) -> None:
        self._clock: Clock = SystemClock() if clock is None else clock
        self.lifetime = lifetime
        self.before_answer = before_answer
        self.faults = FaultSchedule(self._clock)
        self._requests: list[Call] = []  # only ever appended to
        self._operations = StubOperations(self._clock)
        self._issued = self._operations.issued
        forget_used_codes()

    @property
    def requests(self) -> tuple[Call, ...]:
        """
        What was sent, oldest first; *status* and *code* are always `None`.
        """
        return tuple(self._requests)

    @property
    def attempts(self) -> int:
        """
        How many requests were sent, each resend counted.
        """
        return len(self._requests)

    @property
    def issued(self) -> tuple[AccessKey, ...]:
        """
        The keys given out, oldest first.
        """
        return tuple(self._issued)

    def goes_down(self, fault: Fault | None = None) -> None:
        """
        Fail from now on.

        Args:
            fault: How. `None` means HTTP status 503.
        """
        self.faults.add(Fault.status(503) if fault is None else fault)

    def comes_back(self) -> None:
        """
        Answer again as if nothing had been; faults yet to come go as well.
        """
        self.faults.clear()

    def fail_next(self, times: int = 1, fault: Fault | None = None) -> None:
        """
        Fail so many *times*, then answer again.

        Args:
            times: How often; a resend of the client counts.

            fault: How. `None` means HTTP status 503.
        """
        self.faults.add(Fault.status(503) if fault is None else fault, times=times)

    def __call__(self, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse:
        """
        Answer *request*; what botocore calls before it would send it.
        """
        call = self._read(request)
        self._requests.append(call)
        if self.before_answer is not None:
            self.before_answer()
        answer = self._decide(call)
        if answer.transport is Transport.HANG:
            raise ReadTimeoutError(endpoint_url=request.url)
        if answer.transport is not Transport.WHOLE:
            raise ConnectionClosedError(endpoint_url=request.url)
        return self._response(request.url, answer)

    def _read(self, prepared: AWSPreparedRequest) -> Call:
        body: Any = prepared.body or b""
        request = HttpRequest.of(
            method=prepared.method,
            url=prepared.url,
            headers={k: _text(v) for k, v in prepared.headers.items()},
            body=body.encode() if isinstance(body, str) else bytes(body),
        )
        operation, params = read_query(request)
        signature = read_signature(request)
        return Call(
            service=query_service(request),
            operation=operation,
            params=params,
            access_key_id=None if signature is None else signature.access_key_id,
            region=None if signature is None else signature.region,
            host=urlsplit(prepared.url).hostname,
            status=None,
            code=None,
            monotonic=self._clock.monotonic(),
        )

    def _decide(self, call: Call) -> Answer:
        fault = self.faults.take(call.operation, service=call.service)
        if fault is not None:
            fault = fault.denying(lambda: self._operations.denial(call))
        answer = None if fault is None else fault.replacement(call.service)
        if answer is not None:
            return answer
        answer = self._do(call)
        if fault is None or answer.code is not None:
            return answer
        return fault.spoil(answer, now=utc(self._clock.wall()))

    def _do(self, call: Call) -> Answer:
        try:
            return self._operations.answer(call, lifetime=self.lifetime)
        except Refused as e:
            return error_answer(
                call.service, code=e.code, message=e.message, status=e.status
            )

    def _response(self, url: str, answer: Answer) -> AWSResponse:
        headers = {
            "Date": date_header(self._clock, answer),
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            **dict(answer.headers),
        }
        return AWSResponse(url, answer.status, cast("Any", headers), _Raw(answer.body))


class _Raw(io.BytesIO):
    """
    The body, as urllib3 would hand it over.
    """

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        yield self.read()


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
