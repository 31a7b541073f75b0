"""
How the sessions of a fleet are made.
"""

from __future__ import annotations

import inspect

from collections.abc import Mapping
from typing import Any

import attrs

from .._lazy import lazy
from .._requests.session_names_part import default_role_session_name
from .._sessions.pickling import portable, surroundings_of
from .._sessions.session import RefreshableAssumeRoleSession
from .._sessions.source_like_part import SourceLike, find_source
from .._sources.sources import Source
from .._sts.sts_endpoint_part import StsEndpoint
from ._clients.cache import LightClients
from ._sessions import LightSession
from ._throttle import Pace, pace_of


__all__ = ["FleetSession", "FleetSessions"]


DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(
        RefreshableAssumeRoleSession
    ).parameters.items()
    if parameter.default is not parameter.empty
}
"""What an argument is if it isn't given."""


class FleetSession(LightSession):
    """
    A session that asks STS at the pace of all who have the same source.
    """

    _root: Source | None = None

    @classmethod
    def by(
        cls, root: Source, surroundings: Mapping[str, Any], **arguments: Any
    ) -> FleetSession:
        """
        Make a session from a source that is known already.
        """
        session = cls.__new__(cls)
        session._root = root  # noqa: SLF001 - its own
        session._surroundings = surroundings  # noqa: SLF001 - its own
        session._become(**arguments)  # noqa: SLF001 - its own
        return session

    def _found(self, source: SourceLike) -> Source:
        return super()._found(source) if self._root is None else self._root

    def widen(self, workers: int) -> None:
        """
        Keep enough connections for so many requests at once.

        That goes for further clients of all sessions that have the same source.
        """
        self._source.widen(workers)
        if self._light is not None:
            self._light.widen(workers)

    def _pace(self, source: Source, endpoint: StsEndpoint) -> Pace | None:
        return pace_of((source.key, endpoint.url, endpoint.regions))


@attrs.frozen(kw_only=True, slots=False)
class FleetSessions:
    """
    Makes them. It pickles as its recipe, without secrets.

    Args:
        source: As the user gave it.

        common: What all sessions have in common, in the words of `assume()`.
    """

    source: SourceLike
    common: Mapping[str, Any] = attrs.field(repr=False)

    @lazy
    def root(self) -> Source:
        """
        Who the source is.
        """
        return find_source(self.source)

    @lazy
    def surroundings(self) -> Mapping[str, Any]:
        """
        What the source selects in the environment when the first session is made.
        """
        return surroundings_of({"source": self.source})

    def make(
        self, role_arn: str, region: str | None, options: Mapping[str, Any]
    ) -> FleetSession:
        """
        Make a session.

        Args:
            role_arn: Whose.

            region: Its region. `None` means the source's.

            options: What is different from *common*.
        """
        arguments = {**DEFAULTS, **self.common, **options}
        arguments.update(role_arn=role_arn, source=self.source, region=region)
        if arguments["role_session_name"] is None:
            arguments["role_session_name"] = self._role_session_name
        return FleetSession.by(self.root, self.surroundings, **arguments)

    def close(self) -> None:
        """
        Close the idle connections to STS and to services.
        """
        LightClients.of(self.root.settings).close()
        self.root.close()

    @lazy
    def _role_session_name(self) -> str:
        return default_role_session_name()

    def __reduce__(self) -> tuple[Any, ...]:
        return portable(_of_flat, {"source": self.source, **self.common})


def _of_flat(*, source: SourceLike, **common: Any) -> FleetSessions:
    return FleetSessions(source=source, common=common)
