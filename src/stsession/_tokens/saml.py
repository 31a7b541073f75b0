"""SAML assertions for AssumeRoleWithSAML, and the roles that they list."""

from __future__ import annotations

import base64
import binascii

from collections.abc import Callable, Hashable
from typing import Any

import attrs

from .._core.errors import hides_arguments
from .._requests.limits import ASSERTION
from ..exceptions import (
    FailureKind,
    InvalidRequestError,
    RefreshError,
    SourceCredentialsError,
)
from .base import TokenSupplier, call_function, explain_rejection


__all__ = ["SamlAssertionSupplier", "SamlRole", "checked_assertion", "saml_roles"]


NAME = "the SAML assertion"

FUNCTION_HINT = (
    "Pass a function that gets one: an assertion works once, and is valid for five "
    "minutes."
)


def checked_assertion(value: object) -> str:
    """Return *value* if it looks like an assertion. Errors don't quote it."""
    assertion = ASSERTION.text(value)
    if assertion.lstrip().startswith("<"):
        raise InvalidRequestError(
            "assertion is XML; STS accepts base64 only.",
            parameter=ASSERTION.parameter,
            hint=f"{ASSERTION.hint} It is base64 already.",
        )
    return assertion


class SamlAssertionSupplier(TokenSupplier):
    """
    Supplies the assertion of an AssumeRoleWithSAML request.

    Args:
        assertion: A function that gets an assertion, or one assertion.
    """

    def __init__(self, assertion: str | Callable[[], str]) -> None:
        self._assertion = assertion
        self._used = False
        # Its user isn't known, so no two sessions share credentials.
        self.key: Hashable = object()

    def parameters(self) -> dict[str, str]:
        if callable(self._assertion):
            assertion = call_function(
                self._assertion,
                action="Could not get a SAML assertion",
                hop=NAME,
                failure=SourceCredentialsError,
                kind=FailureKind.UNKNOWN,
            )
        elif self._used:
            raise SourceCredentialsError(
                "Another SAML assertion is needed; the one passed has been used.",
                hop=NAME,
                hint=FUNCTION_HINT,
            )
        else:
            assertion = self._assertion
        try:
            return {"SAMLAssertion": checked_assertion(assertion)}
        except InvalidRequestError as e:
            raise SourceCredentialsError(
                f"The SAML assertion can't be used. {e}", hop=NAME
            ) from None

    def accepted(self, now: float) -> None:
        self._used = True

    def rejected(self, error: RefreshError) -> RefreshError | None:
        if error.code not in ("ExpiredToken", "ExpiredTokenException"):
            return None
        kind = error.kind if callable(self._assertion) else FailureKind.SOURCE
        return explain_rejection(error, "", hint=FUNCTION_HINT, kind=kind)

    def can_renew(self) -> bool:
        return callable(self._assertion)


NAMES = "{urn:oasis:names:tc:SAML:2.0:assertion}"
ROLE = "https://aws.amazon.com/SAML/Attributes/Role"


@attrs.frozen(kw_only=True)
class SamlRole:
    """
    A role that a SAML assertion lists, and the SAML provider to assume it with.

    .. versionadded:: 0.1.0
    """

    role_arn: str
    """The ARN of the role."""

    principal_arn: str
    """The ARN of the SAML provider in IAM."""


@hides_arguments
def saml_roles(assertion: str) -> tuple[SamlRole, ...]:
    """
    Return the roles that a SAML assertion lists, for example to choose one.

    The assertion isn't verified; STS does that. Needs
    ``pip install 'stsession[saml]'``.

    Args:
        assertion: The assertion, base64-encoded, as :func:`stsession.saml` takes it.

    Raises:
        InvalidRequestError: If the assertion can't be read.

        ImportError: If defusedxml isn't installed.

    .. seealso:: `Configuring SAML assertions
       <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>`_.

    .. versionadded:: 0.1.0
    """
    return tuple(
        _role_of(value.text or "")
        for attribute in _parsed(assertion).iter(f"{NAMES}Attribute")
        if attribute.get("Name") == ROLE
        for value in attribute.iter(f"{NAMES}AttributeValue")
    )


def _parsed(assertion: str) -> Any:
    try:
        from defusedxml import DefusedXmlException, ElementTree  # noqa: PLC0415
    except ImportError:
        msg = "stsession.saml_roles() needs defusedxml: pip install 'stsession[saml]'."
        raise ImportError(msg) from None
    try:
        document = base64.b64decode(assertion, validate=False)
        return ElementTree.fromstring(document, forbid_dtd=True)
    except (
        DefusedXmlException,
        ElementTree.ParseError,
        binascii.Error,
        LookupError,  # an unknown encoding
        TypeError,
        ValueError,
    ):
        # The text is secret, so no cause that quotes it is chained.
        raise InvalidRequestError(
            "The SAML assertion can't be read.",
            parameter="assertion",
            hint="Pass the SAMLResponse value that the identity provider posts, "
            "base64-encoded.",
        ) from None


def _role_of(value: str) -> SamlRole:
    # Some providers write the role first, others the provider.
    parts = [part.strip() for part in value.split(",")]
    roles = [part for part in parts if ":role/" in part]
    providers = [part for part in parts if ":saml-provider/" in part]
    if len(parts) != 2 or len(roles) != 1 or len(providers) != 1:
        raise InvalidRequestError(
            "A Role attribute of the SAML assertion isn't a pair of a role and a "
            "provider.",
            parameter="assertion",
            hint="Check the configuration of the identity provider.",
        )
    return SamlRole(role_arn=roles[0], principal_arn=providers[0])
