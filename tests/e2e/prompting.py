"""
A program that prompts for codes at its terminal; ``python -m tests.e2e.prompting``.
"""

from __future__ import annotations

import os
import sys
import threading

import boto3

import stsession

from stsession.testing import StubSTS, use_runtime

from . import ROLE


SERIAL = "arn:aws:iam::210987654321:mfa/ci"

GUARD = 10.0


def says(*words: object) -> None:
    """Report to the test."""
    # In one call, because other threads report, too.
    os.write(1, " ".join(map(str, [*words, "\n"])).encode())


def outcome(use):
    """Return the result of using a session."""
    try:
        use()
    except BaseException as e:  # noqa: BLE001 - reported to the test
        return type(e).__name__
    return "fine"


def main(terminal: str | None) -> None:
    """Use a session from two threads, and then once more."""
    if terminal is not None:
        os.open(terminal, os.O_RDWR)  # the first that a session leader opens is its own
    stub = StubSTS()
    source = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-central-1")
    source.events.register("before-send.sts", stub)
    with use_runtime(random=lambda: 0.0):  # so an error is cached for one second
        session = stsession.assume(ROLE, source=source, mfa_serial=SERIAL)
    other = threading.Thread(target=lambda: says("other", outcome(follow)), daemon=True)

    def follow():
        while session.status().hop.counters.attempts == 0:
            threading.Event().wait(0.01)
        session.credentials()

    other.start()
    says("main", outcome(session.credentials))
    other.join(GUARD)
    says("sent", *(call.params.get("TokenCode", "-") for call in stub.requests))
    for _ in range(2):
        says("at once", outcome(session.credentials))
    threading.Event().wait(2)  # longer than the error is cached
    says("later", outcome(session.credentials))
    says("sent", *(call.params.get("TokenCode", "-") for call in stub.requests))


if __name__ == "__main__":
    main(*sys.argv[1:] or [None])
