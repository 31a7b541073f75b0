"""Tools for tests: a clock, a stub of STS, and a local STS server."""

from __future__ import annotations

from .._core.runtime import use_runtime
from ._backend import Call
from ._clock import FakeClock
from ._expiring import expiring
from ._faults import Fault, FaultSchedule
from ._isolation import isolated_process
from ._keys import AccessKey, generation_of
from ._local_sts import LocalSTS
from ._mfa import MfaDevice
from ._profiles import ProfileFiles
from ._stub import StubSTS


__all__ = [
    "AccessKey",
    "Call",
    "FakeClock",
    "Fault",
    "FaultSchedule",
    "LocalSTS",
    "MfaDevice",
    "ProfileFiles",
    "StubSTS",
    "expiring",
    "generation_of",
    "isolated_process",
    "use_runtime",
]
