"""Web identity tokens and SAML assertions, as identity providers issue them."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets

from collections.abc import Mapping
from typing import Any

import attrs

from ._answers import DECLARATION, Tree, iso, to_xml


__all__ = [
    "ISSUER",
    "SamlAssertion",
    "WebIdentity",
    "saml_result",
    "web_identity_result",
]


ISSUER = "https://idp.example/saml"

_AUDIENCE = "https://signin.aws.amazon.com/saml"
_ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes"
_SAML = "urn:oasis:names:tc:SAML:2.0"
_SUBJECT_TYPE = "persistent"


@attrs.frozen(kw_only=True)
class SamlAssertion:
    """Content of a SAML assertion: a user, and the roles to choose from."""

    pairs: tuple[tuple[str, str], ...]  # ARNs of role and provider
    name: str
    issued_at: dt.datetime
    expires_at: dt.datetime
    session_duration: int | None

    def document(self) -> str:
        """Return the value for ``SAMLAssertion``: a SAML response in Base64."""
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


@attrs.frozen(kw_only=True)
class WebIdentity:
    subject: str
    audience: str
    issuer: str
    issued_at: int  # seconds since 1970, as in the token
    expires_at: int

    @classmethod
    def read(cls, token: str) -> WebIdentity:
        """Read *token* without checking it. Missing claims have defaults."""
        claims = _claims(token)
        return cls(
            subject=str(claims.get("sub", "subject")),
            audience=str(claims.get("aud", "sts.amazonaws.com")),
            issuer=str(claims.get("iss", "https://oidc.example")),
            issued_at=0,
            expires_at=0,
        )

    def token(self) -> str:
        """
        Return a JSON Web Token with these claims, signed with a key that is not kept.
        """
        header = {"alg": "HS256", "kid": "stsession", "typ": "JWT"}
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.audience,
            "iat": self.issued_at,
            "nbf": self.issued_at,
            "exp": self.expires_at,
            "jti": secrets.token_hex(16),
        }
        signed = ".".join(_quote(json.dumps(p).encode()) for p in (header, claims))
        signature = hmac.digest(secrets.token_bytes(32), signed.encode(), "sha256")
        return f"{signed}.{_quote(signature)}"


def web_identity_result(
    identity: WebIdentity, params: Mapping[str, str]
) -> dict[str, Tree]:
    account = params["RoleArn"].split(":")[4]
    name = identity.issuer.partition("://")[2]
    provider = f"arn:aws:iam::{account}:oidc-provider/{name}"
    return {
        "SubjectFromWebIdentityToken": identity.subject,
        "Provider": params.get("ProviderId", provider),
        "Audience": identity.audience,
    }


def _quote(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def _claims(token: str) -> Mapping[str, Any]:
    _, _, rest = token.partition(".")
    part = rest.partition(".")[0]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
