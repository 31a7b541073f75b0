from __future__ import annotations

import builtins
import copy
import sys
import weakref

import pytest

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
)

import stsession

from stsession import RefreshError, StsUnavailableError
from stsession._core.errors import copy_to_keep
from stsession.testing import Fault

from .wire import READER, collect_garbage, failing, source_of


class Held:
    """An object that a caller refers to."""


class AwkwardError(Exception):
    """It can't be copied."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class SilentError(Exception):
    """It can't even be shown."""

    def __str__(self):
        msg = "Not me."
        raise RuntimeError(msg)

    __reduce__ = __str__


class SameError(Exception):
    """It is its own copy."""

    def __copy__(self):
        return self


class VaultError(StsUnavailableError, ConnectionError):
    """A source's own error, which can't be pickled."""

    def __init__(self, vault, door):
        super().__init__(f"{vault} is down.", hint="Wait.", hop=vault)
        self.door = door

    def __reduce__(self):
        msg = "Not me."
        raise RuntimeError(msg)


class OnlyError(RefreshError):
    """There is but one of it."""

    def __copy__(self):
        return self


def caused_by(cause):
    """An error of ours, raised with a cause that has been raised."""
    try:
        try:
            raise cause
        except BaseException as e:
            raise StsUnavailableError("No.", hop=READER, hint="Wait.") from e
    except RefreshError as error:
        return error


def raised(text):
    """An exception that has a traceback."""
    try:
        raise ValueError(text)
    except ValueError as e:
        return e


@pytest.mark.parametrize(
    "cause",
    [
        ClientError({"Error": {"Code": "Teapot", "Message": "Hot."}}, "AssumeRole"),
        EndpointConnectionError(endpoint_url="https://x", error="gone"),
        OSError(2, "No such file"),
        AwkwardError(1, 2),
        SameError("x"),
        StsUnavailableError("Down.", http_status=500, hop="there"),
    ],
)
def test_says_the_same(cause):
    """What is copy_to_keep is the error with its cause, but without tracebacks."""
    error = caused_by(cause)
    kept = copy_to_keep(error)

    assert (str(error), error.hop, error.hint) == (str(kept), kept.hop, kept.hint)
    assert type(cause) is type(kept.__cause__)
    assert str(cause) == str(kept.__cause__)
    assert vars(cause) == vars(kept.__cause__)
    assert [None, None] == [e.__traceback__ for e in (kept, kept.__cause__)]
    assert kept.__cause__.__context__ is None


def test_leaves_the_error_alone():
    """The caller sees where it comes from."""
    error = caused_by(OSError("x"))
    copy_to_keep(error)

    assert error.__traceback__ is not None
    assert error.__cause__.__traceback__ is not None


def test_without_a_cause():
    """There need be none."""
    assert copy_to_keep(StsUnavailableError("No.")).__cause__ is None


@pytest.mark.parametrize("error", [VaultError("Safe", 5), OnlyError("No.")])
def test_of_another_class(error):
    """It has the class of the error, whatever that does when it is copied."""
    try:
        raise error
    except RefreshError:
        kept = copy_to_keep(error)

    assert kept is not error
    assert (type(error), str(error)) == (type(kept), str(kept))
    assert vars(error) == vars(kept)
    assert kept.__traceback__ is None


def test_errors_in_errors():
    """botocore quotes those of urllib3, which have tracebacks themselves."""
    cause = ConnectTimeoutError(endpoint_url="https://x", error=raised("slow"))
    cause.request = Held()
    cause.all = [raised("a"), {"b": raised("b")}]
    kept = copy_to_keep(caused_by(cause)).__cause__

    assert str(cause) == str(kept)
    assert "slow" == kept.kwargs["error"]
    assert not hasattr(kept, "request") or "Held" == kept.request
    assert getattr(kept, "all", ["a", {"b": "b"}]) == ["a", {"b": "b"}]


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (
            UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
            "UnicodeDecodeError: 'utf-8' ",
        ),
        (SilentError(), "SilentError"),
    ],
)
def test_that_can_t_be_copied(cause, text):
    """Another error with its text is kept then."""
    kept = copy_to_keep(caused_by(cause)).__cause__

    assert stsession.StsessionError is type(kept)
    assert str(kept).startswith(text)
    assert cause.__traceback__ is not None


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no groups")
def test_a_group():
    """Its errors have tracebacks of their own, so they aren't kept."""
    group = builtins.ExceptionGroup("two tasks", [raised("a"), raised("b")])
    kept = copy_to_keep(caused_by(group)).__cause__

    assert "ExceptionGroup: two tasks (2 sub-exceptions)" == str(kept)
    assert stsession.StsessionError is type(kept)


def test_what_is_in_it():
    """Arguments of an exception may be anything; what isn't plain is named only."""
    kept = copy_to_keep(caused_by(OSError("x", (Held(), 5)))).__cause__

    assert ("x", ("Held", 5)) == kept.args


# -- In a session ----------------------------------------------------------------------


def from_vault():
    """A source that fails."""
    raise OSError("sealed")


@pytest.mark.parametrize(
    "fault", [Fault.access_denied(), Fault.status(500), Fault.hang(), None]
)
def test_no_frame_is_kept(stub, fault):
    """Objects of a caller are released when the caller is done with the error."""
    if fault is None:
        session = stsession.assume(READER, source=from_vault, region="eu-west-1")
    else:
        stub.goes_down(fault)
        session = stsession.assume(READER, source=source_of(stub))
    alive = []

    def use():
        held = Held()
        alive.append(weakref.ref(held))
        with pytest.raises(RefreshError):
            session.credentials()

    use()
    use()
    collect_garbage()

    assert [None, None] == [reference() for reference in alive]
    assert "Could not" in session.status().hop.last_error


@pytest.mark.parametrize("when_denied", ["use", "raise"])
def test_has_a_cause(stub, when_denied):
    """The cause has its class and its answer, also while the refresh pauses."""
    stub.goes_down(Fault.access_denied())
    policy = stsession.RefreshPolicy(when_denied=when_denied)
    session = stsession.assume(READER, source=source_of(stub), refresh=policy)
    first, second = failing(session), failing(session)

    assert 1 == stub.attempts
    assert [None, None] == [e.__cause__.__traceback__ for e in (first, second)]
    assert type(first.__cause__) is type(second.__cause__) is ClientError
    assert str(first) == str(second)
    assert first.__cause__.response["Error"] == second.__cause__.response["Error"]
    assert copy.copy(second).hop == READER


@pytest.mark.parametrize("make", [lambda: VaultError("Safe", 5), lambda: OnlyError("")])
def test_source_with_an_error_of_its_own(stub, make):
    """It counts as a failure like any other: the source is left alone for a while."""
    calls = []

    def get():
        calls.append(len(calls))
        raise make()

    session = stsession.assume(READER, source=get, region="eu-west-1")
    first, second = failing(session), failing(session)

    assert [0] == calls
    assert type(make()) is type(first) is type(second)
    assert first is not second
