"""
What a fleet takes, and what it refuses at once.
"""

from __future__ import annotations

import datetime as dt
import inspect
import pickle

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any, Literal, TypedDict

from botocore.config import Config
from botocore.exceptions import UnknownRegionError

from .._core.cache import MemoryCache
from .._core.events import RefreshHook
from .._core.policy import RefreshPolicy
from .._sessions.options import Options
from .._sessions.session_part import RefreshableSession
from .._sessions.source_like_part import SourceLike
from .._sources.sources import Source
from .._tokens.mfa import CodeLike
from ..exceptions import InvalidRequestError
from ._accounts import AccountOptions


__all__ = [
    "PARAMETERS",
    "REQUEST",
    "FleetOptions",
    "check_map",
    "check_retries",
    "partition_of",
    "url_of",
]


class FleetOptions(TypedDict, total=False):
    """
    What goes for all accounts of a fleet, as for :func:`stsession.assume`.

    .. versionadded:: 0.1.0
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
    share: bool


PARAMETERS = (
    "accounts",
    "role_name",
    "source",
    "regions",
    *FleetOptions.__annotations__,
)
"""What `Fleet()` takes."""

REQUEST = frozenset(AccountOptions.__annotations__) - {"role_name", "regions"}
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


def url_of(source: SourceLike, options: FleetOptions) -> str | None:
    """
    Where STS is, if that was said in code.
    """
    url = options.get("sts_endpoint_url")
    if isinstance(source, RefreshableSession):
        given = Options(sts_endpoint_url=url)
        url = source._inherited(given).sts_endpoint_url  # noqa: SLF001 - one of ours
    return url
