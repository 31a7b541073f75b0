"""The SDK's own session classes, even while a test has replaced them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import boto3.session
import botocore.session


__all__ = ["BotoSession", "BotocoreSession"]


def _original(*candidates: Any) -> Any:
    """Return the original class, from the objects that the SDK's names refer to now."""
    # A mock with a spec passes as a class, and tests may define subclasses.
    classes = [it for it in candidates if issubclass(type(it), type)]
    own = [it for it in classes if it.__module__.startswith(("boto3.", "botocore."))]
    return (own or classes or candidates)[0]


if TYPE_CHECKING:
    from boto3.session import Session as BotoSession
    from botocore.session import Session as BotocoreSession
else:
    BotoSession = _original(boto3.session.Session, boto3.Session)
    BotocoreSession = _original(botocore.session.Session)
