"""MFA devices and codes, and the text of tokens and assertions."""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from stsession._requests.checks import checked_serial_number, checked_token_code
from stsession._tokens.saml import checked_assertion
from stsession._tokens.web_identity import checked_web_identity_token
from stsession.exceptions import InvalidRequestError


SECRET = "wJalrXUtnFEMI"


def rejected(checked, value):
    """Return the error that the value causes."""
    with pytest.raises(InvalidRequestError) as caught:
        checked(value)
    return caught.value


@pytest.mark.parametrize(
    ("checked", "parameter", "minimum", "maximum"),
    [
        (checked_web_identity_token, "token", 4, 20_000),
        (checked_assertion, "assertion", 4, 100_000),
    ],
)
def test_lengths(checked, parameter, minimum, maximum):
    """Both ends are allowed; errors have the length and the limit."""
    assert "x" * minimum == checked("x" * minimum)
    assert "x" * maximum == checked("x" * maximum)
    for length in (minimum - 1, maximum + 1):
        error = rejected(checked, "x" * length)
        assert parameter == error.parameter
        assert f"{parameter} is {length:,} characters long" in str(error)
        assert f"STS allows {minimum:,} to {maximum:,}" in str(error)
        assert error.hint


@pytest.mark.parametrize("code", ["000000", "012345"])
def test_codes_have_six_digits(code):
    assert code == checked_token_code(code)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("12345", "is 5 characters long; STS allows 6 of [0-9]"),
        ("123456\n", "is 7 characters long"),
        ("123 45", "has an illegal character at position 4"),
        ("\N{ARABIC-INDIC DIGIT ONE}23456", "has an illegal character at position 1"),
        ("", "is 0 characters long"),
        (123456, "is of type int; it has to be a str"),
        (None, "is of type NoneType"),
    ],
)
def test_invalid_codes(code, problem):
    error = rejected(checked_token_code, code)

    assert "mfa_code" == error.parameter
    assert f"mfa_code {problem}" in str(error)
    assert "six digits" in error.hint


@pytest.mark.parametrize(
    ("serial", "strict"),
    [
        ("GAHT12345678", True),
        ("arn:aws:iam::123456789012:mfa/alice", True),
        ("arn:aws-us-gov:iam::123456789012:mfa/team/alice@example.com", True),
        ("arn:aws:iam::123456789012:mfa/root-account-mfa-device", True),
        ("arn:aws:iam:::mfa/alice", False),
    ],
)
def test_serial_numbers(serial, strict):
    """Hardware devices have serial numbers, others ARNs; accounts are AWS's."""
    assert serial == checked_serial_number(serial, strict=strict)


@pytest.mark.parametrize(
    "serial",
    [
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:iam::123456789012:u2f/user/alice/key-ABC",
        "arn:aws:iam::123456789012:mfa/",
        "arn:aws:iam:::mfa/alice",
    ],
)
def test_other_arns_are_no_serial_numbers(serial):
    """Security keys show no codes, and users are no devices."""
    error = rejected(checked_serial_number, serial)

    assert "mfa_serial" == error.parameter
    assert "not of an MFA device" in str(error)
    assert "Security keys" in error.hint


@pytest.mark.parametrize("text", ["<samlp:Response/>", "\n <?xml version='1.0'?>"])
def test_assertions_are_in_base64(text):
    """The XML itself is a common mistake."""
    error = rejected(checked_assertion, text)

    assert "assertion is XML; STS accepts base64 only." in str(error)
    assert "SAMLResponse" in error.hint


@pytest.mark.parametrize(
    ("checked", "value"),
    [
        *(
            (checked, value)
            for checked in (
                checked_serial_number,
                checked_token_code,
                checked_web_identity_token,
                checked_assertion,
            )
            for value in (SECRET * 10_000, SECRET.encode(), [SECRET])
        ),
        (checked_serial_number, f"arn:aws:iam::123456789012:user/{SECRET}"),
        (checked_serial_number, f"{SECRET}\n"),
        (checked_token_code, SECRET),
        (checked_assertion, f"<{SECRET}>"),
    ],
)
def test_errors_have_no_secrets(checked, value):
    """Neither a message nor an error behind it contains a secret."""
    error = rejected(checked, value)

    while error is not None:
        assert SECRET not in str(error)
        assert SECRET not in repr(vars(error))
        error = error.__cause__ or error.__context__


@given(st.text(st.characters(codec="utf-8"), max_size=12))
def test_accepted_codes_are_digits(text):
    """Whatever passes can be typed on any keyboard."""
    try:
        code = checked_token_code(text)
    except InvalidRequestError:
        return

    assert code.isascii()
    assert code.isdecimal()
    assert 6 == len(code)
