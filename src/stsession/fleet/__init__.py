"""Sessions for many AWS accounts, and functions that run over all of them."""

from __future__ import annotations

from .._sessions.options import AssumeRoleOptions
from ..exceptions import ExecutorError, OrganizationError
from ._accounts import AccountOptions, FleetTarget
from ._fleet import Fleet
from ._organization import Organization
from ._results import FleetCounts, FleetResult
from ._run import FleetRun


__all__ = [
    "AccountOptions",
    "AssumeRoleOptions",
    "ExecutorError",
    "Fleet",
    "FleetCounts",
    "FleetResult",
    "FleetRun",
    "FleetTarget",
    "Organization",
    "OrganizationError",
]
