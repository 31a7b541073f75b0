"""Environment variables and config files for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from .._core.credentials import TemporaryCredentials

__all__ = ["child_environ", "config_file", "region_variables", "static_environ"]


OTHER_CREDENTIALS = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_CREDENTIAL_FILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
"""Variables by which SDKs find credentials, with those of containers."""


def child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return a copy without the variables by which an SDK would find credentials."""
    return {
        "AWS_EC2_METADATA_DISABLED": "true",
        **{
            name: value
            for name, value in environ.items()
            if name.upper() not in OTHER_CREDENTIALS
            and not name.upper().startswith("AWS_CONTAINER_")
        },
        # Without it, the first SDK for Go ignores the config file.
        "AWS_SDK_LOAD_CONFIG": "1",
    }


def region_variables(region: str | None) -> dict[str, str]:
    """Return the variables for a region. SDKs read one or the other."""
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return {} if region is None else dict.fromkeys(names, region)


def static_environ(
    credentials: TemporaryCredentials, region: str | None
) -> dict[str, str]:
    """Return the variables with which an SDK uses the credentials until they expire."""
    # Without AWS_CREDENTIAL_EXPIRATION: botocore would try to refresh from the
    # environment, and fail.
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token or "",
        **region_variables(region),
    }


def config_file(settings: Mapping[str, Any], region: str | None) -> str:
    """
    Return the text of a config file whose default profile has these settings.

    Args:
        settings:
            The settings of a profile; nested ones are dicts. The value of ``services``
            is the section that the profile names.

        region: The region. `None` means that of the settings.
    """
    profile = {**settings, **({} if region is None else {"region": region})}
    services = profile.pop("services", None)
    lines = ["[default]", *_lines(profile)]
    if services is not None:
        lines += ["services = default", "[services default]", *_lines(services)]
    return "\n".join([*lines, ""])


def _lines(settings: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            lines += [f"{name} =", *(f"  {line}" for line in _lines(value))]
        else:
            lines.append(f"{name} = {value}")
    return lines
