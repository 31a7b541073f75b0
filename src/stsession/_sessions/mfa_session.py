"""
MFA sessions that sign for the roles after them.
"""

from __future__ import annotations

import datetime as dt
import functools

from collections.abc import Callable

import attrs

from .._core.refresher import Refresher
from .._requests.checks import checked_seconds, checked_serial_number
from .._requests.limits import TOKEN_DURATION
from .._requests.models import StsRequest
from .._sources.find import mfa_source
from .._sources.sdk import SdkCredentials
from .._sources.sources import Source
from .._sts.endpoint import StsEndpoint, has_custom_endpoint
from .._tokens.mfa import CodeLike, MfaCodes, find_serial
from .._tokens.suppliers import MfaCodeSupplier, TokenSupplier
from .chain import Hop
from .options import Options


__all__ = ["Mfa"]


LASTING = TOKEN_DURATION._replace(parameter="mfa_session")


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
        options: Options,
    ) -> tuple[Source, TokenSupplier, tuple[Refresher, ...]]:
        """
        Who asks then, what goes with the request, and what comes before it.
        """
        custom = has_custom_endpoint(source.settings, endpoint.url)
        proof = self.proof(source, strict=not custom)
        lasting = None if isinstance(self.session, bool) else self.session
        request = StsRequest.checked(
            "get_session_token",
            mfa_serial=None if self.serial == "auto" else self.serial,
            duration_seconds=checked_seconds(LASTING, lasting, strict=not custom),
            custom_endpoint=custom,
        )
        if self.session is False or not isinstance(source.signer, SdkCredentials):
            return source, proof, ()
        hop = Hop(
            request=request,
            source=source,
            endpoint=endpoint,
            policy=options.refresh,
            proof=proof,
        )
        refresher = hop.refresher(options.cache)
        user = mfa_source(refresher, source, key=hop.key)
        return user, proof.if_needed(lambda: user.can_use_mfa), (refresher,)

    def proof(self, source: Source, *, strict: bool = False) -> MfaCodeSupplier:
        """
        What goes with a request that shows it.

        Args:
            source: Who asks.

            strict: Whether the serial number has to be one that AWS knows.
        """
        codes = MfaCodes(self.code)
        serial_of = self._serial_of(source, strict=strict)
        return MfaCodeSupplier(serial_of, codes, key=self.serial)

    def _serial_of(self, source: Source, *, strict: bool) -> Callable[[], str]:
        if self.serial == "auto":
            found = functools.lru_cache(maxsize=1)(
                lambda _: find_serial(source.settings, source.name)
            )
            return lambda: found(source.key)  # another user has another device
        serial = checked_serial_number(self.serial, strict=strict)
        return lambda: serial
