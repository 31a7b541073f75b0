"""The options of the public functions, and the checks of their names and values."""

from __future__ import annotations

import datetime as dt
import functools
import re

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypedDict, TypeVar

import attrs

from botocore.config import Config
from botocore.exceptions import InvalidRegionError
from botocore.utils import validate_region_name

from .._core.cache import MemoryCache
from .._core.events import RefreshHook
from .._core.policy import RefreshPolicy
from .._sources.sources import Source
from .._sts.endpoint import StsEndpoint, has_custom_endpoint
from ..exceptions import InvalidRequestError


if TYPE_CHECKING:
    from .._tokens.mfa import CodeLike

__all__ = [
    "DEFAULT_POLICY",
    "AssumeRoleOptions",
    "Options",
    "RoleOptions",
    "SessionOptions",
    "check_names",
    "check_regions",
    "checks_names",
]


DEFAULT_POLICY = RefreshPolicy()

SPELLINGS = {
    "profile": "source",
    "profile_name": "source",
    "region_name": "region",
    "endpoint_url": "sts_endpoint_url",
    "config": "sts_config",
    "serial_number": "mfa_serial",
    "token_code": "mfa_code",
}
"""Parameters of this library, by their names in boto3 and STS."""


class StsOptions(TypedDict, total=False):
    """Options of all functions that make sessions, and of fleets."""

    sts_region: str | None
    """The region in which STS is called. `None` means the session's region."""

    sts_regions: Sequence[str] | None
    """Several regions in which STS can be called; the next one is used during an
    outage. `None` means *sts_region* only."""

    sts_endpoint_url: str | None
    """The URL of an STS endpoint that isn't AWS's. `None` means the one in the source's
    configuration, if any."""

    sts_config: Config | None
    """Changes to the configuration of the STS client. `None` changes nothing."""

    refresh: RefreshPolicy
    """When credentials are refreshed, and what happens if that fails."""

    cache: MemoryCache | Literal["process"] | None
    """Where sessions share credentials. `None` shares them with no other session."""

    on_event: RefreshHook | None
    """A function that is called with each event of a refresh. `None` means no
    function."""

    share_models: bool
    """Whether the session shares parsed service models with others."""


class SessionOptions(StsOptions, total=False):
    """
    Options of all functions that make sessions. :func:`stsession.assume` explains them.

    .. versionadded:: 0.1.0
    """

    region: str | None
    """The region of the session's clients. `None` means that of the source."""


class RoleOptions(TypedDict, total=False):
    """Parameters of AssumeRole that may differ between the accounts of a fleet."""

    role_session_name: str | None
    """The name of the session in CloudTrail. `None` means the name of the Lambda
    function, the ID of the Batch job or ECS task, or ``user@host``."""

    duration_seconds: int | dt.timedelta | Literal["max"] | None
    """How long each set of credentials is valid, in seconds or as a timedelta.
    ``"max"`` means the longest duration that the role allows, and `None` means STS's
    default of one hour."""

    external_id: str | None
    """The external ID that the role's trust policy requires. `None` sends none."""

    policy: Mapping[str, Any] | str | None
    """A session policy, as a dict or as JSON. `None` sends none."""

    policy_arns: Collection[str] | None
    """The ARNs of managed policies to use as session policies. `None` sends none."""

    tags: Mapping[str, str] | None
    """The session tags, as a dict. `None` sends none."""

    transitive_tag_keys: Collection[str] | None
    """The keys of those *tags* that later roles of a chain inherit. `None` makes no tag
    transitive."""

    source_identity: str | None
    """The source identity, which all later roles of a chain keep. `None` sends
    none."""


class AssumeRoleOptions(RoleOptions, StsOptions, total=False):
    """
    Options of :func:`stsession.assume`, which explains them, and of fleets.

    *role_arn*, *source* and *region* are not among them: a fleet has *accounts* and
    *regions*.

    .. versionadded:: 0.1.0
    """

    mfa_serial: str | None
    """The serial number or ARN of the MFA device of the source's user, or ``"auto"`` to
    look it up in IAM. `None` sends no MFA code."""

    mfa_code: CodeLike
    """Where MFA codes come from, which is a function that takes the serial number, a
    command as a list of arguments, or one code. `None` prompts on the terminal."""

    mfa_session: bool | int | dt.timedelta | None
    """How long one MFA code is sufficient, in seconds or as a timedelta. `None` and
    `True` mean 12 hours. `False` sends a code with each AssumeRole request."""

    provided_contexts: Mapping[str, str] | None
    """The context assertions, by the ARN of their provider. `None` sends none."""


@attrs.define(kw_only=True, eq=False, repr=False)
class Options:
    """
    The checked options of a session, with a default for each.

    The parameters are those of `SessionOptions`.

    Raises:
        InvalidRequestError: If a value has the wrong type, or isn't possible.
    """

    region: str | None = None
    sts_region: str | None = None
    sts_regions: Sequence[str] | None = None
    sts_endpoint_url: str | None = None
    sts_config: Config | None = None
    refresh: RefreshPolicy = DEFAULT_POLICY
    cache: MemoryCache | Literal["process"] | None = "process"
    on_event: RefreshHook | None = None
    share_models: bool = True

    def __attrs_post_init__(self) -> None:
        for name, (is_valid, hint) in TYPES.items():
            value = getattr(self, name)
            if not is_valid(value):
                raise _wrong_type(name, value, hint)
        check_regions([self.region])
        check_regions([self.sts_region], "sts_region")
        _check_endpoint(self)
        check_regions(self.sts_regions or (), "sts_regions")
        if self.sts_region:
            self.sts_regions = (self.sts_region,)

    @classmethod
    def of(cls, region: str | None, options: AssumeRoleOptions) -> Options:
        """
        Return the options of `assume()` that all functions have.

        Raises:
            InvalidRequestError: If a value has the wrong type, or isn't possible.
        """
        common: Any = {
            name: value
            for name, value in options.items()
            if name in SessionOptions.__annotations__
        }
        return cls(region=region, **common)

    def inherit(self, source: Options) -> None:
        """
        Use the STS endpoint in the options of the source, unless these set another.
        """
        self.sts_regions = self.sts_regions or source.sts_regions
        self.sts_endpoint_url = self.sts_endpoint_url or source.sts_endpoint_url
        self.sts_config = self.sts_config or source.sts_config

    def endpoint(self, source: Source, *, role_arn: str) -> StsEndpoint:
        """
        Return the STS endpoint, by default that of the session's or source's region.

        The partition of *role_arn* decides whether a region is required.

        Raises:
            InvalidRequestError: If a region is required and none is configured.
        """
        regions: Sequence[str | None] | None = self.sts_regions
        if regions is None:
            region = self.region or source.settings.get_config_variable("region")
            regions = (region or self._default_region(source, role_arn),)
        return StsEndpoint(
            regions=tuple(regions),
            url=self.sts_endpoint_url,
            config=self.sts_config,
            has_chosen_regions=self.sts_regions is not None,
        )

    def _default_region(self, source: Source, role_arn: str) -> str | None:
        """
        Return the region if none is configured. `None` means that of the first client.
        """
        if has_custom_endpoint(source.settings, self.sts_endpoint_url):
            return "us-east-1"
        if not str(role_arn).startswith("arn:aws-"):
            return None
        raise InvalidRequestError(
            f"No region is configured, and the partition of {role_arn} has no "
            "global STS endpoint.",
            parameter="region",
            hint="Pass region= or sts_region=, or set AWS_DEFAULT_REGION or the "
            "profile's region.",
        )


TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "refresh": (
        lambda value: isinstance(value, RefreshPolicy),
        "Pass a stsession.RefreshPolicy.",
    ),
    "cache": (
        lambda value: value in (None, "process") or isinstance(value, MemoryCache),
        'Pass a stsession.MemoryCache, "process", or None to share nothing.',
    ),
    "sts_config": (
        lambda value: value is None or isinstance(value, Config),
        "Pass a botocore.config.Config.",
    ),
    "on_event": (
        lambda value: value is None or callable(value),
        "Pass a function that takes an event.",
    ),
    "share_models": (lambda value: isinstance(value, bool), "Pass True or False."),
}
"""Checks of the types of some options, and the hints of their errors."""


def _wrong_type(parameter: str, value: object, hint: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{parameter} is of type {type(value).__name__}.",
        parameter=parameter,
        hint=hint,
    )


def check_regions(regions: Iterable[object], parameter: str = "region") -> None:
    """
    Reject values that can't be the name of a region. `None` is allowed.

    Raises:
        InvalidRequestError: If one of them can't be a region.
    """
    for region in regions:
        _check_region(region, parameter)


def _check_region(region: object, parameter: str) -> None:
    if region is None:
        return
    if not isinstance(region, str):
        raise InvalidRequestError(
            f"{parameter.removesuffix('s')} is of type {type(region).__name__}.",
            parameter=parameter,
            hint='Pass the name of a region: "eu-west-1".',
        )
    try:
        validate_region_name(region)
    except InvalidRegionError:
        raise InvalidRequestError(
            f"{region!r} can't be a region.",
            parameter=parameter,
            hint='The names of regions are like "eu-west-1".',
        ) from None


def _check_endpoint(options: Options) -> None:
    regions, url = options.sts_regions, options.sts_endpoint_url
    if options.sts_region is not None and regions is not None:
        raise InvalidRequestError(
            "Both sts_region and sts_regions are given.",
            parameter="sts_regions",
            hint="Put all of them into sts_regions, the preferred one first.",
        )
    is_list = isinstance(regions, (list, tuple)) and regions and None not in regions
    if regions is not None and not is_list:
        raise InvalidRequestError(
            f"sts_regions is {regions!r}; it takes a list of at least one region.",
            parameter="sts_regions",
            hint='Write sts_regions=["eu-west-1", "eu-central-1"].',
        )
    if url is not None and not isinstance(url, str):
        hint = 'Write "https://host" or "https://host:port".'
        raise _wrong_type("sts_endpoint_url", url, hint)
    if url is not None and not re.fullmatch(r"https?://[^/\s]+\S*", url):
        raise InvalidRequestError(
            f"sts_endpoint_url is {url!r}, which isn't the URL of a server.",
            parameter="sts_endpoint_url",
            hint='Write "https://host" or "https://host:port".',
        )


P = ParamSpec("P")
T = TypeVar("T")


def checks_names(
    options: type | None = None,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """
    Return a decorator that rejects misspelt arguments of a function.

    Args:
        options: The TypedDict of the function's ``**options``.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        code: Any = getattr(function, "__code__")  # noqa: B009 - not of any callable
        named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        further = () if options is None else options.__annotations__
        known = frozenset(named).union(further) - {"self"}
        name = f"{function.__qualname__.removesuffix('.__init__')}()"

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            check_names(name, known, kwargs)
            return function(*args, **kwargs)

        return call

    return decorate


def check_names(
    function: str, known: Collection[str], arguments: Mapping[str, Any]
) -> None:
    """
    Reject arguments with unknown names, and suggest the name that was meant.

    Args:
        function: What the message calls the function, such as ``assume()``.

        known: The names of all its parameters.

        arguments: Its keyword arguments.

    Raises:
        TypeError: If a name is unknown.
    """
    for name in arguments:
        if name in known:
            continue
        import difflib  # noqa: PLC0415 - only for the message

        snake = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
        near = difflib.get_close_matches(SPELLINGS.get(snake, snake), sorted(known), 1)
        suggestion = f"; did you mean {near[0]}?" if near else ""
        msg = f"{function} got an unexpected keyword argument {name!r}{suggestion}"
        raise TypeError(msg)
