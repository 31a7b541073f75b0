"""
What a run over a fleet is to do, and how much of it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import attrs

from ._accounts import FleetTarget
from .progress_part import Progress, Silence


__all__ = ["Opened", "Plan"]


Opened = tuple[Callable[[FleetTarget], "Future[Any]"], Callable[[], None]]
"""What takes tasks, and what to call when there are no more."""

BUFFERED = 2
"""Results that may wait to be taken, as a multiple of what is done at once."""

BUFFERED_IN_ORDER = 4


@attrs.frozen(kw_only=True)
class Plan:
    """
    What a run does.

    Args:
        targets: Lists the targets; called when the first result is wanted.

        open: Makes what takes tasks.

        max_workers: How many tasks there are at once.

        ordered: Whether results come in the order of the targets.

        progress: Makes the one who is told, for a number of targets.
    """

    targets: Callable[[], Sequence[FleetTarget]]
    open: Callable[[], Opened]
    max_workers: int
    ordered: bool = False
    progress: Callable[[int], Progress] = lambda _: Silence()

    @property
    def room(self) -> int:
        """
        Tasks and results that there are at most before the consumer takes one.
        """
        return self.max_workers * (BUFFERED_IN_ORDER if self.ordered else BUFFERED)
