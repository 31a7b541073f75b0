"""
The contenders. To add one, write a class and add its name to benchmarks.

A process runs one contender only, so each imports what it needs when it is made.
Each is used in the way that costs it least: all have one source session, and those
that let a client of STS be shared share it.
"""

from __future__ import annotations

from .base import Contender
from .libraries import (
    AwsAssumeRoleLib,
    Boto3Assume,
    Boto3RefreshSession,
    BotoSessionManager,
)
from .ours import Fleet, Stsession
from .sdk import Plain, Profile, Recipe


__all__ = ["CONTENDERS", "Contender"]

CONTENDERS: dict[str, type[Contender]] = {
    made.NAME: made
    for made in (
        Stsession,
        Fleet,
        Recipe,
        Profile,
        AwsAssumeRoleLib,
        Boto3RefreshSession,
        Boto3Assume,
        BotoSessionManager,
        Plain,
    )
}
"""By the names in the tables."""
