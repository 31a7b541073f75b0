"""
Accounts and the options of a fleet.
"""

from __future__ import annotations

import inspect
import pickle
import re

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from botocore.exceptions import UnknownRegionError

from .._requests.arns import checked_role_arn, checked_role_name
from .._requests.models import StsRequest
from .._sessions.options import (
    AssumeRoleOptions,
    Options,
    RoleOptions,
    check_names,
    check_regions,
)
from .._sessions.session import RefreshableSession
from .._sources.find import SourceLike
from .._sources.sources import Source
from ..exceptions import InvalidRequestError


if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "REQUEST",
    "AccountOptions",
    "FleetTarget",
    "Targets",
    "by_name",
    "check_map",
    "check_retries",
    "checked_regions",
    "find_target",
    "partition_of",
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
"""Which sessions there are; the rest is about how they are made."""


@attrs.frozen(kw_only=True)
class FleetTarget:
    """
    One session that a fleet makes: a role, and a region.

    .. versionadded:: 0.1.0
    """

    account_id: str | None
    """The account. `None` on servers whose roles have none."""

    account_name: str | None
    """What the organization calls it. `None` if it wasn't asked."""

    role_arn: str
    """The role that is assumed there."""

    region: str | None
    """The session's region. `None` if neither the fleet nor its source has one."""

    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """What is different from the other accounts."""


@attrs.frozen(kw_only=True)
class Targets:
    """
    Makes targets of what the user calls accounts.

    Args:
        role_name: The role in each, with its path. `None` if only ARNs are given.

        regions: The regions of each.

        partition: Which ARNs are made.

        common: What goes for the request of each.

        strict: Whether the server is AWS's.
    """

    role_name: str | None
    regions: tuple[str | None, ...]
    partition: str
    common: Mapping[str, Any]
    strict: bool

    def of(self, accounts: object) -> tuple[FleetTarget, ...]:
        """
        Check all of them, and return the targets in their order.

        Who comes twice and says the same both times is taken once.

        Raises:
            InvalidRequestError: If one isn't an account. It names the entry.
        """
        if isinstance(accounts, (str, bytes)) or not isinstance(accounts, Iterable):
            raise _wrong(
                f"accounts is of type {type(accounts).__name__}.",
                'Pass a list of account IDs: ["123456789012"], role ARNs, a mapping of '
                "either to a dict of what is different there, or an Organization.",
            )
        found: dict[tuple[str, str | None], FleetTarget] = {}
        given = accounts.items() if isinstance(accounts, Mapping) else _bare(accounts)
        for entry, different in given:
            for target in self.of_one(entry, different):
                known = found.setdefault((target.role_arn, target.region), target)
                if known.options != target.options:
                    raise _wrong(
                        f"accounts names {target.role_arn} twice, "
                        "with different options.",
                        "Name it once.",
                    )
        if not found:
            raise _wrong("accounts is empty.", "Pass at least one account.")
        return tuple(found.values())

    def of_one(
        self, entry: object, different: object = None, *, name: str | None = None
    ) -> Iterator[FleetTarget]:
        """
        The targets of one account, by its ID or by the ARN of a role.
        """
        options = _checked_options(entry, different)
        arn = self._role_arn(entry, options)
        regions = self.regions
        if "regions" in options:
            regions = checked_regions(
                options["regions"], f"regions of accounts[{entry!r}]"
            )
        request = {k: v for k, v in options.items() if k not in PLACES}
        self._check(entry, arn, request)
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
                    "Name the account by its ID, or leave role_name out.",
                )
            return entry
        if not isinstance(entry, str):
            hint = AS_STRING
            if isinstance(entry, int):
                hint = f"A number loses the zeros it begins with. {hint}"
            raise _wrong(
                f"accounts has {entry!r}, of type {type(entry).__name__}.", hint
            )
        if not re.fullmatch(r"[0-9]{12}", entry, re.ASCII):
            raise _wrong(
                f"accounts has {entry!r}, which is neither an account ID nor the ARN "
                "of a role.",
                "An account ID has 12 digits, zeros at its start included.",
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
            else:  # the rest has been checked once for all
                checked_role_arn(arn, strict=self.strict)


@contextmanager
def _naming(entry: object) -> Iterator[None]:
    """
    Have errors name the account that they are about.
    """
    try:
        yield
    except InvalidRequestError as e:
        raise InvalidRequestError(
            f"accounts has {entry!r}: {e}", parameter=e.parameter
        ) from e


def by_name(targets: Iterable[FleetTarget]) -> Mapping[str, list[FleetTarget]]:
    """
    The targets by what they may be called.
    """
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
    The target of an account, by its ID or its role, in a region or the first one.

    Raises:
        InvalidRequestError: If there is none, or more than one.
    """
    here = named.get(account, [])
    if len({target.role_arn for target in here}) > 1:
        raise InvalidRequestError(
            f"The fleet has several roles in {account}.",
            parameter="account",
            hint="Pass the ARN of one of them.",
        )
    if not here:
        known = "Iterate over it for those that it has."
        raise InvalidRequestError(
            f"The fleet has no account {account!r}.",
            parameter="account",
            hint=known if isinstance(account, str) else AS_STRING,
        )
    for target in here:
        if region in (None, target.region):
            return target
    raise InvalidRequestError(
        f"The fleet has no session for {region!r} in {account}.",
        parameter="region",
        hint="Add it to regions when you make the fleet.",
    )


def _bare(entries: Iterable[object]) -> Iterator[tuple[object, None]]:
    for entry in entries:
        yield entry, None


def _checked_options(entry: object, different: object) -> Mapping[str, Any]:
    if different is None:
        return {}
    if not isinstance(different, Mapping):
        raise _wrong(
            f"accounts[{entry!r}] is of type {type(different).__name__}.",
            'Pass a dict of what is different there: {"role_name": "Audit"}, or None.',
        )
    check_names(f"accounts[{entry!r}]", AccountOptions.__annotations__, different)
    return different


def checked_regions(value: object, what: str = "regions") -> tuple[str, ...]:
    """
    Return the names of regions, each of them once.
    """
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidRequestError(
            f"{what} takes a list of regions, not {type(value).__name__}.",
            parameter="regions",
            hint='Write regions=["eu-west-1", "us-east-1"].',
        )
    regions = tuple(dict.fromkeys(value))
    if not regions:
        raise InvalidRequestError(
            f"{what} is an empty list.",
            parameter="regions",
            hint="Name a region, or leave regions out.",
        )
    check_regions(regions, "regions")
    return regions


def _wrong(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, parameter="accounts", hint=hint)


REQUEST = frozenset(RoleOptions.__annotations__)
"""Options of the request itself."""


def check_retries(config: object) -> None:
    """
    Refuse a configuration that says how often requests are sent.

    Raises:
        InvalidRequestError: If it does.
    """
    retries: Any = getattr(config, "retries", None)
    if retries:
        raise InvalidRequestError(
            "sts_config has retries, but a fleet asks again by itself.",
            parameter="sts_config",
            hint="Leave retries out; RefreshPolicy(load_timeout=timedelta(seconds="
            "30)), passed as refresh, says how long it goes on.",
        )


def check_map(function: object, max_workers: object, executor: object) -> None:
    """
    Refuse what a run can't do.

    Raises:
        InvalidRequestError: If there is something.
    """
    if not callable(function):
        raise InvalidRequestError(
            f"function is of type {type(function).__name__}.",
            parameter="function",
            hint="Pass a function that takes a session.",
        )
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidRequestError(
            "function would return something that hasn't run yet.",
            parameter="function",
            hint="Pass a plain function: neither async nor one with yield.",
        )
    if type(max_workers) is not int or max_workers < 1:
        raise InvalidRequestError(
            f"max_workers is {max_workers!r}; it has to be an int of at least 1.",
            parameter="max_workers",
        )
    if executor is not None and not isinstance(executor, Executor):
        raise InvalidRequestError(
            f"executor is of type {type(executor).__name__}.",
            parameter="executor",
            hint="Pass a concurrent.futures.Executor, as Dask's client.get_executor().",
        )
    if isinstance(executor, ProcessPoolExecutor):
        _check_pickles(function)


def _check_pickles(function: object) -> None:
    try:
        pickle.dumps(function)
    except Exception as e:
        raise InvalidRequestError(
            f"function can't be sent to other processes. {type(e).__name__}: {e}.",
            parameter="function",
            hint="Pass a function of a module, which the other process imports.",
        ) from e


def partition_of(source: Source, region: str | None, *, strict: bool) -> str:
    """
    The partition that a region is in.

    Args:
        source: Whose configuration knows of regions.

        region: It.

        strict: Whether the server is AWS's; others call their regions anything.

    Raises:
        InvalidRequestError: If it is in none.
    """
    if region is None:
        return "aws"
    try:
        partition: str = source.settings.get_partition_for_region(region)
    except UnknownRegionError:
        if not strict:
            return "aws"
        raise InvalidRequestError(
            f"{region!r} is a region in no partition that botocore knows.",
            parameter="regions",
            hint='The names of regions are like "eu-west-1"; check regions=, and the '
            "region of the source.",
        ) from None
    return partition


def url_of(source: SourceLike, options: AssumeRoleOptions) -> str | None:
    """
    Where STS is, if that was said in code.
    """
    url = options.get("sts_endpoint_url")
    if isinstance(source, RefreshableSession):
        given = Options(sts_endpoint_url=url)
        url = source._inherited(given).sts_endpoint_url  # noqa: SLF001 - one of ours
    return url
