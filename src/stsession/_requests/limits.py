"""The limits of STS's parameters, as data and as checks."""

from __future__ import annotations

import re
import unicodedata

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from ..exceptions import InvalidRequestError


__all__ = [
    "ARN_CHARACTERS",
    "DIGITS",
    "TAG_CHARACTERS",
    "Limit",
    "SdkModels",
    "sdk_partitions",
    "use_sdk_models",
    "wrong_type",
]


# As AWS writes it; the re module doesn't support Unicode's categories.
TAG_CHARACTERS = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"
ARN_CHARACTERS = "[!-~]"  # the SDK's model allows more, IAM's names and paths don't
DIGITS = "[0-9]"

# A pattern of the SDK's models that consists of one character class.
_CLASS = r"(\[(?:[^][\\]|\\.)+\])[*+]"


_API = "https://docs.aws.amazon.com/STS/latest/APIReference/API_"
_ASSUME_ROLE = f"{_API}AssumeRole.html"
_ASSUME_ROOT = f"{_API}AssumeRoot.html"
_FEDERATION_TOKEN = f"{_API}GetFederationToken.html"
_SAML = f"{_API}AssumeRoleWithSAML.html"
_SESSION_TOKEN = f"{_API}GetSessionToken.html"
_WEB_IDENTITY = f"{_API}AssumeRoleWithWebIdentity.html"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_IAM_LIMITS = f"{_IAM}reference_iam-quotas.html"
_SESSION_TAGS = f"{_IAM}id_session-tags.html"
_CHAINING = f"{_IAM}id_roles.html#iam-term-role-chaining"
_SAML_PROVIDER = (
    "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html"
)


class SdkModels(Protocol):
    """
    The limits in the models of the installed SDK, which may be newer than this library.
    """

    def traits(self, path: str) -> Mapping[str, Any]:
        """
        Return the ``min``, ``max`` and ``pattern`` of a parameter, if it has them.

        Args:
            path: Service, operation and members: ``sts.AssumeRole.Tags[].Key``.
        """

    def partitions(self) -> Collection[str]:
        """Return the names of all partitions."""


_sdk_models: list[SdkModels] = []


def use_sdk_models(*models: SdkModels) -> None:
    """
    Accept values that exceed this library's limits, but not those of the SDK.

    This package imports no SDK, so the module that loads the SDK's models passes them
    in. The models are read only when a value exceeds a limit of this library.

    Args:
        *models: The SDK's models. Without any, this library's limits are final.
    """
    _sdk_models[:] = models


def sdk_partitions() -> list[str]:
    return [name for models in _sdk_models for name in models.partitions()]


def _all_legal(text: str, characters: str) -> bool:
    if characters == TAG_CHARACTERS:
        return all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in text)
    if r"\p" in characters:  # Unicode categories, in patterns of the SDK's models
        characters = _without_categories(characters, text)
    try:
        # The re module caches what it compiled; compiling at import takes too long.
        return re.fullmatch(f"{characters}*", text, re.ASCII) is not None
    except re.error:  # the models' patterns are written for Java
        return False


def _without_categories(characters: str, text: str) -> str:
    """Replace Unicode's categories by those characters of *text* that are in them."""

    def members(category: re.Match[str]) -> str:
        found = {c for c in text if unicodedata.category(c).startswith(category[1])}
        return "".join(map(re.escape, found)) or "\ud800"  # never in a text

    return re.sub(r"\\p\{(\w+)\}", members, characters)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def wrong_type(
    parameter: str, value: object, expected: str, *, what: str = "", hint: str = ""
) -> InvalidRequestError:
    """
    Return the error for a *value* of the wrong type. The error doesn't quote the value.
    """
    return InvalidRequestError(
        f"{what or parameter} is of type {type(value).__name__}; "
        f"it has to be {expected}.",
        parameter=parameter,
        hint=hint,
    )


T = TypeVar("T")


class Limit(NamedTuple):
    r"""
    The bounds of one parameter: of its length, its value or its number of entries.

    Values that exceed them are compared with the models of the installed SDK, which
    may be newer. The models aren't read before that.

    The checks take *strict*. It is false for servers other than AWS's: then only the
    maximum applies, and that the value isn't empty.

    Args:
        parameter: Our name of the parameter.

        minimum: The minimum.

        maximum: The maximum.

        characters:
            The characters that a text may contain, as a class of a regular
            expression in which ``\w`` is ASCII. Empty means any.

        source: The address of AWS's documentation of the limit.

        sensitive: Whether messages must not quote any of the text.

        authority: The service or the rule that sets the limit, for messages.

        hint: What to do if a value exceeds the limit.

        paths:
            Where the SDK's models have the limit, see `SdkModels.traits`. If they
            differ, the most generous applies. Empty means that they don't have it.
    """

    parameter: str
    minimum: int
    maximum: int
    characters: str = ""
    source: str = _ASSUME_ROLE
    sensitive: bool = False
    authority: str = "STS"
    hint: str = ""
    paths: tuple[str, ...] = ()

    def text(
        self, value: object, *, strict: bool = True, what: str = "", hint: str = ""
    ) -> str:
        """
        Return *value* as a plain string if its length and characters are legal.

        *what* names it in messages, if it is only a part of the parameter.
        """
        what = what or self.parameter
        if not isinstance(value, str):
            raise wrong_type(self.parameter, value, "a str", what=what, hint=hint)
        text = str.__str__(value)  # enumerations of strings are strings too
        limit = self._exceeded_by(text, Limit.accepts, strict)
        if limit is not None:
            raise self._error(f"{what} {limit.violation(text)}", hint)
        return text

    def number(self, value: object, *, strict: bool = True, expected: str) -> int:
        """Return *value* as a plain integer if it is within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(self.parameter, value, expected)
        limit = self._exceeded_by(value, Limit.includes, strict)
        if limit is not None:
            raise self._error(f"{self.parameter} is {value:,}; {limit.allowed()}.")
        return int(value)

    def entries(self, number: int, *, strict: bool = True) -> None:
        limit = self._exceeded_by(number, Limit.includes, strict)
        if limit is not None:
            counted = _counted(number, "entry", "entries")
            raise self._error(f"{self.parameter} has {counted}; {limit.allowed()}.")

    def _exceeded_by(
        self, value: T, fits: Callable[[Limit, T], bool], strict: bool
    ) -> Limit | None:
        """Return the limit that *value* exceeds, after a look into the SDK's models."""
        limit = self
        if not strict:
            limit = self._replace(minimum=min(1, self.minimum), characters="")
        if fits(limit, value):
            return None
        limit = limit.raised_by_sdk()
        return None if fits(limit, value) else limit

    def raised_by_sdk(self) -> Limit:
        """Return this limit, widened as far as the SDK's models allow."""
        limit = self
        for traits in (it.traits(path) for it in _sdk_models for path in self.paths):
            limit = limit._replace(
                minimum=min(limit.minimum, traits.get("min", limit.minimum)),
                maximum=max(limit.maximum, traits.get("max", limit.maximum)),
            )
            # Only patterns copied from the SDK; some others are narrower on purpose.
            pattern = re.fullmatch(_CLASS, traits.get("pattern", ""))
            copied = self.characters not in ("", ARN_CHARACTERS, DIGITS)
            if pattern and copied and _all_legal("", pattern[1]):
                limit = limit._replace(characters=pattern[1])
        return limit

    def accepts(self, text: str) -> bool:
        """Return whether a text has a legal length and legal characters."""
        if not self.includes(len(text)):
            return False
        return not self.characters or _all_legal(text, self.characters)

    def includes(self, number: int) -> bool:
        """Return whether a number is within the bounds."""
        return self.minimum <= number <= self.maximum

    def violation(self, text: str) -> str:
        """Return the reason why *text* is invalid, as the end of a sentence."""
        allowed = self.allowed()
        if self.characters:
            allowed += f" of {self.characters}"
        if not self.includes(len(text)):
            length = _counted(len(text), "character", "characters")
            return f"is {length} long; {allowed}."
        index = next(
            i for i, c in enumerate(text) if not _all_legal(c, self.characters)
        )
        found = "an illegal character" if self.sensitive else repr(text[index])
        return f"has {found} at position {index + 1}; {allowed}."

    def allowed(self) -> str:
        """Return the bounds as a part of a sentence, for messages."""
        if self.minimum == self.maximum:
            return f"{self.authority} allows {self.minimum:,}"
        return f"{self.authority} allows {self.minimum:,} to {self.maximum:,}"

    def _error(self, message: str, hint: str = "") -> InvalidRequestError:
        hint = f"{hint or self.hint} See {self.source}".lstrip()
        return InvalidRequestError(message, parameter=self.parameter, hint=hint)


def _paths(member: str, *operations: str) -> tuple[str, ...]:
    return tuple(f"sts.{operation}.{member}" for operation in operations)


_ROLE = "AssumeRole"
_ROLE_WEB = "AssumeRoleWithWebIdentity"
_ROLE_SAML = "AssumeRoleWithSAML"
_FEDERATION = "GetFederationToken"
_ROLES = (_ROLE, _ROLE_WEB, _ROLE_SAML)
_WITH_POLICIES = (*_ROLES, _FEDERATION)
_TAGGED = (_ROLE, _FEDERATION)
_WITH_MFA = (_ROLE, "GetSessionToken")

_NAME = r"[\w+=,.@-]"
_EXTERNAL_ID = r"[\w+=,.@:\/-]"
_SERIAL_NUMBER = r"[\w+=/:,.@-]"
_POLICY = r"[\u0009\u000A\u000D\u0020-\u00FF]"

# AssumeRole and the other operations that assume roles

ROLE_ARN = Limit("role_arn", 20, 2048, ARN_CHARACTERS, paths=_paths("RoleArn", *_ROLES))
ROLE_PATH = Limit(
    "role_arn",
    1,
    512,
    source=_IAM_LIMITS,
    authority="IAM",
    paths=("iam.CreateRole.Path",),
)
ROLE_NAME = ROLE_PATH._replace(
    maximum=64, characters=_NAME, paths=("iam.CreateRole.RoleName",)
)
ROLE_SESSION_NAME = Limit(
    "role_session_name",
    2,
    64,
    _NAME,
    hint="Shorten it or replace the illegal characters, or leave it out for a default.",
    paths=_paths("RoleSessionName", _ROLE, _ROLE_WEB),
)
ROLE_DURATION = Limit(
    "duration_seconds",
    900,
    43_200,
    hint="The role itself may allow less than 12 hours.",
    paths=_paths("DurationSeconds", *_ROLES),
)
CHAINED_DURATION = Limit(
    "duration_seconds",
    900,
    3600,
    source=_CHAINING,
    authority="role chaining (a role assumed by a role)",
    hint="Leave it out: the session refreshes its credentials before they expire.",
)
EXTERNAL_ID = Limit(
    "external_id",
    2,
    1224,
    _EXTERNAL_ID,
    sensitive=True,
    hint="Check for whitespace and line ends that were copied with it.",
    paths=_paths("ExternalId", _ROLE),
)
POLICY = Limit(
    "policy",
    1,
    2048,  # from the documentation; the service model has no maximum
    _POLICY,
    sensitive=True,
    hint="This is the documented limit for the text of all session policies "
    "together, counted without whitespace. Use fewer statements, or managed "
    "policies by policy_arns.",
    paths=_paths("Policy", *_WITH_POLICIES),
)
POLICY_ARNS = Limit("policy_arns", 0, 10, paths=_paths("PolicyArns", *_WITH_POLICIES))
POLICY_ARN = Limit(
    "policy_arns",
    20,
    2048,
    ARN_CHARACTERS,
    hint="A managed policy's ARN looks like arn:aws:iam::aws:policy/ReadOnlyAccess.",
    paths=_paths("PolicyArns[].arn", *_WITH_POLICIES),
)
TAGS = Limit("tags", 0, 50, source=_SESSION_TAGS, paths=_paths("Tags", *_TAGGED))
TAG_KEY = Limit(
    "tags",
    1,
    128,
    TAG_CHARACTERS,
    source=_SESSION_TAGS,
    paths=_paths("Tags[].Key", *_TAGGED),
)
TAG_VALUE = TAG_KEY._replace(
    minimum=0, maximum=256, sensitive=True, paths=_paths("Tags[].Value", *_TAGGED)
)
TRANSITIVE_TAG_KEYS = TAGS._replace(
    parameter="transitive_tag_keys", paths=_paths("TransitiveTagKeys", _ROLE)
)
TRANSITIVE_TAG_KEY = TAG_KEY._replace(
    parameter="transitive_tag_keys", paths=_paths("TransitiveTagKeys[]", _ROLE)
)
SOURCE_IDENTITY = Limit(
    "source_identity", 2, 256, _NAME, paths=_paths("SourceIdentity", _ROLE)
)
PROVIDED_CONTEXTS = Limit(
    "provided_contexts",
    1,
    5,
    hint="Leave it out if there are none.",
    paths=_paths("ProvidedContexts", _ROLE),
)
CONTEXT_PROVIDER = Limit(
    "provided_contexts",
    20,
    2048,
    ARN_CHARACTERS,
    paths=_paths("ProvidedContexts[].ProviderArn", _ROLE),
)
CONTEXT_ASSERTION = Limit(
    "provided_contexts",
    4,
    3072,
    sensitive=True,
    paths=_paths("ProvidedContexts[].ContextAssertion", _ROLE),
)

# MFA, GetSessionToken and GetFederationToken

SERIAL_NUMBER = Limit(
    "mfa_serial",
    9,
    256,
    _SERIAL_NUMBER,
    source=_SESSION_TOKEN,
    sensitive=True,
    hint="Pass the device's ARN, such as arn:aws:iam::123456789012:mfa/alice, or the "
    "serial number printed on a hardware device.",
    paths=_paths("SerialNumber", *_WITH_MFA),
)
TOKEN_CODE = Limit(
    "mfa_code",
    6,
    6,
    DIGITS,
    source=_SESSION_TOKEN,
    sensitive=True,
    hint="Pass the six digits as a str, including leading zeros, without spaces.",
    paths=_paths("TokenCode", *_WITH_MFA),
)
TOKEN_DURATION = Limit(
    "duration_seconds",
    900,
    129_600,
    source=_SESSION_TOKEN,
    hint="For the root user of an account the maximum is an hour.",
    paths=_paths("DurationSeconds", "GetSessionToken"),
)
FEDERATED_USER = Limit(
    "name", 2, 32, _NAME, source=_FEDERATION_TOKEN, paths=_paths("Name", _FEDERATION)
)
FEDERATED_DURATION = TOKEN_DURATION._replace(
    source=_FEDERATION_TOKEN, paths=_paths("DurationSeconds", _FEDERATION)
)

# Web identities and SAML

WEB_IDENTITY_TOKEN = Limit(
    "token",
    4,
    20_000,
    source=_WEB_IDENTITY,
    sensitive=True,
    hint="Check that the file contains a token and nothing else.",
    paths=_paths("WebIdentityToken", _ROLE_WEB),
)
PROVIDER_ID = Limit(
    "provider_id",
    4,
    2048,
    source=_WEB_IDENTITY,
    hint="Leave it out for OpenID Connect tokens; it is for OAuth 2.0 only.",
    paths=_paths("ProviderId", _ROLE_WEB),
)
PRINCIPAL_ARN = Limit(
    "principal_arn",
    20,
    2048,
    ARN_CHARACTERS,
    source=_SAML,
    paths=_paths("PrincipalArn", _ROLE_SAML),
)
PROVIDER_NAME = Limit(
    "principal_arn",
    1,
    128,
    r"[\w._-]",
    source=_SAML_PROVIDER,
    authority="IAM",
    paths=("iam.CreateSAMLProvider.Name",),
)
ASSERTION = Limit(
    "assertion",
    4,
    100_000,
    source=_SAML,
    sensitive=True,
    hint="Pass the SAMLResponse value that the login page posts.",
    paths=_paths("SAMLAssertion", _ROLE_SAML),
)

# AssumeRoot

TARGET_PRINCIPAL = Limit(
    "target_principal",
    12,
    2048,
    ARN_CHARACTERS,
    source=_ASSUME_ROOT,
    paths=_paths("TargetPrincipal", "AssumeRoot"),
)
TASK_POLICY_ARN = Limit(
    "task_policy_arn",
    20,
    2048,
    ARN_CHARACTERS,
    source=_ASSUME_ROOT,
    paths=_paths("TaskPolicyArn.arn", "AssumeRoot"),
)
ROOT_DURATION = Limit(
    "duration_seconds",
    0,
    900,
    source=_ASSUME_ROOT,
    paths=_paths("DurationSeconds", "AssumeRoot"),
)
