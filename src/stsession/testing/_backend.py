"""
What is behind the port of `LocalSTS`: a request becomes an answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._clock import Clock
from ._answers import Answer, Refused, Service, error_answer
from ._http import HttpRequest
from ._iam import Iam
from ._log import Call
from ._s3 import S3Service
from ._schedule import FaultSchedule
from ._sigv4 import read_signature
from ._sts import StsService


__all__ = ["Backend"]


class Backend:
    """
    Both services, what goes wrong with them, and the log.
    """

    def __init__(
        self, *, iam: Iam, faults: FaultSchedule, clock: Clock, lifetime_scale: float
    ) -> None:
        self.s3 = S3Service(iam)
        self.calls: list[Call] = []  # only ever appended to, so it needs no lock
        self._sts = StsService(iam, lifetime_scale=lifetime_scale)
        self._iam = iam
        self._faults = faults
        self._clock = clock

    def answer(self, request: HttpRequest) -> Answer:
        """
        Decide about *request*, and log it.
        """
        service = _service_of(request)
        operation, params = self._face(service).read(request)
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

    def _face(self, service: Service) -> StsService | S3Service:
        return self._sts if service == "sts" else self.s3

    def _decide(
        self,
        service: Service,
        operation: str,
        params: Mapping[str, str],
        request: HttpRequest,
    ) -> Answer:
        fault = self._faults.take(operation, service=service)
        answer = None if fault is None else fault.replacement(service)
        if answer is not None:
            return answer
        try:
            answer = self._face(service).answer(operation, params, request)
        except Refused as e:
            return error_answer(
                service, code=e.code, message=e.message, status=e.status
            )
        return answer if fault is None else fault.spoil(answer, now=self._iam.now())


def _service_of(request: HttpRequest) -> Service:
    if request.path != "/":
        return "s3"
    return "sts" if request.method == "POST" or "Action=" in request.query else "s3"
