"""
The roles in a SAML assertion.
"""

from __future__ import annotations

import base64
import binascii

import attrs

from .._core.errors import hides_arguments
from ..exceptions import InvalidRequestError


__all__ = ["SamlRole", "saml_roles"]


NAMES = "{urn:oasis:names:tc:SAML:2.0:assertion}"
ROLE = "https://aws.amazon.com/SAML/Attributes/Role"

HINT = "Pass what the identity provider posts as SAMLResponse, base64-encoded."


@attrs.frozen(kw_only=True)
class SamlRole:
    """
    A role and the provider that vouches for it.

    .. versionadded:: 0.1.0
    """

    role_arn: str
    """The role."""

    principal_arn: str
    """The SAML provider in IAM."""


@hides_arguments
def saml_roles(assertion: str) -> tuple[SamlRole, ...]:
    """
    List the roles that an assertion is good for, to choose one.

    The assertion isn't verified; that is for STS to do. Needs
    ``pip install 'stsession[saml]'``.

    Args:
        assertion: As :func:`stsession.saml` takes it.

    Raises:
        InvalidRequestError: If it can't be read.

        ImportError: If defusedxml isn't installed.

    .. seealso:: `Configuring SAML assertions
       <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>`_.

    .. versionadded:: 0.1.0
    """
    try:
        from defusedxml import DefusedXmlException, ElementTree  # noqa: PLC0415
    except ImportError:
        msg = "stsession.saml_roles() needs defusedxml: pip install 'stsession[saml]'."
        raise ImportError(msg) from None
    try:
        document = base64.b64decode(assertion, validate=False)
        root = ElementTree.fromstring(document, forbid_dtd=True)
    except (
        DefusedXmlException,
        ElementTree.ParseError,
        binascii.Error,
        LookupError,  # of an encoding
        TypeError,
        ValueError,
    ):
        # What it can't read is secret; no cause that quotes it.
        raise InvalidRequestError(
            "The SAML assertion can't be read.", parameter="assertion", hint=HINT
        ) from None
    values = (
        value.text or ""
        for attribute in root.iter(f"{NAMES}Attribute")
        if attribute.get("Name") == ROLE
        for value in attribute.iter(f"{NAMES}AttributeValue")
    )
    return tuple(_pair(value) for value in values)


def _pair(value: str) -> SamlRole:
    """
    Role and provider; some providers write them the other way round.
    """
    parts = [part.strip() for part in value.split(",")]
    roles = [part for part in parts if ":role/" in part]
    providers = [part for part in parts if ":saml-provider/" in part]
    if len(parts) != 2 or len(roles) != 1 or len(providers) != 1:
        raise InvalidRequestError(
            "A Role attribute of the SAML assertion is no pair of a role and a "
            "provider.",
            parameter="assertion",
            hint="Check how the identity provider fills it.",
        )
    return SamlRole(role_arn=roles[0], principal_arn=providers[0])
