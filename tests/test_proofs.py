from __future__ import annotations

import base64
import datetime as dt
import json
import os

import attrs
import pytest

import stsession

from stsession._tokens.mfa import MfaCodes
from stsession._tokens.suppliers import (
    MfaCodeSupplier,
    NoProof,
    SamlAssertionSupplier,
    WebIdentityTokenSupplier,
)
from stsession.exceptions import FailureKind, RefreshError, SourceCredentialsError
from stsession.testing import FakeClock, use_runtime

from .wire import READER, links, told_by


EXP = dt.datetime(2026, 1, 1, 1, tzinfo=dt.timezone.utc)
SIGNATURE = "PlantedPlantedPlanted"
ASSERTION = "UGxhbnRlZFBsYW50ZWQ="
SERIAL = "arn:aws:iam::123456789012:mfa/alice"


def jwt(**claims):
    """
    A token that claims so.
    """
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.{SIGNATURE}"


TOKEN = jwt(
    exp=EXP.timestamp(), aud=["sts.amazonaws.com", "me"], iss="https://oidc.example"
)


def refused(code="ExpiredTokenException", **kw):
    """
    An error of STS, as it is translated.
    """
    error = RefreshError(
        f"Could not assume {READER}. STS returned {code}.",
        hint="Renew the credentials of somebody.",
        code=code,
        hop=READER,
        http_status=400,
        **{"kind": FailureKind.SOURCE_EXPIRED, **kw},
    )
    error.__cause__ = OSError()
    return error


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock):
        yield clock


@pytest.fixture(name="path")
def _path(tmp_path, clock):
    path = tmp_path / "token"
    write(path, TOKEN, clock)
    return path


def write(path, token, clock):
    """
    Replace the token, at the time of the clock.
    """
    path.write_text(token, encoding="utf-8")
    os.utime(path, (clock.wall(), clock.wall()))


def error_of(proof):
    """
    What asking it for parameters fails with.
    """
    with pytest.raises(SourceCredentialsError) as caught:
        proof.parameters()
    return caught.value


def test_no_proof():
    """
    It has nothing to say, whatever happens.
    """
    proof, error = NoProof(), refused()
    proof.accepted()

    assert {} == proof.parameters()
    assert (None, None, False) == (proof.key, proof.remaining(0.0), proof.asks)
    assert not proof.is_refused(error)
    assert not proof.can_renew()
    assert error is proof.explained(error)


def test_code():
    """
    The device and its code go with the request.
    """
    proof = MfaCodeSupplier(lambda: SERIAL, MfaCodes(lambda _: "123456"), key="auto")

    assert proof.asks
    assert {"SerialNumber": SERIAL, "TokenCode": "123456"} == proof.parameters()
    assert "auto" == proof.key


def test_code_that_is_not_needed():
    """
    Unless the source has shown one already.
    """
    proof = MfaCodeSupplier(
        lambda: pytest.fail("Nobody needs to know."), MfaCodes(None), key=SERIAL
    ).if_needed(lambda: False)

    assert not proof.asks
    assert {} == proof.parameters()
    assert SERIAL == proof.key


@pytest.mark.parametrize(("given", "renews"), [(None, True), ("123456", False)])
def test_wrong_code(given, renews):
    """
    It is asked for again if there is somebody to ask.
    """
    proof = MfaCodeSupplier(lambda: SERIAL, MfaCodes(given), key=SERIAL)

    assert proof.is_refused(refused("AccessDenied", kind=FailureKind.MFA))
    assert not proof.is_refused(refused("AccessDenied", kind=FailureKind.REQUEST))
    assert renews is proof.can_renew()


def test_no_code_was_sent():
    """
    An error of ours is no refusal of STS.
    """
    proof = MfaCodeSupplier(lambda: SERIAL, MfaCodes(None), key=SERIAL)

    assert not proof.is_refused(stsession.MfaError("There is no terminal."))


@pytest.mark.parametrize("kind", [str, os.fspath, lambda path: path])
def test_token_file(path, kind):
    """
    It is read each time, without the line end.
    """
    proof = WebIdentityTokenSupplier(kind(path))

    assert {"WebIdentityToken": TOKEN} == proof.parameters()

    path.write_text("another.one.now\n", encoding="utf-8")

    assert {"WebIdentityToken": "another.one.now"} == proof.parameters()
    assert str(path) == proof.key[0]


def test_token_function():
    """
    It is called each time.
    """
    tokens = iter(["first", "second"])

    def issue():
        return next(tokens)

    proof = WebIdentityTokenSupplier(issue)

    assert {"WebIdentityToken": "first"} == proof.parameters()
    assert {"WebIdentityToken": "second"} == proof.parameters()
    assert WebIdentityTokenSupplier(issue).key != proof.key


@attrs.define
class Unhashable:
    """
    A function that can't be the key of anything.
    """

    text: str

    def __call__(self):
        """
        Return a token, or an assertion.
        """
        return self.text


@pytest.mark.parametrize("proof", [WebIdentityTokenSupplier, SamlAssertionSupplier])
def test_function_that_cannot_be_hashed(proof):
    """
    It serves as well, but is shared with nobody.
    """
    one, other = proof(Unhashable(ASSERTION)), proof(Unhashable(ASSERTION))

    assert [ASSERTION] == list(one.parameters().values())
    assert hash(one.key) != hash(other.key)
    assert one.key != other.key


def test_remaining(path, clock):
    """
    A token is good until its *exp*; before it was read, nothing is known.
    """
    proof = WebIdentityTokenSupplier(path)

    assert proof.remaining(clock.wall()) is None

    proof.parameters()

    assert 3_600 == proof.remaining(clock.wall())
    assert -60 == proof.remaining(clock.wall() + 3_660)


@pytest.mark.parametrize("token", ["opaque", jwt(), jwt(exp="soon"), jwt(exp=10**99)])
def test_token_that_does_not_tell(token, tmp_path):
    """
    Nothing is known of one that has no *exp*, or is no JWT.
    """
    path = tmp_path / "token"
    path.write_text(token)
    proof = WebIdentityTokenSupplier(path)
    proof.parameters()

    assert proof.remaining(0.0) is None


def test_end_of_a_functions_token():
    """
    It doesn't matter: there'll be another one.
    """
    proof = WebIdentityTokenSupplier(lambda: jwt(exp=100))
    proof.parameters()

    assert proof.remaining(0.0) is None


UNREADABLE = {
    "missing": (lambda path: path.unlink(), "No such file or directory"),
    "a directory": (lambda path: (path.unlink(), path.mkdir()), "directory"),
    "empty": (lambda path: path.write_bytes(b""), "token is 0 characters long"),
    "white space": (lambda path: path.write_bytes(b" \n"), "token is 0 characters"),
    "binary": (
        lambda path: path.write_bytes(b"\xff" + SIGNATURE.encode()),
        "UnicodeDecodeError",
    ),
    "too long": (
        lambda path: path.write_text(SIGNATURE * 1_000, encoding="utf-8"),
        "allows 4 to 20,000",
    ),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_unreadable_file(path, what):
    """
    The error says which file and why, and no part of what is in it.
    """
    spoil, why = UNREADABLE[what]
    spoil(path)
    error = error_of(WebIdentityTokenSupplier(path))

    assert f"from the file {path}. " in str(error)
    assert why in str(error)
    assert "may read it" in error.hint
    assert f"the file {path}" == error.hop
    assert error.retryable
    assert SIGNATURE not in told_by(error)
    assert [error] == list(links(error))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read all")
def test_file_of_somebody_else(path):  # pragma: no cover - tests may run as root
    """
    So it is if the file may not be read.
    """
    path.chmod(0)

    assert "Permission denied" in str(error_of(WebIdentityTokenSupplier(path)))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "NoneType"),
        (b"token", "bytes"),
        ("", "0 characters"),
    ],
)
def test_function_without_a_token(answer, why):
    """
    The error says which function, and why.
    """

    def issue():
        return answer

    error = error_of(WebIdentityTokenSupplier(issue))

    assert "the function test_function_without_a_token.<locals>.issue()" in str(error)
    assert why in str(error)
    assert "Have it return the token, as a str." == error.hint


@pytest.mark.parametrize("failure", [OSError, TimeoutError, ValueError])
@pytest.mark.parametrize("make", [WebIdentityTokenSupplier, SamlAssertionSupplier])
def test_function_that_fails(make, failure):
    """
    The error says which function, and its cause is what it raised.
    """

    def issue():
        raise failure("planted")

    error = error_of(make(issue))

    assert f"issue() raised {failure.__name__}. The cause" in str(error)
    assert "planted" not in str(error)
    assert failure is type(error.__cause__)
    assert FailureKind.UNKNOWN is error.kind


@pytest.mark.parametrize("make", [WebIdentityTokenSupplier, SamlAssertionSupplier])
def test_function_that_needs_a_session(make):
    """
    An error of ours says best itself what is wrong.
    """
    ours = RefreshError("No.")

    def issue():
        raise ours

    with pytest.raises(RefreshError) as caught:
        make(issue).parameters()

    assert ours is caught.value


def test_no_other_token_after_a_refusal():
    """
    If the function fails then, what counts is why STS refused the first.
    """
    answers = [TOKEN]
    proof = WebIdentityTokenSupplier(answers.pop)
    proof.parameters()

    assert not proof.can_renew()


def test_function_without_a_name():
    """
    An object that can be called is known by its class.
    """
    assert "the function Unhashable()" in str(
        error_of(WebIdentityTokenSupplier(Unhashable("")))
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ExpiredTokenException", True),
        ("ExpiredToken", True),
        ("InvalidIdentityToken", True),
        ("InvalidIdentityTokenException", True),
        ("IDPRejectedClaim", True),
        ("AccessDenied", False),
        ("IDPCommunicationError", False),
        (None, False),
    ],
)
def test_refused_token(code, expected):
    """
    STS has several words for it; not having been let in is none of them.
    """
    assert expected is WebIdentityTokenSupplier("token").is_refused(refused(code))


def test_renewed_token(path, clock):
    """
    Asking again is no use unless the file has changed.
    """
    proof = WebIdentityTokenSupplier(path)
    proof.parameters()

    assert not proof.can_renew()

    write(path, jwt(), clock)

    assert proof.can_renew()

    path.unlink()

    assert not proof.can_renew()


@pytest.mark.parametrize("seconds", [30, 3_000, 30_000])
def test_explained(path, clock, seconds):
    """
    The error says which file, its age, and what the token says; never the token.
    """
    proof, error = WebIdentityTokenSupplier(path), refused()
    proof.parameters()
    clock.advance(dt.timedelta(seconds=seconds))
    said = proof.explained(error)
    age = {30: "30 s", 3_000: "50 min", 30_000: "8.3 h"}[seconds]

    assert (
        f"Could not assume {READER}. STS returned ExpiredTokenException. The token "
        f"comes from the file {path}, written {age} ago. It says: "
        "exp 2026-01-01 01:00:00 UTC, aud sts.amazonaws.com, me, "
        "iss https://oidc.example. Check what renews it, and the identity provider "
        "in IAM."
    ) == str(said)
    assert (error.kind, error.code, 400, READER) == (
        said.kind,
        said.code,
        said.http_status,
        said.hop,
    )
    assert error.__cause__ is said.__cause__
    assert SIGNATURE not in told_by(said)


def test_explained_without_a_file(path):
    """
    If it's gone, that's worth a word.
    """
    proof = WebIdentityTokenSupplier(path)
    proof.parameters()
    path.unlink()

    assert f"from the file {path}, which is gone. It" in str(proof.explained(refused()))


def test_explained_of_a_function():
    """
    A function has no age, and a token may claim nothing.
    """
    proof = WebIdentityTokenSupplier(Unhashable("opaque"))
    proof.parameters()

    assert (
        "comes from the function Unhashable(). It says: exp None, aud None, iss None."
    ) in str(proof.explained(refused()))


def test_age_by_the_clock_of_its_time(path, clock):
    """
    A session keeps the clock that it was made with.
    """
    proof = WebIdentityTokenSupplier(path)
    proof.parameters()
    with use_runtime(clock=FakeClock(EXP + dt.timedelta(days=9))):
        assert "written 0 s ago" in str(proof.explained(refused()))


def test_assertion_function():
    """
    Each request gets a fresh one.
    """
    assertions = iter([ASSERTION, "bmV4dA=="])

    def issue():
        return next(assertions)

    proof = SamlAssertionSupplier(issue)

    assert {"SAMLAssertion": ASSERTION} == proof.parameters()

    proof.accepted()

    assert {"SAMLAssertion": "bmV4dA=="} == proof.parameters()
    assert SamlAssertionSupplier(issue).key != proof.key
    assert proof.can_renew()


def test_assertion():
    """
    A string serves until STS has taken it, and then the error says so.
    """
    proof = SamlAssertionSupplier(ASSERTION)

    assert {"SAMLAssertion": ASSERTION} == proof.parameters()
    assert {"SAMLAssertion": ASSERTION} == proof.parameters()
    assert not proof.can_renew()

    proof.accepted()
    error = error_of(proof)

    assert "the one that was given has been used" in str(error)
    assert "Pass a function" in error.hint
    assert "the SAML assertion" == error.hop
    assert not error.retryable
    assert ASSERTION not in told_by(error)


def test_assertions_are_not_shared():
    """
    Nobody knows whose they are.
    """
    assert SamlAssertionSupplier(ASSERTION).key != SamlAssertionSupplier(ASSERTION).key


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "NoneType"),
        (b"PHg+", "bytes"),
        ("x", "1 character long"),
        (ASSERTION * 10_000, "allows 4 to 100,000"),
        (f"<saml>{ASSERTION}</saml>", "base64 only"),
    ],
)
def test_no_assertion(answer, why):
    """
    What can't be one isn't sent; the error says why, and not what it was.
    """
    error = error_of(SamlAssertionSupplier(lambda: answer))

    assert "The SAML assertion can't be used. assertion is" in str(error)
    assert why in str(error)
    assert ASSERTION not in told_by(error)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ExpiredTokenException", True),
        ("ExpiredToken", True),
        ("InvalidIdentityToken", False),
        ("AccessDenied", False),
    ],
)
def test_refused_assertion(code, expected):
    """
    Only one that is too old is worth asking for another.
    """
    assert expected is SamlAssertionSupplier(ASSERTION).is_refused(refused(code))


@pytest.mark.parametrize(
    ("given", "kind"),
    [(ASSERTION, FailureKind.SOURCE), (str, FailureKind.SOURCE_EXPIRED)],
)
def test_explained_assertion(given, kind):
    """
    The advice is about assertions; a string that is too old stays so.
    """
    said = SamlAssertionSupplier(given).explained(refused())

    assert (
        f"Could not assume {READER}. STS returned ExpiredTokenException. Pass a "
        "function that gets one: an assertion serves once, and lives for five minutes."
    ) == str(said)
    assert kind is said.kind
