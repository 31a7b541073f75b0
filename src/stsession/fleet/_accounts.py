"""Accounts and the options of a fleet."""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from botocore.exceptions import UnknownRegionError

from .._requests.arns import checked_role_arn, checked_role_name
from .._requests.models import StsRequest
from .._sessions.options import (
    AssumeRoleOptions,
    RoleOptions,
    check_names,
    check_regions,
)
from .._sessions.session import RefreshableSession
from .._sources.find import SourceLike
from .._sources.sources import Source
from .._sts.endpoint import has_custom_endpoint
from .._util import copy_containers
from ..exceptions import InvalidRequestError


if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "REQUEST",
    "AccountOptions",
    "FleetTarget",
    "Targets",
    "by_name",
    "check_retries",
    "checked_regions",
    "find_target",
    "partition_of",
    "sts_regions_of",
    "url_of",
]


class AccountOptions(RoleOptions, total=False):
    """
    Options of one account of a fleet, where they differ from those of the fleet.

    .. versionadded:: 0.1.0
    """

    role_name: str
    """The name of the role in this account, with its path if it has one."""

    regions: Sequence[str]
    """The regions of this account's sessions."""


AS_STRING = 'Write it as a string of 12 digits: "012345678901".'

PLACES = ("role_name", "regions")
"""Options of an account that aren't parameters of the AssumeRole request."""


@attrs.frozen(kw_only=True)
class FleetTarget:
    """
    An account, its role, and the region of one session of a fleet.

    .. versionadded:: 0.1.0
    """

    account_id: str | None
    """The account ID. `None` on servers whose role ARNs have none."""

    account_name: str | None
    """The account's name in the organization. `None` if the accounts were passed."""

    role_arn: str
    """The ARN of the role that is assumed."""

    region: str | None
    """The session's region. `None` if neither the fleet nor its source has one."""

    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """The request parameters that differ from those of other accounts."""


@attrs.frozen(kw_only=True)
class Targets:
    """
    Makes targets from the argument *accounts* of a fleet.

    Args:
        role_name: The role in each account, with its path. `None` if all are ARNs.

        regions: The regions of each account.

        partition: The partition of the role ARNs.

        common: The request parameters that are the same for all accounts.

        strict: Whether STS is AWS's, so that AWS's limits are checked.
    """

    role_name: str | None
    regions: tuple[str | None, ...]
    partition: str
    common: Mapping[str, Any]
    strict: bool

    @classmethod
    def checked(
        cls,
        source: Source,
        role_name: str | None,
        regions: tuple[str | None, ...],
        options: AssumeRoleOptions,
        *,
        url: str | None,
    ) -> Targets:
        """
        Check the arguments of a fleet that concern all accounts.

        If *url* is `None`, the STS endpoint is that of the source.

        Raises:
            InvalidRequestError: If a role or region can't exist.
        """
        strict = not has_custom_endpoint(source.settings, url)
        if role_name is not None:
            role_name = checked_role_name(role_name, strict=strict)
        own_region = source.settings.get_config_variable("region")
        return cls(
            role_name=role_name,
            regions=regions,
            partition=partition_of(source, own_region or regions[0], strict=strict),
            common={k: v for k, v in options.items() if k in REQUEST},
            strict=strict,
        )

    def of(self, accounts: object) -> tuple[FleetTarget, ...]:
        """
        Check all accounts, and return the targets in their order, without duplicates.

        Raises:
            InvalidRequestError: If an entry isn't an account. The text names it.
        """
        if isinstance(accounts, (str, bytes)) or not isinstance(accounts, Iterable):
            raise _wrong(
                f"accounts is of type {type(accounts).__name__}.",
                'Pass a list of account IDs: ["123456789012"], role ARNs, a mapping of '
                "either to a dict of options, or an Organization.",
            )
        targets: dict[tuple[str, str | None], FleetTarget] = {}
        entries: Iterable[tuple[object, object]]
        if isinstance(accounts, Mapping):
            entries = accounts.items()
        else:
            entries = ((entry, None) for entry in _in_order(accounts))
        for entry, options in entries:
            for target in self.of_one(entry, options):
                known = targets.setdefault((target.role_arn, target.region), target)
                if known.options != target.options:
                    raise _wrong(
                        f"accounts contains {target.role_arn} twice, "
                        "with different options.",
                        "Pass it once.",
                    )
        if not targets:
            raise _wrong("accounts is empty.", "Pass at least one account.")
        return tuple(targets.values())

    def of_one(
        self, entry: object, account_options: object = None, *, name: str | None = None
    ) -> Iterator[FleetTarget]:
        """
        Yield the targets of one account: one for each region.

        Args:
            entry: The account ID, or the ARN of a role.

            account_options: Its `AccountOptions`, or `None`.

            name: The account's name in the organization.
        """
        options = _checked_options(entry, account_options)
        arn = self._role_arn(entry, options)
        regions = self.regions
        if "regions" in options:
            regions = checked_regions(
                options["regions"], f"regions of accounts[{entry!r}]"
            )
        request = {k: v for k, v in options.items() if k not in PLACES}
        self._check(entry, arn, request)
        request = copy_containers(request)
        for region in regions:
            yield FleetTarget(
                account_id=arn.split(":")[4] or None,
                account_name=name,
                role_arn=arn,
                region=region,
                options=request,
            )

    def _role_arn(self, entry: object, options: Mapping[str, Any]) -> str:
        if isinstance(entry, str) and entry.startswith("arn:"):
            if "role_name" in options:
                raise _wrong(
                    f"accounts[{entry!r}] has a role_name, but is the ARN of a role.",
                    "Pass the account ID, or omit role_name.",
                )
            return entry
        if not isinstance(entry, str):
            hint = AS_STRING
            if isinstance(entry, int):
                hint = f"An int loses leading zeros. {hint}"
            raise _wrong(
                f"accounts has {entry!r}, of type {type(entry).__name__}.", hint
            )
        if not re.fullmatch(r"[0-9]{12}", entry, re.ASCII):
            raise _wrong(
                f"accounts has {entry!r}, which is neither an account ID nor the ARN "
                "of a role.",
                "An account ID has 12 digits, including leading zeros.",
            )
        role = self.role_name
        if "role_name" in options:
            with _naming(entry):
                role = checked_role_name(options["role_name"], strict=self.strict)
        if role is None:
            raise InvalidRequestError(
                f"accounts has the ID {entry}, but no role_name is given.",
                parameter="role_name",
                hint="Pass role_name=, or the ARNs of roles.",
            )
        return f"arn:{self.partition}:iam::{entry}:role/{role}"

    def _check(self, entry: object, arn: str, request: dict[str, Any]) -> None:
        with _naming(entry):
            if request:
                StsRequest.checked(
                    "assume_role",
                    role_arn=arn,
                    custom_endpoint=not self.strict,
                    **{**self.common, **request},
                )
            else:  # the common parameters are checked when the fleet is made
                checked_role_arn(arn, strict=self.strict)


@contextmanager
def _naming(entry: object) -> Iterator[None]:
    """Prepend the account to the text of errors."""
    try:
        yield
    except InvalidRequestError as e:
        raise InvalidRequestError(
            f"accounts has {entry!r}: {e}", parameter=e.parameter
        ) from e


def by_name(targets: Iterable[FleetTarget]) -> Mapping[str, list[FleetTarget]]:
    """Return the targets by account ID and by role ARN."""
    named: dict[str, list[FleetTarget]] = {}
    for target in targets:
        for name in (target.account_id, target.role_arn):
            if name is not None:
                named.setdefault(name, []).append(target)
    return named


def find_target(
    named: Mapping[str, list[FleetTarget]], account: Any, region: str | None
) -> FleetTarget:
    """
    Return the target of an account ID or role ARN, in *region* or the first region.

    Raises:
        InvalidRequestError: If there is no such target, or several roles fit.
    """
    targets = named.get(account, []) if isinstance(account, str) else []
    if len({target.role_arn for target in targets}) > 1:
        raise InvalidRequestError(
            f"The fleet has several roles in {account}.",
            parameter="account",
            hint="Pass the ARN of one of them.",
        )
    if not targets:
        listing = "To list the accounts, iterate over the fleet."
        raise InvalidRequestError(
            f"The fleet has no account {account!r}.",
            parameter="account",
            hint=listing if isinstance(account, str) else AS_STRING,
        )
    for target in targets:
        if region in (None, target.region):
            return target
    raise InvalidRequestError(
        f"The fleet has no session for {region!r} in {account}.",
        parameter="region",
        hint="Add it to regions when you make the fleet.",
    )


def _checked_options(entry: object, options: object) -> Mapping[str, Any]:
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise _wrong(
            f"accounts[{entry!r}] is of type {type(options).__name__}.",
            'Pass a dict of its options, such as {"role_name": "Audit"}, or None.',
        )
    check_names(f"accounts[{entry!r}]", AccountOptions.__annotations__, options)
    return options


def checked_regions(value: object, what: str = "regions") -> tuple[str, ...]:
    """Return the names of regions without duplicates; those of a set are sorted."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidRequestError(
            f"{what} takes a list of regions, not {type(value).__name__}.",
            parameter="regions",
            hint='Write regions=["eu-west-1", "us-east-1"].',
        )
    regions = tuple(dict.fromkeys(_in_order(value)))
    if not regions:
        raise InvalidRequestError(
            f"{what} is an empty list.",
            parameter="regions",
            hint="Pass at least one region, or omit regions.",
        )
    check_regions(regions, "regions")
    return regions


def _in_order(values: Iterable[Any]) -> Iterable[Any]:
    # The order of a set differs from process to process.
    return sorted(values, key=str) if isinstance(values, (set, frozenset)) else values


def _wrong(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, parameter="accounts", hint=hint)


REQUEST = frozenset(RoleOptions.__annotations__)
"""Options that are parameters of the AssumeRole request."""


def check_retries(config: object) -> None:
    """
    Check that *sts_config* leaves retries to the fleet.

    Raises:
        InvalidRequestError: If it configures retries.
    """
    retries: Any = getattr(config, "retries", None)
    if retries:
        raise InvalidRequestError(
            "sts_config has retries, but a fleet retries its requests to STS itself.",
            parameter="sts_config",
            hint="Omit retries. To limit the time for them, pass "
            "refresh=RefreshPolicy(load_timeout=timedelta(seconds=30)).",
        )


def partition_of(source: Source, region: str | None, *, strict: bool) -> str:
    """
    Return the partition of a region, as the source's botocore session lists them.

    It is ``aws`` without a region, and for unknown regions if *strict* is false: of
    servers that aren't AWS's.

    Raises:
        InvalidRequestError: If no partition has such a region.
    """
    if region is None:
        return "aws"
    try:
        partition: str = source.settings.get_partition_for_region(region)
    except UnknownRegionError:
        if not strict:
            return "aws"
        raise InvalidRequestError(
            f"No partition that botocore knows has a region {region!r}.",
            parameter="regions",
            hint='Region names are like "eu-west-1". Check regions= and the region of '
            "the source.",
        ) from None
    return partition


def sts_regions_of(source: SourceLike, options: AssumeRoleOptions) -> object:
    """Return the regions of STS, if they were passed as an argument."""
    regions: object = options.get("sts_region") or options.get("sts_regions")
    if isinstance(source, RefreshableSession):
        regions = regions or source._options.sts_regions  # noqa: SLF001 - one of ours
    return regions


def url_of(source: SourceLike, options: AssumeRoleOptions) -> str | None:
    """Return the endpoint URL of STS, if it was passed as an argument."""
    url = options.get("sts_endpoint_url")
    if isinstance(source, RefreshableSession):
        url = url or source._options.sts_endpoint_url  # noqa: SLF001 - one of ours
    return url
