"""
What every function that makes a session checks first.
"""

from __future__ import annotations

import difflib
import re

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import InvalidRegionError
from botocore.utils import validate_region_name

from ._policy import RefreshPolicy
from .cache import MemoryCache
from .exceptions import InvalidRequestError


__all__ = ["check_names", "check_options", "check_regions"]

SPELLINGS = {
    "profile": "source",
    "profile_name": "source",
    "region_name": "region",
    "endpoint_url": "sts_endpoint_url",
    "config": "sts_config",
}
"""What boto3 calls some of our parameters."""


def check_options(
    *,
    refresh: object,
    cache: object,
    sts_config: object,
    on_event: object,
    regions: Iterable[object],
) -> None:
    """
    Refuse what can't be one of the options.

    Raises:
        InvalidRequestError: If one isn't what it has to be.
    """
    if not isinstance(refresh, RefreshPolicy):
        raise _wrong("refresh", refresh, "Pass a stsession.RefreshPolicy.")
    if cache is not None and not isinstance(cache, MemoryCache):
        raise _wrong("cache", cache, "Pass a stsession.MemoryCache, or None for none.")
    if sts_config is not None and not isinstance(sts_config, Config):
        raise _wrong("sts_config", sts_config, "Pass a botocore.config.Config.")
    if on_event is not None and not callable(on_event):
        raise _wrong("on_event", on_event, "Pass a function that takes an event.")
    check_regions(regions)


def check_regions(regions: Iterable[object]) -> None:
    """
    Refuse what can't be the name of a region; `None` passes.

    Raises:
        InvalidRequestError: If one can't.
    """
    for region in regions:
        _check_region(region)


def _wrong(parameter: str, value: object, hint: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{parameter} is of type {type(value).__name__}.",
        parameter=parameter,
        hint=hint,
    )


def _check_region(region: object) -> None:
    if region is None:
        return
    if not isinstance(region, str):
        raise _wrong("region", region, 'Pass the name of a region: "eu-west-1".')
    try:
        validate_region_name(region)
    except InvalidRegionError:
        raise InvalidRequestError(
            f"{region!r} can't be a region.",
            parameter="region",
            hint='The names of regions are like "eu-west-1".',
        ) from None


def check_names(function: str, known: Iterable[str], given: Mapping[str, Any]) -> None:
    """
    Refuse arguments that *function* doesn't know, and guess what was meant.

    Raises:
        TypeError: If there is one.
    """
    known = list(known)
    for name in given:
        if name in known:
            continue
        snake = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
        near = difflib.get_close_matches(SPELLINGS.get(snake, snake), known, 1)
        guess = f"; did you mean {near[0]}?" if near else ""
        msg = f"{function}() got an unexpected keyword argument {name!r}{guess}"
        raise TypeError(msg)
