"""
Some of the ways in which botocore finds credentials, as somebody who signs.
"""

from __future__ import annotations

import functools

from typing import Any

import botocore.session

from botocore.hooks import HierarchicalEmitter

from .._botocore.sessions import NO_PROFILE, configured_like, new_session
from ..exceptions import SourceCredentialsError
from .find import new_profile_session, registry, surroundings
from .sdk import accept_local_expirations
from .sdk_source_part import SdkSource


__all__ = ["PROFILE_METHODS", "picked_source"]


PROFILE_METHODS = frozenset(
    {
        "config-file",
        "custom-process",
        "login",
        "shared-credentials-file",
        "sso",
    }
)
"""How botocore finds credentials in a profile, but for its role."""

METADATA_VARIABLES = (
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "ec2_metadata_v1_disabled",
    "imds_use_ipv6",
    "metadata_service_num_attempts",
    "metadata_service_timeout",
)
"""What a profile may say about how an instance is asked."""


def picked_source(
    name: str, profile: str | None, methods: frozenset[str], settings: SdkSource
) -> SdkSource:
    """
    Return a source of some of botocore's ways to find credentials.

    Args:
        name: For messages.

        profile: Where they are looked for. `None`: in no profile.

        methods: The ways, in botocore's words.

        settings: Whose settings carry over.
    """
    expected = surroundings()
    key = ("picked", profile, methods, settings.key, expected)

    def make_session(pinned: botocore.session.Session) -> botocore.session.Session:
        session = configured_like(pinned)
        if profile:
            session.set_config_variable("profile", profile)
        for variable in METADATA_VARIABLES:
            value = settings.settings.get_config_variable(variable)
            session.set_config_variable(variable, value)
        resolver = session.get_component("credential_provider")
        accept_local_expirations(resolver, session)
        picked = _Picked(resolver, methods, name)
        session.register_component("credential_provider", picked)
        return session

    def make() -> SdkSource:
        pinned = new_profile_session(profile) if profile else new_session(NO_PROFILE)
        # The environment may name other files later.
        pinned = configured_like(pinned, HierarchicalEmitter())
        source = SdkSource(
            functools.partial(make_session, pinned),
            settings.settings,
            name=name,
            key=key,
            surroundings=surroundings,
            expected=expected,
            methods=methods & PROFILE_METHODS,
        )
        if "env" in methods:
            source.look()  # the environment may contain others later
        return source

    return registry.get(key, make)


class _Picked:
    """
    Some of the providers of botocore's chain.
    """

    def __init__(self, resolver: Any, methods: frozenset[str], name: str) -> None:
        self._providers = [p for p in resolver.providers if p.METHOD in methods]
        self._name = name

    def load_credentials(self) -> Any:
        """
        Return the first that are found.
        """
        for provider in self._providers:
            credentials = provider.load()
            if credentials is not None:
                return credentials
        raise SourceCredentialsError(
            f"Could not find credentials in {self._name}.",
            hop=self._name,
            hint="Add some (aws configure, aws sso login), or name another source.",
        )
