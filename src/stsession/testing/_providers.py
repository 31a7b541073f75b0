"""
The identity providers of the world outside: what they issued, and to whom.
"""

from __future__ import annotations

import datetime as dt
import threading

from collections.abc import Iterable

from .._core.runtime import Clock, utc
from ._saml import SamlAssertion
from ._web_identity import WebIdentity


__all__ = ["IdentityProviders"]


class IdentityProviders:
    """
    The tables of tokens and assertions.

    One that isn't there was made up, so nothing has to be verified or parsed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # guards the tables below
        self._tokens: dict[str, WebIdentity] = {}
        self._assertions: dict[str, SamlAssertion] = {}
        self._used: set[str] = set()

    def issue_token(
        self, *, subject: str, audience: str, issuer: str, lifetime: dt.timedelta
    ) -> str:
        """
        Make a web identity token.
        """
        now = self._clock.wall()
        identity = WebIdentity(
            subject=subject,
            audience=audience,
            issuer=issuer,
            issued_at=int(now),
            expires_at=int(now + lifetime.total_seconds()),
        )
        token = identity.token()
        with self._lock:
            self._tokens[token] = identity
        return token

    def identity(self, token: str) -> WebIdentity | None:
        """
        What a token says, or `None` if it was made up.
        """
        with self._lock:
            return self._tokens.get(token)

    def issue_assertion(
        self,
        *,
        pairs: Iterable[tuple[str, str]],
        name: str,
        lifetime: dt.timedelta,
        session_duration: int | None,
    ) -> str:
        """
        Make a SAML assertion.
        """
        now = utc(self._clock.wall()).replace(microsecond=0)
        assertion = SamlAssertion(
            pairs=tuple(pairs),
            name=name,
            issued_at=now,
            expires_at=now + lifetime,
            session_duration=session_duration,
        )
        document = assertion.document()
        with self._lock:
            self._assertions[document] = assertion
        return document

    def assertion(self, document: str) -> SamlAssertion | None:
        """
        What an assertion says, or `None` if it was made up.
        """
        with self._lock:
            return self._assertions.get(document)

    def use(self, document: str) -> bool:
        """
        Use an assertion up; tell whether it was the first time.
        """
        with self._lock:
            is_first = document not in self._used
            self._used.add(document)
        return is_first
