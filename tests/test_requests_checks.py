from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

from stsession._requests.checks import checked_serial_number, checked_token_code
from stsession._tokens.saml import checked_assertion
from stsession._tokens.web_identity import checked_web_identity_token
from stsession.exceptions import InvalidRequestError


SECRET = "wJalrXUtnFEMI"

Checker = Callable[..., str]
LENGTHS: list[Any] = [
    (checked_serial_number, "mfa_serial", 9, 256, "9 to 256"),
    (checked_web_identity_token, "token", 4, 20_000, "4 to 20,000"),
    (checked_assertion, "assertion", 4, 100_000, "4 to 100,000"),
]


def rejected(checked: Checker, value: object) -> InvalidRequestError:
    """Return the error that the value causes."""
    with pytest.raises(InvalidRequestError) as caught:
        checked(value)
    return caught.value


@pytest.mark.parametrize(
    ("checked", "parameter", "minimum", "maximum", "allowed"), LENGTHS
)
def test_lengths(
    checked: Checker, parameter: str, minimum: int, maximum: int, allowed: str
) -> None:
    """Both ends are allowed; errors have the length and the limit."""
    assert "x" * minimum == checked("x" * minimum)
    assert "x" * maximum == checked("x" * maximum)
    for length in (minimum - 1, maximum + 1):
        error = rejected(checked, "x" * length)
        assert parameter == error.parameter
        assert f"{parameter} is {length:,} characters long" in str(error)
        assert f"STS allows {allowed}" in str(error)
        assert error.hint


@pytest.mark.parametrize("code", ["000000", "123456", "012345"])
def test_codes_have_six_digits(code: str) -> None:
    """Zeros at the start belong to them."""
    assert code == checked_token_code(code)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("12345", "is 5 characters long; STS allows 6 of [0-9]"),
        ("1234567", "is 7 characters long; STS allows 6 of [0-9]"),
        ("123456\n", "is 7 characters long"),
        ("123 45", "has an illegal character at position 4"),
        ("\N{ARABIC-INDIC DIGIT ONE}23456", "has an illegal character at position 1"),
        ("", "is 0 characters long"),
        (123456, "is of type int; it has to be a str"),
        (None, "is of type NoneType"),
    ],
)
def test_invalid_codes(code: object, problem: str) -> None:
    """The error has the reason, and the shape of a code."""
    error = rejected(checked_token_code, code)

    assert "mfa_code" == error.parameter
    assert f"mfa_code {problem}" in str(error)
    assert "six digits" in error.hint


@pytest.mark.parametrize(
    "serial",
    [
        "GAHT12345678",
        "arn:aws:iam::123456789012:mfa/alice",
        "arn:aws-us-gov:iam::123456789012:mfa/team/alice@example.com",
        "arn:aws:iam::123456789012:mfa/root-account-mfa-device",
    ],
)
def test_serial_numbers_are_printed_on_it_or_arns(serial: str) -> None:
    """Hardware devices have serial numbers, the others ARNs."""
    assert serial == checked_serial_number(serial)


@pytest.mark.parametrize(
    "serial",
    [
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:iam::123456789012:role/Reader",
        "arn:aws:iam::123456789012:u2f/user/alice/key-ABC",
        "arn:aws:iam::123456789012:mfa/",
        "arn:aws:iam:::mfa/alice",
    ],
)
def test_other_arns_are_no_serial_numbers(serial: str) -> None:
    """Security keys show no codes, and users and roles are no devices."""
    error = rejected(checked_serial_number, serial)

    assert "mfa_serial" == error.parameter
    assert "not of an MFA device" in str(error)
    assert "Security keys" in error.hint


def test_devices_of_other_servers_have_other_arns() -> None:
    """Accounts are AWS's."""
    serial = "arn:aws:iam:::mfa/alice"

    assert serial == checked_serial_number(serial, strict=False)


@pytest.mark.parametrize("text", ["<samlp:Response/>", "\n <?xml version='1.0'?>"])
def test_assertions_are_in_base64(text: str) -> None:
    """The XML itself is a common mistake."""
    error = rejected(checked_assertion, text)

    assert "assertion is XML; STS accepts base64 only." in str(error)
    assert "SAMLResponse" in error.hint


@pytest.mark.parametrize(
    "checked",
    [
        checked_serial_number,
        checked_token_code,
        checked_web_identity_token,
        checked_assertion,
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        SECRET * 10_000,
        SECRET.encode(),
        [SECRET],
        {SECRET: SECRET},
        f"<{SECRET}>",
        f"arn:aws:iam::123456789012:user/{SECRET}",
        f"{SECRET}\n",
    ],
)
def test_errors_have_no_secrets(checked: Checker, value: object) -> None:
    """Neither a message nor an error behind it contains a secret."""
    error: BaseException | None = None
    try:
        checked(value)
    except InvalidRequestError as e:
        error = e

    while error is not None:
        assert SECRET not in str(error)
        assert SECRET not in repr(vars(error))
        error = error.__cause__ or error.__context__


@given(st.text(st.characters(codec="utf-8"), max_size=12))
def test_accepted_codes_are_digits(text: str) -> None:
    """Whatever passes can be typed on any keyboard."""
    try:
        code = checked_token_code(text)
    except InvalidRequestError:
        return

    assert code.isascii()
    assert code.isdecimal()
    assert 6 == len(code)
