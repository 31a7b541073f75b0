"""
Web identity tokens, as an OpenID Connect provider issues them.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets

from collections.abc import Mapping
from typing import Any

import attrs

from ._answers import Tree


__all__ = ["WebIdentity", "web_identity_result"]


@attrs.frozen(kw_only=True)
class WebIdentity:
    """
    What a token claims.
    """

    subject: str
    audience: str
    issuer: str
    issued_at: int  # seconds since 1970, as in the token
    expires_at: int

    @classmethod
    def read(cls, token: str) -> WebIdentity:
        """
        Read *token* without checking anything; what it lacks is made up.
        """
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
        Write it as a JSON Web Token; the key that signs it is thrown away.
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
    """
    What ``AssumeRoleWithWebIdentity`` tells beside the credentials.
    """
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
