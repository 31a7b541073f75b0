"""
What a service was asked.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ._answers import Service


__all__ = ["Call"]


_SECRET = frozenset(
    {
        "ContextAssertion",
        "ExternalId",
        "SAMLAssertion",
        "TokenCode",
        "WebIdentityToken",
    }
)


def _redacted(params: Mapping[str, str]) -> str:
    return repr({k: "***" if _is_secret(k) else v for k, v in params.items()})


def _is_secret(name: str) -> bool:
    # ContextAssertion is one of a list: ProvidedContexts.member.1.ContextAssertion
    return name.rpartition(".")[2] in _SECRET


@attrs.frozen(kw_only=True)
class Call:
    """
    One request, and how it was answered.

    .. versionadded:: 0.1.0
    """

    operation: str
    """E.g. ``"AssumeRole"``."""

    params: Mapping[str, str] = attrs.field(repr=_redacted)
    """Its parameters, by the names that were sent."""

    service: Service = "sts"
    """``"sts"``, ``"iam"`` or ``"s3"``."""

    access_key_id: str | None
    """The key that signed it, or `None`."""

    region: str | None
    """The region it was signed for, or `None`."""

    host: str | None = None
    """The host it was sent to."""

    status: int | None
    """The HTTP status of the answer; `None` if there was none."""

    code: str | None
    """The error code of the answer, or the name of the fault."""

    monotonic: float
    """When it was decided, on the monotonic clock."""
