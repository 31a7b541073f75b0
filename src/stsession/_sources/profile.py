"""
Reads roles and sources from profiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from ..exceptions import InvalidRequestError


__all__ = [
    "First",
    "NamedSource",
    "ProfileSource",
    "RoleStep",
    "WebIdentityStep",
    "in_profile",
    "plan_of",
]


CREDENTIAL_SOURCES = {
    "Environment": "env",
    "EcsContainer": "container-role",
    "Ec2InstanceMetadata": "iam-role",
}
"""What *credential_source* may say, and what botocore calls it."""

TEXTS = (
    "credential_source",
    "duration_seconds",
    "external_id",
    "mfa_serial",
    "role_arn",
    "role_session_name",
    "source_profile",
    "web_identity_token_file",
)

STATIC_KEYS = ("aws_access_key_id", "aws_secret_access_key")


@attrs.frozen
class ProfileSource:
    """
    Credentials that botocore finds in a profile, but for its role.
    """

    profile: str


@attrs.frozen
class NamedSource:
    """
    Credentials of the process's surroundings.
    """

    profile: str
    method: str
    """What botocore calls it."""


@attrs.frozen(kw_only=True)
class RoleStep:
    """
    A role to assume with what comes before it.
    """

    profile: str
    role_arn: str
    role_session_name: str | None
    external_id: str | None
    duration_seconds: int | None
    mfa_serial: str | None


@attrs.frozen(kw_only=True)
class WebIdentityStep:
    """
    A role to assume with a token; nothing comes before it.
    """

    profile: str
    role_arn: str
    role_session_name: str | None
    token_file: str


First = ProfileSource | NamedSource | WebIdentityStep


def plan_of(
    profiles: Mapping[str, Mapping[str, Any]], name: str
) -> tuple[First, list[RoleStep]]:
    """
    Return where a profile's first credentials come from, and the roles from there.

    The rules are botocore's; where it ignores or guesses, this raises.

    Args:
        profiles: The sections of the config and credentials files.

        name: The profile.

    Raises:
        InvalidRequestError: If the profiles contradict themselves.
    """
    roles: list[RoleStep] = []
    visited: list[str] = []
    while True:
        profile = _profile(profiles, name, visited)
        _check_texts(name, profile)
        if "web_identity_token_file" in profile:
            return _web_identity(name, profile), roles[::-1]
        # Keys that a profile has for itself are used by those that refer to it.
        if "role_arn" not in profile or (visited and _has_keys(profile)):
            return ProfileSource(name), roles[::-1]
        roles.append(_role(name, profile))
        visited.append(name)
        source = _source_profile(name, profile)
        if source is None:
            return NamedSource(name, _method(name, profile)), roles[::-1]
        if source == name:
            if _has_keys(profile):
                return ProfileSource(name), roles[::-1]
            raise _wrong(name, "source_profile", "refers to itself and has no keys")
        if source in visited:
            raise _wrong(name, "source_profile", f'closes a circle at "{source}"')
        name = source


def _profile(
    profiles: Mapping[str, Mapping[str, Any]], name: str, visited: list[str]
) -> Mapping[str, Any]:
    if name in profiles:
        return profiles[name]
    if visited:
        raise _wrong(visited[-1], "source_profile", f'names "{name}", which is none')
    if name == "default":
        return {}
    known = ", ".join(sorted(profiles)) or "none"
    raise InvalidRequestError(
        f'There is no profile "{name}".',
        parameter="name",
        hint=f"The config and credentials files have: {known}.",
    )


def _check_texts(name: str, profile: Mapping[str, Any]) -> None:
    for key in TEXTS:
        if not isinstance(profile.get(key, ""), str):
            raise _wrong(name, key, "has lines of its own below it")


def _source_profile(name: str, profile: Mapping[str, Any]) -> str | None:
    source, named = profile.get("source_profile"), profile.get("credential_source")
    if source is not None and named is not None:
        raise _wrong(name, "source_profile", "and credential_source are both given")
    if source is None and named is None:
        raise _wrong(
            name, "role_arn", "is given without source_profile or credential_source"
        )
    return source


def _method(name: str, profile: Mapping[str, Any]) -> str:
    given = profile["credential_source"]
    method = CREDENTIAL_SOURCES.get(given)
    if method is None:
        raise _wrong(
            name,
            "credential_source",
            f'is "{given}"; it can be Environment, EcsContainer, or '
            "Ec2InstanceMetadata",
        )
    return method


def _role(name: str, profile: Mapping[str, Any]) -> RoleStep:
    duration = profile.get("duration_seconds")
    if duration is not None:
        try:
            duration = int(duration)
        except ValueError:
            raise _wrong(
                name, "duration_seconds", f'is "{duration}", which is no whole number'
            ) from None
    return RoleStep(
        profile=name,
        role_arn=profile["role_arn"],
        role_session_name=profile.get("role_session_name"),
        external_id=profile.get("external_id"),
        duration_seconds=duration,
        mfa_serial=profile.get("mfa_serial"),
    )


def _web_identity(name: str, profile: Mapping[str, Any]) -> WebIdentityStep:
    for key in ("web_identity_token_file", "role_arn"):
        if not profile.get(key):
            raise _wrong(name, key, "is missing, for a role with a web identity")
    return WebIdentityStep(
        profile=name,
        role_arn=profile["role_arn"],
        role_session_name=profile.get("role_session_name"),
        token_file=profile["web_identity_token_file"],
    )


@contextmanager
def in_profile(name: str) -> Iterator[None]:
    """
    Have errors about values that a profile has say which profile.
    """
    try:
        yield
    except InvalidRequestError as e:
        said = str(e).removesuffix(e.hint).rstrip()
        raise InvalidRequestError(
            f'In profile "{name}": {said}', parameter=e.parameter, hint=e.hint
        ) from None


def _has_keys(profile: Mapping[str, Any]) -> bool:
    return any(key in profile for key in STATIC_KEYS)


def _wrong(profile: str, key: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(
        f'In profile "{profile}", {key} {what}.',
        parameter="name",
        hint="Mend it in the config or credentials file, or in the environment.",
    )
