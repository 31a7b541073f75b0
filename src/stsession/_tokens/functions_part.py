"""
Functions of the user: what to call them, and what to say if they fail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .._core.errors import begun
from ..exceptions import FailureKind, RefreshError


__all__ = ["called", "name_of"]


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
            f"{what}. {begun(name_of(function))} raised {type(e).__name__}.",
            kind=kind,
            hop=hop,
            hint="The cause of this error says more.",
        ) from e
