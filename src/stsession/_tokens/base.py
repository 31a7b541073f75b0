"""
What every token supplier has.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar

from .._core.errors import capitalized
from ..exceptions import FailureKind, RefreshError


__all__ = ["NoProof", "TokenSupplier", "called", "name_of"]


class TokenSupplier(Protocol):
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

    def update(self, later: TokenSupplier) -> None:
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

    def update(self, later: TokenSupplier) -> None:
        """
        Makes no difference.
        """


T = TypeVar("T")


def name_of(function: Callable[..., Any]) -> str:
    """
    What messages call it.
    """
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"the function {name}()"


def called(
    function: Callable[..., T],
    *args: Any,
    what: str,
    hop: str,
    failure: type[RefreshError],
    kind: FailureKind | None = None,
) -> T:
    """
    Call it, and make an error of ours of what it raises.

    Args:
        function: It.

        *args: What it is given.

        what: What couldn't be done, if it fails; a sentence without its full stop.

        hop: For whom or what.

        failure: The class of the error.

        kind: Its kind. `None` means the usual one.

    Raises:
        RefreshError: If it fails. Its text may hold anything, so only its class is
            quoted; one of our errors says it best itself.
    """
    try:
        return function(*args)
    except (RefreshError, MemoryError):
        raise
    except Exception as e:
        raise failure(
            f"{what}. {capitalized(name_of(function))} raised {type(e).__name__}.",
            kind=kind,
            hop=hop,
            hint="The cause of this error says more.",
        ) from e
