"""
A session from one request to STS, whatever its operation.
"""

from __future__ import annotations

import inspect

from collections.abc import Callable
from typing import Any

from .._requests.root_requests_part import AssumeRootRequest
from .._sources.sources import Source
from .._sts.endpoint import has_custom_endpoint
from .._sts.sts_protocols_part import StsRequest
from .._tokens.suppliers import NoProof, Proof
from ..exceptions import InvalidRequestError
from .chain import Hop
from .options import Options, SessionOptions, check_names
from .session_part import RefreshableSession
from .source_like_part import SourceLike, hops_of


__all__ = ["flat", "made_session", "options_of"]


REGIONLESS = frozenset({None, "aws-global"})


def flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """
    What to call the function with to have the same again.
    """
    return {**arguments.pop("options"), **arguments}


def options_of(function: Callable[..., Any], given: SessionOptions) -> Options:
    """
    The options that *function* was given.

    Raises:
        TypeError: If there is another argument among them.

        InvalidRequestError: If one isn't what it has to be.
    """
    options = SessionOptions.__annotations__
    if not given.keys() <= options.keys():
        known = inspect.signature(function).parameters.keys() - {"options"}
        check_names(f"{function.__name__}()", [*known, *options], given)
    return Options.checked(**given)


def made_session(
    made_by: tuple[Callable[..., RefreshableSession], dict[str, Any]],
    *,
    source: Source,
    request: Callable[[bool], StsRequest],
    options: SessionOptions,
    given: SourceLike = None,
    proof: Proof | None = None,
    is_role: bool = True,
) -> RefreshableSession:
    """
    Make a session for *request*, which is told whether the server isn't AWS's.
    """
    wanted = options_of(made_by[0], options)
    if isinstance(given, RefreshableSession):
        wanted = given._inherited(wanted)  # noqa: SLF001 - one of ours
    checked = request(has_custom_endpoint(source.settings, wanted.sts_endpoint_url))
    endpoint = wanted.endpoint(source, role_arn=checked.label)
    if isinstance(checked, AssumeRootRequest) and not REGIONLESS.isdisjoint(
        endpoint.regions
    ):
        raise InvalidRequestError(
            "No region is known, and the global STS doesn't do AssumeRoot.",
            parameter="region",
            hint="Pass region= or sts_region=, or set AWS_DEFAULT_REGION or the "
            "profile's region.",
        )
    hop = Hop(
        request=checked,
        source=source,
        endpoint=endpoint,
        policy=wanted.refresh,
        proof=NoProof() if proof is None else proof,
    )
    return RefreshableSession._wired(  # noqa: SLF001 - one of ours
        (*hops_of(given), hop.refresher(wanted.cache)),
        source,
        endpoint=endpoint,
        key=hop.key,
        made_by=made_by,
        is_role=is_role,
        options=wanted,
    )
