"""AWS config files with the endpoint of a `LocalSTS`."""

from __future__ import annotations

import configparser
import os
import pathlib

from collections.abc import Mapping

import attrs

from .._botocore.sdk_classes import BotocoreSession, BotoSession
from ._keys import AccessKey


__all__ = ["ProfileFiles", "session_of", "write_profile"]


@attrs.frozen(kw_only=True)
class ProfileFiles:
    """
    The config and credentials files that contain a profile.

    .. versionadded:: 0.1.0
    """

    name: str
    """Name of the profile."""

    config_file: str
    """Path for ``AWS_CONFIG_FILE``."""

    credentials_file: str
    """Path for ``AWS_SHARED_CREDENTIALS_FILE``."""

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which the SDK uses the profile."""
        return {
            "AWS_CONFIG_FILE": self.config_file,
            "AWS_SHARED_CREDENTIALS_FILE": self.credentials_file,
            "AWS_PROFILE": self.name,
        }


def write_profile(
    directory: str | os.PathLike[str],
    name: str,
    key: AccessKey,
    config: Mapping[str, str],
) -> ProfileFiles:
    config_file = pathlib.Path(directory, "config")
    credentials_file = pathlib.Path(directory, "credentials")
    section = "default" if name == "default" else f"profile {name}"
    secrets = {
        "aws_access_key_id": key.access_key_id,
        "aws_secret_access_key": key.secret_access_key,
    }
    if key.session_token is not None:
        secrets["aws_session_token"] = key.session_token
    _put_section(config_file, section, config)
    _put_section(credentials_file, name, secrets)
    return ProfileFiles(
        name=name,
        config_file=str(config_file),
        credentials_file=str(credentials_file),
    )


def session_of(files: ProfileFiles) -> BotoSession:
    core = BotocoreSession(profile=files.name)
    core.set_config_variable("config_file", files.config_file)
    core.set_config_variable("credentials_file", files.credentials_file)
    return BotoSession(botocore_session=core)


def _put_section(path: pathlib.Path, section: str, values: Mapping[str, str]) -> None:
    # "default" is an ordinary section to the SDK.
    parser = configparser.RawConfigParser(default_section="")
    parser.read(path, encoding="utf-8")
    parser[section] = values
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
        parser.write(file)
    temporary.replace(path)
