"""Changes one section of an AWS config file, and no other byte."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import stat

from collections.abc import Callable, Mapping
from pathlib import Path

from .errors import USAGE, CommandError


__all__ = ["header_of", "keys_of", "replace_file", "with_section"]


HEADER = re.compile(rb"\[([^\]\r\n]*)\]")
SETTING = re.compile(rb"([^\s#;\[][^=:\r\n]*?)[ \t]*[=:]")
INDENTED = re.compile(rb"[ \t]+[^\s#;]")

CREDENTIAL_SETTINGS = re.compile(
    rb"aws_(access_key_id|secret_access_key|session_token|security_token|account_id)"
    rb"|credential_process|credential_source|role_arn|source_profile|external_id"
    rb"|mfa_serial|role_session_name|duration_seconds|web_identity_token_file"
    rb"|sso_\w+|login_session",
)
"""Settings that say where a profile's credentials come from."""


def header_of(name: str) -> str:
    """
    Return the name of the section of a profile in the config file.

    Raises:
        CommandError: If no section can have that name.
    """
    if not name or not name.isprintable() or set(name) & set("[]\"'\\#;"):
        message = (
            f"{name!r} can't be the name of a profile. Choose one without brackets, "
            "quotes, backslashes, # and ;."
        )
        raise CommandError(message, USAGE)
    if name == "default":
        return name
    return f'profile "{name}"' if " " in name else f"profile {name}"


def _profile_in(header: bytes) -> str | None:
    """Return the name of the profile that a section belongs to."""
    try:
        words = shlex.split(os.fsdecode(header))
    except ValueError:
        return None
    if words == ["default"]:
        return "default"
    is_profile = len(words) == 2 and words[0] == "profile"
    return words[1] if is_profile else None


class _Sections:
    """The lines of a config file, and those of the section of a profile."""

    def __init__(
        self, content: bytes, is_wanted: Callable[[bytes], bool], name: str
    ) -> None:
        self.lines = content.splitlines(keepends=True)
        headers = [
            (number, header[1])
            for number, line in enumerate(self.lines)
            if (header := HEADER.match(line.removeprefix(b"\xef\xbb\xbf")))
        ]
        found = [number for number, header in headers if is_wanted(header)]
        if len(found) > 1:
            message = (
                f'The file has more than one section for profile "{name}". Keep one of '
                "them."
            )
            raise CommandError(message, USAGE)
        after = [number for number, _ in headers if found and number > found[0]]
        self.begin = found[0] + 1 if found else None
        self.end = min(after, default=len(self.lines))

    def settings(self) -> dict[bytes, bytes]:
        """Return the settings of the section with their lines."""
        if self.begin is None:
            return {}
        found: dict[bytes, bytes] = {}
        name = None
        for line in self.lines[self.begin : self.end]:
            setting = SETTING.match(line)
            if setting:
                name = setting[1].lower()
                found[name] = line
            elif name is not None and INDENTED.match(line):
                found[name] += line
        return found


def keys_of(content: bytes, name: str) -> list[str]:
    """Return the settings of a profile of a credentials file that are credentials."""
    sections = _Sections(content, lambda header: _unquoted(header) == name, name)
    found = filter(CREDENTIAL_SETTINGS.fullmatch, sections.settings())
    return sorted(os.fsdecode(setting) for setting in found)


def _unquoted(header: bytes) -> str:
    return os.fsdecode(header).strip()


def with_section(
    content: bytes, name: str, settings: Mapping[str, str], *, force: bool
) -> bytes:
    """
    Return a config file whose section for a profile has these settings.

    Other settings of the section stay, except those for credentials; so do comments.

    Args:
        content: The config file.

        name: The profile.

        settings: The settings.

        force: Whether the credentials of a section with others are replaced.

    Raises:
        CommandError: If the section has other credentials, or there are two of them.
    """
    newline = b"\r\n" if b"\r\n" in content else b"\n"
    new = [
        f"{key} = {value}".encode(errors="surrogateescape") + newline
        for key, value in settings.items()
    ]
    sections = _Sections(content, lambda header: _profile_in(header) == name, name)
    if sections.begin is None:
        header = f"[{header_of(name)}]".encode() + newline
        if content and not content.endswith((b"\n", b"\r")):
            content += newline
        return b"".join([content, newline if content else b"", header, *new])
    if not force:
        _check_ours(sections, name)
    lines = sections.lines
    before = _ended(lines[: sections.begin], newline)
    kept, at = _without(
        lines[sections.begin : sections.end], {key.encode() for key in settings}
    )
    kept[:at] = _ended(kept[:at], newline)
    return b"".join([*before, *kept[:at], *new, *kept[at:], *lines[sections.end :]])


def _without(lines: list[bytes], replaced: set[bytes]) -> tuple[list[bytes], int]:
    """Return the lines without some settings, and where the new ones go."""
    kept: list[bytes] = []
    position = None
    last_setting = 0
    is_replaced = False
    for line in lines:
        setting = SETTING.match(line)
        if setting:
            key = setting[1].lower()
            is_replaced = key in replaced or bool(CREDENTIAL_SETTINGS.fullmatch(key))
        is_setting = bool(setting or INDENTED.match(line))
        if is_setting and is_replaced:
            position = len(kept) if position is None else position
            continue
        kept.append(line)
        if is_setting:
            last_setting = len(kept)
    # An indented line after the new settings would continue them.
    return kept, last_setting if position is None else position


def _ended(lines: list[bytes], newline: bytes) -> list[bytes]:
    """Return the lines with an end of the last one."""
    if not lines or lines[-1].endswith((b"\n", b"\r")):
        return lines
    return [*lines[:-1], lines[-1] + newline]


def _check_ours(sections: _Sections, name: str) -> None:
    settings = sections.settings()
    credentials = sorted(filter(CREDENTIAL_SETTINGS.fullmatch, settings))
    line = settings.get(b"credential_process", b"")
    is_ours = b"stsession" in line and b" credential-process" in line
    if credentials != [b"credential_process"] or not is_ours:
        what = ", ".join(map(os.fsdecode, credentials)) or "settings"
        raise CommandError(
            f'Profile "{name}" exists, and has {what}. Pass --force to replace its '
            f"credentials.",
            USAGE,
        )


def replace_file(path: Path, content: bytes) -> None:
    """
    Replace the content of a file as a whole. A symbolic link stays one.

    A new file can be read by this user only.

    Raises:
        OSError: If that isn't possible. The file has the former content then.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    number = os.open(new, flags, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            with contextlib.suppress(FileNotFoundError):
                mode = stat.S_IMODE(target.stat().st_mode)
                new.chmod(mode)
            os.fsync(file.fileno())
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
