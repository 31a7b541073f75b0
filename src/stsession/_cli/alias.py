"""Remembers which record of the cache a command prints, for the script's start."""

from __future__ import annotations

import hashlib
import os
import time

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from _stsession_start import FILES, alias_content, alias_of, path_of

from .._delivery.records import RecordStore


if TYPE_CHECKING:
    from .. import RefreshableSession

__all__ = ["Alias", "key_of"]


FIXED_METHODS = frozenset({"config-file", "env", "shared-credentials-file"})
"""The methods of botocore that find access keys in variables and files."""


SETTLED = 2.0
"""Seconds within which a file may change twice without a change of its timestamps."""


class Alias:
    """
    The name by which the next process with the same arguments finds its record.

    It is made before the command reads any file that the credentials depend on.

    Args:
        arguments: The arguments of the command.
    """

    def __init__(self, arguments: list[str]) -> None:
        self._store = RecordStore()
        self._store.key_of(b"")  # makes the salt
        self._name = alias_of(arguments)
        self._began = time.time()

    def write(
        self,
        session: RefreshableSession,
        access_key_id: str,
        *,
        min_validity: float | None,
        files: Iterable[str],
    ) -> None:
        """
        Let the command find the record with an access key the next time.

        Args:
            session: The session that the credentials are from.

            access_key_id: The access key.

            min_validity: The validity in seconds that the command requires.

            files: The files on which the credentials depend, besides those of the SDK.
        """
        sources = _source_files(session)
        key = key_of(session)
        if sources is None or key is None:
            return
        all_files = sorted({*files, *sources})
        config = map(path_of, FILES)
        if self._name is None or not all(map(os.path.isabs, all_files)):
            return
        if any(self._may_change(path) for path in [*config, *all_files]):
            return
        record = self._store.read(key)
        if record is not None and record.access_key_id == access_key_id:
            content = alias_content(key, min_validity, all_files)
            self._store.write_alias(self._name, content)

    def _may_change(self, path: str) -> bool:
        try:
            return os.stat(path).st_mtime > self._began - SETTLED  # noqa: PTH116 - of a str
        except OSError:
            return False


def key_of(session: RefreshableSession, hop: int = -1) -> str | None:
    """
    Return the key of the record of a session's credentials. `None` if there is none.

    Args:
        session: The session.

        hop: The position of the role in the chain, as an index of a sequence.
    """
    refresher = session._refreshers[hop]  # noqa: SLF001 - one of ours
    shared = getattr(refresher.fetch, "shared", None)
    key: str | None = None if shared is None else shared.key()
    return key


def _source_files(session: RefreshableSession) -> set[str] | None:
    """
    Return the files that change with the identity of the source.

    `None` if that may change without a change of any file.
    """
    fetch: Any = session._refreshers[0].fetch  # noqa: SLF001 - one of ours
    signer = fetch.source.signer
    config: dict[str, Any] = session._session.full_config  # noqa: SLF001 - one of ours
    profiles = config.get("profiles", {}).values()
    files = [profile.get("web_identity_token_file") for profile in profiles]
    files.append(os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"))
    if signer is not None and signer.method == "sso":
        logins = [p.get("sso_session") or p.get("sso_start_url") for p in profiles]
        files += [_sso_file(login) for login in logins if login]
    elif signer is not None and signer.method not in FIXED_METHODS:
        return None
    return {file for file in files if file}


def _sso_file(login: str) -> str:
    """Return the file of the SDK with the token of a login, see `aws sso login`."""
    name = hashlib.sha1(login.encode(), usedforsecurity=False).hexdigest()
    return os.path.expanduser(f"~/.aws/sso/cache/{name}.json")  # noqa: PTH111 - raises nothing
