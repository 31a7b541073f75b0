from __future__ import annotations

import base64
import sys

import pytest

import stsession

from stsession.testing import LocalSTS


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
    """
    As the identity provider posts it.
    """
    return base64.b64encode(document.encode()).decode()


def assertion(*values):
    """
    An assertion with such values of the attribute of roles.
    """
    return encoded(
        RESPONSE.format(
            "".join(f"<AttributeValue>{value}</AttributeValue>" for value in values)
        )
    )


def pairs(text):
    """
    What is found in it.
    """
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
    """
    Role and provider, in whatever order.
    """
    assert [(ROLES[0], PROVIDERS[0])] == pairs(assertion(value))


def test_several():
    """
    All of them, in the order of the assertion.
    """
    text = assertion(f"{ROLES[1]},{PROVIDERS[1]}", f"{PROVIDERS[0]},{ROLES[0]}")

    assert [(ROLES[1], PROVIDERS[1]), (ROLES[0], PROVIDERS[0])] == pairs(text)


def test_none():
    """
    Somebody may have no role at all.
    """
    assert () == stsession.saml_roles(assertion())
    assert () == stsession.saml_roles(encoded("<html/>"))


def test_lines():
    """
    Base64 may be broken into lines.
    """
    value = f"{ROLES[0]},{PROVIDERS[0]}"
    text = base64.encodebytes(base64.b64decode(assertion(value))).decode()

    assert "\n" in text.strip()
    assert [(ROLES[0], PROVIDERS[0])] == pairs(text)


def test_of_an_identity_provider():
    """
    What STS takes can be read.
    """
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
    """
    Hostile XML and rubbish are refused alike; nothing of them is told.
    """
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
    """
    An attribute that is no pair is told, as it is a mistake of the provider.
    """
    with pytest.raises(stsession.InvalidRequestError, match="no pair") as caught:
        stsession.saml_roles(assertion(f"{ROLES[0]},{PROVIDERS[0]}", value))

    assert "assertion" == caught.value.parameter


def test_without_defusedxml(monkeypatch):
    """
    The error says what to install.
    """
    monkeypatch.setitem(sys.modules, "defusedxml", None)
    with pytest.raises(ImportError, match=r"pip install 'stsession\[saml\]'"):
        stsession.saml_roles(assertion())
