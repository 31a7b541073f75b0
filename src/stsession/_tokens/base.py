"""
What may have to go with a request, and the request that needs nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from ..exceptions import RefreshError


__all__ = ["NoProof", "Proof"]


class Proof(Protocol):
    """
    Gives parameters to each request anew.
    """

    @property
    def key(self) -> Hashable:
        """
        What sets it apart, if that makes a difference to the credentials.
        """

    @property
    def asks(self) -> bool:
        """
        Whether somebody has to be there to give it.
        """

    @property
    def serves_once(self) -> bool:
        """
        Whether it must not be sent twice, not even if there was no answer.
        """

    @property
    def patience(self) -> float:
        """
        Seconds more that others wait for a request that it goes with.
        """

    def parameters(self) -> dict[str, str]:
        """
        What to send. May block while somebody is asked.

        Raises:
            RefreshError: If there is nothing.
        """

    def remaining(self, wall: float) -> float | None:
        """
        Seconds that what was given last is good for. `None` if unknown.
        """

    def is_refused(self, error: RefreshError) -> bool:
        """
        Whether it is the proof that STS refused.
        """

    def can_renew(self) -> bool:
        """
        Whether asking again may bring another one.
        """

    def accepted(self) -> None:
        """
        STS has taken it.
        """

    def refused(self) -> None:
        """
        STS hasn't.
        """

    def explained(self, error: RefreshError) -> RefreshError:
        """
        The error that says what was wrong with it.
        """

    def update(self, later: Proof) -> None:
        """
        Somebody who shares it has brought another one.
        """


class NoProof:
    """
    The request speaks for itself.
    """

    key: Hashable = None
    asks = False
    serves_once = False
    patience = 0.0

    def parameters(self) -> dict[str, str]:
        """
        Nothing.
        """
        return {}

    def remaining(self, wall: float) -> float | None:
        """
        Not known.
        """
        return None

    def is_refused(self, error: RefreshError) -> bool:
        """
        Never.
        """
        return False

    def can_renew(self) -> bool:
        """
        No.
        """
        return False

    def accepted(self) -> None:
        """
        Nobody minds.
        """

    def refused(self) -> None:
        """
        Nobody is told.
        """

    def explained(self, error: RefreshError) -> RefreshError:
        """
        The same error.
        """
        return error

    def update(self, later: Proof) -> None:
        """
        Makes no difference.
        """
