"""SAML assertions: supplied to a request, rejected, and the roles that they list."""

from __future__ import annotations

import base64
import sys

import pytest

import stsession

from stsession._tokens.saml import SamlAssertionSupplier
from stsession.exceptions import FailureKind, RefreshError, SourceCredentialsError
from stsession.testing import LocalSTS

from .wire import full_text, rejection


ASSERTION = "UGxhbnRlZFBsYW50ZWQ="

ROLES = ["arn:aws:iam::123456789012:role/Reader", "arn:aws:iam::210987654321:role/x/W"]
PROVIDERS = [
    "arn:aws:iam::123456789012:saml-provider/Corp",
    "arn:aws:iam::210987654321:saml-provider/Corp",
]

RESPONSE = """\
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
    xmlns="urn:oasis:names:tc:SAML:2.0:assertion">
<Assertion><AttributeStatement>
<Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName">
<AttributeValue>jane</AttributeValue></Attribute>
<Attribute Name="https://aws.amazon.com/SAML/Attributes/Role">{}</Attribute>
</AttributeStatement></Assertion>
</samlp:Response>
"""


def encoded(document):
    """As the identity provider posts it."""
    return base64.b64encode(document.encode()).decode()


def assertion(*values):
    """An assertion with such values of the attribute of roles."""
    return encoded(
        RESPONSE.format(
            "".join(f"<AttributeValue>{value}</AttributeValue>" for value in values)
        )
    )


def pairs(text):
    """What is found in it."""
    return [(role.role_arn, role.principal_arn) for role in stsession.saml_roles(text)]


@pytest.mark.parametrize(
    "value",
    [
        f"{ROLES[0]},{PROVIDERS[0]}",
        f"{PROVIDERS[0]},{ROLES[0]}",
        f"\n  {PROVIDERS[0]} ,\n {ROLES[0]}\n",
    ],
)
def test_pair(value):
    """Role and provider, in whatever order; base64 may be broken into lines."""
    text = base64.encodebytes(base64.b64decode(assertion(value))).decode()

    assert [(ROLES[0], PROVIDERS[0])] == pairs(text)


def test_none():
    """There may be no role at all."""
    assert () == stsession.saml_roles(assertion())
    assert () == stsession.saml_roles(encoded("<html/>"))


def test_of_an_identity_provider():
    """An assertion that STS accepts can be read."""
    local = LocalSTS()
    for role, provider in zip(ROLES, PROVIDERS, strict=True):
        local.add_role(role, saml_providers=[provider])

    assert list(zip(ROLES, PROVIDERS, strict=True)) == pairs(local.saml_assertion())


SECRET = "PlantedPlantedPlanted"

BOMB = "<!DOCTYPE x [<!ENTITY a 'x'>{}]><x>&j;</x>".format(
    "".join(
        f"<!ENTITY {b} '{f'&{a};' * 10}'>"
        for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
)

UNREADABLE = {
    "entity bomb": encoded(BOMB),
    "entity": encoded(f"<!DOCTYPE x [<!ENTITY a '{SECRET}'>]><x>&a;</x>"),
    "external entity": encoded(
        "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>"
    ),
    "parameter entity": encoded(
        "<!DOCTYPE x [<!ENTITY % a SYSTEM 'http://169.254.169.254/'> %a;]><x/>"
    ),
    "external DTD": encoded("<!DOCTYPE x SYSTEM 'http://idp.example/x.dtd'><x/>"),
    "DTD": encoded("<!DOCTYPE x [<!ELEMENT x ANY>]><x/>"),
    "no XML": encoded(SECRET),
    "half of it": encoded(f"<a>{SECRET}"),
    "XML itself": f"<a>{SECRET}</a>",
    "no base64": f"{SECRET}é",
    "length of no base64": "AAAAA",
    "encoding that isn't": base64.b64encode(
        b"<?xml version='1.0' encoding='x-none'?><x/>"
    ).decode(),
    "no text": base64.b64encode(b"\x00\xff" * 9).decode(),
    "empty": "",
    "None": None,
    "number": 5,
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_unreadable(what):
    """Hostile XML and other text are rejected alike, and not quoted."""
    with pytest.raises(
        stsession.InvalidRequestError, match="assertion can't be read"
    ) as caught:
        stsession.saml_roles(UNREADABLE[what])

    assert "assertion" == caught.value.parameter
    assert "SAMLResponse" in caught.value.hint
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "value",
    [
        "",
        ROLES[0],
        f"{ROLES[0]},{ROLES[1]}",
        f"{PROVIDERS[0]},{PROVIDERS[1]}",
        f"{ROLES[0]},{PROVIDERS[0]},{ROLES[1]}",
        f"{ROLES[0]},Corp",
        f"{ROLES[0]};{PROVIDERS[0]}",
        "<b/>",
    ],
)
def test_no_pair(value):
    """An attribute that is no pair is an error: the provider is set up wrong."""
    with pytest.raises(stsession.InvalidRequestError, match="isn't a pair") as caught:
        stsession.saml_roles(assertion(f"{ROLES[0]},{PROVIDERS[0]}", value))

    assert "assertion" == caught.value.parameter


def test_without_defusedxml(monkeypatch):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "defusedxml", None)
    with pytest.raises(ImportError, match=r"pip install 'stsession\[saml\]'"):
        stsession.saml_roles(assertion())


# Supplying an assertion


def error_of(supplier):
    """Return the error of a supplier that has no assertion."""
    with pytest.raises(SourceCredentialsError) as caught:
        supplier.parameters()
    return caught.value


def test_function():
    """It is called each time."""
    assertions = iter([ASSERTION, "bmV4dA=="])

    def issue():
        return next(assertions)

    supplier = SamlAssertionSupplier(issue)

    assert {"SAMLAssertion": ASSERTION} == supplier.parameters()
    assert supplier.accepted(0.0) is None
    assert {"SAMLAssertion": "bmV4dA=="} == supplier.parameters()
    assert supplier.can_renew()


def test_text():
    """One assertion is sent until STS has accepted it; then there is none."""
    supplier = SamlAssertionSupplier(ASSERTION)

    assert {"SAMLAssertion": ASSERTION} == supplier.parameters()
    assert {"SAMLAssertion": ASSERTION} == supplier.parameters()
    assert not supplier.can_renew()

    supplier.accepted(0.0)
    error = error_of(supplier)

    assert "the one passed has been used" in str(error)
    assert "Pass a function" in error.hint
    assert "the SAML assertion" == error.hop
    assert not error.retryable
    assert ASSERTION not in full_text(error)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "NoneType"),
        (b"PHg+", "bytes"),
        ("x", "1 character long"),
        (ASSERTION * 10_000, "allows 4 to 100,000"),
        (f"<saml>{ASSERTION}</saml>", "base64 only"),
    ],
)
def test_no_assertion(answer, reason):
    """What can't be one isn't sent; the error has the reason, and not the text."""
    error = error_of(SamlAssertionSupplier(lambda: answer))

    assert "The SAML assertion can't be used. assertion is" in str(error)
    assert reason in str(error)
    assert ASSERTION not in full_text(error)


def test_function_that_fails():
    """The cause of the error is what was raised; an error of ours passes unchanged."""
    failures = [ValueError("planted"), RefreshError("No.")]

    def issue():
        raise failures.pop(0)

    supplier = SamlAssertionSupplier(issue)
    error = error_of(supplier)

    assert "issue() raised ValueError. See the cause" in str(error)
    assert "planted" not in str(error)
    assert ValueError is type(error.__cause__)
    assert FailureKind.UNKNOWN is error.kind
    with pytest.raises(RefreshError, match="No"):
        supplier.parameters()


@pytest.mark.parametrize("code", ["InvalidIdentityToken", "AccessDenied", None])
def test_other_rejections(code):
    """Another assertion helps only if this one has expired."""
    assert SamlAssertionSupplier(ASSERTION).rejected(rejection(code)) is None


@pytest.mark.parametrize("code", ["ExpiredTokenException", "ExpiredToken"])
@pytest.mark.parametrize(
    ("assertion", "kind"),
    [(ASSERTION, FailureKind.SOURCE), (str, FailureKind.SOURCE_EXPIRED)],
)
def test_expired(assertion, kind, code):
    """The hint is about assertions; one passed as text stays expired."""
    error = SamlAssertionSupplier(assertion).rejected(rejection(code))

    assert (
        f"Could not assume {error.hop}. STS returned {code}. Pass a function that gets "
        "one: an assertion works once, and is valid for five minutes."
    ) == str(error)
    assert kind is error.kind
