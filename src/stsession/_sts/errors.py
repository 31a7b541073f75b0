"""
Translates errors of STS and of the SDK into errors of this library, with hints.
"""

from __future__ import annotations

import re

from collections.abc import Collection
from email.utils import parsedate_to_datetime

import attrs

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from .._botocore.errors import (
    ErrorResponse,
    config_error_hint,
    place_of,
    presentable,
    text_of,
)
from .._core.errors import skew_text
from .._tokens.base import CODE_WORKS_ONCE
from .._util import causes
from ..exceptions import (
    AccessDeniedError,
    ClockError,
    FailureKind,
    MfaError,
    RefreshError,
    SourceCredentialsError,
    StsUnavailableError,
)


__all__ = ["Attempt", "server_time", "translate", "unusable_response"]


REQUEST, SOURCE = FailureKind.REQUEST, FailureKind.SOURCE
SOURCE_EXPIRED, CLOCK = FailureKind.SOURCE_EXPIRED, FailureKind.CLOCK
THROTTLED, OUTAGE = FailureKind.THROTTLED, FailureKind.OUTAGE
TLS, UNKNOWN = FailureKind.TLS, FailureKind.UNKNOWN

TRUST = (
    "Check that the role exists and that its trust policy allows {caller}. If the role "
    "is in another account, {caller} also needs permission for sts:AssumeRole on it."
)
CONDITIONS = {
    # Whether external_id was passed, and whether MFA could be shown in addition.
    (False, True): "The trust policy may require an ExternalId (external_id) or MFA "
    "(mfa_serial).",
    (False, False): "The trust policy may require an ExternalId (external_id).",
    (True, True): "The trust policy may require a different ExternalId than "
    "external_id, or MFA (mfa_serial).",
    (True, False): "The trust policy may require a different ExternalId than "
    "external_id.",
}
"""What a trust policy may require, which STS doesn't report."""

ACTIONS = {
    "sts:TagSession": ("Tags", "tags"),
    "sts:SetSourceIdentity": ("SourceIdentity", "source_identity"),
    "sts:SetContext": ("ProvidedContexts", "provided_contexts"),
}
"""Additional actions that a request needs, by the parameters that it contains."""

FROM_SOURCE = "This request has no {parameter}: the requirement comes from {source}."
FROM_PROVIDER = (
    "This request has no {parameter}: the requirement comes from the token or "
    "assertion."
)

PROVIDER = (
    "Check that the role exists, that its trust policy names the identity provider, "
    "and that the conditions of the policy, for example on audience and subject, are "
    "met."
)
ROOT = (
    "Check that {caller} belongs to the organization's management account or to its "
    "delegated administrator for IAM, that {caller} has permission for sts:AssumeRoot "
    "with this task policy, that centralized root access is enabled, and that the "
    "account is a member of the organization."
)
USER = "Check that {source} has the access key of an IAM user."
USER_WITHOUT_MFA = (
    "No permission is necessary for this, but a policy may deny it without MFA "
    "(mfa_serial)."
)
FEDERATION = (
    "Check that {caller} is an IAM user with permission for sts:GetFederationToken."
)
FEDERATION_TAGS = "Tags also need permission for sts:TagSession."
FEDERATED = (
    "A federated user cannot call IAM or STS. Use the IAM user that called "
    "GetFederationToken as source=."
)
LONG_LIVED = (
    "GetSessionToken and GetFederationToken require an IAM user's long-term access "
    "key. Use one as source=."
)
WRONG_CODE = (
    "Check the MFA device's serial number (ARN) and that its clock is correct. "
    f"{CODE_WORKS_ONCE}"
)
DURATION = (
    'Lower duration_seconds, raise the role\'s maximum session duration, or pass "max".'
)
CHAINED_DURATION_HINT = (
    'Leave duration_seconds out, or pass "max": role chaining allows an hour.'
)
SOURCE_DURATION = "Lower duration_seconds, or leave it out."
CONTEXTS = (
    "Check provided_contexts: an assertion may have expired, or be that of another "
    "context provider."
)
POLICIES = "Check policy and policy_arns."
PARAMETER = "Fix the parameter named in the message."
SMALLER = "Shorten policy, policy_arns, or tags; STS packs and counts them together."
ACTIVATE_REGION = (
    "Activate STS in that region in the account settings of IAM, or use another "
    "sts_region."
)
ACTIVATE_ACCOUNT = "Activate the account for STS."
RENEW = "Renew the credentials of {source}; they are looked up again at each attempt."
FIX_CLOCK = "Set the machine's clock (NTP)."
FIX_CONFIG = "Fix the AWS config file."
RETRIES = "The session retries automatically when it is next used."
MAY_RETRY = "The error may be temporary; the session retries when it is next used."
CHECK_NETWORK = (
    "Check network access, proxy settings, the endpoint URL, and the region in it."
)
CHECK_SOURCE = "Check the access key and secret key of {source}."


@attrs.frozen
class _Rule:
    """
    How an error of STS, or an exception of the SDK, is translated.

    Args:
        errors: Error codes of STS without "Exception" or "Error" at their end,
            separated by spaces, or a class of exceptions.

        error: The class of the error that is raised.

        kind: The kind of that error.

        hint: The hint of that error, with placeholders for the source and the caller.

        message: A pattern that the lower-case message of STS has to contain.

        operation: The operation of STS that the rule is limited to.
    """

    errors: str | type[BaseException]
    error: type[RefreshError]
    kind: FailureKind
    hint: str
    message: str = ""
    operation: str = ""


# The first rule that matches applies.
RULES = [
    _Rule(
        "AccessDenied",
        MfaError,
        FailureKind.MFA,
        WRONG_CODE,
        message="multifactor|one time pass",
    ),
    _Rule(
        "AccessDenied",
        SourceCredentialsError,
        SOURCE,
        LONG_LIVED,
        message="session credentials",
    ),
    _Rule(
        "AccessDenied",
        SourceCredentialsError,
        SOURCE,
        FEDERATED,
        message=r"user: arn:\S+:federated-user/\S+ is not authorized",
    ),
    _Rule(
        "AccessDenied",
        AccessDeniedError,
        REQUEST,
        PROVIDER,
        operation="AssumeRoleWithSAML",
    ),
    _Rule(
        "AccessDenied",
        AccessDeniedError,
        REQUEST,
        PROVIDER,
        operation="AssumeRoleWithWebIdentity",
    ),
    _Rule("AccessDenied", AccessDeniedError, REQUEST, ROOT, operation="AssumeRoot"),
    _Rule(
        "AccessDenied",
        AccessDeniedError,
        REQUEST,
        FEDERATION,
        operation="GetFederationToken",
    ),
    _Rule(
        "AccessDenied", AccessDeniedError, REQUEST, USER, operation="GetSessionToken"
    ),
    _Rule("AccessDenied", AccessDeniedError, REQUEST, TRUST),
    _Rule("OptInRequired", AccessDeniedError, REQUEST, ACTIVATE_ACCOUNT),
    _Rule(
        "IDPRejectedClaim InvalidIdentityToken", AccessDeniedError, REQUEST, PROVIDER
    ),
    _Rule(
        "Validation",
        RefreshError,
        REQUEST,
        CHAINED_DURATION_HINT,
        message="durationseconds exceeds.*chaining",
    ),
    _Rule(
        "Validation", RefreshError, REQUEST, DURATION, message="durationseconds exceeds"
    ),
    _Rule(
        "Validation InvalidParameterValue InvalidAuthorizationMessage",
        RefreshError,
        REQUEST,
        PARAMETER,
    ),
    _Rule("MalformedPolicyDocument", RefreshError, REQUEST, POLICIES),
    _Rule("PackedPolicyTooLarge", RefreshError, REQUEST, SMALLER),
    _Rule("RegionDisabled", RefreshError, REQUEST, ACTIVATE_REGION),
    _Rule("InsufficientSessionLifetime", RefreshError, REQUEST, SOURCE_DURATION),
    _Rule("InvalidContextAssertion", RefreshError, REQUEST, CONTEXTS),
    _Rule(
        "SignatureDoesNotMatch",
        ClockError,
        CLOCK,
        FIX_CLOCK,
        message="expired|not yet current",
    ),
    _Rule("RequestExpired RequestTimeTooSkewed", ClockError, CLOCK, FIX_CLOCK),
    _Rule(
        "SignatureDoesNotMatch MissingAuthenticationToken",
        SourceCredentialsError,
        SOURCE,
        CHECK_SOURCE,
    ),
    _Rule(
        "ExpiredToken InvalidClientTokenId InvalidSubjectCredentials InvalidToken "
        "UnrecognizedClient",
        SourceCredentialsError,
        SOURCE_EXPIRED,
        RENEW,
    ),
    THROTTLING := _Rule(
        "Throttling RequestLimitExceeded TooManyRequests SlowDown",
        StsUnavailableError,
        THROTTLED,
        RETRIES,
    ),
    UNAVAILABLE := _Rule(
        "ServiceUnavailable InternalFailure Internal IDPCommunication",
        StsUnavailableError,
        OUTAGE,
        RETRIES,
    ),
    _Rule(
        sdk.NoCredentialsError,
        SourceCredentialsError,
        SOURCE,
        "Configure credentials (aws configure), set AWS_PROFILE, or pass source=.",
    ),
    _Rule(sdk.PartialCredentialsError, SourceCredentialsError, SOURCE, CHECK_SOURCE),
    _Rule(sdk.SSOError, SourceCredentialsError, SOURCE_EXPIRED, "Run: aws sso login."),
    _Rule(
        getattr(sdk, "LoginError", sdk.SSOError),  # botocore 1.37 has no such class
        SourceCredentialsError,
        SOURCE_EXPIRED,
        "Run: aws login.",
    ),
    _Rule(sdk.TokenRetrievalError, SourceCredentialsError, SOURCE_EXPIRED, RENEW),
    _Rule(sdk.CredentialRetrievalError, SourceCredentialsError, UNKNOWN, RENEW),
    _Rule(sdk.NoRegionError, RefreshError, REQUEST, "Pass region= or sts_region=."),
    _Rule(sdk.ParamValidationError, RefreshError, REQUEST, PARAMETER),
    _Rule(
        sdk.ProfileNotFound,
        SourceCredentialsError,
        SOURCE,
        "Check the profile's name.",
    ),
    _Rule(
        sdk.SSLError,
        StsUnavailableError,
        TLS,
        "The server's certificate was not accepted: check the CA bundle "
        "(AWS_CA_BUNDLE), and proxies that inspect TLS traffic.",
    ),
    _Rule(sdk.ConnectionError, StsUnavailableError, OUTAGE, CHECK_NETWORK),
    _Rule(sdk.HTTPClientError, StsUnavailableError, OUTAGE, CHECK_NETWORK),
    _Rule(ResponseParserError, StsUnavailableError, OUTAGE, RETRIES),
    _Rule(OSError, StsUnavailableError, OUTAGE, "Check the network."),
    _Rule(sdk.InvalidConfigError, SourceCredentialsError, SOURCE, FIX_CONFIG),
    _Rule(sdk.ConfigParseError, SourceCredentialsError, SOURCE, FIX_CONFIG),
    _Rule(
        sdk.MissingDependencyException,
        SourceCredentialsError,
        SOURCE,
        "Install the package.",
    ),
    _Rule(sdk.MetadataRetrievalError, SourceCredentialsError, UNKNOWN, RENEW),
]

ALLOW = {
    TRUST: "Allow {action} for {caller} in the role's trust policy and, if the role is "
    "in another account, in the policies of {caller}.",
    PROVIDER: "Allow {action} in the role's trust policy.",
    FEDERATION: "Allow {action} for {caller} in the policies of {caller}.",
}
"""Hints about a missing permission for one of the `ACTIONS`, by the general hint."""

OTHER = _Rule("", RefreshError, UNKNOWN, MAY_RETRY)


def server_time(headers: dict[str, str]) -> float | None:
    """
    Return the ``Date`` of a response in seconds since 1970. `None` if it has none.
    """
    try:
        date = parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return date.timestamp() if date.tzinfo else None


@attrs.frozen(kw_only=True)
class Attempt:
    """
    The details of a request to STS that errors and their hints mention.

    Args:
        what: What was tried, as the beginning of a sentence.

        hop: The ARN of the role, or the name of the source.

        source: The source, which signed the request.

        sent: The names of the parameters.

        without_mfa: Whether the request has no MFA code but could have one.
    """

    what: str
    hop: str
    source: str
    sent: Collection[str] = ()
    without_mfa: bool = True


def translate(error: Exception, attempt: Attempt, *, wall: float) -> RefreshError:
    """
    Return this library's error for an exception of the SDK.

    Args:
        error: The exception. A copy of it becomes the cause.

        attempt: The request.

        wall: The local time, in seconds since 1970.
    """
    ours = None
    for link in causes(error):
        if isinstance(link, RefreshError):
            return link
        if isinstance(link, sdk.ClientError):
            ours = _of_response(ErrorResponse.of(link), attempt, wall)
        else:
            ours = _of_exception(link, attempt)
        if ours is not None:
            break
    if ours is None:
        ours = RefreshError(
            f"{attempt.what}. {type(error).__name__} was raised{place_of(error)}.",
            hop=attempt.hop,
            hint="See the cause of this error for details.",
        )
    ours.__cause__ = presentable(error)
    return ours


def _of_exception(error: BaseException, attempt: Attempt) -> RefreshError | None:
    for rule in RULES:
        if isinstance(rule.errors, type) and isinstance(error, rule.errors):
            hint = rule.hint
            if isinstance(error, sdk.ConfigParseError):
                hint = config_error_hint(error)  # it contains the line
            return rule.error(
                f"{attempt.what}. {type(error).__name__}: {text_of(error)}.",
                kind=rule.kind,
                hop=attempt.hop,
                hint=hint.format(source=attempt.source),
            )
    return None


def _of_response(
    response: ErrorResponse, attempt: Attempt, wall: float
) -> RefreshError:
    rule = _rule_for(response)
    skew = ""
    if rule.kind is CLOCK:
        at = server_time(response.headers)
        skew = "" if at is None else " " + skew_text(at, wall)
    # If the body isn't XML, botocore uses the status as the code.
    named = response.code if not response.code.isdecimal() else ""
    code = named or f"HTTP {response.status}"
    message = f": {response.message.rstrip('.')}" if response.message else ""
    return rule.error(
        f"{attempt.what}. STS returned {code}{message}.{skew}".rstrip(),
        kind=rule.kind,
        code=named or None,
        http_status=response.status,
        hop=attempt.hop,
        retry_after=response.retry_after,
        hint=_hint(rule.hint, response, attempt),
    )


def _rule_for(response: ErrorResponse) -> _Rule:
    code = re.sub("(Error)?(Exception)?$", "", response.code)
    message = response.message.lower()
    for rule in RULES:
        if (
            isinstance(rule.errors, str)
            and code in rule.errors.split()
            and rule.operation in {"", response.operation}
            and re.search(rule.message, message)
        ):
            return rule
    status = response.status or 0
    if status == 429:
        return THROTTLING
    # With status 200, the body is a page of a proxy, or an incomplete document.
    return UNAVAILABLE if status >= 500 or status < 300 else OTHER


def _hint(hint: str, response: ErrorResponse, attempt: Attempt) -> str:
    """
    Return a hint that fits the request and the message of STS.
    """
    action = _first_group(
        r"not authorized to perform:? (sts:\w+)", response.message, re.IGNORECASE
    )
    name, parameter = ACTIONS.get(action or "", ("", ""))
    passed = "ExternalId" in attempt.sent, attempt.without_mfa
    if name and hint in ALLOW:
        hint = ALLOW[hint]
        if name not in attempt.sent:
            hint += f" {FROM_PROVIDER if hint == ALLOW[PROVIDER] else FROM_SOURCE}"
    elif hint == TRUST:
        hint += f" {CONDITIONS[passed]}"
    elif hint == FEDERATION and "Tags" in attempt.sent:
        hint += f" {FEDERATION_TAGS}"
    elif hint == USER and attempt.without_mfa:
        hint += f" {USER_WITHOUT_MFA}"
    caller = _first_group(r"User: (arn:\S+) is not authorized", response.message)
    return hint.format(
        action=action,
        parameter=parameter,
        source=attempt.source,
        caller=caller or f"the user or role behind {attempt.source}",
    )


def _first_group(pattern: str, text: str, flags: int = 0) -> str | None:
    found = re.search(pattern, text, flags)
    return found[1] if found else None


def unusable_response(what: str, why: str, hop: str) -> StsUnavailableError:
    """
    Return the error for a response without usable credentials.

    Args:
        what: What was tried, as the beginning of a sentence.

        why: What is wrong, as the end of a sentence.

        hop: The ARN of the role, or the name of the source.
    """
    return StsUnavailableError(
        f"{what}. The response {why}.",
        hop=hop,
        hint="Check that the endpoint is one of STS; the session retries when it is "
        "next used.",
    )
