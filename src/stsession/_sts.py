"""
Asking STS: requests in, credentials out.
"""

from __future__ import annotations

import datetime as dt
import logging

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import attrs

from botocore.config import Config

from ._clock import Clock
from ._credentials import Fetched, Instant, TemporaryCredentials
from ._requests import AssumeRoleRequest
from ._sts_errors import server_time, translate, unusable_answer
from .exceptions import FailureKind, RefreshError


__all__ = ["AssumeRole", "Signatory", "StsEndpoint"]

logger = logging.getLogger("stsession")

CONNECT_TIMEOUT = 3
READ_TIMEOUT = 5
ATTEMPTS = 3

CHAINED_MAXIMUM = 3_600
"""Seconds; `role chaining
<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html>`_ allows no more."""

ROLE_MAXIMUM = 43_200
"""Seconds; `AssumeRole
<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>`_."""

PACKED_SIZE_WARNING = 90
"""Percent of what STS takes of policies and tags, when packed."""


T = TypeVar("T")


class Signatory(Protocol):
    """
    Who signs a request to STS. Sources are such.
    """

    @property
    def is_role(self) -> bool:
        """
        Whether its credentials are known to be those of an assumed role.
        """

    @property
    def renewable(self) -> bool:
        """
        Whether there can be others some time, if STS refuses these.
        """

    def describe(self, wall: float) -> str:
        """
        Its name, and when its credentials expire, for messages.
        """

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        An STS client that signs with its credentials.
        """

    def prepare(self) -> float | None:
        """
        Have credentials to sign with.

        Returns:
            The seconds they have left. `None` if that isn't known.
        """

    def resolve_again(self) -> bool:
        """
        Look the credentials up anew; return whether there can be others.
        """


@attrs.frozen(kw_only=True)
class StsEndpoint:
    """
    Where and how STS is asked.

    Args:
        regions: Where to ask, in order of preference.

        url: A server that isn't AWS's. `None` means what the source's
            configuration says.

        config: What the user wants different in the client's configuration.
    """

    regions: tuple[str | None, ...]
    url: str | None = None
    config: Config | None = attrs.field(default=None, eq=id)

    @property
    def client_config(self) -> Config:
        """
        Short time-outs, few attempts; the user's settings win.
        """
        ours = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # Many roles may be refreshed at once by one client. Our requests
            # have been checked, and other servers take other values than AWS.
            max_pool_connections=50,
            parameter_validation=False,
        )
        return ours if self.config is None else ours.merge(self.config)

    @property
    def load_timeout(self) -> float:
        """
        Seconds that the client takes to give up, and a few for its pauses.
        """
        config: Any = self.client_config  # its attributes aren't in its stubs
        retries = config.retries or {}
        attempts = retries.get("total_max_attempts")
        if attempts is None:
            attempts = retries.get("max_attempts", ATTEMPTS - 1) + 1
        connect = config.connect_timeout or 0
        read = config.read_timeout or 0
        return float(attempts * (connect + read) + 6)


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
            return CHAINED_MAXIMUM
        return ROLE_MAXIMUM

    def refused(self, role_arn: str) -> None:
        """
        The most was too much.
        """
        self._refused.add(role_arn)


longest = _LongestDurations()


@attrs.define(kw_only=True, eq=False)
class AssumeRole:
    """
    Fetches the credentials of one role. Called by one thread at a time.

    Args:
        request: What is asked.

        source: Who asks.

        endpoint: Where.

        clock: The two clocks.
    """

    request: AssumeRoleRequest
    source: Signatory
    endpoint: StsEndpoint
    clock: Clock
    _outages: int = attrs.field(default=0, init=False)
    _warned_of_size: bool = attrs.field(default=False, init=False)

    def __call__(self) -> Fetched:
        """
        Ask STS.

        Raises:
            RefreshError: If it refuses, or can't be reached.
        """
        try:
            return self._ask()
        except RefreshError as e:
            if e.kind is not FailureKind.SOURCE_EXPIRED:
                raise
            if not self._translating(self.source.resolve_again):
                e.kind = FailureKind.SOURCE  # it has the same keys for ever
                raise
        try:
            return attrs.evolve(self._ask(), source_resolved_again=True)
        except RefreshError as again:
            expired = again.kind is FailureKind.SOURCE_EXPIRED
            if expired and not self.source.renewable:
                again.kind = FailureKind.SOURCE
            raise

    @property
    def _what(self) -> str:
        return (
            f"Could not assume {self.request.role_arn} "
            f'as "{self.request.role_session_name}"'
        )

    def _ask(self) -> Fetched:
        source_remaining = self._translating(self.source.prepare)
        duration = self._duration()
        for region in self._regions():
            began = Instant(self.clock.wall(), self.clock.monotonic())
            try:
                answer = self._translating(partial(self._call, region, duration))
            except RefreshError as e:
                error = e
                self._outages += error.kind is FailureKind.OUTAGE
                if self._too_long(error, duration):
                    return self._ask()
                if error.code != "RegionDisabledException":
                    raise
            else:
                self._outages = 0
                return self._read(answer, began, source_remaining)
        raise error

    def _regions(self) -> tuple[str | None, ...]:
        """
        The region to ask, and those to ask if STS isn't active in it.

        After two outages in a row it's the next one's turn.
        """
        regions = self.endpoint.regions
        turn = self._outages // 2 % len(regions)
        return regions[turn:] + regions[:turn]

    def _duration(self) -> int | None:
        if self.request.duration_seconds != "max":
            return self.request.duration_seconds
        return longest.asked(self.request.role_arn, chained=self.source.is_role)

    def _too_long(self, error: RefreshError, duration: int | None) -> bool:
        """
        Whether the most was too much, so that an hour is worth a try.
        """
        if self.request.duration_seconds != "max" or error.code != "ValidationError":
            return False
        if duration is None or duration <= CHAINED_MAXIMUM:
            return False
        longest.refused(self.request.role_arn)
        return True

    def _call(self, region: str | None, duration: int | None) -> dict[str, Any]:
        client = self.source.client(region, self.endpoint)
        params = self.request.to_params(duration_seconds=duration)
        try:
            answer: dict[str, Any] = client.assume_role(**params)
        except (LookupError, ValueError) as e:  # XML, but not as botocore knows it
            raise self._unusable("can't be read") from e
        return answer

    def _translating(self, do: Callable[[], T]) -> T:
        """
        Do something, and make an error of ours of whatever it raises.
        """
        try:
            return do()
        except Exception as e:  # noqa: BLE001 - made into one of ours
            error = self._translated(e)
        # Out here, so that its context doesn't hold what its cause leaves out.
        raise error

    def _translated(self, error: Exception) -> RefreshError:
        return translate(
            error,
            what=self._what,
            hop=self.request.role_arn,
            source=self.source.describe(self.clock.wall()),
            wall=self.clock.wall(),
        )

    def _read(
        self, answer: dict[str, Any], began: Instant, source_remaining: float | None
    ) -> Fetched:
        told = answer.get("Credentials") or {}
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
            if not isinstance(told.get(name), str) or not told[name]:
                raise self._unusable(f"has no {name}")
        if not isinstance(told.get("Expiration"), dt.datetime):
            raise self._unusable("has no readable Expiration")
        self._warn_of_size(answer.get("PackedPolicySize"))
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        arn = str((answer.get("AssumedRoleUser") or {}).get("Arn") or "")
        return Fetched(
            credentials=TemporaryCredentials(
                access_key_id=told["AccessKeyId"],
                secret_access_key=told["SecretAccessKey"],
                session_token=told["SessionToken"],
                expires_at=told["Expiration"].astimezone(dt.timezone.utc),
                account_id=account_of(arn) or account_of(self.request.role_arn),
            ),
            server_time=server_time(headers),
            began=began,
            source_remaining=source_remaining,
        )

    def _unusable(self, why: str) -> RefreshError:
        return unusable_answer(self._what, why, self.request.role_arn)

    def _warn_of_size(self, percent: object) -> None:
        if self._warned_of_size or not isinstance(percent, int):
            return
        if percent > PACKED_SIZE_WARNING:
            self._warned_of_size = True
            logger.warning(
                "%s: the session's policies and tags take %s %% of what STS allows",
                self.request.role_arn,
                percent,
            )


def account_of(arn: str) -> str | None:
    """
    The account in an ARN.

    `None` if there is none, as on servers that have no accounts.
    """
    parts = arn.split(":")
    return parts[4] or None if len(parts) > 5 else None
