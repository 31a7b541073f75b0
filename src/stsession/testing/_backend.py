"""The backend of `LocalSTS` and `StubSTS`: returns the response to each request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from .._core.runtime import Clock
from ._answers import Answer, Service, ServiceError
from ._authentication import read_signature
from ._faults import FaultSchedule
from ._http import HttpRequest, query_service, read_query
from ._iam import Iam
from ._s3 import read_s3
from ._sts import denial


__all__ = ["Backend", "Call"]


_SECRET = frozenset(
    {
        "ContextAssertion",
        "ExternalId",
        "Policy",
        "SAMLAssertion",
        "TokenCode",
        "WebIdentityToken",
    }
)


def _redacted(params: Mapping[str, str]) -> str:
    return repr({k: "***" if _is_secret(k) else v for k, v in params.items()})


def _is_secret(name: str) -> bool:
    # ContextAssertion is one of a list: ProvidedContexts.member.1.ContextAssertion
    return name.rpartition(".")[2] in _SECRET


@attrs.frozen(kw_only=True)
class Call:
    """
    A request to a service, and the status of the response.

    .. versionadded:: 0.1.0
    """

    operation: str
    """The operation, for example ``"AssumeRole"``."""

    params: Mapping[str, str] = attrs.field(repr=_redacted)
    """The parameters, by the names in the request."""

    service: Service = "sts"
    """The service, ``"sts"``, ``"iam"`` or ``"s3"``."""

    access_key_id: str | None
    """ID of the access key that signed the request, or `None` if it is unsigned."""

    region: str | None
    """The region in the signature, or `None` if the request is unsigned."""

    host: str | None = None
    """The host to which the request was sent."""

    status: int | None
    """HTTP status of the response; `None` if there was no response."""

    code: str | None
    """The error code of the response, or the name of the fault."""

    monotonic: float
    """Time of the request, on the monotonic clock."""


_Respond: TypeAlias = Callable[[str, Mapping[str, str], HttpRequest], Answer]


class Backend:
    """
    Services that use the same IAM tables, with injected faults.

    Args:
        services: For each service, the function that responds to an operation, its
            parameters and the request.

        iam: The tables.

        faults: The faults, and when they occur.

        clock: Clock for the times in the log.
    """

    def __init__(
        self,
        services: Mapping[Service, _Respond],
        *,
        iam: Iam,
        faults: FaultSchedule,
        clock: Clock,
    ) -> None:
        self._services = services
        self._iam = iam
        self._faults = faults
        self._clock = clock

    def read(self, request: HttpRequest) -> Call:
        service = self._service_of(request)
        read = read_s3 if service == "s3" else read_query
        operation, params = read(request)
        signature = read_signature(request)
        return Call(
            service=service,
            operation=operation,
            params=params,
            access_key_id=None if signature is None else signature.access_key_id,
            region=None if signature is None else signature.region,
            host=request.headers.get("host"),
            status=None,
            code=None,
            monotonic=self._clock.monotonic(),
        )

    def answer(self, call: Call, request: HttpRequest) -> Answer:
        fault = self._faults.take(call.operation, service=call.service)
        if fault is not None:
            fault = fault.denying(lambda: self._denial(call))
        answer = None if fault is None else fault.replacement(call.service)
        if answer is not None:
            return answer
        respond = self._services[call.service]
        try:
            answer = respond(call.operation, call.params, request)
        except ServiceError as e:
            return e.answer(call.service)
        return answer if fault is None else fault.spoil(answer, now=self._iam.now())

    def _denial(self, call: Call) -> str:
        caller = None
        if call.access_key_id is not None:
            caller = self._iam.key(call.access_key_id) or self._iam.default_user
        return denial(call.service, call.operation, call.params, caller)

    def _service_of(self, request: HttpRequest) -> Service:
        is_query = request.method == "POST" or "Action=" in request.query
        if "s3" in self._services and not (request.path == "/" and is_query):
            return "s3"
        return query_service(request)
