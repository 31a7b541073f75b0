"""
How the sessions of a fleet are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ._assume import RefreshableAssumeRoleSession, SourceLike
from ._pace import Pace, pace_of
from ._recipe import portable
from ._sources import Source
from ._sts_endpoint import StsEndpoint


__all__ = ["FleetSession", "FleetSessions"]


class FleetSession(RefreshableAssumeRoleSession):
    """
    A session that asks STS at the pace of all who have the same source.
    """

    def _pace(self, source: Source, endpoint: StsEndpoint) -> Pace | None:
        return pace_of((source.key, endpoint.url, endpoint.regions))


@attrs.frozen(kw_only=True)
class FleetSessions:
    """
    Makes them. It pickles as its recipe, without secrets.

    Args:
        source: As the user gave it.

        common: What all sessions have in common, in the words of `assume()`.
    """

    source: SourceLike
    common: Mapping[str, Any] = attrs.field(repr=False)

    def make(
        self, role_arn: str, region: str | None, options: Mapping[str, Any]
    ) -> RefreshableAssumeRoleSession:
        """
        Make a session.

        Args:
            role_arn: Whose.

            region: Its region. `None` means the source's.

            options: What is different from *common*.
        """
        return FleetSession(
            role_arn, source=self.source, region=region, **{**self.common, **options}
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return portable(_of_flat, {"source": self.source, **self.common})


def _of_flat(*, source: SourceLike, **common: Any) -> FleetSessions:
    return FleetSessions(source=source, common=common)
