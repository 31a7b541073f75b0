"""
Sessions for many AWS accounts, and functions that run over all of them.
"""

from __future__ import annotations

from .._sessions.options import AssumeRoleOptions
from ..exceptions import ExecutorError, OrganizationError
from ._fleet import (
    AccountOptions,
    Fleet,
    FleetCounts,
    FleetResult,
    FleetRun,
    FleetTarget,
    Organization,
)


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
