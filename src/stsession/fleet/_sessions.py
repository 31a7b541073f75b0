"""
Creates the sessions of a fleet.
"""

from __future__ import annotations

import functools
import inspect

from collections.abc import Mapping
from typing import Any

import attrs
import botocore.session

from .._botocore.sdk_classes import BotoSession
from .._requests.checks import default_role_session_name
from .._sessions.chain import ChainBuilder
from .._sessions.options import Options
from .._sessions.pickling import portable, surroundings_of
from .._sessions.session import (
    RefreshableAssumeRoleSession,
    chain_from,
    note_region,
)
from .._sources.find import SourceLike, find_source
from .._sources.sources import Source
from .._util import lazy
from ._clients.cache import LightClients
from ._throttle import throttle_for


__all__ = ["FleetSession", "FleetSessions", "LightSession"]


BEGUN_LATE = frozenset({"_loader", "_session", "resource_factory"})
"""What the initializer of `boto3.Session` sets."""

ORDER = ("region_name", "api_version", "use_ssl", "verify", "endpoint_url")
"""What is said by position, if it is."""

LIGHT = frozenset({*ORDER, "config"})
"""What may be said about a client that shares parts with others."""


def _same_for_all(name: str) -> Any:
    """
    A property or method of `boto3.Session` that says the same for all roles.
    """
    ordinary: Any = getattr(BotoSession, name)
    is_property = isinstance(ordinary, property)
    if is_property:
        ordinary = ordinary.fget

    @functools.wraps(ordinary)
    def ask(session: LightSession, *args: Any, **kwargs: Any) -> Any:
        return ordinary(session._spokesman, *args, **kwargs)  # noqa: SLF001 - its own

    return property(ask) if is_property else ask


class LightSession(RefreshableAssumeRoleSession):
    """
    A session for a role whose clients share with those of others what they can.

    It becomes a whole boto3 session when something other than a client is asked
    for: resources, its event handlers, the botocore session. Its further clients
    are botocore's own then.
    """

    _light: LightClients | None = None
    _is_whole = False

    def _begin(self) -> None:
        if self._options.share_models:
            self._light = LightClients.of(self._source.settings)
        else:
            super()._begin()

    def __getattr__(self, name: str) -> Any:
        if name not in BEGUN_LATE:
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        session = self._whole
        vars(self)["_is_whole"] = True  # whatever is registered there goes for clients
        return getattr(session, name)

    @property
    def _whole(self) -> BotoSession:
        """
        All that this session may become.
        """
        session: BotoSession | None = vars(self).get("_begun")
        if session is None:
            session = BotoSession(botocore_session=self._new_botocore_session())
            # Another thread may do the same; the first one's counts.
            session = vars(self).setdefault("_begun", session)
        return session

    @property
    def _spokesman(self) -> BotoSession:
        """
        Who knows what is the same for all roles.
        """
        light = self._light
        return self if light is None or self._is_whole else light.session

    available_profiles = _same_for_all("available_profiles")
    get_available_partitions = _same_for_all("get_available_partitions")
    get_available_regions = _same_for_all("get_available_regions")
    get_available_resources = _same_for_all("get_available_resources")
    get_available_services = _same_for_all("get_available_services")
    get_partition_for_region = _same_for_all("get_partition_for_region")
    profile_name = _same_for_all("profile_name")

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        """
        Make a client, as `boto3.Session.client` does.
        """
        client = None
        if self._light is not None and not self._is_whole:
            client = self._light_client(self._light, service_name, *args, **kwargs)
        if client is None:
            # Typed by boto3-stubs, service by service.
            make: Any = super().client if self._light is None else self._whole.client
            client = make(service_name, *args, **kwargs)
        return client

    # For those who write code with its help.
    client.__signature__ = inspect.signature(BotoSession.client)  # type: ignore[attr-defined]

    def _light_client(
        self, light: LightClients, service_name: str, *args: Any, **kwargs: Any
    ) -> Any:
        said = dict(zip(ORDER, args, strict=False))
        if len(args) > len(ORDER) or said.keys() & kwargs.keys():
            return None  # boto3 has its own word for it
        said.update(kwargs)
        if said.get("use_ssl", True) is not None:  # all others mean nothing by it
            said = {name: value for name, value in said.items() if value is not None}
        if not said.keys() <= LIGHT:
            return None
        if None in self._endpoint.regions:
            note_region(self._refresher, said.get("region_name"))
        return light.get(
            service_name,
            credentials=self._signs_with,
            rejection=self._rejection,
            session_region=self._options.region,
            **said,
        )

    def _botocore_session(self) -> botocore.session.Session:
        # For a further role; nobody registers anything there.
        if self._light is None or self._is_whole:
            return super()._botocore_session()
        whole: Any = self._whole
        session: botocore.session.Session = whole._session  # noqa: SLF001 - as above
        return session

    def get_credentials(self) -> Any:
        """
        Return what the clients sign with.
        """
        return self._signs_with

    @property
    def region_name(self) -> Any:
        """
        The region of clients that aren't told another.
        """
        if self._light is None or self._is_whole:
            return super().region_name
        settings = self._source.settings
        return self._options.region or settings.get_config_variable("region")


class FleetSession(LightSession):
    """
    A session that calls STS at the rate that all sessions of its source share.
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

    def _chain(
        self, source: SourceLike, options: Options, role_arn: str
    ) -> ChainBuilder:
        chain = chain_from(source, options, role_arn=role_arn, root=self._root)
        endpoint = chain.endpoint
        chain.throttle = throttle_for(
            (chain.source.key, endpoint.url, endpoint.regions)
        )
        return chain

    def widen(self, workers: int) -> None:
        """
        Keep enough connections for so many requests at once.

        That goes for further clients of all sessions that have the same source.
        """
        self._source.widen(workers)
        if self._light is not None:
            self._light.widen(workers)


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
        arguments = {**self.common, **options}
        arguments.update(role_arn=role_arn, source=self.source, region=region)
        if arguments.get("role_session_name") is None:
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
