"""The error tree."""

from __future__ import annotations

import copy
import datetime as dt
import pickle

import pytest

from botocore.exceptions import BotoCoreError

from stsession import exceptions
from stsession.exceptions import (
    AccessDeniedError,
    ClockError,
    CredentialsExpiredError,
    ExecutorError,
    FailureKind,
    InvalidRequestError,
    MfaError,
    OrganizationError,
    RefreshError,
    SourceCredentialsError,
    StsessionError,
    StsUnavailableError,
)


NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone.utc)

REFRESH = {
    "hint": "Do this.",
    "kind": FailureKind.THROTTLED,
    "code": "Throttling",
    "http_status": 400,
    "hop": "arn:aws:iam::123456789012:role/Reader",
    "retry_after": dt.timedelta(seconds=7),
}

FIELDS = {
    StsessionError: {"hint": "Do this."},
    InvalidRequestError: {"hint": "Do this.", "parameter": "tags"},
    OrganizationError: {"hint": "Do this.", "code": "AccessDeniedException"},
    ExecutorError: {"hint": "Do this.", "type_name": "E", "code": "NoSuchBucket"},
    RefreshError: REFRESH,
    AccessDeniedError: REFRESH,
    MfaError: REFRESH,
    SourceCredentialsError: REFRESH,
    StsUnavailableError: REFRESH,
    ClockError: REFRESH,
    CredentialsExpiredError: {
        **REFRESH,
        "expired_at": NOON,
        "attempts": 9,
        "next_attempt_at": NOON,
        "source": "profile dev",
    },
}

each_class = pytest.mark.parametrize("cls", FIELDS)


def test_all_are_here():
    """A class that is added gets these tests, too."""
    errors = {name for name in exceptions.__all__ if name.endswith("Error")}

    assert errors == {cls.__name__ for cls in FIELDS}


@each_class
def test_is_botocores_too(cls):
    """Handlers that catch botocore's errors go on working."""
    assert issubclass(cls, BotoCoreError)
    assert issubclass(cls, StsessionError)


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
@each_class
def test_survives_a_copy(cls, copied):
    """With all its fields: errors cross process borders."""
    error = cls("It failed.", **FIELDS[cls])
    error.kwargs["more"] = 1

    twin = copied(error)

    assert cls is type(twin)
    assert str(error) == str(twin) == "It failed. Do this."
    assert error.args == twin.args
    assert vars(error) == vars(twin)
    for name, value in FIELDS[cls].items():
        assert value == getattr(twin, name)


@each_class
def test_no_hint_no_space(cls):
    """The text ends with the hint, or with what was said."""
    error = cls("It failed.")

    assert "It failed." == str(error)
    assert "" == error.hint


@pytest.mark.parametrize(
    ("message", "joined"),
    [
        ("No such file or directory", "No such file or directory. Look."),
        ("It is pending..", "It is pending. Look."),
        ("It is there: HTTPError: .", "It is there: HTTPError. Look."),
        ('No answer from "https://sts/"', 'No answer from "https://sts/". Look.'),
        ("Two lines:\n", "Two lines. Look."),
        ("Is it on?", "Is it on? Look."),
    ],
)
def test_one_full_stop_before_the_hint(message, joined):
    """Whatever a text of another program ends with, the hint is a sentence."""
    assert joined == str(StsessionError(message, hint="Look."))


@pytest.mark.parametrize(
    ("cls", "kind", "retryable"),
    [
        (RefreshError, FailureKind.UNKNOWN, True),
        (AccessDeniedError, FailureKind.REQUEST, False),
        (SourceCredentialsError, FailureKind.SOURCE, False),
        (StsUnavailableError, FailureKind.OUTAGE, True),
        (ClockError, FailureKind.CLOCK, True),
        (CredentialsExpiredError, FailureKind.UNKNOWN, True),
    ],
)
def test_usual_kinds(cls, kind, retryable):
    """Each class has a usual kind, which says whether trying again helps."""
    error = cls("It failed.")

    assert (kind, retryable) == (error.kind, error.retryable)
    assert cls("It failed.", kind=FailureKind.TLS).retryable
    assert not cls("It failed.", kind=FailureKind.SOURCE).retryable


def test_mistakes_are_value_errors():
    """And trying again doesn't help."""
    error = InvalidRequestError("No.", parameter="tags")

    assert isinstance(error, ValueError)
    assert not error.retryable
