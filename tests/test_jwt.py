from __future__ import annotations

import base64
import datetime as dt
import json

from typing import Any

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from stsession._tokens.suppliers import Claims, read_claims


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
SIGNATURE = "c2lnbmF0dXJl"


def token(payload: Any) -> str:
    """
    A token that claims something, signed by nobody.
    """
    text = json.dumps(payload).encode()
    middle = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{middle}.{SIGNATURE}"


def test_reads_what_a_token_claims() -> None:
    """
    A service account's token has an end, an audience, an issuer and a subject.
    """
    claims = read_claims(
        token(
            {
                "aud": ["sts.amazonaws.com"],
                "exp": 1_780_000_000,
                "iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123",
                "sub": "system:serviceaccount:default:reader",
                "kubernetes.io": {"namespace": "default"},
            }
        )
    )

    assert claims == Claims(
        exp=dt.datetime(2026, 5, 28, 20, 26, 40, tzinfo=dt.timezone.utc),
        aud=("sts.amazonaws.com",),
        iss="https://oidc.eks.eu-west-1.amazonaws.com/id/0123",
        sub="system:serviceaccount:default:reader",
    )


def test_an_audience_may_be_single() -> None:
    """
    One audience needs no list.
    """
    assert ("sts.amazonaws.com",) == read_claims(
        token({"aud": "sts.amazonaws.com"})
    ).aud


@pytest.mark.parametrize("length", range(8))
def test_reads_payloads_of_any_length(length: int) -> None:
    """
    Tokens leave out the padding of base64, however much it would be.
    """
    assert "x" * length == read_claims(token({"iss": "x" * length})).iss


@pytest.mark.parametrize("text", ["ü?>", "日本", "~~~???"])
def test_reads_the_url_safe_alphabet(text: str) -> None:
    """
    Where base64 has a plus and a slash, tokens have a minus and an underscore.
    """
    payload = json.dumps({"iss": text}, ensure_ascii=False).encode()
    middle = base64.urlsafe_b64encode(payload).decode()

    assert text == read_claims(f"e30.{middle}.").iss


def test_a_line_end_after_it_does_no_harm() -> None:
    """
    Files end in one.
    """
    assert "me" == read_claims(token({"iss": "me"}) + "\n").iss


@pytest.mark.parametrize(
    "unreadable",
    [
        None,
        b"e30.e30.e30",
        "",
        "AQoDYXdzEJr",
        "e30.e30",
        "e30.e30.e30.e30.e30",
        "e30.e.e30",
        "e30.\N{SNOWMAN}.e30",
        "e30.\ud800.e30",
        "e30.____.e30",
        token([]),
        token("text"),
        token(None),
        f"e30.{base64.urlsafe_b64encode(b'[' * 9999).decode()}.e30",
        f"e30.{base64.urlsafe_b64encode(b'1' * 9999).decode()}.e30",
    ],
)
def test_what_is_unreadable_claims_nothing(unreadable: Any) -> None:
    """
    STS says what is wrong with a token; reading it is never an error.
    """
    assert Claims() == read_claims(unreadable)


@pytest.mark.parametrize(
    "exp", [None, "1780000000", True, [], 1e300, -1e300, 10**400, float("nan")]
)
def test_an_end_that_is_no_date_is_none(exp: Any) -> None:
    """
    Only a number of seconds that makes a date is taken.
    """
    assert Claims(iss="me") == read_claims(token({"exp": exp, "iss": "me"}))


@pytest.mark.parametrize("name", [5, None, {}, "two\nlines", "\x1b[2J", "\ud800"])
def test_names_that_cannot_be_printed_are_left_out(name: Any) -> None:
    """
    Claims get into messages and logs, where they must not add lines.
    """
    claims = read_claims(token({"iss": name, "aud": [name, "sts"]}))

    assert Claims(aud=("sts",)) == claims


@given(
    JSON
    | st.fixed_dictionaries({}, optional=dict.fromkeys(["exp", "aud", "iss"], JSON))
)
@example({"exp": 253_402_300_800})
def test_any_payload_can_be_read(payload: Any) -> None:
    """
    Whatever a token claims, something comes of it.
    """
    claims = read_claims(token(payload))

    assert claims.exp is None or claims.exp.tzinfo is dt.timezone.utc


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    """
    Neither does any text fail, in whole or as a part of a token.
    """
    read_claims(text)
    read_claims(f"{text}.{text}.{text}")


def test_keeps_nothing_of_the_token() -> None:
    """
    What comes of it has neither the signature nor claims that we don't need.
    """
    claims = read_claims(token({"iss": "me", "jti": "secret"}))

    assert SIGNATURE not in repr(claims)
    assert "secret" not in repr(claims)
