"""Sessions of a fleet, one by one."""

from __future__ import annotations

import stsession


def fleet_session(role_arn, *, region=None, **options):
    """Return the session of a fleet with a single role."""
    regions = None if region is None else [region]
    return stsession.Fleet([role_arn], regions=regions, **options).session(role_arn)
