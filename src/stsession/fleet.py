"""
Many accounts: a session for each, and functions over all of them.
"""

from __future__ import annotations

import datetime as dt
import pickle
import threading
import uuid
import weakref

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

from botocore.config import Config

from ._accounts import (
    AccountOptions,
    FleetTarget,
    Targets,
    checked_regions,
    checked_role_name,
)
from ._assume import RefreshableAssumeRoleSession, SourceLike, find_source
from ._daemon_threads import DaemonThreads
from ._events import RefreshHook
from ._fan_out import FleetRun, Plan
from ._fleet_results import FleetCounts, FleetResult
from ._fleet_sessions import FleetSessions
from ._fleet_tasks import RemoteTask, attempt
from ._fork import forget_after_fork
from ._mfa import CodeLike
from ._options import check_names
from ._organization import Organization
from ._policy import RefreshPolicy
from ._progress import Silence, progress_of
from ._session import RefreshableSession
from ._sources import Source
from ._sts_clients import has_custom_endpoint
from .cache import MemoryCache
from .exceptions import InvalidRequestError


if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


__all__ = [
    "AccountOptions",
    "Fleet",
    "FleetCounts",
    "FleetOptions",
    "FleetResult",
    "FleetRun",
    "FleetTarget",
    "Organization",
]

T = TypeVar("T")

PLACEHOLDER = "000000000000"


class FleetOptions(TypedDict, total=False):
    """
    What goes for all accounts of a fleet, as for :func:`stsession.assume`.

    .. versionadded:: 0.2.0
    """

    role_session_name: str | None
    duration_seconds: int | dt.timedelta | Literal["max"] | None
    external_id: str | None
    mfa_serial: str | None
    mfa_code: CodeLike
    mfa_session: bool | int | dt.timedelta | None
    policy: Mapping[str, Any] | str | None
    policy_arns: Collection[str] | None
    tags: Mapping[str, str] | None
    transitive_tag_keys: Collection[str] | None
    source_identity: str | None
    provided_contexts: Mapping[str, str] | None
    sts_region: str | None
    sts_regions: Sequence[str] | None
    sts_endpoint_url: str | None
    sts_config: Config | None
    refresh: RefreshPolicy
    cache: MemoryCache | None
    on_event: RefreshHook | None


REQUEST = frozenset(AccountOptions.__annotations__) - {"role_name", "regions"}
"""Options of the request itself."""


class Fleet:
    """
    One role in each of many accounts.

    Sessions are made when they are used, and kept: a second run over the fleet asks
    STS for nothing while the credentials live, and each session refreshes its own
    for as long as the fleet is used. All sessions of the same source ask STS at one
    pace, which adapts to what STS answers.

    A fleet may be used from any thread.

    Args:
        accounts:
            Account IDs, as strings of 12 digits, or ARNs of roles; a mapping from
            either to what is different there, see :class:`stsession.AccountOptions`;
            or an :class:`stsession.Organization`. An account that comes twice is
            taken once.

        role_name:
            The role in each account, with its path if it has one. `None` if all of
            *accounts* are ARNs.

        source: Who assumes all of them, see :func:`stsession.assume`.

        regions:
            For which regions sessions are made, in each account; they share its
            credentials. `None` means the region of the source.

        **options:
            See :func:`stsession.assume`. *sts_region* is by default that of the
            source, or else the first of *regions*: all of them ask one STS.

    Raises:
        InvalidRequestError:
            If STS would refuse a request. Its text names the account.

    .. versionadded:: 0.2.0
    """

    def __init__(
        self,
        accounts: Iterable[str] | Mapping[str, AccountOptions | None] | Organization,
        *,
        role_name: str | None = None,
        source: SourceLike = None,
        regions: Iterable[str] | None = None,
        **options: Unpack[FleetOptions],
    ) -> None:
        check_names("Fleet", _PARAMETERS, options)
        _check_retries(options.get("sts_config"))
        root = find_source(source)
        own_region = root.settings.get_config_variable("region")
        places: tuple[str | None, ...] = (own_region,)
        if regions is not None:
            places = checked_regions(regions)
        if not (options.get("sts_region") or options.get("sts_regions")):
            options["sts_region"] = own_region or places[0]
        if role_name is not None:
            role_name = checked_role_name(role_name)
        self._source = root
        self._make = FleetSessions(source=source, common=dict(options))
        self._targets = Targets(
            role_name=role_name,
            regions=places,
            partition=_partition(root, own_region or places[0]),
            common={k: v for k, v in options.items() if k in REQUEST},
            strict=not has_custom_endpoint(root.settings, _url(source, options)),
        )
        # What assume() would refuse for any account is refused now. The session is
        # kept, too: as long as it is there, all share its source and its pace.
        self._sample = self._make.make(
            f"arn:{self._targets.partition}:iam::{PLACEHOLDER}:role/"
            f"{role_name or 'Role'}",
            places[0],
            {},
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
        self._name = _text_of(accounts, role_name)
        self._sessions: dict[tuple[str, str | None], RefreshableAssumeRoleSession] = {}
        self._runs: weakref.WeakSet[FleetRun[Any]] = weakref.WeakSet()
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()  # guards the sessions and the listing's result
        self._listing = threading.Lock()  # held while the organization is asked

    def __repr__(self) -> str:
        return f"<Fleet of {self._name} by {self._source.name}>"

    def _all(self) -> tuple[FleetTarget, ...]:
        """
        All targets. Blocks while the organization is asked, once.
        """
        with self._listing:
            if self._listed is None and self._accounts is not None:
                found: list[FleetTarget] = []
                for account in self._accounts.listed(self._source):
                    found += self._targets.of_one(account.id, name=account.name)
                self._listed = tuple(found)
            return self._listed or ()

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
        here = [t for t in self._all() if account in (t.account_id, t.role_arn)]
        if len({target.role_arn for target in here}) > 1:
            raise InvalidRequestError(
                f"The fleet has several roles in {account}.",
                parameter="account",
                hint="Pass the ARN of one of them.",
            )
        if not here:
            raise InvalidRequestError(
                f"The fleet has no account {account!r}.",
                parameter="account",
                hint="Iterate over it for those that it has.",
            )
        for target in here:
            if region in (None, target.region):
                return self._session(target)
        raise InvalidRequestError(
            f"The fleet has no session for {region!r} in {account}.",
            parameter="region",
            hint="Add it to regions when you make the fleet.",
        )

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
                or without the extra ``progress``, lines go to the logger
                ``stsession`` instead, at level INFO.

            executor:
                Where the calls run. `None` means threads of our own, for which
                nobody waits at exit. It is left open. With one that isn't of
                threads, *function* and what it returns are pickled, and each
                process assumes the roles for itself.

        Raises:
            InvalidRequestError: If something can't be sent to other processes.
        """
        _check_map(function, max_workers, executor)
        open_ = partial(self._open_threads, function, max_workers)
        if isinstance(executor, ThreadPoolExecutor) and not _interpreters(executor):
            open_ = partial(self._open_pool, function, executor)
        elif executor is not None:
            open_ = partial(self._open_remote, function, executor, self._recipe())
        run: FleetRun[T] = FleetRun(
            Plan(
                targets=self._all,
                open=open_,
                max_workers=max_workers,
                ordered=ordered,
                progress=progress_of if progress else lambda _: Silence(),
            )
        )
        self._runs.add(run)
        return run

    def _open_threads(self, function: Callable[..., Any], max_workers: int) -> _Opened:
        threads = DaemonThreads(max_workers)
        submit, _ = self._open_pool(function, threads)
        return submit, partial(threads.shutdown, wait=False, cancel_futures=True)

    def _open_pool(self, function: Callable[..., Any], pool: Executor) -> _Opened:
        def submit(target: FleetTarget) -> Future[Any]:
            return pool.submit(attempt, function, self._session, target)

        return submit, _nothing

    def _open_remote(
        self, function: Callable[..., Any], executor: Executor, recipe: bytes
    ) -> _Opened:
        def submit(target: FleetTarget) -> Future[Any]:
            return executor.submit(
                RemoteTask(
                    function=function,
                    recipe=recipe,
                    target=target,
                    number=uuid.uuid4().hex,
                )
            )

        return submit, _nothing

    def _recipe(self) -> bytes:
        try:
            return pickle.dumps(self._make)
        except Exception as e:
            raise InvalidRequestError(
                f"The fleet can't be sent to other processes. {e}",
                parameter="executor",
            ) from e

    def close(self) -> None:
        """
        End the runs, drop the sessions, and close the connections to STS.

        Sessions that somebody else holds go on working. A fleet that is used again
        makes new ones.
        """
        for run in tuple(self._runs):
            run.close()
        with self._lock:
            self._sessions.clear()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_Opened = tuple[Callable[[FleetTarget], "Future[Any]"], Callable[[], None]]

_PARAMETERS = (
    "accounts",
    "role_name",
    "source",
    "regions",
    *FleetOptions.__annotations__,
)


def _nothing() -> None:
    pass


def _check_retries(config: object) -> None:
    retries: Any = getattr(config, "retries", None)
    if retries:
        raise InvalidRequestError(
            "sts_config has retries, but a fleet asks again by itself.",
            parameter="sts_config",
            hint="Leave retries out; refresh=RefreshPolicy(load_timeout=...) says how "
            "long it goes on.",
        )


def _check_map(function: object, max_workers: object, executor: object) -> None:
    if not callable(function):
        raise InvalidRequestError(
            f"function is of type {type(function).__name__}.",
            parameter="function",
            hint="Pass a function that takes a session.",
        )
    if not isinstance(max_workers, int) or max_workers < 1:
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
            "function can't be sent to other processes. "
            f"{type(e).__name__}: {e}.".replace("..", "."),
            parameter="function",
            hint="Pass a function of a module, which the other process imports.",
        ) from e


def _interpreters(executor: ThreadPoolExecutor) -> bool:
    """
    Whether its threads have interpreters of their own, which share no objects.
    """
    return type(executor).__name__ == "InterpreterPoolExecutor"


def _partition(source: Source, region: str | None) -> str:
    """
    The partition that a region is in.
    """
    if region is None:
        return "aws"
    partition: str = source.settings.get_partition_for_region(region)
    return partition


def _url(source: SourceLike, options: FleetOptions) -> str | None:
    url = options.get("sts_endpoint_url")
    if isinstance(source, RefreshableSession):
        url, _ = source._sts_defaults(url, None)  # noqa: SLF001 - one of ours
    return url


def _text_of(accounts: object, role_name: str | None) -> str:
    what = repr(accounts) if isinstance(accounts, Organization) else "accounts"
    return f"{what}, role {role_name}" if role_name else what
