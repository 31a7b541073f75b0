"""Lists the accounts of an organization."""

from __future__ import annotations

import contextlib
import re

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .._botocore.errors import presentable, redact
from .._core.errors import without_frames
from .._sources.find import SourceLike, find_source
from .._sources.sources import Source
from ..exceptions import InvalidRequestError, OrganizationError, StsessionError


__all__ = ["Account", "Organization"]


PARENT = r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}"
"""What `ListAccountsForParent <https://docs.aws.amazon.com/organizations/latest/\
APIReference/API_ListAccountsForParent.html>`_ takes."""

ATTEMPTS = 8
"""Number of attempts. The service allows few requests per second and organization."""

ACTION = {
    "list_accounts": "ListAccounts",
    "list_accounts_for_parent": "ListAccountsForParent",
    "list_organizational_units_for_parent": "ListOrganizationalUnitsForParent",
}

NOT_IN_USE = "The account of the source isn't in an organization."
NO_PARENT = "Check parent: the ID of a root or an organizational unit of this \
organization."
WAIT = "Try again later."


@attrs.frozen
class Account:
    """An account of an organization."""

    id: str
    name: str | None


class Organization:
    """
    The active accounts of an organization, for :class:`stsession.Fleet`.

    The fleet lists them when it first needs them. The source has to be in the
    management account, or in that of a delegated administrator of AWS Organizations.

    Args:
        source:
            The credentials that list the accounts, see :func:`stsession.assume`.
            `None` means the source of the fleet.

        parent:
            The ID of an organizational unit or a root. Only accounts in it, at any
            depth, are listed. `None` means the whole organization.

        exclude: The IDs of accounts to leave out.

        include_management:
            Whether to include the management account, in which Organizations doesn't
            create a role.

    Raises:
        InvalidRequestError: If an ID is malformed.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        *,
        source: SourceLike = None,
        parent: str | None = None,
        exclude: Iterable[str] = (),
        include_management: bool = True,
    ) -> None:
        if parent is not None and not _matches(PARENT, parent):
            raise InvalidRequestError(
                f"parent is {parent!r}.",
                parameter="parent",
                hint='The ID of a root is like "r-ab12", that of an organizational '
                'unit like "ou-ab12-11111111".',
            )
        self._source = source
        self._parent = parent
        self._exclude = _checked_ids(exclude)
        self._include_management = include_management

    def __repr__(self) -> str:
        arguments = {
            "parent": self._parent,
            "exclude": sorted(self._exclude) or None,
            "include_management": None if self._include_management else False,
        }
        shown = (
            f"{name}={value!r}"
            for name, value in arguments.items()
            if value is not None
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def listed(self, source: Source) -> tuple[Account, ...]:
        """
        Call AWS Organizations and return the accounts. Blocks.

        Args:
            source: The source to use if none was passed to the initializer.

        Raises:
            OrganizationError: If a request fails.
        """
        if self._source is not None:
            source = find_source(self._source)
        with contextlib.closing(_Lister(source)) as lister:
            entries = list(self._entries(lister))
        return tuple(
            Account(entry["Id"], entry.get("Name"))
            for entry in entries
            if entry["Id"] not in self._exclude
            and _is_active(entry)
            and (self._include_management or entry["Id"] != _management(entry))
        )

    def _entries(self, lister: _Lister) -> Iterator[dict[str, Any]]:
        if self._parent is None:
            yield from lister.all_of("list_accounts", "Accounts")
            return
        parents = [self._parent]
        while parents:
            within = {"ParentId": parents.pop(0)}
            yield from lister.all_of("list_accounts_for_parent", "Accounts", **within)
            units = lister.all_of(
                "list_organizational_units_for_parent", "OrganizationalUnits", **within
            )
            parents += [unit["Id"] for unit in units]


def _matches(pattern: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    return re.fullmatch(pattern, value, re.ASCII) is not None


def _checked_ids(exclude: Iterable[str]) -> frozenset[str]:
    if isinstance(exclude, str):
        raise InvalidRequestError(
            "exclude is a str.",
            parameter="exclude",
            hint=f'Put it into a list: exclude=["{exclude}"].',
        )
    for entry in (exclude := list(exclude)):
        if not _matches("[0-9]{12}", entry):
            raise InvalidRequestError(
                f"exclude has {entry!r}.",
                parameter="exclude",
                hint="An account ID is a string of 12 digits.",
            )
    return frozenset(exclude)


def _is_active(entry: dict[str, Any]) -> bool:
    # AWS replaced Status by State, which older versions of botocore don't parse. An
    # account with neither is included: its failure is seen, its absence would not be.
    return (entry.get("State") or entry.get("Status") or "ACTIVE") == "ACTIVE"


def _management(entry: dict[str, Any]) -> str:
    # arn:aws:organizations::<management account>:account/o-…/<account>
    return str(entry["Arn"]).split(":")[4]


class _Lister:
    def __init__(self, source: Source) -> None:
        self._source = source
        settings = source.settings
        self._client = settings.create_client(
            "organizations",
            # Organizations has one endpoint per partition, but a region is required.
            region_name=settings.get_config_variable("region") or "us-east-1",
            config=Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS}),
        )

    def close(self) -> None:
        self._client.close()

    def all_of(self, operation: str, key: str, **params: str) -> list[dict[str, Any]]:
        try:
            pages = self._client.get_paginator(operation).paginate(**params)
            return [entry for page in pages for entry in page[key]]
        except StsessionError as e:
            error: StsessionError = without_frames(e)
        except (BotoCoreError, ClientError) as e:
            error = self._translated(e, ACTION[operation])
            error.__cause__ = presentable(e)
        raise error

    def _translated(self, error: Exception, action: str) -> OrganizationError:
        what = f"Could not list the accounts of the organization: {action} failed."
        if not isinstance(error, ClientError):
            return OrganizationError(
                f"{what} {type(error).__name__}: {redact(str(error))}",
                hint="Check the credentials of the source, and the network.",
            )
        details = error.response["Error"]
        code, message = details.get("Code", ""), redact(details.get("Message", ""))
        return OrganizationError(
            f"{what} AWS returned {code}: {message.rstrip('.')}.",
            code=code,
            hint=self._hint(code, action),
        )

    def _hint(self, code: str, action: str) -> str:
        if code.startswith("AccessDenied"):
            return (
                f"Allow organizations:{action} to {self._source.name}; it has to be in "
                "the management account, or in one registered as a delegated "
                "administrator."
            )
        if code == "AWSOrganizationsNotInUseException":
            return NOT_IN_USE
        return NO_PARENT if code == "ParentNotFoundException" else WAIT
