"""
Calls STS and returns credentials.
"""

from __future__ import annotations

import datetime as dt
import logging
import math

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import attrs

from .._botocore.errors import presentable
from .._core.credentials import Fetched, Instant, TemporaryCredentials
from .._core.errors import lifetime_of, without_frames
from .._core.events import write_log
from .._core.runtime import Clock
from .._requests.arns import account_of
from .._requests.limits import CHAINED_DURATION, ROLE_DURATION
from .._requests.models import OPERATIONS, StsRequest
from .._tokens.base import NoProof, TokenSupplier
from .._util import per_process
from ..exceptions import FailureKind, RefreshError
from .endpoint import StsEndpoint
from .errors import Attempt, server_time, translate, unusable_answer


__all__ = ["Source", "StsFetcher", "at_once"]


class Source(Protocol):
    """
    The credentials that sign a request to STS, with the clients that send it.
    """

    @property
    def is_role(self) -> bool:
        """
        Whether its credentials are those of an assumed role. May look them up.
        """

    @property
    def can_use_mfa(self) -> bool:
        """
        Whether *mfa_serial* would make a difference to a request that it signs.
        """

    @property
    def renewable(self) -> bool:
        """
        Whether there may be other credentials after STS has rejected these.
        """

    def needs_input(self) -> bool:
        """
        Return whether `prepare` would prompt for input now.
        """

    def describe(self, wall: float) -> str:
        """
        Return its name, and when its credentials expire, for messages.
        """

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        Return an STS client that signs with its credentials.
        """

    def prepare(self) -> float | None:
        """
        Refresh the credentials if necessary; return the seconds until they expire.

        `None` means that this isn't known, or that they are refreshed in time.
        Blocks while they are refreshed.

        Raises:
            RefreshError: If there are no credentials.
        """

    def note_region(self, region: str) -> None:
        """
        Call AWS in the region of a client if no region is configured.
        """

    def invalidate(self) -> bool:
        """
        Replace the credentials, as STS has rejected them; return if that can help.
        """


LIFETIME_TOLERANCE = 60.0
"""Seconds by which a lifetime may exceed them, as the `Date` of an answer is older."""

PACKED_SIZE_WARNING = 90
"""Percent of what STS takes of policies and tags, when packed."""


T = TypeVar("T")


class _LongestDurations:
    """
    What ``duration_seconds="max"`` turned out to mean, by role.
    """

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def asked(self, role_arn: str, *, chained: bool) -> int:
        """
        Seconds to ask for.
        """
        if chained or role_arn in self._refused:
            return CHAINED_DURATION.maximum
        return ROLE_DURATION.maximum

    def refused(self, role_arn: str) -> None:
        """
        The most was too much.
        """
        self._refused.add(role_arn)


longest = per_process(_LongestDurations())


def at_once(ask: Callable[[], Fetched]) -> Fetched:
    """
    Ask now, and once.
    """
    return ask()


@attrs.define(kw_only=True, eq=False, repr=False)
class StsFetcher:
    """
    Fetches credentials by one operation of STS. Called by one thread at a time.

    Args:
        request: What is asked.

        source: Who asks.

        endpoint: Where.

        clock: The two clocks.

        proof: What goes with each request and serves for a while only.

        pace: Is given what asks, and calls it when and as often as it sees fit.
    """

    request: StsRequest
    source: Source
    endpoint: StsEndpoint
    clock: Clock
    proof: TokenSupplier = attrs.field(factory=NoProof)
    pace: Callable[[Callable[[], Fetched]], Fetched] = at_once
    _sent: frozenset[str] = attrs.field(default=frozenset(), init=False)
    _sent_duration: int | None = attrs.field(default=None, init=False)
    _warned_of_size: bool = attrs.field(default=False, init=False)
    _client_region: str | None = attrs.field(default=None, init=False)

    def __call__(self) -> Fetched:
        """
        Ask STS.

        Raises:
            RefreshError: If it refuses, or can't be reached.
        """
        try:
            return self._fetched()
        except RefreshError as e:
            error = without_frames(e)
        # Out here, where no local variable holds the request or the answer.
        raise error

    def _fetched(self) -> Fetched:
        try:
            return self.pace(self._ask)
        except RefreshError as e:
            if self.proof.is_refused(e):
                self.proof.refused()
                if not self.proof.can_renew():
                    raise self.proof.explained(e) from e.__cause__
            elif e.kind is not FailureKind.SOURCE_EXPIRED:
                raise
            elif not self._translating(self.source.invalidate):
                e.kind = FailureKind.SOURCE  # it has the same keys for ever
                raise
            elif self._spent:
                raise
        return self._ask_again()

    def asks(self) -> bool:
        """
        Whether somebody would be asked for something now.
        """
        return self.source.needs_input() or self.proof.asks

    def note_region(self, region: str) -> None:
        """
        Use a client's region if none is configured, as botocore does.
        """
        if self._client_region is None:
            self._client_region = region
        self.source.note_region(region)

    def _ask_again(self) -> Fetched:
        try:
            return attrs.evolve(self.pace(self._ask), source_resolved_again=True)
        except RefreshError as e:
            if self.proof.is_refused(e):
                raise self.proof.explained(e) from e.__cause__
            if e.kind is FailureKind.SOURCE_EXPIRED and not self.source.renewable:
                e.kind = FailureKind.SOURCE
            raise

    def _ask(self) -> Fetched:
        self._sent = frozenset()
        remaining = self._translating(self.source.prepare)
        proof = self._translating(self.proof.parameters)
        began = Instant(self.clock.wall(), self.clock.monotonic())
        answer = self._answer(proof)
        self.proof.accepted()
        return self._read(answer, began, remaining)

    def _answer(self, proof: dict[str, str]) -> dict[str, Any]:
        duration = self._duration()
        try:
            return self._answer_of_a_region(proof, duration)
        except RefreshError as e:
            if not self._too_long(e, duration):
                raise
            proof = self._unspent(proof, e)
        answer = self._answer_of_a_region(proof, CHAINED_DURATION.maximum)
        longest.refused(self.request.name)  # it was the duration, then
        return answer

    def _answer_of_a_region(
        self, proof: dict[str, str], duration: int | None
    ) -> dict[str, Any]:
        """
        The answer of the first region that gives one.
        """
        *earlier, last = self._tries()
        for region in earlier:
            try:
                return self._translating(partial(self._call, region, duration, proof))
            except RefreshError as e:  # noqa: PERF203 - there are few regions
                if not _passes(e, elsewhere=region != last):
                    raise
                proof = self._unspent(proof, e)
        return self._translating(partial(self._call, last, duration, proof))

    def _tries(self) -> tuple[str, ...]:
        """
        The regions to ask. The only one is asked twice if its client asks once.
        """
        elsewhere = self._client_region or "aws-global"
        regions = tuple(region or elsewhere for region in self.endpoint.regions)
        alone = len(regions) == 1 and self.pace is at_once
        return regions * 2 if alone and self.proof.serves_once else regions

    def _unspent(self, proof: dict[str, str], error: RefreshError) -> dict[str, str]:
        """
        What goes with the request if it is sent again after *error*.
        """
        if self._spent:
            raise error
        if not self.proof.serves_once:
            return proof
        return self._translating(self.proof.parameters)

    @property
    def _spent(self) -> bool:
        """
        Whether what went with the request has served, and there is nothing else.
        """
        return self.proof.serves_once and not self.proof.can_renew()

    def _duration(self) -> int | None:
        if self.request.duration_seconds != "max":
            return self.request.duration_seconds
        return longest.asked(self.request.name, chained=self.source.is_role)

    def _too_long(self, error: RefreshError, duration: int | None) -> bool:
        """
        Whether the most was too much, so that an hour is worth a try.
        """
        if self.request.duration_seconds != "max" or error.code != "ValidationError":
            return False
        return duration is not None and duration > CHAINED_DURATION.maximum

    def _call(
        self, region: str | None, duration: int | None, proof: dict[str, str]
    ) -> dict[str, Any]:
        once = self.proof.serves_once
        endpoint = self.endpoint.asked_once if once else self.endpoint
        client = self.source.client(region, endpoint)
        params = {**self.request.to_params(duration_seconds=duration), **proof}
        self._sent, self._sent_duration = frozenset(params), duration
        try:
            answer: dict[str, Any] = getattr(client, self.request.operation)(**params)
        except (LookupError, ValueError, RuntimeError) as e:
            # XML, but not as botocore knows it; a time that it can't compute with.
            raise self._unusable("can't be read") from presentable(e)
        return answer

    def _translating(self, do: Callable[[], T]) -> T:
        """
        Do something, and make an error of ours of whatever it raises.
        """
        try:
            return do()
        except MemoryError:
            raise  # it says nothing about the source
        except Exception as e:  # noqa: BLE001 - made into one of ours
            error = self._translated(e)
        # Out here, so that its context doesn't hold what its cause leaves out.
        raise error

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
        self, answer: dict[str, Any], began: Instant, source_remaining: float | None
    ) -> Fetched:
        returned = answer.get("Credentials") or {}
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
            if not isinstance(returned.get(name), str) or not returned[name]:
                raise self._unusable(f"has no {name}")
        expires_at = _expiration(returned.get("Expiration"))
        if expires_at is None:
            raise self._unusable("has no readable Expiration")
        self._warn_of_size(answer.get("PackedPolicySize"))
        who = answer.get("AssumedRoleUser") or answer.get("FederatedUser") or {}
        arn = str(who.get("Arn") or "")
        fetched = Fetched(
            credentials=TemporaryCredentials(
                access_key_id=returned["AccessKeyId"],
                secret_access_key=returned["SecretAccessKey"],
                session_token=returned["SessionToken"],
                expires_at=expires_at,
                account_id=self._account_id(arn),
            ),
            server_time=server_time(
                answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            ),
            longest_lifetimes=self._longest_lifetimes(),
            began=began,
        )
        now = Instant(self.clock.wall(), self.clock.monotonic())
        lifetime = lifetime_of(fetched, now, self.request.name)
        proven = self.proof.remaining(expires_at.timestamp() - lifetime)
        return attrs.evolve(
            fetched, source_remaining=_shorter(source_remaining, proven)
        )

    def _longest_lifetimes(self) -> tuple[float, ...]:
        """
        Upper bounds of the lifetime: what was requested, and what is possible at all.
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
        return unusable_answer(self.request.action, why, self.request.name)

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


def _passes(error: RefreshError, *, elsewhere: bool) -> bool:
    """
    Whether another try may do what this one didn't.

    Args:
        error: What came of it.

        elsewhere: Whether the other would be in another region.
    """
    if error.code == "RegionDisabledException":
        return elsewhere
    return error.kind is FailureKind.OUTAGE


def _expiration(given: object) -> dt.datetime | None:
    """
    Return what STS answered in UTC. `None` if it isn't readable.
    """
    if not isinstance(given, dt.datetime):
        return None
    try:
        return given.astimezone(dt.timezone.utc)
    except (OverflowError, ValueError):  # at the end of the year 9999
        return None


def _shorter(*spans: float | None) -> float | None:
    return min((span for span in spans if span is not None), default=None)
