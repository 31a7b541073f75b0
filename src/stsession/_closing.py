"""
What is closed at the end of a ``with`` block.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Protocol


if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Closing"]


class _Closable(Protocol):
    """
    What can be closed.
    """

    def close(self) -> None:
        """
        End it; may be called more than once.
        """


class Closing:
    """
    Has a ``with`` block give a thing itself, and call its ``close()`` at the end.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self: _Closable,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
