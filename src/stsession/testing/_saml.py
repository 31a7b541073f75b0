"""
SAML assertions, as a company's identity provider issues them.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets

from collections.abc import Mapping

import attrs

from ._answers import DECLARATION, Tree, iso, to_xml


__all__ = ["ISSUER", "SamlAssertion", "saml_result"]


ISSUER = "https://idp.example/saml"

_AUDIENCE = "https://signin.aws.amazon.com/saml"
_ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes"
_SAML = "urn:oasis:names:tc:SAML:2.0"
_SUBJECT_TYPE = "persistent"


@attrs.frozen(kw_only=True)
class SamlAssertion:
    """
    Who somebody is, and between which roles there is a choice.
    """

    pairs: tuple[tuple[str, str], ...]  # ARNs of role and provider
    name: str
    issued_at: dt.datetime
    expires_at: dt.datetime
    session_duration: int | None

    def document(self) -> str:
        """
        Write it as ``SAMLAssertion`` wants it: a response in Base64.
        """
        response: Tree = {
            f'samlp:Response xmlns:samlp="{_SAML}:protocol"'
            f' xmlns:saml="{_SAML}:assertion" ID="{_new_id()}" Version="2.0"'
            f' IssueInstant="{iso(self.issued_at)}" Destination="{_AUDIENCE}"': {
                "saml:Issuer": ISSUER,
                "samlp:Status": {
                    f'samlp:StatusCode Value="{_SAML}:status:Success"': ""
                },
                f'saml:Assertion ID="{_new_id()}" Version="2.0"'
                f' IssueInstant="{iso(self.issued_at)}"': self._assertion(),
            }
        }
        return base64.b64encode((DECLARATION + to_xml(response)).encode()).decode()

    def _assertion(self) -> Mapping[str, Tree]:
        end = f'NotOnOrAfter="{iso(self.expires_at)}"'
        return {
            "saml:Issuer": ISSUER,
            "saml:Subject": {
                f'saml:NameID Format="{_SAML}:nameid-format:{_SUBJECT_TYPE}"': (
                    self.name
                ),
                f'saml:SubjectConfirmation Method="{_SAML}:cm:bearer"': {
                    f'saml:SubjectConfirmationData {end} Recipient="{_AUDIENCE}"': ""
                },
            },
            f'saml:Conditions NotBefore="{iso(self.issued_at)}" {end}': {
                "saml:AudienceRestriction": {"saml:Audience": "urn:amazon:webservices"}
            },
            "saml:AttributeStatement": self._attributes(),
        }

    def _attributes(self) -> Mapping[str, Tree]:
        values: dict[str, list[str]] = {
            "Role": [",".join(pair) for pair in self.pairs],
            "RoleSessionName": [self.name],
        }
        if self.session_duration is not None:
            values["SessionDuration"] = [str(self.session_duration)]
        return {
            f'saml:Attribute Name="{_ATTRIBUTES}/{name}"': {
                "saml:AttributeValue": texts
            }
            for name, texts in values.items()
        }


def saml_result(name: str, params: Mapping[str, str]) -> dict[str, Tree]:
    """
    What ``AssumeRoleWithSAML`` tells beside the credentials.
    """
    _, _, _, _, account, provider = params["PrincipalArn"].split(":", 5)
    qualifier = f"{ISSUER}{account}/{provider.rpartition('/')[2]}".encode()
    digest = hashlib.sha1(qualifier, usedforsecurity=False).digest()
    return {
        "Subject": name,
        "SubjectType": _SUBJECT_TYPE,
        "Issuer": ISSUER,
        "Audience": _AUDIENCE,
        "NameQualifier": base64.b64encode(digest).decode(),
    }


def _new_id() -> str:
    return f"_{secrets.token_hex(16)}"
