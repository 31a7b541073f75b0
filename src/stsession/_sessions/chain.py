"""Role chains: the credentials of one role sign the request for the next."""

from __future__ import annotations

import datetime as dt

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from .._core.cache import MemoryCache, chosen_cache
from .._core.credentials import FetchResult, Instant, Record
from .._core.policy import RefreshPolicy
from .._core.refresher import Refresher
from .._core.runtime import current_runtime
from .._requests.models import OPERATIONS, StsRequest, check_inherited
from .._sources.find import mfa_source, role_source
from .._sources.sdk import SdkCredentials
from .._sources.sources import Source
from .._sts.endpoint import StsEndpoint, has_custom_endpoint
from .._sts.fetcher import StsFetcher
from .._tokens.base import TokenSupplier
from ..exceptions import InvalidRequestError
from .options import AssumeRoleOptions, Options


if TYPE_CHECKING:
    from .._tokens.mfa import CodeLike
    from ..fleet._throttle import Throttle

__all__ = ["ChainBuilder", "check_mfa"]


ROLE_OPERATIONS = frozenset(
    {"assume_role", "assume_role_with_saml", "assume_role_with_web_identity"}
)
"""The operations that return the credentials of a role."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Hop:
    """One request of a role chain, with everything that its credentials depend on."""

    request: StsRequest
    source: Source
    endpoint: StsEndpoint
    policy: RefreshPolicy
    token_supplier: TokenSupplier | None = None
    throttle: Throttle | None = None
    """Limits the rate of requests and retries them. `None` leaves retries to the STS
    client."""

    def key(self) -> Hashable:
        """
        Return the cache key, equal for all hops that can share credentials now.

        The key changes when the source gets another identity. The region isn't part of
        the key, because credentials from one region are valid in all regions.
        """
        return (
            self.request,
            self.source.key,
            self.endpoint.url,
            self.endpoint.config_key,
            self.policy,
            None if self.token_supplier is None else self.token_supplier.key,
            self.throttle,
            current_runtime().clock,
        )

    def refresher(self, cache: MemoryCache | None) -> Refresher:
        """
        Return the refresher that equal hops share, or a new one.

        Args:
            cache: The cache that shares refreshers. `None` makes a new refresher.
        """
        if cache is None:
            return self._make(None, None)
        refresher = cache.refresher(
            self.key(), lambda record: self._make(record, cache)
        )
        fetch: Any = refresher.fetch  # `_make` made it
        if self.token_supplier is not None:
            fetch.token_supplier.update(self.token_supplier)
        return refresher

    def _make(self, record: Record | None, cache: MemoryCache | None) -> Refresher:
        fetch = StsFetcher(
            request=self.request,
            source=self.source,
            endpoint=self._endpoint,
            clock=current_runtime().clock,
            token_supplier=self.token_supplier,
            retry_loop=self._retry_loop(),
        )
        needs_input = fetch.needs_input
        shared = None if cache is None else self._shared(fetch.portable_key, cache)
        if shared is not None:
            fetch.shared, needs_input = shared, shared.if_needed(needs_input)
        return Refresher(
            name=self.request.name,
            source=self.source.name,
            fetch=fetch,
            needs_input=needs_input,
            policy=self.policy,
            load_timeout=self._load_timeout(),
            keep=None if cache is None else partial(self._keep, cache, self.key()),
            record=record,
        )

    def _shared(self, key: Callable[[], Any], cache: MemoryCache) -> Any:
        description = {
            "operation": self.request.operation,
            "name": self.request.name,
            "role_session_name": self.request.get("role_session_name"),
            "source": self.source.name,
        }
        return cache.shared_fetch(self.request.operation, key, self.policy, description)

    def _keep(
        self, cache: MemoryCache, key: Hashable, record: Record, now: Instant
    ) -> None:
        # Don't store credentials of another identity.
        if key == self.key():
            cache.keep(key, record, now)

    @property
    def _endpoint(self) -> StsEndpoint:
        # A throttle has to count each request that is sent.
        return (
            self.endpoint if self.throttle is None else self.endpoint.single_attempt()
        )

    def _retry_loop(self) -> Callable[[Callable[[], FetchResult]], FetchResult] | None:
        if self.throttle is None:
            return None
        limit = self.policy.load_timeout
        return self.throttle.retry_loop(
            self.throttle.timeout if limit is None else limit.total_seconds(),
            action=self.request.action,
            hop=self.request.name,
        )

    def _load_timeout(self) -> float:
        if self.policy.load_timeout is not None:
            return self.policy.load_timeout.total_seconds()
        signed = self.source.signer is not None
        own = self._endpoint.load_timeout(signed=signed)
        throttled = 0.0 if self.throttle is None else self.throttle.timeout
        # The source may need new credentials first.
        token = 0.0 if self.token_supplier is None else self.token_supplier.timeout
        return own + self.source.load_timeout + token + throttled


class ChainBuilder:
    """
    Builds a role chain: each request is signed with the credentials of the one before.

    Args:
        source: The source that signs the first request.

        options: The options of the session.

        refreshers: The refreshers of the roles that *source* gets its credentials from.

        role_arn:
            The ARN of the first role, or an empty string. The role's partition decides
            whether a region is required.

    Attributes:
        refreshers: The refreshers of all requests, in their order.

        source: The source that signs the last request.

        key: Returns a key that identifies the last credentials, see `Hop.key`.

        is_role: Whether the last credentials are those of an assumed role.

        endpoint: The STS endpoint of all requests.

        custom_endpoint: Whether *endpoint* isn't one of AWS's.

        throttle: Limits the rate of all requests. `None` means no limit.

    Raises:
        InvalidRequestError: If a region is required and none is configured.
    """

    def __init__(
        self,
        source: Source,
        options: Options,
        *,
        refreshers: tuple[Refresher, ...] = (),
        role_arn: str = "",
    ) -> None:
        self.options: Options = options
        self.endpoint: StsEndpoint = options.endpoint(source, role_arn=role_arn)
        self.custom_endpoint: bool = has_custom_endpoint(
            source.settings, self.endpoint.url
        )
        self.refreshers: tuple[Refresher, ...] = refreshers
        self.source: Source = source
        self.key: Callable[[], Hashable] = lambda: source.key
        self.is_role: bool = False
        self.throttle: Throttle | None = None
        self._next: Source | None = source

    @property
    def next_source(self) -> Source:
        """The source that signs the next request."""
        if self._next is None:
            self._next = role_source(self.refreshers[-1], self.source, key=self.key)
        return self._next

    def add(
        self, operation: str, token: TokenSupplier | None = None, /, **arguments: Any
    ) -> None:
        """
        Add a request that is signed with the credentials of the previous one.

        Args:
            operation: A key of `OPERATIONS`.

            token:
                Supplies the MFA code or token of each request. `None` if it has none.

            **arguments: See `StsRequest.checked`.

        Raises:
            InvalidRequestError:
                If STS would reject the request, also because of a parameter of an
                earlier one.
        """
        request = StsRequest.checked(
            operation,
            chained=self.next_source.is_hop and not self.custom_endpoint,
            custom_endpoint=self.custom_endpoint,
            **arguments,
        )
        if not self.custom_endpoint:
            # The first credentials of a profile may come from botocore.
            fetchers = [it.fetch for it in self.refreshers]
            requests = [it.request for it in fetchers if isinstance(it, StsFetcher)]
            check_inherited(request, requests)
        self._append(request, token, self.throttle)

    def _append(
        self,
        request: StsRequest,
        token: TokenSupplier | None,
        throttle: Throttle | None = None,
    ) -> None:
        hop = Hop(
            request=request,
            source=self.next_source,
            endpoint=self.endpoint,
            policy=self.options.refresh,
            token_supplier=token,
            throttle=throttle,
        )
        self.refreshers = (
            *self.refreshers,
            hop.refresher(chosen_cache(self.options.cache)),
        )
        self.source, self.key, self._next = hop.source, hop.key, None
        self.is_role = request.operation in ROLE_OPERATIONS

    def add_roles(
        self, role_arns: Sequence[str], parameters: AssumeRoleOptions
    ) -> None:
        """
        Add an AssumeRole request for each role.

        The parameters are those of the last request. The MFA code is sent with the
        first request, the role session name with all of them.

        Raises:
            InvalidRequestError: If STS would reject a request.
        """
        token = self.add_mfa(
            parameters.get("mfa_serial"),
            parameters.get("mfa_code"),
            parameters.get("mfa_session"),
        )
        name = parameters.get("role_session_name")
        for role_arn in role_arns[:-1]:
            self.add("assume_role", token, role_arn=role_arn, role_session_name=name)
            token = None
        known = {*OPERATIONS["assume_role"].parameters, "duration_seconds"}
        arguments = {key: value for key, value in parameters.items() if key in known}
        self.add("assume_role", token, role_arn=role_arns[-1], **arguments)

    def add_mfa(
        self,
        serial: str | None,
        code: CodeLike = None,
        duration: bool | int | dt.timedelta | None = None,
    ) -> TokenSupplier | None:
        """
        Add an MFA session to the source. Return the code supplier of the next request.

        The arguments are *mfa_serial*, *mfa_code* and *mfa_session* of `assume()`.

        Raises:
            InvalidRequestError: If an argument is invalid.
        """
        check_mfa(serial, code, duration)
        if serial is None:
            return None
        from .mfa_session import MfaSession  # noqa: PLC0415 - most sources have no MFA

        source = self.next_source
        session = MfaSession(serial, code, duration)
        token = session.codes_for(source, strict=not self.custom_endpoint)
        request = session.request(custom_endpoint=self.custom_endpoint)
        if duration is False or not isinstance(source.signer, SdkCredentials):
            return token
        self._append(request, token)  # no throttle: one request for a whole fleet
        self._next = user = mfa_source(self.refreshers[-1], source, key=self.key)
        return token.if_needed(lambda: user.can_use_mfa)


def check_mfa(
    serial: str | None,
    code: CodeLike,
    duration: bool | int | dt.timedelta | None = None,
) -> None:
    """
    Reject MFA arguments that are passed without *mfa_serial*.

    Raises:
        InvalidRequestError: If *code* or *duration* is passed without *serial*.
    """
    if serial is not None:
        return
    for name, value in (("mfa_code", code), ("mfa_session", duration)):
        if value:
            raise InvalidRequestError(
                f"{name} is given without mfa_serial.",
                parameter="mfa_serial",
                hint='Pass the serial number or ARN of the device, or "auto".',
            )
