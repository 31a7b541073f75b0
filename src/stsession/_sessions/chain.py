"""
Builds chains: each role is assumed with the credentials of the one before.
"""

from __future__ import annotations

import os

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from .._core.cache import MemoryCache
from .._core.credentials import Fetched, Instant, Record
from .._core.policy import RefreshPolicy
from .._core.refresher import Refresher
from .._core.runtime import current_runtime
from .._requests.models import StsRequest
from .._sources.find import role_source
from .._sources.sources import Source
from .._sts.endpoint import StsEndpoint, has_custom_endpoint
from .._sts.fetcher import StsFetcher, at_once
from .._tokens.base import NoProof, TokenSupplier
from .options import Options


if TYPE_CHECKING:
    from ..fleet._throttle import Pace

__all__ = ["Chain", "Hop", "SecondFactor"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Hop:
    """
    One request and all that decides which credentials it gives.
    """

    request: StsRequest
    source: Source
    endpoint: StsEndpoint
    policy: RefreshPolicy
    proof: TokenSupplier = attrs.field(factory=NoProof)
    pace: Pace | None = None
    """At whose pace STS is asked. `None`: at once, and the client's retries count."""

    def key(self) -> Hashable:
        """
        Return what is equal at present for hops that can share credentials.

        It changes when another key signs for the source. The region isn't in it: what
        STS returns in one is valid in all.
        """
        return (
            self.request,
            self.source.key,
            self.endpoint.url,
            self.endpoint.config_key,
            self.policy,
            self.proof.key,
            self.pace,
            current_runtime().clock,
        )

    def refresher(self, cache: MemoryCache | None) -> Refresher:
        """
        Make a refresher, or take the one that hops like this share.
        """
        if cache is None:
            return self._make(None, None)
        refresher = cache.refresher(
            self.key(), lambda record: self._make(record, cache)
        )
        fetch: Any = refresher.fetch  # `_make` made it
        fetch.proof.update(self.proof)
        return refresher

    def _make(self, record: Record | None, cache: MemoryCache | None) -> Refresher:
        fetch = StsFetcher(
            request=self.request,
            source=self.source,
            endpoint=self._endpoint,
            clock=current_runtime().clock,
            proof=self.proof,
            pace=self._paced(),
        )
        return Refresher(
            label=self.request.name,
            source=self.source.name,
            fetch=fetch,
            asks=fetch.asks,
            policy=self.policy,
            load_timeout=self._load_timeout(),
            # A function instance is frozen between its invocations.
            foreground="AWS_LAMBDA_FUNCTION_NAME" in os.environ,
            keep=None if cache is None else partial(self._keep, cache, self.key()),
            record=record,
        )

    def _keep(
        self, cache: MemoryCache, key: Hashable, record: Record, now: Instant
    ) -> None:
        # Don't store credentials of another identity.
        if key == self.key():
            cache.keep(key, record, now)

    @property
    def _endpoint(self) -> StsEndpoint:
        # At a pace, each request that leaves has to be counted.
        return self.endpoint if self.pace is None else self.endpoint.asked_once

    def _paced(self) -> Callable[[Callable[[], Fetched]], Fetched]:
        if self.pace is None:
            return at_once
        limit = self.policy.load_timeout
        return self.pace.pursuit(
            self.pace.patience if limit is None else limit.total_seconds(),
            what=self.request.action,
            hop=self.request.name,
        )

    def _load_timeout(self) -> float:
        if self.policy.load_timeout is not None:
            return self.policy.load_timeout.total_seconds()
        signed = self.source.signer is not None
        own = self._endpoint.load_timeout(signed=signed)
        turns = 0.0 if self.pace is None else self.pace.patience
        # The source may have to be waited for first.
        return own + self.source.load_timeout + self.proof.patience + turns


class SecondFactor(Protocol):
    """
    How the source shows a second factor.
    """

    def applied(
        self,
        source: Source,
        *,
        endpoint: StsEndpoint,
        options: Options,
    ) -> tuple[Source, TokenSupplier, tuple[Refresher, ...]]:
        """
        Who asks then, what goes with the request, and what comes before it.
        """


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Chain:
    """
    Roles from the first to the last.
    """

    refreshers: tuple[Refresher, ...]
    source: Source
    """Who assumes the last."""

    key: Callable[[], Hashable]
    """Returns the key of the last."""

    @classmethod
    def of(
        cls,
        role_arns: Sequence[str],
        *,
        source: Source,
        endpoint: StsEndpoint,
        options: Options,
        role_session_name: str | None,
        mfa: SecondFactor | None = None,
        pace: Pace | None = None,
        **details: Any,
    ) -> Chain:
        """
        Check the requests and make the refreshers; *details* are the last's.

        Raises:
            InvalidRequestError: If STS would refuse a request.
        """
        custom = has_custom_endpoint(source.settings, endpoint.url)
        requests, chained = [], source.is_hop
        for number, arn in enumerate(role_arns, 1):
            requests.append(
                StsRequest.checked(
                    "assume_role",
                    role_arn=arn,
                    role_session_name=role_session_name,
                    chained=chained and not custom,
                    custom_endpoint=custom,
                    **(details if number == len(role_arns) else {}),
                )
            )
            chained = True
        proof: TokenSupplier = NoProof()
        refreshers: tuple[Refresher, ...] = ()
        if mfa is not None:
            source, proof, refreshers = mfa.applied(
                source, endpoint=endpoint, options=options
            )
        common: dict[str, Any] = {
            "endpoint": endpoint,
            "policy": options.refresh,
            "pace": pace,
        }
        first, *further = requests
        hop = Hop(request=first, source=source, proof=proof, **common)
        refreshers = (*refreshers, hop.refresher(options.cache))
        for request in further:
            source = role_source(refreshers[-1], source, key=hop.key)
            hop = Hop(request=request, source=source, **common)
            refreshers = (*refreshers, hop.refresher(options.cache))
        return cls(refreshers=refreshers, source=source, key=hop.key)
