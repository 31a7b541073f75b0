"""Web identity tokens: read from files and functions, their claims, and rejections."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os

import attrs
import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from stsession._tokens.web_identity import (
    Claims,
    WebIdentityTokenSupplier,
    read_claims,
)
from stsession.exceptions import FailureKind, SourceCredentialsError
from stsession.testing import FakeClock, use_runtime

from .wire import full_text, links, rejection


EXP = dt.datetime(2026, 1, 1, 1, tzinfo=dt.timezone.utc)
SIGNATURE = "PlantedPlantedPlanted"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def jwt(payload):
    """Return a token with a payload."""
    text = json.dumps(payload).encode()
    middle = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{middle}.{SIGNATURE}"


TOKEN = jwt(
    {
        "exp": EXP.timestamp(),
        "aud": ["sts.amazonaws.com", "me"],
        "iss": "https://oidc.example",
    }
)


@pytest.fixture(name="path")
def _path(tmp_path, clock):
    path = tmp_path / "token"
    write(path, TOKEN, clock)
    return path


def write(path, token, clock):
    """Replace the token, at the time of the clock."""
    path.write_text(token, encoding="utf-8")
    os.utime(path, (clock.wall(), clock.wall()))


def error_of(supplier):
    """Return the error of a supplier that has no token."""
    with pytest.raises(SourceCredentialsError) as caught:
        supplier.parameters()
    return caught.value


# Claims


def test_claims():
    """
    A service account's token has an expiration, an audience, an issuer, a subject.
    """
    claims = read_claims(
        jwt(
            {
                "aud": ["sts.amazonaws.com"],
                "exp": 1_780_000_000,
                "iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123",
                "sub": "system:serviceaccount:default:reader",
                "jti": "planted",
            }
        )
    )

    assert claims == Claims(
        exp=dt.datetime(2026, 5, 28, 20, 26, 40, tzinfo=dt.timezone.utc),
        aud=("sts.amazonaws.com",),
        iss="https://oidc.eks.eu-west-1.amazonaws.com/id/0123",
        sub="system:serviceaccount:default:reader",
    )
    assert SIGNATURE not in repr(claims)
    assert "planted" not in repr(claims)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"aud": "sts.amazonaws.com"}, Claims(aud=("sts.amazonaws.com",))),
        *(({"iss": "x" * n}, Claims(iss="x" * n)) for n in range(8)),
        *(
            ({"exp": exp, "iss": "me"}, Claims(iss="me"))
            for exp in (None, "178", True, [], 1e300, -1e300, 10**400, float("nan"))
        ),
        *(
            ({"iss": name, "aud": [name, "sts"]}, Claims(aud=("sts",)))
            for name in (5, None, {}, "two\nlines", "\x1b[2J", "\ud800")
        ),
    ],
)
def test_unusual_claims(payload, expected):
    """
    Padding and lists are optional. What is no date or can't be printed is left out.
    """
    assert expected == read_claims(jwt(payload))
    assert expected == read_claims(f"{jwt(payload)}\n")


@pytest.mark.parametrize("text", ["ü?>", "日本", "~~~???"])
def test_url_safe_alphabet(text):
    """Where base64 has a plus and a slash, tokens have a minus and an underscore."""
    payload = json.dumps({"iss": text}, ensure_ascii=False).encode()
    middle = base64.urlsafe_b64encode(payload).decode()

    assert text == read_claims(f"e30.{middle}.").iss


@pytest.mark.parametrize(
    "token",
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
        jwt([]),
        jwt("text"),
        jwt(None),
        f"e30.{base64.urlsafe_b64encode(b'[' * 9999).decode()}.e30",
        f"e30.{base64.urlsafe_b64encode(b'1' * 9999).decode()}.e30",
    ],
)
def test_unreadable_claims(token):
    """Reading a token is never an error, because STS verifies it."""
    assert Claims() == read_claims(token)


@given(
    JSON
    | st.fixed_dictionaries({}, optional=dict.fromkeys(["exp", "aud", "iss"], JSON))
)
@example({"exp": 253_402_300_800})
def test_any_payload_can_be_read(payload):
    """Whatever a token claims, reading it works."""
    claims = read_claims(jwt(payload))

    assert claims.exp is None or claims.exp.tzinfo is dt.timezone.utc


# Supplying a token


@pytest.mark.parametrize("kind", [str, os.fspath, lambda path: path])
def test_file(path, kind):
    """It is read each time, without the line end."""
    supplier = WebIdentityTokenSupplier(kind(path))

    assert {"WebIdentityToken": TOKEN} == supplier.parameters()

    path.write_text("another.one.now\n", encoding="utf-8")

    assert {"WebIdentityToken": "another.one.now"} == supplier.parameters()
    assert str(path) == supplier.key[0]
    assert not supplier.single_use
    assert not supplier.needs_input()


def test_another_working_directory(path, clock, monkeypatch):
    """A relative path means the same file for as long as the session exists."""
    other = path.parent / "other"
    other.mkdir()
    write(other / "token", "another.one.now", clock)
    monkeypatch.chdir(path.parent)
    supplier = WebIdentityTokenSupplier("token")
    monkeypatch.chdir(other)

    assert {"WebIdentityToken": TOKEN} == supplier.parameters()
    assert "from the file token, written 0 s ago." in str(
        supplier.rejected(rejection())
    )


@attrs.define
class Unhashable:
    """A function that can't be a key."""

    text: str

    def __call__(self):
        return self.text


def test_function():
    """It is called each time, isn't shared, and needn't be hashable."""
    function = Unhashable("first")
    supplier = WebIdentityTokenSupplier(function)

    assert {"WebIdentityToken": "first"} == supplier.parameters()

    function.text = "second"

    assert {"WebIdentityToken": "second"} == supplier.parameters()
    assert WebIdentityTokenSupplier(function).key != supplier.key


def test_expiration(path, clock):
    """A token in a file expires at its *exp*; before it was read, nothing is known."""
    supplier = WebIdentityTokenSupplier(path)

    assert supplier.accepted(clock.wall()) is None

    supplier.parameters()

    assert 3_600 == supplier.accepted(clock.wall())
    assert -60 == supplier.accepted(clock.wall() + 3_660)


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        jwt({}),
        jwt({"exp": "soon"}),
        jwt({"exp": 10**99}),
        lambda: jwt({"exp": 100}),
    ],
)
def test_unknown_expiration(token, path, clock):
    """A token may have no *exp*, or be no JWT; a function returns another one."""
    if not callable(token):
        write(path, token, clock)
        token = path
    supplier = WebIdentityTokenSupplier(token)
    supplier.parameters()

    assert supplier.accepted(0.0) is None


# No token


UNREADABLE = {
    "missing": (lambda path: path.unlink(), "No such file or directory"),
    "a directory": (lambda path: (path.unlink(), path.mkdir()), "directory"),
    "empty": (lambda path: path.write_bytes(b""), "token is 0 characters long"),
    "whitespace": (lambda path: path.write_bytes(b" \n"), "token is 0 characters"),
    "binary": (
        lambda path: path.write_bytes(b"\xff" + SIGNATURE.encode()),
        "UnicodeDecodeError",
    ),
    "too long": (
        lambda path: path.write_text(SIGNATURE * 1_000, encoding="utf-8"),
        "allows 4 to 20,000",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_file(path, case):
    """The error has the path and the reason, and nothing of the content."""
    spoil, reason = UNREADABLE[case]
    spoil(path)
    error = error_of(WebIdentityTokenSupplier(path))

    assert f"from the file {path}. " in str(error)
    assert reason in str(error)
    assert "permissions of this process" in error.hint
    assert f"the file {path}" == error.hop
    assert error.retryable
    assert SIGNATURE not in full_text(error)
    assert [error] == list(links(error))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(None, "NoneType"), (b"token", "bytes"), ("", "0 characters")],
)
def test_function_without_a_token(answer, reason):
    """The error has the function, or the class of the object, and the reason."""

    def issue():
        return answer

    error = error_of(WebIdentityTokenSupplier(issue))

    assert "the function test_function_without_a_token.<locals>.issue()" in str(error)
    assert reason in str(error)
    assert "The function has to return the token as a str." == error.hint
    assert "the function Unhashable()" in str(
        error_of(WebIdentityTokenSupplier(Unhashable(answer)))
    )


# Rejections


@pytest.mark.parametrize("code", ["AccessDenied", "IDPCommunicationError", None])
def test_other_errors(code):
    """Another token doesn't help after errors that aren't about the token."""
    assert WebIdentityTokenSupplier("token").rejected(rejection(code)) is None


@pytest.mark.parametrize(
    "code",
    [
        "ExpiredToken",
        "InvalidIdentityToken",
        "InvalidIdentityTokenException",
        "IDPRejectedClaim",
    ],
)
def test_rejections(code):
    """STS rejects a token by several codes; see `test_explanation` for another."""
    assert WebIdentityTokenSupplier("token").rejected(rejection(code)) is not None


def test_renewal(path, clock):
    """There is another token only if the file has changed."""
    supplier = WebIdentityTokenSupplier(path)
    supplier.parameters()

    assert not supplier.can_renew()

    write(path, jwt({}), clock)

    assert supplier.can_renew()

    path.unlink()

    assert not supplier.can_renew()


def test_function_that_fails_after_a_rejection():
    """Then there is no other token, and the rejection is raised."""
    supplier = WebIdentityTokenSupplier([TOKEN].pop)
    supplier.parameters()

    assert not supplier.can_renew()


@pytest.mark.parametrize(
    ("seconds", "age"), [(30, "30 s"), (3_000, "50 min"), (30_000, "8.3 h")]
)
def test_explanation(path, clock, seconds, age):
    """The error has the path, its age, and the claims; never the token."""
    supplier, error = WebIdentityTokenSupplier(path), rejection()
    supplier.parameters()
    clock.advance(dt.timedelta(seconds=seconds))
    rejected = supplier.rejected(error)

    assert (
        f"Could not assume {error.hop}. STS returned ExpiredTokenException. The token "
        f"comes from the file {path}, written {age} ago. Its claims: "
        "exp 2026-01-01 01:00:00 UTC, aud sts.amazonaws.com, me, "
        "iss https://oidc.example. Check what renews the token, and the identity "
        "provider in IAM."
    ) == str(rejected)
    assert (error.kind, error.code, 400, error.hop) == (
        rejected.kind,
        rejected.code,
        rejected.http_status,
        rejected.hop,
    )
    assert error.__cause__ is rejected.__cause__
    assert SIGNATURE not in full_text(rejected)


def test_explanation_without_a_file(path):
    """The file may be gone."""
    supplier = WebIdentityTokenSupplier(path)
    supplier.parameters()
    path.unlink()

    assert f"from the file {path}, which no longer exists. Its" in str(
        supplier.rejected(rejection())
    )


def test_explanation_of_a_functions_token():
    """A function has no age, and a token may have no claims."""
    supplier = WebIdentityTokenSupplier(Unhashable("opaque"))
    supplier.parameters()

    assert (
        "comes from the function Unhashable(). Its claims: exp None, aud None, "
        "iss None."
    ) in str(supplier.rejected(rejection()))


def test_age_by_the_session_s_clock(path, clock):
    """A session keeps the clock that it was made with."""
    supplier = WebIdentityTokenSupplier(path)
    supplier.parameters()
    with use_runtime(clock=FakeClock(EXP + dt.timedelta(days=9))):
        assert "written 0 s ago" in str(supplier.rejected(rejection()))


@pytest.mark.parametrize("failure", [OSError, TimeoutError, ValueError])
def test_function_that_fails(failure):
    """The error has the function's name, and its cause is what was raised."""

    def issue():
        raise failure("planted")

    error = error_of(WebIdentityTokenSupplier(issue))

    assert f"issue() raised {failure.__name__}. See the cause" in str(error)
    assert "planted" not in str(error)
    assert failure is type(error.__cause__)
    assert FailureKind.UNKNOWN is error.kind
