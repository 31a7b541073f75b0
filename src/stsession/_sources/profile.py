"""Reads the roles and the source of a profile from the AWS config files."""

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
"""The values of *credential_source*, and the methods of botocore's providers."""

TEXT_KEYS = (
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
    """Credentials that botocore finds in a profile, except by assuming its role."""

    profile: str


@attrs.frozen
class NamedSource:
    """Credentials that a profile's *credential_source* refers to."""

    profile: str
    method: str
    """The method of botocore's provider."""


@attrs.frozen(kw_only=True)
class RoleStep:
    """A role of a profile, assumed with the credentials of the previous step."""

    profile: str
    role_arn: str
    role_session_name: str | None
    external_id: str | None
    duration_seconds: int | None
    mfa_serial: str | None


@attrs.frozen(kw_only=True)
class WebIdentityStep:
    """A role of a profile, assumed with a web identity token."""

    profile: str
    role_arn: str
    role_session_name: str | None
    token_file: str


First = ProfileSource | NamedSource | WebIdentityStep


def plan_of(
    profiles: Mapping[str, Mapping[str, Any]], name: str
) -> tuple[First, list[RoleStep]]:
    """
    Return the source of a profile's first credentials, and the roles in order.

    The rules are botocore's. Where botocore ignores a mistake, an error is raised.

    Args:
        profiles: The sections of the config and credentials files.

        name: The name of a profile that exists.

    Raises:
        InvalidRequestError: If that profile or one that it refers to is invalid.
    """
    roles: list[RoleStep] = []
    visited: list[str] = []
    while True:
        if name not in profiles:
            what = f'refers to "{name}", which does not exist'
            raise _wrong(visited[-1], "source_profile", what)
        profile = profiles[name]
        _check_texts(name, profile)
        if "web_identity_token_file" in profile:
            return _web_identity(name, profile), roles[::-1]
        # Access keys of a profile are used by the profiles that refer to it.
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
            raise _wrong(name, "source_profile", f'forms a cycle at "{source}"')
        name = source


def _check_texts(name: str, profile: Mapping[str, Any]) -> None:
    for key in TEXT_KEYS:
        if not isinstance(profile.get(key, ""), str):
            raise _wrong(name, key, "has indented lines below it")


def _source_profile(name: str, profile: Mapping[str, Any]) -> str | None:
    source, named = profile.get("source_profile"), profile.get("credential_source")
    if source is not None and named is not None:
        raise _wrong(name, "source_profile", "and credential_source are both set")
    if source is None and named is None:
        raise _wrong(
            name, "role_arn", "is set without source_profile or credential_source"
        )
    return source


def _method(name: str, profile: Mapping[str, Any]) -> str:
    value = profile["credential_source"]
    method = CREDENTIAL_SOURCES.get(value)
    if method is None:
        raise _wrong(
            name,
            "credential_source",
            f'is "{value}"; it can be Environment, EcsContainer, or '
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
                name,
                "duration_seconds",
                f'is "{duration}", which is not a whole number',
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
            raise _wrong(
                name, key, "is missing; a role with a web identity requires it"
            )
    return WebIdentityStep(
        profile=name,
        role_arn=profile["role_arn"],
        role_session_name=profile.get("role_session_name"),
        token_file=profile["web_identity_token_file"],
    )


@contextmanager
def in_profile(name: str) -> Iterator[None]:
    """Add the name of a profile to errors about its values."""
    try:
        yield
    except InvalidRequestError as e:
        text = str(e).removesuffix(e.hint).rstrip()
        raise InvalidRequestError(
            f'In profile "{name}": {text}', parameter=e.parameter, hint=e.hint
        ) from None


def _has_keys(profile: Mapping[str, Any]) -> bool:
    return any(key in profile for key in STATIC_KEYS)


def _wrong(profile: str, key: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(
        f'In profile "{profile}", {key} {what}.',
        parameter="name",
        hint="Fix it in the AWS config or credentials file, or in the environment.",
    )
