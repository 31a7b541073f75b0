"""What is measured. Each function runs in a process of its own, and returns numbers."""

from __future__ import annotations

from collections.abc import Callable

from . import loops, reads, refreshes, roles, starting
from .tools import FULL, QUICK, Make, Size


__all__ = ["FULL", "QUICK", "SCENARIOS"]

Scenario = Callable[[Make, Size], dict[str, float]]

SCENARIOS: dict[str, Scenario] = {
    function.__name__: function
    for function in (
        starting.import_cost,
        starting.cold_start,
        starting.cold_start_tls,
        roles.roles,
        roles.fan_out,
        roles.throttled,
        roles.leak,
        reads.hot_path,
        reads.signed_call,
        loops.event_loop,
        refreshes.edge,
        refreshes.outage,
        refreshes.herd,
        refreshes.processes,
        refreshes.day,
    )
}
