"""
How a session travels to another process: as what it was made from.
"""

from __future__ import annotations

import pickle

from collections.abc import Callable, Mapping
from typing import Any

from ._sdk_classes import BotocoreSession, BotoSession
from ._source_keys import FINDABLE_METHODS


__all__ = ["portable", "rebuild"]


SECRETS = ("assertion", "mfa_code", "provided_contexts")
"""Arguments that are secret if they aren't functions."""


def rebuild(make: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """
    Make the session again; unpickling calls it.
    """
    source = arguments.get("source")
    if isinstance(source, _PlainSession):
        arguments = {**arguments, "source": source.make()}
    return make(**arguments)


class _PlainSession:
    """
    A boto3 or botocore session, as what was said in code about its configuration.
    """

    def __init__(self, *, variables: dict[str, Any], boto: bool) -> None:
        self.variables = variables
        self.boto = boto

    def make(self) -> Any:
        session = BotocoreSession()
        for name, value in self.variables.items():
            session.set_config_variable(name, value)
        return BotoSession(botocore_session=session) if self.boto else session


def portable(make: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Any, ...]:
    """
    What `__reduce__` returns for a session that *make* made.

    Raises:
        pickle.PicklingError: If the source has keys of its own, which a
            pickle must not carry.
    """
    for name in SECRETS:
        if isinstance(arguments.get(name), (str, Mapping)):
            msg = (
                f"{name} is a secret, and a pickle must not carry it. Pass a function "
                "that the other process can import."
            )
            raise pickle.PicklingError(msg)
    source = arguments.get("source")
    if type(source) is BotoSession or isinstance(source, BotocoreSession):
        arguments = {**arguments, "source": _as_plain(source)}
    return rebuild, (make, arguments)


def _as_plain(source: Any) -> _PlainSession:
    boto = isinstance(source, BotoSession)
    # boto3 has no other way to its botocore session.
    session = source._session if boto else source  # noqa: SLF001
    credentials = session.get_credentials()
    if credentials is not None and credentials.method not in FINDABLE_METHODS:
        msg = (
            "The source of this session has keys of its own, and a pickle must not "
            "carry them. Make the source from a profile or from the environment, "
            "which the other process can look up as well."
        )
        raise pickle.PicklingError(msg)
    return _PlainSession(variables=session.instance_variables(), boto=boto)
