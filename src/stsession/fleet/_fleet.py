"""The fleet: sessions for the roles of many accounts."""

from __future__ import annotations

import threading
import weakref

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import attrs

from .._core.errors import hides_arguments
from .._sessions.options import AssumeRoleOptions, checks_names
from .._sessions.pickling import Recipe
from .._sessions.session import RefreshableAssumeRoleSession
from .._sources.find import SourceLike
from .._util import copy_containers, forget_after_fork, lazy
from ..exceptions import InvalidRequestError, OrganizationError
from ._accounts import (
    AccountOptions,
    FleetTarget,
    Targets,
    by_name,
    check_retries,
    checked_regions,
    find_target,
    partition_of,
    sts_regions_of,
    url_of,
)
from ._executors import shares_objects, submitter
from ._organization import Organization
from ._run import FleetRun, check_map
from ._sessions import FleetSession, FleetSessions


if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["Fleet"]


T = TypeVar("T")

PLACEHOLDER = "000000000000"


class Fleet:
    """
    Sessions for one role in each of many accounts.

    A session is made when it is first used, and kept, so a second run over the fleet
    doesn't call STS until credentials have to be refreshed. All sessions of a source
    share one request rate to STS, which adapts to throttling. That is why fleets share
    credentials with each other, but not with sessions of :func:`stsession.assume`.

    Iterating over a fleet returns its targets, :class:`stsession.fleet.FleetTarget`.
    ``len()`` returns their number, and ``in`` takes an account ID or a role ARN.

    A fleet may be used from any thread.

    Args:
        accounts:
            Account IDs (strings of 12 digits) or role ARNs; or a mapping from them to
            :class:`stsession.fleet.AccountOptions`; or an
            :class:`stsession.Organization`. Duplicates are ignored, and sets are
            sorted.

        role_name:
            The name of the role in each account, with its path if it has one. `None`
            if all *accounts* are role ARNs.

        source:
            The credentials that sign the requests to STS, see
            :func:`stsession.assume`.

        regions:
            The regions for which each account has a session. Sessions of an account
            share credentials, unless *cache* is `None`. Sets are sorted. `None` means
            the region of the source.

        **options:
            The other arguments of :func:`stsession.assume`. The default of
            *sts_region* is the region of the source, or else the first of *regions*.

    Raises:
        InvalidRequestError:
            If STS would reject a request. The text names the account.

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
        self._factory = FleetSessions(source=source, common=options)
        self._source = root = self._factory.root
        own_region = root.settings.get_config_variable("region")
        places: tuple[str | None, ...] = (own_region,)
        if regions is not None:
            places = checked_regions(regions)
        if not sts_regions_of(source, options):
            options["sts_region"] = own_region or places[0]
        self._targets = Targets.checked(
            root, role_name, places, options, url=url_of(source, options)
        )
        role_name = self._targets.role_name
        self._sample = self._make_sample(accounts, places[0])
        # Sessions are made later, when the program may have changed its containers.
        options.update(copy_containers(options))
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
        of_accounts = (target.region for target in self._listed or ())
        for region in dict.fromkeys((*places, *of_accounts)):
            partition_of(root, region, strict=self._targets.strict)
        self._name = _text_of(self._listed or accounts, role_name)
        self._recipe: dict[str, Any] = {
            "role_name": role_name,
            "regions": places,
            "source": source,
        }
        self._recipe.update(options)
        self._runs: weakref.WeakSet[FleetRun[Any]] = weakref.WeakSet()
        self._after_fork()
        forget_after_fork(self)

    def _make_sample(self, accounts: object, region: str | None) -> FleetSession:
        """
        Make a session that raises the errors that `assume()` raises for every account.

        The fleet keeps it for the throttle and the client templates, which all sessions
        share.
        """
        common: dict[str, Any] = {}
        if isinstance(accounts, Mapping) and all(
            isinstance(its_options, Mapping) and "tags" in its_options
            for its_options in accounts.values()
        ):  # each account's keys are compared with its own tags
            common["transitive_tag_keys"] = None
        targets = self._targets
        return self._factory.make(
            f"arn:{targets.partition}:iam::{PLACEHOLDER}:role/"
            f"{targets.role_name or 'Role'}",
            region,
            common,
        )

    def _after_fork(self) -> None:
        # Guards the runs. Reentrant, as all locks of a fleet, for finalizers and signal
        # handlers on the thread that holds it.
        self._lock = threading.RLock()
        self._listing = threading.Lock()  # held while the accounts are listed
        self._listed_by: int | None = None  # the thread that holds it

    def __repr__(self) -> str:
        return f"<Fleet of {self._name} by {self._source.name} ({self._digest})>"

    @lazy
    def _digest(self) -> str:
        """A digest of the recipe: libraries compare arguments by their `repr`."""
        accounts: object = repr(self._accounts)
        if self._accounts is None:
            accounts = [attrs.astuple(target) for target in self._listed or ()]
        recipe = {"accounts": accounts, **self._recipe}
        return Recipe(type(self), recipe, self._factory.environment).digest()

    def _all(self) -> tuple[FleetTarget, ...]:
        """
        Return all targets. Lists the accounts of an organization on the first call.
        """
        if self._listed is None and self._accounts is not None:
            if self._listed_by == threading.get_ident():
                raise OrganizationError(
                    "The organization's accounts are still being listed.",
                    hint="Don't use the fleet inside an on_event hook of its source.",
                )
            with self._listing:
                self._listed_by = threading.get_ident()
                try:
                    self._list(self._accounts)
                finally:
                    self._listed_by = None
        return self._listed or ()

    def _list(self, accounts: Organization) -> None:
        if self._listed is not None:  # by another thread, which had the lock before
            return
        targets: list[FleetTarget] = []
        for account in accounts.listed(self._source):
            targets += self._targets.of_one(account.id, name=account.name)
        self._listed = tuple(targets)

    @lazy
    def _named(self) -> Mapping[str, list[FleetTarget]]:
        return by_name(self._all())

    def __contains__(self, account: object) -> bool:
        return account in (self._named if isinstance(account, str) else self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[FleetTarget]:
        return iter(self._all())

    def session(
        self, account: str, *, region: str | None = None
    ) -> RefreshableAssumeRoleSession:
        """
        Return the session of one account. Each call returns the same session.

        Args:
            account: The account ID, or the ARN of the role.

            region: A region of the account. `None` means the first one.

        Raises:
            InvalidRequestError: If the fleet has no such account or region.
        """
        return self._factory.session(find_target(self._named, account, region))

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

        A failure is the result of its account: any exception that *function* raises,
        and any error that prevents the session from getting credentials. Only an
        exception that isn't an `Exception`, such as `SystemExit`, ends the run.

        Args:
            function: The function to call with each session.

            max_workers: The largest number of concurrent calls.

            ordered:
                Whether results are returned in the order of the accounts. Otherwise,
                each result is returned as soon as it is available. With `True`, a slow
                account delays the results of others.

            progress:
                Whether to show a bar on standard error. If that isn't a terminal, or
                without the extra ``progress``, a line is written every five seconds.

            executor:
                The executor that runs the calls. It isn't shut down. `None` means
                daemon threads, so the program can exit while calls run. If the executor
                has processes, *function* and its results are pickled, and each process
                assumes the roles for itself.

        Raises:
            InvalidRequestError:
                If an argument is wrong or can't be pickled for other processes.
        """
        check_map(function, max_workers, executor)
        if executor is None or shares_objects(executor):
            self._sample.keep_connections(max_workers)
        run: FleetRun[T] = FleetRun(
            targets=self._all,
            submit=submitter(
                function,
                executor,
                max_workers=max_workers,
                sessions=self._factory,
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

        Sessions and clients that the program still refers to continue to work. The
        fleet can be used again, and makes new sessions.
        """
        with self._lock:
            runs = tuple(self._runs)
        for run in runs:
            run.close()
        self._factory.close()

    def __reduce__(self) -> NoReturn:
        msg = "A fleet isn't pickled or copied; make another, or pass its sessions."
        raise TypeError(msg)


def _text_of(accounts: object, role_name: str | None) -> str:
    what = repr(accounts)
    if isinstance(accounts, tuple):
        what = f"{len({target.role_arn for target in accounts})} accounts"
    return f"{what}, role {role_name}" if role_name else what
