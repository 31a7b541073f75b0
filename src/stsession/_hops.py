"""
From role ARNs to refreshers: each role of a chain is assumed by the one before.
"""

from __future__ import annotations

import os
import re

from collections.abc import Hashable, Sequence
from typing import Any

import attrs

from ._credentials import Record
from ._policy import RefreshPolicy
from ._refresher import Refresher
from ._requests import AssumeRoleRequest
from ._seams import current
from ._source import HopSource, Source, hop_source
from ._sts import AssumeRole, StsEndpoint
from ._sts_clients import has_custom_endpoint
from .cache import MemoryCache
from .exceptions import InvalidRequestError


__all__ = ["Chain", "sts_endpoint"]


@attrs.frozen(kw_only=True)
class Hop:
    """
    One role and all that decides which credentials it gives.
    """

    request: AssumeRoleRequest
    source: Source
    endpoint: StsEndpoint
    policy: RefreshPolicy

    @property
    def key(self) -> Hashable:
        """
        What is equal for hops that can share credentials.

        The region isn't in it: what STS gives in one is good in all.
        """
        return (
            self.request,
            self.source.key,
            self.endpoint.url,
            id(self.endpoint.config),
            self.policy,
            current().clock,
        )

    def refresher(self, cache: MemoryCache | None) -> Refresher:
        """
        Make a refresher, or take the one that hops like this share.
        """
        if cache is None:
            return self._make(None, None)
        return cache.refresher(self.key, lambda record: self._make(record, cache))

    def _make(self, record: Record | None, cache: MemoryCache | None) -> Refresher:
        key, timeout = self.key, self.policy.load_timeout
        return Refresher(
            label=self.request.role_arn,
            source=self.source.name,
            fetch=AssumeRole(
                request=self.request,
                source=self.source,
                endpoint=self.endpoint,
                clock=current().clock,
            ),
            policy=self.policy,
            # The source may have to be waited for first.
            load_timeout=(
                self.endpoint.load_timeout + self.source.load_timeout
                if timeout is None
                else timeout.total_seconds()
            ),
            # A function instance is frozen between its invocations.
            foreground="AWS_LAMBDA_FUNCTION_NAME" in os.environ,
            keep=None if cache is None else lambda r, now: cache.keep(key, r, now),
            record=record,
        )


@attrs.frozen(kw_only=True)
class Chain:
    """
    Roles from the first to the last.
    """

    refreshers: tuple[Refresher, ...]
    source: Source
    """Who assumes the last."""

    key: Hashable
    """The key of the last."""

    @classmethod
    def of(
        cls,
        role_arns: Sequence[str],
        *,
        source: Source,
        endpoint: StsEndpoint,
        refresh: RefreshPolicy,
        cache: MemoryCache | None,
        role_session_name: str | None,
        **details: Any,
    ) -> Chain:
        """
        Check the requests and make the refreshers; *details* are the last's.

        Raises:
            InvalidRequestError: If STS would refuse a request.
        """
        custom = has_custom_endpoint(source.settings, endpoint.url)
        refreshers = []
        for number, arn in enumerate(role_arns, 1):
            request = AssumeRoleRequest.checked(
                arn,
                role_session_name=role_session_name,
                chained=isinstance(source, HopSource) and source.is_role and not custom,
                custom_endpoint=custom,
                **(details if number == len(role_arns) else {}),
            )
            hop = Hop(request=request, source=source, endpoint=endpoint, policy=refresh)
            refreshers.append(hop.refresher(cache))
            source = hop_source(refreshers[-1], source, key=hop.key)
        return cls(refreshers=tuple(refreshers), source=hop.source, key=hop.key)


def sts_endpoint(
    source: Source,
    *,
    role_arn: str,
    region: str | None,
    sts_region: str | None,
    sts_regions: Sequence[str] | None,
    url: str | None,
    config: Any,
) -> StsEndpoint:
    """
    Where STS is asked: where the user says, or else in the session's region.

    Raises:
        InvalidRequestError:
            If they say nothing that makes sense, or different things.
    """
    if sts_region is not None and sts_regions is not None:
        raise InvalidRequestError(
            "Both sts_region and sts_regions are given.",
            parameter="sts_regions",
            hint="Put all of them into sts_regions, the preferred one first.",
        )
    if isinstance(sts_regions, str) or (sts_regions is not None and not sts_regions):
        raise InvalidRequestError(
            f"sts_regions is {sts_regions!r}; it takes a list of at least one region.",
            parameter="sts_regions",
            hint='Write sts_regions=["eu-west-1", "eu-central-1"].',
        )
    if url is not None and not re.fullmatch(r"https?://[^/\s]+\S*", url):
        raise InvalidRequestError(
            f"sts_endpoint_url is {url!r}, which isn't the URL of a server.",
            parameter="sts_endpoint_url",
            hint='Write "https://host" or "https://host:port".',
        )
    if sts_regions is not None:
        return StsEndpoint(regions=tuple(sts_regions), url=url, config=config)
    only = sts_region or region or source.settings.get_config_variable("region")
    if not only:
        only = _region_without(source, role_arn, url)
    return StsEndpoint(regions=(only,), url=url, config=config)


def _region_without(source: Source, role_arn: str, url: str | None) -> str:
    """
    The region if nobody has named one: mostly STS can be asked all the same.
    """
    if has_custom_endpoint(source.settings, url):
        return "us-east-1"
    if not role_arn.startswith("arn:aws-"):
        return "aws-global"
    raise InvalidRequestError(
        f"No region is known, and the partition of {role_arn} has no global STS.",
        parameter="region",
        hint="Pass region= or sts_region=, or set AWS_REGION or the profile's region.",
    )
