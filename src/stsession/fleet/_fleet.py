"""
Many accounts: a session for each, and functions run over all of them.
"""

from __future__ import annotations

import threading
import weakref

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import attrs

from .._core.errors import hides_arguments
from .._requests.arns import checked_role_name
from .._sessions.options import AssumeRoleOptions, checks_names
from .._sessions.pickling import Recipe
from .._sessions.session import RefreshableAssumeRoleSession
from .._sources.find import SourceLike
from .._sts.endpoint import has_custom_endpoint
from .._util import forget_after_fork, lazy
from ..exceptions import InvalidRequestError, OrganizationError
from ._accounts import (
    REQUEST,
    AccountOptions,
    FleetTarget,
    Targets,
    by_name,
    check_map,
    check_retries,
    checked_regions,
    find_target,
    partition_of,
    url_of,
)
from ._executors import shares_objects, submitter
from ._organization import Organization
from ._results import FleetCounts, FleetResult
from ._run import FleetRun
from ._sessions import FleetSessions


if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = [
    "AccountOptions",
    "Fleet",
    "FleetCounts",
    "FleetResult",
    "FleetRun",
    "FleetTarget",
    "Organization",
]


T = TypeVar("T")

PLACEHOLDER = "000000000000"


class Fleet:
    """
    One role in each of many accounts.

    Sessions are made when they are used, and kept: a second run over the fleet asks
    STS for nothing while the credentials live, and each session refreshes its own
    for as long as the fleet is used. All sessions of the same source ask STS at one
    pace, which adapts to what STS answers. For that reason fleets share credentials
    with each other, but not with sessions that :func:`stsession.assume` returns.

    A fleet may be used from any thread.

    Args:
        accounts:
            Account IDs, as strings of 12 digits, or ARNs of roles; a mapping from
            either to what is different there, see
            :class:`stsession.fleet.AccountOptions`;
            or an :class:`stsession.Organization`. An account that comes twice is
            taken once.

        role_name:
            The role in each account, with its path if it has one. `None` if all of
            *accounts* are ARNs.

        source: Who assumes all of them, see :func:`stsession.assume`.

        regions:
            For which regions sessions are made, in each account; they share its
            credentials, but with ``cache=None``. `None` means the region of the source.

        **options:
            See :func:`stsession.assume`. *sts_region* is by default that of the
            source, or else the first of *regions*: all of them ask one STS.

    Raises:
        InvalidRequestError:
            If STS would refuse a request. Its text names the account.

    .. versionadded:: 0.1.0
    """

    @hides_arguments
    @checks_names(AssumeRoleOptions)
    def __init__(
        self,
        accounts: Iterable[str] | Mapping[str, AccountOptions | None] | Organization,
        *,
        role_name: str | None = None,
        source: SourceLike = None,
        regions: Iterable[str] | None = None,
        **options: Unpack[AssumeRoleOptions],
    ) -> None:
        check_retries(options.get("sts_config"))
        self._make = FleetSessions(source=source, common=options)
        root = self._make.root
        own_region = root.settings.get_config_variable("region")
        places: tuple[str | None, ...] = (own_region,)
        if regions is not None:
            places = checked_regions(regions)
        if not (options.get("sts_region") or options.get("sts_regions")):
            options["sts_region"] = own_region or places[0]
        strict = not has_custom_endpoint(root.settings, url_of(source, options))
        if role_name is not None:
            role_name = checked_role_name(role_name, strict=strict)
        self._source = root
        self._targets = Targets(
            role_name=role_name,
            regions=places,
            partition=partition_of(root, own_region or places[0], strict=strict),
            common={k: v for k, v in options.items() if k in REQUEST},
            strict=strict,
        )
        common: dict[str, Any] = {}
        if isinstance(accounts, Mapping) and all(
            isinstance(different, Mapping) and "tags" in different
            for different in accounts.values()
        ):  # each account's keys are compared with its own tags
            common["transitive_tag_keys"] = None
        # What assume() would refuse for any account is refused now. The session is
        # kept, too: as long as it is there, all share its source, its pace, and the
        # templates of its clients.
        self._sample = self._make.make(
            f"arn:{self._targets.partition}:iam::{PLACEHOLDER}:role/"
            f"{role_name or 'Role'}",
            places[0],
            common,
        )
        self._accounts = accounts if isinstance(accounts, Organization) else None
        self._listed: tuple[FleetTarget, ...] | None = None
        if not isinstance(accounts, Organization):
            self._listed = self._targets.of(accounts)
        elif role_name is None:
            raise InvalidRequestError(
                "accounts is an Organization, but no role_name is given.",
                parameter="role_name",
                hint="Pass role_name=: the role that each account has.",
            )
        named = (target.region for target in self._listed or ())
        for region in dict.fromkeys((*places, *named)):
            partition_of(root, region, strict=strict)
        self._name = _text_of(self._listed or accounts, role_name)
        self._sessions: dict[tuple[str, str | None], RefreshableAssumeRoleSession] = {}
        self._recipe: dict[str, Any] = {
            "role_name": role_name,
            "regions": places,
            "source": source,
        }
        self._recipe.update(options)
        self._runs: weakref.WeakSet[FleetRun[Any]] = weakref.WeakSet()
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # Guards the sessions and the runs. As all locks of a fleet, it doesn't stop a
        # finalizer or a signal handler on the thread that holds it.
        self._lock = threading.RLock()
        self._listing = threading.Lock()  # held while the organization is asked
        self._listed_by: int | None = None  # the thread that holds it

    def __repr__(self) -> str:
        return f"<Fleet of {self._name} by {self._source.name} ({self._digest})>"

    @lazy
    def _digest(self) -> str:
        """
        A digest of the recipe: libraries compare arguments by their `repr`.
        """
        accounts: object = repr(self._accounts)
        if self._accounts is None:
            accounts = [attrs.astuple(target) for target in self._listed or ()]
        recipe = {"accounts": accounts, **self._recipe}
        return Recipe(type(self), recipe, self._make.surroundings).digest()

    def _all(self) -> tuple[FleetTarget, ...]:
        """
        All targets. Blocks while the organization is asked, once.
        """
        if self._listed is None and self._accounts is not None:
            if self._listed_by == threading.get_ident():
                raise OrganizationError(
                    "The accounts of a fleet are asked for by what lists them.",
                    hint="Don't use the fleet in a hook of its source.",
                )
            with self._listing:
                self._listed_by = threading.get_ident()
                try:
                    self._list(self._accounts)
                finally:
                    self._listed_by = None
        return self._listed or ()

    def _list(self, accounts: Organization) -> None:
        if self._listed is not None:  # by who had the lock before
            return
        found: list[FleetTarget] = []
        for account in accounts.listed(self._source):
            found += self._targets.of_one(account.id, name=account.name)
        self._listed = tuple(found)

    @lazy
    def _named(self) -> Mapping[str, list[FleetTarget]]:
        return by_name(self._all())

    def __contains__(self, account: object) -> bool:
        return account in self._named or account in self._all()

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[FleetTarget]:
        return iter(self._all())

    def session(
        self, account: str, *, region: str | None = None
    ) -> RefreshableAssumeRoleSession:
        """
        Return the session of one account; the same each time.

        Args:
            account: Its ID, or the ARN of the role.

            region: One of its regions. `None` means the first of them.

        Raises:
            InvalidRequestError: If it isn't one of the fleet's.
        """
        return self._session(find_target(self._named, account, region))

    def _session(self, target: FleetTarget) -> RefreshableAssumeRoleSession:
        key = (target.role_arn, target.region)
        session = self._sessions.get(key)
        if session is None:
            session = self._make.make(*key, target.options)
            with self._lock:
                session = self._sessions.setdefault(key, session)
        return session

    def map(
        self,
        function: Callable[[RefreshableAssumeRoleSession], T],
        *,
        max_workers: int = 16,
        ordered: bool = False,
        progress: bool = False,
        executor: Executor | None = None,
    ) -> FleetRun[T]:
        """
        Call *function* with each session, and return an iterator of the results.

        A failure is the result of its account: whatever *function* raises, and
        whatever keeps the session from credentials. Only what isn't an `Exception`,
        as `SystemExit`, ends the run.

        Args:
            function: What is done for one account and region.

            max_workers: How many calls run at once at most.

            ordered:
                Whether results come in the order of the accounts, and not as they
                are done. A slow account may keep others waiting then.

            progress:
                Whether to draw a bar on standard error; where that isn't a terminal,
                or without the extra ``progress``, a line is written there every
                five seconds.

            executor:
                Where the calls run. `None` means threads of our own, for which
                nobody waits at exit. It is left open. With one that isn't of
                threads, *function* and what it returns are pickled, and each
                process assumes the roles for itself.

        Raises:
            InvalidRequestError: If something can't be sent to other processes.
        """
        check_map(function, max_workers, executor)
        if executor is None or shares_objects(executor):
            self._sample.widen(max_workers)
        run: FleetRun[T] = FleetRun(
            targets=self._all,
            submit=submitter(
                function,
                executor,
                max_workers=max_workers,
                session_of=self._session,
                sessions=self._make,
            ),
            max_workers=max_workers,
            ordered=ordered,
            progress=progress,
        )
        with self._lock:
            self._runs.add(run)
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """
        End the runs, drop the sessions, and close the idle connections of all clients.

        Sessions that somebody else holds go on working. A fleet that is used again
        makes new ones.
        """
        with self._lock:
            runs = tuple(self._runs)
        for run in runs:
            run.close()
        with self._lock:
            self._sessions.clear()
        self._make.close()

    def __reduce__(self) -> NoReturn:
        msg = "A fleet isn't pickled or copied; make another, or pass its sessions."
        raise TypeError(msg)


def _text_of(accounts: object, role_name: str | None) -> str:
    what = repr(accounts)
    if isinstance(accounts, tuple):
        what = f"{len({target.role_arn for target in accounts})} accounts"
    return f"{what}, role {role_name}" if role_name else what
