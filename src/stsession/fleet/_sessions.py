"""The sessions of a fleet, and the factory that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import botocore.session

from .._botocore.sdk_classes import BotoSession
from .._botocore.sessions import botocore_session_of
from .._requests.checks import default_role_session_name
from .._sessions.chain import ChainBuilder
from .._sessions.options import Options
from .._sessions.pickling import Recipe, environment_of, reduce_session
from .._sessions.session import (
    RefreshableAssumeRoleSession,
    RefreshableSession,
    chain_from,
    note_region,
)
from .._sources.find import SourceLike, find_source
from .._sources.sources import Source
from .._util import lazy
from ._accounts import FleetTarget
from ._clients.cache import ClientTemplates
from ._throttle import throttle_for


__all__ = ["FleetSession", "FleetSessions"]


BOTO3_ATTRIBUTES = frozenset({"_loader", "_session", "resource_factory"})
"""The attributes that the initializer of `boto3.Session` sets."""

POSITIONAL = ("region_name", "api_version", "use_ssl", "verify", "endpoint_url")
"""Parameters of `boto3.Session.client` after the first, in their order."""

SHAREABLE = frozenset({*POSITIONAL, "config"})
"""Parameters with which clients are made from templates."""


class FleetSession(RefreshableAssumeRoleSession):
    """
    A session of a fleet: a role whose clients are made from templates.

    Anything but a client (resources, events, the botocore session) needs a complete
    boto3 session. That session is made when it is first used. Later clients are made by
    it, because event handlers that are registered with it apply to them.
    """

    def __init__(self, chain: ChainBuilder, recipe: Recipe) -> None:
        # Not the initializer of the direct base: the chain exists already.
        RefreshableSession.__init__(self, chain, recipe, on_first_use=True)
        self._is_complete = not chain.options.share_models
        self._clients = ClientTemplates.of(self._source.settings)

    def __getattr__(self, name: str) -> Any:
        if name not in BOTO3_ATTRIBUTES:
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        session = self._boto3_session
        self._is_complete = True
        return getattr(session, name)

    @property
    def _boto3_session(self) -> BotoSession:
        """The complete boto3 session with this session's credentials."""
        session: BotoSession | None = vars(self).get("_made_boto3_session")
        if session is None:
            session = BotoSession(botocore_session=self._new_botocore_session())
            # If two threads do this, the session of the first one is used.
            session = vars(self).setdefault("_made_boto3_session", session)
        return session

    @property
    def _common_session(self) -> BotoSession:
        """
        A boto3 session for methods that return the same for all roles of the source.
        """
        return self._boto3_session if self._is_complete else self._clients.session

    @property
    def available_profiles(self) -> Any:
        """The names of the profiles."""
        return self._common_session.available_profiles

    @property
    def profile_name(self) -> Any:
        """The profile of the source."""
        return self._common_session.profile_name

    def get_available_partitions(self) -> Any:
        """Return the names of the partitions, see `boto3.Session`."""
        return self._common_session.get_available_partitions()

    def get_available_regions(self, *args: Any, **kwargs: Any) -> Any:
        """Return the regions of a service, see `boto3.Session`."""
        return self._common_session.get_available_regions(*args, **kwargs)

    def get_available_resources(self) -> Any:
        """Return the services with resources, see `boto3.Session`."""
        return self._common_session.get_available_resources()

    def get_available_services(self) -> Any:
        """Return the services with clients, see `boto3.Session`."""
        return self._common_session.get_available_services()

    def get_partition_for_region(self, region_name: str) -> Any:
        """Return the partition of a region, see `boto3.Session`."""
        return self._common_session.get_partition_for_region(region_name)

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        """Make a client, see `boto3.Session.client`."""
        client = None
        if not self._is_complete:
            client = self._client_from_template(service_name, *args, **kwargs)
        if client is None:
            # Typed by boto3-stubs, service by service.
            make: Any = self._boto3_session.client
            client = make(service_name, *args, **kwargs)
        return client

    def _client_from_template(
        self, service_name: str, *args: Any, **kwargs: Any
    ) -> Any:
        """
        Return a client, or `None` if a client with such arguments can't share parts.
        """
        arguments = dict(zip(POSITIONAL, args, strict=False))
        if len(args) > len(POSITIONAL) or arguments.keys() & kwargs.keys():
            return None  # boto3 raises the error
        arguments.update(kwargs)
        if arguments.get("use_ssl", True) is not None:  # others have `None` as default
            arguments = {k: v for k, v in arguments.items() if v is not None}
        if not arguments.keys() <= SHAREABLE:
            return None
        if None in self._endpoint.regions:
            note_region(self._refreshers, arguments.get("region_name"))
        return self._clients.client(
            service_name,
            credentials=self._signs_with,
            resend=self._resend_handler,
            session_region=self._options.region,
            **arguments,
        )

    def _botocore_session(self) -> botocore.session.Session:
        # Used as the source of another session, which registers no handlers with it.
        return botocore_session_of(self._boto3_session)

    def get_credentials(self) -> Any:
        """Return the credentials that clients sign with."""
        return self._signs_with

    @property
    def region_name(self) -> Any:
        """The default region of clients."""
        if self._is_complete:
            return self._boto3_session.region_name
        settings = self._source.settings
        return self._options.region or settings.get_config_variable("region")

    def keep_connections(self, workers: int) -> None:
        """
        Keep enough connections for this many concurrent requests.

        This applies to later clients of all sessions with the same source.
        """
        self._source.keep_connections(workers)
        self._clients.keep_connections(workers)


@attrs.frozen(kw_only=True, slots=False)
class FleetSessions:
    """
    Makes the sessions of a fleet. It is pickled without secrets.

    Args:
        source: The argument *source* of the fleet.

        common: The options of all sessions.
    """

    source: SourceLike
    common: Mapping[str, Any] = attrs.field(repr=False)

    @lazy
    def root(self) -> Source:
        """The source of all sessions."""
        return find_source(self.source)

    @lazy
    def environment(self) -> Mapping[str, Any]:
        """
        The result of `environment_of` for the source, when the first session is made.
        """
        return environment_of({"source": self.source})

    @lazy
    def _sessions(self) -> dict[tuple[str, str | None], FleetSession]:
        return {}

    def session(self, target: FleetTarget) -> FleetSession:
        """Return the session of *target*. Each call returns the same session."""
        key = (target.role_arn, target.region)
        session = self._sessions.get(key)
        if session is None:
            session = self.make(target.role_arn, target.region, target.options)
            session = self._sessions.setdefault(key, session)
        return session

    def make(
        self, role_arn: str, region: str | None, options: Mapping[str, Any]
    ) -> FleetSession:
        """
        Make a session.

        Args:
            role_arn: The role.

            region: The session's region. `None` means that of the source.

            options: The options that differ from *common*.

        Raises:
            InvalidRequestError: If STS would reject the request.
        """
        parameters: Any = {**self.common, **options}
        if parameters.get("role_session_name") is None:
            parameters["role_session_name"] = self._role_session_name
        arguments = {
            "role_arn": role_arn,
            "source": self.source,
            "region": region,
            **parameters,
        }
        chain = chain_from(
            self.source,
            Options.of(region, parameters),
            role_arn=role_arn,
            root=self.root,
        )
        endpoint = chain.endpoint
        chain.throttle = throttle_for(
            (chain.source.key, endpoint.url, endpoint.regions)
        )
        chain.add_roles([role_arn], parameters)
        return FleetSession(chain, Recipe(make_session, arguments, self.environment))

    def close(self) -> None:
        """Drop the sessions, and close the idle connections to STS and to services."""
        self._sessions.clear()
        ClientTemplates.of(self.root.settings).close()
        self.root.close()

    @lazy
    def _role_session_name(self) -> str:
        return default_role_session_name()

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = {"source": self.source, **self.common}
        return reduce_session(Recipe(make_sessions, arguments, {}))


def make_sessions(*, source: SourceLike, **common: Any) -> FleetSessions:
    """Return the factory of the sessions of a fleet; called by unpickling."""
    return FleetSessions(source=source, common=common)


def make_session(
    *, role_arn: str, source: SourceLike, region: str | None, **options: Any
) -> FleetSession:
    """Return a session of a fleet by itself, for pickles and copies."""
    return FleetSessions(source=source, common=options).make(role_arn, region, {})
