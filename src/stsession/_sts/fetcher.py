"""Calls STS and returns credentials."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import math

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import attrs
import botocore.session

from .._botocore.errors import presentable
from .._core.credentials import FetchResult, Instant, TemporaryCredentials
from .._core.errors import lifetime_of, without_frames
from .._core.events import write_log
from .._core.runtime import Clock
from .._requests.arns import account_of
from .._requests.limits import CHAINED_DURATION, ROLE_DURATION
from .._requests.models import OPERATIONS, StsRequest
from .._tokens.base import TokenSupplier
from .._util import per_process
from ..exceptions import FailureKind, RefreshError
from .endpoint import StsEndpoint
from .errors import Attempt, server_time, translate, unusable_response


__all__ = ["RequestSource", "SigningCredentials", "StsFetcher"]


class SigningCredentials(Protocol):
    """Credentials that sign requests to STS."""

    @property
    def is_role(self) -> bool:
        """Whether these are credentials of an assumed role. May look them up."""

    @property
    def can_use_mfa(self) -> bool:
        """Whether *mfa_serial* would change a request that these credentials sign."""

    @property
    def renewable(self) -> bool:
        """Whether there may be other credentials after STS has rejected these."""

    def needs_input(self) -> bool:
        """Return whether `prepare` would prompt for input now."""

    def prepare(self) -> float | None:
        """
        Refresh the credentials if necessary; return the seconds until they expire.

        `None` means that the expiration isn't known, or that the credentials are
        refreshed in time. Blocks while they are refreshed.

        Raises:
            RefreshError: If there are no credentials.
        """

    def invalidate(self) -> bool:
        """Replace credentials that STS rejected; return whether a retry may succeed."""


class RequestSource(SigningCredentials, Protocol):
    """Credentials that sign a request to STS, with the clients that send it."""

    @property
    def settings(self) -> botocore.session.Session:
        """The session with the configuration of the clients."""

    def portable_key(self) -> Any:
        """
        Return what distinguishes the source from others, see `StsFetcher.portable_key`.
        """

    def describe(self, wall: float) -> str:
        """
        Return its name, and when its credentials expire, for messages.

        Args:
            wall: The local time, in seconds since 1970.
        """

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """Return an STS client that signs with its credentials."""


LIFETIME_TOLERANCE = 60.0
"""Seconds by which a lifetime may be exceeded, because a response's `Date` is older."""

PACKED_SIZE_WARNING = 90
"""Percent of the packed size of policies and tags that STS allows."""


_hour_only_roles: per_process[set[str]] = per_process(set)
"""The roles for which STS rejected the maximum of *duration_seconds*."""


@attrs.define(kw_only=True, eq=False, repr=False)
class StsFetcher:
    """
    Fetches credentials with one STS operation. Must be called by one thread at a time.

    Args:
        request: The request.

        source: The credentials that sign the request.

        endpoint: The endpoint and its settings.

        clock: The clock for expirations and for messages.

        token_supplier: Supplies the MFA code, token or assertion of each request.
            `None` if the request has none of them.

        retry_loop: Calls the function that it is passed when, and as often as, STS
            allows. `None` means that STS is called once, immediately.

        shared: Calls the function that it is passed, unless another process has fetched
            the credentials. `None` means that they aren't shared with other processes.
    """

    request: StsRequest
    source: RequestSource
    endpoint: StsEndpoint
    clock: Clock
    token_supplier: TokenSupplier | None = None
    retry_loop: Callable[[Callable[[], FetchResult]], FetchResult] | None = None
    shared: Callable[[Callable[[], FetchResult]], FetchResult] | None = None
    _sent: frozenset[str] = attrs.field(default=frozenset(), init=False)
    _sent_duration: int | None = attrs.field(default=None, init=False)
    _warned_of_size: bool = attrs.field(default=False, init=False)
    client_region: str | None = attrs.field(default=None, init=False)
    """The region in which STS is called if no region is configured."""

    def __call__(self) -> FetchResult:
        """
        Call STS and return the credentials. Blocks.

        Raises:
            RefreshError: If STS rejects the request or can't be reached, or if the
                source has no credentials.
        """
        try:
            return self._fetch() if self.shared is None else self.shared(self._fetch)
        except RefreshError as e:
            error = without_frames(e)
        # Out here, where no local variable holds the request or the response.
        raise error

    def needs_input(self) -> bool:
        return self.source.needs_input() or (
            self.token_supplier is not None and self.token_supplier.needs_input()
        )

    def portable_key(self) -> Any:
        """
        Return what the credentials depend on, as JSON values equal in all processes.

        `None` means that they can't be shared with other processes. It has no secrets.
        May look up the source's credentials.

        Raises:
            RefreshError: If the source or the token isn't available.
        """
        if self.request.get("provided_contexts"):
            return None
        token = [] if self.token_supplier is None else self.token_supplier.portable_key
        source = None if token is None else self.source.portable_key()
        if source is None:
            return None
        return [
            self.request.operation,
            [list(argument) for argument in self.request.arguments],
            self.request.duration_seconds,
            self.endpoint.portable_key(self.source.settings),
            token,
            source,
        ]

    def _fetch(self) -> FetchResult:
        """Send the request. Resend it once if other keys or another token may help."""
        try:
            return self._send()
        except RefreshError as e:
            rejection = self._token_rejection(e)
            if rejection is not None:
                if not self._can_renew_token():
                    raise rejection from e.__cause__
            elif e.kind is not FailureKind.SOURCE_EXPIRED:
                raise
            elif not self._invalidate_source():
                e.kind = FailureKind.SOURCE  # its credentials never change
                raise
            elif self._is_token_used_up():
                raise
        try:
            return self._send()._replace(source_resolved_again=True)
        except RefreshError as e:
            rejection = self._token_rejection(e)
            if rejection is not None:
                raise rejection from e.__cause__
            if e.kind is FailureKind.SOURCE_EXPIRED and not self.source.renewable:
                e.kind = FailureKind.SOURCE
            raise

    def _invalidate_source(self) -> bool:
        with self._translating():
            return self.source.invalidate()

    def _send(self) -> FetchResult:
        return (
            self._attempt()
            if self.retry_loop is None
            else self.retry_loop(self._attempt)
        )

    def _attempt(self) -> FetchResult:
        self._sent = frozenset()
        with self._translating():
            remaining = self.source.prepare()
            token = self._new_token()
        began = Instant(self.clock.wall(), self.clock.monotonic())
        response = self._response(token)
        return self._read(response, began, remaining)

    def _response(self, token: dict[str, str]) -> dict[str, Any]:
        """
        Call STS in the first region that works, with the longest duration that works.
        """
        duration, shortened = self._duration(), False
        regions = self._regions()
        while True:
            region = regions.pop(0)
            try:
                response = self._call(region, duration, token)
            except RefreshError as e:
                if self._is_too_long(e, duration):
                    duration, shortened = CHAINED_DURATION.maximum, True
                    regions = self._regions()
                elif not regions or not _may_pass(e, elsewhere=region != regions[-1]):
                    raise
                token = self._token_to_resend(token, e)
            else:
                if shortened:
                    _hour_only_roles().add(self.request.name)
                return response

    def _regions(self) -> list[str]:
        """
        Return the regions to try. A single one is tried twice if a client tries once.
        """
        default = self.client_region or "aws-global"
        regions = [region or default for region in self.endpoint.regions]
        alone = len(regions) == 1 and self.retry_loop is None
        return regions * 2 if alone and self._single_use else regions

    def _new_token(self) -> dict[str, str]:
        return {} if self.token_supplier is None else self.token_supplier.parameters()

    def _token_to_resend(
        self, token: dict[str, str], error: RefreshError
    ) -> dict[str, str]:
        """Return the token for sending the request again after *error*, or raise it."""
        if self._is_token_used_up():
            raise error
        if not self._single_use:
            return token
        with self._translating():
            return self._new_token()

    def _token_rejection(self, error: RefreshError) -> RefreshError | None:
        """Return the error to raise if STS rejected the token, or `None`."""
        supplier = self.token_supplier
        return None if supplier is None else supplier.rejected(error)

    def _can_renew_token(self) -> bool:
        return self.token_supplier is not None and self.token_supplier.can_renew()

    @property
    def _single_use(self) -> bool:
        return self.token_supplier is not None and self.token_supplier.single_use

    def _is_token_used_up(self) -> bool:
        """Return whether the token was for single use, and there is no other."""
        return self._single_use and not self._can_renew_token()

    def _duration(self) -> int | None:
        if self.request.duration_seconds != "max":
            return self.request.duration_seconds
        hour_only = self.source.is_role or self.request.name in _hour_only_roles()
        return (CHAINED_DURATION if hour_only else ROLE_DURATION).maximum

    def _is_too_long(self, error: RefreshError, duration: int | None) -> bool:
        if self.request.duration_seconds != "max" or error.code != "ValidationError":
            return False
        return duration is not None and duration > CHAINED_DURATION.maximum

    def _call(
        self, region: str, duration: int | None, token: dict[str, str]
    ) -> dict[str, Any]:
        endpoint = self.endpoint
        if self._single_use:
            endpoint = endpoint.single_attempt()
        with self._translating():
            client = self.source.client(region, endpoint)
            params = {**self.request.to_params(duration_seconds=duration), **token}
            self._sent, self._sent_duration = frozenset(params), duration
            call: Callable[..., dict[str, Any]] = getattr(
                client, self.request.operation
            )
            try:
                return call(**params)
            except (LookupError, ValueError, RuntimeError) as e:
                # XML that botocore can't parse, or a time that it can't compute with.
                raise self._unusable("can't be read") from presentable(e)

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except MemoryError:
            raise  # it has nothing to do with the source
        except Exception as e:  # noqa: BLE001 - made into one of ours
            error = self._translated(e)
            raise error from error.__cause__

    def _translated(self, error: Exception) -> RefreshError:
        attempt = Attempt(
            what=self.request.action,
            hop=self.request.name,
            source=self.source.describe(self.clock.wall()),
            sent=self._sent,
            without_mfa=self.source.can_use_mfa and "TokenCode" not in self._sent,
        )
        return translate(error, attempt, wall=self.clock.wall())

    def _read(
        self, response: dict[str, Any], began: Instant, source_remaining: float | None
    ) -> FetchResult:
        returned = response.get("Credentials") or {}
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
            if not isinstance(returned.get(name), str) or not returned[name]:
                raise self._unusable(f"has no {name}")
        expires_at = _expiration(returned.get("Expiration"))
        if expires_at is None:
            raise self._unusable("has no readable Expiration")
        self._warn_of_size(response.get("PackedPolicySize"))
        user = response.get("AssumedRoleUser") or response.get("FederatedUser") or {}
        arn = str(user.get("Arn") or "")
        fetched = FetchResult(
            credentials=TemporaryCredentials(
                access_key_id=returned["AccessKeyId"],
                secret_access_key=returned["SecretAccessKey"],
                session_token=returned["SessionToken"],
                expires_at=expires_at,
                account_id=self._account_id(arn),
            ),
            server_time=server_time(
                response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            ),
            longest_lifetimes=self._longest_lifetimes(),
            began=began,
        )
        now = Instant(self.clock.wall(), self.clock.monotonic())
        lifetime = lifetime_of(fetched, now, self.request.name)
        token_remaining = None
        if self.token_supplier is not None:
            server_now = expires_at.timestamp() - lifetime
            token_remaining = self.token_supplier.accepted(server_now)
        spans = [s for s in (source_remaining, token_remaining) if s is not None]
        return fetched._replace(source_remaining=min(spans, default=None))

    def _longest_lifetimes(self) -> tuple[float, ...]:
        """
        Return upper bounds of the lifetime: the requested and the longest possible one.
        """
        operation = OPERATIONS[self.request.operation]
        requested = self._sent_duration or operation.default_seconds
        possible = (
            max(requested, operation.duration.maximum)
            if self.endpoint.url is None
            else math.inf
        )
        return requested + LIFETIME_TOLERANCE, possible + LIFETIME_TOLERANCE

    def _account_id(self, arn: str) -> str | None:
        return account_of(arn) or self.request.account_id

    def _unusable(self, why: str) -> RefreshError:
        return unusable_response(self.request.action, why, self.request.name)

    def _warn_of_size(self, percent: object) -> None:
        if self._warned_of_size or not isinstance(percent, int):
            return
        if percent > PACKED_SIZE_WARNING:
            self._warned_of_size = True
            write_log(
                logging.WARNING,
                "%s: the session's policies and tags take %s %% of what STS allows",
                self.request.name,
                percent,
            )


def _may_pass(error: RefreshError, *, elsewhere: bool) -> bool:
    """
    Return whether another attempt may succeed.

    Args:
        error: The error of the last attempt.

        elsewhere: Whether the next attempt is in another region.
    """
    if error.code == "RegionDisabledException":
        return elsewhere
    return error.kind is FailureKind.OUTAGE


def _expiration(value: object) -> dt.datetime | None:
    """Return an expiration in UTC. `None` if it can't be read."""
    if not isinstance(value, dt.datetime):
        return None
    try:
        return value.astimezone(dt.timezone.utc)
    except (OverflowError, ValueError):  # at the end of the year 9999
        return None
