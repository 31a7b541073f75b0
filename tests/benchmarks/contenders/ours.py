"""Sessions and fleets of ours."""

from __future__ import annotations

import functools

from collections.abc import Callable
from typing import Any

import boto3

from ..server import role_arn
from .base import Contender


__all__ = ["Fleet", "Stsession"]


class Stsession(Contender):
    """`stsession.assume()`; lazy."""

    NAME = "stsession"

    def begin(self) -> None:
        """Set its clock."""
        import stsession

        self._stsession = stsession
        if self.clock is not None:
            from stsession.testing import use_runtime

            self._installed = use_runtime(clock=self.clock)
            self._installed.__enter__()  # for as long as the process lives

    def session(self, number: int) -> boto3.Session:
        """Make a session."""
        return self._stsession.assume(
            role_arn(number), source="source", duration_seconds=self.seconds
        )


class Fleet(Stsession):
    """`stsession.Fleet`; lazy."""

    NAME = "fleet"

    @functools.cached_property
    def _fleet(self) -> Any:
        more = {} if self.seconds is None else {"duration_seconds": self.seconds}
        arns = [role_arn(number) for number in self.numbers]
        return self._stsession.Fleet(arns, source="source", **more)

    def session(self, number: int) -> boto3.Session:
        """Make a session."""
        made: boto3.Session = self._fleet.session(role_arn(number))
        return made

    def results(self, work: Callable[[boto3.Session], Any]) -> list[Any]:
        """Do *work* for each role; return what `Fleet.map()` gives, errors as well."""
        return list(self._fleet.map(work, max_workers=16))

    def fan_out(self, work: Callable[[boto3.Session], Any]) -> list[Any]:
        """What it is made for."""
        results = self.results(work)
        for result in results:
            if result.error is not None:
                raise result.error
        return [result.value for result in results]
