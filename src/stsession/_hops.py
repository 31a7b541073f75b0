"""
From requests to refreshers: each role of a chain is assumed by the one before.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import re

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import attrs

from ._checks import checked_seconds, checked_serial_number
from ._credentials import Record
from ._limits import TOKEN_DURATION
from ._mfa import CodeLike, MfaCodes
from ._mfa_devices import find_serial
from ._pace import PATIENCE as PURSUED
from ._pace import Pace, Pursuit
from ._policy import RefreshPolicy
from ._proofs import CodeProof, NoProof, Proof
from ._refresher import Refresher
from ._requests import AssumeRoleRequest
from ._seams import current
from ._source import hop_source
from ._sources import HopSource, MfaSource, Nobody, SdkSource, Source
from ._sts import StsFetch, StsRequest, at_once
from ._sts_clients import has_custom_endpoint
from ._sts_endpoint import StsEndpoint
from ._token_requests import SessionTokenRequest
from .cache import MemoryCache
from .exceptions import InvalidRequestError


__all__ = ["Chain", "Hop", "Mfa", "sts_endpoint"]

LASTING = TOKEN_DURATION._replace(parameter="mfa_session")

PATIENCE = 120.0
"""Seconds more that others wait while somebody is asked for a code."""


@attrs.frozen(kw_only=True)
class Hop:
    """
    One request and all that decides which credentials it gives.
    """

    request: StsRequest
    source: Source
    endpoint: StsEndpoint
    policy: RefreshPolicy
    proof: Proof = attrs.field(factory=NoProof)
    pace: Pace | None = None
    """At whose pace STS is asked. `None`: at once, and the client's retries count."""

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
            self.proof.key,
            self.pace,
            current().clock,
        )

    def refresher(self, cache: MemoryCache | None) -> Refresher:
        """
        Make a refresher, or take the one that hops like this share.
        """
        if cache is None:
            return self._make(None, None)
        refresher = cache.refresher(self.key, lambda record: self._make(record, cache))
        fetch: Any = refresher.fetch  # `_make` made it
        fetch.proof.update(self.proof)
        return refresher

    def _make(self, record: Record | None, cache: MemoryCache | None) -> Refresher:
        key = self.key
        fetch = StsFetch(
            request=self.request,
            source=self.source,
            endpoint=self._endpoint,
            clock=current().clock,
            proof=self.proof,
            pace=at_once if self.pace is None else self._pursuit(self.pace),
        )
        return Refresher(
            label=self.request.label,
            source=self.source.name,
            fetch=fetch,
            asks=fetch.asks,
            policy=self.policy,
            load_timeout=self._load_timeout(),
            # A function instance is frozen between its invocations.
            foreground="AWS_LAMBDA_FUNCTION_NAME" in os.environ,
            keep=None if cache is None else lambda r, now: cache.keep(key, r, now),
            record=record,
        )

    @property
    def _endpoint(self) -> StsEndpoint:
        # At a pace, each request that leaves has to be counted.
        return (
            self.endpoint
            if self.pace is None
            else attrs.evolve(self.endpoint, attempts=1)
        )

    def _pursuit(self, pace: Pace) -> Pursuit:
        asking = self._endpoint.load_timeout()
        return Pursuit(pace=pace, patience=max(0.0, self._load_timeout() - asking))

    def _load_timeout(self) -> float:
        if self.policy.load_timeout is not None:
            return self.policy.load_timeout.total_seconds()
        # The source may have to be waited for first, and people take their time.
        patience = PATIENCE if isinstance(self.proof, CodeProof) else 0.0
        signed = not isinstance(self.source, Nobody)
        own = self._endpoint.load_timeout(signed=signed)
        turns = 0.0 if self.pace is None else PURSUED
        return own + self.source.load_timeout + patience + turns


@attrs.frozen(kw_only=True)
class Mfa:
    """
    How the source shows a second factor.

    Args:
        serial: The device; ``"auto"`` has IAM asked for it.

        code: Where its codes come from.

        session:
            For how long one code serves; `True` or `None` for STS's default,
            `False` for one AssumeRole only.
    """

    serial: str
    code: CodeLike = attrs.field(repr=False)
    session: bool | int | dt.timedelta | None = None

    def applied(
        self,
        source: Source,
        *,
        endpoint: StsEndpoint,
        refresh: RefreshPolicy,
        cache: MemoryCache | None,
    ) -> tuple[Source, Proof, tuple[Refresher, ...]]:
        """
        Who asks then, what goes with the request, and what comes before it.
        """
        custom = has_custom_endpoint(source.settings, endpoint.url)
        proof = self.proof(source, strict=not custom)
        lasting = None if isinstance(self.session, bool) else self.session
        request = SessionTokenRequest.checked(
            mfa_serial=None if self.serial == "auto" else self.serial,
            duration_seconds=checked_seconds(LASTING, lasting, strict=not custom),
            custom_endpoint=custom,
        )
        if self.session is False or not isinstance(source, SdkSource):
            return source, proof, ()
        hop = Hop(
            request=request,
            source=source,
            endpoint=endpoint,
            policy=refresh,
            proof=proof,
        )
        refresher = hop.refresher(cache)
        session = hop_source(refresher, source, key=hop.key, is_role=False)
        user = MfaSource(source, session)
        return user, proof.if_needed(lambda: not user.applies), (refresher,)

    def proof(self, source: Source, *, strict: bool = False) -> CodeProof:
        """
        What goes with a request that shows it.

        Args:
            source: Who asks.

            strict: Whether the serial number has to be one that AWS knows.
        """
        codes = MfaCodes(self.code)
        serial_of = self._serial_of(source, strict=strict)
        return CodeProof(serial_of, codes, key=self.serial)

    def _serial_of(self, source: Source, *, strict: bool) -> Callable[[], str]:
        if self.serial == "auto":
            return functools.cache(lambda: find_serial(source.settings, source.name))
        serial = checked_serial_number(self.serial, strict=strict)
        return lambda: serial


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
        mfa: Mfa | None = None,
        pace: Pace | None = None,
        **details: Any,
    ) -> Chain:
        """
        Check the requests and make the refreshers; *details* are the last's.

        Raises:
            InvalidRequestError: If STS would refuse a request.
        """
        custom = has_custom_endpoint(source.settings, endpoint.url)
        requests, chained = [], isinstance(source, HopSource) and source.is_role
        for number, arn in enumerate(role_arns, 1):
            requests.append(
                AssumeRoleRequest.checked(
                    arn,
                    role_session_name=role_session_name,
                    chained=chained and not custom,
                    custom_endpoint=custom,
                    **(details if number == len(role_arns) else {}),
                )
            )
            chained = True
        proof: Proof = NoProof()
        refreshers: tuple[Refresher, ...] = ()
        if mfa is not None:
            source, proof, refreshers = mfa.applied(
                source, endpoint=endpoint, refresh=refresh, cache=cache
            )
        common: dict[str, Any] = {
            "endpoint": endpoint,
            "policy": refresh,
            "pace": pace,
        }
        first, *further = requests
        hop = Hop(request=first, source=source, proof=proof, **common)
        refreshers = (*refreshers, hop.refresher(cache))
        for request in further:
            source = hop_source(refreshers[-1], source, key=hop.key)
            hop = Hop(request=request, source=source, **common)
            refreshers = (*refreshers, hop.refresher(cache))
        return cls(refreshers=refreshers, source=source, key=hop.key)


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
    if sts_regions is not None and not (
        isinstance(sts_regions, (list, tuple)) and sts_regions
    ):
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
        hint="Pass region= or sts_region=, or set AWS_DEFAULT_REGION or the profile's "
        "region.",
    )
