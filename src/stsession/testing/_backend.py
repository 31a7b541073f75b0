"""
The backend of `LocalSTS`: a request becomes a response.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

from .._core.runtime import Clock
from ._answers import Answer, Refused, Service, error_answer
from ._authentication import read_signature
from ._faults import FaultSchedule
from ._http import HttpRequest, query_service
from ._iam_api import IamService
from ._keys import AccessKey
from ._s3 import S3Service
from ._sts import StsService, World
from ._sts_answers import denial


__all__ = [
    "Backend",
    "Call",
]


_SECRET = frozenset(
    {
        "ContextAssertion",
        "ExternalId",
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
    One request, and how it was answered.

    .. versionadded:: 0.1.0
    """

    operation: str
    """E.g. ``"AssumeRole"``."""

    params: Mapping[str, str] = attrs.field(repr=_redacted)
    """Its parameters, by the names that were sent."""

    service: Service = "sts"
    """``"sts"``, ``"iam"`` or ``"s3"``."""

    access_key_id: str | None
    """The key that signed it, or `None`."""

    region: str | None
    """The region it was signed for, or `None`."""

    host: str | None = None
    """The host it was sent to."""

    status: int | None
    """The HTTP status of the answer; `None` if there was none."""

    code: str | None
    """The error code of the answer, or the name of the fault."""

    monotonic: float
    """When it was decided, on the monotonic clock."""


class _Face(Protocol):
    def read(self, request: HttpRequest) -> tuple[str, dict[str, str]]: ...

    def answer(
        self, operation: str, params: Mapping[str, str], request: HttpRequest
    ) -> Answer: ...


class Backend:
    """
    The services, what goes wrong with them, and the log.
    """

    def __init__(self, world: World, *, faults: FaultSchedule, clock: Clock) -> None:
        self.s3 = S3Service(world.iam)
        self.calls: list[Call] = []  # only ever appended to, so it needs no lock
        self._faces: Mapping[Service, _Face] = {
            "iam": IamService(world.iam),
            "s3": self.s3,
            "sts": StsService(world),
        }
        self._iam = world.iam
        self._faults = faults
        self._clock = clock

    def answer(self, request: HttpRequest) -> Answer:
        """
        Decide about *request*, and log it.
        """
        service = _service_of(request)
        operation, params = self._faces[service].read(request)
        answer = self._decide(service, operation, params, request)
        signature = read_signature(request)
        call = Call(
            service=service,
            operation=operation,
            params=params,
            access_key_id=None if signature is None else signature.access_key_id,
            region=None if signature is None else signature.region,
            host=request.headers.get("host"),
            status=answer.status or None,
            code=answer.code,
            monotonic=self._clock.monotonic(),
        )
        self.calls.append(call)
        return answer

    def _decide(
        self,
        service: Service,
        operation: str,
        params: Mapping[str, str],
        request: HttpRequest,
    ) -> Answer:
        fault = self._faults.take(operation, service=service)
        if fault is not None:
            fault = fault.denying(
                lambda: denial(service, operation, params, self._caller(request))
            )
        answer = None if fault is None else fault.replacement(service)
        if answer is not None:
            return answer
        try:
            answer = self._faces[service].answer(operation, params, request)
        except Refused as e:
            return error_answer(
                service, code=e.code, message=e.message, status=e.status
            )
        return answer if fault is None else fault.spoil(answer, now=self._iam.now())

    def _caller(self, request: HttpRequest) -> AccessKey | None:
        signature = read_signature(request)
        return None if signature is None else self._iam.key(signature.access_key_id)


def _service_of(request: HttpRequest) -> Service:
    is_query = request.method == "POST" or "Action=" in request.query
    if request.path != "/" or not is_query:
        return "s3"
    return query_service(request)
